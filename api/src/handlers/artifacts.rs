//! What a build leaves: its zip and its log.

use std::path::Path;

use shared::{job::Status, store::jobs::Build};
use warp::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    reply::Response,
};

use crate::{
    error::{Answer, Problem},
    feed::log_of,
    files::{self, About},
    handlers::builds,
    state::State,
};

const LOG: &str = "text/plain; charset=utf-8";

/// The zip of a build.
pub(crate) async fn artifact(state: State, id: String, request: HeaderMap) -> Answer {
    let build = builds::find(&state, builds::parse_id(&id)?).await?;
    // A build has one zip for ever.
    serve_zip(
        &state,
        &build,
        &request,
        "public, max-age=31536000, immutable",
    )
    .await
}

/// The zip of a build that has one. `cache` is what may be kept of it.
pub(crate) async fn serve_zip(
    state: &State,
    build: &Build,
    request: &HeaderMap,
    cache: &'static str,
) -> Answer {
    let Some(artifact) = &build.artifact else {
        return Err(no_zip(build.status));
    };
    let opened = files::open_below(&state.settings.artifacts, Path::new(&artifact.file))
        .await
        .map_err(|error| Problem::broken(format!("opening {}: {error}", artifact.file)))?;
    let Some((file, length)) = opened else {
        return Err(Problem::not_found("this build's zip is kept no longer"));
    };
    if length != artifact.bytes {
        let (file, bytes) = (&artifact.file, artifact.bytes);
        return Err(Problem::broken(format!(
            "{file} has {length} bytes and not {bytes}"
        )));
    }
    let about = About {
        content_type: "application/zip",
        sha256: Some(artifact.sha256.clone()),
        cache,
        name: Some(zip_name(build)),
    };
    files::serve((file, length), about, request).await
}

fn no_zip(status: Status) -> Problem {
    match status {
        // It had one when it ended.
        Status::Succeeded => Problem::new(
            StatusCode::GONE,
            "this build's zip is kept no longer: ask for the same build again, and it is made anew",
        ),
        Status::Failed => {
            Problem::not_found("this build failed without a zip, or it is kept no longer")
        }
        Status::Queued | Status::Running | Status::Cancelled => {
            Problem::not_found(format!("this build has no zip; it is {status}"))
        }
    }
}

/// The name of a build's zip, which the old clients take apart: `<board>-<layout>-<hash>`, and `_error` after a
/// failure.
pub(crate) fn zip_name(build: &Build) -> String {
    let failed = match build.status {
        Status::Failed => "_error",
        _ => "",
    };
    format!(
        "{}-{}-{}{failed}.zip",
        build.keyboard, build.layout, build.fingerprint
    )
}

/// The log of a build, also while it runs: whoever follows it asks for `Range: bytes=<what it has>-`.
pub(crate) async fn log(state: State, id: String, request: HeaderMap) -> Answer {
    let build = builds::find(&state, builds::parse_id(&id)?).await?;
    let path = log_of(&build);
    let opened = files::open_below(&state.settings.logs, &path)
        .await
        .map_err(|error| Problem::broken(format!("opening {}: {error}", path.display())))?;
    match opened {
        Some(opened) => {
            let about = About {
                content_type: LOG,
                sha256: None,
                cache: "no-cache",
                name: None,
            };
            files::serve(opened, about, &request).await
        }
        None if build.status.is_final() => Err(Problem::not_found(
            "this build has no log, or it is kept no longer",
        )),
        // Nothing was said yet: that is no error for whoever looks on.
        None => Ok(nothing_yet()),
    }
}

fn nothing_yet() -> Response {
    let mut response = builds::not_stored(Response::default());
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(LOG));
    response
}
