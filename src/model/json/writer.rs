//! JSON's grammar for writing: objects, arrays, strings. Knows nothing of events.

#![forbid(unsafe_code)]

use std::fmt::Display;

use crate::lsn::Lsn;
use crate::model::convert::Civil;
use crate::model::sink::Sink;

/// An object that is being written, field by field.
pub struct Object<'a> {
    sink: &'a mut dyn Sink,
    empty: bool,
}

impl Object<'_> {
    /// A whole object with the fields that `fields` writes.
    pub fn write(sink: &mut dyn Sink, fields: impl FnOnce(&mut Object<'_>)) {
        sink.put(b"{");
        fields(&mut Object { sink, empty: true });
        sink.put(b"}");
    }

    /// The name of a field; its value is to be written next.
    pub fn field(&mut self, name: &[u8]) -> &mut dyn Sink {
        if !self.empty {
            self.sink.put(b",");
        }
        self.empty = false;
        escape_into(name, self.sink);
        self.sink.put(b":");
        self.sink
    }

    /// A word of ours, which needs no escapes.
    pub fn ascii(&mut self, name: &str, text: &str) {
        self.field(name.as_bytes()).print(format_args!("\"{text}\""));
    }

    /// Text of the server's.
    pub fn text(&mut self, name: &str, text: &[u8]) {
        escape_into(text, self.field(name.as_bytes()));
    }

    /// Nothing for None.
    pub fn text_if(&mut self, name: &str, text: Option<&[u8]>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// A string when it is UTF-8, else `{"base64":…}`.
    pub fn payload_if(&mut self, name: &str, payload: Option<&[u8]>) {
        match payload {
            Some(payload) if str::from_utf8(payload).is_ok() => self.text(name, payload),
            Some(payload) => self.base64(name, payload),
            None => {}
        }
    }

    /// `{"base64":…}`
    pub fn base64(&mut self, name: &str, bytes: &[u8]) {
        base64_into(bytes, self.field(name.as_bytes()));
    }

    /// An integer.
    pub fn number(&mut self, name: &str, number: impl Display) {
        self.field(name.as_bytes()).print(format_args!("{number}"));
    }

    /// true or false.
    pub fn flag(&mut self, name: &str, flag: bool) {
        self.field(name.as_bytes()).print(format_args!("{flag}"));
    }

    /// "16/B374D848", nothing for 0.
    pub fn lsn_unless_0(&mut self, name: &str, lsn: u64) {
        if lsn != 0 {
            self.field(name.as_bytes()).print(format_args!("\"{}\"", Lsn(lsn)));
        }
    }

    /// "2024-05-01T10:20:30.123456Z", nothing for 0.
    pub fn time_unless_0(&mut self, name: &str, unix_us: i64) {
        if unix_us == 0 {
            return;
        }
        let (seconds, us) = (unix_us.div_euclid(1_000_000), unix_us.rem_euclid(1_000_000));
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let Civil { year, month, day } = Civil::from_days(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        self.field(name.as_bytes()).print(format_args!(
            "\"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{us:06}Z\""
        ));
    }

    /// An object inside this one.
    pub fn object(&mut self, name: &str, fields: impl FnOnce(&mut Object<'_>)) {
        Object::write(self.field(name.as_bytes()), fields);
    }

    /// An array of objects.
    pub fn array<T>(
        &mut self,
        name: &str,
        elements: impl Iterator<Item = T>,
        fields: impl Fn(T, &mut Object<'_>),
    ) {
        list(self.field(name.as_bytes()), elements, |element, sink| {
            Object::write(sink, |object| fields(element, object));
        });
    }

    /// An array of strings.
    pub fn texts<'t>(&mut self, name: &str, texts: impl Iterator<Item = &'t [u8]>) {
        list(self.field(name.as_bytes()), texts, escape_into);
    }
}

fn list<T>(sink: &mut dyn Sink, elements: impl Iterator<Item = T>, write: impl Fn(T, &mut dyn Sink)) {
    sink.put(b"[");
    for (index, element) in elements.enumerate() {
        if index > 0 {
            sink.put(b",");
        }
        write(element, sink);
    }
    sink.put(b"]");
}

/// A JSON string. Bytes that are not UTF-8 become U+FFFD.
pub fn escape_into(text: &[u8], sink: &mut dyn Sink) {
    sink.put(b"\"");
    for chunk in text.utf8_chunks() {
        escape_chunk(chunk.valid(), sink);
        if !chunk.invalid().is_empty() {
            sink.put("\u{FFFD}".as_bytes());
        }
    }
    sink.put(b"\"");
}

/// Runs of bytes that stand for themselves are put at once.
fn escape_chunk(text: &str, sink: &mut dyn Sink) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1F)) {
        sink.put(&rest[..at]);
        match rest[at] {
            b'\n' => sink.put(b"\\n"),
            b'\r' => sink.put(b"\\r"),
            b'\t' => sink.put(b"\\t"),
            byte @ 0..=0x1F => sink.print(format_args!("\\u{byte:04x}")),
            byte => sink.put(&[b'\\', byte]),
        }
        rest = &rest[at + 1..];
    }
    sink.put(rest);
}

/// `{"base64":…}`, with the standard alphabet and padding.
pub fn base64_into(bytes: &[u8], sink: &mut dyn Sink) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    sink.put(b"{\"base64\":\"");
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | usize::from(group.get(at).copied().unwrap_or(0)));
        let mut digits = [18, 12, 6, 0].map(|shift| ALPHABET[bits >> shift & 63]);
        digits[group.len() + 1..].fill(b'=');
        sink.put(&digits);
    }
    sink.put(b"\"}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &[u8]) -> String {
        let mut out = Vec::new();
        escape_into(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings() {
        for (text, expected) in [
            (&b""[..], r#""""#),
            (b"plain", r#""plain""#),
            (b"\"\\/", r#""\"\\/""#),
            (b"\n\r\t\x00\x1F\x7F", "\"\\n\\r\\t\\u0000\\u001f\x7F\""),
            ("ä€😀".as_bytes(), r#""ä€😀""#),
            (b"a\xE4b\xF0\x9F\x98", "\"a\u{FFFD}b\u{FFFD}\""),
        ] {
            assert_eq!(string(text), expected);
        }
    }

    /// RFC 4648, section 10.
    #[test]
    fn base64() {
        for (bytes, expected) in [
            (&b""[..], ""),
            (b"f", "Zg=="),
            (b"fo", "Zm8="),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg=="),
            (b"\xFB\xFF", "+/8="),
        ] {
            let mut out = Vec::new();
            base64_into(bytes, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("{{\"base64\":\"{expected}\"}}"));
        }
    }

    #[test]
    fn times() {
        // date -u -d @1714558830 prints Wed May  1 10:20:30 UTC 2024.
        for (us, expected) in [
            (1_714_558_830_000_001, r#"{"t":"2024-05-01T10:20:30.000001Z"}"#),
            (-1, r#"{"t":"1969-12-31T23:59:59.999999Z"}"#),
            (0, "{}"),
        ] {
            let mut out = Vec::new();
            Object::write(&mut out, |object| object.time_unless_0("t", us));
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
