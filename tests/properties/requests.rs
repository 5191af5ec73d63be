//! Bodies of requests.

use harness::{promises, small};
use proptest::{collection::vec, prelude::*};
use serde_json::json;
use shared::job::{BuildRequest, request::Refused};

use super::{
    one_in,
    values::{json, text, with_changes},
};

proptest! {
    #![proptest_config(one_in(1))]

    #[test]
    fn bytes_are_a_request_or_are_refused(body in vec(any::<u8>(), 0..500)) {
        promises::of_a_request(&body, &small::library());
    }

    #[test]
    fn json_is_a_request_exactly_when_it_has_a_layout_and_a_version(
        config in json(), env in prop::option::of(json()), name in text(), more in json(),
    ) {
        let mut body = json!({ name.clone(): more, "config": config });
        if let Some(env) = &env {
            body["env"] = env.clone();
        }
        let body = body.to_string();
        let is_request = config.is_object() && env.is_none_or(|env| env.is_string() || env.is_null());
        // A member of that name may be there twice only where its name is one of ours.
        prop_assume!(name != "config" && name != "env");
        match BuildRequest::parse(body.as_bytes()) {
            Ok(request) => prop_assert!(is_request && request.config == config),
            Err(refused) => prop_assert!(!is_request && matches!(refused, Refused::Invalid(_))),
        }
    }

    #[test]
    fn a_body_that_stops_early_is_not_json(cut in any::<prop::sample::Index>()) {
        let body = json!({ "config": small::document(), "env": "latest" }).to_string();
        let refused = BuildRequest::parse(&body.as_bytes()[..cut.index(body.len())]);
        prop_assert!(matches!(refused, Err(Refused::NotJson(_))));
    }
}

proptest! {
    #![proptest_config(one_in(2))]

    #[test]
    fn a_request_that_is_nearly_good_is_a_build_or_has_faults(
        body in with_changes(json!({ "config": small::document(), "env": "latest" })),
    ) {
        promises::of_a_request(body.to_string().as_bytes(), &small::library());
    }
}
