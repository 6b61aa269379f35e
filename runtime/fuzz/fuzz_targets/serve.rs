#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mamlet_runtime_fuzz::serve(data));
