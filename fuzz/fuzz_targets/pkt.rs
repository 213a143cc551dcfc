//! Any text as a packetdrill script: parsing does not panic, and what is printed reads as what it was.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tcp_sim::drill::parse;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    match parse(&text) {
        Ok(script) => {
            let printed = script.to_string();
            match parse(&printed) {
                Ok(again) => assert_eq!(again, script, "{printed}"),
                Err(error) => panic!("{error}\n{printed}"),
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
