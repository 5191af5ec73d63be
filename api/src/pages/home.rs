//! The first page: choose a layout and a version, see the keyboard, build.

use askama::Template;
use bytes::Bytes;
use shared::{
    job::JobId,
    keyboard,
    layout::{self, Library},
    store::{
        jobs,
        versions::{self, Version},
    },
};
use warp::http::{HeaderMap, StatusCode};

use super::{
    form::{Form, From, to_be_changed},
    keyboard::{self as picture, Keyboard, Trouble},
    page, refusal,
};
use crate::{
    body::Incoming,
    error::{Answer, Problem},
    state::State,
};

/// What is drawn where nothing was chosen: the keyboard that has the most to show.
const FIRST_SHOWN: &str = "KType-Standard.json";

/// The version that is meant where none was chosen.
const LATEST: &str = "latest";

/// The layouts that people choose from, made once.
#[derive(Debug)]
pub(crate) struct Choices(Vec<Group>);

#[derive(Debug)]
struct Group {
    keyboard: &'static str,
    layouts: Vec<Choice>,
}

#[derive(Debug)]
struct Choice {
    file: String,
    layout: String,
}

impl Choices {
    /// What this library has for each keyboard.
    pub(crate) fn of(library: &Library) -> Self {
        let groups = keyboard::Keyboard::all().iter().filter_map(|keyboard| {
            let layouts: Vec<_> = layout::of_keyboard::layouts_of(library, keyboard)
                .into_iter()
                .map(|known| Choice {
                    file: known.file.name.clone(),
                    layout: known.layout.to_owned(),
                })
                .collect();
            (!layouts.is_empty()).then_some(Group {
                keyboard: keyboard.names().first()?,
                layouts,
            })
        });
        Self(groups.collect())
    }

    fn has(&self, file: &str) -> bool {
        let mut all = self.0.iter().flat_map(|group| &group.layouts);
        all.any(|choice| choice.file == file)
    }

    /// What is drawn where nothing was chosen.
    fn first(&self) -> &str {
        let first = self.0.first().and_then(|group| group.layouts.first());
        match first {
            Some(first) if !self.has(FIRST_SHOWN) => &first.file,
            _ => FIRST_SHOWN,
        }
    }
}

/// A version to choose.
struct Offer {
    name: String,
    about: String,
    is_there: bool,
}

impl std::convert::From<Version> for Offer {
    fn from(version: Version) -> Self {
        let there = version.controller.as_ref();
        let release = there.and_then(|there| there.version.clone());
        let date = there.and_then(|there| there.created.as_deref()?.get(..10).map(str::to_owned));
        let about = match (release, date) {
            _ if there.is_none() => "not there just now".to_owned(),
            (Some(release), Some(date)) if release != version.name => {
                format!("{release} of {date}")
            }
            (Some(release), None) if release != version.name => release,
            (_, Some(date)) => format!("of {date}"),
            _ => format!("controller {}", version.controller_name),
        };
        Self {
            is_there: there.is_some(),
            name: version.name,
            about,
        }
    }
}

/// Why the form comes back.
struct Refused {
    lines: Vec<String>,
    advice: &'static str,
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home<'a> {
    groups: &'a [Group],
    from: From,
    layout: String,
    text: String,
    offers: Vec<Offer>,
    version: String,
    can_build: bool,
    refused: Option<Refused>,
    keyboard: Keyboard,
}

/// What the page shows.
#[derive(Default)]
struct Wanted {
    from: From,
    layout: String,
    text: String,
    version: String,
    /// What the picture shows; the chosen layout where it is `None`.
    drawn: Option<Bytes>,
    /// What is known to be wrong with it.
    faults: Vec<Trouble>,
}

/// `GET /?layout=KType-Standard.json`, `GET /?build=<id>`: the form, with a layout to begin with.
pub(crate) async fn home(state: State, query: String) -> Answer {
    let mut wanted = Wanted::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "layout" => wanted.layout = value.into_owned(),
            "version" => wanted.version = value.into_owned(),
            "build" => take_over(&state, &mut wanted, &value).await?,
            _ => {}
        }
    }
    shown(&state, wanted, None).await
}

/// Begins with the layout of a build, to change it. One whose layout is kept no longer is as good as none.
async fn take_over(state: &State, wanted: &mut Wanted, id: &str) -> Result<(), Problem> {
    let Ok(id) = id.parse::<JobId>() else {
        return Ok(());
    };
    if let Some(wish) = jobs::wish(&state.store, id).await? {
        wanted.from = From::Text;
        wanted.version = wish.version;
        wanted.text = to_be_changed(&wish.config);
        let found = jobs::diagnostics(&state.store, id).await?;
        wanted.faults = found.into_iter().map(Trouble::from).collect();
    }
    Ok(())
}

/// `POST /draw`: the same page with the picture of what was sent.
pub(crate) async fn draw(state: State, request: HeaderMap, incoming: Incoming) -> Answer {
    let form = Form::read(&state, &request, incoming).await?;
    match form.layout_text(&state).await {
        Ok(layout) => again(&state, &form, layout, None).await,
        Err(problem) => again(&state, &form, Bytes::new(), Some(&problem)).await,
    }
}

/// The form as it was sent, with the picture of this layout and what is wrong with it.
pub(super) async fn again(
    state: &State,
    form: &Form,
    drawn: Bytes,
    problem: Option<&Problem>,
) -> Answer {
    let (from, text) = form.shown_again();
    let wanted = Wanted {
        from,
        layout: form.layout.clone(),
        text,
        version: form.version.clone(),
        drawn: Some(drawn),
        faults: problem.map(faults_of).unwrap_or_default(),
    };
    shown(state, wanted, problem).await
}

async fn shown(state: &State, wanted: Wanted, problem: Option<&Problem>) -> Answer {
    let choices = &state.choices;
    let layout = Some(wanted.layout)
        .filter(|file| choices.has(file))
        .unwrap_or_else(|| choices.first().to_owned());
    let drawn = match (wanted.drawn, wanted.from) {
        (Some(drawn), _) => drawn,
        (None, From::Library) => text_of(state, &layout),
        (None, _) => Bytes::from(wanted.text.clone()),
    };
    let offers: Vec<_> = versions::versions(&state.store)
        .await?
        .into_iter()
        .map(Offer::from)
        .collect();
    let home = Home {
        groups: &choices.0,
        from: wanted.from,
        text: wanted.text,
        can_build: offers.iter().any(|offer| offer.is_there),
        version: version_among(&offers, wanted.version),
        offers,
        refused: problem.map(refused),
        keyboard: picture::draw(state, drawn, wanted.faults).await?,
        layout,
    };
    let page = page(&home)?;
    Ok(match problem {
        Some(problem) => problem.heading(page),
        None => page,
    })
}

fn faults_of(problem: &Problem) -> Vec<Trouble> {
    problem.faults_found().iter().map(Trouble::from).collect()
}

fn text_of(state: &State, file: &str) -> Bytes {
    let file = state.library.get(file);
    file.map(|file| Bytes::copy_from_slice(file.text.as_bytes()))
        .unwrap_or_default()
}

/// The one that was chosen, else the latest, else one that is there.
fn version_among(offers: &[Offer], chosen: String) -> String {
    let is_there = |name: &str| {
        offers
            .iter()
            .any(|offer| offer.is_there && offer.name == name)
    };
    if is_there(&chosen) {
        chosen
    } else if is_there(LATEST) {
        LATEST.to_owned()
    } else {
        let first = offers.iter().find(|offer| offer.is_there);
        first.map(|offer| offer.name.clone()).unwrap_or_default()
    }
}

fn refused(problem: &Problem) -> Refused {
    let status = problem.status();
    // Faults are listed one by one, beside the picture.
    let lines = if problem.faults_found().is_empty() {
        refusal::sentences(problem)
    } else {
        Vec::new()
    };
    let advice = match status {
        StatusCode::UNPROCESSABLE_ENTITY => {
            "Change what is listed here and build again; nothing was queued."
        }
        _ => refusal::advice(status),
    };
    Refused { lines, advice }
}
