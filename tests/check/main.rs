//! The preflight: each finding provoked on a real server, through the C ABI, on every major.

#[path = "../fields/mod.rs"]
#[allow(dead_code, reason = "shared with the live tests and tests/docs.rs, each uses a part")]
mod fields;
#[allow(unused_imports, reason = "shared with the live tests, which use the rest")]
#[path = "../live/support/mod.rs"]
mod support;

mod connection;
mod limits;
mod pooler;
mod program;
mod publication;
mod report;
mod slot;
mod standby;
mod table;
mod transaction;

#[test]
fn every_finding_is_provoked() {
    let tests = [
        include_str!("connection.rs"),
        include_str!("limits.rs"),
        include_str!("pooler.rs"),
        include_str!("publication.rs"),
        include_str!("slot.rs"),
        include_str!("standby.rs"),
        include_str!("table.rs"),
        include_str!("transaction.rs"),
    ];
    for rule in walstream::stream::check::Rule::ALL {
        let code = format!("\"{}\"", rule.code());
        assert!(tests.iter().any(|text| text.contains(&code)), "no test provokes {code}");
    }
}
