//! From a body to a row in the queue: the one way in, for the native route and for the predecessor's.

use std::sync::Arc;

use bytes::Bytes;
use shared::{
    diagnose,
    job::{BuildRequest, Plan, request::Refused},
    kll::Generated,
    layout::Fault,
    release::{self, Release},
    store::{
        jobs::{self, Admitted, Enqueued, Hold, LeaveToken, Limits, NewBuild},
        versions::{self, Controller, Version},
    },
};

use crate::{
    body::{self, Incoming},
    client::Asker,
    error::Problem,
    state::State,
};

/// What a version that nobody knows means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnknownVersion {
    /// A fault of the request.
    IsRefused,
    /// `latest`, as the predecessor took it.
    IsLatest,
}

/// The version that is always meant where nothing else is.
const LATEST: &str = "latest";

/// A build that is on the disk, and with what it may be left.
pub(crate) struct Submitted {
    pub(crate) enqueued: Enqueued,
    pub(crate) token: Option<LeaveToken>,
}

/// Takes a build into the queue, or says why not. When this returns a build, it is on the disk.
pub(crate) async fn submit(
    state: &State,
    asker: Asker,
    incoming: Incoming,
    unknown: UnknownVersion,
    hold: Hold,
) -> Result<Submitted, Problem> {
    state.room.refuse_when_full().await?;
    let body = state.bodies.read(incoming).await?;
    let build = plan(state, asker, body.bytes.clone(), unknown).await?;
    let (keyboard, layout, version) = (
        build.keyboard.clone(),
        build.layout.clone(),
        build.version.clone(),
    );
    let (enqueued, token) = admit(state, build, hold).await?;
    let (id, joined) = (enqueued.id(), matches!(enqueued, Enqueued::Joined(..)));
    tracing::info!(job.id = %id, keyboard, version, joined, "Accepted {keyboard}-{layout} for {version}");
    Ok(Submitted { enqueued, token })
}

async fn admit(
    state: &State,
    build: NewBuild,
    hold: Hold,
) -> Result<(Enqueued, Option<LeaveToken>), Problem> {
    let admission = &state.settings.admission;
    let limits = Limits {
        per_client: admission.waiting,
        in_all: admission.waiting_in_all,
    };
    match jobs::admit(&state.store, build, limits, hold).await? {
        Admitted::Yes { enqueued, token } => Ok((enqueued, token)),
        Admitted::TooManyOfClient { retry_after } => Err(Problem::too_many(format!(
            "{} builds from your address wait already; ask again when some of them have ended",
            limits.per_client
        ))
        .after(retry_after)),
        Admitted::TooManyInAll { retry_after } => Err(Problem::unavailable(
            "too many builds wait just now; ask again in a while",
        )
        .after(retry_after)),
    }
}

/// What will be built for a request's bytes.
pub(crate) async fn plan(
    state: &State,
    asker: Asker,
    bytes: Bytes,
    unknown: UnknownVersion,
) -> Result<NewBuild, Problem> {
    // One turn from the body to the plan: what is read takes far more memory than its text, and must not gather
    // between two waits.
    let turn = turn(state).await;
    let request = aside(&turn, move || parse(&bytes)).await?;
    let version = find_version(state, &request.version, unknown).await?;
    let Some(controller) = version.controller else {
        let why = if version.disabled {
            "is out of use"
        } else {
            "is not there just now"
        };
        return Err(Problem::unavailable(format!(
            "{} is built by the controller {}, which {why}",
            version.name, version.controller_name
        )));
    };
    let (library, image, dialect, knows) = (
        state.library.clone(),
        controller.image.clone(),
        controller.dialect,
        Knows::of(&controller),
    );
    let (plan, config) = aside(&turn, move || {
        let plan = Plan::of(&request, &image, dialect, &library).map_err(Problem::faults)?;
        refuse_what_cannot_compile(&plan, knows)?;
        let config = serde_json::to_string(&request.config).map_err(Problem::broken)?;
        Ok((plan, config))
    })
    .await?;
    if !controller.builds(plan.generated.keyboard) {
        return Err(no_such_keyboard(state, &version.name, &plan.generated).await?);
    }
    Ok(new_build(plan, asker, config, (version.name, controller)))
}

/// What is known of a controller's compiler before it is asked.
#[derive(Clone, Copy)]
enum Knows {
    /// Nothing: it was made for the predecessor and has tables of its own.
    Nothing,
    /// The kit's names of keys, and the functions of a release where it holds just that.
    Names(Option<&'static Release>),
}

impl Knows {
    fn of(controller: &Controller) -> Self {
        let names = || {
            let release = Release::of_version(controller.version.as_deref()?)?;
            let is_of_it = |source: &String| source.trim_end_matches(".git") == release::SOURCE;
            // A commit more, and the tree may have functions of its own.
            (controller.commits == Some(release.commits)
                && controller.source.as_ref().is_some_and(is_of_it))
            .then_some(release)
        };
        match controller.protocol {
            0 | 1 => Self::Nothing,
            _ => Self::Names(names()),
        }
    }
}

/// Better now than in a minute by a compiler's words.
fn refuse_what_cannot_compile(plan: &Plan, knows: Knows) -> Result<(), Problem> {
    let Knows::Names(release) = knows else {
        return Ok(());
    };
    let faults = diagnose::before_queueing(&plan.generated, release);
    if faults.is_empty() {
        return Ok(());
    }
    Err(Problem::faults(
        faults.into_iter().map(Fault::within_config).collect(),
    ))
}

/// What a person is told whose keyboard this version does not have: better now than by a compiler's words.
async fn no_such_keyboard(
    state: &State,
    version: &str,
    generated: &Generated,
) -> Result<Problem, Problem> {
    let others = versions::versions(&state.store).await?;
    let have_it: Vec<_> = others
        .iter()
        .filter(|other| {
            let controller = other.controller.as_ref();
            controller.is_some_and(|controller| controller.builds(generated.keyboard))
        })
        .map(|other| other.name.as_str())
        .collect();
    let which = if have_it.is_empty() {
        "no version that is here has it".to_owned()
    } else {
        format!("these have it: {}", have_it.join(", "))
    };
    let message = format!(
        "is {}, which {version} does not have; {which}",
        generated.board
    );
    Ok(Problem::faults(vec![Fault::new(
        "/config/header/Name",
        message,
    )]))
}

fn parse(body: &[u8]) -> Result<BuildRequest, Problem> {
    body::refuse_too_many_values(body)?;
    BuildRequest::parse(body).map_err(|refused| match refused {
        Refused::NotJson(why) => {
            Problem::bad_request(format!("the body is no JSON that we can read: {why}"))
        }
        Refused::Invalid(faults) => Problem::faults(faults),
    })
}

async fn find_version(
    state: &State,
    name: &str,
    unknown: UnknownVersion,
) -> Result<Version, Problem> {
    if let Some(version) = versions::version(&state.store, name).await? {
        return Ok(version);
    }
    let latest = match unknown {
        UnknownVersion::IsRefused => None,
        UnknownVersion::IsLatest => versions::version(&state.store, LATEST).await?,
    };
    latest.ok_or_else(|| {
        Problem::faults(vec![Fault::new(
            "/env",
            "is no version that we know; /v1/versions lists them",
        )])
    })
}

fn new_build(
    plan: Plan,
    asker: Asker,
    config: String,
    (version, controller): (String, Controller),
) -> NewBuild {
    NewBuild {
        fingerprint: plan.fingerprint,
        client: asker.client,
        keyboard: plan.generated.board,
        layout: plan.generated.layout,
        layers: plan.generated.layers,
        version,
        controller: controller.name,
        image: controller.image,
        protocol: controller.protocol,
        dialect: controller.dialect,
        config,
        visitor: asker.visitor,
    }
}

/// Runs what may take a while beside the other requests, when it is its turn among all that does.
pub(crate) async fn aside_in_turn<T: Send + 'static>(
    state: &State,
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    aside(&turn(state).await, work).await
}

async fn turn(state: &State) -> Arc<impl Send + Sync + 'static> {
    Arc::new(state.planning.clone().acquire_owned().await)
}

/// Runs what may take a while beside the other requests. The turn is held by the work itself, as whoever asked may
/// leave before it is done.
async fn aside<P: Send + Sync + 'static, T: Send + 'static>(
    turn: &Arc<P>,
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let turn = Arc::clone(turn);
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work()
    })
    .await
    .map_err(Problem::broken)?
}
