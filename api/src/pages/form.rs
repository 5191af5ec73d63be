//! What the page's form sends: one of three ways to name a layout, and a version.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use multer::{Constraints, Multipart};
use serde::de::IgnoredAny;
use warp::http::{HeaderMap, StatusCode, header};

use crate::{
    body::{self, Body, Incoming},
    error::Problem,
    state::State,
    submit::aside_in_turn,
};

/// What some editors begin a file with.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// More than this is not sent back: three times the largest layout that we know. As part of a page it would be several
/// times as long.
const LONGEST_SHOWN: usize = 512 << 10;

/// Where the layout comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum From {
    /// One that we come with.
    #[default]
    Library,
    /// A file of the visitor's.
    File,
    /// Text in the page.
    Text,
}

impl From {
    fn from_word(word: &str) -> Option<Self> {
        match word {
            "library" => Some(Self::Library),
            "file" => Some(Self::File),
            "text" => Some(Self::Text),
            _ => None,
        }
    }
}

/// What was filled in.
#[derive(Debug, Default)]
pub(super) struct Form {
    pub(super) from: From,
    /// The name of a layout file of ours.
    pub(super) layout: String,
    pub(super) version: String,
    file: Option<Bytes>,
    text: Option<Bytes>,
    /// The memory of it all stays accounted for.
    _body: Option<Body>,
}

impl Form {
    /// Reads a form within the bounds of all bodies.
    pub(super) async fn read(
        state: &State,
        request: &HeaderMap,
        incoming: Incoming,
    ) -> Result<Self, Problem> {
        let kind = request.get(header::CONTENT_TYPE);
        let boundary = kind
            .and_then(|kind| multer::parse_boundary(kind.to_str().ok()?).ok())
            .ok_or_else(|| {
                Problem::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "this address takes the form of the first page; programs send JSON to /v1/builds",
                )
            })?;
        let body = state.bodies.read(incoming).await?;
        let whole = stream::iter([Ok::<_, std::convert::Infallible>(body.bytes.clone())]);
        let known = ["from", "layout", "version", "file", "text", "layer", "do"];
        let constraints = Constraints::new().allowed_fields(known.to_vec());
        let mut parts = Multipart::with_constraints(whole, boundary, constraints);
        let mut form = Self {
            _body: Some(body),
            ..Self::default()
        };
        let unreadable =
            |why: multer::Error| Problem::bad_request(format!("the form cannot be read: {why}"));
        while let Some(part) = parts.next_field().await.map_err(unreadable)? {
            let name = part.name().unwrap_or_default().to_owned();
            let value = part.bytes().await.map_err(unreadable)?;
            form.fill_in(&name, value);
        }
        Ok(form)
    }

    fn fill_in(&mut self, name: &str, value: Bytes) {
        let short = || String::from_utf8_lossy(&value[..value.len().min(200)]).into_owned();
        match name {
            "from" => self.from = From::from_word(&short()).unwrap_or_default(),
            "layout" => self.layout = short(),
            "version" => self.version = short(),
            "file" => self.file = Some(value),
            "text" => self.text = Some(value),
            _ => {}
        }
    }

    /// The layout's text. That it is JSON is certain, and that reading it takes no more memory than we have.
    pub(super) async fn layout_text(&self, state: &State) -> Result<Bytes, Problem> {
        let text = match self.from {
            From::Library => match state.library.get(&self.layout) {
                Some(file) => return Ok(Bytes::copy_from_slice(file.text.as_bytes())),
                None => return Err(Problem::bad_request("Choose a layout of the list.")),
            },
            From::File => &self.file,
            From::Text => &self.text,
        };
        let text = text.clone().unwrap_or_default();
        let begin = if text.starts_with(BYTE_ORDER_MARK) {
            BYTE_ORDER_MARK.len()
        } else {
            0
        };
        let text = text.slice(begin..);
        if text.trim_ascii().is_empty() {
            return Err(Problem::bad_request(match self.from {
                From::File => "Choose a layout file first: a .json of the Configurator's.",
                _ => "Paste a layout first: the JSON that the Configurator saves.",
            }));
        }
        aside_in_turn(state, move || {
            body::refuse_too_many_values(&text)?;
            serde_json::from_slice::<IgnoredAny>(&text).map_err(|why| {
                Problem::bad_request(format!("This is no JSON that we can read: {why}."))
            })?;
            Ok(text)
        })
        .await
    }

    /// What was sent, to be shown again: a file's text too, as no page may fill in a file.
    pub(super) fn shown_again(&self) -> (From, String) {
        let sent = match self.from {
            From::Library => return (From::Library, String::new()),
            From::File => &self.file,
            From::Text => &self.text,
        };
        let sent = sent.as_ref().filter(|sent| sent.len() <= LONGEST_SHOWN);
        match sent.and_then(|sent| std::str::from_utf8(sent).ok()) {
            Some(text) if !text.trim().is_empty() => (From::Text, to_be_changed(text)),
            _ => (self.from, String::new()),
        }
    }
}

/// A layout as a person changes it: on lines, where a program wrote all of it on one.
pub(super) fn to_be_changed(text: &str) -> String {
    if text.len() > LONGEST_SHOWN || text.trim().contains('\n') {
        return text.to_owned();
    }
    let value: Option<serde_json::Value> = serde_json::from_str(text).ok();
    value
        .and_then(|value| serde_json::to_string_pretty(&value).ok())
        .unwrap_or_else(|| text.to_owned())
}

/// The same as a request of the JSON way in. The text is one JSON value, so that it stays the one member that it is.
pub(super) fn as_request(layout: Bytes, version: &str) -> Incoming {
    let version = serde_json::Value::from(version);
    let begin = Bytes::from(format!("{{\"env\":{version},\"config\":"));
    stream::iter([begin, layout, Bytes::from_static(b"}")].map(Ok)).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(from: From, text: &'static str) -> Form {
        Form {
            from,
            file: Some(Bytes::from_static(text.as_bytes())),
            text: Some(Bytes::from_static(text.as_bytes())),
            ..Form::default()
        }
    }

    #[tokio::test]
    async fn a_layout_cannot_add_members_to_the_request() {
        let layout = Bytes::from_static(b"{\"a\":1}");
        let parts = as_request(layout, "la\"test").map(|part| part.unwrap().to_vec());
        let body = parts.collect::<Vec<_>>().await.concat();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            body,
            serde_json::json!({"env": "la\"test", "config": {"a": 1}})
        );
    }

    #[test]
    fn what_was_in_a_file_is_shown_again_as_text_and_what_is_no_text_or_too_much_is_not() {
        let shown = |from, text| of(from, text).shown_again();
        assert_eq!(shown(From::File, "{"), (From::Text, "{".to_owned()));
        assert_eq!(shown(From::File, ""), (From::File, String::new()));
        assert_eq!(shown(From::Library, "{"), (From::Library, String::new()));
        assert_eq!(shown(From::Text, "[1]").1, "[\n  1\n]");
        for hidden in [b"\xff\xfe{".to_vec(), vec![b' '; LONGEST_SHOWN + 1]] {
            let mut form = of(From::Text, "");
            form.text = Some(Bytes::from(hidden));
            assert_eq!(form.shown_again(), (From::Text, String::new()));
        }
    }
}
