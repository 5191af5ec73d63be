//! What is written down of visitors, and what whoever runs the service tells them of it.

use std::{fs, path::PathBuf};

use anyhow::{Context, bail};

use super::vars::{KIB, Vars};

/// More than anybody reads.
const LONGEST: u64 = 64 * KIB;

/// Letters of a contact.
const LONGEST_CONTACT: usize = 200;

/// What is written down of visitors, and what they are told of it.
#[derive(Clone, Debug)]
pub struct PrivacySettings {
    /// Whether requests say which client asked, as a keyed hash, and users are counted: `KIISRV_RECORD_CLIENTS` (`on`).
    pub record_clients: bool,
    /// Whether requests say with what system and kind of program: `KIISRV_RECORD_SYSTEMS` (`on`).
    pub record_systems: bool,
    /// Whom to write to: `KIISRV_CONTACT` (nobody), an address for mail, one of a page, or words.
    pub contact: Option<String>,
    /// What whoever runs the service wants to say besides: the text of the file `KIISRV_PRIVACY_FILE` (nothing).
    pub words: Option<String>,
}

impl PrivacySettings {
    pub(super) fn from_vars<L: Fn(&str) -> Option<String>>(vars: &Vars<L>) -> anyhow::Result<Self> {
        Ok(Self {
            record_clients: vars.switch("KIISRV_RECORD_CLIENTS", true)?,
            record_systems: vars.switch("KIISRV_RECORD_SYSTEMS", true)?,
            contact: contact((vars.0)("KIISRV_CONTACT"))?,
            words: (vars.0)("KIISRV_PRIVACY_FILE")
                .map(|path| words(&PathBuf::from(path)))
                .transpose()?,
        })
    }
}

fn contact(text: Option<String>) -> anyhow::Result<Option<String>> {
    let Some(text) = text else { return Ok(None) };
    let text = text.trim();
    if text.chars().count() > LONGEST_CONTACT || text.chars().any(char::is_control) {
        bail!(
            "KIISRV_CONTACT is not valid: it must be one line of {LONGEST_CONTACT} letters at most"
        );
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

fn words(path: &PathBuf) -> anyhow::Result<String> {
    let wrong = || format!("KIISRV_PRIVACY_FILE is not valid: {}", path.display());
    if fs::metadata(path).with_context(wrong)?.len() > LONGEST {
        bail!("{}: it must have {LONGEST} bytes at most", wrong());
    }
    fs::read_to_string(path).with_context(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> anyhow::Result<PrivacySettings> {
        PrivacySettings::from_vars(&Vars(|name: &str| {
            let mut pairs = pairs.iter();
            let pair = pairs.find(|(key, _)| *key == name);
            pair.map(|(_, value)| (*value).to_owned())
        }))
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let long = directory.path().join("long");
        fs::write(&long, " ".repeat(70_000)).unwrap();
        for (name, value) in [
            ("KIISRV_RECORD_CLIENTS", "yes"),
            ("KIISRV_RECORD_SYSTEMS", "0"),
            ("KIISRV_CONTACT", "two\nlines"),
            ("KIISRV_PRIVACY_FILE", "/nowhere"),
            ("KIISRV_PRIVACY_FILE", long.to_str().unwrap()),
        ] {
            let error = format!("{:#}", read(&[(name, value)]).unwrap_err());
            assert!(
                error.starts_with(&format!("{name} is not valid")),
                "{error}"
            );
        }
    }

    #[test]
    fn words_of_ones_own_are_read_from_their_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("words");
        fs::write(&path, "We back up.\n").unwrap();
        let pairs = [
            ("KIISRV_PRIVACY_FILE", path.to_str().unwrap()),
            ("KIISRV_CONTACT", " me@example.org "),
            ("KIISRV_RECORD_CLIENTS", "off"),
        ];
        let settings = read(&pairs).unwrap();
        assert_eq!(settings.words.as_deref(), Some("We back up.\n"));
        assert_eq!(settings.contact.as_deref(), Some("me@example.org"));
        assert!(!settings.record_clients && settings.record_systems);
    }
}
