//! Bytes as a request's body.
#![no_main]

use kiisrv_fuzz::{promises, small};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| promises::of_a_request(body, &small::library()));
