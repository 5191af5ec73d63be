//! JSON as a layout, as it is and as changes to a good one: most of what is thought up is no layout at all.
#![no_main]

use kiisrv_fuzz::{promises, small};
use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::Value;
use shared::channel::Dialect;

fuzz_target!(|text: &[u8]| -> Corpus {
    let Ok(config) = serde_json::from_slice::<Value>(text) else {
        return Corpus::Reject;
    };
    let changed = small::changed(small::document(), &config);
    for dialect in Dialect::ALL {
        promises::of_a_layout(&config, dialect, &small::library());
        promises::of_a_layout(&changed, dialect, &small::library());
    }
    Corpus::Keep
});
