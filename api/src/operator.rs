//! Who is an operator: whoever shows the token of the settings. Where there is none, nobody is.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use headers::{Authorization, HeaderMapExt, authorization::Bearer};
use warp::http::{HeaderMap, StatusCode};

use crate::{client::Asker, error::Problem, state::State};

/// Wrong tokens of one client within [`WINDOW`]; a person who mistypes needs fewer.
const MOST_TRIES: u32 = 10;

/// After this long a client's wrong tokens are forgotten.
const WINDOW: Duration = Duration::from_mins(1);

/// Clients whose wrong tokens are remembered. Beyond it the oldest are forgotten, so that strangers cannot fill memory.
const MOST_CLIENTS: usize = 10_000;

/// Letters of a name in the audit.
const LONGEST_NAME: usize = 100;

/// Who acts, where the request names nobody.
const SOMEBODY: &str = "operator";

/// The header in which an operator's program says for whom it acts.
const ACTS_FOR: &str = "x-kiisrv-by";

/// An operator, by the name that the audit has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operator(pub(crate) String);

/// Wrong tokens that were shown lately, by client. Clones count together.
#[derive(Clone, Default)]
pub(crate) struct Tries(Arc<Mutex<HashMap<String, Tried>>>);

struct Tried {
    since: Instant,
    count: u32,
}

/// The operator who asks, by `Authorization: Bearer …`.
///
/// # Errors
/// 403 where no token is configured or another one is shown, 401 where none is shown, 429 after too many wrong ones.
pub(crate) fn operator(
    state: &State,
    asker: &Asker,
    headers: &HeaderMap,
) -> Result<Operator, Problem> {
    let shown = headers.typed_get::<Authorization<Bearer>>();
    let shown = shown.as_ref().map(|shown| shown.token());
    check(state, asker, shown)?;
    Ok(named(headers))
}

/// Whether this is the operators' token, whichever way it came.
///
/// # Errors
/// As [`operator()`].
pub(crate) fn check(state: &State, asker: &Asker, shown: Option<&str>) -> Result<(), Problem> {
    let Some(token) = &state.settings.operator else {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "this service has no operators: set KIISRV_OPERATOR_TOKEN where the API runs, and start it again",
        ));
    };
    let Some(shown) = shown else {
        return Err(Problem::unauthorized(
            "this is for operators: Authorization: Bearer <KIISRV_OPERATOR_TOKEN>",
        ));
    };
    // Before the look at the token: whoever guesses shall not learn that one of many was right.
    if let Some(left) = state.tries.exhausted(&asker.client) {
        return Err(Problem::too_many(
            "too many wrong tokens came from your address; ask again later",
        )
        .after(left));
    }
    if token.is(shown) {
        return Ok(());
    }
    state.tries.count(&asker.client);
    tracing::warn!("Somebody showed a token that is not the operators'");
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "this is not the operators' token",
    ))
}

fn named(headers: &HeaderMap) -> Operator {
    let name = headers.get(ACTS_FOR).map(|name| name.as_bytes());
    let name = name.and_then(|name| std::str::from_utf8(name).ok());
    Operator(name_of(name.unwrap_or_default()))
}

/// A name as the audit has it, in one line.
pub(crate) fn name_of(said: &str) -> String {
    let said: String = said.chars().filter(|letter| !letter.is_control()).collect();
    let said = Some(said.trim()).filter(|said| !said.is_empty());
    said.unwrap_or(SOMEBODY)
        .chars()
        .take(LONGEST_NAME)
        .collect()
}

impl Tries {
    /// How long a client has to wait that has no try left.
    fn exhausted(&self, client: &str) -> Option<Duration> {
        let tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tried = tried.get(client)?;
        let left = WINDOW.checked_sub(tried.since.elapsed())?;
        (tried.count >= MOST_TRIES).then_some(left)
    }

    fn count(&self, client: &str) {
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tried.retain(|_, tried| tried.since.elapsed() < WINDOW);
        if tried.len() >= MOST_CLIENTS && !tried.contains_key(client) {
            let oldest = tried.iter().min_by_key(|(_, tried)| tried.since);
            let oldest = oldest.map(|(client, _)| client.clone());
            oldest.and_then(|client| tried.remove(&client));
        }
        let fresh = || Tried {
            since: Instant::now(),
            count: 0,
        };
        tried.entry(client.to_owned()).or_insert_with(fresh).count += 1;
    }
}
