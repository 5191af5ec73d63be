//! Having erased what is kept, by programs, by pages and by operators; and what is said of it.

use serde_json::{Value, json};
use shared::{
    job::Outcome,
    store::{audit, jobs},
};
use warp::http::Response;

use super::{
    Service, assert_problem, header, json_of,
    pages::{assert_page, look},
    request_for,
};

const TOKEN: &str = "a-secret-of-some-length";

impl Service {
    /// Asks in the name of an address that a trusted proxy tells.
    async fn asked_by(&self, address: &str, layout: &str) -> Value {
        let request = warp::test::request()
            .method("POST")
            .path("/v1/builds")
            .extension(crate::client::Peer(([127, 0, 0, 1], 9).into()))
            .header("x-forwarded-for", address);
        let answer = self.ask(request.json(&request_for(layout))).await;
        assert!(answer.status().is_success(), "{answer:?}");
        json_of(&answer)
    }

    async fn forget(&self, id: &str, token: &str) -> Response<bytes::Bytes> {
        let request = warp::test::request()
            .method("POST")
            .path(&format!("/v1/builds/{id}/forget"))
            .header("authorization", format!("Bearer {token}"));
        self.ask(request).await
    }

    async fn operator_forgets(&self, body: &Value) -> Response<bytes::Bytes> {
        let request = warp::test::request()
            .method("POST")
            .path("/v1/forget")
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("x-kiisrv-by", "Otto");
        self.ask(request.json(body)).await
    }
}

async fn service() -> Service {
    Service::start_with(&[
        ("KIISRV_OPERATOR_TOKEN", TOKEN),
        ("KIISRV_TRUSTED_PROXIES", "127.0.0.1"),
    ])
    .await
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn with_the_token_of_its_answer_a_submitter_has_a_build_erased_once_it_has_ended() {
    let service = service().await;
    let asked = service.asked_by("192.0.2.1", "MD1-Standard").await;
    let (id, token) = (text(&asked, "id"), text(&asked, "leave_token"));
    let waits = assert_problem(&service.forget(&id, &token).await, 409);
    assert!(text(&waits, "detail").contains("has not ended"), "{waits}");
    service.work(Outcome::Built).await;
    assert_problem(&service.forget(&id, "nonsense").await, 403);
    let path = format!("/v1/builds/{id}/forget");
    assert_problem(&service.post(&path, &json!({})).await, 401);
    assert_eq!(service.get(&format!("/v1/builds/{id}")).await.status(), 200);

    let answer = service.forget(&id, &token).await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    assert_eq!(json_of(&answer), json!({ "id": id, "forgotten": true }));
    for what in ["", "/log", "/artifact", "/events"] {
        let path = format!("/v1/builds/{id}{what}");
        assert_problem(&service.get(&path).await, 404);
    }
    assert_problem(&service.forget(&id, &token).await, 404);
    // It is no answer any more.
    let again = service.asked_by("192.0.2.1", "MD1-Standard").await;
    assert_eq!(again["status"], "queued");
    assert_ne!(text(&again, "id"), id);
}

#[tokio::test]
async fn a_build_that_another_address_was_given_stays_for_all_but_operators() {
    let service = service().await;
    let asked = service.asked_by("192.0.2.1", "MD1-Standard").await;
    let (id, token) = (text(&asked, "id"), text(&asked, "leave_token"));
    service.work(Outcome::Built).await;
    let other = service.asked_by("192.0.2.2", "MD1-Standard").await;
    assert_eq!(text(&other, "id"), id);
    let stays = assert_problem(&service.forget(&id, &token).await, 409);
    assert!(text(&stays, "detail").contains("others asked"), "{stays}");

    let answer = service.operator_forgets(&json!({ "build": id })).await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    assert_problem(&service.get(&format!("/v1/builds/{id}")).await, 404);
    let entries = audit::entries(&service.state.store, 9).await.unwrap();
    assert_eq!((&entries[0].who[..], &entries[0].subject), ("Otto", &id));
}

#[tokio::test]
async fn an_operator_erases_what_an_address_asked_for_and_says_so_to_nobody() {
    let service = service().await;
    for address in ["2001:db8:1:2::5", "192.0.2.2"] {
        service.asked_by(address, "MD1-Standard").await;
    }
    service.work(Outcome::Built).await;
    let own = service.asked_by("2001:db8:1:2::5", "Kira-Standard").await;
    service.work(Outcome::Built).await;
    // Another address of the same network is the same client.
    let answer = service
        .operator_forgets(&json!({ "address": "2001:db8:1:2::77" }))
        .await;
    let expected = json!({ "erased": 1, "shared": 1, "unfinished": 0 });
    assert_eq!(json_of(&answer), expected);
    let own = text(&own, "id").parse().unwrap();
    assert_eq!(jobs::show(&service.state.store, own).await.unwrap(), None);
    let entries = audit::entries(&service.state.store, 9).await.unwrap();
    assert_eq!(entries[0].subject, "a client");
    for wrong in [
        json!({ "address": "example.org" }),
        json!({ "address": 5 }),
        json!({ "build": "x", "address": "192.0.2.2" }),
        json!({}),
    ] {
        assert_problem(&service.operator_forgets(&wrong).await, 400);
    }
    assert_problem(
        &service.operator_forgets(&json!({ "build": "x" })).await,
        404,
    );
}

/// What a browser sends to a build's page, with the cookies that it was given.
async fn send(service: &Service, path: &str, cookies: &str) -> Response<bytes::Bytes> {
    let request = warp::test::request().method("POST").path(path);
    service.ask(request.header("cookie", cookies)).await
}

#[tokio::test]
async fn the_page_of_a_build_erases_it_in_the_browser_that_asked_also_when_it_asked_twice() {
    let service = service().await;
    let mut cookies = Vec::new();
    let mut id = String::new();
    for _ in 0..2 {
        let asked = service.asked_by("192.0.2.1", "MD1-Standard").await;
        id = text(&asked, "id");
        let token = text(&asked, "leave_token");
        cookies.push(format!("leave-{}={token}", &token[..8]));
    }
    let (path, forget) = (format!("/builds/{id}"), format!("/builds/{id}/forget"));
    let cookies = cookies.join("; ");
    assert_page(&send(&service, &forget, &cookies).await, 403);
    service.work(Outcome::Built).await;

    let page = assert_page(&look(&service, &path).await, 200);
    assert!(!page.contains(&forget), "others are not offered it");
    assert!(page.contains("dfu-util -w -D kiibohd.dfu.bin"), "{page}");
    assert!(page.contains("ATTR{idVendor}==&#34;1c11&#34;"), "{page}");
    let own = warp::test::request().path(&path).header("cookie", &cookies);
    let own = assert_page(&service.ask(own).await, 200);
    assert!(own.contains(&forget), "{own}");

    assert_page(&send(&service, &forget, "leave-x=nonsense").await, 403);
    let done = send(&service, &forget, &cookies).await;
    let page = assert_page(&done, 200);
    assert!(page.contains("It is erased"), "{page}");
    assert!(header(&done, "set-cookie").contains("Max-Age=0"));
    assert_page(&look(&service, &path).await, 404);
}

#[tokio::test]
async fn the_page_on_privacy_states_the_settings_of_this_service() {
    let directory = tempfile::tempdir().unwrap();
    let words = directory.path().join("words");
    std::fs::write(
        &words,
        "We keep <b>backups</b>\nfor a week.\n\nThat is all.",
    )
    .unwrap();
    let service = Service::start_with(&[
        ("KIISRV_KEEP_FIRMWARE_DAYS", "17"),
        ("KIISRV_KEEP_LOGS_DAYS", "1"),
        ("KIISRV_KEEP_LAYOUTS_DAYS", "0"),
        ("KIISRV_KEEP_FIRMWARE_GB", "3"),
        ("KIISRV_RECORD_SYSTEMS", "off"),
        ("KIISRV_CONTACT", "me@example.org"),
        ("KIISRV_PRIVACY_FILE", words.to_str().unwrap()),
    ])
    .await;
    let page = assert_page(&look(&service, "/privacy").await, 200);
    for part in [
        "<td>17 days</td>",
        "<td>1 day</td>",
        "<td>a few minutes, beyond what is in the zip</td>",
        "over 3 GiB",
        "<td>not kept</td>",
        "<a href=\"mailto:me@example.org\">me@example.org</a>",
        "<p>We keep &#60;b&#62;backups&#60;/b&#62; for a week.</p>\n<p>That is all.</p>",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let page = assert_page(&look(&Service::start().await, "/privacy").await, 200);
    assert!(page.contains("They have left no address here.") && !page.contains("not kept"));
}

#[tokio::test]
async fn what_is_not_to_be_recorded_of_visitors_is_not() {
    let service = Service::start_with(&[
        ("KIISRV_RECORD_CLIENTS", "off"),
        ("KIISRV_RECORD_SYSTEMS", "off"),
        ("KIISRV_TRUSTED_PROXIES", "127.0.0.1"),
    ])
    .await;
    service.asked_by("192.0.2.1", "MD1-Standard").await;
    let request = warp::test::request()
        .path("/stats")
        .header("accept", "application/json");
    let stats = json_of(&service.ask(request).await);
    assert_eq!((&stats["builds"], &stats["users"]), (&json!(1), &json!(0)));
    assert_eq!(stats["os"], json!({ "Unknown": 1 }));
    assert_eq!(stats["platforms"], json!({ "Unknown": 1 }));
}
