//! Reading in gulps: a stream that is behind naps between them, and says so in its statistics.

use std::time::Duration;

use walstream::model::Kind;

use crate::on_each_major;
use crate::support::{Case, Host, wait_until};

pub const ROWS: usize = 40_000;

/// Commits that are late by the time that they are read.
pub fn pile_up(case: &mut Case<'_>) {
    case.sql.run("CREATE TABLE IF NOT EXISTS piled (id int, v text)");
    for _ in 0..4 {
        let each = ROWS / 4;
        case.sql.run(&format!(
            "INSERT INTO piled SELECT g, 'row number ' || g FROM generate_series(1, {each}) g"
        ));
    }
    // A nap is a 64th of the delay at most.
    case.sql.run("SELECT pg_sleep(1)");
}

/// Reads all of it; how many naps that took.
pub fn naps(host: &Host) -> u64 {
    host.start(0);
    let events = host.entries(4);
    assert_eq!(events.iter().filter(|event| event.is(Kind::INSERT)).count(), ROWS);
    host.ack(events[events.len() - 1].ack_lsn);
    let stats = host.stats();
    assert!((stats.naps == 0) == (stats.nap_us == 0) && stats.nap_us <= 20_000, "{} us", stats.nap_us);
    assert_eq!(host.stop(10_000), 0);
    stats.naps
}

/// A reader that is kept away from the processor finds a full socket each time, and has no need to nap.
fn naps_when_behind(case: &mut Case<'_>, conninfo: &str) {
    wait_until(Duration::from_secs(60), "it naps", || {
        pile_up(case);
        let naps = naps(&case.host_at(conninfo, &[("streaming", "off")]));
        // Each is worth 8 messages at least, and most are worth a hundred.
        assert!(naps < ROWS as u64 / 8, "{naps} naps");
        naps > 0
    });
}

on_each_major! {
    fn a_stream_that_is_behind_naps(case, from 14) {
        case.publish();
        naps_when_behind(case, &case.conninfo());
    }

    // Part of what comes in a nap is in the server's own socket then (src/pg/window.rs).
    fn a_stream_that_is_behind_naps_over_tcp(case, from 14) {
        case.publish();
        naps_when_behind(case, &format!("{} host=127.0.0.1", case.conninfo()));
    }

    fn pacing_off_never_naps(case, from 14) {
        case.publish();
        pile_up(case);
        assert_eq!(naps(&case.host(&[("streaming", "off"), ("pacing", "off")])), 0);
    }
}
