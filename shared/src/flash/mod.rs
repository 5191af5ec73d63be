//! What to do with firmware once it is built: a keyboard and the files of its zip -> steps, in words and as commands.
//!
//! The facts are in [`guide`]; the words are here, the same for a page, a program and a terminal.

mod guide;

use std::sync::LazyLock;

use serde::Serialize;

pub use guide::{Hand, UsbId};

use crate::{job::FirmwareFile, keyboard::Keyboard};
use guide::{Guide, GuideFile};

/// How the firmware comes onto the keyboard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flash {
    /// Whether we know where this keyboard's button is. Otherwise the words are those that fit every keyboard.
    pub is_known: bool,
    /// How the keyboard may name itself on the bus while it is ready to be flashed.
    pub bootloaders: Vec<UsbId>,
    /// One after the other.
    pub steps: Vec<Step>,
    /// What has to be there before, by system.
    pub systems: Systems,
    /// What to do when it does not go so.
    pub notes: Vec<Note>,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What kind of thing.
    pub kind: StepKind,
    /// In words.
    pub text: String,
    /// As a command, a word each; empty where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// The file that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The half of the keyboard that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hand: Option<Hand>,
    /// The SHA-256 of that file, hex, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// What kind of thing there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Take the files out of the zip.
    Unpack,
    /// Compare a file's checksum.
    Check,
    /// Plug in the half that is next.
    Connect,
    /// Start the tool, which waits.
    Start,
    /// Make the keyboard ready.
    Enter,
    /// See that it went well.
    Done,
}

/// What has to be there before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Systems {
    /// On Linux.
    pub linux: &'static str,
    /// A file for Linux that lets whoever sits at the machine flash without being root.
    pub udev_rules: String,
    /// On macOS.
    pub macos: &'static str,
    /// On Windows.
    pub windows: &'static str,
}

/// What to do when it does not go so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// When it is of use.
    pub when: String,
    /// In words.
    pub text: String,
    /// As commands, a word each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<Vec<String>>,
}

const BUTTON: &str = "press the reset button, which most keyboards have on the underside";

const LINUX: &str = "Install dfu-util with the package manager. To flash without being root, write udev_rules into \
     /etc/udev/rules.d/60-keyboard-dfu.rules, and run: sudo udevadm control --reload";

const MACOS: &str =
    "Install dfu-util, for instance with Homebrew: brew install dfu-util. No driver is needed.";

const WINDOWS: &str = "Download dfu-util and unpack it. The keyboard needs a driver while it is ready to be flashed: \
     the Kiibohd drivers (kiidrv), or Zadig with libusbK or WinUSB for the device that appears then.";

/// What to do with the firmware of a keyboard, by the name that its build has. `files` are what the zip is known to
/// hold.
#[must_use]
pub fn flash(keyboard: &str, files: &[FirmwareFile]) -> Flash {
    let guide = Keyboard::parse(keyboard).and_then(|keyboard| Guide::of(keyboard.names()[0]));
    let bootloaders = guide.map(|guide| guide.bootloaders.clone());
    let bootloaders = bootloaders.unwrap_or_default();
    Flash {
        is_known: guide.is_some_and(|guide| guide.unknown.is_none()),
        steps: steps(guide, files),
        systems: Systems {
            linux: LINUX,
            udev_rules: udev_rules(&bootloaders),
            macos: MACOS,
            windows: WINDOWS,
        },
        notes: notes(guide, &bootloaders),
        bootloaders,
    }
}

/// A zip whose keyboard nobody knows still holds the usual file.
static USUAL: LazyLock<Vec<GuideFile>> = LazyLock::new(|| {
    vec![GuideFile {
        name: "kiibohd.dfu.bin",
        hand: None,
    }]
});

fn steps(guide: Option<&Guide>, known: &[FirmwareFile]) -> Vec<Step> {
    let files = guide.map_or(&*USUAL, |guide| &guide.files);
    let names: Vec<_> = files.iter().map(|file| file.name).collect();
    let mut steps = vec![Step::of(
        StepKind::Unpack,
        format!("Take {} out of the zip.", names.join(" and ")),
    )];
    steps.extend(files.iter().filter_map(|file| check(file, known)));
    for file in files {
        if let Some(hand) = file.hand {
            let words = format!(
                "Connect the {hand} half to the computer with a cable of its own, and nothing else to that half."
            );
            steps.push(Step::of(StepKind::Connect, words).about(file));
        }
        let words =
            "Start dfu-util. It waits for the keyboard, which does not type while it is flashed.";
        let command = ["dfu-util", "-w", "-D", file.name].map(str::to_owned);
        steps.push(Step {
            command: command.into(),
            ..Step::of(StepKind::Start, words.to_owned()).about(file)
        });
        steps.push(Step::of(StepKind::Enter, enter(guide)).about(file));
    }
    let words = "dfu-util says \"Done!\" or \"Download done.\", and the keyboard starts again by itself. If it does not, unplug it and plug it in again.";
    steps.push(Step::of(StepKind::Done, words.to_owned()));
    steps
}

fn check(file: &GuideFile, known: &[FirmwareFile]) -> Option<Step> {
    let sha256 = &known.iter().find(|known| known.name == file.name)?.sha256;
    let words = format!(
        "Compare {name}: its SHA-256 is {sha256}. On macOS, shasum -a 256 tells it, and on Windows certutil -hashfile {name} SHA256.",
        name = file.name
    );
    Some(Step {
        command: ["sha256sum", file.name].map(str::to_owned).into(),
        sha256: Some(sha256.clone()),
        ..Step::of(StepKind::Check, words).about(file)
    })
}

fn enter(guide: Option<&Guide>) -> String {
    let mut words = format!(
        "Then {}.",
        guide.and_then(|guide| guide.button).unwrap_or(BUTTON)
    );
    let Some(guide) = guide else { return words };
    if let Some(chord) = &guide.chord {
        let keys = chord.keys.join(" + ");
        words += &format!(
            " Where the layout that is on it now has them, the keys {keys} do the same; {} has.",
            chord.layouts.join(", ")
        );
    }
    if let Some(sign) = guide.sign {
        words += &format!(" It is ready when {sign}.");
    }
    for more in [guide.hint, guide.unknown].into_iter().flatten() {
        words += &format!(" {more}");
    }
    words
}

fn notes(guide: Option<&Guide>, bootloaders: &[UsbId]) -> Vec<Note> {
    let leave = guide.and_then(|guide| guide.leave);
    let mut notes = vec![
        Note {
            when: "you would rather not flash it after all".to_owned(),
            text: match leave {
                Some(leave) => format!("Unplug the keyboard, or {leave}: it starts with what is on it."),
                None => "Unplug the keyboard and plug it in again: it starts with what is on it.".to_owned(),
            },
            commands: Vec::new(),
        },
        Note {
            when: "dfu-util knows no -w".to_owned(),
            text: "It is older than 0.10. Leave -w out, and make the keyboard ready first.".to_owned(),
            commands: Vec::new(),
        },
        Note {
            when: "\"dfu-util -l\" says \"Kiibohd DFU Secure\"".to_owned(),
            text: "That mode wants a key that no program can ask for yet. The button, and not the keys, turns it off until the next start; the ordinary file is taken then. Leave kiibohd.secure.dfu.bin, where the zip has one, alone.".to_owned(),
            commands: Vec::new(),
        },
    ];
    if let (Some(newest), Some(guide)) =
        (bootloaders.iter().find(|id| id.vendor == OFFICIAL), guide)
    {
        notes.push(label(*newest, &guide.files));
    }
    notes
}

/// The vendor that bootloaders since 2018 name.
const OFFICIAL: u16 = 0x308f;

/// A firmware's build labels its file for one bootloader, and keyboards of one kind were made with several.
fn label(id: UsbId, files: &[GuideFile]) -> Note {
    let command = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let device = format!(",{id}");
    let commands = files.iter().flat_map(|file| {
        [
            command(&["dfu-suffix", "-D", file.name]),
            command(&["dfu-util", "-w", "-d", &device, "-D", file.name]),
        ]
    });
    Note {
        when: "dfu-util says \"File ID … does not match device\"".to_owned(),
        text: format!(
            "The file is labelled for another age of the bootloader than yours. If the other numbers in that message are {id}, it is this keyboard all the same: take the label off, and name the device."
        ),
        commands: commands.collect(),
    }
}

fn udev_rules(bootloaders: &[UsbId]) -> String {
    bootloaders
        .iter()
        .map(|id| {
            format!(
                "SUBSYSTEM==\"usb\", ATTR{{idVendor}}==\"{:04x}\", ATTR{{idProduct}}==\"{:04x}\", TAG+=\"uaccess\"\n",
                id.vendor, id.product
            )
        })
        .collect()
}

impl Step {
    fn of(kind: StepKind, text: String) -> Self {
        Self {
            kind,
            text,
            command: Vec::new(),
            file: None,
            hand: None,
            sha256: None,
        }
    }

    fn about(self, file: &GuideFile) -> Self {
        Self {
            file: Some(file.name.to_owned()),
            hand: file.hand,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(flash: &Flash) -> Vec<StepKind> {
        flash.steps.iter().map(|step| step.kind).collect()
    }

    #[test]
    fn each_half_of_a_split_keyboard_is_flashed_with_its_own_file() {
        let flash = flash("mdergo1", &[]);
        let each = [StepKind::Connect, StepKind::Start, StepKind::Enter];
        let expected = [&[StepKind::Unpack][..], &each, &each, &[StepKind::Done]].concat();
        assert_eq!(kinds(&flash), expected);
        let starts = flash
            .steps
            .iter()
            .filter(|step| step.kind == StepKind::Start);
        let commands: Vec<_> = starts
            .map(|step| (step.hand, step.command.join(" ")))
            .collect();
        assert_eq!(
            commands,
            [
                (
                    Some(Hand::Left),
                    "dfu-util -w -D left_kiibohd.dfu.bin".to_owned()
                ),
                (
                    Some(Hand::Right),
                    "dfu-util -w -D right_kiibohd.dfu.bin".to_owned()
                ),
            ]
        );
    }

    #[test]
    fn a_file_whose_checksum_is_known_is_checked_and_no_other() {
        let file = |name: &str| FirmwareFile {
            name: name.to_owned(),
            bytes: 3,
            sha256: "ab".repeat(32),
        };
        let both = [file("kiibohd.secure.dfu.bin"), file("kiibohd.dfu.bin")];
        let checked = flash("Kira", &both);
        let checks: Vec<_> = checked
            .steps
            .iter()
            .filter(|step| step.kind == StepKind::Check)
            .collect();
        assert_eq!(checks.len(), 1);
        assert_eq!(checks[0].file.as_deref(), Some("kiibohd.dfu.bin"));
        assert_eq!(checks[0].sha256, Some("ab".repeat(32)));
        assert!(!kinds(&flash("Kira", &[])).contains(&StepKind::Check));
    }

    #[test]
    fn the_rules_for_linux_name_every_bootloader_of_the_keyboard() {
        let flash = flash("KType", &[]);
        assert_eq!(
            flash.systems.udev_rules.lines().count(),
            flash.bootloaders.len()
        );
        let first = "SUBSYSTEM==\"usb\", ATTR{idVendor}==\"1c11\", ATTR{idProduct}==\"b007\", TAG+=\"uaccess\"\n";
        assert!(
            flash.systems.udev_rules.starts_with(first),
            "{}",
            flash.systems.udev_rules
        );
    }

    #[test]
    fn what_nobody_knows_is_said_in_general_words_and_is_marked() {
        for (name, is_known) in [("KType", true), ("ICPad", false), ("Unheard-of", false)] {
            let flash = flash(name, &[]);
            assert_eq!(flash.is_known, is_known, "{name}");
            let enter = flash
                .steps
                .iter()
                .find(|step| step.kind == StepKind::Enter)
                .unwrap();
            assert!(enter.text.starts_with("Then press the "), "{}", enter.text);
        }
        assert!(flash("Unheard-of", &[]).bootloaders.is_empty());
    }
}
