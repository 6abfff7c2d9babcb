//! Arrays of the types that `text` knows: from `array_send` to `array_out`.

#![forbid(unsafe_code)]

use super::{ConvertError, exactly, text};
use crate::model::builtin_types;
use crate::model::sink::Sink;

/// MAXDIM
const MAX_DIMENSIONS: usize = 6;

/// The text of a binary array. May leave a part behind when it fails.
pub fn write_array(bytes: &[u8], type_oid: u32, sink: &mut dyn Sink) -> Result<(), ConvertError> {
    // PostgreSQL names the arrays of its own types with an underscore.
    let Some(element_name) = builtin_types::name(type_oid).strip_prefix('_') else {
        return Err(ConvertError::WrongType);
    };
    let mut reader = Reader { rest: bytes };
    let dimensions = usize::try_from(reader.int()?).map_err(|_| ConvertError::Malformed)?;
    let _has_nulls = reader.int()?;
    let element_oid = reader.int()? as u32;
    if dimensions > MAX_DIMENSIONS || builtin_types::name(element_oid) != element_name {
        return Err(ConvertError::Malformed);
    }
    let mut sizes = [0; MAX_DIMENSIONS];
    let mut shown_bounds = Vec::new();
    let mut odd_bounds = false;
    for size in &mut sizes[..dimensions] {
        *size = reader.int()?;
        let lower = reader.int()?;
        let upper = i64::from(lower) + i64::from(*size) - 1;
        if *size <= 0 {
            return Err(ConvertError::Malformed);
        }
        odd_bounds |= lower != 1;
        shown_bounds.print(format_args!("[{lower}:{upper}]"));
    }
    if odd_bounds {
        sink.put(&shown_bounds);
        sink.put(b"=");
    }
    let mut writer = Writer { reader, element_oid, element: Vec::new(), sink };
    match dimensions {
        0 => writer.sink.put(b"{}"),
        _ => writer.dimension(&sizes[..dimensions])?,
    }
    if writer.reader.rest.is_empty() { Ok(()) } else { Err(ConvertError::Malformed) }
}

struct Writer<'a> {
    reader: Reader<'a>,
    element_oid: u32,
    element: Vec<u8>,
    sink: &'a mut dyn Sink,
}

impl Writer<'_> {
    /// Calls itself at most MAX_DIMENSIONS deep; ends at the latest with the bytes.
    fn dimension(&mut self, sizes: &[i32]) -> Result<(), ConvertError> {
        let Some((count, inner)) = sizes.split_first() else { return self.element() };
        self.sink.put(b"{");
        for index in 0..*count {
            if index > 0 {
                self.sink.put(b",");
            }
            self.dimension(inner)?;
        }
        self.sink.put(b"}");
        Ok(())
    }

    fn element(&mut self) -> Result<(), ConvertError> {
        let Some(bytes) = self.reader.element()? else {
            self.sink.put(b"NULL");
            return Ok(());
        };
        self.element.clear();
        text::from_binary(bytes, self.element_oid, &mut self.element)?;
        if !needs_quotes(&self.element) {
            self.sink.put(&self.element);
            return Ok(());
        }
        self.sink.put(b"\"");
        for piece in self.element.chunk_by(|_, next| !matches!(next, b'"' | b'\\')) {
            if matches!(piece, [b'"' | b'\\', ..]) {
                self.sink.put(b"\\");
            }
            self.sink.put(piece);
        }
        self.sink.put(b"\"");
        Ok(())
    }
}

/// As `array_out` decides.
fn needs_quotes(text: &[u8]) -> bool {
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | b'{' | b'}' | b',' | b' ' | 9..=13);
    text.is_empty() || text.eq_ignore_ascii_case(b"NULL") || text.iter().any(special)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], ConvertError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(ConvertError::Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn int(&mut self) -> Result<i32, ConvertError> {
        Ok(i32::from_be_bytes(exactly(self.take(4)?)?))
    }

    fn element(&mut self) -> Result<Option<&'a [u8]>, ConvertError> {
        match self.int()? {
            -1 => Ok(None),
            len => Ok(Some(self.take(usize::try_from(len).map_err(|_| ConvertError::Malformed)?)?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::oid;
    use super::*;

    /// array_send's words, then for each element its length and bytes.
    fn array(words: &[i32], elements: &[Option<&[u8]>]) -> Vec<u8> {
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        for element in elements {
            let len = element.map_or(-1, |element| element.len() as i32);
            bytes.extend(len.to_be_bytes());
            bytes.extend(element.unwrap_or_default());
        }
        bytes
    }

    fn write(type_oid: u32, bytes: &[u8]) -> Result<String, ConvertError> {
        let mut out = Vec::new();
        write_array(bytes, type_oid, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    const INT4_ARRAY: u32 = 1007;
    const TEXT_ARRAY: u32 = 1009;
    const TEXT: i32 = oid::TEXT as i32;
    const INT4: i32 = oid::INT4 as i32;

    #[test]
    fn arrays_as_postgresql_prints_them() {
        let one = Some(&[0, 0, 0, 1][..]);
        let two = Some(&[0, 0, 0, 2][..]);
        for (type_oid, bytes, expected) in [
            (INT4_ARRAY, array(&[0, 0, INT4], &[]), "{}"),
            (INT4_ARRAY, array(&[1, 1, INT4, 3, 1], &[one, None, two]), "{1,NULL,2}"),
            (INT4_ARRAY, array(&[1, 0, INT4, 2, 0], &[one, two]), "[0:1]={1,2}"),
            (INT4_ARRAY, array(&[2, 0, INT4, 2, 1, 1, 1], &[one, two]), "{{1},{2}}"),
            (
                TEXT_ARRAY,
                array(
                    &[1, 0, TEXT, 5, 1],
                    &[Some(b""), Some(b"null"), Some(b"a b"), Some(b"\"\\"), Some(b"plain")],
                ),
                r#"{"","null","a b","\"\\",plain}"#,
            ),
        ] {
            assert_eq!(write(type_oid, &bytes).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        let good = array(&[1, 0, INT4, 1, 1], &[Some(&[0, 0, 0, 1])]);
        for cut in 0..good.len() {
            assert_eq!(write(INT4_ARRAY, &good[..cut]), Err(ConvertError::Malformed), "{cut}");
        }
        assert_eq!(write(TEXT_ARRAY, &good), Err(ConvertError::Malformed));
        assert_eq!(write(16_384, &good), Err(ConvertError::WrongType));
        assert_eq!(write(INT4_ARRAY, &array(&[7, 0, INT4], &[])), Err(ConvertError::Malformed));
        assert_eq!(write(INT4_ARRAY, &array(&[1, 0, INT4, i32::MAX, 1], &[])), Err(ConvertError::Malformed));
    }
}
