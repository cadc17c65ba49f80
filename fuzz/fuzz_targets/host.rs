#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hotspare::foreign::enter("host", bytes));
