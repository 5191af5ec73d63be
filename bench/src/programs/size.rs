//! How large the program is, and the images that it is in.

use harness::{engine::docker, program};

use crate::{
    measured::{Measured, Unit},
    run::CannotBeHere,
};

/// The program on the disk, as cargo leaves it.
pub(crate) fn program() -> anyhow::Result<Vec<Measured>> {
    let bytes = std::fs::metadata(program::path())?.len();
    Ok(vec![mebibytes("size_program", bytes)])
}

/// An image, as the engine counts it.
pub(crate) fn image(part: &str) -> anyhow::Result<Vec<Measured>> {
    let image = format!("kiisrv-{part}");
    let Some(bytes) = docker(&["image", "inspect", "-f", "{{.Size}}", &image]) else {
        return Err(CannotBeHere(format!("no image {image}: run `make images` first")).into());
    };
    Ok(vec![mebibytes(
        &format!("size_image_{part}"),
        bytes.parse()?,
    )])
}

#[expect(clippy::cast_precision_loss, reason = "a size in MiB")]
fn mebibytes(name: &str, bytes: u64) -> Measured {
    let size = bytes as f64 / 1024.0 / 1024.0;
    Measured::alone(name, Unit::Mebibytes, vec![size])
}
