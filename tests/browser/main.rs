//! The pages in a real browser, as different people come to them: with a mouse, with a keyboard alone, without a
//! script, with a phone, in the dark. Each state is looked at by axe-core, and no policy may have been broken.
//!
//! Pictures of the states are left below `target/pages`.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail like its tests")]

mod browser;
mod console;
mod relay;
mod stage;

use browser::{Browser, Visitor};
use harness::{
    engine,
    service::{Service, layout},
};
use relay::Relay;
use stage::{SAID, claim, fail, file_of, say, service, succeed, with_second_layer};

/// Whether these run at all.
fn is_wanted() -> bool {
    engine::is_wanted_with(browser::missing)
}

fn id_in(url: &str) -> &str {
    let path = url.split_once("/builds/").unwrap().1;
    path.split(['?', '#']).next().unwrap()
}

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";

/// Presses Tab until an element has the focus.
fn tab_to(browser: &Browser, css: &str) {
    let script = format!("return document.activeElement.matches({css:?})");
    for _ in 0..40 {
        browser.type_into(None, TAB);
        if browser.value(&script) == true {
            return;
        }
    }
    panic!("Tab does not lead to {css}");
}

#[test]
fn a_visitor_chooses_a_layout_sees_it_builds_it_and_downloads_the_firmware() {
    if !is_wanted() {
        return;
    }
    let service = service();
    let browser = Browser::of(Visitor::default());
    browser.open(&service.url);
    browser.wait_for_text("#keyboard", "KType Standard");
    browser.assert_for_everybody("first page");
    browser.click("option[value='MD1-Hacker.json']");
    browser.wait_for_text(".kb-name", "MD1 Hacker");
    browser.wait_for_text("#say", "Drawn");
    browser.click("label[for='layer-2']");
    let shown =
        "return [...document.querySelectorAll('.layer')].map((one) => one.offsetHeight > 0)";
    assert_eq!(browser.value(shown).to_string(), "[false,false,true,false]");
    browser.click("button.primary");

    browser.wait_for_text("h1", "Waiting");
    browser.wait_for_text("#place", "Next in line");
    browser.assert_for_everybody("waiting");
    let claimed = claim(&service);
    assert_eq!(claimed.held.id.to_string(), id_in(&browser.url()));
    browser.wait_for_text("h1", "Building");
    say(&service, &claimed, SAID);
    browser.wait_for_text("#log", SAID.trim());
    say(&service, &claimed, "[2/2] Linking\n");
    browser.wait_for_text("#log", "Linking");
    browser.assert_for_everybody("building");
    succeed(&service, &claimed);
    browser.wait_for_text("h1", "Your firmware is ready");
    browser.wait_for_text("#say", "Your firmware is ready");
    browser.wait_for_text(".facts", &"ab".repeat(32));
    browser.assert_for_everybody("ready");
    let path = "return document.querySelector('a[download]').getAttribute('href')";
    let zip = service.get(browser.value(path).as_str().unwrap());
    assert_eq!((zip.status, zip.text().as_str()), (200, "firmware"));

    // Whoever goes back finds what was chosen.
    let url = browser.url();
    browser.back();
    browser.wait_for_text(".kb-name", "MD1 Hacker");
    // Somebody else, or the same one later.
    browser.open(&url);
    browser.wait_for_text("h1", "Your firmware is ready");
    browser.wait_for_text("#log", SAID.trim());
}

#[test]
fn a_keyboard_alone_is_enough_also_to_leave() {
    if !is_wanted() {
        return;
    }
    let service = service();
    let browser = Browser::of(Visitor::default());
    browser.open(&service.url);
    browser.type_into(None, TAB);
    assert_eq!(
        browser.value("return document.activeElement.className"),
        "skip"
    );
    browser.type_into(None, ENTER);
    tab_to(&browser, "[name='from']");
    tab_to(&browser, "#layout");
    browser.type_into(None, "MD1 Alpha");
    browser.wait_for_text(".kb-name", "MD1");
    tab_to(&browser, "#version");
    tab_to(&browser, "button.primary");
    browser.type_into(None, ENTER);
    browser.wait_for_text("h1", "Waiting");
    tab_to(&browser, "form[action$='/leave'] button");
    browser.type_into(None, ENTER);
    browser.wait_for_text("h1", "cancelled");
    browser.assert_for_everybody("cancelled");
    let build = service
        .get(&format!("/v1/builds/{}", id_in(&browser.url())))
        .json();
    assert_eq!(build["status"], "cancelled");
}

#[test]
fn without_a_script_forms_and_a_page_that_comes_again_do_it_all() {
    if !is_wanted() {
        return;
    }
    let service = service();
    let browser = Browser::of(Visitor {
        without_script: true,
        ..Visitor::default()
    });
    browser.open(&service.url);
    browser.click("option[value='Kira-Standard.json']");
    browser.click("#draw");
    browser.wait_for_text(".kb-name", "Kira Standard");
    browser.click("label[for='from-text']");
    browser.type_into(Some("#text"), "{\"header\":");
    browser.click("button.primary");
    browser.wait_for_text("#refused", "This is no JSON that we can read");
    browser.click("label[for='from-library']");
    browser.click("button.primary");
    browser.wait_for_text("h1", "Waiting");
    let claimed = claim(&service);
    assert_eq!(claimed.keyboard, "Kira");
    say(&service, &claimed, SAID);
    browser.wait_for_text("#log", SAID.trim());
    succeed(&service, &claimed);
    browser.wait_for_text("h1", "Your firmware is ready");
    assert!(
        !browser.has("meta[http-equiv='refresh']"),
        "it comes no more"
    );
}

#[test]
fn what_is_wrong_is_shown_at_its_key_and_can_be_changed() {
    if !is_wanted() {
        return;
    }
    let service = service();
    let browser = Browser::of(Visitor::default());
    let (early, _) = with_second_layer("CONS:MUT");
    browser.open(&service.url);
    browser.click("label[for='from-file']");
    browser.type_into(Some("#file"), &file_of(&service, &early));
    browser.wait_for_text(".kb-name", "MD1 Hacker");
    browser.click("button.primary");
    browser.wait_for_text(
        "#refused",
        "Q on layer 2: there is no key \"MUT\"; did you mean \"Mute\"?",
    );
    assert_marked(&browser);
    browser.assert_for_everybody("refused");

    // The file's text has come back, to be changed where it stands.
    let change = "const text = document.querySelector('#text');
        text.value = text.value.replace('CONS:MUT', '#:flashMod()');
        text.dispatchEvent(new Event('input', { bubbles: true }));";
    browser.value(change);
    browser.wait_for_text("#say", "Drawn");
    browser.click("button.primary");
    browser.wait_for_text("h1", "Waiting");
    let (_, pointer) = with_second_layer("");
    fail(&service, &claim(&service), &pointer);
    browser.wait_for_text("h1", "This layout does not compile");
    browser.wait_for_text(
        ".faults",
        "Q on layer 2: this keyboard's firmware has no function \"flashMod\"",
    );
    assert_marked(&browser);
    browser.assert_for_everybody("failed");
    browser.click("a[href^='/?build=']");
    browser.wait_for_text(".kb-name", "MD1 Hacker");
    browser.wait_for_text("#refused", "What the compiler complained of");
    assert_marked(&browser);
    let has_it = "return document.querySelector('#text').value.includes('#:flashMod()')";
    assert_eq!(browser.value(has_it), true);
}

/// That layer 2 is seen, and on it the key, by a sign too.
fn assert_marked(browser: &Browser) {
    let marked = "const seen = [...document.querySelectorAll('.layer')].find((one) => one.offsetHeight > 0);
        return [seen.querySelectorAll('.kb-fault').length, seen.querySelectorAll('.kb-badge').length,
                seen.previousElementSibling.textContent]";
    assert_eq!(
        browser.value(marked).to_string(),
        r#"[1,1,"Layer 2 1 at fault"]"#
    );
}

#[test]
fn a_lost_connection_is_told_and_what_happened_meanwhile_is_there_when_it_is_back() {
    if !is_wanted() {
        return;
    }
    let service = service();
    let relay = Relay::to(&service.url);
    let id = service.submit(&layout("KType-Standard.json"), "latest");
    let claimed = claim(&service);
    let browser = Browser::of(Visitor::default());
    browser.open(&format!("{}/builds/{id}", relay.url));
    say(&service, &claimed, "first words\n");
    browser.wait_for_text("#log", "first words");
    relay.cut();
    browser.wait_for_text("#lost", "The connection was lost; trying again.");
    say(&service, &claimed, "last words\n");
    relay.mend();
    browser.wait_for_text("#log", "last words");
    assert_eq!(
        browser.value("return document.querySelector('#lost').hidden"),
        true
    );
    let log = browser.value("return document.querySelector('#log').textContent");
    assert_eq!(log, "first words\nlast words\n", "each once");
    relay.cut();
    browser.wait_for_text("#lost", "trying again");
    succeed(&service, &claimed);
    relay.mend();
    browser.wait_for_text("h1", "Your firmware is ready");
}

#[test]
fn a_real_compiler_leads_to_the_key() {
    if !is_wanted() || !engine::is_wanted() {
        return;
    }
    let service = Service::start(&[]);
    let browser = Browser::of(Visitor::default());
    let (late, _) = with_second_layer("#:flashMod()");
    browser.open(&service.url);
    browser.click("label[for='from-file']");
    browser.type_into(Some("#file"), &file_of(&service, &late));
    browser.wait_for_text(".kb-name", "MD1 Hacker");
    browser.click("button.primary");
    browser.wait_for_text("h1", "This layout does not compile");
    browser.wait_for_text(".faults", "did you mean \"flashMode\"?");
    assert_marked(&browser);
    browser.wait_for_text("#log", "KeyError: 'flashMod'");
}

#[test]
fn a_phone_shows_all_of_it_within_its_width_also_in_the_dark() {
    if !is_wanted() {
        return;
    }
    let service = service();
    for (width, in_the_dark) in [(320, false), (360, true)] {
        let browser = Browser::of(Visitor {
            in_the_dark,
            phone: Some(width),
            ..Visitor::default()
        });
        let light = if in_the_dark { "dark" } else { "light" };
        browser.open(&service.url);
        browser.assert_for_everybody(&format!("first page {width} {light}"));
        let (early, pointer) = with_second_layer("CONS:MUT");
        browser.click("label[for='from-file']");
        browser.type_into(Some("#file"), &file_of(&service, &early));
        browser.click("button.primary");
        browser.wait_for_text("#refused", "Mute");
        browser.assert_for_everybody(&format!("refused {width} {light}"));
        let (late, _) = with_second_layer(&format!("#:flashMod({width})"));
        let id = service.submit(&late, "latest");
        let claimed = claim(&service);
        say(&service, &claimed, &SAID.repeat(40));
        browser.open(&format!("{}/builds/{id}", service.url));
        browser.wait_for_text("#log", SAID.trim());
        browser.assert_for_everybody(&format!("building {width} {light}"));
        fail(&service, &claimed, &pointer);
        browser.wait_for_text("h1", "does not compile");
        browser.assert_for_everybody(&format!("failed {width} {light}"));
        let id = service.submit(&layout("KType-Standard.json"), "latest");
        if !in_the_dark {
            succeed(&service, &claim(&service));
        }
        browser.open(&format!("{}/builds/{id}", service.url));
        browser.wait_for_text("h1", "Your firmware is ready");
        browser.assert_for_everybody(&format!("ready {width} {light}"));
    }
}

#[test]
fn in_the_dark_the_large_page_is_for_everybody_too() {
    if !is_wanted() {
        return;
    }
    let service = service();
    let browser = Browser::of(Visitor {
        in_the_dark: true,
        ..Visitor::default()
    });
    browser.open(&service.url);
    browser.assert_for_everybody("first page dark");
    let id = service.submit(&layout("Kira-Standard.json"), "latest");
    succeed(&service, &claim(&service));
    browser.open(&format!("{}/builds/{id}", service.url));
    browser.wait_for_text("h1", "Your firmware is ready");
    browser.assert_for_everybody("ready dark");
    browser.open(&format!("{}/nothing-here", service.url));
    browser.wait_for_text("h1", "Not here");
    browser.assert_for_everybody("nothing here dark");
    for page in ["privacy", "docs"] {
        assert_eq!(service.get(&format!("/{page}")).status, 200);
        browser.open(&format!("{}/{page}", service.url));
        browser.find("h1");
        browser.assert_for_everybody(&format!("{page} dark"));
    }
}
