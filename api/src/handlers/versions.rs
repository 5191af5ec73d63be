//! What people may ask for by name, and the controllers that stand behind it.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::{
    channel::Dialect,
    keyboard::Keyboard,
    store::{
        cold_keyboards::{ColdKeyboard, cold_keyboards},
        versions::{self, Controller, Version},
    },
};
use utoipa::ToSchema;
use warp::Reply;

use super::builds::{not_stored, time};
use crate::{error::Answer, openapi::DialectWord, state::State};

/// All versions.
#[derive(Serialize, ToSchema)]
#[schema(as = Versions)]
pub(crate) struct List {
    versions: Vec<View>,
}

/// A channel or version of the firmware.
#[derive(Serialize, ToSchema)]
#[schema(as = Version)]
struct View {
    /// What is sent as `env`.
    name: String,
    channel: String,
    /// The controller that it stands for.
    controller: String,
    /// Whether a build that is asked for now is planned with it.
    available: bool,
    /// Whether the operator has taken its controller out of use.
    disabled: bool,
    /// The controller before the last move.
    previous: Option<String>,
    #[schema(format = DateTime)]
    moved_at: Option<String>,
    #[schema(value_type = Option<DialectWord>)]
    dialect: Option<Dialect>,
    /// How its image is called: 1 as the predecessor did, 2 by a job file.
    protocol: Option<u8>,
    /// The firmware's version.
    version: Option<String>,
    /// The firmware's commit.
    revision: Option<String>,
    /// When that was made.
    created: Option<String>,
    /// How many commits the firmware has.
    commits: Option<u32>,
    /// The id of its image.
    image: Option<String>,
    /// By the names that their layouts are filed under. Null where the controller is absent or does not say.
    #[schema(value_type = Option<Vec<String>>)]
    keyboards: Option<Vec<&'static str>>,
    /// Those that its image does not build warm any more, as a cold build came out different.
    cold_keyboards: Vec<String>,
}

/// All versions, also those whose controller is not there.
pub(crate) async fn versions(state: State) -> Answer {
    let versions = versions::versions(&state.store).await?;
    let cold = cold_keyboards(&state.store).await?;
    let versions = versions
        .into_iter()
        .map(|version| View::of(version, &cold))
        .collect();
    Ok(not_stored(
        warp::reply::json(&List { versions }).into_response(),
    ))
}

impl View {
    fn of(version: Version, cold: &[ColdKeyboard]) -> Self {
        let there = version.controller.as_ref();
        let of_it = cold
            .iter()
            .filter(|one| there.is_some_and(|there| there.image == one.image));
        Self {
            cold_keyboards: of_it.map(|one| one.keyboard.clone()).collect(),
            available: there.is_some(),
            dialect: there.map(|there| there.dialect),
            protocol: there.map(|there| there.protocol),
            version: there.and_then(|there| there.version.clone()),
            revision: there.and_then(|there| there.revision.clone()),
            created: there.and_then(|there| there.created.clone()),
            commits: there.and_then(|there| there.commits),
            image: there.map(|there| there.image.clone()),
            keyboards: there.and_then(keyboards),
            disabled: version.disabled,
            previous: version.previous,
            moved_at: version.moved_at.and_then(time),
            name: version.name,
            channel: version.channel,
            controller: version.controller_name,
        }
    }
}

fn keyboards(controller: &Controller) -> Option<Vec<&'static str>> {
    controller.keyboards.as_ref()?;
    let known = Keyboard::all().iter().filter(|one| controller.builds(one));
    Some(
        known
            .filter_map(|one| one.names().first().copied())
            .collect(),
    )
}

/// What the old clients know of a release.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Release {
    /// How many commits it has.
    commit: u32,
    date: String,
    /// The commit.
    hash: String,
    /// The number of commits as USB shows it.
    bcd: String,
    /// Where its notes are.
    notes: String,
}

/// `GET /versions` of the old clients: each version that can be built, with its release where that is known.
pub(crate) async fn releases(state: State) -> Answer {
    let releases: BTreeMap<String, Option<Release>> = versions::versions(&state.store)
        .await?
        .into_iter()
        .filter_map(|version| Some((version.name, release(version.controller?))))
        .collect();
    Ok(not_stored(warp::reply::json(&releases).into_response()))
}

fn release(controller: Controller) -> Option<Release> {
    let notes = match (&controller.source, &controller.version) {
        (Some(source), Some(version)) => {
            let source = source.trim_end_matches('/').trim_end_matches(".git");
            format!("{source}/releases/tag/{version}")
        }
        _ => String::new(),
    };
    let commit = controller.commits?;
    Some(Release {
        commit,
        date: controller.created?,
        hash: controller.revision?,
        bcd: bcd(commit),
        notes,
    })
}

/// The firmware's version number as USB shows it: the number of commits, a byte on each side of the point. Above 99
/// it is hexadecimal, as two decimal digits end there.
fn bcd(commits: u32) -> String {
    let [.., high, low] = commits.to_be_bytes();
    let digits = |byte: u8| match byte {
        0..=99 => byte.to_string(),
        _ => format!("{byte:x}"),
    };
    format!("{}.{}", digits(high), digits(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_above_two_digits_is_hexadecimal() {
        for (commits, expected) in [
            (1222, "4.c6"),
            (0, "0.0"),
            (99, "0.99"),
            (100, "0.64"),
            (0x6403, "64.3"),
        ] {
            assert_eq!(bcd(commits), expected);
        }
    }
}
