//! Whether there is room for another build's output: what a build writes between two looks at it must
//! still fit, and where its bound is memory, it must be written to memory.

use std::path::Path;

use shared::{disk, settings::OutputBound};

use crate::{blocking::blocking, context::Context};

/// In which words there is too little room; `None` where there is enough.
pub(crate) async fn lacking<R>(context: &Context<R>) -> Option<String> {
    let settings = &context.settings;
    let places = [
        context.mapping.config.clone(),
        context.mapping.builds.clone(),
        settings.artifacts.clone(),
        settings.logs.clone(),
    ];
    let (reserve, bound) = (settings.disk_reserve, settings.worker.output_bound);
    // A place that cannot be looked at is found by what is written to it.
    blocking(move || {
        unbound(&places[1], bound).or_else(|| disk::lacking(&places, reserve).ok().flatten())
    })
    .await
    .ok()?
}

/// In which words the directory of outputs is not what bounds them.
fn unbound(builds: &Path, bound: OutputBound) -> Option<String> {
    let is_bound = bound == OutputBound::Watched || disk::is_tmpfs(builds).is_ok_and(|is| is);
    (!is_bound).then(|| {
        let builds = builds.display();
        format!("{builds} is no tmpfs, as KIISRV_BUILD_OUTPUT_BOUND wants it: mount one there, with a size")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_that_memory_shall_bound_must_be_in_memory() {
        let (memory, elsewhere) = (Path::new("/dev/shm"), Path::new("/proc"));
        assert_eq!(unbound(memory, OutputBound::Tmpfs), None);
        assert_eq!(unbound(elsewhere, OutputBound::Watched), None);
        let words = unbound(elsewhere, OutputBound::Tmpfs).unwrap();
        assert!(words.contains("KIISRV_BUILD_OUTPUT_BOUND"), "{words}");
    }
}
