//! Builds from the request to the zip, in real containers on this machine's engine.

pub(crate) mod by_hand;
pub(crate) mod composed;
pub(crate) mod journey;
pub(crate) mod keyboards;
pub(crate) mod noop;

use harness::{
    engine::{TestImage, docker},
    quick_controller,
    store::ByHand,
};

use crate::{
    run::{Bench, CannotBeHere},
    service::Service,
};

/// A controller that has its firmware ready, so that what is left is what every build costs.
pub(crate) struct Noop {
    /// A service that builds with it, as the version [`Noop::VERSION`].
    pub(crate) service: Service,
    /// The image. It goes after the service.
    pub(crate) image: TestImage,
}

impl Noop {
    /// What to ask for.
    pub(crate) const VERSION: &str = "noop";

    /// The controller's name on the engine.
    const CONTROLLER: &str = "noopbench";

    /// Makes the image and starts a service with these settings beside the usual ones.
    pub(crate) fn set_up(bench: &Bench, more: &[(&str, &str)]) -> anyhow::Result<Self> {
        engine_is_there()?;
        if let Some(missing) = quick_controller::what_is_missing() {
            return Err(CannotBeHere(missing).into());
        }
        let image = quick_controller::import_ready(Self::CONTROLLER);
        let service = Service::start_both(bench, more)?;
        ByHand::open(&service.data()).stand_for(Self::VERSION, Self::CONTROLLER);
        Ok(Self { service, image })
    }
}

/// Without an engine there are no containers, which is no failure.
pub(crate) fn engine_is_there() -> anyhow::Result<()> {
    if docker(&["version"]).is_none() {
        return Err(CannotBeHere("no container engine answers".to_owned()).into());
    }
    Ok(())
}
