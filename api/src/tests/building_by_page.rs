//! Asking for a build by the page's form, looking at it, leaving it: what strangers may send there, and what comes back.

use warp::http::Response;

use super::{
    pages::{assert_page, look},
    *,
};
use crate::{body::Bodies, client::Peer};

const BOUNDARY: &str = "a-boundary";

/// What a browser makes of the form.
fn form(fields: &[(&str, &str)]) -> RequestBuilder {
    let part = |(name, value): &(&str, &str)| {
        let file = if *name == "file" {
            "; filename=\"a.json\""
        } else {
            ""
        };
        format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n"
        )
    };
    let parts: String = fields.iter().map(part).collect();
    warp::test::request()
        .method("POST")
        .path("/builds")
        .header("accept", "text/html")
        .header(
            "content-type",
            format!("multipart/form-data; boundary={BOUNDARY}"),
        )
        .body(format!("{parts}--{BOUNDARY}--\r\n"))
}

fn of_library(layout: &str) -> RequestBuilder {
    form(&[
        ("from", "library"),
        ("layout", layout),
        ("version", "latest"),
    ])
}

fn of_text(text: &str) -> RequestBuilder {
    form(&[("from", "text"), ("text", text), ("version", "latest")])
}

/// Where an accepted form leads, and the cookie that it sets.
fn accepted(answer: &Response<Bytes>) -> (String, String) {
    assert_eq!(answer.status(), 303, "{answer:?}");
    assert_eq!(header(answer, "access-control-allow-origin"), "");
    let place = header(answer, "location").to_owned();
    assert!(place.starts_with("/builds/"), "{place}");
    (place, header(answer, "set-cookie").to_owned())
}

#[tokio::test]
async fn the_first_page_is_a_page_and_old_clients_still_send_to_its_address() {
    let service = Service::start().await;
    let page = assert_page(&look(&service, "/").await, 200);
    assert!(page.contains("<svg"), "the keyboard is drawn");
    assert!(page.contains("value=\"MDErgo1-Default.json\""));
    let problem = assert_problem(&service.post("/", &json!({})).await, 422);
    assert!(problem["error"].is_string());
}

#[tokio::test]
async fn a_form_is_the_same_build_as_the_same_layout_sent_by_a_program() {
    let service = Service::start().await;
    let (place, _) = accepted(&service.ask(of_library("KType-Standard.json")).await);
    let request = request_for("KType-Standard");
    let again = service.post("/v1/builds", &request).await;
    assert_eq!(again.status(), 200, "it is known");
    assert_eq!(format!("/v1{place}"), header(&again, "location"));
    let text = request["config"].to_string();
    let file = form(&[
        ("from", "file"),
        ("file", &format!("\u{feff}{text}")),
        ("version", "latest"),
    ]);
    assert_eq!(accepted(&service.ask(file).await).0, place);
    assert_eq!(accepted(&service.ask(of_text(&text)).await).0, place);
}

#[tokio::test]
async fn what_cannot_be_taken_comes_back_with_what_to_do() {
    let service = Service::start().await;
    for (form, status, words) in [
        (
            of_text("{\"header\":"),
            400,
            "This is no JSON that we can read",
        ),
        (of_text(" "), 400, "Paste a layout first"),
        (
            form(&[("from", "file"), ("file", "")]),
            400,
            "Choose a layout file first",
        ),
        (
            of_library("../Cargo.toml"),
            400,
            "Choose a layout of the list",
        ),
        (of_text("[]"), 422, "must be a layout"),
        (
            form(&[
                ("from", "library"),
                ("layout", "KType-Standard.json"),
                ("version", "none"),
            ]),
            422,
            "is no version that we know",
        ),
        (
            form(&[("more", "than the form has")]),
            400,
            "The form cannot be read",
        ),
        (
            of_text("{}").header("content-type", "application/json"),
            415,
            "programs send JSON to /v1/builds",
        ),
    ] {
        let page = assert_page(&service.ask(form).await, status);
        assert!(page.contains(words), "{words}: {page}");
    }
}

#[tokio::test]
async fn what_strangers_write_is_text_wherever_it_is_shown() {
    const EVIL: &str = "<img src=x onerror=alert(1)>\"'</textarea>&amp;";
    let service = Service::start().await;
    let assert_harmless = |page: &str| {
        assert!(!page.contains("<img src=x"), "{page}");
        assert!(!page.contains("'</textarea>"), "{page}");
        assert!(
            page.contains("&#60;img") || page.contains("&lt;img"),
            "{page}"
        );
    };
    let mut config = request_for("KType-Standard")["config"].take();
    config["matrix"][5]["layers"]["0"] = json!({ "key": "A", "label": EVIL });
    let (place, _) = accepted(&service.ask(of_text(&config.to_string())).await);
    let claimed = service.claim().await;
    let log = format!("{}/{}.log", claimed.held.id, claimed.held.epoch);
    write(&service.state.settings.logs.join(log), EVIL);
    assert_harmless(&assert_page(&look(&service, &place).await, 200));
    let id = claimed.held.id;
    assert_harmless(&assert_page(
        &look(&service, &format!("/?build={id}")).await,
        200,
    ));
    config["header"]["Name"] = EVIL.into();
    config["header"]["Base"] = EVIL.into();
    let refused = service.ask(of_text(&config.to_string())).await;
    assert_harmless(&assert_page(&refused, 422));
    for path in [
        format!("/builds/{EVIL}"),
        format!("/?layout={EVIL}&version={EVIL}&build={EVIL}"),
    ] {
        let path = path.replace(['<', '>', '"', ' '], "%3C");
        let page = look(&service, &path).await;
        assert!(
            !String::from_utf8_lossy(page.body()).contains("onerror"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_bounds_of_the_native_way_in_are_the_forms_too() {
    let mut service = Service::start_with(&[("KIISRV_MAX_WAITING_PER_CLIENT", "1")]).await;
    accepted(&service.ask(of_library("KType-Standard.json")).await);
    let refused = service
        .ask(of_text(&request_for("Kira-Standard")["config"].to_string()))
        .await;
    assert!(!header(&refused, "retry-after").is_empty());
    let page = assert_page(&refused, 429);
    assert!(
        page.contains("1 builds from your address wait already"),
        "{page}"
    );
    assert!(page.contains("Wait a little and try again."), "{page}");
    assert!(page.contains("Kira"), "what was sent is still there");

    service.state.bodies = Bodies::new(1000, Duration::from_secs(30), 1 << 20);
    assert_page(&service.ask(of_text(&" ".repeat(2000))).await, 413);
    let many = format!("[{}1]", "1,".repeat(300_000));
    service.state.bodies = Bodies::default();
    assert_page(&service.ask(of_text(&many)).await, 413);
    assert_page(&service.ask(of_text(&"[".repeat(100_000))).await, 400);
}

#[tokio::test]
async fn only_the_browser_that_asked_may_leave() {
    let service = Service::start_with(&[("KIISRV_TRUSTED_PROXIES", "10.0.0.1")]).await;
    let (place, cookie) = accepted(&service.ask(of_library("KType-Standard.json")).await);
    for word in [&format!("Path={place}"), "HttpOnly", "SameSite=Lax"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    let proxied = of_library("KType-Standard.json")
        .extension(Peer("10.0.0.1:9".parse().unwrap()))
        .header("x-forwarded-proto", "https");
    let (_, second) = accepted(&service.ask(proxied).await);
    assert!(second.ends_with("; Secure"), "{second}");
    let value = |cookie: &str| cookie.split(';').next().unwrap().to_owned();
    let (first, second) = (value(&cookie), value(&second));
    assert_ne!(
        first.split('=').next(),
        second.split('=').next(),
        "neither hides the other"
    );

    let leave = |cookies: &str| {
        let request = warp::test::request()
            .method("POST")
            .path(&format!("{place}/leave"));
        request.header("cookie", cookies)
    };
    for stranger in ["", "leave-12345678=12345678", "other=x"] {
        assert_page(&service.ask(leave(stranger)).await, 403);
    }
    assert!(!assert_page(&look(&service, &place).await, 200).contains("/leave\""));
    let own = warp::test::request().path(&place).header("cookie", &first);
    assert!(assert_page(&service.ask(own).await, 200).contains("/leave\""));

    // Whoever asked twice leaves with both.
    let (_, gone) = accepted(&service.ask(leave(&format!("{first}; {second}"))).await);
    assert!(
        gone.contains("Max-Age=0") && gone.contains("HttpOnly"),
        "{gone}"
    );
    let page = assert_page(&look(&service, &place).await, 200);
    assert!(page.contains("This build was cancelled"), "{page}");
}

#[tokio::test]
async fn a_builds_page_tells_every_end_and_comes_again_only_while_it_lasts() {
    let service = Service::start().await;
    let (place, _) = accepted(&service.ask(of_library("KType-Standard.json")).await);
    let page = assert_page(&look(&service, &place).await, 200);
    assert!(page.contains("http-equiv=\"refresh\""), "{page}");
    service.work(failed(Reason::OutOfMemory)).await;
    let answer = look(&service, &place).await;
    assert_eq!(header(&answer, "cache-control"), "no-store");
    let page = assert_page(&answer, 200);
    assert!(!page.contains("http-equiv=\"refresh\""), "{page}");
    assert!(
        page.contains("It needed more of the machine than a build may have."),
        "{page}"
    );
    assert!(page.contains("Download what it left"), "{page}");
    assert_page(&look(&service, "/builds/none").await, 404);
    let unknown = "/builds/01a20a07-e57b-73c6-a833-e35d82e42f3c";
    assert_page(&look(&service, unknown).await, 404);
}
