//! One message, at each position: no panic, no span beyond it, and the two ways of decoding agree.
#![no_main]

use libfuzzer_sys::fuzz_target;
use walstream::wire::{Fields, Head, Message, Position};

fuzz_target!(|input: &[u8]| {
    let Some((&position, payload)) = input.split_first() else { return };
    let position = if position & 1 == 1 { Position::InBlock } else { Position::Plain };
    let mut fields = Fields::default();
    let whole = Message::decode(payload, position, &mut fields);
    for index in 0..fields.tuples() {
        for (_, span) in fields.tuple(index) {
            span.of(payload);
        }
    }
    let kept = Head::peek(payload, position).and_then(|head| {
        let mut again = Fields::default();
        let message = Message::decode_body(head.tag, &payload[head.body_start..], &mut again)?;
        assert_eq!(again.tuples(), fields.tuples());
        Ok((head.subxid, message))
    });
    match (whole, kept) {
        (Ok(whole), Ok((subxid, message))) => {
            assert_eq!(whole.subxid, subxid);
            assert_eq!(std::mem::discriminant(&whole.message), std::mem::discriminant(&message));
        }
        (Err(_), Err(_)) => {}
        (whole, kept) => panic!("in one go {whole:?}, kept {kept:?}"),
    }
});
