//! Quoting, and the reverse for lists of identifiers.

#![forbid(unsafe_code)]

use super::error::PgError;

/// As a SQL identifier, always with quotes. For SQL only: replication commands do not know a doubled quote.
pub fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// As a SQL string constant that means the same whatever standard_conforming_strings says. For SQL only: replication
/// commands know no E''.
pub fn quote_literal(text: &str) -> String {
    let quotes = text.replace('\'', "''");
    if quotes.contains('\\') {
        format!(" E'{}'", quotes.replace('\\', "\\\\"))
    } else {
        format!("'{quotes}'")
    }
}

/// As an identifier of a replication command. A name with a double quote cannot be written there (`repl_scanner.l`), and would end early.
pub fn quote_command_identifier(name: &str) -> Result<String, PgError> {
    if name.contains('"') { Err(PgError::DoubleQuote) } else { Ok(format!("\"{name}\"")) }
}

/// As a string constant of a replication command, where a backslash is a character like any other.
pub fn quote_command_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Why a text is not a list of identifiers. `at` counts bytes from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierListError {
    /// Nothing between two commas, at an end, or inside quotes.
    #[error("a name is missing at offset {at}")]
    Empty {
        /// Where it should begin.
        at: usize,
    },
    /// A quoted name without its end.
    #[error("the quote at offset {at} is never closed")]
    Unterminated {
        /// The opening quote.
        at: usize,
    },
    /// Something else than a comma after a name; a name with a space in it needs quotes.
    #[error("expected a comma at offset {at}")]
    MissingComma {
        /// What stands there instead.
        at: usize,
    },
    /// The server would cut the name off without a word.
    #[error("the name at offset {at} is longer than 63 bytes")]
    TooLong {
        /// Where it begins.
        at: usize,
    },
}

/// PostgreSQL's NAMEDATALEN - 1.
const LONGEST_NAME: usize = 63;

/// Reads a comma-separated list as PostgreSQL's SplitIdentifierString does: white space around names does not count,
/// quoted names are taken as they are, others are folded to lower case (ASCII, as in a UTF-8 database). A blank
/// text is an empty list. Stricter than PostgreSQL with empty and overlong names.
pub fn parse_identifier_list(text: &str) -> Result<Vec<String>, IdentifierListError> {
    let is_space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c');
    let mut rest = text.trim_start_matches(is_space);
    let mut names = Vec::new();
    if rest.is_empty() {
        return Ok(names);
    }
    loop {
        let at = text.len() - rest.len();
        let (name, after) = match rest.strip_prefix('"') {
            Some(quoted) => unquote(quoted).ok_or(IdentifierListError::Unterminated { at })?,
            None => {
                let end = rest.find(|c| c == ',' || is_space(c)).unwrap_or(rest.len());
                (rest[..end].to_ascii_lowercase(), &rest[end..])
            }
        };
        match name.len() {
            0 => return Err(IdentifierListError::Empty { at }),
            1..=LONGEST_NAME => names.push(name),
            _ => return Err(IdentifierListError::TooLong { at }),
        }
        rest = after.trim_start_matches(is_space);
        if rest.is_empty() {
            return Ok(names);
        }
        let at = text.len() - rest.len();
        rest = rest.strip_prefix(',').ok_or(IdentifierListError::MissingComma { at })?;
        rest = rest.trim_start_matches(is_space);
    }
}

/// From behind the opening quote: the name, and what follows the closing one.
fn unquote(mut rest: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    loop {
        let (part, after) = rest.split_once('"')?;
        name.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Some((name, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_doubled_and_backslashes_safe() {
        assert_eq!(quote_identifier("a\"B\\c"), r#""a""B\c""#);
        assert_eq!(quote_literal("it's"), "'it''s'");
        assert_eq!(quote_literal("\\' "), r" E'\\'' '");
        assert_eq!(quote_command_literal("it's \\"), r"'it''s \'");
        assert_eq!(quote_command_identifier("a\\B").unwrap(), r#""a\B""#);
        assert!(matches!(quote_command_identifier("a\" (b"), Err(PgError::DoubleQuote)));
    }

    #[test]
    fn lists_are_read_as_postgresql_does() {
        for (text, names) in [
            ("", vec![]),
            (" \t\n", vec![]),
            ("a", vec!["a"]),
            (" Ab ,\t\"Ab\" , \"a,\"\"b \"\n", vec!["ab", "Ab", "a,\"b "]),
            ("\u{c4}B,\"\u{c4}B\"", vec!["\u{c4}b", "\u{c4}B"]),
            ("a.b,c-d,e\"f", vec!["a.b", "c-d", "e\"f"]),
        ] {
            assert_eq!(parse_identifier_list(text).unwrap(), names, "{text:?}");
        }
    }

    #[test]
    fn what_quoting_writes_the_list_reads() {
        for name in ["a", "A b", "\"", "a\"\"b", ",", " "] {
            let list = format!("x, {},y", quote_identifier(name));
            assert_eq!(parse_identifier_list(&list).unwrap(), ["x", name, "y"]);
        }
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        use IdentifierListError::*;
        let long = "x".repeat(64);
        for (text, error) in [
            (",", Empty { at: 0 }),
            ("a,", Empty { at: 2 }),
            ("a, ,b", Empty { at: 3 }),
            ("a,\"\"", Empty { at: 2 }),
            ("a b", MissingComma { at: 2 }),
            ("\"a\"b", MissingComma { at: 3 }),
            ("a, \"b", Unterminated { at: 3 }),
            ("\"b\"\"", Unterminated { at: 0 }),
            (long.as_str(), TooLong { at: 0 }),
        ] {
            assert_eq!(parse_identifier_list(text), Err(error), "{text:?}");
        }
        assert!(parse_identifier_list(&long[..63]).is_ok());
    }
}
