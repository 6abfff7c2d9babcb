//! What a failed connection attempt says, taken apart.
//!
//! libpq gives no PGresult for an attempt that fails, only one text. With PQERRORS_VERBOSE that text has the
//! server's SQLSTATE in it, at a place known by its form: pqBuildErrorMessage3 writes "SEVERITY:  SQLSTATE: message",
//! then DETAIL, HINT and the like, then "LOCATION:  function, file.c:line". Refuses to look for words: severity,
//! message and the labels are all translated.

#![forbid(unsafe_code)]

use super::error::{SqlState, Words};

/// What is told of an attempt's end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Digest {
    /// The last SQLSTATE in the text: after an error from a server libpq tries another host only if that server was
    /// starting up.
    pub(super) sqlstate: Option<SqlState>,
    /// The server's function that reported it.
    pub(super) source_function: Words,
    /// The text without SQLSTATEs and locations, on one line.
    pub(super) message: Words,
}

/// Takes libpq's text apart.
pub(super) fn digest(text: &str) -> Digest {
    let mut sqlstate = None;
    let mut source_function = Words::default();
    let mut kept: Vec<String> = Vec::new();
    let mut in_report = false;
    let mut was_indented = false;
    for line in text.lines() {
        let indented = line.starts_with('\t');
        let line = match split_head(line) {
            // Up to its location a report is one, whatever its message looks like after a line break.
            Some((before, state, message)) if !in_report => {
                sqlstate = Some(state);
                source_function = Words::default();
                in_report = true;
                format!("{before}{message}")
            }
            _ if in_report && is_location(line) => {
                in_report = false;
                source_function = Words::new(function_of(line).as_bytes());
                continue;
            }
            _ => line.trim().to_owned(),
        };
        if indented && was_indented {
            // libpq breaks its advice into indented lines.
            if let Some(last) = kept.last_mut() {
                *last = format!("{last} {line}");
            }
        } else if !line.is_empty() && !kept.contains(&line) {
            // Not said yet: with sslmode=prefer the same refusal often comes twice.
            kept.push(line);
        }
        was_indented = indented;
    }
    Digest { sqlstate, source_function, message: Words::new(kept.join("; ").as_bytes()) }
}

/// "…FATAL:  28P01: password…" as "…FATAL: ", 28P01, "password…". Only the first ":  " of a line counts: it follows
/// the severity, and whatever the message quotes comes later.
fn split_head(line: &str) -> Option<(String, SqlState, &str)> {
    let (before, after) = line.split_once(":  ")?;
    let state = SqlState::parse(after.as_bytes().get(..5)?)?;
    let message = after[5..].strip_prefix(": ")?;
    Some((format!("{before}: "), state, message))
}

/// Does the line end as "auth_failed, auth.c:335" does?
fn is_location(line: &str) -> bool {
    let Some((file, number)) = line.rsplit_once(':') else { return false };
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    digits && [".c", ".h", ".y", ".l", ".cpp"].iter().any(|suffix| file.ends_with(suffix))
}

/// "auth_failed" of "LOCATION:  auth_failed, auth.c:335", whatever the label is in this language.
fn function_of(line: &str) -> &str {
    let location = line.split_once(":  ").map_or(line, |(_, location)| location);
    location.split_once(", ").map_or("", |(function, _)| function)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, state: Option<&[u8; 5]>, message: &str) {
        let got = digest(text);
        assert_eq!((got.sqlstate.map(|s| s.0), got.message.as_str()), (state.copied(), message));
    }

    #[test]
    fn the_function_that_refused_is_known() {
        for (text, function) in [
            (
                "x failed: FATAL:  28000: no\nLOCATION:  ClientAuthentication, auth.c:543\n",
                "ClientAuthentication",
            ),
            ("x: FATAL:  28000: no\nORT:  InitPostgres, postinit.c:927\n", "InitPostgres"),
            ("x: FATAL:  57P03: no\nLOCATION:  f, a.c:1\nx: FATAL:  28000: no\n", ""),
            ("no answer\n", ""),
        ] {
            assert_eq!(digest(text).source_function.as_str(), function, "{text}");
        }
    }

    #[test]
    fn a_servers_refusal_carries_its_sqlstate() {
        check(
            "connection to server at \"db\" (10.0.0.1), port 5432 failed: FATAL:  28P01: password authentication \
             failed for user \"me\"\nLOCATION:  auth_failed, auth.c:335\n",
            Some(b"28P01"),
            "connection to server at \"db\" (10.0.0.1), port 5432 failed: FATAL: password authentication failed \
             for user \"me\"",
        );
    }

    #[test]
    fn no_word_is_needed() {
        // As a German libpq prints a Japanese server's answer.
        check(
            "Verbindung zum Server auf Socket »/tmp/.s.PGSQL.5432« fehlgeschlagen: \u{81f4}\u{547d}:  3D000: \
             \u{30c7}\u{30fc}\u{30bf}\u{30d9}\u{30fc}\u{30b9}\nDETAIL:  Das da.\nTIPP:  Jenes.\nORT:  InitPostgres, \
             postinit.c:927\n",
            Some(b"3D000"),
            "Verbindung zum Server auf Socket »/tmp/.s.PGSQL.5432« fehlgeschlagen: \u{81f4}\u{547d}: \
             \u{30c7}\u{30fc}\u{30bf}\u{30d9}\u{30fc}\u{30b9}; DETAIL:  Das da.; TIPP:  Jenes.",
        );
    }

    #[test]
    fn libpqs_own_words_have_none() {
        check(
            "connection to server on socket \"/x/.s.PGSQL.5432\" failed: No such file or directory\n\tIs the server \
             running locally and accepting connections on that socket?\n",
            None,
            "connection to server on socket \"/x/.s.PGSQL.5432\" failed: No such file or directory; Is the server \
             running locally and accepting connections on that socket?",
        );
        check(
            "server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally\n\
             \tbefore or while processing the request.\n",
            None,
            "server closed the connection unexpectedly; This probably means the server terminated abnormally before \
             or while processing the request.",
        );
        check("", None, "");
    }

    #[test]
    fn of_several_hosts_the_last_answer_counts() {
        check(
            "a failed: FATAL:  57P03: starting up\nLOCATION:  ProcessStartupPacket, postmaster.c:2348\n\
             b failed: FATAL:  28000: no entry\nLOCATION:  ClientAuthentication, auth.c:543\n\
             c failed: Connection refused\n",
            Some(b"28000"),
            "a failed: FATAL: starting up; b failed: FATAL: no entry; c failed: Connection refused",
        );
    }

    #[test]
    fn a_refusal_said_twice_is_told_once() {
        check(
            "a failed: FATAL:  28P01: no\nLOCATION:  f, auth.c:1\na failed: FATAL:  28P01: no\nLOCATION:  f, auth.c:1\n",
            Some(b"28P01"),
            "a failed: FATAL: no",
        );
    }

    #[test]
    fn what_the_message_quotes_is_not_taken_for_a_sqlstate() {
        check(
            "FATAL:  28000: role \"x:  42P01: y\" does not exist, auth.c:3\nLOCATION:  f, auth.c:1\n",
            Some(b"28000"),
            "FATAL: role \"x:  42P01: y\" does not exist, auth.c:3",
        );
        check(
            "FATAL:  3D000: database \"x\n:  42P01: y\" does not exist\nLOCATION:  f, postinit.c:1\n",
            Some(b"3D000"),
            "FATAL: database \"x; :  42P01: y\" does not exist",
        );
        check("cannot open file.c:12\n", None, "cannot open file.c:12");
    }
}
