//! Pictures of keyboards: of the layouts that we come with, and of one that is sent.

use serde_json::Value;
use sha2::{Digest, Sha256};
use shared::{
    draw::{self, Undrawable, View},
    layout::Fault,
};
use warp::{
    Reply,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    reply::Response,
};

use crate::{
    body::{self, Incoming},
    error::{Answer, Problem},
    query::whole_number,
    range,
    state::State,
    submit::aside_in_turn,
};

/// What a picture needs that is opened by itself, and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The picture of a layout that we come with.
pub(crate) async fn picture(
    state: State,
    name: String,
    request: HeaderMap,
    query: String,
) -> Answer {
    let view = view_of(&query)?;
    let file = format!("{name}.json");
    if state.library.get(&file).is_none() {
        return Err(Problem::not_found("there is no layout of that name"));
    }
    let library = state.library.clone();
    let picture = aside_in_turn(&state, move || {
        let text = library.get(&file).map(|file| file.text.clone());
        let config: Value =
            serde_json::from_str(&text.unwrap_or_default()).map_err(Problem::broken)?;
        draw::draw_from(&config, &library, view).map_err(|why| {
            Problem::not_found(format!("there is no such picture of this layout: {why}"))
        })
    })
    .await?;
    // The program draws it, so that its own change is a change of the picture: the tag is of what is drawn.
    let etag = format!("\"{}\"", hex::encode(Sha256::digest(picture.as_bytes())));
    let mut response = if range::has_it(&request, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        svg(picture)
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(
        header::ETAG,
        HeaderValue::from_str(&etag).map_err(Problem::broken)?,
    );
    Ok(response)
}

/// The picture of a layout that is sent. Nothing of it is kept.
pub(crate) async fn draw_sent(state: State, query: String, incoming: Incoming) -> Answer {
    let view = view_of(&query)?;
    let body = state.bodies.read(incoming).await?;
    let library = state.library.clone();
    let picture = aside_in_turn(&state, move || {
        body::refuse_too_many_values(&body.bytes)?;
        let config: Value = serde_json::from_slice(&body.bytes).map_err(|why| {
            Problem::bad_request(format!("the body is no JSON that we can read: {why}"))
        })?;
        draw::draw_from(&config, &library, view).map_err(|why| match why {
            Undrawable::Faults(faults) => Problem::cannot_be_drawn(faults),
            Undrawable::NoSuchLayer { .. } => {
                Problem::cannot_be_drawn(vec![Fault::new("", why.to_string())])
            }
        })
    })
    .await?;
    let mut response = svg(picture);
    let no_store = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    Ok(response)
}

fn svg(picture: String) -> Response {
    let mut response = Response::new(picture.into());
    for (name, value) in [
        (header::CONTENT_TYPE, "image/svg+xml; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ] {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

/// `layer=1`, or all layers where none is named. What else is asked for is read over.
fn view_of(query: &str) -> Result<View, Problem> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let layer = pairs.into_iter().find(|(name, _)| *name == "layer");
    let Some((_, layer)) = layer else {
        return Ok(View::AllLayers);
    };
    let layer = whole_number(layer)
        .ok_or_else(|| Problem::bad_request("`layer` must be the number of a layer, from 0"))?;
    Ok(View::Layer(usize::try_from(layer).unwrap_or(usize::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_read_from_a_query() {
        assert_eq!(view_of("").unwrap(), View::AllLayers);
        assert_eq!(view_of("rev=HEAD").unwrap(), View::AllLayers);
        assert_eq!(view_of("rev=HEAD&layer=2").unwrap(), View::Layer(2));
        for query in ["layer=", "layer=-1", "layer=x", "layer=1e3"] {
            assert_eq!(view_of(query).unwrap_err().status(), 400, "{query}");
        }
    }
}
