//! What becomes of builds when their engine is in trouble: each has an end that is known beforehand.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail like its tests")]

use std::{
    fs,
    time::{Duration, Instant},
};

use harness::{
    engine_proxy::EngineProxy,
    private_engine::{self, PrivateEngine},
    program::pause,
    quick_controller::{self, Order, first_line},
    service::Service,
    store::ByHand,
};
use serde_json::{Value, json};

/// Longer than a worker takes to notice anything: its controllers each five seconds, leftovers each thirty.
const PATIENCE: Duration = Duration::from_secs(75);

/// A service with one slot, on an engine of its own.
struct Rig {
    // Before the engine, as it is taken down in this order.
    service: Service,
    engine: PrivateEngine,
    image: String,
}

impl Rig {
    fn new() -> Self {
        let engine = engine();
        Self::at(engine, |engine| engine.address())
    }

    fn at(engine: (PrivateEngine, String), address: impl FnOnce(&PrivateEngine) -> String) -> Self {
        let (engine, image) = engine;
        let address = address(&engine);
        let variables = [
            ("DOCKER_HOST", address.as_str()),
            ("KIISRV_SLOTS", "1"),
            // The quick image has not the tools with which a worker tries an engine's limits.
            ("KIISRV_ACCEPT_MISSING", "all"),
        ];
        Self {
            service: Service::start(&variables),
            engine,
            image,
        }
    }

    fn submit(&self, number: usize, seconds: f32) -> String {
        let order = Order {
            number,
            seconds,
            compiles: true,
        };
        self.service.submit(&order.layout(), "latest")
    }

    /// Waits until a build's container runs.
    fn wait_until_it_runs(&self, id: &str) {
        let label = format!("label=kiisrv.build={id}");
        self.wait_until("the container runs", || {
            let running = self.engine.docker(&["ps", "-q", "--filter", &label]);
            running.is_some_and(|running| !running.is_empty())
        });
    }

    /// Waits until something is so that nobody tells.
    fn wait_until(&self, what: &str, is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < deadline, "not yet: {what}");
            pause(Duration::from_millis(50));
        }
    }

    /// That a build succeeds after this many starts, with its own zip.
    fn assert_built(&self, id: &str, number: usize, starts: usize) {
        let build = self.service.ended(id);
        assert_eq!(build["status"], "succeeded", "{build}");
        assert_eq!(build["attempts"], starts, "{build}");
        self.assert_made_by(&build, number, "old");
    }

    fn assert_made_by(&self, build: &Value, number: usize, mark: &str) {
        let zip = self.service.zip_of(build).0;
        assert!(
            zip.starts_with(first_line(number, mark).as_bytes()),
            "it is not the zip of order {number} by the {mark} image"
        );
    }

    fn assert_nothing_is_left(&self) {
        self.wait_until("containers and directories are gone", || {
            let containers = self.engine.containers_with("kiisrv.role");
            containers.is_some_and(|left| left.is_empty())
                && ["tmp_config", "tmp_builds"].iter().all(|name| {
                    let directory = self.service.path().join(name);
                    fs::read_dir(directory).unwrap().next().is_none()
                })
        });
    }

    fn ready(&self) -> (u16, String) {
        let answer = self.service.get("/readyz");
        (answer.status, answer.text())
    }
}

fn engine() -> (PrivateEngine, String) {
    let engine = PrivateEngine::start();
    let image = quick_controller::import(&engine, "old");
    (engine, image)
}

#[test]
fn a_build_whose_engine_is_restarted_or_killed_is_started_once_more() {
    if !private_engine::is_wanted() {
        return;
    }
    let mut rig = Rig::new();
    for (number, end) in [PrivateEngine::stop, PrivateEngine::kill]
        .into_iter()
        .enumerate()
    {
        let id = rig.submit(number, 4.0);
        rig.wait_until_it_runs(&id);
        end(&mut rig.engine);
        rig.engine.start_again();
        // That its container was ended by the engine is no failed compile.
        rig.assert_built(&id, number, 2);
    }
    rig.assert_nothing_is_left();
}

#[test]
fn while_the_socket_is_gone_builds_wait_and_the_service_says_that_it_cannot_build() {
    if !private_engine::is_wanted() {
        return;
    }
    let rig = Rig::new();
    let running = rig.submit(1, 2.0);
    rig.wait_until_it_runs(&running);
    let (socket, aside) = (
        rig.engine.socket(),
        rig.engine.socket().with_extension("aside"),
    );
    fs::rename(&socket, &aside).unwrap();
    let waiting = rig.submit(2, 0.1);
    rig.wait_until("it says that it is not ready", || rig.ready().0 == 503);
    for id in [&running, &waiting] {
        let build = rig.service.get(&format!("/v1/builds/{id}")).json();
        assert_eq!(
            build["finished_at"],
            Value::Null,
            "it is nobody's fault: {build}"
        );
    }
    fs::rename(&aside, &socket).unwrap();
    rig.wait_until("it is ready again", || rig.ready().0 == 200);
    // What ended while nobody could see it is not built again.
    rig.assert_built(&running, 1, 1);
    rig.assert_built(&waiting, 2, 1);
    rig.assert_nothing_is_left();
}

#[test]
fn a_build_whose_image_goes_between_claim_and_start_ends_as_controller_missing() {
    if !private_engine::is_wanted() {
        return;
    }
    let engine = engine();
    let proxy = EngineProxy::before(&engine.0.socket());
    let rig = Rig::at(engine, |_| proxy.address());
    proxy.hold("create?name=kiisrv-build");
    let id = rig.submit(1, 0.1);
    proxy.wait_until_held();
    let removed = rig
        .engine
        .docker(&["rmi", "--force", "kiisrv-controller-057"]);
    removed.expect("no container has it yet");
    proxy.let_go();
    let build = rig.service.ended(&id);
    assert_eq!(build["reason"], "controller_missing", "{build}");
    assert_eq!(build["attempts"], 0, "no container ever started: {build}");
    let names = rig.service.zip_of(&build).names();
    assert!(names.contains(&"log/build.log".to_owned()), "{names:?}");
    rig.assert_nothing_is_left();
    // Later requests are told so at once, and a new image is found without a restart.
    let body = json!({ "config": harness::service::layout("KType-Standard.json") }).to_string();
    rig.wait_until("it is refused", || {
        rig.service.post("/v1/builds", &body).status == 503
    });
    quick_controller::import(&rig.engine, "old");
    rig.wait_until("it is accepted", || {
        rig.service.post("/v1/builds", &body).status < 300
    });
}

#[test]
fn a_build_is_built_by_the_image_that_it_was_planned_with_although_the_name_has_another() {
    if !private_engine::is_wanted() {
        return;
    }
    let rig = Rig::new();
    let before = rig.submit(1, 2.0);
    let waiting = rig.submit(2, 0.1);
    let new = quick_controller::import(&rig.engine, "new");
    assert_ne!(new, rig.image);
    let table = ByHand::open(&rig.service.path().join("data"));
    rig.wait_until("the new image is seen", || {
        table.ask("SELECT image FROM controllers") == [new.clone()]
    });
    let after = rig.submit(2, 0.1);
    assert_ne!(after, waiting, "another image makes another build");
    for (id, number, mark) in [(before, 1, "old"), (waiting, 2, "old"), (after, 2, "new")] {
        let build = rig.service.ended(&id);
        assert_eq!(build["status"], "succeeded", "{build}");
        rig.assert_made_by(&build, number, mark);
    }
}

#[test]
fn a_slow_engine_makes_a_build_slow_and_nothing_else() {
    if !private_engine::is_wanted() {
        return;
    }
    let engine = engine();
    let proxy = EngineProxy::before(&engine.0.socket());
    let rig = Rig::at(engine, |_| proxy.address());
    proxy.delay_answers(Duration::from_millis(1500));
    let id = rig.submit(1, 0.1);
    rig.assert_built(&id, 1, 1);
    rig.assert_nothing_is_left();
}

#[test]
fn an_engine_that_stands_still_for_longer_than_a_lease_costs_no_build() {
    if !private_engine::is_wanted() {
        return;
    }
    let rig = Rig::new();
    let id = rig.submit(1, 1.0);
    rig.wait_until_it_runs(&id);
    rig.engine.freeze();
    pause(worker::lease::LEASE + Duration::from_secs(3));
    let build = rig.service.get(&format!("/v1/builds/{id}")).json();
    assert_eq!(build["status"], "running", "its worker still holds it");
    rig.engine.thaw();
    rig.assert_built(&id, 1, 1);
    rig.assert_nothing_is_left();
}
