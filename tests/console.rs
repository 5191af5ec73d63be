//! The operators' page on a real engine: a button that ends a container, and a command that makes the same firmware again.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::{
    fs::{self, File, Permissions},
    io::Cursor,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use harness::{
    engine::{self, TestImage, containers_with},
    service::{Answer, Service, Zip, layout},
};
use serde_json::Value;

/// Far more than the second in which it shall happen, as tests share the machine.
const PATIENCE: Duration = Duration::from_secs(20);

const TOKEN: &str = "a-secret-of-some-length";

/// An operator who is signed in.
struct Operator<'a> {
    service: &'a Service,
    agent: ureq::Agent,
    cookie: String,
}

impl<'a> Operator<'a> {
    fn at(service: &'a Service) -> Self {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .build()
            .into();
        let url = format!("{}/queue/sign-in", service.url);
        let answer = agent
            .post(url)
            .send_form([("token", TOKEN), ("name", "anna")]);
        let answer = Answer::from(answer.unwrap());
        assert_eq!(answer.status, 303, "{}", answer.text());
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        Self {
            service,
            agent,
            cookie: cookie.split(';').next().unwrap().to_owned(),
        }
    }

    fn page(&self, path: &str) -> Answer {
        let request = self.agent.get(format!("{}{path}", self.service.url));
        Answer::from(request.header("cookie", &self.cookie).call().unwrap())
    }

    /// Presses the button of a page's form.
    fn press(&self, page: &str, action: &str) -> Answer {
        let page = self.page(page).text();
        assert!(page.contains(&format!("action=\"{action}\"")), "{page}");
        let (_, csrf) = page.split_once("name=\"csrf\" value=\"").unwrap();
        let csrf = csrf.split('"').next().unwrap();
        let request = self.agent.post(format!("{}{action}", self.service.url));
        let request = request.header("cookie", &self.cookie);
        Answer::from(
            request
                .send_form([("csrf", csrf), ("from", "build")])
                .unwrap(),
        )
    }

    /// What an operator is told beside the pages.
    fn asks(&self, path: &str) -> Answer {
        let request = self.agent.get(format!("{}{path}", self.service.url));
        let request = request.header("authorization", format!("Bearer {TOKEN}"));
        Answer::from(request.call().unwrap())
    }
}

fn wait_for(happens: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !happens() {
        assert!(Instant::now() < deadline, "it does not happen");
        // The engine's command line tells nobody of a change.
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

#[test]
fn the_button_of_a_running_build_ends_its_container() {
    if !engine::is_wanted() {
        return;
    }
    let _slow = TestImage::running("977", "trap '' TERM; echo begun; sleep 120");
    let service = Service::start(&[("KIISRV_OPERATOR_TOKEN", TOKEN)]);
    service.stand_for("slow", "977");
    let id = service.submit(&layout("KType-Standard.json"), "slow");
    let (operator, page) = (Operator::at(&service), format!("/queue/builds/{id}"));
    wait_for(|| operator.page(&page).text().contains("begun"));
    let label = format!("kiisrv.build={id}");
    assert_eq!(containers_with(&label).len(), 1);

    let pressed = Instant::now();
    let answer = operator.press(&page, &format!("{page}/cancel"));
    assert_eq!(answer.status, 303, "{}", answer.text());
    wait_for(|| containers_with(&label).is_empty());
    println!("gone {:?} after the button was pressed", pressed.elapsed());
    let shown = service.get(&format!("/v1/builds/{id}")).json();
    assert_eq!(shown["status"], "cancelled");
    service.assert_nothing_is_left(&shown);
}

#[test]
fn the_command_that_is_shown_makes_the_same_firmware() {
    if !engine::is_wanted() {
        return;
    }
    let service = Service::start(&[("KIISRV_OPERATOR_TOKEN", TOKEN)]);
    let build = service.build(&layout("KType-Standard.json"), "latest");
    assert_eq!(build["status"], "succeeded", "{build}");
    let id = build["id"].as_str().unwrap();
    let operator = Operator::at(&service);
    let told: Value = operator.asks(&format!("/v1/builds/{id}/attempts")).json();
    let command = told["attempts"][0]["command"].as_str().unwrap();
    let shown = operator.page(&format!("/queue/builds/{id}")).text();
    assert!(shown.contains(command.lines().next().unwrap()), "{shown}");

    let directory = tempfile::tempdir().unwrap();
    let inputs = operator.asks(told["inputs_url"].as_str().unwrap());
    assert_eq!(inputs.status, 200, "{}", inputs.text());
    unpack(&inputs.body, &directory.path().join("config"));
    let builds = directory.path().join("builds");
    fs::create_dir(&builds).unwrap();
    // As its document says: the container's user is not ours.
    for path in [directory.path(), &builds] {
        fs::set_permissions(path, Permissions::from_mode(0o777)).unwrap();
    }
    run(command, directory.path());
    let (first, again) = (
        service.zip_of(&build),
        Zip(fs::read(builds.join("firmware.zip")).unwrap()),
    );
    assert_eq!(first.file("kiibohd.dfu.bin"), again.file("kiibohd.dfu.bin"));
}

fn unpack(zip: &[u8], directory: &Path) {
    let mut zip = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    for number in 0..zip.len() {
        let mut file = zip.by_index(number).unwrap();
        let path = directory.join(file.enclosed_name().unwrap());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::io::copy(&mut file, &mut File::create(path).unwrap()).unwrap();
    }
}

/// Runs a command as whoever has copied it.
fn run(command: &str, directory: &Path) {
    #[expect(clippy::disallowed_methods, reason = "a person's shell")]
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(directory);
    let ended = shell.stdout(Stdio::null()).status().unwrap();
    assert!(ended.success(), "{command}");
}
