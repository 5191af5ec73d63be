//! Which requests are the same build.

use harness::small;
use proptest::prelude::*;
use serde_json::{Value, json};
use shared::{
    channel::Dialect,
    job::{BuildRequest, Fingerprint, Plan},
};

use super::{
    one_in,
    values::{json, places},
};

fn fingerprint(more: &Value, image: &str) -> Fingerprint {
    let mut config = small::document();
    config["of the person's own"] = more.clone();
    let request = BuildRequest {
        config,
        version: "latest".to_owned(),
    };
    let plan = Plan::of(&request, image, Dialect::Latest, &small::library());
    plan.unwrap().fingerprint
}

/// The same value with the members of each object the other way round.
fn turned_round(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.iter().rev();
            let members = members.map(|(name, value)| (name.clone(), turned_round(value)));
            Value::Object(members.collect())
        }
        Value::Array(items) => items.iter().map(turned_round).collect(),
        other => other.clone(),
    }
}

proptest! {
    #![proptest_config(one_in(4))]

    #[test]
    fn the_order_of_members_is_no_difference(more in json()) {
        prop_assert_eq!(fingerprint(&more, "image"), fingerprint(&turned_round(&more), "image"));
    }

    #[test]
    fn every_other_difference_is_one(
        more in json(), place in any::<prop::sample::Index>(), new in json(),
    ) {
        let mut other = more.clone();
        let places = places(&more);
        *other.pointer_mut(&places[place.index(places.len())]).unwrap() = new;
        prop_assume!(more != other);
        prop_assert_ne!(fingerprint(&more, "image"), fingerprint(&other, "image"));
        prop_assert_ne!(fingerprint(&more, "image"), fingerprint(&more, "another image"));
    }

    #[test]
    fn the_order_of_items_is_a_difference(one in json(), two in json()) {
        prop_assume!(one != two);
        let (there, back) = (json!([one, two]), json!([two, one]));
        prop_assert_ne!(fingerprint(&there, "image"), fingerprint(&back, "image"));
    }
}
