//! Another timeline in mid-stream, of a standby that was behind: what is void is neither confirmed nor saved.

use std::time::Duration;

use walstream::lsn::Lsn;
use walstream::model::Code;
use walstream::model::event::Kind;

use crate::on_each_major;
use crate::support::host::lsn;
use crate::support::server::majors;
use crate::support::{Host, Proxy, Seen, Server, Sql, wait_until};

const LIMIT: Duration = Duration::from_secs(20);
const SEGMENT: u64 = 16 << 20;

fn flushed(sql: &mut Sql) -> u64 {
    lsn(&sql.value("SELECT pg_current_wal_flush_lsn()"))
}

/// Where it ends.
fn write(sql: &mut Sql, bytes: u32) -> u64 {
    sql.run(&format!("SELECT pg_logical_emit_message(true, '', repeat('x', {bytes}))"));
    flushed(sql)
}

/// The last event up to `end`.
fn read_to(host: &Host, end: u64, mut each: impl FnMut(&Seen)) -> Seen {
    loop {
        let seen = host.event();
        each(&seen);
        if seen.ack_lsn >= end {
            return seen;
        }
    }
}

/// The timeline and the LSN of a saved position.
fn parts(position: &str) -> (&str, u64) {
    let parts: Vec<_> = position.split(':').collect();
    (parts[1], lsn(parts[2]))
}

/// The flush position that comes with an update yet to come.
fn told(sql: &mut Sql) -> u64 {
    let seen = sql.value("SELECT max(reply_time) FROM pg_stat_replication");
    let later = format!("SELECT count(*) FROM pg_stat_replication WHERE reply_time > '{seen}'");
    wait_until(LIMIT, "an update", || sql.value(&later) == "1");
    lsn(&sql.value("SELECT max(flush_lsn) FROM pg_stat_replication"))
}

#[test]
fn a_standby_that_was_behind() {
    for major in majors() {
        let primary = Server::own(major, &[]);
        primary.command("stop fast");
        // It never hears of what the primary writes from here on.
        let standby = Server::own(major, &["--clone", primary.fact("datadir"), "--standby"]);
        primary.command("start");
        let proxy = Proxy::new(primary.port());
        let options = [
            ("mode", "physical"),
            ("retry.initial_ms", "20"),
            ("retry.max_ms", "100"),
            ("status_interval_ms", "100"),
        ];
        let host = Host::open(&proxy.conninfo(&primary.conninfo("postgres")), &options);
        let mut sql = Sql::connect(&primary.conninfo("postgres"));
        host.start(flushed(&mut sql) / SEGMENT * SEGMENT);
        let end = write(&mut sql, 200_000);
        let old = read_to(&host, end, |seen| host.ack(seen.ack_lsn)).ack_lsn;
        proxy.refuse(true);
        proxy.cut();
        primary.command("stop immediate");
        standby.command("promote");
        let mut sql = Sql::connect(&standby.conninfo("postgres"));
        wait_until(LIMIT, "it is promoted", || sql.value("SELECT pg_is_in_recovery()") == "f");
        proxy.lead_to(standby.port());
        proxy.refuse(false);

        // More than the old timeline ever had, and the host has not looked yet.
        let end = write(&mut sql, 400_000);
        assert!(end > old);
        let received = || host.stats().received_lsn >= end;
        wait_until(LIMIT, "the new timeline is received", received);
        let confirmed = told(&mut sql);
        let position = host.position();
        assert_eq!(parts(&position), ("1", old), "the host knows of nothing else");

        let switch = host.event();
        assert!(switch.is(Kind::TIMELINE) && switch.switch_lsn < old, "{switch:?}");
        assert!(
            confirmed <= switch.switch_lsn,
            "PostgreSQL {major}: {confirmed:X} of the new timeline is confirmed"
        );
        let position = host.position();
        assert!(matches!(parts(&position), ("2", at) if at <= switch.switch_lsn), "{position}");
        let fault = host.try_ack(old).unwrap_err();
        assert!(fault.is(Code::E_ACK_AHEAD), "what the old timeline had is void: {fault:?}");
        let last = read_to(&host, end, |_| ()).ack_lsn;
        assert!(told(&mut sql) <= switch.switch_lsn, "nothing was acknowledged");

        // A later process hears of the switch again.
        let later =
            Host::open(&standby.conninfo("postgres"), &[("mode", "physical"), ("start.position", &position)]);
        later.start(0);
        let mut timelines = 0;
        read_to(&later, end, |seen| timelines += u32::from(seen.is(Kind::TIMELINE)));
        assert_eq!(timelines, 1);
        drop(later);

        host.ack(last);
        assert_eq!(parts(&host.position()), ("2", last));
        wait_until(LIMIT, "the acknowledgement counts", || told(&mut sql) >= last);
    }
}

on_each_major! {
    /// The first try comes as far as the slot, and no further.
    fn a_start_that_waited_may_be_acknowledged(case, from 14) {
        let slot = case.slot().to_owned();
        let options = [("mode", "physical"), ("slot", slot.as_str())];
        let reader = Host::open(&case.conninfo(), &[&options[..], &[("slot.create", "if-missing")]].concat());
        reader.start(0);
        let start = Lsn(flushed(&mut case.sql) / SEGMENT * SEGMENT);
        let waiter = Host::open(&case.conninfo(), &options);
        std::thread::scope(|scope| {
            let starting = scope.spawn(|| waiter.start(start.0));
            wait_until(LIMIT, "it waits", || waiter.log().iter().any(|line| line.contains("active for PID")));
            reader.stop(1000);
            starting.join().unwrap();
        });
        waiter.ack(start.0);
    }
}
