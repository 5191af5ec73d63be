//! How many containers are ready, of which images, and until when.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use shared::store::{versions, workers};
use tokio::task::JoinSet;
use tracing::{debug, warn};

use super::{Name, Pool, Ready, bell, memory};
use crate::{
    blocking::blocking,
    container::{ContainerError, ContainerRuntime, ContainerSpec},
    context::Context,
    housekeeping::remove_dirs,
    inputs::make_dirs,
    recipe,
};

/// Between two looks at what changes by itself: images, memory, what an operator wishes.
const LOOK: Duration = Duration::from_secs(5);

/// One that waited this long gives way to a new one, whatever may have become of it.
const STALE: Duration = Duration::from_mins(15);

/// An engine that says nothing of a container for this long was cut off. One that is quicker means what it says.
const CUT_OFF: Duration = Duration::from_secs(5);

/// An image that containers are kept ready of.
struct Wanted {
    image: String,
    most: usize,
}

/// Keeps containers ready until this worker leaves, and removes them then. It is not dropped half way: what it makes
/// would be nobody's.
pub(crate) async fn keep_ready<R: ContainerRuntime>(context: Arc<Context<R>>) {
    if context.settings.worker.prepared == 0 {
        return;
    }
    let mut watched = JoinSet::new();
    while !context.leaving.is_cancelled() {
        refresh(&context, &mut watched).await;
        tokio::select! {
            () = context.prepared.changed.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
            () = context.leaving.cancelled() => {}
            Some(Ok(container)) = watched.join_next() => ended(&context, &container).await,
        }
    }
    for ready in context.prepared.take_all() {
        remove(&context, &ready.name, Some(&ready.container)).await;
    }
}

async fn refresh<R: ContainerRuntime>(context: &Arc<Context<R>>, watched: &mut JoinSet<String>) {
    let (pool, settings) = (&context.prepared, &context.settings.worker);
    let wanted = wanted(context).await;
    for ready in pool.take_stale(&wanted) {
        debug!(
            container = ready.container,
            "A container is kept ready no longer"
        );
        remove(context, &ready.name, Some(&ready.container)).await;
    }
    while let Some(image) = pool.lacking(&wanted, settings.prepared, settings.slots) {
        if context.leaving.is_cancelled() {
            return;
        }
        match make(context, &image).await {
            Ok(ready) => {
                debug!(container = ready.container, image, "A container is ready");
                watched.spawn(wait_for_its_end(
                    Arc::clone(context),
                    ready.container.clone(),
                ));
                pool.lock().waiting.push(ready);
            }
            Err(error) => {
                warn!(image, %error, "No container could be made ready, builds make their own");
                pool.lock().demand.rest(&image, Instant::now());
            }
        }
    }
}

/// What containers shall be ready for: the images of the builds of late; where there were none, the one that the next
/// is most likely to be for. Nothing, where this worker takes no builds or the memory is theirs.
async fn wanted<R: ContainerRuntime>(context: &Context<R>) -> Vec<Wanted> {
    if context.trouble().is_some() || is_draining(context).await {
        return Vec::new();
    }
    let settings = &context.settings.worker;
    let mut images = context.prepared.lock().demand.images(Instant::now());
    let mut most = settings.prepared;
    if images.is_empty() {
        images.extend(latest(context).await);
        most = 1;
    }
    let mut wanted = Vec::new();
    for image in images {
        let is_there = context.prepared.lock().there.contains(&image);
        let Ok(said) = context.said_by(&image).await else {
            continue;
        };
        let all_slots = said
            .limits
            .build_memory
            .saturating_mul(settings.slots as u64);
        if is_there && said.waits && memory::has(all_slots) {
            wanted.push(Wanted { image, most });
        }
    }
    wanted
}

async fn is_draining<R>(context: &Context<R>) -> bool {
    // Where the table does not say, nothing is claimed either.
    workers::is_draining(&context.store, &context.me.id)
        .await
        .unwrap_or(true)
}

/// The image that `latest` stands for.
async fn latest<R>(context: &Context<R>) -> Option<String> {
    let version = versions::version(&context.store, "latest").await;
    Some(version.ok()??.controller?.image)
}

impl Pool {
    /// These are the images that the engine has.
    pub(crate) fn set_there(&self, images: impl Iterator<Item = String>) {
        let there = images.collect();
        let before = std::mem::replace(&mut self.lock().there, there);
        if before != self.lock().there {
            self.look_again();
        }
    }

    /// Something that matters to them has changed.
    pub(crate) fn look_again(&self) {
        self.changed.notify_one();
    }

    fn take_all(&self) -> Vec<Ready> {
        std::mem::take(&mut self.lock().waiting)
    }

    fn take_stale(&self, wanted: &[Wanted]) -> Vec<Ready> {
        let is_stale = |ready: &mut Ready| {
            let is_wanted = wanted.iter().any(|one| one.image == ready.spec.image);
            !is_wanted || ready.since.elapsed() >= STALE
        };
        self.lock().waiting.extract_if(.., is_stale).collect()
    }

    /// The image of which there are too few, where there is room for one more and nothing better to do: making one
    /// takes a processor from builds.
    fn lacking(&self, wanted: &[Wanted], most: usize, slots: usize) -> Option<String> {
        let state = self.lock();
        if state.waiting.len() >= most || state.running >= slots {
            return None;
        }
        let (waiting, now) = (&state.waiting, Instant::now());
        let there_are = |image: &str| waiting.iter().filter(|one| one.spec.image == image).count();
        wanted
            .iter()
            .filter(|one| !state.demand.rests(&one.image, now) && there_are(&one.image) < one.most)
            .min_by_key(|one| there_are(&one.image))
            .map(|one| one.image.clone())
    }

    fn take_ended(&self, container: &str) -> Option<Ready> {
        let mut state = self.lock();
        let waiting = &mut state.waiting;
        let at = waiting.iter().position(|one| one.container == container)?;
        let ready = waiting.remove(at);
        // Its entrypoint does not wait, whatever its label says, or somebody ended it.
        state.demand.rest(&ready.spec.image, Instant::now());
        Some(ready)
    }
}

async fn make<R: ContainerRuntime>(
    context: &Context<R>,
    image: &str,
) -> Result<Ready, ContainerError> {
    let said = context.said_by(image).await?;
    let name = context.prepared.new_name(&context.store.service_id());
    let dirs = context.mapping.dirs(name.as_str());
    let spec = recipe::prepared(
        image,
        (&context.me.id, name.as_str()),
        &dirs,
        &context.owner.user(),
        &said.limits,
    );
    let (owner, config) = (context.owner, dirs.config.clone());
    let made = blocking(move || make_dirs(&dirs, owner, 2).and_then(|()| bell::hang(&dirs.config)));
    if let Err(error) = made.await.and_then(|made| made) {
        remove(context, &name, None).await;
        return Err(ContainerError::Unreachable(format!(
            "the directories could not be made: {error}"
        )));
    }
    match create_and_start(context, spec.clone()).await {
        Ok(container) => Ok(Ready {
            name,
            container,
            spec,
            config,
            since: Instant::now(),
        }),
        Err((container, error)) => {
            remove(context, &name, container.as_deref()).await;
            Err(error)
        }
    }
}

async fn create_and_start<R: ContainerRuntime>(
    context: &Context<R>,
    spec: ContainerSpec,
) -> Result<String, (Option<String>, ContainerError)> {
    let container = context.create(spec).await.map_err(|error| (None, error))?;
    match context.runtime.start(&container).await {
        Ok(()) => Ok(container),
        Err(error) => Err((Some(container), error)),
    }
}

/// Removes a container that was ready, and its directories. What stays is found as a leftover, as nobody knows its name
/// any more.
pub(super) async fn remove<R: ContainerRuntime>(
    context: &Context<R>,
    name: &Name,
    container: Option<&str>,
) {
    if let Some(container) = container
        && let Err(error) = context.runtime.remove(container).await
    {
        warn!(container, %error, "A container could not be removed yet");
        return;
    }
    let dirs = context.mapping.dirs(name.as_str());
    if let Err(error) = remove_dirs(context, &dirs, None).await {
        warn!(name = name.as_str(), %error, "Directories could not be removed yet");
    }
}

/// Returns when a container has ended, or the engine has it no more.
async fn wait_for_its_end<R: ContainerRuntime>(
    context: Arc<Context<R>>,
    container: String,
) -> String {
    loop {
        let asked = Instant::now();
        let end = context.runtime.wait(&container).await;
        if end.is_ok() || asked.elapsed() < CUT_OFF {
            return container;
        }
    }
}

async fn ended<R: ContainerRuntime>(context: &Context<R>, container: &str) {
    if let Some(ready) = context.prepared.take_ended(container) {
        warn!(container, "A container ended while it waited for a build");
        remove(context, &ready.name, Some(container)).await;
    }
}
