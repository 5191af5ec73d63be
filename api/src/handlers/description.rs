//! The description of the API, for programs.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};
use warp::{
    Reply,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    reply::Response,
};

use crate::{
    error::{Answer, Problem},
    openapi, range,
};

static ETAG: LazyLock<String> = LazyLock::new(|| {
    format!(
        "\"{}\"",
        hex::encode(Sha256::digest(openapi::TEXT.as_bytes()))
    )
});

/// The description, which is the same as long as the process runs.
pub(crate) fn description(request: &HeaderMap) -> Answer {
    let mut response = if range::has_it(request, &ETAG) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(openapi::TEXT.as_str().into())
    };
    let headers = response.headers_mut();
    let etag = HeaderValue::from_str(&ETAG).map_err(Problem::broken)?;
    headers.insert(header::ETAG, etag);
    for (name, value) in [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-cache"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}
