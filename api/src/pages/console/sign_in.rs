//! How an operator's session begins and ends: the token is shown once, and a cookie stands for it from then on.

use askama::Template;
use warp::{
    Reply,
    http::{HeaderValue, StatusCode, header},
    reply::Response,
};

use super::{
    Visit,
    act::{self, read},
    private,
    session::{Session, no_cookie, refuse_other_sites},
    token,
};
use crate::{
    body::Incoming,
    error::{Answer, Problem},
    operator::check,
    pages::for_own_origin,
    state::State,
};

#[derive(Template)]
#[template(path = "console/sign_in.html")]
struct SignIn<'a> {
    /// Why the last try did not help.
    refusal: Option<&'a str>,
    name: &'a str,
    /// Where to go on.
    to: &'a str,
}

/// The form in the place of a page that is for operators.
pub(super) fn in_place_of(to: &str, why: Option<&str>) -> Answer {
    let form = SignIn {
        refusal: why,
        name: "",
        to: own_page(to),
    };
    let unknown = Problem::unauthorized("this is for operators");
    let mut response = unknown.heading(private(&form)?);
    let bearer = HeaderValue::from_static("Bearer");
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, bearer);
    Ok(response)
}

/// Begins a session for whoever sends the operators' token.
pub(crate) async fn sign_in(state: State, visit: Visit, incoming: Incoming) -> Answer {
    refuse_other_sites(&visit.headers)?;
    let fields = read(&state, incoming).await?;
    let (name, to) = (fields.get("name"), fields.get("to"));
    if let Err(refused) = check(&state, &visit.asker, Some(fields.get("token").trim())) {
        let form = SignIn {
            refusal: Some(refused.detail()),
            name,
            to: own_page(to),
        };
        return Ok(refused.heading(private(&form)?));
    }
    let token = token(&state)?;
    let session = Session::begin(token, name)?;
    tracing::info!(who = session.who, "Signed in");
    let cookie = session.cookie(token, visit.over_tls)?;
    with_cookie(see(own_page(to))?, cookie)
}

/// Ends a session in this browser.
pub(crate) async fn sign_out(state: State, visit: Visit, incoming: Incoming) -> Answer {
    match act::form(&state, &visit, incoming).await {
        Ok(_) => with_cookie(see("/queue")?, no_cookie(visit.over_tls)?),
        Err(act::Instead(answer)) => answer,
    }
}

fn with_cookie(mut response: Response, cookie: HeaderValue) -> Answer {
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Sends a browser to another page, which it asks for with `GET`.
pub(super) fn see(path: &str) -> Answer {
    let mut response = for_own_origin(StatusCode::SEE_OTHER.into_response());
    let path = HeaderValue::from_str(path).map_err(Problem::broken)?;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, path);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// A form may lead to pages of this part and nowhere else.
fn own_page(to: &str) -> &str {
    let id = to.strip_prefix("/queue/builds/").unwrap_or_default();
    let is_id = !id.is_empty()
        && id
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    if is_id { to } else { "/queue" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_to_pages_of_this_part_and_nowhere_else() {
        let build = "/queue/builds/01a20a07-e57b-73c6-a833-e35d82e42f3c";
        assert_eq!(own_page(build), build);
        for to in [
            "",
            "//evil.example",
            "https://evil.example",
            "/queue/builds/../../x",
            "/queue/builds//evil.example",
            "/queue/builds/",
        ] {
            assert_eq!(own_page(to), "/queue", "{to}");
        }
    }
}
