//! What the page's form sends: one of three ways to name a layout, and a version.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use multer::{Constraints, Multipart};
use serde::de::IgnoredAny;
use warp::http::{HeaderMap, StatusCode, header};

use crate::{
    body::{self, Incoming},
    error::Problem,
    state::State,
};

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
        let mut form = Self::default();
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
    pub(super) fn layout_text(&self, state: &State) -> Result<String, Problem> {
        let text = match self.from {
            From::Library => match state.library.get(&self.layout) {
                Some(file) => return Ok(file.text.to_string()),
                None => return Err(Problem::bad_request("Choose a layout of the list.")),
            },
            From::File => self.file.as_ref(),
            From::Text => self.text.as_ref(),
        };
        let missing = match self.from {
            From::File => "Choose a layout file first: a .json of the Configurator's.",
            _ => "Paste a layout first: the JSON that the Configurator saves.",
        };
        let text = text.map_or(&[][..], |text| text);
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        if text.trim_ascii().is_empty() {
            return Err(Problem::bad_request(missing));
        }
        body::refuse_too_many_values(text)?;
        let text = std::str::from_utf8(text)
            .map_err(|_| Problem::bad_request("This is no text, so that it can be no layout."))?;
        serde_json::from_str::<IgnoredAny>(text).map_err(|why| {
            Problem::bad_request(format!("This is no JSON that we can read: {why}."))
        })?;
        Ok(text.to_owned())
    }

    /// What was sent, to be shown again: a file's text too, as no page may fill in a file.
    pub(super) fn into_shown(self) -> (From, String) {
        let sent = match self.from {
            From::Library => return (From::Library, String::new()),
            From::File => self.file,
            From::Text => self.text,
        };
        let sent = sent.unwrap_or_default();
        match std::str::from_utf8(&sent) {
            Ok(text) if !text.trim().is_empty() => (From::Text, text.to_owned()),
            _ => (self.from, String::new()),
        }
    }
}

/// The same as a request of the JSON way in. The text is one JSON value, so that it stays the one member that it is.
pub(super) fn as_request(layout: &str, version: &str) -> Incoming {
    let version = serde_json::Value::from(version);
    let body = format!("{{\"env\":{version},\"config\":{layout}}}");
    stream::iter([Ok(Bytes::from(body))]).boxed()
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
        let mut request = as_request("{\"a\":1}", "la\"test");
        let body = request.next().await.unwrap().unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            body,
            serde_json::json!({"env": "la\"test", "config": {"a": 1}})
        );
    }

    #[test]
    fn what_was_in_a_file_is_shown_again_as_text_and_what_is_no_text_is_not() {
        assert_eq!(
            of(From::File, "{").into_shown(),
            (From::Text, "{".to_owned())
        );
        assert_eq!(of(From::File, "").into_shown(), (From::File, String::new()));
        assert_eq!(
            of(From::Library, "{").into_shown(),
            (From::Library, String::new())
        );
        let mut form = of(From::Text, "");
        form.text = Some(Bytes::from_static(b"\xff\xfe{"));
        assert_eq!(form.into_shown(), (From::Text, String::new()));
    }
}
