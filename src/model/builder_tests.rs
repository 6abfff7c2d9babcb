//! Batches read the way C reads them: by pointer, after moves, from other threads, beyond their builder. Miri runs these.

use std::ffi::CStr;
use std::sync::Arc;
use std::thread;

use super::super::event::{Kind, OldKind};
use super::super::relation::{ColumnDefinition, Definition};
use super::super::value::{Value, ValueKind};
use super::*;
use crate::wire::{Message, Tag};

fn relation(columns: usize, keys: usize) -> Arc<RelationDef> {
    let column = |index| ColumnDefinition {
        name: b"c",
        type_name: b"text",
        type_oid: 25,
        type_modifier: -1,
        key: index < keys,
    };
    let columns = (0..columns).map(column).collect();
    Arc::new(
        RelationDef::new(&Definition {
            oid: 7,
            schema: b"public",
            name: b"t",
            replica_identity: b'd',
            columns,
        })
        .unwrap(),
    )
}

/// One tuple as pgoutput writes it. None: NULL.
fn tuple(mark: u8, values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut bytes = vec![mark];
    bytes.extend((values.len() as u16).to_be_bytes());
    for value in values {
        match value {
            None => bytes.push(b'n'),
            Some(value) => {
                bytes.push(b't');
                bytes.extend((value.len() as i32).to_be_bytes());
                bytes.extend(*value);
            }
        }
    }
    bytes
}

fn body(tuples: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = 7_u32.to_be_bytes().to_vec();
    bytes.extend(tuples.concat());
    bytes
}

fn insert(builder: &mut BatchBuilder, relation: &Arc<RelationDef>, values: &[Option<&[u8]>]) {
    let body = body(&[tuple(b'N', values)]);
    Message::decode_body(Tag::Insert, &body, builder.fields(&body).unwrap()).unwrap();
    let tuples = Tuples { old: OldKind::NONE, new: true };
    builder.push_row(&Event::new(Kind::INSERT), Kind::INSERT, relation, tuples).unwrap();
}

/// The texts of a row, with the NUL behind each checked; "-" for what has no data.
fn texts(values: *const Value, count: u32) -> Vec<String> {
    let text = |index| {
        // SAFETY: `count` values, each with `size` bytes and a NUL when it has data.
        unsafe {
            let value = &*values.add(index);
            if !value.has_data() {
                assert!(value.data.is_null());
                return "-".to_owned();
            }
            let text = CStr::from_ptr(value.data).to_str().unwrap();
            assert_eq!(text.len(), value.size as usize);
            text.to_owned()
        }
    };
    (0..count as usize).map(text).collect()
}

#[test]
fn rows_are_read_by_pointer_wherever_the_batch_is() {
    let relation = relation(3, 1);
    let mut builder = BatchBuilder::new(Arc::default());
    for i in 0..if cfg!(miri) { 60 } else { 300 } {
        let text = format!("row {i}");
        insert(&mut builder, &relation, &[Some(text.as_bytes()), None, Some(b"")]);
    }
    let batch = builder.seal().unwrap().unwrap();
    drop((builder, relation));
    let moved = Box::new(batch);
    thread::spawn(move || {
        for (i, event) in moved.events().iter().enumerate() {
            assert_eq!(texts(event.new_values, event.new_count), [format!("row {i}"), "-".into(), "".into()]);
            // SAFETY: alive with the batch.
            assert_eq!(unsafe { (*event.relation).column_count }, 3);
        }
    })
    .join()
    .unwrap();
}

#[test]
fn old_rows_come_before_new_ones_and_keys_tell_what_was_not_sent() {
    let relation = relation(3, 1);
    let mut builder = BatchBuilder::new(Arc::default());
    let body = body(&[tuple(b'K', &[Some(b"1"), None, None]), tuple(b'N', &[Some(b"2"), None, Some(b"z")])]);
    let Message::Update(_) =
        Message::decode_body(Tag::Update, &body, builder.fields(&body).unwrap()).unwrap()
    else {
        panic!()
    };
    let tuples = Tuples { old: OldKind::KEY, new: true };
    builder.push_row(&Event::new(Kind::UPDATE), Kind::UPDATE, &relation, tuples).unwrap();
    let batch = builder.seal().unwrap().unwrap();
    let event = batch.events()[0];
    assert_eq!(texts(event.old_values, event.old_count), ["1", "-", "-"]);
    assert_eq!(texts(event.new_values, event.new_count), ["2", "-", "z"]);
    // SAFETY: three values.
    let kinds = |values: *const Value| unsafe { [0, 1, 2].map(|i| (*values.add(i)).kind) };
    let [null, text, not_sent] =
        [ValueKind::NULL, ValueKind::TEXT, ValueKind::NOT_SENT].map(|kind| kind as u32);
    assert_eq!(kinds(event.old_values), [text, not_sent, not_sent]);
    assert_eq!(kinds(event.new_values), [text, null, text]);
}

#[test]
fn a_row_that_does_not_fit_its_relation_is_refused() {
    let mut builder = BatchBuilder::new(Arc::default());
    let body = body(&[tuple(b'N', &[None, None])]);
    Message::decode_body(Tag::Insert, &body, builder.fields(&body).unwrap()).unwrap();
    let tuples = Tuples { old: OldKind::NONE, new: true };
    let error =
        builder.push_row(&Event::new(Kind::INSERT), Kind::INSERT, &relation(3, 1), tuples).unwrap_err();
    assert_eq!(error, RowError::ColumnCount { found: 2, expected: 3 });
    assert!(builder.is_empty());
}

#[test]
fn names_and_payloads_end_with_a_nul() {
    let mut builder = BatchBuilder::new(Arc::default());
    let bytes = b"\x01prefix\0content";
    let (name, content) = (Span { start: 1, len: 6 }, Span { start: 8, len: 7 });
    builder.push(Event::new(Kind::MESSAGE), bytes, Some(name), Some(content)).unwrap();
    builder.push(Event::new(Kind::BEGIN), &[], None, None).unwrap();
    let batch = builder.seal().unwrap().unwrap();
    let [message, begin] = batch.events() else { panic!() };
    // SAFETY: both end with a NUL.
    let [name, content] = [message.name, message.payload.cast()].map(|text| unsafe { CStr::from_ptr(text) });
    assert_eq!((name, content), (c"prefix", c"content"));
    assert!(begin.name.is_null() && begin.payload.is_null());
}

#[test]
fn a_truncate_holds_its_relations() {
    let mut builder = BatchBuilder::new(Arc::default());
    let relations: Vec<_> = (1..9).map(|columns| relation(columns, 0)).collect();
    builder.push_truncate(Event::new(Kind::TRUNCATE), &relations).unwrap();
    let batch = builder.seal().unwrap().unwrap();
    drop((builder, relations));
    let event = batch.events()[0];
    assert!(event.relation.is_null());
    for index in 0..event.detail_count as usize {
        // SAFETY: detail_count pointers to relations that the batch holds.
        let relation = unsafe { &**event.detail.cast::<*const Relation>().add(index) };
        assert_eq!(relation.column_count as usize, index + 1);
    }
}

#[test]
fn the_rest_of_a_batch_stays_where_it_is() {
    let relation = relation(1, 0);
    let mut builder = BatchBuilder::new(Arc::default());
    for text in ["a", "b", "c"] {
        insert(&mut builder, &relation, &[Some(text.as_bytes())]);
    }
    let event = Event { ack_lsn: 9, ..Event::new(Kind::COMMIT) };
    builder.push(event, &[], None, None).unwrap();
    let batch = builder.seal().unwrap().unwrap();
    let third = &raw const batch.events()[2];
    let rest = batch.skip(2).unwrap();
    assert_eq!((rest.events().len(), &raw const rest.events()[0], rest.ack_lsn()), (2, third, 9));
    assert!(rest.skip(2).is_none());
}

#[test]
fn recycled_memory_is_the_next_batchs_alone() {
    // Miri takes its time.
    const ROUNDS: usize = if cfg!(miri) { 5 } else { 20 };
    const ROWS: usize = if cfg!(miri) { 20 } else { 50 };
    let (pool, relation) = (Arc::new(Pool::default()), relation(1, 0));
    let mut builder = BatchBuilder::new(Arc::clone(&pool));
    let mut kept = None;
    for round in 0..ROUNDS {
        for i in 0..ROWS {
            let text = format!("{round} {i}");
            insert(&mut builder, &relation, &[Some(text.as_bytes())]);
        }
        let batch = builder.seal().unwrap().unwrap();
        let first = batch.events()[0];
        assert_eq!(texts(first.new_values, 1), [format!("{round} 0")]);
        if round == 3 {
            kept = Some(batch);
        }
    }
    let kept = kept.unwrap();
    let last = kept.events()[ROWS - 1];
    assert_eq!(texts(last.new_values, 1), [format!("3 {}", ROWS - 1)]);
}
