//! The firmware's known releases, for controller images that do not say what they hold.
//!
//! Facts of the public repository; images of the predecessor carry no labels, and no network is asked.

/// Where the firmware's source is.
pub const SOURCE: &str = "https://github.com/kiibohd/controller";

/// A release of the firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its version, which is its tag.
    pub version: &'static str,
    /// The hash of the annotated tag.
    pub hash: &'static str,
    /// Commits up to it.
    pub commits: u32,
    /// The commit's date.
    pub date: &'static str,
    /// The keyboards that it has, as the names of their scripts without `.bash`.
    pub keyboards: &'static [&'static str],
}

/// The keyboards of v0.5.0 to v0.5.3.
///
/// Those trees have scripts for Kira and Gemini too, and a plain layout compiles. It is not for what people
/// have on their desks: in v0.5.0 the map of Kira's keys says of itself that it is not finished, and the dialect
/// of these versions has no animations, of which the layouts of both are made.
const BEFORE_ANIMATIONS: &[&str] = &[
    "infinity",
    "infinity_led",
    "icpad",
    "ergodox",
    "whitefox",
    "k-type",
];

/// The keyboards of all later releases: each has the same scripts.
const ALL: &[&str] = &[
    "infinity",
    "infinity_led",
    "icpad",
    "ergodox",
    "whitefox",
    "k-type",
    "kira",
    "geminiduskdawn",
];

impl Release {
    /// The release that a controller of this name holds: `057` is v0.5.7.
    #[must_use]
    pub fn of_controller(name: &str) -> Option<&'static Self> {
        KNOWN.iter().find(|release| {
            release
                .version
                .bytes()
                .filter(u8::is_ascii_digit)
                .eq(name.bytes())
        })
    }

    /// The release of this version, such as `v0.5.7`.
    #[must_use]
    pub fn of_version(version: &str) -> Option<&'static Self> {
        KNOWN.iter().find(|release| release.version == version)
    }
}

/// Name after name, oldest first.
const KNOWN: [Release; 9] = [
    release(
        "v0.5.0",
        "2c76074ee2de6945b3e8a11f5dc6c34869d47eb9",
        1091,
        "2018-12-03 09:53:35 -0800",
        BEFORE_ANIMATIONS,
    ),
    release(
        "v0.5.1",
        "b0397388d870d698633f059641f6a79d063966d1",
        1095,
        "2018-12-11 15:00:10 -0800",
        BEFORE_ANIMATIONS,
    ),
    release(
        "v0.5.2",
        "15c9e7a7562f26c54554ab95fbc5a5d8674d69ed",
        1100,
        "2018-12-15 12:57:04 -0800",
        BEFORE_ANIMATIONS,
    ),
    release(
        "v0.5.3",
        "6dc54d0fe3dd1cedeb191a36bcbb6e39155dd84f",
        1103,
        "2018-12-22 18:04:06 -0800",
        BEFORE_ANIMATIONS,
    ),
    release(
        "v0.5.4",
        "7399b64efa71373f8d3ffd7538a41985a146b3a0",
        1119,
        "2019-02-03 17:05:44 -0800",
        ALL,
    ),
    release(
        "v0.5.5",
        "73673fb7450b542ac67c941d114eaa359d05f44b",
        1150,
        "2019-03-21 23:04:59 -0700",
        ALL,
    ),
    release(
        "v0.5.6",
        "37bd94f5592bfef6a1fab36990a0783f64a7176b",
        1163,
        "2019-04-03 22:58:34 -0700",
        ALL,
    ),
    release(
        "v0.5.7",
        "20f1dc8eb783e360bbf6ab72cde4e96bd4ebd51a",
        1222,
        "2020-03-20 20:13:21 -0700",
        ALL,
    ),
    release(
        "v0.5.8",
        "fe340c8696ec029e9e289efb70047a36b763340c",
        1262,
        "2021-09-28 22:50:55 -0700",
        ALL,
    ),
];

const fn release(
    version: &'static str,
    hash: &'static str,
    commits: u32,
    date: &'static str,
    keyboards: &'static [&'static str],
) -> Release {
    Release {
        version,
        hash,
        commits,
        date,
        keyboards,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyboard::Keyboard;

    #[test]
    fn a_controllers_name_leads_to_its_release() {
        assert_eq!(
            Release::of_controller("057").map(|release| release.version),
            Some("v0.5.7")
        );
        assert_eq!(
            Release::of_controller("050").map(|release| release.commits),
            Some(1091)
        );
        assert_eq!(Release::of_controller("999"), None);
        assert_eq!(Release::of_controller(""), None);
    }

    #[test]
    fn a_release_names_keyboards_that_we_know() {
        let ours: Vec<_> = Keyboard::all().iter().map(Keyboard::script_stem).collect();
        for release in &KNOWN {
            assert!(release.keyboards.iter().all(|name| ours.contains(name)));
            let has_kira = release.keyboards.contains(&"kira");
            assert_eq!(has_kira, release.version >= "v0.5.4", "{}", release.version);
        }
    }
}
