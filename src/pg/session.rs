//! What a session must be set to before its stream is started: the same bytes for the same values on every
//! redelivery, whatever a role, database or server is set to.

#![forbid(unsafe_code)]

use super::connection::Connection;
use super::error::PgError;
use super::wait::Patience;

/// Everything that shapes the text form of a value.
const PINNED: [(&str, &str); 9] = [
    ("DateStyle", "'ISO'"),
    ("IntervalStyle", "'postgres'"),
    ("extra_float_digits", "3"),
    ("TimeZone", "'UTC'"),
    ("bytea_output", "'hex'"),
    ("lc_monetary", "'C'"),
    // Names as reg* types print them: always with their schema, quoted only where needed.
    ("search_path", "''"),
    ("quote_all_identifiers", "off"),
    ("client_min_messages", "warning"),
];

impl Connection {
    /// Sets what shapes values, except what the host itself has set through `options` or PGOPTIONS. The encoding
    /// is always UTF-8; only a SQL_ASCII database keeps its own, for it may hold bytes that it could never send as UTF-8
    /// (`mbutils.c: pg_server_to_any`), and the stream would end there for good.
    pub fn pin_session(&mut self, patience: &Patience<'_>) -> Result<(), PgError> {
        self.query(&self.pins(), patience).map(drop)
    }

    /// The commands that do it.
    pub(super) fn pins(&self) -> String {
        let by_host = named_in_options(&self.startup_options());
        let bytes_only = self.parameter_status("server_encoding").as_deref() == Some("SQL_ASCII");
        let encoding = if bytes_only { "SQL_ASCII" } else { "UTF8" };
        let mut sql = format!("SET client_encoding TO '{encoding}'");
        for (name, value) in PINNED {
            if !by_host.iter().any(|named| named.eq_ignore_ascii_case(name)) {
                sql.push_str(&format!("; SET {name} TO {value}"));
            }
        }
        sql
    }
}

/// The settings that a server command line sets by `-c name=value`, `-cname=value` or `--name=value`.
fn named_in_options(options: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut words = split(options).into_iter();
    while let Some(word) = words.next() {
        let setting = match (word.strip_prefix("--"), word.strip_prefix("-c")) {
            (Some(long), _) => long.to_owned(),
            (None, Some("")) => words.next().unwrap_or_default(),
            (None, Some(joined)) => joined.to_owned(),
            (None, None) => continue,
        };
        let name = setting.split('=').next().unwrap_or_default();
        // The server takes a dash for an underscore.
        names.push(name.replace('-', "_"));
    }
    names
}

/// As the server's pg_split_opts: words between white space, which a backslash makes part of a word.
fn split(options: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = options.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_ascii_whitespace() || c == '\x0b' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_of_options_are_recognised() {
        for (options, names) in [
            ("", vec![]),
            ("-c datestyle=german", vec!["datestyle"]),
            (
                "  -cTimeZone=CET --extra-float-digits=0\t-c search_path=a\\ b ",
                vec!["TimeZone", "extra_float_digits", "search_path"],
            ),
            ("-c datestyle=x\\ -c\\ timezone=y", vec!["datestyle"]),
            ("-B 100 -S timezone=1 -c", vec![""]),
        ] {
            assert_eq!(named_in_options(options), names, "{options:?}");
        }
    }
}
