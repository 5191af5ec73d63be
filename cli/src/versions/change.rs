//! The operator's changes, each with the words that say what became of it.

use std::io::Write;

use anyhow::bail;
use shared::{
    keyboard::Keyboard,
    settings::Settings,
    store::{
        Store,
        channels::{self, Moved, Switched},
        cold_keyboards::{Switch, switch},
    },
};

use super::{
    Verdict, show,
    trial::{self, Trial},
};

#[derive(Debug, clap::Args)]
pub(super) struct Move {
    /// The version, such as latest
    name: String,
    /// The controller that it shall stand for, such as 058
    controller: String,
    /// Build the default layout of every keyboard of the controller first, and move only if all succeed
    #[arg(long)]
    canary: bool,
    /// The channel that the version shall be of; makes a version that is not known yet
    #[arg(long)]
    channel: Option<String>,
    /// Minutes that the canary's builds may take together
    #[arg(long, default_value_t = trial::PATIENCE, value_parser = clap::value_parser!(u64).range(..=trial::MOST_PATIENCE))]
    patience: u64,
}

#[derive(Debug, clap::Args)]
pub(super) struct OfKeyboard {
    /// The controller, such as 058
    controller: String,
    /// The keyboard, such as K-Type
    #[arg(value_parser = keyboard)]
    keyboard: &'static Keyboard,
}

#[derive(Debug, clap::Args)]
pub(super) struct Warm {
    #[command(flatten)]
    of: OfKeyboard,
    /// The difference was no fault of the image's: builds are not marked as doubtful any more
    #[arg(long)]
    unfounded: bool,
}

fn keyboard(name: &str) -> Result<&'static Keyboard, String> {
    Keyboard::parse(name).ok_or_else(|| format!("there is no keyboard {name}"))
}

/// Moves a version, after a trial of the controller where that is asked for.
pub(super) async fn carry_out_move(
    store: &Store,
    settings: &Settings,
    (wish, who): (&Move, &str),
    out: &mut dyn Write,
) -> anyhow::Result<Verdict> {
    let mut change = channels::Move {
        name: wish.name.clone(),
        controller: wish.controller.clone(),
        channel: wish.channel.clone(),
        tried: None,
    };
    // Nothing is built for a move that could not be made.
    if let Some(moved) = channels::check_move(store, change.clone()).await? {
        return say_moved(&wish.name, &wish.controller, moved, out).map(|()| Verdict::Good);
    }
    if wish.canary {
        let trial = Trial::open(store, settings, &wish.controller).await?;
        let defaults = trial::Arguments::defaults(&wish.controller, wish.patience);
        let report = trial.run(&defaults).await?;
        show::report(&report, false, out)?;
        if report.verdict() == Verdict::Bad {
            writeln!(out, "{} was not moved.", wish.name)?;
            return Ok(Verdict::Bad);
        }
        change.tried = Some(report.image);
    }
    let moved = channels::move_to(store, change, who).await?;
    say_moved(&wish.name, &wish.controller, moved, out)?;
    Ok(Verdict::Good)
}

/// Moves a version back.
pub(super) async fn back(
    store: &Store,
    name: &str,
    who: &str,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let moved = channels::move_back(store, name, who).await?;
    say_moved(name, "where it was", moved, out)
}

fn say_moved(name: &str, to: &str, moved: Moved, out: &mut dyn Write) -> anyhow::Result<()> {
    let words = match moved {
        Moved::Done { from: None, to } => format!("{name} stands for {to}, as a new version."),
        Moved::Done {
            from: Some(from),
            to,
        } => format!("{name} stands for {to}; before, for {from}."),
        Moved::AlreadyThere => format!("{name} stands for {to} already."),
        Moved::Refused(refused) => bail!("{name} was not moved to {to}: {refused}"),
    };
    Ok(writeln!(out, "{words}")?)
}

/// Takes a controller out of use.
pub(super) async fn disable(
    store: &Store,
    controller: &str,
    who: &str,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let switched = channels::disable(store, controller, who).await?;
    say_switched(controller, "disabled", switched, out)
}

/// Takes a controller into use again.
pub(super) async fn enable(
    store: &Store,
    controller: &str,
    who: &str,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let switched = channels::enable(store, controller, who).await?;
    say_switched(controller, "enabled", switched, out)
}

/// Builds a keyboard with nothing that the controller's image prepared.
pub(super) async fn build_cold(
    store: &Store,
    of: &OfKeyboard,
    who: &str,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let switched = switch(store, (&of.controller, of.keyboard), Switch::Cold, who).await?;
    let state = format!("building {} cold", name_of(of));
    say_switched(&of.controller, &state, switched, out)
}

/// Lets a keyboard start warm again.
pub(super) async fn build_warm(
    store: &Store,
    Warm { of, unfounded }: &Warm,
    who: &str,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let to = if *unfounded {
        Switch::WarmAsUnfounded
    } else {
        Switch::Warm
    };
    let switched = switch(store, (&of.controller, of.keyboard), to, who).await?;
    let state = format!("building {} warm", name_of(of));
    say_switched(&of.controller, &state, switched, out)
}

fn name_of(of: &OfKeyboard) -> &'static str {
    of.keyboard.names().first().copied().unwrap_or_default()
}

fn say_switched(
    controller: &str,
    state: &str,
    switched: Switched,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let words = match switched {
        Switched::Done => format!("{controller} is {state}."),
        Switched::AlreadySo => format!("{controller} is {state} already."),
        Switched::NoController => {
            bail!("{controller} is no controller that is there or that a version stands for")
        }
    };
    Ok(writeln!(out, "{words}")?)
}
