//! One row's columns. Owns the walk over them and the trait through which they leave, one by one, without an
//! allocation. Knows no types: a value is a range of bytes.

#![forbid(unsafe_code)]

use super::error::{Fault, WireError};
use super::reader::{Reader, Span};

/// How a column's value was sent. One row may hold all four kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldKind {
    /// NULL, or in a key tuple also "not part of the key".
    Null,
    /// A stored-apart (TOAST) value that the update did not touch and the server did not send.
    Unchanged,
    /// The type's text form.
    Text,
    /// The type's binary send form.
    Binary,
}

/// Takes the columns of a message's tuples as they are decoded. Of an Update the old tuple comes first, if there is one.
///
/// When decoding fails the sink has seen a part: forget it.
pub trait FieldSink {
    /// A tuple with this many columns begins. So many bytes at least follow: making room for them is safe.
    fn begin(&mut self, count: u16);
    /// Its next column. The span is empty unless the kind is Text or Binary.
    fn field(&mut self, kind: FieldKind, span: Span);
}

/// Checks without keeping.
impl FieldSink for () {
    #[inline]
    fn begin(&mut self, _count: u16) {}
    #[inline]
    fn field(&mut self, _kind: FieldKind, _span: Span) {}
}

/// Keeps all columns, tuple after tuple; reuse it by `clear`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    fields: Vec<(FieldKind, Span)>,
    begins: Vec<usize>,
}

impl Fields {
    /// Number of tuples.
    pub fn tuples(&self) -> usize {
        self.begins.len()
    }

    /// The columns of one tuple; none when there is no such tuple.
    pub fn tuple(&self, index: usize) -> &[(FieldKind, Span)] {
        let Some(&begin) = self.begins.get(index) else { return &[] };
        let end = self.begins.get(index + 1).copied().unwrap_or(self.fields.len());
        &self.fields[begin..end]
    }

    /// Forgets all tuples, keeps the room.
    pub fn clear(&mut self) {
        self.fields.clear();
        self.begins.clear();
    }
}

impl FieldSink for Fields {
    fn begin(&mut self, count: u16) {
        self.begins.push(self.fields.len());
        self.fields.reserve(count.into());
    }

    fn field(&mut self, kind: FieldKind, span: Span) {
        self.fields.push((kind, span));
    }
}

/// Walks one tuple. Inlined, so that the reader stays in registers: passed by address it costs as much as the rest.
#[inline(always)]
pub(super) fn read<S: FieldSink + ?Sized>(r: &mut Reader<'_>, fields: &mut S) -> Result<(), WireError> {
    let at = r.offset();
    let count = r.u16("column count")?;
    // Each column takes one byte at least.
    r.expect(count.into(), 1, "column count", at)?;
    fields.begin(count);
    let mut left = count;
    // Values come in runs: a row is mostly of text, or of binary forms.
    loop {
        left -= r.take_tagged(b't', left, |value| fields.field(FieldKind::Text, value));
        if r.peek() == Some(b'b') {
            left -= r.take_tagged(b'b', left, |value| fields.field(FieldKind::Binary, value));
        }
        if left == 0 {
            return Ok(());
        }
        field(r, fields)?;
        left -= 1;
    }
}

/// A column without a value, or a broken one: whole values were taken in their run.
#[inline(always)]
fn field<S: FieldSink + ?Sized>(r: &mut Reader<'_>, fields: &mut S) -> Result<(), WireError> {
    let at = r.offset();
    match r.u8("column kind")? {
        b't' => fields.field(FieldKind::Text, value(r)?),
        b'n' => fields.field(FieldKind::Null, Span::EMPTY),
        b'b' => fields.field(FieldKind::Binary, value(r)?),
        b'u' => fields.field(FieldKind::Unchanged, Span::EMPTY),
        kind => return Err(r.error("column kind", at, Fault::BadValue(kind.into()))),
    }
    Ok(())
}

#[inline(always)]
fn value(r: &mut Reader<'_>) -> Result<Span, WireError> {
    let len = r.length("column length")?;
    r.take(len, "column value")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::error::Subject;
    use crate::wire::samples::hex;
    use crate::wire::tag::Tag;

    const SUBJECT: Subject = Subject::Message(Tag::Insert);

    const MIXED: &str = "
        0006            columns
        74 00000002     text of 2 bytes
        3432
        6E              null
        75              unchanged
        62 00000004     binary of 4 bytes
        0000002A
        74 00000000     the empty text
        62 00000000     the empty binary";

    fn decode(bytes: &[u8]) -> Result<Fields, WireError> {
        let mut fields = Fields::default();
        let mut r = Reader::new(bytes, SUBJECT)?;
        read(&mut r, &mut fields)?;
        r.finish()?;
        Ok(fields)
    }

    #[test]
    fn kinds_may_be_mixed() {
        let fields = decode(&hex(MIXED)).unwrap();
        assert_eq!(fields.tuples(), 1);
        assert_eq!(
            fields.tuple(0),
            [
                (FieldKind::Text, Span { start: 7, len: 2 }),
                (FieldKind::Null, Span::EMPTY),
                (FieldKind::Unchanged, Span::EMPTY),
                (FieldKind::Binary, Span { start: 16, len: 4 }),
                (FieldKind::Text, Span { start: 25, len: 0 }),
                (FieldKind::Binary, Span { start: 30, len: 0 }),
            ]
        );
        assert_eq!(fields.tuple(1), []);
    }

    #[test]
    fn a_tuple_may_have_no_columns() {
        assert_eq!(decode(&hex("0000")).unwrap().tuple(0), []);
    }

    #[test]
    fn lies_are_refused() {
        for (bytes, field, offset, fault) in [
            ("0001 74 FFFFFFFF", "column length", 3, Fault::NegativeLength(-1)),
            ("0001 62 80000000", "column length", 3, Fault::NegativeLength(i32::MIN)),
            ("0001 74 7FFFFFFF 61", "column value", 7, Fault::Truncated { needed: 0x7FFF_FFFF, left: 1 }),
            ("0001 78", "column kind", 2, Fault::BadValue(0x78)),
            ("0002 6E", "column count", 0, Fault::CountTooLarge { count: 2, left: 1 }),
            ("0002 74 00000000", "column kind", 7, Fault::Truncated { needed: 1, left: 0 }),
            ("0002 62 00000000 6E 74", "end", 8, Fault::Trailing { left: 1 }),
            ("0001 74 00000000 62 00000000", "end", 7, Fault::Trailing { left: 5 }),
            ("0002 74 00000000 62 00000001", "column value", 12, Fault::Truncated { needed: 1, left: 0 }),
        ] {
            let error = decode(&hex(bytes)).unwrap_err();
            assert_eq!((error.field, error.offset, error.fault), (field, offset, fault), "{bytes}");
        }
    }

    /// A count is believed only when the bytes could hold it: nobody makes room for 65535 columns that are not there.
    #[test]
    fn a_lying_count_reaches_nobody() {
        struct Untouched;
        impl FieldSink for Untouched {
            fn begin(&mut self, count: u16) {
                panic!("{count} columns announced");
            }
            fn field(&mut self, _: FieldKind, _: Span) {
                panic!("a column announced");
            }
        }
        // Miri takes its time.
        const COUNT: u16 = if cfg!(miri) { 300 } else { 65535 };
        let mut bytes = COUNT.to_be_bytes().to_vec();
        let left = usize::from(COUNT) - 1;
        bytes.resize(2 + left, b'n');
        let error = read(&mut Reader::new(&bytes, SUBJECT).unwrap(), &mut Untouched).unwrap_err();
        assert_eq!(error.fault, Fault::CountTooLarge { count: COUNT.into(), left });
        bytes.push(b'n');
        assert_eq!(decode(&bytes).unwrap().tuple(0).len(), left + 1);
    }
}
