//! Debian's Chromium, driven as a person drives it.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use fantoccini::{Client, ClientBuilder, Locator, elements::Element};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

/// Where `scripts/ensure-browser` puts the rules for whom a page keeps out.
const AXE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools/axe.min.js");

/// Nothing of what is waited for takes a tenth of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is missing for these tests.
pub(crate) fn missing() -> Option<String> {
    let found = |name: &str| {
        let path = ["/usr/bin", "/usr/local/bin"].map(|place| Path::new(place).join(name));
        path.iter().any(|path| path.exists())
    };
    let there = found("chromium") && found("chromedriver") && Path::new(AXE).exists();
    (!there).then(|| "no browser to look at pages with: run `make browser` first".to_owned())
}

/// How a visitor comes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Visitor {
    pub(crate) in_the_dark: bool,
    pub(crate) without_script: bool,
    /// The width of a phone, where it is one.
    pub(crate) phone: Option<u32>,
}

/// A browser with one page. It ends with this value.
pub(crate) struct Browser {
    runtime: Runtime,
    client: Client,
    session: String,
    driver: Child,
}

impl Browser {
    pub(crate) fn of(visitor: Visitor) -> Self {
        let (driver, port) = start_driver();
        let url = format!("http://127.0.0.1:{port}");
        let runtime = Runtime::new().unwrap();
        let client = runtime.block_on(
            ClientBuilder::new(HttpConnector::new())
                .capabilities(capabilities(visitor))
                .connect(&url),
        );
        let client = client.expect("a browser");
        let id = runtime.block_on(client.session_id()).unwrap().unwrap();
        Self {
            session: format!("{url}/session/{id}"),
            runtime,
            client,
            driver,
        }
    }

    pub(crate) fn open(&self, url: &str) {
        self.runtime.block_on(self.client.goto(url)).unwrap();
    }

    pub(crate) fn back(&self) {
        self.runtime.block_on(self.client.back()).unwrap();
    }

    pub(crate) fn url(&self) -> String {
        let url = self.runtime.block_on(self.client.current_url()).unwrap();
        url.to_string()
    }

    /// Waits for an element to be there.
    pub(crate) fn find(&self, css: &str) -> Element {
        let wait = self.client.wait().at_most(PATIENCE);
        let found = self.runtime.block_on(wait.for_element(Locator::Css(css)));
        found.unwrap_or_else(|error| panic!("{css}: {error}; {}", self.source()))
    }

    pub(crate) fn has(&self, css: &str) -> bool {
        let found = self
            .runtime
            .block_on(self.client.find_all(Locator::Css(css)));
        !found.unwrap().is_empty()
    }

    pub(crate) fn click(&self, css: &str) {
        self.to_element(Some(css), &async |element| element.click().await);
    }

    /// Says yes to a question of the page.
    pub(crate) fn accept(&self) {
        self.runtime.block_on(self.client.accept_alert()).unwrap();
    }

    /// Waits until the text of an element holds this.
    pub(crate) fn wait_for_text(&self, css: &str, expected: &str) {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            // The element may be exchanged between the two looks.
            let found = self.runtime.block_on(async {
                let element = self.client.find(Locator::Css(css)).await.ok()?;
                element.text().await.ok()
            });
            if found.as_ref().is_some_and(|text| text.contains(expected)) {
                return;
            }
            assert!(
                std::time::Instant::now() < deadline,
                "{css} does not say {expected:?} but {found:?}"
            );
            harness::program::pause(Duration::from_millis(50));
        }
    }

    /// Keys into an element; into what has the focus where none is named.
    pub(crate) fn type_into(&self, css: Option<&str>, keys: &str) {
        self.to_element(css, &async |element| element.send_keys(keys).await);
    }

    /// Does something to an element. A page that is kept up to date may exchange it just then, and it is found again.
    fn to_element(
        &self,
        css: Option<&str>,
        act: &impl AsyncFn(&Element) -> Result<(), fantoccini::error::CmdError>,
    ) {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            let element = match css {
                Some(css) => self.find(css),
                None => self.runtime.block_on(self.client.active_element()).unwrap(),
            };
            let Err(error) = self.runtime.block_on(act(&element)) else {
                return;
            };
            let is_late = std::time::Instant::now() > deadline;
            assert!(!is_late, "{css:?}: {error}");
            harness::program::pause(Duration::from_millis(50));
        }
    }

    /// An expression's value, or that of a function's `return`.
    pub(crate) fn value(&self, script: &str) -> Value {
        let value = self.client.execute(script, Vec::new());
        self.runtime.block_on(value).unwrap()
    }

    pub(crate) fn source(&self) -> String {
        self.runtime
            .block_on(self.client.source())
            .unwrap_or_default()
    }

    /// What the browser complained of since this was asked last: also whatever the policy of a page forbade.
    fn complaints(&self) -> Vec<String> {
        let mut answer = ureq::post(format!("{}/se/log", self.session))
            .send_json(json!({ "type": "browser" }))
            .unwrap();
        let log: Value = answer.body_mut().read_json().unwrap();
        let entries = log["value"].as_array().unwrap().iter();
        let messages = entries.map(|entry| entry["message"].to_string());
        // That an answer was a refusal is what some states are about.
        messages
            .filter(|message| !message.contains("the server responded with a status of 4"))
            .collect()
    }

    /// That nobody is kept out by what is seen now, and that the page does not have to be pushed sideways.
    pub(crate) fn assert_for_everybody(&self, state: &str) {
        let axe = fs::read_to_string(AXE).unwrap();
        self.value(&format!("{axe};"));
        let run = "const done = arguments[arguments.length - 1];
            axe.run(document, { resultTypes: ['violations'] }).then((found) => done(
                found.violations.map((one) => [one.id, one.help, one.nodes.map((node) => node.html + ' ' + node.failureSummary)])
            ), (error) => done(String(error)));";
        let found = self.client.execute_async(run, Vec::new());
        let found = self.runtime.block_on(found).unwrap();
        assert_eq!(found, json!([]), "{state}: {found:#}");
        let sideways =
            "const page = document.documentElement; return page.scrollWidth - page.clientWidth;";
        assert_eq!(self.value(sideways), 0, "{state} is wider than the screen");
        let complaints = self.complaints();
        assert_eq!(complaints, [""; 0], "{state}");
        self.keep_picture(state);
    }

    /// A picture of what is seen, for whoever wants to look at it: below target/pages.
    pub(crate) fn keep_picture(&self, state: &str) {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/pages");
        fs::create_dir_all(directory).unwrap();
        let picture = self.runtime.block_on(self.client.screenshot()).unwrap();
        let name = state.replace(' ', "-");
        fs::write(format!("{directory}/{name}.png"), picture).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Also after a failed test: the driver leaves a browser behind that it was not told to end.
        drop(ureq::delete(&self.session).call());
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}

fn start_driver() -> (Child, u16) {
    #[expect(
        clippy::disallowed_methods,
        reason = "a browser is started from outside"
    )]
    let mut command = Command::new("chromedriver");
    let mut driver = command
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    let port = lines.find_map(|line| {
        let line = line.ok()?;
        let (_, port) = line.split_once("successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    });
    // What it says later is read over, so that it never waits for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    (driver, port.expect("the driver says where it listens"))
}

fn capabilities(visitor: Visitor) -> Map<String, Value> {
    // Containers and root have no sandbox; it is our own pages that are looked at.
    let mut arguments = vec![
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=1280,900",
    ];
    if visitor.in_the_dark {
        arguments.push("--blink-settings=preferredColorScheme=0");
    }
    let mut options = json!({ "args": arguments });
    if visitor.without_script {
        options["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
    }
    if let Some(width) = visitor.phone {
        options["mobileEmulation"] =
            json!({ "deviceMetrics": { "width": width, "height": 740, "pixelRatio": 1.0 } });
    }
    let all = json!({ "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } });
    all.as_object().unwrap().clone()
}
