//! Relations and types that change, come again, disappear with a connection, or belong to a transaction alone, against a
//! map: rows are read under the definition that was announced last, and the host is told of each once.
#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use walstream::model::Catalog;
use walstream::wire::{Message, Tag};
use walstream_fuzz::Input;

fuzz_target!(|input: &[u8]| {
    let mut input = Input(input);
    let mut catalog = Catalog::default();
    let mut inner: Option<Catalog> = None;
    // Of the outer scope: name by OID, of those that this connection announced.
    let mut names: HashMap<u32, Vec<u8>> = HashMap::new();
    let mut arrival = 0;
    while !input.is_empty() {
        arrival += 1;
        match input.u8() % 8 {
            0..=2 => {
                let (oid, body) = relation(&mut input);
                let Ok(Message::Relation(message)) = decode(Tag::Relation, &body) else {
                    panic!("a relation was made that is none")
                };
                match &mut inner {
                    Some(inner) => inner.announce_relation(&body, &message, Some(&catalog), arrival).unwrap(),
                    None => {
                        catalog.announce_relation(&body, &message, None, arrival).unwrap();
                        names.insert(oid, message.name.of(&body).to_vec());
                    }
                }
            }
            3 => {
                let mut body = input.number(4).to_be_bytes()[4..].to_vec();
                body.extend(b"s\0");
                body.extend(name(&mut input));
                if let Ok(Message::Type(message)) = decode(Tag::Type, &body) {
                    match &mut inner {
                        Some(inner) => _ = inner.announce_type(&body, &message, Some(&catalog)),
                        None => {
                            catalog.announce_type(&body, &message, None);
                            assert!(
                                !catalog.announce_type(&body, &message, None),
                                "no news when it comes again"
                            );
                        }
                    }
                }
            }
            4 => {
                catalog.start_connection();
                names.clear();
                inner = None;
            }
            5 => match inner.take() {
                None => inner = Some(Catalog::default()),
                Some(committed) if input.u8() & 1 == 0 => {
                    catalog.absorb(committed);
                    // What it brought along is the outer scope's now; the map is filled again by what follows.
                    for oid in 0..8 {
                        if let Some(lookup) = catalog.relation(oid) {
                            names.insert(oid, lookup.definition.definition().name.to_vec());
                        }
                    }
                }
                Some(_aborted) => {}
            },
            _ => {
                let oid = u32::from(input.u8() % 8);
                let found = catalog.relation(oid).map(|lookup| lookup.definition.definition().name.to_vec());
                assert_eq!(found.as_ref(), names.get(&oid));
                if found.is_some() {
                    assert!(!catalog.relation(oid).unwrap().news, "told once");
                }
            }
        }
    }
});

fn decode(tag: Tag, body: &[u8]) -> Result<Message, walstream::wire::WireError> {
    Message::decode_body(tag, body, &mut ())
}

/// Few names, so that they come again.
fn name(input: &mut Input<'_>) -> Vec<u8> {
    let length = usize::from(input.u8() % 4);
    let mut name: Vec<u8> = input.take(length).iter().map(|byte| byte.max(&1)).copied().collect();
    name.push(0);
    name
}

fn relation(input: &mut Input<'_>) -> (u32, Vec<u8>) {
    let oid = u32::from(input.u8() % 8);
    let mut body = oid.to_be_bytes().to_vec();
    body.extend(name(input));
    body.extend(name(input));
    body.push(b"dnfi"[usize::from(input.u8() % 4)]);
    let columns = u16::from(input.u8() % 5);
    body.extend(columns.to_be_bytes());
    for _ in 0..columns {
        body.push(input.u8() & 1);
        body.extend(name(input));
        body.extend(&input.number(2).to_be_bytes()[4..]);
        body.extend((-1_i32).to_be_bytes());
    }
    (oid, body)
}
