//! A held-back transaction against a list: messages, rolled-back subtransactions, spills at any moment.
#![no_main]

use libfuzzer_sys::fuzz_target;
use walstream::lsn::{Lsn, Xid};
use walstream::stream::held::{HeldTransaction, Record};
use walstream_fuzz::Input;

fuzz_target!(|input: &[u8]| {
    let mut input = Input(input);
    let mut held = HeldTransaction::default();
    let mut expected: Vec<(u32, u64, Vec<u8>)> = Vec::new();
    while !input.is_empty() {
        match input.u8() % 8 {
            0..=4 => {
                let (subxid, lsn) = (u32::from(input.u8() % 16), input.number(2));
                let mut message = input.block().to_vec();
                // Now and then one that exceeds what is read at once.
                if input.u8() == 255 {
                    message.resize(300 << 10, 7);
                }
                assert!(held.push(Record { subxid: Xid(subxid), lsn: Lsn(lsn), tag: b'I', body: &message }));
                expected.push((subxid, lsn, message));
            }
            5 => held.spill(&std::env::temp_dir()).unwrap(),
            _ => {
                let subxid = u32::from(input.u8() % 16);
                held.abort(Xid(subxid)).unwrap();
                if let Some(first) = expected.iter().position(|(of, _, _)| *of == subxid) {
                    expected.truncate(first);
                }
            }
        }
    }
    assert_eq!(held.is_empty(), expected.is_empty());
    let mut reader = held.into_reader().unwrap();
    for (subxid, lsn, message) in &expected {
        let record = reader.read().unwrap().expect("as many as were kept");
        assert_eq!((record.subxid.0, record.lsn.0, record.body), (*subxid, *lsn, &message[..]));
    }
    assert!(reader.read().unwrap().is_none());
});
