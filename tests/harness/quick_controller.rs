//! A controller that builds nothing, in about a second: two megabytes, made without any other image. It
//! keeps the contract of protocol 2 and does what the layout orders.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::{engine::TestImage, private_engine::PrivateEngine, service::layout};

/// What one build shall do.
#[derive(Clone, Debug)]
pub struct Order {
    /// Tells it from all others, so that what comes out can be told from theirs.
    pub number: usize,
    /// How long it takes.
    pub seconds: f32,
    /// Whether it ends with firmware, or as a failed compile.
    pub compiles: bool,
}

impl Order {
    /// As it stands in the layout, for [`Order::layout`].
    #[must_use]
    pub fn words(&self) -> String {
        let end = if self.compiles { "compiles" } else { "fails" };
        format!("{} {:.2} {end}", self.number, self.seconds)
    }

    /// The layout that orders this: a member that nobody knows travels along untouched.
    #[must_use]
    pub fn layout(&self) -> Value {
        let mut config = layout("KType-Standard.json");
        config["order"] = json!(self.words());
        config
    }
}

/// The first line of a zip that this image made for this order; the zip itself follows.
#[must_use]
pub fn first_line(order: usize, mark: &str) -> String {
    format!("order {order} by {mark}\n")
}

/// It ends at SIGTERM at once, as the kit's entrypoint does.
const ENTRYPOINT: &str = r#"#!/bin/sh
trap 'exit 143' TERM
order=$(sed -n 's/.*"order": *"\([^"]*\)".*/\1/p' /mnt/config/input/KType-Standard.json)
set -- ${order:-0 0.10 compiles}
echo "order $1 takes $2 s"
sleep "$2" &
wait $!
echo "order $1 $3"
[ "$3" = compiles ] || exit 1
{ printf 'order %s by %s\n' "$1" "$(cat /mark)"; cat /firmware.zip; } >/mnt/builds/firmware.zip
"#;

/// Where a program lies that is a shell and all its tools without any library.
const BUSYBOX: [&str; 2] = ["/bin/busybox", "/usr/bin/busybox"];

/// What making one lacks on this machine.
#[must_use]
pub fn what_is_missing() -> Option<String> {
    let missing = busybox().is_none();
    missing.then(|| "no static busybox: run `scripts/ensure-test-tools` first".to_owned())
}

fn busybox() -> Option<PathBuf> {
    // The one with libraries names the loader that it needs.
    let is_static = |path: &&str| {
        fs::read(path).is_ok_and(|program| !program.windows(9).any(|bytes| bytes == b"/ld-linux"))
    };
    BUSYBOX.into_iter().find(is_static).map(PathBuf::from)
}

/// With its firmware ready: the least that a build can be. It can be started ahead, as the kit's can: then it waits
/// until somebody opens `go`, or looks whether there is a job when it did not hear of it.
const READY: &str = r#"#!/bin/sh
trap 'exit 143' TERM
while [ -p /mnt/config/go ] && [ ! -e /mnt/config/job ]; do
    timeout 5 cat /mnt/config/go >/dev/null &
    wait $!
done
echo ready
cat /firmware.zip >/mnt/builds/firmware.zip
"#;

/// Gives an engine the controller `057`, with this mark in all that it makes. Gives the image's id.
///
/// # Panics
/// When the engine does not take it.
pub fn import(engine: &PrivateEngine, mark: &str) -> String {
    let root = made(mark, ENTRYPOINT);
    let import = engine.command(&["import"]);
    import_from(root.path(), import, "kiisrv-controller-057:latest")
}

/// Gives the machine's engine a controller of this name that has its firmware ready.
///
/// # Panics
/// When the engine does not take it.
#[must_use]
pub fn import_ready(name: &str) -> TestImage {
    let root = made(name, READY);
    #[expect(
        clippy::disallowed_methods,
        reason = "an image is made from outside, as its user would"
    )]
    let mut import = std::process::Command::new("docker");
    import.args(["import", "--change", "LABEL kiisrv.waits=1"]);
    let tag = format!("kiisrv-controller-{name}:latest");
    import_from(root.path(), import, &tag);
    TestImage {
        name: name.to_owned(),
    }
}

fn import_from(root: &Path, mut import: std::process::Command, tag: &str) -> String {
    for change in [
        "LABEL kiisrv.protocol=2",
        "ENV PATH=/bin",
        r#"ENTRYPOINT ["/entrypoint"]"#,
    ] {
        import.args(["--change", change]);
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "an image is made from outside, as its user would"
    )]
    let mut tar = std::process::Command::new("tar")
        .args(["--numeric-owner", "--owner=0", "--group=0", "-C"])
        .arg(root)
        .args(["-c", "."])
        .stdout(Stdio::piped())
        .spawn()
        .expect("tar is there");
    let imported = import
        .args(["-", tag])
        .stdin(tar.stdout.take().expect("piped"))
        .output()
        .expect("docker is there");
    assert!(
        tar.wait().expect("tar ends").success() && imported.status.success(),
        "the image was not taken: {}",
        String::from_utf8_lossy(&imported.stderr)
    );
    String::from_utf8_lossy(&imported.stdout).trim().to_owned()
}

fn made(mark: &str, entrypoint: &str) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    make(directory.path(), mark, entrypoint);
    directory
}

fn make(root: &Path, mark: &str, script: &str) {
    for directory in ["bin", "tmp", "mnt/config", "mnt/builds"] {
        fs::create_dir_all(root.join(directory)).expect("a directory");
    }
    let busybox = busybox().expect("a static busybox");
    fs::copy(busybox, root.join("bin/busybox")).expect("a copy");
    for tool in ["sh", "cat", "find", "sed", "sleep", "timeout"] {
        symlink("busybox", root.join("bin").join(tool)).expect("a link");
    }
    let entrypoint = root.join("entrypoint");
    fs::write(&entrypoint, script).expect("a file");
    fs::set_permissions(entrypoint, fs::Permissions::from_mode(0o755)).expect("a mode");
    fs::write(root.join("mark"), mark).expect("a file");
    let mut zip = ZipWriter::new(File::create(root.join("firmware.zip")).expect("a file"));
    for name in ["KType-Standard.json", "kiibohd.dfu.bin", "log/build.log"] {
        zip.start_file(name, SimpleFileOptions::default())
            .and_then(|()| Ok(zip.write_all(name.as_bytes())?))
            .expect("a file in the zip");
    }
    zip.finish().expect("a zip");
}
