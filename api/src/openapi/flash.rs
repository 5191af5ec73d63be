//! The form of what `shared::flash` writes, which knows nothing of descriptions.
#![expect(dead_code, reason = "only their form is used")]

use utoipa::ToSchema;

/// What to do with the firmware.
#[derive(ToSchema)]
#[schema(as = Flash)]
pub(crate) struct FlashForm {
    /// Whether it is known where this keyboard's button is. Otherwise the words are those that fit every keyboard.
    is_known: bool,
    /// How the keyboard may name itself on the bus while it is ready to be flashed, such as `1c11:b007`.
    bootloaders: Vec<String>,
    /// One after the other.
    steps: Vec<StepForm>,
    /// What has to be there before.
    systems: SystemsForm,
    /// What to do when it does not go so.
    notes: Vec<NoteForm>,
}

/// One thing to do.
#[derive(ToSchema)]
#[schema(as = FlashStep)]
struct StepForm {
    kind: KindForm,
    /// In words.
    text: String,
    /// As a command, a word each.
    command: Vec<String>,
    /// The file that it is about.
    file: String,
    hand: HandForm,
    /// The SHA-256 of that file, in hexadecimal digits.
    sha256: String,
}

#[derive(ToSchema)]
#[schema(as = FlashStepKind, rename_all = "snake_case")]
enum KindForm {
    Unpack,
    Check,
    Connect,
    Start,
    Enter,
    Done,
}

/// Which half of a split keyboard.
#[derive(ToSchema)]
#[schema(as = Hand, rename_all = "snake_case")]
enum HandForm {
    Left,
    Right,
}

/// What has to be there before.
#[derive(ToSchema)]
#[schema(as = FlashSystems)]
struct SystemsForm {
    linux: String,
    /// A file for Linux that lets whoever sits at the machine flash without being root.
    udev_rules: String,
    macos: String,
    windows: String,
}

/// What to do when it does not go so.
#[derive(ToSchema)]
#[schema(as = FlashNote)]
struct NoteForm {
    /// When it is of use.
    when: String,
    /// In words.
    text: String,
    /// A word each.
    commands: Vec<Vec<String>>,
}

/// A file in a zip that is for a keyboard.
#[derive(ToSchema)]
#[schema(as = FirmwareFile)]
pub(crate) struct FirmwareFileForm {
    /// Its name in the zip.
    name: String,
    bytes: u64,
    /// What `sha256sum` says of the file.
    sha256: String,
}
