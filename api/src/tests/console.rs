//! The operators' pages: who sees them, and what their forms do.

use shared::{job::Outcome, store::audit};
use warp::{http::Response, test::RequestBuilder};

use super::{
    Bytes, Service, header,
    operator::{TOKEN, service},
    pages::{assert_page, html_of},
    request_for,
};
use crate::client::Peer;

/// A browser that keeps one cookie.
pub(super) struct Browser<'a> {
    service: &'a Service,
    cookie: String,
}

impl<'a> Browser<'a> {
    /// One that has signed in under this name.
    pub(super) async fn signed_in(service: &'a Service, name: &str) -> Self {
        let answer = sign_in(service, TOKEN, name, |request| request).await;
        assert_eq!(answer.status(), 303, "{answer:?}");
        let cookie = header(&answer, "set-cookie");
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Self { service, cookie }
    }

    pub(super) async fn get(&self, path: &str) -> Response<Bytes> {
        let request = warp::test::request().path(path);
        self.service
            .ask(request.header("cookie", &self.cookie))
            .await
    }

    pub(super) async fn page(&self, path: &str) -> String {
        assert_page(&self.get(path).await, 200)
    }

    /// The proof that its forms have.
    async fn csrf(&self) -> String {
        let page = self.page("/queue").await;
        let (_, rest) = page.split_once("name=\"csrf\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    /// Sends a form as its own pages do.
    async fn send(&self, path: &str) -> Response<Bytes> {
        let csrf = self.csrf().await;
        self.send_with(path, &format!("csrf={csrf}"), |request| request)
            .await
    }

    async fn send_with(
        &self,
        path: &str,
        body: &str,
        more: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Response<Bytes> {
        let request = form(path, body).header("cookie", &self.cookie);
        self.service.ask(more(request)).await
    }
}

fn form(path: &str, body: &str) -> RequestBuilder {
    let request = warp::test::request().method("POST").path(path);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    request.header("host", "kii.example").body(body)
}

async fn sign_in(
    service: &Service,
    token: &str,
    name: &str,
    more: impl FnOnce(RequestBuilder) -> RequestBuilder,
) -> Response<Bytes> {
    let body = format!("token={token}&name={name}&to=/queue");
    service.ask(more(form("/queue/sign-in", &body))).await
}

/// Every page, by path.
const PAGES: &[&str] = &[
    "/queue",
    "/queue/builds/01a20a07-e57b-73c6-a833-e35d82e42f3c",
];

/// Every form that changes something.
const FORMS: &[&str] = &[
    "/queue/pause",
    "/queue/resume",
    "/queue/workers/worker/drain",
    "/queue/workers/worker/undrain",
    "/queue/builds/01a20a07-e57b-73c6-a833-e35d82e42f3c/cancel",
    "/queue/builds/01a20a07-e57b-73c6-a833-e35d82e42f3c/retry",
    "/queue/sign-out",
];

/// Who did what, newest first.
async fn done(service: &Service) -> Vec<(String, String)> {
    let entries = audit::entries(&service.state.store, 99).await.unwrap();
    let done = entries.into_iter().map(|entry| (entry.who, entry.what));
    done.collect()
}

#[tokio::test]
async fn whoever_is_not_signed_in_is_asked_to_and_sees_and_changes_nothing() {
    let service = service().await;
    service.submit(&request_for("KType-Standard")).await;
    for path in PAGES {
        let page = assert_page(&service.get(path).await, 401);
        assert!(page.contains("action=\"/queue/sign-in\""), "{page}");
        assert!(
            page.contains(&format!("name=\"to\" value=\"{path}\"")),
            "{page}"
        );
        assert!(!page.contains("KType"), "{page}");
    }
    for path in ["/queue/live", "/queue/plots"] {
        let answer = service.get(path).await;
        assert_eq!(answer.status(), 401, "{path}");
        assert!(!html_of(&answer).contains("KType"));
    }
    for path in FORMS {
        let answer = service.ask(form(path, "csrf=")).await;
        let page = assert_page(&answer, 401);
        assert!(page.contains("nothing was changed"), "{path}: {page}");
    }
    assert_eq!(done(&service).await, []);
}

#[tokio::test]
async fn without_a_token_in_the_settings_the_page_says_how_to_have_one() {
    let service = Service::start().await;
    for path in PAGES {
        let page = assert_page(&service.get(path).await, 403);
        assert!(page.contains("KIISRV_OPERATOR_TOKEN"), "{page}");
    }
    let answer = sign_in(&service, TOKEN, "anna", |request| request).await;
    assert_page(&answer, 403);
    assert_eq!(header(&answer, "set-cookie"), "");
}

#[tokio::test]
async fn only_the_operators_token_signs_in_and_guesses_are_counted_with_all_others() {
    let service = service().await;
    for _ in 0..9 {
        let answer = sign_in(&service, "a-guess", "<b>anna", |request| request).await;
        let page = assert_page(&answer, 403);
        assert!(page.contains("not the operators"), "{page}");
        assert!(page.contains("value=\"&#60;b&#62;anna\""), "{page}");
        assert!(!page.contains("a-guess"), "{page}");
        assert_eq!(header(&answer, "set-cookie"), "");
    }
    service.shows(("GET", "/v1/queue"), "a-guess").await;
    let answer = sign_in(&service, TOKEN, "anna", |request| request).await;
    assert_page(&answer, 429);
    assert_ne!(header(&answer, "retry-after"), "");
}

#[tokio::test]
async fn the_cookie_is_for_these_pages_alone_and_no_script_reads_it() {
    let service = Service::start_with(&[
        ("KIISRV_OPERATOR_TOKEN", TOKEN),
        ("KIISRV_TRUSTED_PROXIES", "10.0.0.1"),
    ])
    .await;
    let from = |address: &str| Peer(format!("{address}:9").parse().unwrap());
    for (address, scheme, secure) in [
        ("10.0.0.1", "https", true),
        ("10.0.0.1", "https, http", false),
        ("10.0.0.1", "http", false),
        ("203.0.113.9", "https", false),
    ] {
        let answer = sign_in(&service, TOKEN, "anna", |request| {
            let request = request.extension(from(address));
            request.header("x-forwarded-proto", scheme)
        })
        .await;
        assert_eq!(header(&answer, "location"), "/queue");
        let cookie = header(&answer, "set-cookie");
        for part in [
            "; HttpOnly",
            "; SameSite=Strict",
            "; Path=/queue;",
            "; Max-Age=43200",
        ] {
            assert!(cookie.contains(part), "{part} in {cookie}");
        }
        assert_eq!(cookie.ends_with("; Secure"), secure, "{address} {scheme}");
        assert!(!cookie.contains(TOKEN), "{cookie}");
    }
}

#[tokio::test]
async fn a_form_without_this_sessions_proof_changes_nothing() {
    let service = service().await;
    let (anna, bert) = (
        Browser::signed_in(&service, "anna").await,
        Browser::signed_in(&service, "bert").await,
    );
    let (own, others) = (anna.csrf().await, bert.csrf().await);
    assert_ne!(own, others);
    for path in FORMS {
        for csrf in ["", "csrf=", "csrf=0123", &format!("csrf={others}")] {
            let answer = anna.send_with(path, csrf, |request| request).await;
            let page = assert_page(&answer, 403);
            assert!(page.contains("another session"), "{path}: {page}");
            assert_eq!(header(&answer, "set-cookie"), "");
        }
    }
    assert_eq!(done(&service).await, []);
}

#[tokio::test]
async fn what_another_sites_page_sends_changes_nothing() {
    let service = service().await;
    let anna = Browser::signed_in(&service, "anna").await;
    let body = format!("csrf={}", anna.csrf().await);
    let (origin, site) = ("origin", "sec-fetch-site");
    for path in FORMS {
        for (name, value) in [
            (origin, "https://evil.example"),
            (origin, "null"),
            (site, "cross-site"),
            (site, "same-site"),
        ] {
            let from = |request: RequestBuilder| request.header(name, value);
            let answer = anna.send_with(path, &body, from).await;
            assert_page(&answer, 403);
        }
    }
    assert_eq!(done(&service).await, []);
    let from = |request: RequestBuilder| request.header(origin, "https://evil.example");
    let answer = sign_in(&service, TOKEN, "anna", from).await;
    assert_page(&answer, 403);
    let from = |request: RequestBuilder| request.header(origin, "http://kii.example");
    let paused = anna.send_with("/queue/pause", &body, from).await;
    assert_eq!(paused.status(), 303, "its own pages may: {paused:?}");
}

#[tokio::test]
async fn each_change_is_done_once_said_and_written_down_with_its_name() {
    let service = service().await;
    let anna = Browser::signed_in(&service, "anna").await;
    let id = service.submit(&request_for("KType-Standard")).await;
    let changes = [
        ("/queue/pause".to_owned(), "paused", "The queue is paused"),
        ("/queue/resume".to_owned(), "resumed", "The queue goes on."),
        ("/queue/resume".to_owned(), "so", "It was so already."),
        (
            "/queue/workers/worker/drain".to_owned(),
            "draining",
            "takes no new build",
        ),
        (
            "/queue/workers/worker/undrain".to_owned(),
            "undrained",
            "takes builds again",
        ),
        (
            format!("/queue/builds/{id}/cancel"),
            "cancelled",
            "cancelled for all",
        ),
    ];
    for (path, word, sentence) in changes {
        let answer = anna.send(&path).await;
        assert_eq!(answer.status(), 303, "{path}: {answer:?}");
        let next = header(&answer, "location");
        assert_eq!(next, format!("/queue?said={word}"));
        let page = anna.page(next).await;
        assert!(page.contains(sentence), "{page}");
    }
    let answer = anna.send(&format!("/queue/builds/{id}/retry")).await;
    let next = header(&answer, "location");
    assert!(
        next.starts_with("/queue/builds/") && next.ends_with("?said=retried"),
        "{next}"
    );
    assert!(!next.contains(&id), "it is a build of its own");
    anna.page(next).await;
    let verbs = ["retry", "cancel", "undrain", "drain", "resume", "pause"];
    let expected = verbs.map(|verb| ("operator anna".to_owned(), verb.to_owned()));
    assert_eq!(done(&service).await, expected);
}

#[tokio::test]
async fn what_cannot_be_done_is_a_page_that_says_why() {
    let service = service().await;
    let anna = Browser::signed_in(&service, "anna").await;
    let built = service.submit(&request_for("KType-Standard")).await;
    service.work(Outcome::Built).await;
    let answer = anna.send(&format!("/queue/builds/{built}/cancel")).await;
    assert!(assert_page(&answer, 409).contains("succeeded"));
    let answer = anna.send("/queue/workers/nobody/drain").await;
    assert!(assert_page(&answer, 404).contains("no worker"));
    assert_page(&anna.get("/queue/builds/none").await, 404);
    let large = "x".repeat(20_000);
    let answer = anna
        .send_with("/queue/pause", &large, |request| request)
        .await;
    assert_page(&answer, 413);
}

#[tokio::test]
async fn signing_out_makes_the_browser_forget() {
    let service = service().await;
    let anna = Browser::signed_in(&service, "anna").await;
    let answer = anna.send("/queue/sign-out").await;
    assert_eq!(answer.status(), 303);
    let cookie = header(&answer, "set-cookie");
    assert!(
        cookie.starts_with("kiisrv_session=; Path=/queue; Max-Age=0"),
        "{cookie}"
    );
}
