//! The secret that makes somebody an operator: from a variable, or from a file, where it is seen by fewer.

use std::{fmt, fs, path::PathBuf};

use anyhow::{Context, bail};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::vars::Vars;

/// A shorter one could be guessed.
const SHORTEST: usize = 16;

const VARIABLE: &str = "KIISRV_OPERATOR_TOKEN";

/// The operators' secret. A log is no place for it, so that it does not show itself.
#[derive(Clone)]
pub struct OperatorToken(String);

impl OperatorToken {
    /// `KIISRV_OPERATOR_TOKEN`, or what is in the file `KIISRV_OPERATOR_TOKEN_FILE`.
    pub(super) fn from_vars<L: Fn(&str) -> Option<String>>(
        vars: &Vars<L>,
    ) -> anyhow::Result<Option<Self>> {
        let file = format!("{VARIABLE}_FILE");
        let (name, text) = match ((vars.0)(VARIABLE), (vars.0)(&file).map(PathBuf::from)) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => bail!("{file} is not valid: {VARIABLE} is set too"),
            (Some(text), None) => (VARIABLE.to_owned(), text),
            (None, Some(path)) => {
                let text = fs::read_to_string(&path)
                    .with_context(|| format!("{file} is not valid: {}", path.display()))?;
                (file, text)
            }
        };
        let text = text.trim();
        // What a header can hold as it is.
        if text.len() < SHORTEST || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            bail!(
                "{name} is not valid: it must have {SHORTEST} characters or more, without spaces"
            );
        }
        Ok(Some(Self(text.to_owned())))
    }

    /// As it is presented.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the secret. It takes as long however much of it is right.
    #[must_use]
    pub fn is(&self, presented: &str) -> bool {
        let expected = keyed(&self.0, "an operator").finalize().into_bytes();
        keyed(presented, "an operator")
            .verify_slice(&expected)
            .is_ok()
    }

    /// What proves later that a text came from somebody who has this secret, and for this purpose. It proves nothing any
    /// more under another secret, and says nothing of this one.
    #[must_use]
    pub fn seal(&self, purpose: &str, text: &str) -> String {
        hex::encode(self.sealing(purpose, text).finalize().into_bytes())
    }

    /// Whether this is that proof. It takes as long however much of it is right.
    #[must_use]
    pub fn is_sealed(&self, purpose: &str, text: &str, seal: &str) -> bool {
        let Ok(seal) = hex::decode(seal) else {
            return false;
        };
        self.sealing(purpose, text).verify_slice(&seal).is_ok()
    }

    /// Each purpose has a key of its own, so that no text of one can be passed off for one of another.
    fn sealing(&self, purpose: &str, text: &str) -> Hmac<Sha256> {
        let key = keyed(&self.0, &format!("a seal: {purpose}")).finalize();
        keyed_by(&key.into_bytes(), text)
    }
}

fn keyed(secret: &str, text: &str) -> Hmac<Sha256> {
    keyed_by(secret.as_bytes(), text)
}

fn keyed_by(key: &[u8], text: &str) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mut hash = Hmac::new_from_slice(key).expect("a key of any length");
    hash.update(text.as_bytes());
    hash
}

impl fmt::Debug for OperatorToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> anyhow::Result<Option<OperatorToken>> {
        OperatorToken::from_vars(&Vars(|name: &str| {
            let mut pairs = pairs.iter();
            let pair = pairs.find(|(key, _)| *key == name);
            pair.map(|(_, value)| (*value).to_owned())
        }))
    }

    #[test]
    fn only_the_whole_secret_is_the_secret_and_no_log_shows_it() {
        let token = read(&[(VARIABLE, "0123456789abcdef")]).unwrap().unwrap();
        assert!(token.is("0123456789abcdef"));
        for wrong in [
            "",
            "0123456789abcde",
            "0123456789abcdef0",
            "0123456789abcdeF",
        ] {
            assert!(!token.is(wrong), "{wrong}");
        }
        assert!(!format!("{token:?}").contains("0123"));
    }

    #[test]
    fn a_seal_is_of_one_text_for_one_purpose_under_one_secret() {
        let token = |text: &str| read(&[(VARIABLE, text)]).unwrap().unwrap();
        let (one, other) = (token("0123456789abcdef"), token("0123456789abcdeF"));
        let seal = one.seal("session", "anna");
        assert!(one.is_sealed("session", "anna", &seal));
        for (token, purpose, text, seal) in [
            (&one, "session", "bert", seal.as_str()),
            (&one, "form", "anna", &seal),
            (&other, "session", "anna", &seal),
            (&one, "session", "anna", &seal[..62]),
            (&one, "session", "anna", ""),
            (&one, "session", "anna", "none"),
        ] {
            assert!(
                !token.is_sealed(purpose, text, seal),
                "{purpose} {text} {seal}"
            );
        }
    }

    #[test]
    fn a_file_holds_it_as_well_and_a_short_one_is_refused_with_its_variable() {
        assert!(read(&[]).unwrap().is_none());
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        fs::write(&path, "0123456789abcdef\n").unwrap();
        let file = ("KIISRV_OPERATOR_TOKEN_FILE", path.to_str().unwrap());
        assert!(read(&[file]).unwrap().unwrap().is("0123456789abcdef"));
        fs::write(&path, "too short\n").unwrap();
        for pairs in [
            &[file][..],
            &[("KIISRV_OPERATOR_TOKEN_FILE", "/nowhere")],
            &[file, (VARIABLE, "0123456789abcdef")],
        ] {
            let error = format!("{:#}", read(pairs).unwrap_err());
            let says_which = error.starts_with("KIISRV_OPERATOR_TOKEN_FILE is not valid");
            assert!(says_which, "{error}");
        }
    }
}
