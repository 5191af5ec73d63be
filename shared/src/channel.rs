//! What a channel or a version of the firmware means for us.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The dialect of KLL that a firmware's compiler takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// With animations: v0.5.4 and later.
    Latest,
    /// Without animations: v0.5.0.
    Lts,
}

impl Dialect {
    /// Both dialects.
    pub const ALL: [Self; 2] = [Self::Latest, Self::Lts];

    /// The dialect of that name, exactly as [`as_str`](Self::as_str) writes it.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|dialect| dialect.as_str() == name)
    }

    /// The dialect of a controller whose image does not say: animations came with v0.5.4.
    #[must_use]
    pub fn of_controller(name: &str) -> Self {
        if ("050".."054").contains(&name) {
            Self::Lts
        } else {
            Self::Latest
        }
    }

    /// The dialect of a channel or a version by its name alone, where no image can be asked.
    #[must_use]
    pub fn of_version(name: &str) -> Self {
        match name.strip_prefix('v') {
            Some(digits) => Self::of_controller(&digits.replace('.', "")),
            None => Self::parse(name).unwrap_or(Self::Latest),
        }
    }

    /// Its name: `latest` or `lts`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::Lts => "lts",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialect_is_written_and_read_alike() {
        for dialect in Dialect::ALL {
            assert_eq!(Dialect::parse(dialect.as_str()), Some(dialect));
            let json = serde_json::to_string(&dialect).unwrap();
            assert_eq!(json, format!("\"{dialect}\""));
        }
        assert_eq!(Dialect::parse("LTS"), None);
    }

    #[test]
    fn a_version_tells_its_dialect() {
        for (name, dialect) in [
            ("lts", Dialect::Lts),
            ("v0.5.0", Dialect::Lts),
            ("v0.5.4", Dialect::Latest),
            ("latest", Dialect::Latest),
            ("nightly", Dialect::Latest),
        ] {
            assert_eq!(Dialect::of_version(name), dialect, "{name}");
        }
    }
}
