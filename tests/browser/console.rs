//! The operators' pages in a real browser: signing in, looking on, and changing what is seen.

use harness::service::layout;

use crate::{
    ENTER,
    browser::{Browser, Visitor},
    is_wanted,
    stage::{SAID, claim, fail, say, service_with, succeed},
    tab_to,
};

const TOKEN: &str = "a-secret-of-some-length";

fn service() -> harness::service::Service {
    service_with(&[("KIISRV_OPERATOR_TOKEN", TOKEN)])
}

fn sign_in(browser: &Browser) {
    browser.type_into(Some("#token"), TOKEN);
    browser.type_into(Some("#name"), "Anna");
    browser.type_into(None, ENTER);
    browser.wait_for_text("h1", "Queue");
}

#[test]
fn an_operator_signs_in_looks_on_and_ends_a_build() {
    if !is_wanted() {
        return;
    }
    let service = service();
    let browser = Browser::of(Visitor::default());
    browser.open(&format!("{}/queue", service.url));
    browser.assert_for_everybody("sign in");
    browser.type_into(Some("#token"), "a-guess-of-some-length");
    browser.type_into(None, ENTER);
    browser.wait_for_text("[role='alert']", "not the operators' token");
    browser.assert_for_everybody("sign in refused");
    sign_in(&browser);
    assert_eq!(
        browser.value("return document.cookie"),
        "",
        "no script reads it"
    );
    browser.wait_for_text("main", "Nothing ended in this time.");
    browser.assert_for_everybody("queue empty");

    // It comes by itself, and what has the focus keeps it.
    tab_to(&browser, "#pause");
    let id = service.submit(&layout("KType-Standard.json"), "latest");
    let waiting = format!("#build-{id}");
    browser.wait_for_text(&waiting, "KType-Standard");
    let focused = "return document.activeElement.id";
    assert_eq!(browser.value(focused), "pause");
    browser.type_into(None, ENTER);
    browser.accept();
    browser.wait_for_text("[role='status']", "The queue is paused");
    browser.assert_for_everybody("queue paused");
    browser.click("#resume");
    browser.wait_for_text("[role='status']", "The queue goes on.");

    let claimed = claim(&service);
    say(&service, &claimed, SAID);
    browser.click(&waiting);
    browser.wait_for_text("#state", "running");
    browser.wait_for_text("#scroll-log", SAID.trim());
    say(&service, &claimed, "[2/2] Linking\n");
    browser.wait_for_text("#scroll-log", "Linking");
    browser.assert_for_everybody("operator build running");
    browser.click("#cancel");
    browser.accept();
    browser.wait_for_text("[role='status']", "cancelled for all");
    browser.wait_for_text("#state", "cancelled");
    browser.click("#retry");
    browser.wait_for_text("#state", "queued");
    succeed(&service, &claim(&service));
    browser.wait_for_text("#state", "succeeded");
    browser.click("main form[action='/queue/sign-out'] button");
    browser.wait_for_text("h1", "for operators");
}

#[test]
fn on_a_phone_and_in_the_dark_operators_see_all_of_it_too() {
    if !is_wanted() {
        return;
    }
    let service = service();
    let ended = ["KType-Standard", "Kira-Standard", "MDErgo1-Default"];
    for name in ended {
        let id = service.submit(&layout(&format!("{name}.json")), "latest");
        let claimed = claim(&service);
        assert_eq!(claimed.held.id.to_string(), id);
        say(&service, &claimed, &SAID.repeat(40));
        fail(&service, &claimed, "/config/matrix/1/layers/2/key");
    }
    let id = service.submit(&layout("GeminiDuskDawn-Standard.json"), "latest");
    for (phone, in_the_dark) in [(Some(320), false), (Some(360), true), (None, true)] {
        let browser = Browser::of(Visitor {
            in_the_dark,
            phone,
            ..Visitor::default()
        });
        let width = phone.unwrap_or(1280);
        browser.open(&format!("{}/queue/builds/{id}", service.url));
        browser.type_into(Some("#token"), TOKEN);
        browser.type_into(None, ENTER);
        browser.wait_for_text("#state", "queued");
        browser.assert_for_everybody(&format!("operator build {width}"));
        browser.open(&format!("{}/queue", service.url));
        browser.wait_for_text("#recent", "Ended");
        browser.click("#summary-hour");
        browser.assert_for_everybody(&format!("queue {width}"));
    }
}

#[test]
fn without_a_script_an_operator_signs_in_finds_a_build_and_ends_it() {
    if !is_wanted() {
        return;
    }
    let service = service();
    let [other, id] = ["Kira-Standard.json", "KType-Standard.json"]
        .map(|file| service.submit(&layout(file), "latest"));
    let browser = Browser::of(Visitor {
        without_script: true,
        ..Visitor::default()
    });
    browser.open(&format!("{}/queue", service.url));
    sign_in(&browser);
    browser.type_into(Some("#q"), &id[24..]);
    browser.type_into(None, ENTER);
    browser.wait_for_text("main", "Show all");
    browser.wait_for_text(&format!("#build-{id}"), "KType-Standard");
    assert!(
        !browser.has(&format!("#build-{other}")),
        "it is not looked for"
    );
    browser.click(&format!("#cancel-{id}"));
    browser.wait_for_text("[role='status']", "cancelled for all");
}
