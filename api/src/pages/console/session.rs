//! An operator's session: a cookie that proves that somebody knew the operators' token, and whether a form was sent by
//! that session's own pages. Nothing is stored, so that any API process knows every session; another token ends them all.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use headers::{Cookie, HeaderMapExt};
use shared::settings::OperatorToken;
use warp::http::{HeaderMap, HeaderValue, StatusCode, header, uri::Authority};

use crate::{error::Problem, operator};

/// The cookie's name, and the only paths that it is sent to.
const COOKIE: &str = "kiisrv_session";
const PATH: &str = "/queue";

/// A working day: whoever forgets to sign out is signed out the next morning.
const LIFETIME: Duration = Duration::from_hours(12);

/// What seals are for.
const SESSION: &str = "session";
const FORM: &str = "form";

/// Somebody who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// The name for the audit.
    pub(crate) who: String,
    /// What its forms have to send.
    pub(crate) csrf: String,
    /// What the cookie says, without its seal.
    text: String,
}

impl Session {
    /// Begins one for this name. Two of the same name have different forms.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub(crate) fn begin(token: &OperatorToken, name: &str) -> Result<Self, Problem> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| Problem::broken(error.to_string()))?;
        let name = operator::name_of(&format!("operator {name}"));
        let ends = now() + LIFETIME.as_secs();
        let text = format!("{ends}.{}.{}", hex::encode(nonce), hex::encode(name));
        Self::of(token, text, now()).ok_or_else(|| Problem::broken("a session cannot be read"))
    }

    /// The session whose cookie comes with a request.
    pub(crate) fn in_request(token: &OperatorToken, headers: &HeaderMap) -> Option<Self> {
        let cookies: Cookie = headers.typed_get()?;
        Self::sealed(token, cookies.get(COOKIE)?, now())
    }

    fn sealed(token: &OperatorToken, cookie: &str, now: u64) -> Option<Self> {
        let (text, seal) = cookie.rsplit_once('.')?;
        if !token.is_sealed(SESSION, text, seal) {
            return None;
        }
        Self::of(token, text.to_owned(), now)
    }

    fn of(token: &OperatorToken, text: String, now: u64) -> Option<Self> {
        let mut parts = text.split('.');
        let (ends, _nonce, name) = (parts.next()?, parts.next()?, parts.next()?);
        let ends: u64 = ends.parse().ok()?;
        if ends <= now {
            return None;
        }
        Some(Self {
            who: String::from_utf8(hex::decode(name).ok()?).ok()?,
            csrf: token.seal(FORM, &text),
            text,
        })
    }

    /// Whether a form was made for this session.
    pub(crate) fn made(&self, token: &OperatorToken, csrf: &str) -> bool {
        token.is_sealed(FORM, &self.text, csrf)
    }

    /// The header that begins it.
    ///
    /// # Errors
    /// Never: it is of letters that a header may have.
    pub(crate) fn cookie(
        &self,
        token: &OperatorToken,
        over_tls: bool,
    ) -> Result<HeaderValue, Problem> {
        let sealed = format!("{}.{}", self.text, token.seal(SESSION, &self.text));
        set_cookie(&sealed, LIFETIME, over_tls)
    }
}

/// The header that makes a browser forget its session.
///
/// # Errors
/// Never: it is of letters that a header may have.
pub(crate) fn no_cookie(over_tls: bool) -> Result<HeaderValue, Problem> {
    set_cookie("", Duration::ZERO, over_tls)
}

fn set_cookie(value: &str, lifetime: Duration, over_tls: bool) -> Result<HeaderValue, Problem> {
    let seconds = lifetime.as_secs();
    let secure = if over_tls { "; Secure" } else { "" };
    let cookie = format!(
        "{COOKIE}={value}; Path={PATH}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
    );
    HeaderValue::from_str(&cookie).map_err(Problem::broken)
}

/// Refuses what a page of another site sends. Browsers say where a request is from, and no page can change what they say;
/// the form's own proof is looked at besides.
///
/// # Errors
/// 403 for what is from elsewhere.
pub(crate) fn refuse_other_sites(headers: &HeaderMap) -> Result<(), Problem> {
    let from_elsewhere = match headers.get("sec-fetch-site") {
        Some(site) => site != "same-origin",
        // Browsers leave it out where the connection is neither encrypted nor local, and send this.
        None => headers
            .get(header::ORIGIN)
            .is_some_and(|origin| !is_own(origin, headers)),
    };
    if from_elsewhere {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "This was sent by a page of another site. Nothing was changed.",
        ));
    }
    Ok(())
}

fn is_own(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let authority = |text: &str| text.parse::<Authority>().ok();
    let origin = origin.to_str().ok();
    let origin = origin.and_then(|origin| authority(origin.split_once("://")?.1));
    let host = headers.get(header::HOST);
    let host = host.and_then(|host| authority(host.to_str().ok()?));
    origin.is_some() && origin == host
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use shared::settings::Settings;

    use super::*;

    fn token(secret: &str) -> OperatorToken {
        let settings = Settings::from_lookup(|name| {
            (name == "KIISRV_OPERATOR_TOKEN").then(|| secret.to_owned())
        });
        settings.unwrap().operator.unwrap()
    }

    /// What a browser sends back of a cookie that it was given.
    fn kept(cookie: &HeaderValue) -> HeaderMap {
        let text = cookie.to_str().unwrap();
        let pair = text.split(';').next().unwrap();
        HeaderMap::from_iter([(header::COOKIE, pair.parse().unwrap())])
    }

    #[test]
    fn a_session_is_known_by_every_process_with_the_same_token_and_ends_with_it() {
        let (one, other) = (token("0123456789abcdef"), token("another-secret-of-16"));
        let session = Session::begin(&one, "Jörg; Path=/").unwrap();
        let cookie = session.cookie(&one, false).unwrap();
        let sent = kept(&cookie);
        let found = Session::in_request(&token("0123456789abcdef"), &sent).unwrap();
        assert_eq!(found, session);
        assert_eq!(found.who, "operator Jörg; Path=/");
        assert_eq!(Session::in_request(&other, &sent), None);
        assert_eq!(
            Session::in_request(&one, &kept(&no_cookie(false).unwrap())),
            None
        );
    }

    #[test]
    fn a_session_ends_after_its_time_and_cannot_be_made_longer() {
        let token = token("0123456789abcdef");
        let session = Session::begin(&token, "anna").unwrap();
        let seal = token.seal(SESSION, &session.text);
        let at = |text: &str, now: u64| Session::sealed(&token, &format!("{text}.{seal}"), now);
        let ends = now() + LIFETIME.as_secs();
        assert!(at(&session.text, ends - 60).is_some());
        assert_eq!(at(&session.text, ends + 60), None);
        let longer = format!("9{}", session.text);
        assert_eq!(at(&longer, 0), None);
    }

    #[test]
    fn a_form_of_one_session_is_none_of_another() {
        let token = token("0123456789abcdef");
        let sessions = [(); 2].map(|()| Session::begin(&token, "anna").unwrap());
        assert!(sessions[0].made(&token, &sessions[0].csrf));
        assert!(!sessions[0].made(&token, &sessions[1].csrf));
        assert!(!sessions[0].made(&token, ""));
    }

    #[test]
    fn only_our_own_pages_may_send_forms() {
        let sent = |pairs: &[(&'static str, &str)]| {
            let headers = pairs.iter().map(|(name, value)| {
                let name = header::HeaderName::from_static(name);
                (name, value.parse().unwrap())
            });
            refuse_other_sites(&headers.collect()).is_ok()
        };
        let host = ("host", "kii.example:3001");
        assert!(sent(&[host]), "a program says nothing");
        assert!(sent(&[host, ("origin", "http://kii.example:3001")]));
        assert!(sent(&[
            host,
            ("origin", "https://x"),
            ("sec-fetch-site", "same-origin")
        ]));
        for origin in ["http://kii.example", "https://evil.example", "null", ""] {
            assert!(!sent(&[host, ("origin", origin)]), "{origin}");
        }
        assert!(!sent(&[("origin", "http://kii.example:3001")]));
        for site in ["cross-site", "same-site", "none"] {
            assert!(!sent(&[host, ("sec-fetch-site", site)]), "{site}");
        }
    }
}
