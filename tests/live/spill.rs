//! Held-back transactions beyond spill.memory_bytes (rule 26).

use std::fs::OpenOptions;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use walstream::model::Kind;

use crate::on_each_major;
use crate::support::{Case, Host, Seen, Sql, wait_until};

fn prepare(case: &mut Case<'_>) -> Sql {
    let early = format!("ALTER DATABASE {} SET logical_decoding_work_mem = '64kB'", case.database);
    case.sql.each(&[&early, "CREATE TABLE t (id int PRIMARY KEY, v text)"]);
    case.publish();
    let mut writer = Sql::connect(&case.conninfo());
    writer.run("BEGIN");
    writer
}

fn fill(writer: &mut Sql) {
    writer.run("INSERT INTO t SELECT g, repeat(chr(65 + g % 26), 200) FROM generate_series(1, 10000) g");
}

/// This process's open files whose directory this is, or was.
fn open_in(dir: &Path) -> Vec<PathBuf> {
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path());
    let there = |path: &PathBuf| std::fs::read_link(path).is_ok_and(|target| target.starts_with(dir));
    descriptors.filter(there).collect()
}

fn check_rows(host: &Host) {
    check(&host.until(Kind::COMMIT));
}

fn check(events: &[Seen]) {
    let rows: Vec<_> = events.iter().filter(|e| e.is(Kind::INSERT)).collect();
    assert_eq!(rows.len(), 10_000);
    for (index, row) in rows.iter().enumerate() {
        let id = index + 1;
        assert_eq!(row.text(0), id.to_string());
        assert_eq!(row.seq, id as u64 + 1);
        assert!(row.text(1).len() == 200 && row.text(1).starts_with((b'A' + (id % 26) as u8) as char));
    }
}

on_each_major! {
    /// What exceeds the budget goes to unlinked files, and comes back in order.
    fn large_transactions_go_to_disk(case, from 14) {
        let mut writer = prepare(case);
        let dir = tempfile::tempdir().unwrap();
        let options = [("spill.memory_bytes", "256kB"), ("spill.dir", dir.path().to_str().unwrap()), ("queue.max_bytes", "64kB")];
        let host = case.stream(&options);
        fill(&mut writer);
        wait_until(Duration::from_secs(20), "it is spilled", || host.stats().spilled_bytes > 1 << 20);
        assert_eq!(host.stats().open_transactions, 1);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing that a killed process could leave");
        let files = open_in(dir.path());
        assert!(!files.is_empty());
        for file in files.iter().map(|path| std::fs::metadata(path).unwrap()) {
            assert_eq!((file.nlink(), file.mode() & 0o7777), (0, 0o600), "without a name, and for nobody else");
        }
        writer.run("COMMIT");
        check_rows(&host);
        assert_eq!(host.stats().spilled_bytes, 0);
    }

    /// A directory that cannot be written, and a budget that is exhausted: the server spills instead, nothing is lost.
    fn the_server_spills_when_we_cannot(case, from 14) {
        let mut writer = prepare(case);
        let failing = [("spill.dir", "/nowhere/at/all"), ("spill.max_bytes", "128kB")];
        for (key, value) in failing {
            let host = case.stream(&[("spill.memory_bytes", "256kB"), (key, value), ("retry.initial_ms", "10")]);
            fill(&mut writer);
            // The slot may be held for a moment by what was left: last_error is then that.
            wait_until(Duration::from_secs(20), "it is given up", || {
                host.log().iter().any(|line| line.contains(if key == "spill.dir" { value } else { key }))
            });
            writer.run("COMMIT");
            check_rows(&host);
            assert_eq!(host.stats().reconnects, 1);
            writer.each(&["TRUNCATE t", "BEGIN"]);
            host.until(Kind::COMMIT);
            host.ack(host.stats().delivered_lsn);
            host.stop(5000);
        }
    }

    /// A file that is damaged while it is read back: what is missing comes again, from the server's own spilling.
    fn what_cannot_be_read_back_comes_again(case, from 14) {
        let mut writer = prepare(case);
        let dir = tempfile::tempdir().unwrap();
        let options = [
            ("spill.memory_bytes", "256kB"), ("spill.dir", dir.path().to_str().unwrap()), ("queue.max_bytes", "64kB"), ("retry.initial_ms", "10"),
        ];
        let host = case.stream(&options);
        fill(&mut writer);
        writer.run("COMMIT");
        let mut events = host.until(Kind::INSERT);
        for file in open_in(dir.path()) {
            OpenOptions::new().write(true).open(file).unwrap().set_len(1 << 20).unwrap();
        }
        events.extend(host.until(Kind::COMMIT));
        check(&events);
        assert_eq!(host.stats().reconnects, 1);
        host.ack(host.stats().delivered_lsn);
        host.stop(5000);
    }

    /// A connection that is lost while a spilled transaction is handed out.
    fn lost_while_replaying(case, from 14) {
        let mut writer = prepare(case);
        let host = case.stream(&[("spill.memory_bytes", "256kB"), ("queue.max_bytes", "64kB"), ("retry.initial_ms", "10")]);
        fill(&mut writer);
        writer.run("COMMIT");
        let mut events = host.until(Kind::INSERT);
        let pid = case.walsender().expect("streaming");
        case.sql.run(&format!("SELECT pg_terminate_backend({pid})"));
        wait_until(Duration::from_secs(20), "the walsender is gone", || case.walsender() != Some(pid));
        events.extend(host.until(Kind::COMMIT));
        let ids: Vec<usize> = events.iter().filter(|e| e.is(Kind::INSERT)).map(|e| e.text(0).parse().unwrap()).collect();
        assert!(ids == (1..=10_000).collect::<Vec<_>>(), "{} rows", ids.len());
    }
}
