//! Connection strings, checked by libpq's own parser without touching the network.
//!
//! Refuses to repeat a password. libpq's complaints about a connection string quote the place where its parser
//! gave up, which may be the middle of a password that somebody forgot to quote; and some strings parse into
//! something else than was meant, so that a piece of the password becomes a host name in later messages.
//!
//! All copies of a string that are made here are wiped when they go, and a stream's threads share one. libpq makes its own.

use std::ffi::{CStr, CString};
use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::error::Words;
use super::sys;

/// A connection string, URI or keywords, that libpq's parser accepts.
#[derive(Clone)]
pub struct Conninfo {
    text: Arc<Zeroizing<CString>>,
}

/// Keywords of newer libpqs, and the major version that brought them.
const NEWER: [(&str, u32); 15] = [
    ("require_auth", 16),
    ("sslcertmode", 16),
    ("gssdelegation", 16),
    ("load_balance_hosts", 16),
    ("sslnegotiation", 17),
    ("min_protocol_version", 18),
    ("max_protocol_version", 18),
    ("sslkeylogfile", 18),
    ("servicefile", 18),
    ("scram_client_key", 18),
    ("scram_server_key", 18),
    ("oauth_issuer", 18),
    ("oauth_client_id", 18),
    ("oauth_client_secret", 18),
    ("oauth_scope", 18),
];

/// Why a connection string is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConninfoError {
    /// libpq says why, about a part that cannot be secret.
    #[error("invalid connection string: {0}")]
    Invalid(Words),
    /// libpq's explanation may quote the password.
    #[error(
        "invalid connection string: the mistake is in the password or behind it; in keyword form put quotes around \
         the value, in a URI percent-encode it"
    )]
    InvalidNearPassword,
    /// libpq would cut a URI at the wrong @, or take a piece of the password for a port.
    #[error(
        "invalid connection string: in a URI the port must be a number, and an @, / or ? in the user name or \
         password percent-encoded"
    )]
    AmbiguousUri,
    /// `dbname` is itself a connection string: libpq would take all of it, password included, for a name.
    #[error("invalid connection string: dbname contains another connection string")]
    Nested,
    /// The libpq that this process runs with is too old for a keyword, or for a demand in the environment, which it would
    /// not even look at.
    #[error("{what} needs libpq {needs} or later; this is libpq {}", libpq_major())]
    NeedsNewerLibpq {
        /// The keyword or variable.
        what: &'static str,
        /// The first major version that knows it.
        needs: u32,
    },
    /// A C string cannot hold it.
    #[error("invalid connection string: it contains a NUL byte")]
    Nul,
}

impl Conninfo {
    /// Asks libpq's parser. An empty string is fine: everything then comes from the environment and defaults.
    pub fn parse(text: &str) -> Result<Conninfo, ConninfoError> {
        if uri_body(text).is_some_and(is_ambiguous) {
            return Err(ConninfoError::AmbiguousUri);
        }
        if std::env::var_os("PGREQUIREAUTH").is_some_and(|value| !value.is_empty())
            && !is_known("require_auth")?
        {
            return Err(ConninfoError::NeedsNewerLibpq { what: "PGREQUIREAUTH", needs: 16 });
        }
        match parse(text)? {
            Ok(options) => {
                // PQconnectStartParams expands only a dbname that it is given directly.
                if options.value("dbname").is_some_and(|name| is_conninfo(&name)) {
                    return Err(ConninfoError::Nested);
                }
                let is_port =
                    |port: Zeroizing<String>| port.bytes().all(|b| b.is_ascii_digit() || b" ,".contains(&b));
                if uri_body(text).is_some() && !options.value("port").is_none_or(is_port) {
                    return Err(ConninfoError::AmbiguousUri);
                }
            }
            Err(words) => {
                if let Some((what, needs)) = newer_keyword(text)? {
                    return Err(ConninfoError::NeedsNewerLibpq { what, needs });
                }
                let Some(masked) = masked(text) else { return Err(ConninfoError::Invalid(words)) };
                return Err(match parse(&masked)? {
                    Err(words) => ConninfoError::Invalid(words),
                    Ok(_) => ConninfoError::InvalidNearPassword,
                });
            }
        }
        // PQconnectStartParams would take blanks for a database's name.
        let text = if text.trim().is_empty() { "" } else { text };
        Ok(Conninfo { text: Arc::new(c_string(text)?) })
    }

    pub(super) fn as_c_str(&self) -> &CStr {
        &self.text
    }
}

/// A connection string may hold a password, so it shows nothing.
impl fmt::Debug for Conninfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Conninfo(..)")
    }
}

/// libpq's list of options, freed at the end.
pub(super) struct Options(NonNull<sys::PQconninfoOption>);

impl Options {
    /// # Safety
    ///
    /// `list` is NULL or an options list of libpq's that nobody else frees.
    pub(super) unsafe fn from_raw(list: *mut sys::PQconninfoOption) -> Option<Options> {
        NonNull::new(list).map(Options)
    }

    /// The value of an option, if it is set.
    pub(super) fn value(&self, keyword: &str) -> Option<Zeroizing<String>> {
        let mut at = self.0.as_ptr();
        loop {
            // SAFETY: libpq ends the list by an entry whose keyword is NULL, where this loop stops.
            let option = unsafe { &*at };
            if option.keyword.is_null() {
                return None;
            }
            // SAFETY: keywords are C strings that live as long as the list.
            if unsafe { CStr::from_ptr(option.keyword) }.to_bytes() == keyword.as_bytes() {
                if option.val.is_null() {
                    return None;
                }
                // SAFETY: a value that is not NULL is a C string that lives as long as the list.
                let value = unsafe { CStr::from_ptr(option.val) };
                return Some(Zeroizing::new(value.to_string_lossy().into_owned()));
            }
            // SAFETY: this entry is not the last one.
            at = unsafe { at.add(1) };
        }
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: ours to free by from_raw's contract.
        unsafe { sys::PQconninfoFree(self.0.as_ptr()) };
    }
}

/// libpq's verdict, in its own words.
fn parse(text: &str) -> Result<Result<Options, Words>, ConninfoError> {
    let text = c_string(text)?;
    let mut complaint = ptr::null_mut();
    // SAFETY: `text` is a C string; libpq gives back a list of its own or NULL, and stores NULL or a malloc'd
    // text in `complaint`.
    let options = unsafe { Options::from_raw(sys::PQconninfoParse(text.as_ptr(), &mut complaint)) };
    // SAFETY: NULL or a C string, and nobody else has it.
    let words = unsafe { Words::from_c(complaint) };
    // SAFETY: PQfreemem frees what libpq allocated, and ignores NULL.
    unsafe { sys::PQfreemem(complaint.cast()) };
    Ok(options.ok_or(words))
}

fn c_string(text: &str) -> Result<Zeroizing<CString>, ConninfoError> {
    // The error would hold the text.
    CString::new(text).map(Zeroizing::new).map_err(|error| {
        drop(Zeroizing::new(error.into_vec()));
        ConninfoError::Nul
    })
}

/// The keyword for which libpq refuses `text`, if it is one of a newer libpq's and all else is well.
fn newer_keyword(text: &str) -> Result<Option<(&'static str, u32)>, ConninfoError> {
    let mut found = None;
    let mut rest = Zeroizing::new(text.to_owned());
    for (keyword, needs) in NEWER {
        if rest.contains(keyword) && !is_known(keyword)? {
            found = found.or(Some((keyword, needs)));
            // A keyword that every libpq has.
            rest = Zeroizing::new(rest.replace(keyword, "options"));
        }
    }
    Ok(if found.is_some() && parse(&rest)?.is_ok() { found } else { None })
}

fn is_known(keyword: &str) -> Result<bool, ConninfoError> {
    Ok(parse(&format!("{keyword}=x"))?.is_ok())
}

fn libpq_major() -> i32 {
    // SAFETY: it takes nothing and reads a constant.
    unsafe { sys::PQlibVersion() / 10_000 }
}

/// What follows the prefix, when libpq takes `text` for a URI.
fn uri_body(text: &str) -> Option<&str> {
    text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://"))
}

/// A name may contain an equals sign; it is refused only where it could give a secret away.
fn is_conninfo(name: &str) -> bool {
    uri_body(name).is_some() || (name.contains('=') && secret_word(name).is_some())
}

/// libpq ends the credentials at the first @, unless a / comes before it. Another @ before the query is then a
/// piece of a password that is not encoded.
fn is_ambiguous(body: &str) -> bool {
    let (_, rest) = credentials(body);
    let end = rest.find('?').unwrap_or(rest.len());
    rest[..end].contains('@')
}

/// Splits a URI's body behind the credentials, as conninfo_uri_parse_options does.
fn credentials(body: &str) -> (&str, &str) {
    match body.find(['@', '/']) {
        Some(at) if body.as_bytes()[at] == b'@' => body.split_at(at + 1),
        _ => ("", body),
    }
}

/// Whatever of `text` cannot be a secret; `None` when that is all of it.
fn masked(text: &str) -> Option<String> {
    let Some(body) = uri_body(text) else {
        return secret_word(text).map(|at| text[..at].to_owned());
    };
    let (hidden, rest) = credentials(body);
    if hidden.is_empty() && rest.contains('@') {
        // Credentials with a / in them end at this @, or it belongs to a value of the query: who knows.
        return Some("postgresql://".to_owned());
    }
    // Keywords of the query may be percent-encoded, too.
    let query = rest.find('?').map_or(rest.len(), |at| at + 1);
    let disguised = rest[query..]
        .split_inclusive('&')
        .scan(query, |at, pair| Some((std::mem::replace(at, *at + pair.len()), pair)))
        .find(|(_, pair)| pair.split('=').next().is_some_and(|keyword| keyword.contains('%')))
        .map(|(at, _)| at);
    let end = [secret_word(rest), disguised].into_iter().flatten().min();
    if hidden.is_empty() && end.is_none() {
        return None;
    }
    let mask = if hidden.is_empty() { "" } else { "***:***@" };
    Some(format!("postgresql://{mask}{}", &rest[..end.unwrap_or(rest.len())]))
}

/// Where the first word begins whose value is a secret. libpq's are password, sslpassword, oauth_client_secret,
/// scram_client_key and scram_server_key.
fn secret_word(text: &str) -> Option<usize> {
    let lower = Zeroizing::new(text.to_ascii_lowercase());
    let found = ["password", "secret", "scram_"].iter().filter_map(|word| lower.find(word)).min()?;
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    Some(lower.as_bytes()[..found].iter().rposition(|&b| !word(b)).map_or(0, |at| at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> ConninfoError {
        Conninfo::parse(text).expect_err(text)
    }

    #[test]
    fn libpqs_forms_are_taken() {
        for text in [
            "",
            "host=/tmp dbname='a b' password='se sa\\'me' user=me",
            "postgresql://",
            "postgres:///db?host=/tmp&password=sesame",
            "postgresql://me:se%40sa%2Fme@h1:1,h2:2/db?target_session_attrs=read-write",
            "postgresql://me:se?same@host/db",
            "postgresql://host/db%40x?user=me@home",
            "dbname='a=b'",
        ] {
            assert!(Conninfo::parse(text).is_ok(), "{text}");
        }
        assert_eq!(Conninfo::parse(" \n").unwrap().as_c_str(), c"");
        assert_eq!(format!("{:?}", Conninfo::parse("password=sesame").unwrap()), "Conninfo(..)");
    }

    #[test]
    fn a_newer_libpqs_keyword_is_told_from_a_wrong_one() {
        for text in [
            "host=h require_auth=scram-sha-256 password=sesame",
            "postgresql://me:sesame@h/d?require_auth=none&sslnegotiation=direct",
            "oauth_scope=x require_auth=none",
        ] {
            match Conninfo::parse(text) {
                Ok(_) => assert!(libpq_major() >= 16, "{text}"),
                Err(ConninfoError::NeedsNewerLibpq { what, needs }) => {
                    assert!(libpq_major() < 18 && libpq_major() < needs as i32, "{text}: {what}");
                }
                Err(other) => panic!("{text}: {other:?}"),
            }
        }
        if libpq_major() < 16 {
            let newer = ConninfoError::NeedsNewerLibpq { what: "require_auth", needs: 16 };
            assert_eq!(refused("require_auth=none"), newer);
            for text in ["require_auth=none nonsense=1", "require_auth=none password=sesame x"] {
                assert!(
                    matches!(refused(text), ConninfoError::Invalid(_) | ConninfoError::InvalidNearPassword),
                    "{text}"
                );
            }
            assert!(Conninfo::parse("password=require_auth").is_ok());
        }
    }

    #[test]
    fn libpqs_words_are_passed_on_where_they_quote_no_secret() {
        for (text, quoted) in [
            ("nonsense", "nonsense"),
            ("hots=localhost password=sesame", "hots"),
            ("postgresql://h/d?bad=1", "bad"),
            ("postgresql://me:sesame@h/d?bad=1", "bad"),
            ("postgresql://me:sesame@h/d?bad=1&password=x", "bad"),
        ] {
            match refused(text) {
                ConninfoError::Invalid(words) => assert!(words.as_str().contains(quoted), "{text}: {words}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn no_message_repeats_a_piece_of_a_password() {
        for text in [
            "host=h password=xyzzy plughx",
            "password='xyzzy plughx",
            "password=xyzzy plughx=1",
            "user=me PASSWORD = xyzzy\\ plu ghx",
            "user=me sslpassword=xyzzy plughx",
            "hots=h password=xyzzy plughx",
            "postgresql://me:xyzzy%plughx@h/d",
            "postgresql://me:xyzzy@plughx@h/d",
            "postgresql://me:xyzzy/plughx@h/d",
            "postgresql://me:xyzzy/plu?ghx@h/d",
            "postgresql://me:xyzzy/plu?ghx=1@h/d",
            "postgresql://me:xyzzy/plu?user=ghx@h/d",
            "postgresql://me:plughx@[h/d",
            "postgresql://me:plughx@[::1]x/d",
            "postgresql://h/d?password=xyzzy&plughx",
            "postgresql://h/d?%70assword=xyzzy&plughx",
            "postgresql://h/d?bad=1&password=plughx",
            "postgresql://me:xyzzy@h/d?sslpassword=%zzplughx",
            "dbname=postgresql://me:plughx@h/d",
            "dbname='host=h password=plughx'",
            "password=plughx\0",
        ] {
            let message = refused(text).to_string();
            for piece in ["xyzzy", "plu", "ghx"] {
                assert!(!message.contains(piece), "{text}: {message}");
            }
        }
    }
}
