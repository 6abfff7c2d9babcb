//! Physical streaming: the bytes, the positions, timelines, and what ends a stream.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::ptr::null_mut;
use std::time::{Duration, Instant};

use walstream::ffi::{walstream_ack_positions, walstream_hot_standby_feedback};
use walstream::lsn::Lsn;
use walstream::model::Code;
use walstream::model::event::Kind;

use crate::on_each_major;
use crate::support::host::lsn;
use crate::support::server::majors;
use crate::support::{Case, Got, Host, Proxy, Seen, Server, Sql, wait_until};

const LIMIT: Duration = Duration::from_secs(20);
const SEGMENT: u64 = 16 << 20;

/// The log as a host keeps it: by timeline and segment.
#[derive(Default)]
struct Archive {
    segments: BTreeMap<(u32, u64), Vec<u8>>,
    next: Option<u64>,
    timeline: u32,
}

impl Archive {
    fn take(&mut self, seen: &Seen) {
        if seen.is(Kind::TIMELINE) {
            assert!(seen.timeline > self.timeline);
            (self.timeline, self.next) = (seen.timeline, Some(seen.switch_lsn / SEGMENT * SEGMENT));
            return;
        }
        assert!(seen.is(Kind::WAL), "{}", seen.kind_name());
        let payload = seen.payload.as_deref().unwrap();
        if self.timeline != 0 {
            assert_eq!(seen.timeline, self.timeline);
        }
        self.timeline = seen.timeline;
        assert_eq!(seen.lsn, self.next.unwrap_or(seen.lsn), "chunks join");
        assert_eq!(seen.ack_lsn, seen.lsn + payload.len() as u64);
        self.next = Some(seen.ack_lsn);
        let mut at = seen.lsn;
        let mut rest = payload;
        while !rest.is_empty() {
            let room = (SEGMENT - at % SEGMENT) as usize;
            let (part, more) = rest.split_at(room.min(rest.len()));
            let segment = self.segments.entry((self.timeline, at / SEGMENT)).or_default();
            assert_eq!(segment.len() as u64, at % SEGMENT, "segments are filled from their start");
            segment.extend_from_slice(part);
            at += part.len() as u64;
            rest = more;
        }
    }

    /// Reads until all up to `to` has come.
    fn fill(&mut self, host: &Host, to: u64) {
        self.read(host, to);
        host.ack(self.next.unwrap());
    }

    /// Acknowledges nothing, so that a slot holds all of it.
    fn read(&mut self, host: &Host, to: u64) {
        while self.next.is_none_or(|next| next < to) {
            self.take(&host.event());
        }
    }

    /// Compares all complete segments with the server's files.
    fn check(&self, server: &Server) -> usize {
        let complete = self.segments.iter().filter(|(_, bytes)| bytes.len() as u64 == SEGMENT);
        let mut checked = 0;
        for ((timeline, number), bytes) in complete {
            let name = format!("{timeline:08X}{:08X}{:08X}", number / 256, number % 256);
            let path = PathBuf::from(server.fact("datadir")).join("pg_wal").join(&name);
            // A checkpoint may have removed it meanwhile.
            if let Ok(file) = std::fs::read(&path) {
                assert!(*bytes == file, "{name} differs");
                checked += 1;
            }
        }
        checked
    }
}

fn physical(server: &Server, options: &[(&str, &str)]) -> Host {
    physical_at(&server.conninfo("postgres"), options)
}

fn physical_at(conninfo: &str, options: &[(&str, &str)]) -> Host {
    let mut all = vec![("mode", "physical")];
    all.extend_from_slice(options);
    Host::open(conninfo, &all)
}

fn flushed(sql: &mut Sql) -> u64 {
    lsn(&sql.value("SELECT pg_current_wal_flush_lsn()"))
}

/// Finishes the current segment; where the next one begins. The position of somebody who comes between lies behind that.
fn switch(sql: &mut Sql) -> u64 {
    lsn(&sql.value("SELECT pg_switch_wal()")).div_ceil(SEGMENT) * SEGMENT
}

/// Some megabytes of log, and the end of the segment.
fn write_segment(sql: &mut Sql) -> u64 {
    sql.run("CREATE TABLE IF NOT EXISTS filler (t text)");
    sql.run("INSERT INTO filler SELECT repeat(md5(i::text), 30) FROM generate_series(1, 3000) i");
    sql.run("TRUNCATE filler");
    switch(sql)
}

/// A slot that holds back the log from here on: other tests make checkpoints, and nobody else keeps it.
fn holding<'a>(case: &'a mut Case<'_>) -> [(&'static str, &'a str); 1] {
    case.sql.run(&format!("SELECT pg_create_physical_replication_slot('{}', true)", case.slot()));
    [("slot", case.slot())]
}

/// To start where the slot stands, which a server of 14 does not tell.
fn held(case: &mut Case<'_>) -> u64 {
    match case.server.major() {
        14 => lsn(&case.slot_value("restart_lsn")) / SEGMENT * SEGMENT,
        _ => 0,
    }
}

fn ack_positions(host: &Host, write: u64, flush: u64, apply: u64) -> i32 {
    // SAFETY: as the header wants it.
    unsafe { walstream_ack_positions(host.stream, write, flush, apply, null_mut()) }
}

fn feedback(host: &Host, xmin: u32, catalog_xmin: u32) -> i32 {
    // SAFETY: as the header wants it.
    unsafe { walstream_hot_standby_feedback(host.stream, xmin, 0, catalog_xmin, 0, null_mut()) }
}

on_each_major! {
    fn segments_are_the_servers(case, from 14) {
        let server = case.server;
        let host = physical(server, &holding(case));
        host.start(held(case));
        let mut archive = Archive::default();
        let end = write_segment(&mut case.sql);
        let end = end.max(write_segment(&mut case.sql));
        archive.read(&host, end);
        assert!(archive.check(server) >= 2);
        // Others write, too.
        assert!(host.stats().received_lsn >= archive.next.unwrap());
        assert_eq!(host.stop(-1), 0);
    }

    fn a_lost_connection_is_not_seen(case, from 14) {
        let proxy = Proxy::new(case.server.port());
        let conninfo = proxy.conninfo(&case.server.conninfo("postgres"));
        let [slot] = holding(case);
        let host = physical_at(&conninfo, &[slot, ("retry.initial_ms", "10")]);
        host.start(held(case));
        let mut archive = Archive::default();
        for _ in 0..3 {
            proxy.cut_after(1_000_000);
            let end = write_segment(&mut case.sql);
            archive.read(&host, end);
        }
        assert!(archive.check(case.server) >= 3);
        assert!(host.stats().reconnects >= 3);
    }

    fn acknowledging_moves_the_slot(case, from 14) {
        let slot = case.slot().to_owned();
        let host = physical(case.server, &[("slot", &slot), ("slot.create", "if-missing")]);
        host.start(0);
        assert_eq!(case.slot_value("slot_type"), "physical");
        let first = lsn(&case.slot_value("restart_lsn"));
        case.sql.run("SELECT pg_logical_emit_message(false, '', 'x')");
        let target = flushed(&mut case.sql);
        let mut acked = 0;
        while acked < target {
            let seen = host.event();
            acked = seen.ack_lsn;
            let fault = host.try_ack(acked + 1).unwrap_err();
            assert!(fault.is(Code::E_ACK_AHEAD), "{fault:?}");
            host.ack(acked);
        }
        assert!(acked > first);
        wait_until(LIMIT, "the slot follows", || lsn(&case.slot_value("restart_lsn")) >= target);
        assert_eq!(host.stop(-1), 0);
        // From the slot's position on, at its segment's start; the slot does not go back. A server of 14 does not tell a slot's position,
        // and skipping what the slot holds would be a loss.
        let again = physical(case.server, &[("slot", &slot), ("slot.create", "if-missing")]);
        let begin = lsn(&case.slot_value("restart_lsn")) / SEGMENT * SEGMENT;
        if case.server.major() == 14 {
            let fault = again.try_start(0).unwrap_err();
            assert!(fault.is(Code::E_UNSUPPORTED), "{fault:?}");
            again.start(begin);
        } else {
            again.start(0);
            assert!(lsn(&case.slot_value("restart_lsn")) >= target);
        }
        assert_eq!(again.event().lsn, begin);
    }

    fn a_temporary_slot_ends_with_its_stream(case, from 14) {
        let slot = case.slot().to_owned();
        let host = physical(case.server, &[("slot", &slot), ("slot.create", "temporary")]);
        host.start(0);
        assert_eq!(case.slot_value("temporary"), "t");
        assert_eq!(host.stop(-1), 0);
        let count = format!("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '{slot}'");
        wait_until(LIMIT, "the slot is gone", || case.sql.value(&count) == "0");
    }

    fn the_server_hears_all_three_positions(case, from 14) {
        let name = case.slot().to_owned();
        let conninfo = format!("{} application_name={name}", case.server.conninfo("postgres"));
        let host = physical_at(&conninfo, &holding(case));
        let start = held(case);
        host.start(start);
        case.sql.run("SELECT pg_logical_emit_message(false, '', 'x')");
        let target = flushed(&mut case.sql);
        let mut seen = host.event();
        while seen.ack_lsn < target {
            seen = host.event();
        }
        let sql = format!(
            "SELECT coalesce(write_lsn, '0/0'), coalesce(flush_lsn, '0/0'), coalesce(replay_lsn, '0/0') \
             FROM pg_stat_replication WHERE application_name = '{name}'");
        let heard = format!("SELECT reply_time IS NOT NULL FROM pg_stat_replication WHERE application_name = '{name}'");
        wait_until(LIMIT, "a status arrives", || case.sql.value(&heard) == "t");
        let mut positions = || -> Vec<u64> {
            case.sql.rows(&sql)[0].iter().map(|text| lsn(text.as_deref().unwrap())).collect()
        };
        assert_eq!(positions(), [start, start, 0], "nothing is told that the host did not say");
        assert_eq!(ack_positions(&host, target, target - 8, target - 16), 0);
        wait_until(LIMIT, "all three arrive", || positions() == [target, target - 8, target - 16]);
        host.ack(target);
        wait_until(LIMIT, "flushed is written", || positions() == [target, target, target - 16]);
        assert_eq!(ack_positions(&host, target, target, target), 0);
        wait_until(LIMIT, "applied", || positions() == [target; 3]);
        assert_eq!(ack_positions(&host, target + SEGMENT, 0, 0), Code::E_ACK_AHEAD as i32);
        assert_eq!(ack_positions(&host, 0, 0, target + SEGMENT), Code::E_ACK_AHEAD as i32);
    }

    fn vacuum_waits_for_hot_standby_feedback(case, from 14) {
        let slot = case.slot().to_owned();
        let options = [("slot", slot.as_str()), ("slot.create", "if-missing")];
        let proxy = Proxy::new(case.server.port());
        let conninfo = proxy.conninfo(&case.server.conninfo("postgres"));
        let host = physical_at(&conninfo, &[options[0], options[1], ("retry.initial_ms", "10")]);
        assert_eq!(feedback(&host, 3, 0), Code::E_STATE as i32, "before start");
        host.start(0);
        let xid: u32 = case.sql.value("SELECT pg_current_xact_id()::text").parse().unwrap();
        assert_eq!(case.slot_value("xmin"), "");
        assert_eq!(feedback(&host, xid - 1, 0), 0);
        wait_until(LIMIT, "xmin arrives", || case.slot_value("xmin") == (xid - 1).to_string());
        assert_eq!(feedback(&host, xid, xid - 1), 0);
        wait_until(LIMIT, "xmin moves", || case.slot_value("xmin") == xid.to_string());
        assert_eq!(case.slot_value("catalog_xmin"), (xid - 1).to_string());
        proxy.cut();
        wait_until(LIMIT, "it streams again", || host.stats().reconnects == 1);
        assert_eq!(case.slot_value("xmin"), xid.to_string());
        assert_eq!(host.stop(-1), 0);
        wait_until(LIMIT, "xmin is taken back", || case.slot_value("xmin").is_empty());
        assert_eq!(case.slot_value("catalog_xmin"), "");
    }

    fn stop_lsn_is_exact(case, from 14) {
        let server = case.server;
        let slot = case.slot().to_owned();
        holding(case);
        case.sql.run("SELECT pg_logical_emit_message(false, '', repeat('x', 300000))");
        let start = flushed(&mut case.sql) / SEGMENT * SEGMENT;
        case.sql.run("SELECT pg_logical_emit_message(false, '', repeat('x', 300000))");
        let stop = Lsn(start + 200_001).to_string();
        let host = physical(server, &[("slot", &slot), ("stop_lsn", &stop)]);
        host.start(start);
        let mut archive = Archive::default();
        loop {
            match host.next(LIMIT) {
                Got::Event(seen) => {
                    archive.take(&seen);
                    host.ack(seen.ack_lsn);
                }
                Got::End => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(archive.next, Some(start + 200_001));
    }

    fn what_has_no_way_on(case, from 14) {
        let fails = |options: &[(&str, &str)], start: u64| {
            physical(case.server, options).try_start(start).map(|_| ()).unwrap_err()
        };
        let fault = fails(&[("slot", "no_such_slot")], SEGMENT);
        assert!(fault.is(Code::E_SLOT_MISSING), "{fault:?}");
        let fault = fails(&[], 0xFFFF_0000_0000_0000);
        assert!(fault.is(Code::E_GAP), "{fault:?}");
        let fault = fails(&[("timeline", "7")], 0);
        assert!(fault.is(Code::E_GAP) && fault.message.contains("timeline 7"), "{fault:?}");
        let fault = fails(&[("start.position", "1:1:0/1000000")], 0);
        assert!(fault.is(Code::E_WRONG_SYSTEM), "{fault:?}");
        let host = physical(case.server, &[]);
        // Such a segment is never kept. The server may say so before or after its COPY has begun.
        let fault = host.try_start(1).map_or_else(|fault| fault, |_| host.failure());
        assert!(fault.is(Code::E_GAP) && fault.sqlstate == "58P01", "{fault:?}");
        case.publish();
        let logical = case.host(&[]);
        logical.start(0);
        assert_eq!(ack_positions(&logical, 1, 1, 1), Code::E_STATE as i32);
        assert_eq!(feedback(&logical, 3, 3), Code::E_STATE as i32);
    }
}

fn newest() -> u32 {
    *majors().last().unwrap()
}

/// A server of its own, restarted as a standby that can be promoted.
fn make_standby(server: &Server) {
    server.command("stop fast");
    std::fs::File::create(format!("{}/standby.signal", server.fact("datadir"))).unwrap();
    server.command("start");
}

fn promote(server: &Server) -> Sql {
    server.command("promote");
    let mut sql = Sql::connect(&server.conninfo("postgres"));
    wait_until(LIMIT, "the standby is promoted", || sql.value("SELECT pg_is_in_recovery()") == "f");
    sql
}

#[test]
fn a_promotion_in_mid_stream_is_followed() {
    for major in majors() {
        let server = Server::own(major, &["--set", "wal_keep_size=1GB"]);
        let start = flushed(&mut Sql::connect(&server.conninfo("postgres"))) / SEGMENT * SEGMENT;
        make_standby(&server);
        let host = physical(&server, &[]);
        host.start(start);
        let mut archive = Archive::default();
        archive.fill(&host, start + 1);
        let mut sql = promote(&server);
        let end = write_segment(&mut sql);
        let mut switch = None;
        while archive.next.is_none_or(|next| next < end) {
            let seen = host.event();
            archive.take(&seen);
            if seen.is(Kind::TIMELINE) {
                switch = Some(seen);
            } else {
                host.ack(seen.ack_lsn);
            }
        }
        let switch = switch.expect("a TIMELINE");
        assert_eq!((switch.old_timeline, switch.timeline), (1, 2));
        assert_eq!(switch.name.as_deref(), Some("00000002.history"));
        let path = format!("{}/pg_wal/00000002.history", server.fact("datadir"));
        assert_eq!(switch.payload.unwrap(), std::fs::read(path).unwrap());
        assert!(archive.check(&server) >= 1);
        assert!(archive.segments.keys().any(|(timeline, _)| *timeline == 1));
        let position = host.position();
        assert_eq!(position.split(':').nth(1), Some("2"));
        assert_eq!(host.stats().reconnects, 0, "PostgreSQL {major}: all on one connection");

        // A later process finds its way from a position of before, and from a bare LSN.
        drop(host);
        let system = position.split(':').next().unwrap();
        let saved = format!("{system}:1:{}", Lsn(start));
        for options in [&[("start.position", saved.as_str())][..], &[]] {
            let host = physical(&server, options);
            host.start(if options.is_empty() { start } else { 0 });
            let mut archive = Archive::default();
            archive.fill(&host, end);
            assert_eq!(archive.timeline, 2);
            assert!(archive.check(&server) >= 1);
        }
        // Beyond the switch on the old timeline: what lies there is void.
        let beyond = switch.switch_lsn + 1000;
        let saved = format!("{system}:1:{}", Lsn(beyond));
        let host = physical(&server, &[("start.position", &saved)]);
        host.start(0);
        let seen = host.event();
        assert!(seen.is(Kind::TIMELINE));
        assert_eq!(seen.switch_lsn, switch.switch_lsn);
        assert_eq!(host.event().lsn, switch.switch_lsn / SEGMENT * SEGMENT);
    }
}

#[test]
fn a_sleeping_host_keeps_its_walsender() {
    let server = Server::own(newest(), &["--set", "wal_sender_timeout=10s"]);
    let mut sql = Sql::connect(&server.conninfo("postgres"));
    let host = physical(&server, &[("queue.max_bytes", "64kB"), ("receive_timeout_ms", "10000")]);
    host.start(0);
    for _ in 0..3 {
        write_segment(&mut sql);
    }
    let end = flushed(&mut sql);
    let started = Instant::now();
    wait_until(LIMIT, "several timeouts", || started.elapsed() > Duration::from_secs(25));
    assert!(host.stats().queue_bytes < 1 << 20, "{}", host.stats().queue_bytes);
    let mut archive = Archive::default();
    archive.fill(&host, end);
    assert_eq!(host.stats().reconnects, 0, "{:?}", host.log());
}

#[test]
fn a_server_can_stop_and_come_back() {
    let server = Server::own(newest(), &["--set", "wal_keep_size=1GB"]);
    let host = physical(&server, &[("retry.initial_ms", "20"), ("retry.max_ms", "200")]);
    host.start(0);
    let mut archive = Archive::default();
    let mut sql = Sql::connect(&server.conninfo("postgres"));
    let end = write_segment(&mut sql);
    archive.fill(&host, end);
    std::thread::scope(|scope| {
        let stopping = scope.spawn(|| {
            let started = Instant::now();
            server.command("stop fast");
            started.elapsed()
        });
        while !stopping.is_finished() {
            if let Got::Event(seen) = host.next(Duration::from_millis(20)) {
                archive.take(&seen);
                host.ack(seen.ack_lsn);
            }
        }
        // wal_sender_timeout is a minute: a server that waited for us would take as long.
        assert!(stopping.join().unwrap() < Duration::from_secs(30));
    });
    server.command("start");
    let mut sql = Sql::connect(&server.conninfo("postgres"));
    let end = write_segment(&mut sql);
    archive.fill(&host, end);
    assert!(archive.check(&server) >= 2);
}

#[test]
fn a_stopping_server_does_not_wait_for_a_host_that_acknowledges_nothing() {
    let server = Server::own(newest(), &[]);
    let host = physical(&server, &[("retry.initial_ms", "20"), ("retry.max_ms", "200")]);
    host.start(0);
    let seen = host.event();
    let started = Instant::now();
    server.command("stop fast");
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    server.command("start");
    let mut archive = Archive::default();
    archive.take(&seen);
    let end = write_segment(&mut Sql::connect(&server.conninfo("postgres")));
    archive.fill(&host, end);
}

/// A standby of this name that commits wait for.
#[test]
fn commits_wait_for_a_synchronous_host() {
    let server = Server::own(newest(), &["--set", "synchronous_standby_names=us"]);
    let mut sql = Sql::connect(&server.conninfo("postgres"));
    sql.run("SET synchronous_commit = local; CREATE TABLE t (a int)");
    let host = physical_at(&format!("{} application_name=us", server.conninfo("postgres")), &[]);
    host.start(0);
    let mut archive = Archive::default();
    archive.fill(&host, flushed(&mut sql));
    for (level, index) in [("remote_write", 0), ("on", 1), ("remote_apply", 2)] {
        let sync = "SELECT sync_state FROM pg_stat_replication WHERE application_name = 'us'";
        wait_until(LIMIT, "we are synchronous", || sql.value(sync) == "sync");
        std::thread::scope(|scope| {
            let conninfo = server.conninfo("postgres");
            let committing = scope.spawn(move || {
                let mut other = Sql::connect(&conninfo);
                other.run(&format!("SET synchronous_commit = {level}"));
                other.run("INSERT INTO t VALUES (1)");
            });
            let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'";
            wait_until(LIMIT, "the commit waits", || sql.value(waits) == "1");
            let target = flushed(&mut sql);
            let mut at = archive.next.unwrap();
            while at < target {
                let seen = host.event();
                archive.take(&seen);
                at = seen.ack_lsn;
            }
            assert_eq!(sql.value(waits), "1", "{level}: received is not enough");
            let mut positions = [0; 3];
            positions[index] = at;
            assert_eq!(ack_positions(&host, positions[0], positions[1], positions[2]), 0);
            committing.join().unwrap();
        });
        host.ack(archive.next.unwrap());
    }
}
