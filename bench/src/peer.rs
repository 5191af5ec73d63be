//! What others offer for the same, each a program of its own in `bench/peers`.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context;

/// A queue on SQLite, from the registries.
pub(crate) struct Apalis(PathBuf);

impl Apalis {
    /// Builds its program where that is not done.
    pub(crate) fn built() -> anyhow::Result<Self> {
        const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");
        #[expect(
            clippy::disallowed_methods,
            reason = "cargo is asked as a person does it"
        )]
        // By its name, so that it says to the compilers which toolchain is meant.
        let mut cargo = Command::new("cargo");
        let target = Path::new(PEERS).join("../../target/peers");
        cargo.current_dir(PEERS).args(["build", "--release", "-q"]);
        cargo.args(["--locked", "--target-dir"]).arg(&target);
        let built = cargo.status()?.success();
        anyhow::ensure!(built, "the peers cannot be built");
        Ok(Self(target.join("release/apalis")))
    }

    /// Jobs a second, by so many producers that wait for each of theirs.
    pub(crate) fn enqueue(
        &self,
        directory: &Path,
        producers: usize,
        each: usize,
        config: &str,
    ) -> anyhow::Result<f64> {
        #[expect(clippy::disallowed_methods, reason = "a peer's program")]
        let mut child = Command::new(&self.0)
            .arg(directory)
            .args([producers.to_string(), each.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut stdin = child.stdin.take().context("a way to speak")?;
        stdin.write_all(config.as_bytes())?;
        drop(stdin);
        let output = child.wait_with_output()?;
        anyhow::ensure!(output.status.success(), "apalis failed");
        let said = String::from_utf8(output.stdout)?;
        let (count, seconds) = said.trim().split_once(' ').context("two figures")?;
        Ok(count.parse::<f64>()? / seconds.parse::<f64>()?)
    }
}
