//! The layout files: by exact name, and as a list.

use serde::{Deserialize, Serialize};
use shared::layout::Library;
use utoipa::ToSchema;
use warp::{
    Reply,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    reply::Response,
};

use crate::{
    error::{Answer, Problem},
    range,
    state::State,
};

/// A layout file's text. The predecessor's `?rev=` is read over: there is one revision.
pub(crate) fn layout(state: &State, file: &str, request: &HeaderMap) -> Answer {
    let Some(file) = state.library.get(file) else {
        return Err(Problem::not_found("there is no layout of that name"));
    };
    let etag = format!("\"{}\"", file.sha256);
    let mut response = if range::has_it(request, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(file.text.to_string().into())
    };
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(
        header::ETAG,
        HeaderValue::from_str(&etag).map_err(Problem::broken)?,
    );
    Ok(response)
}

/// All layouts.
pub(crate) fn layouts(state: &State) -> Response {
    warp::reply::json(state.catalogue.as_ref()).into_response()
}

/// What the library holds, as it is shown. Made once, as the library is read once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Layouts)]
pub(crate) struct Catalogue {
    pub(crate) layouts: Vec<Entry>,
}

/// A layout, or a further name of one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LayoutEntry)]
pub(crate) struct Entry {
    /// The name to ask for.
    name: String,
    /// The board, as the name has it.
    pub(crate) keyboard: String,
    /// The layout, as the name has it.
    pub(crate) layout: String,
    url: String,
    /// The layout that says what each key is without this one.
    base: Option<String>,
    /// The file's name, where this is a further name for it.
    alias_of: Option<String>,
    sha256: String,
}

/// The part of a layout file that is shown here.
#[derive(Default, Deserialize)]
struct Part {
    header: Option<Header>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Header {
    base: Option<String>,
}

impl Catalogue {
    /// What this library holds.
    pub(crate) fn of(library: &Library) -> Self {
        let entry = |name: &str| {
            let file = library.get(name)?;
            let (keyboard, layout) = name.strip_suffix(".json")?.rsplit_once('-')?;
            // The library vouches for JSON and not for a layout.
            let part: Part = serde_json::from_str(&file.text).unwrap_or_default();
            Some(Entry {
                name: name.to_owned(),
                keyboard: keyboard.to_owned(),
                layout: layout.to_owned(),
                url: format!("/layouts/{name}"),
                base: part.header.and_then(|header| header.base),
                alias_of: (file.name != name).then(|| file.name.clone()),
                sha256: file.sha256.clone(),
            })
        };
        Self {
            layouts: library.names().filter_map(entry).collect(),
        }
    }
}
