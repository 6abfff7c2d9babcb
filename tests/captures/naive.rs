//! A second decoder, written from the chapter "Logical Replication Message Formats" and the checks of PostgreSQL's own
//! `proto.c`, slowly and plainly: a message becomes a list of texts, or nothing.

/// Each message's fields by letter: F flags that must be 0, L a position that must not be 0, l one that may, t a time, x a
/// transaction, X one that must not be 0, o an object, s a string, b a byte that is 0 or 1, i a replica identity.
const PLAIN: [(u8, &str); 14] = [
    (b'B', "Ltx"),
    (b'C', "Fllt"),
    (b'O', "ls"),
    (b'Y', "oss"),
    (b'S', "Xb"),
    (b'E', ""),
    (b'c', "xFllt"),
    (b'b', "LLtxs"),
    (b'P', "FLLtxs"),
    (b'p', "FLLtxs"),
    (b'K', "FLLtxs"),
    (b'r', "FLLttxs"),
    (b'A', "xx"),
    (b'a', "xxlt"),
];

/// Tag, subtransaction and fields, as text; None: no message.
pub fn decode(bytes: &[u8], in_block: bool) -> Option<Vec<String>> {
    let mut rest = bytes;
    let tag = byte(&mut rest)?;
    let mut out = vec![(tag as char).to_string()];
    let prefixed = b"MRYIUDT".contains(&tag);
    if in_block {
        if !prefixed && !b"OE".contains(&tag) {
            return None;
        }
        if prefixed {
            out.push(format!("in {}", nonzero(number(&mut rest, 4)?)?));
        }
    } else if tag == b'E' {
        return None;
    }
    match tag {
        b'R' => {
            fields(&mut rest, "ossi", &mut out)?;
            for _ in 0..number(&mut rest, 2)? {
                fields(&mut rest, "bso", &mut out)?;
                out.push((number(&mut rest, 4)? as u32 as i32).to_string());
            }
        }
        b'I' => {
            fields(&mut rest, "o", &mut out)?;
            tuple(&mut rest, "N", &mut out)?;
        }
        b'U' => {
            fields(&mut rest, "o", &mut out)?;
            if rest.first() != Some(&b'N') {
                tuple(&mut rest, "KO", &mut out)?;
            }
            tuple(&mut rest, "N", &mut out)?;
        }
        b'D' => {
            fields(&mut rest, "o", &mut out)?;
            tuple(&mut rest, "KO", &mut out)?;
        }
        b'T' => {
            let count = length(&mut rest)?;
            let options = byte(&mut rest)?;
            if options > 3 {
                return None;
            }
            out.push(format!("cascade {} restart {}", options & 1, options >> 1));
            for _ in 0..count {
                fields(&mut rest, "o", &mut out)?;
            }
        }
        b'M' => {
            fields(&mut rest, "bls", &mut out)?;
            let size = length(&mut rest)?;
            out.push(text(take(&mut rest, size)?));
        }
        // With streaming=parallel it says where and when.
        b'A' if rest.len() > 8 => plain(b'a', &mut rest, &mut out)?,
        tag => plain(tag, &mut rest, &mut out)?,
    }
    rest.is_empty().then_some(out)
}

fn plain(tag: u8, rest: &mut &[u8], out: &mut Vec<String>) -> Option<()> {
    if tag == b'a' && out[0] == "a" {
        return None;
    }
    let (_, letters) = PLAIN.iter().find(|(known, _)| *known == tag)?;
    fields(rest, letters, out)
}

fn fields(rest: &mut &[u8], letters: &str, out: &mut Vec<String>) -> Option<()> {
    for letter in letters.chars() {
        out.push(match letter {
            'F' => match byte(rest)? {
                0 => continue,
                _ => return None,
            },
            'L' => nonzero(number(rest, 8)?)?.to_string(),
            'l' => number(rest, 8)?.to_string(),
            't' => (number(rest, 8)? as i64).to_string(),
            'x' | 'o' => number(rest, 4)?.to_string(),
            'X' => nonzero(number(rest, 4)?)?.to_string(),
            's' => {
                let end = rest.iter().position(|byte| *byte == 0)?;
                let string = text(take(rest, end)?);
                byte(rest)?;
                string
            }
            'b' => Some(byte(rest)?).filter(|byte| *byte < 2)?.to_string(),
            'i' => (Some(byte(rest)?).filter(|byte| b"dnfi".contains(byte))? as char).to_string(),
            _ => unreachable!("{letter}"),
        });
    }
    Some(())
}

fn tuple(rest: &mut &[u8], marks: &str, out: &mut Vec<String>) -> Option<()> {
    let mark = byte(rest)? as char;
    if !marks.contains(mark) {
        return None;
    }
    out.push(format!("tuple {mark}"));
    for _ in 0..number(rest, 2)? {
        let kind = byte(rest)? as char;
        out.push(match kind {
            'n' | 'u' => kind.to_string(),
            't' | 'b' => {
                let size = length(rest)?;
                format!("{kind} {}", text(take(rest, size)?))
            }
            _ => return None,
        });
    }
    Some(())
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let taken = rest.get(..count)?;
    *rest = &rest[count..];
    Some(taken)
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    take(rest, 1).map(|bytes| bytes[0])
}

fn number(rest: &mut &[u8], bytes: usize) -> Option<u64> {
    Some(take(rest, bytes)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// An Int32 that counts something.
fn length(rest: &mut &[u8]) -> Option<usize> {
    usize::try_from(number(rest, 4)? as u32 as i32).ok()
}

fn nonzero(number: u64) -> Option<u64> {
    (number != 0).then_some(number)
}

/// Any bytes, readable.
pub fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
