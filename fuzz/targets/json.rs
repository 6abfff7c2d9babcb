//! A row of any types and values, as JSON: always one valid line in valid UTF-8.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use walstream::model::Tuples;
use walstream::model::relation::{ColumnDefinition, Definition, RelationDef};
use walstream::model::view::EventView;
use walstream::model::{BatchBuilder, Event, Kind, OldKind, json};
use walstream::wire::{Tag, decode_row};
use walstream_fuzz::{Input, is_json};

/// Those that JSON has a form for, arrays, and one that nobody knows.
const TYPES: [u32; 24] = [
    16, 17, 18, 20, 21, 23, 25, 26, 114, 700, 701, 1082, 1114, 1184, 1186, 1266, 1700, 2950, 3802, 1007,
    1009, 199, 3807, 99_999,
];

fuzz_target!(|input: &[u8]| {
    let mut input = Input(input);
    let columns = usize::from(input.u8() % 4 + 1);
    let (mut definitions, mut row) = (Vec::new(), vec![0, 0, 0, 7, b'N', 0, columns as u8]);
    for _ in 0..columns {
        let (choice, form) = (usize::from(input.u8()), input.u8());
        let name = input.block();
        definitions.push(ColumnDefinition {
            name: if name.contains(&0) { b"c" } else { name },
            type_name: b"t",
            type_oid: TYPES[choice % TYPES.len()],
            type_modifier: -1,
            key: form & 4 == 0,
        });
        let mark = b"ttbn"[usize::from(form % 4)];
        row.push(mark);
        if mark != b'n' {
            let value = input.block();
            row.extend((value.len() as u32).to_be_bytes());
            row.extend(value);
        }
    }
    let definition =
        Definition { oid: 7, schema: b"s", name: b"t", replica_identity: b'd', columns: definitions };
    let relation = Arc::new(RelationDef::new(&definition).unwrap());
    let mut builder = BatchBuilder::new(Arc::default());
    decode_row(Tag::Insert, &row, builder.fields(&row).unwrap()).unwrap();
    let tuples = Tuples { old: OldKind::NONE, new: true };
    builder.push_row(&Event::new(Kind::INSERT), Kind::INSERT, &relation, tuples).unwrap();
    let batch = builder.seal().unwrap().unwrap();
    // SAFETY: an event of a batch that is alive.
    let view = unsafe { EventView::new(&batch.events()[0]) };
    let mut text = Vec::new();
    json::write_event(&view, &mut text);
    assert!(!text.contains(&b'\n') && is_json(&text), "{}", String::from_utf8_lossy(&text));
});
