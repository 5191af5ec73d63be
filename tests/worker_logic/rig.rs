//! One worker's surroundings: directories, a table, an engine, and what must be left of them.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use harness::scripted::{Inside, ScriptedEngine, controller};
use shared::{
    job::{BuildRequest, JobId, Plan, Reason, Status},
    layout::Library,
    settings::Settings,
    store::{
        Store,
        jobs::{self, Build, Enqueued, Held, NewBuild, Orphan},
        requests::Visitor,
    },
};
use tempfile::TempDir;
use tokio::sync::Notify;
use worker::{Worker, container::label, slots::Step};

pub(crate) const ONE_HALF: &str = "KType-Standard.json";
pub(crate) const TWO_HALVES: &str = "MDErgo1-Default.json";
pub(crate) const FIRMWARE: &[&str] = &["log/build.log", "kiibohd.dfu.bin"];

pub(crate) struct Rig {
    directory: TempDir,
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) engine: ScriptedEngine,
    library: Library,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let below = |name: &str| directory.path().join(name);
        let mut settings = Settings::from_lookup(|_| None).unwrap();
        settings.data = below("data");
        settings.artifacts = below("data/artifacts");
        settings.logs = below("data/logs");
        settings.disk_reserve = 0;
        settings.worker.slots = 1;
        settings.worker.accept_missing = vec!["all".to_owned()];
        settings.worker.tmp_config = below("tmp_config");
        settings.worker.tmp_builds = below("tmp_builds");
        let store = Store::open(&settings.data).await.unwrap();
        Self {
            library: Library::open(concat!(env!("CARGO_MANIFEST_DIR"), "/../layouts")).unwrap(),
            engine: ScriptedEngine::default(),
            store,
            settings,
            directory,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) async fn worker(&self) -> Worker<ScriptedEngine> {
        self.start().await.expect("a worker")
    }

    pub(crate) async fn start(&self) -> Result<Worker<ScriptedEngine>, worker::run::StartError> {
        Worker::start(
            self.settings.clone(),
            self.store.clone(),
            self.engine.clone(),
            self.library.clone(),
        )
        .await
    }

    /// Asks for a build of this layout.
    pub(crate) async fn ask(&self, layout: &str) -> Enqueued {
        let config = self.library.get(layout).unwrap().text.clone();
        self.ask_for(&config).await
    }

    /// Asks for a build of this layout that is another than that of the layout as it is.
    pub(crate) async fn ask_for_another(&self, layout: &str) -> Enqueued {
        let mut config =
            serde_json::from_str::<serde_json::Value>(&self.library.get(layout).unwrap().text)
                .unwrap();
        config["header"]["another"] = "one".into();
        self.ask_for(&config.to_string()).await
    }

    async fn ask_for(&self, config: &str) -> Enqueued {
        let request = BuildRequest::parse(format!("{{\"config\": {config}}}").as_bytes()).unwrap();
        let controller = controller();
        let plan = Plan::of(
            &request,
            &controller.image,
            controller.dialect,
            &self.library,
        )
        .unwrap();
        let build = NewBuild {
            fingerprint: plan.fingerprint,
            client: "a client".to_owned(),
            keyboard: plan.generated.board,
            layout: plan.generated.layout,
            layers: plan.generated.layers,
            version: "latest".to_owned(),
            controller: controller.name,
            image: controller.image,
            protocol: controller.protocol,
            dialect: controller.dialect,
            config: config.to_owned(),
            visitor: Visitor::from_user_agent(""),
        };
        jobs::enqueue(&self.store, build).await.unwrap()
    }

    /// One build of this layout from its wish to its end.
    pub(crate) async fn run(&self, layout: &str) -> Build {
        let worker = self.worker().await;
        let id = self.ask(layout).await.id();
        assert_eq!(worker.run_next_job().await.unwrap(), Step::Ran);
        self.show(id).await
    }

    pub(crate) async fn show(&self, id: JobId) -> Build {
        jobs::show(&self.store, id).await.unwrap().unwrap()
    }

    /// Whether the same wish again is answered by the build that is there.
    pub(crate) async fn is_kept(&self, layout: &str) -> bool {
        matches!(self.ask(layout).await, Enqueued::Joined(_, status) if status.is_final())
    }

    /// The members of a build's zip.
    pub(crate) fn zip_of(&self, build: &Build) -> BTreeMap<String, String> {
        let artifact = build.artifact.as_ref().expect("a zip");
        let file = File::open(self.settings.artifacts.join(&artifact.file)).unwrap();
        let mut zip = zip::ZipArchive::new(file).unwrap();
        let mut members = BTreeMap::new();
        for index in 0..zip.len() {
            let mut member = zip.by_index(index).unwrap();
            let mut text = String::new();
            member.read_to_string(&mut text).unwrap();
            members.insert(member.name().to_owned(), text);
        }
        members
    }

    /// The zips that are published, as rows name them.
    pub(crate) fn zips(&self) -> Vec<String> {
        let mut zips = Vec::new();
        for build in names_in(&self.settings.artifacts) {
            let files = names_in(&self.settings.artifacts.join(&build));
            zips.extend(files.into_iter().map(|file| format!("{build}/{file}")));
        }
        zips
    }

    /// No container, no directory of a build, and no zip but the ones that these rows name.
    pub(crate) fn nothing_is_left(&self, builds: &[&Build]) {
        assert_eq!(self.engine.containers(), [""; 0], "containers are left");
        for name in ["tmp_config", "tmp_builds"] {
            let left = names_in(&self.path(name));
            assert!(left.is_empty(), "{name} still holds {left:?}");
        }
        let named = builds.iter().filter_map(|build| build.artifact.as_ref());
        let mut named: Vec<_> = named.map(|artifact| artifact.file.clone()).collect();
        let mut zips = self.zips();
        named.sort();
        zips.sort();
        assert_eq!(zips, named, "zips are left that no row names");
    }

    /// Another worker builds anew what this container is for, as if this one had been silent for long.
    pub(crate) async fn lose(store: &Store, inside: &Inside) -> Held {
        let held = held_by(inside);
        jobs::renew(store, &held, Duration::ZERO).await.unwrap();
        let orphan = Orphan {
            container_epoch: held.epoch,
            container: String::new(),
            held,
        };
        assert!(jobs::rescue(store, &orphan).await.unwrap().is_some());
        let claimed = jobs::claim_next(store, "another", Duration::from_mins(1)).await;
        claimed.unwrap().unwrap().held
    }
}

/// The claim that a container is for, by its labels.
pub(crate) fn held_by(inside: &Inside) -> Held {
    let labels = &inside.spec.labels;
    Held {
        id: labels[label::BUILD].parse().unwrap(),
        worker: labels[label::WORKER].clone(),
        epoch: labels[label::EPOCH].parse().unwrap(),
    }
}

/// A build that says that it runs and then runs for ever.
pub(crate) fn hangs(engine: &ScriptedEngine) -> Arc<Notify> {
    let runs = Arc::new(Notify::new());
    let told = Arc::clone(&runs);
    engine.builds(move |_| {
        let told = Arc::clone(&told);
        async move {
            told.notify_one();
            std::future::pending().await
        }
    });
    runs
}

pub(crate) fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

pub(crate) fn failed_for(build: &Build, reason: Reason) {
    assert_eq!(
        (build.status, build.reason),
        (Status::Failed, Some(reason)),
        "{build:?}"
    );
}
