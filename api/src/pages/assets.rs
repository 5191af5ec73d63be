//! Style, script and icon: parts of the program, each under a name that changes with what is in it.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};
use shared::draw;
use warp::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    reply::{Reply, Response},
};

use super::for_own_origin;
use crate::{
    error::{Answer, Problem},
    range,
};

/// A year: the name changes with the content.
const KEPT: &str = "public, max-age=31536000, immutable";

/// Pictures stand in pages without a style of their own, as nothing inline is let through.
static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let text = [
        include_str!("../../static/style.css"),
        include_str!("../../static/keyboard.css"),
        include_str!("../../static/docs.css"),
        draw::STYLE,
        draw::FAULT_STYLE,
    ]
    .concat();
    Asset::new("style", "css", "text/css; charset=utf-8", text)
});
static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("../../static/page.js").to_owned();
    Asset::new("page", "js", "text/javascript; charset=utf-8", text)
});
static ICON: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("../../static/icon.svg").to_owned();
    Asset::new("icon", "svg", "image/svg+xml", text)
});

/// Only the operators' pages load these two.
static CONSOLE_STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("../../static/console.css").to_owned();
    Asset::new("console", "css", "text/css; charset=utf-8", text)
});
static CONSOLE_SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("../../static/console.js").to_owned();
    Asset::new("console", "js", "text/javascript; charset=utf-8", text)
});

struct Asset {
    name: String,
    etag: String,
    kind: &'static str,
    text: String,
}

impl Asset {
    fn new(stem: &str, ending: &str, kind: &'static str, text: String) -> Self {
        let hash = hex::encode(Sha256::digest(text.as_bytes()));
        Self {
            name: format!("{stem}-{}.{ending}", &hash[..16]),
            etag: format!("\"{hash}\""),
            kind,
            text,
        }
    }

    fn path(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

/// The path of the style.
pub(crate) fn style() -> String {
    STYLE.path()
}

/// The path of the script.
pub(crate) fn script() -> String {
    SCRIPT.path()
}

/// The path of the icon.
pub(crate) fn icon() -> String {
    ICON.path()
}

/// The path of the operators' style.
pub(crate) fn console_style() -> String {
    CONSOLE_STYLE.path()
}

/// The path of the operators' script.
pub(crate) fn console_script() -> String {
    CONSOLE_SCRIPT.path()
}

/// One of them, by its name of today.
pub(crate) fn asset(name: &str, request: &HeaderMap) -> Answer {
    let all = [&*STYLE, &*SCRIPT, &*ICON, &*CONSOLE_STYLE, &*CONSOLE_SCRIPT];
    let Some(asset) = all.into_iter().find(|asset| asset.name == name) else {
        return Err(Problem::not_found("there is nothing here"));
    };
    let mut response = if range::has_it(request, &asset.etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(asset.text.as_str().into())
    };
    let headers = response.headers_mut();
    let etag = HeaderValue::from_str(&asset.etag).map_err(Problem::broken)?;
    headers.insert(header::ETAG, etag);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(KEPT));
    Ok(for_own_origin(response))
}
