//! The files that a build is given below `/mnt/config`, and the names of what it leaves.

use crate::kll::Generated;

/// The directory of the KLL files below `/mnt/config`.
pub const INPUT: &str = "input";

/// The job file's name below `/mnt/config`.
pub const JOB: &str = "job";

/// The zip's name below `/mnt/builds`. A failed build leaves [`ERROR_OUTPUT`].
pub const OUTPUT: &str = "firmware.zip";

/// See [`OUTPUT`].
pub const ERROR_OUTPUT: &str = "firmware_error.zip";

/// Paths below `/mnt/config`, and what is in them. `config` is the layout's JSON as it came; a build that is `cold` uses
/// nothing that its image prepared.
pub fn files(generated: &Generated, config: &str, cold: bool) -> Vec<(String, String)> {
    let within = |name: &str| format!("{INPUT}/{name}");
    let kll = generated.files.iter();
    let kll = kll.map(|file| (within(&file.name), file.text.clone()));
    let json = format!("{}-{}.json", generated.board, generated.layout);
    let others = [
        (within(&json), config.to_owned()),
        (JOB.to_owned(), job_file(generated, cold)),
    ];
    kll.chain(others).collect()
}

/// The file by which an entrypoint of protocol 2 knows what to do: a line a value, read and never run.
fn job_file(generated: &Generated, cold: bool) -> String {
    let split = if generated.keyboard.is_split() {
        "1"
    } else {
        "0"
    };
    [
        ("script", generated.keyboard.build_script()),
        ("dir", INPUT),
        ("output", OUTPUT),
        ("split", split),
        ("layout", &generated.variant),
        ("default_map", &generated.default_map),
        ("partial_maps", &generated.partial_maps),
    ]
    .iter()
    .chain(cold.then_some(&("cold", "1")))
    // A value that goes over a line's end would be a second value.
    .map(|(name, value)| format!("{name}={}\n", value.replace(['\n', '\r'], " ")))
    .collect()
}
