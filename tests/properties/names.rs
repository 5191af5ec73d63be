//! Names that were made safe.

use harness::promises;
use proptest::prelude::*;
use shared::layout::name::safe_name;

use super::{one_in, values::text};

proptest! {
    #![proptest_config(one_in(1))]

    #[test]
    fn a_name_made_safe_is_safe_and_stays_as_it_is(start in text(), end in text(), times in 1_usize..9) {
        for name in [start.repeat(times), format!("{start}{end}_error"), format!(".{start}..{end}")] {
            let safe = safe_name(&name);
            promises::of_a_safe_name(&safe);
            prop_assert_eq!(&safe_name(&safe), &safe);
            prop_assert_eq!(safe.is_empty(), name.is_empty());
        }
    }

    #[test]
    fn a_good_name_is_left_alone(name in "[A-Za-z0-9_]{1,20}(\\.[A-Za-z0-9_]{1,20}){0,2}") {
        prop_assume!(!name.ends_with("_error"));
        prop_assert_eq!(safe_name(&name), name);
    }
}
