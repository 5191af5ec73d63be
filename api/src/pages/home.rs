//! The first page: choose a layout and a version, see the keyboard, build.

use askama::Template;
use bytes::Bytes;
use shared::{
    job::JobId,
    store::{jobs, versions},
};
use warp::http::{HeaderMap, StatusCode};

use super::{
    choices::{Group, Offer, version_among},
    form::{Form, From, to_be_changed},
    keyboard::{self as picture, Keyboard, Trouble},
    page, refusal,
};
use crate::{
    body::Incoming,
    error::{Answer, Problem},
    state::State,
};

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
    let mut build = None;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "layout" => wanted.layout = value.into_owned(),
            "version" => wanted.version = value.into_owned(),
            "build" => build = value.parse().ok(),
            _ => {}
        }
    }
    if let Some(build) = build {
        take_over(&state, &mut wanted, build).await?;
    }
    shown(&state, wanted, None).await
}

/// Begins with the layout of a build, to change it. One whose layout is kept no longer is as good as none.
async fn take_over(state: &State, wanted: &mut Wanted, id: JobId) -> Result<(), Problem> {
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
        groups: choices.groups(),
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
