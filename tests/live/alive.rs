//! Always alive, and letting go in time (rules 20 to 23).

use std::time::{Duration, Instant};

use walstream::model::{Code, Kind, State};

use crate::on_each_major;
use crate::support::{Case, Got, Proxy, Server, wait_until};

fn big_table(case: &mut Case<'_>) {
    case.sql.run("CREATE TABLE t (id int PRIMARY KEY, v text)");
    case.publish();
}

on_each_major! {
    /// Rules 20, 21: a host that reads nothing for 20 s keeps its connection at wal_sender_timeout=4s, in bounded memory.
    fn host_sleeps(case, from 14) {
        big_table(case);
        let timeout = format!("ALTER DATABASE {} SET wal_sender_timeout = '4s'", case.database);
        case.sql.run(&timeout);
        let host = case.stream(&[("queue.max_bytes", "1MB"), ("receive_timeout_ms", "4000"), ("streaming", "off")]);
        case.sql.run("INSERT INTO t SELECT g, repeat('x', 500) FROM generate_series(1, 40000) g");
        wait_until(Duration::from_secs(30), "the queue is full", || host.stats().queue_bytes > 700 << 10);
        let asleep = Instant::now();
        while asleep.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(500));
            let stats = host.stats();
            assert!(stats.queue_bytes <= 1 << 20, "{} bytes in the queue", stats.queue_bytes);
            assert_eq!((stats.reconnects, stats.state), (0, State::STREAMING as u32));
        }
        let rows = host.until(Kind::COMMIT).iter().filter(|e| e.is(Kind::INSERT)).count();
        assert_eq!((rows, host.stats().reconnects), (40_000, 0), "{:#?}", host.log());
        assert!(host.stats().stalled_us > 19_000_000);
    }

    /// A silent peer is noticed, and left.
    fn silence_means_reconnect(case, from 14) {
        big_table(case);
        let proxy = Proxy::new(case.server.port());
        let options = [("receive_timeout_ms", "2000"), ("retry.initial_ms", "10"), ("status_interval_ms", "100")];
        let host = case.host_at(&proxy.conninfo(&case.conninfo()), &options);
        host.start(0);
        case.sql.run("INSERT INTO t VALUES (1)");
        host.until(Kind::COMMIT);
        wait_until(Duration::from_secs(5), "an idle line is not a dead one", || host.stats().last_error == 0);
        proxy.stall(true);
        wait_until(Duration::from_secs(30), "the silence is noticed", || !host.is(State::STREAMING));
        proxy.cut();
        proxy.stall(false);
        case.sql.run("INSERT INTO t VALUES (2)");
        let events = host.until(Kind::COMMIT);
        assert_eq!(events.iter().find(|e| e.is(Kind::INSERT)).unwrap().text(0), "2");
        assert!(host.log().iter().any(|line| line.contains("nothing was heard")), "{:#?}", host.log());
    }

    /// Rule 23: a slot that another stream holds is waited for, as long as told.
    fn slot_is_held(case, from 14) {
        big_table(case);
        let first = case.stream(&[]);
        let started = Instant::now();
        let fault = case.host(&[("slot.wait_ms", "300")]).try_start(0).unwrap_err();
        assert!(fault.is(Code::E_SLOT_IN_USE) && started.elapsed() >= Duration::from_millis(300), "{fault:?}");
        let second = case.host(&[("slot.wait_ms", "20000")]);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| second.try_start(0));
            wait_until(Duration::from_secs(10), "the second one waits", || second.is(State::WAITING_TO_RETRY));
            first.stop(5000);
            assert_eq!(waiting.join().unwrap(), Ok(0));
        });
    }

    /// stop and free are bounded in the middle of a large transaction that nobody reads.
    fn stop_in_a_large_transaction(case, from 14) {
        big_table(case);
        case.sql.run("INSERT INTO t SELECT g, repeat('x', 1000) FROM generate_series(1, 100000) g");
        let host = case.stream(&[("queue.max_bytes", "64kB"), ("streaming", "off")]);
        host.until(Kind::INSERT);
        let started = Instant::now();
        let code = host.stop(300);
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
        assert!(code == Code::TIMEOUT as i32 || code == 0, "{code}");
        assert_eq!(host.next(Duration::ZERO), Got::End);
        let other = case.stream(&[("slot.wait_ms", "20000"), ("queue.max_bytes", "64kB"), ("streaming", "off")]);
        other.until(Kind::INSERT);
        let started = Instant::now();
        drop(other);
        assert!(started.elapsed() < Duration::from_secs(5), "free took {:?}", started.elapsed());
    }
}

/// Rule 22: the server stops in time, and the stream goes on when it is back.
fn shutdown(major: u32) {
    if !crate::support::server::majors().contains(&major) {
        return;
    }
    let server = Server::own(major, &["--set", "wal_sender_timeout=60s"]);
    let mut case = Case::new(&server);
    case.sql.run("CREATE TABLE t (id int PRIMARY KEY, v text)");
    case.publish();
    let host = case.stream(&[("retry.initial_ms", "20"), ("retry.max_ms", "200")]);
    case.sql.run("INSERT INTO t VALUES (1)");
    let first = host.until(Kind::COMMIT);
    host.ack(first.last().unwrap().ack_lsn);
    let idle = timed(|| server.command("stop fast"));
    // wal_sender_timeout is a minute: a server that waited for us would take as long.
    assert!(idle < Duration::from_secs(30), "stop took {idle:?} with everything acknowledged");
    server.command("start");
    case.sql = crate::support::Sql::connect(&case.conninfo());
    case.sql.run("INSERT INTO t VALUES (2)");
    let second = host.until(Kind::COMMIT);
    assert_eq!(second.iter().find(|e| e.is(Kind::INSERT)).unwrap().text(0), "2");
    let pending = timed(|| server.command("stop fast"));
    assert!(pending < Duration::from_secs(30), "stop took {pending:?} with a transaction unacknowledged");
    server.command("start");
    case.sql = crate::support::Sql::connect(&case.conninfo());
    host.ack(second.last().unwrap().ack_lsn);
    case.sql.run("INSERT INTO t VALUES (3)");
    let third = host.until(Kind::COMMIT);
    let ids: Vec<_> = third.iter().filter(|e| e.is(Kind::INSERT)).map(|e| e.text(0).to_owned()).collect();
    assert_eq!(ids, ["3"], "nothing twice");
    server.command("crash");
    server.command("start");
    case.sql = crate::support::Sql::connect(&case.conninfo());
    case.sql.run("INSERT INTO t VALUES (4)");
    let fourth = host.until(Kind::COMMIT);
    let ids: Vec<_> = fourth.iter().filter(|e| e.is(Kind::INSERT)).map(|e| e.text(0).to_owned()).collect();
    assert_eq!(ids, ["4"], "nothing twice after a crash, though nothing was acknowledged");
}

fn timed(action: impl FnOnce()) -> Duration {
    let started = Instant::now();
    action();
    started.elapsed()
}

/// Rule 22: nothing is pending, and nobody confirms where the server is. Some servers wait for that, and none may for long.
#[test]
fn shutdown_without_idle_advance() {
    for major in crate::support::server::majors() {
        let server = Server::own(major, &["--set", "wal_sender_timeout=60s"]);
        let mut case = Case::new(&server);
        case.sql.run("CREATE TABLE t (id int PRIMARY KEY, v text)");
        case.publish();
        let host = case.stream(&[("idle_advance", "off")]);
        case.sql.run("INSERT INTO t VALUES (1)");
        host.ack(host.until(Kind::COMMIT).last().unwrap().ack_lsn);
        case.sql.run("CREATE TABLE of_no_interest (a int)");
        let stopping = timed(|| server.command("stop fast"));
        assert!(stopping < Duration::from_secs(30), "PostgreSQL {major}: stop took {stopping:?}");
    }
}

#[test]
fn shutdown_14() {
    shutdown(14);
}

#[test]
fn shutdown_15() {
    shutdown(15);
}

#[test]
fn shutdown_16() {
    shutdown(16);
}

#[test]
fn shutdown_17() {
    shutdown(17);
}

#[test]
fn shutdown_18() {
    shutdown(18);
}
