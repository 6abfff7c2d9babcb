//! One CopyData message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use walstream::wire::Frame;

fuzz_target!(|input: &[u8]| {
    match Frame::decode(input) {
        Ok(Frame::XLogData { start, end, payload, .. }) => {
            let head = [b"w", &start.0.to_be_bytes()[..], &end.0.to_be_bytes()].concat();
            assert!(
                input.starts_with(&head) && input.ends_with(payload) && input.len() == 25 + payload.len()
            );
        }
        Ok(Frame::Keepalive { end, .. }) => {
            assert!(input.len() == 18 && input[1..9] == end.0.to_be_bytes());
        }
        Err(_) => {}
    }
});
