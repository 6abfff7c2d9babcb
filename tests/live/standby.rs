//! Decoding on a standby (PostgreSQL 16 and later), its restart and promotion, and failover slots (17): rules 13, 15.

use std::time::Duration;

use walstream::model::{Kind, State};

use crate::support::{Host, Proxy, Seen, Server, Sql, host::lsn, server, wait_until};

const SETTINGS: [&str; 4] = ["--set", "hot_standby_feedback=on", "--set", "wal_receiver_status_interval=1s"];

/// A primary with a database and a publication, and a standby that streams from it.
fn pair(major: u32) -> (Server, Server) {
    let mut arguments = SETTINGS.to_vec();
    let primary = Server::own(major, &arguments);
    let mut sql = Sql::connect(&primary.conninfo("postgres"));
    sql.each(&[
        "CREATE TABLE t (id int PRIMARY KEY, v text)",
        "CREATE PUBLICATION pub FOR ALL TABLES",
        "SELECT pg_create_physical_replication_slot('standby')",
    ]);
    drop(sql);
    primary.command("stop fast");
    let source =
        format!("primary_conninfo=host=127.0.0.1 port={} user=postgres dbname=postgres", primary.port());
    arguments.extend([
        "--clone",
        primary.fact("datadir"),
        "--standby",
        "--set",
        &source,
        "--set",
        "primary_slot_name=standby",
    ]);
    let standby = Server::own(major, &arguments);
    primary.command("start");
    let mut sql = Sql::connect(&primary.conninfo("postgres"));
    wait_until(Duration::from_secs(60), "the standby streams", || {
        sql.value("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == "1"
    });
    (primary, standby)
}

fn caught_up(primary: &mut Sql, standby: &mut Sql) {
    let at = lsn(&primary.value("SELECT pg_current_wal_insert_lsn()"));
    wait_until(Duration::from_secs(60), "the standby has replayed it", || {
        lsn(&standby.value("SELECT pg_last_wal_replay_lsn()")) >= at
    });
}

fn ids(events: &[Seen]) -> Vec<String> {
    events.iter().filter(|e| e.is(Kind::INSERT)).map(|e| e.text(0).to_owned()).collect()
}

/// A stream that decodes on a standby goes on over the standby's restart and its promotion.
fn promotion(major: u32) {
    if !server::majors().contains(&major) {
        return;
    }
    let (primary, standby) = pair(major);
    let mut on_primary = Sql::connect(&primary.conninfo("postgres"));
    let mut on_standby = Sql::connect(&standby.conninfo("postgres"));
    caught_up(&mut on_primary, &mut on_standby);
    let options = [
        ("slot", "ours"),
        ("publication", "pub"),
        ("slot.create", "if-missing"),
        ("retry.initial_ms", "20"),
        ("retry.max_ms", "200"),
    ];
    let host = Host::open(&standby.conninfo("postgres"), &options);
    // A slot on a standby waits for a snapshot from the primary.
    std::thread::scope(|scope| {
        let starting = scope.spawn(|| host.try_start(0));
        while !starting.is_finished() {
            on_primary.run("SELECT pg_log_standby_snapshot()");
            std::thread::sleep(Duration::from_millis(20));
        }
        starting.join().unwrap().unwrap();
    });
    on_primary.run("INSERT INTO t VALUES (1)");
    assert_eq!(ids(&host.until(Kind::COMMIT)), ["1"]);
    standby.command("restart fast");
    on_primary.run("INSERT INTO t VALUES (2)");
    assert_eq!(ids(&host.until(Kind::COMMIT)), ["2"], "after the standby's restart");
    let mut on_standby = Sql::connect(&standby.conninfo("postgres"));
    caught_up(&mut on_primary, &mut on_standby);
    primary.command("stop fast");
    standby.command("promote");
    wait_until(Duration::from_secs(60), "it is promoted", || {
        on_standby.value("SELECT pg_is_in_recovery()") == "f"
    });
    on_standby.run("INSERT INTO t VALUES (3)");
    let third = host.until(Kind::COMMIT);
    assert_eq!(ids(&third), ["3"], "after the promotion, on the new timeline");
    host.ack(third.last().unwrap().ack_lsn);
    // The promoted server never broke the connection, so the stream is beyond the switch without having heard of it.
    let pid = on_standby.value("SELECT active_pid FROM pg_replication_slots WHERE slot_name = 'ours'");
    on_standby.run(&format!("SELECT pg_terminate_backend({pid})"));
    on_standby.run("INSERT INTO t VALUES (4)");
    let fourth = host.until(Kind::COMMIT);
    assert_eq!(ids(&fourth), ["4"], "a reconnect to the same server");
    host.ack(fourth.last().unwrap().ack_lsn);
    assert!(host.position().contains(":2:"), "{}", host.position());
}

#[test]
fn promotion_16() {
    promotion(16);
}

#[test]
fn promotion_17() {
    promotion(17);
}

#[test]
fn promotion_18() {
    promotion(18);
}

/// A stream on the primary, through a line that can lead elsewhere, and its failover slot's copy on the standby.
struct Synchronised {
    primary: Server,
    standby: Server,
    on_primary: Sql,
    on_standby: Sql,
    proxy: Proxy,
    host: Host,
}

fn synchronised(major: u32, options: &[(&str, &str)]) -> Synchronised {
    let (primary, standby) = pair(major);
    let mut on_primary = Sql::connect(&primary.conninfo("postgres"));
    let proxy = Proxy::new(primary.port());
    let mut all = vec![
        ("slot", "ours"),
        ("publication", "pub"),
        ("slot.create", "if-missing"),
        ("slot.failover", "on"),
        ("retry.initial_ms", "20"),
        ("retry.max_ms", "200"),
    ];
    all.extend_from_slice(options);
    let host = Host::open(&proxy.conninfo(&primary.conninfo("postgres")), &all);
    host.start(0);
    on_primary.run("INSERT INTO t VALUES (1)");
    let first = host.until(Kind::COMMIT);
    host.ack(first.last().unwrap().ack_lsn);
    let mut on_standby = Sql::connect(&standby.conninfo("postgres"));
    wait_until(Duration::from_secs(60), "the slot is synchronised", || {
        on_primary.run("SELECT pg_log_standby_snapshot()");
        // What the slot synchronisation worker does, at once. Refused while the slot is ahead of what the standby has.
        let _ = on_standby.try_run("SELECT pg_sync_replication_slots()");
        on_standby.value(
            "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'ours' AND synced AND NOT temporary",
        ) == "1"
    });
    Synchronised { primary, standby, on_primary, on_standby, proxy, host }
}

impl Synchronised {
    fn primary_dies(&self) {
        self.proxy.refuse(true);
        self.proxy.cut();
        self.primary.command("stop immediate");
        self.proxy.lead_to(self.standby.port());
    }

    fn promote(&mut self) {
        self.standby.command("promote");
        wait_until(Duration::from_secs(60), "it is promoted", || {
            self.on_standby.value("SELECT pg_is_in_recovery()") == "f"
        });
    }
}

/// A failover slot: the stream goes over from the primary to the promoted standby behind the same address.
fn failover(major: u32) {
    if !server::majors().contains(&major) {
        return;
    }
    let mut pair = synchronised(major, &[]);
    pair.on_primary.run("INSERT INTO t VALUES (2)");
    let second = pair.host.until(Kind::COMMIT);
    caught_up(&mut pair.on_primary, &mut pair.on_standby);
    pair.primary_dies();
    // For a moment the address leads to a standby whose slot is still a copy.
    pair.proxy.refuse(false);
    wait_until(Duration::from_secs(30), "it is tried", || pair.host.is(State::WAITING_TO_RETRY));
    pair.promote();
    pair.on_standby.run("INSERT INTO t VALUES (3)");
    let third = pair.host.until(Kind::COMMIT);
    assert_eq!(
        (ids(&second), ids(&third)),
        (vec!["2".to_owned()], vec!["3".to_owned()]),
        "nothing lost, nothing twice"
    );
}

/// The primary was ahead of its standby, with nothing of the stream's, which confirmed that: to the new primary it must not.
fn failover_to_one_that_was_behind(major: u32) {
    if !server::majors().contains(&major) {
        return;
    }
    let mut pair = synchronised(major, &[("status_interval_ms", "100")]);
    caught_up(&mut pair.on_primary, &mut pair.on_standby);
    pair.standby.command("set primary_conninfo=");
    wait_until(Duration::from_secs(60), "the standby hears no more", || {
        pair.on_primary
            .value("SELECT count(*) FROM pg_stat_replication WHERE application_name = 'walreceiver'")
            == "0"
    });
    let behind = lsn(&pair.on_standby.value("SELECT pg_last_wal_receive_lsn()"));
    pair.on_primary.run("SELECT pg_logical_emit_message(true, '', repeat('x', 1000000))");
    let slot = "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = 'ours'";
    wait_until(Duration::from_secs(60), "the primary is told", || {
        lsn(&pair.on_primary.value(slot)) > behind + 1_000_000
    });
    pair.primary_dies();
    pair.promote();
    pair.proxy.refuse(false);
    wait_until(Duration::from_secs(60), "it streams again", || pair.host.stats().reconnects == 1);
    let position = pair.host.position();
    let [timeline, at] = [1, 2].map(|part| position.split(':').nth(part).unwrap());
    let written = lsn(&pair.on_standby.value("SELECT pg_current_wal_insert_lsn()"));
    assert!(timeline == "2" && lsn(at) <= written, "{position} is saved, {written:X} is written");
    for id in ["2", "3"] {
        pair.on_standby.run(&format!("INSERT INTO t VALUES ({id})"));
        let events = pair.host.until(Kind::COMMIT);
        assert_eq!(ids(&events), [id]);
        let end = events.last().unwrap().ack_lsn;
        pair.host.ack(end);
        wait_until(Duration::from_secs(60), "the new primary is told", || {
            lsn(&pair.on_standby.value(slot)) >= end
        });
        let confirmed = lsn(&pair.on_standby.value(slot));
        let written = lsn(&pair.on_standby.value("SELECT pg_current_wal_insert_lsn()"));
        assert!(confirmed <= written, "{confirmed} is confirmed, {written} is written");
        // What comes next must come, on the next connection.
        pair.proxy.refuse(true);
        pair.proxy.cut();
        pair.proxy.refuse(false);
    }
}

#[test]
fn failover_17() {
    failover(17);
}

#[test]
fn failover_18() {
    failover(18);
}

#[test]
fn failover_to_one_that_was_behind_17() {
    failover_to_one_that_was_behind(17);
}

#[test]
fn failover_to_one_that_was_behind_18() {
    failover_to_one_that_was_behind(18);
}
