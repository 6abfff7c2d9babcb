//! RFC 8259, as strictly as it is written.

/// Is it one JSON value in UTF-8?
pub fn is_json(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok() && value(text).is_some_and(|rest| blank(rest).is_empty())
}

/// What follows a value.
fn value(text: &[u8]) -> Option<&[u8]> {
    let text = blank(text);
    match text.first()? {
        b'{' => list(&text[1..], b'}', |text| value(blank(string(blank(text))?).strip_prefix(b":")?)),
        b'[' => list(&text[1..], b']', value),
        b'"' => string(text),
        b't' => text.strip_prefix(b"true"),
        b'f' => text.strip_prefix(b"false"),
        b'n' => text.strip_prefix(b"null"),
        _ => number(text),
    }
}

fn list(text: &[u8], end: u8, item: impl Fn(&[u8]) -> Option<&[u8]>) -> Option<&[u8]> {
    let mut text = blank(text);
    if text.first()? == &end {
        return Some(&text[1..]);
    }
    loop {
        text = blank(item(text)?);
        let (next, rest) = text.split_first()?;
        match *next {
            b',' => text = rest,
            next if next == end => return Some(rest),
            _ => return None,
        }
    }
}

fn string(text: &[u8]) -> Option<&[u8]> {
    let mut text = text.strip_prefix(b"\"")?;
    loop {
        let (byte, rest) = text.split_first()?;
        text = match byte {
            b'"' => return Some(rest),
            b'\\' if rest.first()? == &b'u' => {
                rest.get(1..5)?.iter().all(u8::is_ascii_hexdigit).then(|| &rest[5..])?
            }
            b'\\' => b"\"\\/bfnrt".contains(rest.first()?).then(|| &rest[1..])?,
            0..0x20 => return None,
            _ => rest,
        }
    }
}

fn number(text: &[u8]) -> Option<&[u8]> {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let mut text = match text.first()? {
        b'0' => &text[1..],
        _ => digits(text)?,
    };
    if let Some(rest) = text.strip_prefix(b".") {
        text = digits(rest)?;
    }
    if let [b'e' | b'E', rest @ ..] = text {
        text = digits(rest.strip_prefix(b"+").or(rest.strip_prefix(b"-")).unwrap_or(rest))?;
    }
    Some(text)
}

/// At least one.
fn digits(text: &[u8]) -> Option<&[u8]> {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count > 0).then(|| &text[count..])
}

fn blank(text: &[u8]) -> &[u8] {
    text.trim_ascii_start()
}
