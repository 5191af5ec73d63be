//! Every refusal as `application/problem+json` (RFC 9457), with the member `error` for the old clients.
//!
//! A handler gives back a [`Problem`] and never a rejection of warp's: a rejection means "try the next
//! route", so that the wrong route might answer. [`answer_refusal`] is for what warp itself refuses.

use std::{convert::Infallible, error::Error, time::Duration};

use serde::Serialize;
use shared::{layout::Fault, store::StoreError};
use utoipa::ToSchema;
use warp::{
    Rejection, Reply,
    http::{HeaderValue, StatusCode, header},
    reject::{LengthRequired, MethodNotAllowed, PayloadTooLarge, UnsupportedMediaType},
    reply::Response,
};

/// What handlers give back.
pub(crate) type Answer = Result<Response, Problem>;

/// After this long a worker may have come back, or the table be free.
const SOON: Duration = Duration::from_secs(5);

/// Between these an estimate is told: it may be zero, and much may change in ten minutes.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

/// A refusal, or a fault of our own.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
    errors: Vec<Fault>,
    retry_after: Option<Duration>,
    cause: Option<String>,
}

/// A refusal, by RFC 9457.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Body {
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    status: u16,
    /// What is wrong, for people.
    detail: String,
    /// The same text: the Configurator shows this member to people.
    error: String,
    /// Everything that is wrong with what was sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

/// One thing that is wrong with what was sent.
#[derive(Serialize, ToSchema)]
struct FieldError {
    /// Where, as a JSON pointer.
    pointer: String,
    detail: String,
}

impl Body {
    /// How a refusal looks, for the description.
    pub(crate) fn example(status: u16, detail: &str) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or_default();
        Problem::new(status, detail).body()
    }
}

impl Problem {
    /// A problem of this status, with one text for people.
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            cause: None,
        }
    }

    /// 400: it cannot be read at all.
    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 404: there is no such thing.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 422: it can be read and not be built. The text names every fault, as the old clients show only that.
    pub(crate) fn faults(errors: Vec<Fault>) -> Self {
        Self::unprocessable("This cannot be built:", errors)
    }

    /// 422: it can be read and not be drawn.
    pub(crate) fn cannot_be_drawn(errors: Vec<Fault>) -> Self {
        Self::unprocessable("This cannot be drawn:", errors)
    }

    fn unprocessable(what: &str, errors: Vec<Fault>) -> Self {
        let lines: Vec<_> = errors
            .iter()
            .map(|fault| format!("{} {}", fault.pointer, fault.message))
            .collect();
        let detail = format!("{what}\n{}", lines.join("\n"));
        Self {
            errors,
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
        }
    }

    /// 503: ask again in a while.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self {
            retry_after: Some(SOON),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
    }

    /// 429: this client has its share, and may ask again after a while.
    pub(crate) fn too_many(detail: impl Into<String>) -> Self {
        Self {
            retry_after: Some(SOON),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, detail)
        }
    }

    /// 401: a right is needed, and none was shown.
    pub(crate) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    /// The same, with an estimate of when asking again makes sense.
    pub(crate) fn after(mut self, estimate: Duration) -> Self {
        self.retry_after = Some(estimate.clamp(SHORTEST_PAUSE, LONGEST_PAUSE));
        self
    }

    /// 500: a fault of our own. The cause is for the log only.
    pub(crate) fn broken(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            cause: Some(cause.into().to_string()),
            ..Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the service has a fault of its own, which is in its log",
            )
        }
    }

    /// What it says to people.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// What is wrong with what was sent, place by place.
    pub(crate) fn faults_found(&self) -> &[Fault] {
        &self.errors
    }

    /// An answer in other words, under this problem's status. It is logged here, as it is answered here.
    pub(crate) fn heading(&self, mut response: Response) -> Response {
        self.log();
        *response.status_mut() = self.status;
        if let Some(pause) = self.retry_after {
            let pause = HeaderValue::from(pause.as_secs());
            response.headers_mut().insert(header::RETRY_AFTER, pause);
        }
        response
    }

    /// The status it will be answered with.
    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    fn body(&self) -> Body {
        let errors = self.errors.iter().map(|fault| FieldError {
            pointer: fault.pointer.clone(),
            detail: fault.message.clone(),
        });
        Body {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            error: self.detail.clone(),
            errors: errors.collect(),
        }
    }

    /// The one place where failures of ours are logged.
    pub(crate) fn log(&self) {
        let status = self.status.as_u16();
        match &self.cause {
            Some(cause) => tracing::error!(status, cause, "A request failed: {}", self.detail),
            None if self.status.is_server_error() => {
                tracing::warn!(status, "A request was refused: {}", self.detail);
            }
            None => {}
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unknown { .. } => Self::broken(error),
            StoreError::Commit(_) | StoreError::RolledBack => Self {
                cause: Some(error.to_string()),
                ..Self::unavailable(
                    "nothing of it is stored, as the queue's disk is full or broken; ask again",
                )
            },
            _ => Self {
                cause: Some(error.to_string()),
                ..Self::unavailable("the queue cannot be used just now; ask again")
            },
        }
    }
}

impl Reply for Problem {
    fn into_response(self) -> Response {
        self.log();
        let body = self.body();
        let mut response = warp::reply::json(&body).into_response();
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(pause) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(pause.as_secs()));
        }
        response
    }
}

/// Answers what warp refuses before a handler is reached.
///
/// # Errors
/// Never.
pub(crate) async fn answer_refusal(refused: Rejection) -> Result<Response, Infallible> {
    let refusals = [
        // A path that some route has wins over all the routes that have another path.
        (
            refused.find::<MethodNotAllowed>().is_some(),
            StatusCode::METHOD_NOT_ALLOWED,
            "this path does not know that method",
        ),
        (
            refused.find::<PayloadTooLarge>().is_some(),
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is too large",
        ),
        (
            refused.find::<LengthRequired>().is_some(),
            StatusCode::LENGTH_REQUIRED,
            "the body's length is missing",
        ),
        (
            refused.find::<UnsupportedMediaType>().is_some(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body is of an unknown kind",
        ),
        (
            refused.is_not_found(),
            StatusCode::NOT_FOUND,
            "there is nothing here",
        ),
    ];
    let problem = refusals.into_iter().find(|(is_it, ..)| *is_it).map_or_else(
        || Problem::broken(format!("{refused:?}")),
        |(_, status, detail)| Problem::new(status, detail),
    );
    Ok(problem.into_response())
}
