//! One who watches a build: what it was told, and what comes next.

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures_util::{Stream, stream};
use serde::Serialize;
use shared::{
    job::Status,
    store::{jobs::Build, queue_order},
};
use tokio::sync::watch;
use warp::sse::Event;

use crate::{
    error::Problem,
    feed::Seen,
    handlers::events::Known,
    log_reader::{LogReader, Mark, Piece},
    per_client::Place,
    state::State,
};

/// After this long a client whose connection was lost asks again.
const RETRY: Duration = Duration::from_secs(2);

/// One who watches, and what it was told.
pub(crate) struct Watcher {
    state: State,
    seen: watch::Receiver<Seen>,
    log: LogReader,
    told: Told,
    /// It is a request that is held open, until its connection ends.
    _held: Place,
}

#[derive(Default)]
struct Told {
    build: Option<Arc<Build>>,
    place: Option<queue_order::Place>,
    the_end: bool,
}

#[derive(Serialize)]
struct PositionData {
    position: u64,
    eta_seconds: u64,
}

#[derive(Serialize)]
struct LogData<'a> {
    epoch: u32,
    offset: u64,
    text: &'a str,
}

#[derive(Serialize)]
struct EndData {
    status: Status,
}

impl Watcher {
    /// One that goes on after this mark.
    pub(crate) fn new(state: State, seen: watch::Receiver<Seen>, mark: Mark, held: Place) -> Self {
        Self {
            state,
            seen,
            log: LogReader::from(mark),
            told: Told::default(),
            _held: held,
        }
    }

    /// Everything that comes, in its order.
    pub(crate) fn events(
        self,
    ) -> impl Stream<Item = Result<Event, Infallible>> + Send + Sync + 'static {
        stream::unfold(self, |mut watcher| async move {
            match watcher.next().await {
                Ok(event) => event.map(|event| (Ok(event), watcher)),
                Err(problem) => {
                    // The client comes back with what it has.
                    problem.log();
                    None
                }
            }
        })
    }

    /// The next event. Nothing after the last one, or when the service stops: then the client comes back.
    async fn next(&mut self) -> Result<Option<Event>, Problem> {
        loop {
            if self.told.the_end || self.state.is_stopping() {
                return Ok(None);
            }
            let seen = self.seen.borrow_and_update().clone();
            if let Some(event) = self.news_of(&seen)? {
                return Ok(Some(event));
            }
            let logs = &self.state.settings.logs;
            let piece = self.log.next(logs, &seen.build).await;
            if let Some(piece) = piece.map_err(Problem::broken)? {
                return log_event(&piece).map(Some);
            }
            if seen.build.status.is_final() {
                self.told.the_end = true;
                return self.end_event(&seen).map(Some);
            }
            let changed = tokio::select! {
                changed = self.seen.changed() => changed.is_ok(),
                () = self.state.stopped() => false,
            };
            if !changed {
                return Ok(None);
            }
        }
    }

    /// What is new of the row and of the place.
    fn news_of(&mut self, seen: &Seen) -> Result<Option<Event>, Problem> {
        if self.told.build.as_ref() != Some(&seen.build) {
            let is_first = self.told.build.is_none();
            self.told.build = Some(Arc::clone(&seen.build));
            let event = Event::default().event("status").data(&*seen.shown);
            return Ok(Some(if is_first { event.retry(RETRY) } else { event }));
        }
        if seen.place == self.told.place {
            return Ok(None);
        }
        self.told.place = seen.place;
        let event = seen.place.map(|place| {
            let data = PositionData {
                position: place.position,
                eta_seconds: place.eta_seconds,
            };
            Event::default().event("position").json_data(data)
        });
        event.transpose().map_err(Problem::broken)
    }

    fn end_event(&self, seen: &Seen) -> Result<Event, Problem> {
        let id = Known {
            mark: self.log.at(),
            is_all: true,
        };
        let data = EndData {
            status: seen.build.status,
        };
        let event = Event::default().event("end").id(id.to_string());
        event.json_data(data).map_err(Problem::broken)
    }
}

fn log_event(piece: &Piece) -> Result<Event, Problem> {
    let id = Known {
        mark: piece.to,
        is_all: false,
    };
    let data = LogData {
        epoch: piece.from.epoch,
        offset: piece.from.offset,
        text: &piece.text,
    };
    // As JSON, so that no byte of a log can be taken for the end of a line or of an event.
    let event = Event::default().event("log").id(id.to_string());
    event.json_data(data).map_err(Problem::broken)
}
