//! Pages for people: how each of them is answered, and what its browser may do with it.
//!
//! - `home`, `choices`, `form`, `ask`: the first page, what it offers, what its form sends, and the build that is asked for.
//! - `build`, `leave`, `words`: a build's page, leaving it, and what it says.
//! - `forget`, `privacy`: having a build erased, and what is kept of whom.
//! - `keyboard`: a layout as pictures.
//! - `docs`: the description of the API.
//! - `assets`: style, script and icon, as parts of the program.
//! - `console`: the operators' pages, below `/queue`.
//! - `refusal`: a problem as a page.
//!
//! A page has a template in `api/templates`, which extends `base.html`, a file here that fills it, and a route in
//! `routes/pages.rs`. Nothing of a page is inline, and nothing is loaded from elsewhere.

pub(crate) mod ask;
pub(crate) mod assets;
pub(crate) mod build;
pub(crate) mod choices;
pub(crate) mod console;
pub(crate) mod docs;
pub(crate) mod forget;
mod form;
pub(crate) mod home;
mod keyboard;
pub(crate) mod leave;
pub(crate) mod privacy;
mod refusal;
mod words;

use askama::Template;
use warp::{
    http::{HeaderName, HeaderValue, header},
    reply::Response,
};

use crate::error::{Answer, Problem};

pub(crate) use refusal::{in_place_of, shown};

/// What a page may load and where it may send: itself, and nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Marks an answer that is for our own pages: other origins may not read it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnOrigin;

/// A page of a template. It is new at each look, unless its maker says otherwise.
pub(crate) fn page(template: &impl Template) -> Answer {
    let html = template.render().map_err(Problem::broken)?;
    let mut response = for_own_origin(Response::new(html.into()));
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "private, no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        // Addresses of builds are nobody else's business; our own forms say where they come from.
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// Keeps an answer to our own pages.
fn for_own_origin(mut response: Response) -> Response {
    let fixed: [(HeaderName, &'static str); 3] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in fixed {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response.extensions_mut().insert(OwnOrigin);
    response
}
