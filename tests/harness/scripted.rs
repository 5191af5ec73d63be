//! An engine without containers: what happens in one is a function of the test's, and every verb is
//! remembered. It keeps the engine's contract as far as a worker can see it.

mod inside;
mod life;

use std::{
    collections::{BTreeMap, HashMap},
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use futures_util::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use shared::{channel::Dialect, store::versions::Controller};
use tokio::{sync::watch, task::AbortHandle};
use worker::container::{
    ContainerError, ContainerRuntime, ContainerSpec, Exit, Ours, ReportedMount, State as Stage,
    label,
};

pub use inside::Inside;
use inside::{clean, hold, prove};
use life::{Life, next_piece};

/// A container that ended by itself with this status.
#[must_use]
pub const fn exit(code: i64) -> Exit {
    Exit {
        code,
        out_of_memory: false,
    }
}

/// How a container ends that is killed.
const KILLED: Exit = exit(137);

type Behaviour = Arc<dyn Fn(Inside) -> BoxFuture<'static, Exit> + Send + Sync>;
type Hook = Arc<dyn Fn(ContainerSpec) -> BoxFuture<'static, ()> + Send + Sync>;

/// The engine; clones are the same one.
#[derive(Clone)]
pub struct ScriptedEngine {
    state: Arc<Mutex<State>>,
}

struct State {
    controllers: Vec<Controller>,
    build: Behaviour,
    hooks: HashMap<&'static str, Hook>,
    refusals: Vec<(&'static str, ContainerError)>,
    makes_missing_sources: bool,
    image_labels: BTreeMap<String, String>,
    processes: u64,
    missing: Vec<&'static str>,
    containers: BTreeMap<String, Container>,
    made: u32,
    calls: Vec<(&'static str, String)>,
}

struct Container {
    spec: ContainerSpec,
    life: watch::Sender<Life>,
    task: Option<AbortHandle>,
}

impl Default for ScriptedEngine {
    fn default() -> Self {
        let state = State {
            controllers: vec![controller()],
            build: Arc::new(|_| async { exit(0) }.boxed()),
            hooks: HashMap::new(),
            refusals: Vec::new(),
            makes_missing_sources: false,
            image_labels: BTreeMap::new(),
            processes: 1,
            missing: Vec::new(),
            containers: BTreeMap::new(),
            made: 0,
            calls: Vec::new(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }
}

/// The one controller that it has at first.
#[must_use]
pub fn controller() -> Controller {
    Controller {
        name: "057".to_owned(),
        image: "sha256:scripted".to_owned(),
        protocol: 2,
        dialect: Dialect::Latest,
        channel: None,
        version: None,
        revision: None,
        created: None,
        commits: None,
        source: None,
        keyboards: None,
    }
}

impl ScriptedEngine {
    /// From now on this happens in a build's container.
    pub fn builds<F>(&self, behaviour: impl Fn(Inside) -> F + Send + Sync + 'static)
    where
        F: Future<Output = Exit> + Send + 'static,
    {
        self.lock().build = Arc::new(move |inside| behaviour(inside).boxed());
    }

    /// This happens first when the verb is asked for a build's container: a meeting point.
    pub fn before<F>(
        &self,
        verb: &'static str,
        hook: impl Fn(ContainerSpec) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let hook: Hook = Arc::new(move |spec| hook(spec).boxed());
        self.lock().hooks.insert(verb, hook);
    }

    /// The next time that the verb is asked for, this is the answer.
    pub fn refuse(&self, verb: &'static str, error: ContainerError) {
        self.lock().refusals.push((verb, error));
    }

    /// The images that it has.
    pub fn set_controllers(&self, controllers: Vec<Controller>) {
        self.lock().controllers = controllers;
    }

    /// The label that its images have.
    pub fn set_image_label(&self, label: &str, value: &str) {
        let labels = &mut self.lock().image_labels;
        labels.insert(label.to_owned(), value.to_owned());
    }

    /// So many processes are in each of its containers.
    pub fn set_processes(&self, count: u64) {
        self.lock().processes = count;
    }

    /// Makes it one of those engines that make a mount's source where it is missing.
    pub fn make_missing_sources(&self) {
        self.lock().makes_missing_sources = true;
    }

    /// Makes it one of those engines that take limits and do not enforce them.
    pub fn do_not_enforce(&self, limits: &[&'static str]) {
        self.lock().missing = limits.to_vec();
    }

    /// Puts a container there that nobody asked for.
    pub fn put(&self, id: &str, labels: &[(&str, &str)], mut spec: ContainerSpec) {
        let labels = labels.iter();
        spec.labels = labels
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        self.lock().containers.insert(
            id.to_owned(),
            Container {
                spec,
                life: watch::Sender::default(),
                task: None,
            },
        );
    }

    /// The ids of the containers that exist.
    #[must_use]
    pub fn containers(&self) -> Vec<String> {
        self.lock().containers.keys().cloned().collect()
    }

    /// The verbs that were asked for containers of this role, in their order.
    #[must_use]
    pub fn verbs(&self, role: &str) -> Vec<&'static str> {
        let state = self.lock();
        let calls = state.calls.iter();
        calls
            .filter(|(_, of)| of == role)
            .map(|(verb, _)| *verb)
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spec_of(&self, container: &str) -> Option<ContainerSpec> {
        let state = self.lock();
        Some(state.containers.get(container)?.spec.clone())
    }

    /// Remembers a call, meets whoever waits for it, and refuses where the test wants that.
    async fn called(
        &self,
        verb: &'static str,
        spec: Option<ContainerSpec>,
    ) -> Result<(), ContainerError> {
        let Some(spec) = spec else { return Ok(()) };
        let role = spec.labels.get(label::ROLE).cloned().unwrap_or_default();
        let hook = {
            let mut state = self.lock();
            state.calls.push((verb, role.clone()));
            let wanted = role == label::ROLE_BUILD;
            state.hooks.get(verb).filter(|_| wanted).cloned()
        };
        if let Some(hook) = hook {
            hook(spec).await;
        }
        let mut state = self.lock();
        match state
            .refusals
            .iter()
            .position(|(refused, _)| *refused == verb)
        {
            Some(at) => Err(state.refusals.remove(at).1),
            None => Ok(()),
        }
    }

    fn life_of(&self, container: &str) -> Result<watch::Receiver<Life>, ContainerError> {
        let state = self.lock();
        let found = state.containers.get(container);
        Ok(found.ok_or_else(no_such)?.life.subscribe())
    }
}

/// An engine's refusal.
#[must_use]
pub fn refusal(step: &'static str) -> ContainerError {
    ContainerError::Step {
        step,
        cause: "it does not want to".to_owned(),
    }
}

fn no_such() -> ContainerError {
    ContainerError::Step {
        step: "find a container",
        cause: "there is no such container".to_owned(),
    }
}

impl ContainerRuntime for ScriptedEngine {
    async fn engine_id(&self) -> Result<String, ContainerError> {
        Ok("scripted".to_owned())
    }

    async fn about(&self) -> Result<String, ContainerError> {
        Ok("scripted".to_owned())
    }

    async fn controllers(&self) -> Result<Vec<Controller>, ContainerError> {
        Ok(self.lock().controllers.clone())
    }

    async fn labels_of(&self, _: &str) -> Result<Option<BTreeMap<String, String>>, ContainerError> {
        Ok(Some(self.lock().image_labels.clone()))
    }

    async fn mounts_of(&self, _: &str) -> Result<Option<Vec<ReportedMount>>, ContainerError> {
        Ok(None)
    }

    async fn create(&self, spec: &ContainerSpec) -> Result<String, ContainerError> {
        self.called("create", Some(spec.clone())).await?;
        let mut state = self.lock();
        for mount in &spec.mounts {
            if state.makes_missing_sources {
                drop(std::fs::create_dir_all(&mount.source));
            }
            if !mount.source.is_dir() {
                let path = mount.source.display();
                return Err(ContainerError::Step {
                    step: "create a container",
                    cause: format!("bind source path does not exist: {path}"),
                });
            }
        }
        state.made += 1;
        let id = format!("container-{}", state.made);
        let container = Container {
            spec: spec.clone(),
            life: watch::Sender::default(),
            task: None,
        };
        state.containers.insert(id.clone(), container);
        Ok(id)
    }

    async fn start(&self, container: &str) -> Result<(), ContainerError> {
        self.called("start", self.spec_of(container)).await?;
        let mut state = self.lock();
        let (build, missing) = (Arc::clone(&state.build), state.missing.clone());
        let found = state.containers.get_mut(container).ok_or_else(no_such)?;
        let (spec, life) = (found.spec.clone(), found.life.clone());
        let behaviour: Behaviour = match spec.labels.get(label::ROLE).map(String::as_str) {
            Some(label::ROLE_BUILD) => build,
            Some(label::ROLE_PREPARED) => Arc::new(move |inside| {
                let build = Arc::clone(&build);
                async move {
                    inside.wait_for_job().await;
                    build(inside).await
                }
                .boxed()
            }),
            Some("self-test") => Arc::new(move |inside| {
                let missing = missing.clone();
                async move { hold(&inside, &missing) }.boxed()
            }),
            Some("proof") => Arc::new(|inside| async move { prove(&inside) }.boxed()),
            _ => Arc::new(|inside| async move { clean(&inside) }.boxed()),
        };
        let inside = Inside::new(spec, life.clone());
        let task = tokio::spawn(async move {
            let end = behaviour(inside).await;
            life.send_modify(|life| life.end = Some(end));
        });
        found.task = Some(task.abort_handle());
        Ok(())
    }

    fn follow_log(&self, container: &str) -> BoxStream<'static, Result<Bytes, ContainerError>> {
        drop(
            self.called("follow_log", self.spec_of(container))
                .now_or_never(),
        );
        match self.life_of(container) {
            Ok(life) => stream::unfold((life, 0), next_piece).boxed(),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    async fn processes_in(&self, _: &str) -> Result<Option<u64>, ContainerError> {
        Ok(Some(self.lock().processes))
    }

    async fn wait(&self, container: &str) -> Result<Exit, ContainerError> {
        self.called("wait", self.spec_of(container)).await?;
        let mut life = self.life_of(container)?;
        let ended = life.wait_for(|life| life.end.is_some()).await;
        Ok(ended.ok().and_then(|life| life.end).unwrap_or(KILLED))
    }

    async fn kill(&self, container: &str) -> Result<(), ContainerError> {
        self.called("kill", self.spec_of(container)).await?;
        if let Some(container) = self.lock().containers.get(container) {
            container.end();
        }
        Ok(())
    }

    async fn remove(&self, container: &str) -> Result<(), ContainerError> {
        self.called("remove", self.spec_of(container)).await?;
        if let Some(container) = self.lock().containers.remove(container) {
            container.end();
        }
        Ok(())
    }

    async fn list_ours(&self) -> Result<Vec<Ours>, ContainerError> {
        let state = self.lock();
        let containers = state.containers.iter();
        Ok(containers
            .filter(|(_, container)| container.spec.labels.contains_key(label::ROLE))
            .map(|(id, container)| Ours {
                id: id.clone(),
                state: match container.task {
                    Some(_) => Stage::Started,
                    None => Stage::Created,
                },
                labels: container.spec.labels.clone(),
            })
            .collect())
    }
}

impl Container {
    fn end(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
        self.life.send_modify(|life| {
            life.end.get_or_insert(KILLED);
        });
    }
}
