//! How the text of one option becomes its value. Each function answers false, and changes nothing, for a text that is
//! not allowed.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::position::Position;
use crate::lsn::Lsn;
use crate::pg::parse_identifier_list;

/// NAMEDATALEN - 1: longer names are refused by the server (`slot.c: ReplicationSlotValidateName`).
const MAX_SLOT_NAME: usize = 63;

fn store<T>(value: Option<T>, into: &mut T) -> bool {
    match value {
        Some(value) => {
            *into = value;
            true
        }
        None => false,
    }
}

/// "" stands for none.
pub fn slot_name(text: &str, into: &mut String) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let good = text.len() <= MAX_SLOT_NAME && text.bytes().all(allowed);
    store(good.then(|| text.to_owned()), into)
}

/// "" stands for none.
pub fn identifiers(text: &str, into: &mut Vec<String>) -> bool {
    if text.trim().is_empty() {
        into.clear();
        return true;
    }
    store(parse_identifier_list(text).ok(), into)
}

/// One of a few words.
pub fn choice<T: Copy>(text: &str, into: &mut T, words: &[(&str, T)]) -> bool {
    store(words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value), into)
}

/// PostgreSQL's words for a boolean, as far as they are whole.
pub fn on_off(text: &str, into: &mut bool) -> bool {
    let word = text.to_ascii_lowercase();
    let value = match word.as_str() {
        "on" | "true" | "yes" | "1" => Some(true),
        "off" | "false" | "no" | "0" => Some(false),
        _ => None,
    };
    store(value, into)
}

/// A name without control characters.
pub fn word(text: &str, into: &mut String) -> bool {
    let good = !text.is_empty() && text.len() <= MAX_SLOT_NAME && !text.contains(char::is_control);
    store(good.then(|| text.to_owned()), into)
}

/// Text on one line.
pub fn label(text: &str, into: &mut String) -> bool {
    // As long as the server takes it (`xlog.c: do_pg_backup_start`).
    let good = text.len() <= 1024 && !text.contains(char::is_control);
    store(good.then(|| text.to_owned()), into)
}

/// Words, numbers and what joins them.
pub fn detail(text: &str, into: &mut String) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"=,_-".contains(&b);
    store(text.bytes().all(allowed).then(|| text.to_owned()), into)
}

/// Kilobytes per second as the server takes them (`basebackup.c: MAX_RATE_LOWER`), or 0.
pub fn rate(text: &str, into: &mut u32) -> bool {
    let mut value = 0;
    number(text, &mut value) && store((value == 0 || (32..=1 << 20).contains(&value)).then_some(value), into)
}

/// Milliseconds that fit in an int32_t.
pub fn ms(text: &str, least: u64, into: &mut Duration) -> bool {
    let value = digits(text).filter(|ms| (least..=i32::MAX as u64).contains(ms));
    store(value.map(Duration::from_millis), into)
}

/// Microseconds.
pub fn us(text: &str, least: u64, most: u64, into: &mut Duration) -> bool {
    store(digits(text).filter(|us| (least..=most).contains(us)).map(Duration::from_micros), into)
}

/// As `ms`, or "auto".
pub fn auto_ms(text: &str, into: &mut Option<Duration>) -> bool {
    if text == "auto" {
        *into = None;
        return true;
    }
    let mut value = Duration::ZERO;
    ms(text, 0, &mut value) && store(Some(Some(value)), into)
}

/// A plain number.
pub fn count(text: &str, least: usize, most: usize, into: &mut usize) -> bool {
    let value = digits(text).and_then(|n| usize::try_from(n).ok()).filter(|n| (least..=most).contains(n));
    store(value, into)
}

/// A plain number of 32 bits.
pub fn number(text: &str, into: &mut u32) -> bool {
    store(digits(text).and_then(|n| u32::try_from(n).ok()), into)
}

/// Bytes, with one of PostgreSQL's units or without.
pub fn bytes(text: &str, into: &mut u64) -> bool {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: Option<u64> = match &text[number.len()..] {
        "" | "B" => Some(1),
        "kB" => Some(1 << 10),
        "MB" => Some(1 << 20),
        "GB" => Some(1 << 30),
        "TB" => Some(1 << 40),
        _ => None,
    };
    let most = 1 << 50;
    let value = unit.and_then(|unit| digits(number.trim_end())?.checked_mul(unit)).filter(|n| *n <= most);
    store(value, into)
}

/// As `bytes`, of memory.
pub fn size(text: &str, least: usize, into: &mut usize) -> bool {
    let mut value = 0;
    bytes(text, &mut value)
        && store(usize::try_from(value).ok().filter(|n| (least..=1 << 40).contains(n)), into)
}

/// Any directory; whether it can be written shows when it is.
pub fn path(text: &str, into: &mut Option<PathBuf>) -> bool {
    *into = (!text.is_empty()).then(|| PathBuf::from(text));
    true
}

/// As PostgreSQL prints it.
pub fn lsn(text: &str, into: &mut Lsn) -> bool {
    store(text.parse().ok(), into)
}

/// "" stands for none.
pub fn position(text: &str, into: &mut String) -> bool {
    let good = text.is_empty() || Position::from_str(text).is_ok();
    store(good.then(|| text.to_owned()), into)
}

/// Without a sign, which `parse` would take.
fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_counts_take_postgresqls_units() {
        for (text, expected) in [
            ("0", Some(0)),
            ("512", Some(512)),
            ("64kB", Some(65_536)),
            ("64 MB", Some(64 << 20)),
            ("1TB", Some(1 << 40)),
            ("1024TB", Some(1 << 50)),
            ("1025TB", None),
            ("64mb", None),
            ("-1", None),
            ("+1", None),
            ("MB", None),
            ("", None),
            ("99999999999999999999", None),
            ("18446744073709551615GB", None),
        ] {
            let mut value = 7;
            let taken = bytes(text, &mut value);
            assert_eq!((taken, value), (expected.is_some(), expected.unwrap_or(7)), "{text:?}");
        }
    }

    #[test]
    fn slot_names_are_those_of_the_server() {
        let longest = "a".repeat(63);
        for (text, good) in
            [("s_1", true), (&longest, true), ("Upper", false), ("a-b", false), ("a b", false)]
        {
            assert_eq!(slot_name(text, &mut String::new()), good, "{text:?}");
        }
        assert!(!slot_name(&"a".repeat(64), &mut String::new()));
    }
}
