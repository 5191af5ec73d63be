//! From a request to what will be built: the KLL of it, and the name of that build.

use super::{BuildRequest, Fingerprint};
use crate::{
    channel::Dialect,
    kll::{self, Generated},
    layout::{Fault, Library},
};

/// What will be built for a request by a certain image.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the compiler will be given.
    pub generated: Generated,
    /// The name of this build.
    pub fingerprint: Fingerprint,
}

impl Plan {
    /// Plans a request for the image with this id, which understands this dialect.
    ///
    /// # Errors
    /// Everything that is wrong with the layout, with pointers into the request.
    pub fn of(
        request: &BuildRequest,
        image: &str,
        dialect: Dialect,
        library: &Library,
    ) -> Result<Self, Vec<Fault>> {
        let (_, generated) =
            kll::generate_from(&request.config, dialect, library).map_err(|faults| {
                faults
                    .into_iter()
                    .map(Fault::within_config)
                    .collect::<Vec<_>>()
            })?;
        let fingerprint = Fingerprint::of(request, image, &generated);
        Ok(Self {
            generated,
            fingerprint,
        })
    }

    /// Whether this is the plan of the build of this name, or of the comparison with it.
    #[must_use]
    pub fn is_of(&self, fingerprint: &Fingerprint) -> bool {
        self.fingerprint == *fingerprint || self.fingerprint.cold() == *fingerprint
    }
}
