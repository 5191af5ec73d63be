//! The only way in: a request's bytes become a checked [`BuildRequest`] or every fault at once.

use serde_json::Value;

use crate::layout::Fault;

/// A request whose own members are readable. Whether its layout can be built, its
/// [plan](super::Plan) tells.
#[derive(Clone, Debug)]
pub struct BuildRequest {
    /// The layout as it came, unknown members too: the zip gives it back.
    pub config: Value,
    /// The channel or version that was asked for.
    pub version: String,
}

/// What is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Not JSON, or not an object: the parser's words.
    NotJson(String),
    /// JSON that is no request: every fault, with pointers into the body.
    Invalid(Vec<Fault>),
}

impl BuildRequest {
    /// Reads `{"config": …, "env": "latest"}`. A request without `env` means `latest`.
    ///
    /// # Errors
    /// [`Refused`], with all faults.
    pub fn parse(body: &[u8]) -> Result<Self, Refused> {
        let body: Value =
            serde_json::from_slice(body).map_err(|error| Refused::NotJson(error.to_string()))?;
        let Value::Object(mut members) = body else {
            return Err(Refused::NotJson(
                "a request is an object with `config` and `env`".to_owned(),
            ));
        };
        let mut faults = Vec::new();
        let version = match members.get("env") {
            None | Some(Value::Null) => "latest".to_owned(),
            Some(Value::String(name)) => name.clone(),
            Some(_) => {
                faults.push(Fault::new("/env", "must be a text, such as \"latest\""));
                String::new()
            }
        };
        let config = members.shift_remove("config").unwrap_or(Value::Null);
        if !config.is_object() {
            faults.push(Fault::new(
                "/config",
                "must be a layout, as the Configurator makes it",
            ));
        }
        if faults.is_empty() {
            Ok(Self { config, version })
        } else {
            Err(Refused::Invalid(faults))
        }
    }
}

impl Fault {
    /// The same fault, seen from the request in which the layout is the member `config`.
    #[must_use]
    pub fn within_config(self) -> Self {
        Self {
            pointer: format!("/config{}", self.pointer),
            message: self.message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_json_is_told_from_what_is_no_request() {
        assert!(matches!(
            BuildRequest::parse(b"{"),
            Err(Refused::NotJson(_))
        ));
        assert!(matches!(
            BuildRequest::parse(b"[]"),
            Err(Refused::NotJson(_))
        ));
        let Err(Refused::Invalid(faults)) = BuildRequest::parse(b"{\"env\": 3}") else {
            panic!("a request without a layout was taken");
        };
        assert!(
            faults.iter().any(|fault| fault.pointer == "/env"),
            "{faults:?}"
        );
        assert!(
            faults
                .iter()
                .any(|fault| fault.pointer.starts_with("/config")),
            "{faults:?}"
        );
    }
    #[test]
    fn a_number_comes_back_as_it_was_sent() {
        // Read in the quick way, it loses its last digit.
        let body = r#"{"config":{"x":1.9345666444113843e+280},"env":"latest"}"#;
        let request = BuildRequest::parse(body.as_bytes()).unwrap();
        assert_eq!(
            request.config.to_string(),
            r#"{"x":1.9345666444113843e+280}"#
        );
    }
}
