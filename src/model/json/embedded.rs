//! JSON that came from the server, checked by RFC 8259 before it becomes part of ours.
//!
//! serde_json could check it, but would have to be told to leave alone what ours must not change: the digits of numbers, the
//! order of names, names that come twice. It would be a dependency for one question with a yes or no.

#![forbid(unsafe_code)]

use crate::model::sink::Sink;

/// Deeper nesting than most readers take is not embedded (serde_json's default, too).
const MAX_DEPTH: u32 = 120;

/// One JSON value, in UTF-8, without lone surrogates, nested at most `MAX_DEPTH` deep?
pub fn is_valid(text: &[u8]) -> bool {
    str::from_utf8(text).is_ok() && Scanner { rest: text, nesting: Nesting::default() }.document().is_some()
}

/// A JSON number, nothing around it?
pub fn is_number(text: &[u8]) -> bool {
    let mut scanner = Scanner { rest: text, nesting: Nesting::default() };
    scanner.number().is_some() && scanner.rest.is_empty()
}

/// Valid JSON without the space between its tokens, which may hold newlines.
pub fn write_compact(text: &[u8], sink: &mut dyn Sink) {
    let (mut in_string, mut escaped) = (false, false);
    let is_gap = |byte: &u8| {
        let gap = !in_string && matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        let quote = *byte == b'"' && !escaped;
        escaped = in_string && *byte == b'\\' && !escaped;
        in_string ^= quote;
        gap
    };
    text.split(is_gap).filter(|piece| !piece.is_empty()).for_each(|piece| sink.put(piece));
}

/// Which brackets are open: a bit each, 1 for an object.
#[derive(Default)]
struct Nesting {
    objects: u128,
    depth: u32,
}

impl Nesting {
    fn open(&mut self, object: bool) -> Option<()> {
        self.depth += 1;
        self.objects = self.objects << 1 | u128::from(object);
        (self.depth <= MAX_DEPTH).then_some(())
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.objects >>= 1;
    }

    fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }
}

/// Reads from the front. Does not call itself: the text may be hostile.
struct Scanner<'a> {
    rest: &'a [u8],
    nesting: Nesting,
}

impl Scanner<'_> {
    fn document(&mut self) -> Option<()> {
        loop {
            if self.value()? {
                continue;
            }
            // Behind a value: the next one, or the end of what it is in.
            loop {
                self.space();
                if self.nesting.depth == 0 {
                    return self.rest.is_empty().then_some(());
                }
                let end = if self.nesting.in_object() { b'}' } else { b']' };
                if self.take(end).is_some() {
                    self.nesting.close();
                    continue;
                }
                self.take(b',')?;
                if self.nesting.in_object() {
                    self.name()?;
                }
                break;
            }
        }
    }

    /// Reads a value, or enters it: true when its first element comes next.
    fn value(&mut self) -> Option<bool> {
        self.space();
        match *self.rest.first()? {
            b'"' => self.string()?,
            b't' => self.word(b"true")?,
            b'f' => self.word(b"false")?,
            b'n' => self.word(b"null")?,
            b'[' => return self.enter(false),
            b'{' => return self.enter(true),
            _ => self.number()?,
        }
        Some(false)
    }

    fn enter(&mut self, object: bool) -> Option<bool> {
        self.skip();
        self.nesting.open(object)?;
        self.space();
        if self.take(if object { b'}' } else { b']' }).is_some() {
            self.nesting.close();
            return Some(false);
        }
        if object {
            self.name()?;
        }
        Some(true)
    }

    /// A name in an object, and its colon.
    fn name(&mut self) -> Option<()> {
        self.space();
        self.string()?;
        self.space();
        self.take(b':')
    }

    fn string(&mut self) -> Option<()> {
        self.take(b'"')?;
        loop {
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => self.escape()?,
                0..=0x1F => return None,
                _ => {}
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => match self.unit()? {
                // The second half of a pair needs a first one.
                0xDC00..=0xDFFF => None,
                0xD800..=0xDBFF => {
                    self.take(b'\\')?;
                    self.take(b'u')?;
                    matches!(self.unit()?, 0xDC00..=0xDFFF).then_some(())
                }
                _ => Some(()),
            },
            _ => None,
        }
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Option<u32> {
        (0..4).try_fold(0, |unit, _| Some(unit << 4 | char::from(self.next()?).to_digit(16)?))
    }

    fn number(&mut self) -> Option<()> {
        let _ = self.take(b'-');
        if self.take(b'0').is_none() {
            self.digits()?;
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if self.take(b'e').or_else(|| self.take(b'E')).is_some() {
            let _ = self.take(b'+').or_else(|| self.take(b'-'));
            self.digits()?;
        }
        Some(())
    }

    /// One at least.
    fn digits(&mut self) -> Option<()> {
        let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.rest = &self.rest[count..];
        (count > 0).then_some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(())
    }

    fn space(&mut self) {
        while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        self.word(&[wanted])
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn skip(&mut self) {
        self.rest = &self.rest[1..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_json_is_taken_and_made_compact() {
        for (text, expected) in [
            ("null", "null"),
            (" true\n", "true"),
            ("-0.10e+5", "-0.10e+5"),
            ("\"a b\"", "\"a b\""),
            (r#""\" \\" "#, r#""\" \\""#),
            (r#""\ud83d\uDE00\u0000""#, r#""\ud83d\uDE00\u0000""#),
            ("[ ]", "[]"),
            ("{ }", "{}"),
            ("{ \"a\" : [ 1 , { } , [ ] ] ,\r\n\t\"a\" : \"x y\" }", r#"{"a":[1,{},[]],"a":"x y"}"#),
            ("123456789012345678901234567890.000", "123456789012345678901234567890.000"),
        ] {
            assert!(is_valid(text.as_bytes()), "{text}");
            let mut out = Vec::new();
            write_compact(text.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            " ",
            "nul",
            "nulll",
            "tru",
            "True",
            "+1",
            "01",
            "1.",
            ".5",
            "1e",
            "--1",
            "NaN",
            "'a'",
            "\"a",
            "\"\n\"",
            r#""\x""#,
            r#""\u12g4""#,
            r#""\ud800""#,
            r#""\udc00""#,
            r#""\ud800\u0041""#,
            "[",
            "]",
            "[1",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[1}",
            "{",
            "}",
            "{1:2}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "{\"a\":1]",
            "1 2",
            "[] []",
            "{\"a\":1}}",
        ] {
            assert!(!is_valid(text.as_bytes()), "{text}");
        }
        assert!(!is_valid(b"\"\xE4\""));
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
        assert!(is_valid(nested(MAX_DEPTH as usize).as_bytes()));
        assert!(!is_valid(nested(MAX_DEPTH as usize + 1).as_bytes()));
        assert!(!is_valid("[".repeat(1_000_000).as_bytes()));
        let objects = ["{\"a\":".repeat(100), "[1]".to_owned(), "}".repeat(100)].concat();
        assert!(is_valid(objects.as_bytes()));
    }

    #[test]
    fn numbers_alone() {
        for (text, expected) in [
            ("0", true),
            ("-1.5e-07", true),
            ("1e+20", true),
            ("", false),
            ("NaN", false),
            ("-Infinity", false),
            ("1 ", false),
            ("007", false),
        ] {
            assert_eq!(is_number(text.as_bytes()), expected, "{text}");
        }
    }
}
