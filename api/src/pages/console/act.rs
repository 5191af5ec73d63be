//! What the operators' forms do. Each is sent by a page of the same session, or nothing is done; what is done, and who
//! did it, the verbs write into the audit.

use std::collections::HashMap;

use shared::store::{control::Switched, jobs::Enqueued};
use warp::http::StatusCode;

use super::{
    Visit, session,
    session::{Session, refuse_other_sites},
    sign_in::{self, see},
    token,
};
use crate::{
    body::Incoming,
    error::{Answer, Problem},
    handlers::operator::{cancel_by, retry_by, switch_queue, switch_worker},
    state::State,
};

/// More than any form of ours has.
const LARGEST: usize = 16 * 1024;

/// What a form sends, by the names of its fields.
pub(super) struct Fields(HashMap<String, String>);

impl Fields {
    /// A field; empty where it is absent.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

/// A form that a page of this session has sent.
pub(super) struct Form {
    session: Session,
    fields: Fields,
}

impl Form {
    /// Goes back to where the form is, and says there what was done.
    fn back(&self, build: Option<&str>, said: Said) -> Answer {
        let is_there = self.fields.get("from") == "build";
        match build.filter(|_| is_there) {
            Some(id) => see(&format!("/queue/builds/{id}?said={}", said.word())),
            None => see(&format!("/queue?said={}", said.word())),
        }
    }
}

/// What was done, as the next page says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Cancelled,
    Retried,
    Joined,
    Paused,
    Resumed,
    Draining,
    Undrained,
    AlreadySo,
}

impl Said {
    const ALL: [Self; 8] = [
        Self::Cancelled,
        Self::Retried,
        Self::Joined,
        Self::Paused,
        Self::Resumed,
        Self::Draining,
        Self::Undrained,
        Self::AlreadySo,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Retried => "retried",
            Self::Joined => "joined",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Draining => "draining",
            Self::Undrained => "undrained",
            Self::AlreadySo => "so",
        }
    }

    /// In a sentence. Whoever makes up an address can choose among these and say nothing else.
    pub(super) fn of_query(query: &str) -> Option<&'static str> {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let (_, word) = pairs.find(|(name, _)| name == "said")?;
        let said = Self::ALL.into_iter().find(|said| said.word() == word)?;
        Some(match said {
            Self::Cancelled => "The build is cancelled for all who asked for it.",
            Self::Retried => "The same layout is built again, as this build.",
            Self::Joined => "There was an equal build already: this one.",
            Self::Paused => "The queue is paused: no worker takes a build.",
            Self::Resumed => "The queue goes on.",
            Self::Draining => "The worker takes no new build.",
            Self::Undrained => "The worker takes builds again.",
            Self::AlreadySo => "It was so already.",
        })
    }
}

/// Ends a build for all who asked for it.
pub(crate) async fn cancel(state: State, id: String, visit: Visit, incoming: Incoming) -> Answer {
    let form = match form(&state, &visit, incoming).await {
        Ok(form) => form,
        Err(Instead(answer)) => return answer,
    };
    let build = cancel_by(&state, &id, &form.session.who).await?;
    form.back(Some(&build.id.to_string()), Said::Cancelled)
}

/// Builds again what has ended.
pub(crate) async fn retry(state: State, id: String, visit: Visit, incoming: Incoming) -> Answer {
    let form = match form(&state, &visit, incoming).await {
        Ok(form) => form,
        Err(Instead(answer)) => return answer,
    };
    let who = &form.session.who;
    let (enqueued, _) = retry_by(&state, &id, visit.asker.clone(), who).await?;
    let said = match enqueued {
        Enqueued::New(_) => Said::Retried,
        Enqueued::Joined(..) => Said::Joined,
    };
    // The new build is what one wants to see, wherever the form was.
    let id = enqueued.id();
    see(&format!("/queue/builds/{id}?said={}", said.word()))
}

/// Pauses the queue, or lets it go on.
pub(crate) async fn switch(state: State, pause: bool, visit: Visit, incoming: Incoming) -> Answer {
    let form = match form(&state, &visit, incoming).await {
        Ok(form) => form,
        Err(Instead(answer)) => return answer,
    };
    let said = match switch_queue(&state, pause, &form.session.who).await? {
        Switched::AlreadySo | Switched::NoSuchWorker => Said::AlreadySo,
        Switched::Done if pause => Said::Paused,
        Switched::Done => Said::Resumed,
    };
    form.back(None, said)
}

/// Lets a worker drain, or take builds again.
pub(crate) async fn switch_one(
    state: State,
    (id, drain): (String, bool),
    visit: Visit,
    incoming: Incoming,
) -> Answer {
    let form = match form(&state, &visit, incoming).await {
        Ok(form) => form,
        Err(Instead(answer)) => return answer,
    };
    let said = match switch_worker(&state, &id, drain, &form.session.who).await? {
        Switched::AlreadySo | Switched::NoSuchWorker => Said::AlreadySo,
        Switched::Done if drain => Said::Draining,
        Switched::Done => Said::Undrained,
    };
    form.back(None, said)
}

/// What is answered in the place of what a form asks for.
pub(super) struct Instead(pub(super) Answer);

impl From<Problem> for Instead {
    fn from(problem: Problem) -> Self {
        Self(Err(problem))
    }
}

/// A form of this session.
pub(super) async fn form(
    state: &State,
    visit: &Visit,
    incoming: Incoming,
) -> Result<Form, Instead> {
    refuse_other_sites(&visit.headers)?;
    let fields = read(state, incoming).await?;
    let Some(session) = session(state, visit)? else {
        let why = "Your session has ended, and nothing was changed. Sign in, and do it once more.";
        return Err(Instead(sign_in::in_place_of("/queue", Some(why))));
    };
    if !session.made(token(state)?, fields.get("csrf")) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "This form is of another session, and nothing was changed. Load the page again, and do it once more.",
        )
        .into());
    }
    Ok(Form { session, fields })
}

/// The fields of a form.
pub(super) async fn read(state: &State, incoming: Incoming) -> Result<Fields, Problem> {
    let mut bodies = state.bodies.clone();
    bodies.max_body = LARGEST;
    let body = bodies.read(incoming).await?;
    let pairs = form_urlencoded::parse(&body.bytes).into_owned();
    Ok(Fields(pairs.collect()))
}
