//! The options that START_REPLICATION passes on to the output plugin: only those that this server knows, else an error
//! that names the version needed (protocol-notes.md, 36).

#![forbid(unsafe_code)]

use super::error::Failure;
use super::options::{Delivery, Options, Origin, Streaming};
use super::server_failure::unsupported;
use super::session::PGOUTPUT;
use crate::model::Code;
use crate::pg::{PgError, quote_command_identifier, quote_command_literal, quote_identifier};

/// The first major version that walstream speaks to.
const OLDEST: u32 = 14;

fn major(version: i32) -> u32 {
    u32::try_from(version / 10_000).unwrap_or(0)
}

/// Refuses options that this server does not know.
pub fn check_version(options: &Options, version: i32) -> Result<(), Failure> {
    let major = major(version);
    let needs = |wanted: bool, what: &str, first: u32| {
        if wanted && major < first { Err(unsupported(what, first)) } else { Ok(()) }
    };
    needs(true, "walstream", OLDEST)?;
    needs(options.slot_failover, "slot.failover", 17)?;
    if options.plugin != PGOUTPUT {
        return Ok(());
    }
    needs(options.streaming == Streaming::Parallel, "streaming=parallel", 16)?;
    needs(options.two_phase, "two_phase", 15)?;
    needs(options.slot_two_phase, "slot.two_phase with pgoutput", 15)?;
    needs(options.origin == Origin::None, "origin=none", 16)?;
    let protocol = options.protocol_version.unwrap_or(1);
    needs(protocol >= 4, "protocol_version=4", 16)?;
    needs(protocol >= 3, "protocol_version=3", 15)
}

/// Refuses combinations that no server takes. Needs no server.
pub fn check_combinations(options: &Options) -> Result<(), Failure> {
    let Some(protocol) = options.protocol_version else { return Ok(()) };
    let needs = |wanted: bool, what: &str, least: u32| {
        if !wanted || protocol >= least {
            return Ok(());
        }
        let message = format!("{what} needs protocol_version {least} or higher, not {protocol}");
        Err(Failure::new(Code::E_ARGUMENT, message).hint("leave protocol_version at auto"))
    };
    needs(options.streaming == Streaming::On, "streaming=on", 2)?;
    needs(options.streaming == Streaming::Parallel, "streaming=parallel", 4)?;
    needs(options.two_phase, "two_phase", 3)
}

fn protocol(options: &Options, version: i32) -> u32 {
    options.protocol_version.unwrap_or(match major(version) {
        0..=13 => 1,
        14 => 2,
        15 => 3,
        _ => 4,
    })
}

/// pgoutput's `streaming`, None for off. `without`: the server is to spill.
pub fn streaming(options: &Options, version: i32, without: bool) -> Option<&'static str> {
    if without || options.plugin != PGOUTPUT {
        return None;
    }
    // A streamed message names its top-level transaction only (`pgoutput.c: pgoutput_message`): those of a rolled-back
    // savepoint could not be told from the others.
    if options.messages && options.delivery == Delivery::Committed {
        return None;
    }
    match options.streaming {
        Streaming::Off => None,
        Streaming::On => Some("on"),
        Streaming::Parallel => Some("parallel"),
        Streaming::Auto => (protocol(options, version) >= 2).then_some("on"),
    }
}

/// " (name 'value', ...)", or "" when there is none.
pub fn render(options: &Options, version: i32, without_streaming: bool) -> Result<String, Failure> {
    let pairs = if options.plugin == PGOUTPUT {
        pgoutput(options, version, without_streaming)
    } else {
        options.plugin_options.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    if pairs.iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
        return Err(Failure::new(Code::E_ARGUMENT, "a plugin option contains a NUL byte").hint("remove it"));
    }
    let pair = |(name, value): &(String, String)| {
        Ok(format!("{} {}", quote_command_identifier(name)?, quote_command_literal(value)))
    };
    let pairs: Vec<_> = pairs.iter().map(pair).collect::<Result<_, PgError>>()?;
    Ok(if pairs.is_empty() { String::new() } else { format!(" ({})", pairs.join(", ")) })
}

fn pgoutput(options: &Options, version: i32, without_streaming: bool) -> Vec<(String, String)> {
    let publications: Vec<_> = options.publication.iter().map(|name| quote_identifier(name)).collect();
    let mut pairs = vec![
        ("proto_version", protocol(options, version).to_string()),
        ("publication_names", publications.join(",")),
    ];
    if let Some(streaming) = streaming(options, version, without_streaming) {
        pairs.push(("streaming", streaming.to_owned()));
    }
    for (name, wanted) in
        [("binary", options.binary), ("messages", options.messages), ("two_phase", options.two_phase)]
    {
        if wanted {
            pairs.push((name, "on".to_owned()));
        }
    }
    if options.origin == Origin::None {
        pairs.push(("origin", "none".to_owned()));
    }
    let plugin = options.plugin_options.iter().map(|(name, value)| (name.clone(), value.clone()));
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(plugin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, &str)]) -> Options {
        let mut options = Options::default();
        options.set("publication", Some("p")).unwrap();
        for (key, value) in pairs {
            options.set(key, Some(value)).unwrap();
        }
        options
    }

    #[test]
    fn each_version_gets_what_it_knows() {
        let plain = options(&[]);
        for (version, expected) in [
            (140_023, r#" ("proto_version" '2', "publication_names" '"p"', "streaming" 'on')"#),
            (150_018, r#" ("proto_version" '3', "publication_names" '"p"', "streaming" 'on')"#),
            (180_004, r#" ("proto_version" '4', "publication_names" '"p"', "streaming" 'on')"#),
        ] {
            assert_eq!(render(&plain, version, false).unwrap(), expected);
        }
        assert_eq!(
            render(&options(&[("protocol_version", "1")]), 180_004, false).unwrap(),
            r#" ("proto_version" '1', "publication_names" '"p"')"#
        );
    }

    #[test]
    fn messages_are_not_streamed_when_they_have_to_be_assembled() {
        for (delivery, streamed) in [("committed", false), ("as-sent", true)] {
            let options = options(&[("messages", "on"), ("streaming", "on"), ("delivery", delivery)]);
            assert_eq!(render(&options, 180_004, false).unwrap().contains("streaming"), streamed);
        }
    }

    #[test]
    fn hostile_names_stay_names() {
        let hostile = options(&[("publication", r#""a""b', ""c" , Plain"#)]);
        assert!(render(&hostile, 180_004, true).unwrap().contains(r#"'"a""b'', ""c","plain"'"#));
    }

    #[test]
    fn what_a_server_does_not_know_names_the_version() {
        for (key, value, version, needs) in [
            ("streaming", "parallel", 150_000, "PostgreSQL 16"),
            ("two_phase", "on", 140_000, "PostgreSQL 15"),
            ("origin", "none", 150_000, "PostgreSQL 16"),
            ("slot.failover", "on", 160_000, "PostgreSQL 17"),
            ("protocol_version", "4", 150_000, "PostgreSQL 16"),
            ("binary", "on", 130_000, "PostgreSQL 14"),
        ] {
            let failure = check_version(&options(&[(key, value)]), version).unwrap_err();
            assert_eq!(failure.code, Code::E_UNSUPPORTED);
            assert!(failure.message.contains(needs), "{}", failure.message);
            check_version(&options(&[(key, value)]), 180_000).unwrap();
        }
    }
}
