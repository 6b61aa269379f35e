#![no_main]

use mamlet_runtime_fuzz::Session;

libfuzzer_sys::fuzz_target!(|session: Session| mamlet_runtime_fuzz::learner(&session));
