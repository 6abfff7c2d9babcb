//! Everything that a host gives as text: options, connection strings, lists of names, positions.
#![no_main]

use libfuzzer_sys::fuzz_target;
use walstream::lsn::Lsn;
use walstream::pg::{Conninfo, parse_identifier_list, quote_identifier};
use walstream::stream::Options;
use walstream::stream::options::TABLE;
use walstream::stream::plugin_options::render;
use walstream::stream::position::Position;

fuzz_target!(|text: &str| {
    for spec in TABLE {
        let mut options = Options::default();
        let key = spec.name.to_str().unwrap();
        if options.set(key, Some(text)).is_ok() {
            assert_eq!(options.get(key), Some(text));
            let _ = render(&options, 180_000, false);
        }
    }
    let mut options = Options::default();
    let _ = options.set(text, Some("1"));
    if options.set(&format!("plugin.{text}"), Some(text)).is_ok() {
        let _ = render(&options, 180_000, false);
    }
    // Errors of these may not repeat a password, so they are only made.
    let _ = Conninfo::parse(text).map_err(|error| error.to_string());
    if let Ok(names) = parse_identifier_list(text) {
        let again: Vec<_> = names.iter().map(|name| quote_identifier(name)).collect();
        if !names.is_empty() {
            assert_eq!(parse_identifier_list(&again.join(",")), Ok(names));
        }
    }
    if let Ok(lsn) = text.parse::<Lsn>() {
        assert_eq!(lsn.to_string().parse(), Ok(lsn));
    }
    if let Ok(position) = text.parse::<Position>() {
        assert_eq!(position.to_string().parse(), Ok(position));
    }
});
