//! The routes of the predecessor's clients, which cannot be changed any more.
//!
//! They hold one request open until the build has ended, take the name of the zip apart, and fetch it
//! also after a failure.

use serde::Serialize;
use shared::{
    job::{Fingerprint, Reason, Status},
    store::jobs::{self, Build, Hold},
};
use utoipa::ToSchema;
use warp::{
    Reply,
    http::{HeaderMap, StatusCode},
};

use super::{artifacts, builds};
use crate::{
    body::Incoming,
    client::Asker,
    error::{Answer, Problem},
    state::State,
    submit::{UnknownVersion, submit},
};

/// What the old clients are told of a build that has ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ended {
    /// Where its zip is: `./tmp/<board>-<layout>-<hash>.zip`, or `…_error.zip` after a failure.
    filename: String,
    success: bool,
}

/// Takes a build and answers when it has ended. A client that leaves before takes nothing along.
pub(crate) async fn build_and_wait(state: State, asker: Asker, incoming: Incoming) -> Answer {
    // Before the build is taken: whoever is refused shall not find it built.
    let _held = builds::hold(&state, &asker)?;
    // An old client cannot say that it leaves: it holds the build for good.
    let submitted = submit(
        &state,
        asker,
        incoming,
        UnknownVersion::IsLatest,
        Hold::ForGood,
    )
    .await?;
    let build = builds::find(&state, submitted.enqueued.id()).await?;
    let has_ended = |build: &Build| build.status.is_final();
    let build = builds::wait(&state, build, has_ended, state.settings.hold).await?;
    match build.status {
        Status::Succeeded => Ok(ended(&build, true)),
        // The client shows people the log, and takes it from the zip.
        Status::Failed if build.artifact.is_some() && !is_ours(build.reason) => {
            Ok(ended(&build, false))
        }
        Status::Failed | Status::Cancelled => Err(Problem::unavailable(why_it_ended(&build))),
        Status::Queued | Status::Running if state.is_stopping() => {
            Err(Problem::unavailable("the service is restarting; ask again"))
        }
        Status::Queued | Status::Running => Err(Problem::new(
            StatusCode::GATEWAY_TIMEOUT,
            "the build has not ended yet; ask again and you will join it",
        )),
    }
}

fn ended(build: &Build, success: bool) -> warp::reply::Response {
    let filename = format!("./tmp/{}", artifacts::zip_name(build));
    let ended = Ended { filename, success };
    builds::not_stored(warp::reply::json(&ended).into_response())
}

/// Whether it ended through no fault of the layout's: that is never shown as a failed compile.
fn is_ours(reason: Option<Reason>) -> bool {
    matches!(
        reason,
        Some(Reason::WorkerLost | Reason::ControllerMissing | Reason::Cancelled)
    )
}

fn why_it_ended(build: &Build) -> String {
    let reason = build.reason.map_or("no reason", Reason::as_str);
    let detail = build.detail.as_deref().unwrap_or("no more is known");
    format!("the build ended without a result ({reason}): {detail}")
}

/// The zip of that name.
pub(crate) async fn tmp_file(state: State, file: String, request: HeaderMap) -> Answer {
    let unknown = || Problem::not_found("there is no file of that name, or it is kept no longer");
    let name = ZipName::parse(&file).ok_or_else(unknown)?;
    let build = jobs::show_answer(&state.store, &name.fingerprint, name.status).await?;
    match build {
        Some(build) if build.keyboard == name.board && build.layout == name.layout => {
            // The next run of a failed build has the same name and another log.
            artifacts::serve_zip(&state, &build, &request, "no-cache").await
        }
        _ => Err(unknown()),
    }
}

/// The name of a zip, taken apart as the old clients do: greedily, so that only the board may have a `-`.
#[derive(Debug, PartialEq, Eq)]
struct ZipName<'a> {
    board: &'a str,
    layout: &'a str,
    fingerprint: Fingerprint,
    status: Status,
}

impl<'a> ZipName<'a> {
    fn parse(file: &'a str) -> Option<Self> {
        let stem = file.strip_suffix(".zip")?;
        let (stem, status) = match stem.strip_suffix("_error") {
            Some(stem) => (stem, Status::Failed),
            None => (stem, Status::Succeeded),
        };
        let (names, hash) = stem.rsplit_once('-')?;
        let (board, layout) = names.rsplit_once('-')?;
        Some(Self {
            board,
            layout,
            fingerprint: Fingerprint::parse(hash)?,
            status,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_apart_from_its_end() {
        let hash = "0123456789abcdef".repeat(4);
        let file = format!("K-Type-Standard-{hash}.zip");
        let name = ZipName::parse(&file).unwrap();
        assert_eq!((name.board, name.layout), ("K-Type", "Standard"));
        assert_eq!(name.status, Status::Succeeded);
        let file = format!("MD1-x_error_-{hash}_error.zip");
        let name = ZipName::parse(&file).unwrap();
        assert_eq!((name.layout, name.status), ("x_error_", Status::Failed));
    }

    #[test]
    fn what_is_no_name_of_ours_is_no_name() {
        let hash = "0123456789abcdef".repeat(4);
        for file in [
            format!("{hash}.zip"),
            format!("MD1-{hash}.zip"),
            format!("MD1-Standard-{hash}"),
            format!("MD1-Standard-{hash}_error_error.zip"),
            format!("MD1-Standard-{}.zip", hash.to_uppercase()),
            "..".to_owned(),
        ] {
            assert_eq!(ZipName::parse(&file), None, "{file}");
        }
    }
}
