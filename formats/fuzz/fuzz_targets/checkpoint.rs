#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mamlet_formats_fuzz::checkpoint(data));
