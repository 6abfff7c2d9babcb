//! The examples in C, compiled and run: a server starts from what they kept.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::host::lsn;
use crate::support::server::majors;
use crate::support::{Server, Sql, wait_until};

const LIMIT: Duration = Duration::from_secs(60);
const SEGMENT: u64 = 16 << 20;

/// The compiled examples, and beside them the library that the tests were linked with, under its SONAME.
fn programs() -> &'static Path {
    static BUILT: OnceLock<tempfile::TempDir> = OnceLock::new();
    let dir = BUILT.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let deps = std::env::current_exe().unwrap().parent().unwrap().to_owned();
        let library = deps.join("libwalstream.so");
        std::os::unix::fs::symlink(&library, dir.path().join("libwalstream.so.0")).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let include = Command::new("pg_config").arg("--includedir").output().unwrap().stdout;
        let examples = root.join("c-examples");
        for sources in [
            &["receivewal", "archive"][..],
            &["basebackup", "untar", "sync_tree"],
            &["copy_then_stream"],
            &["../tests/physical/unpack", "untar"],
        ] {
            let files = sources.iter().map(|source| examples.join(source).with_extension("c"));
            let status = Command::new("cc")
                .args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g", "-I"])
                .arg(root.join("include"))
                .arg("-I")
                .arg(&examples)
                .arg("-I")
                .arg(String::from_utf8(include.clone()).unwrap().trim())
                .args(files)
                .arg("-o")
                .arg(dir.path().join(Path::new(sources[0]).file_name().unwrap()))
                .arg(&library)
                .arg("-lpq")
                .status()
                .unwrap();
            assert!(status.success(), "{sources:?} compiles");
        }
        dir
    });
    dir.path()
}

fn program(name: &str) -> Command {
    let mut command = Command::new(programs().join(name));
    command.env("LD_LIBRARY_PATH", programs());
    command
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What it says when it refuses.
fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{command:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// A process that ends with its test.
struct Running(Child);

impl Running {
    fn new(command: &mut Command) -> Running {
        Running(command.stdout(Stdio::piped()).spawn().unwrap())
    }

    /// As Ctrl-C does.
    fn interrupt(mut self) {
        // SAFETY: a child of ours that was not waited for.
        unsafe { libc::kill(self.0.id() as i32, libc::SIGINT) };
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn flushed(sql: &mut Sql) -> u64 {
    lsn(&sql.value("SELECT pg_current_wal_flush_lsn()"))
}

fn segment(timeline: u32, lsn: u64) -> String {
    let number = lsn / SEGMENT;
    format!("{timeline:08X}{:08X}{:08X}", number / 256, number % 256)
}

fn sums(sql: &mut Sql) -> String {
    sql.value("SELECT count(*) || ' ' || md5(string_agg(t::text, '' ORDER BY i)) FROM t")
}

fn own_by_server(server: &Server, path: &Path) {
    run(Command::new("chown").args(["-R", "--reference", server.fact("datadir")]).arg(path));
}

/// A directory under /tmp that the server's user can reach.
fn directory() -> tempfile::TempDir {
    let dir = tempfile::Builder::new().prefix("wse").tempdir_in("/tmp").unwrap();
    run(Command::new("chmod").arg("755").arg(dir.path()));
    dir
}

/// The backup, the log behind it, the server that comes of both.
#[test]
fn a_backup_and_its_archive_make_a_server() {
    for major in majors() {
        let dir = directory();
        let (data, archive) = (dir.path().join("data"), dir.path().join("archive"));
        std::fs::create_dir(&archive).unwrap();
        let server = Server::own(major, &["--set", "wal_keep_size=1GB"]);
        let conninfo = server.conninfo("postgres");
        let mut sql = Sql::connect(&conninfo);
        let tablespace = dir.path().join("tablespace");
        std::fs::create_dir(&tablespace).unwrap();
        own_by_server(&server, &tablespace);
        sql.run(&format!("CREATE TABLESPACE s LOCATION '{}'", tablespace.display()));
        sql.run("CREATE TABLE t TABLESPACE s AS SELECT i, md5(i::text) m FROM generate_series(1, 5000) i");
        let receive = || {
            let mut command = program("receivewal");
            command.arg(&conninfo).arg(&archive).args(["slot=receivewal", "slot.create=if-missing"]);
            Running::new(&mut command)
        };
        let receiving = receive();
        let slots = "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'receivewal' AND active";
        wait_until(LIMIT, "receivewal streams", || sql.value(slots) == "1");
        let first = sql.value("SELECT pg_walfile_name(restart_lsn) FROM pg_replication_slots");

        let said = run(program("basebackup").arg(&conninfo).arg(&data).arg("backup.checkpoint=fast"));
        assert!(said.starts_with("starts at ") && said.contains("ends at "), "{said}");
        crate::backup::verify(major, &data);

        sql.run("INSERT INTO t SELECT i, md5(i::text) FROM generate_series(5001, 20000) i");
        sql.run("SELECT pg_switch_wal()");
        receiving.interrupt();
        sql.run("INSERT INTO t SELECT i, md5(i::text) FROM generate_series(20001, 30000) i");
        // What the server writes by itself may lie behind it at once.
        let end = lsn(&sql.value("SELECT pg_switch_wal()"));
        let last = segment(1, end - 1);
        let receiving = receive();
        wait_until(LIMIT, "all of it is archived", || archive.join(&last).exists());
        // What is complete is durable, and was acknowledged.
        let confirmed = "SELECT restart_lsn FROM pg_replication_slots WHERE slot_name = 'receivewal'";
        wait_until(LIMIT, "the slot follows", || lsn(&sql.value(confirmed)) >= end - SEGMENT);
        let expected = sums(&mut sql);

        let mut at = lsn_of(&first);
        while at < end / SEGMENT * SEGMENT {
            let name = segment(1, at);
            let ours = std::fs::read(archive.join(&name)).unwrap();
            let theirs = Path::new(server.fact("datadir")).join("pg_wal").join(&name);
            assert!(ours == std::fs::read(theirs).unwrap(), "{name}");
            at += SEGMENT;
        }
        drop(receiving);

        std::fs::File::create(data.join("recovery.signal")).unwrap();
        own_by_server(&server, dir.path());
        let oid = sql.value("SELECT oid FROM pg_tablespace WHERE spcname = 's'");
        let link = std::fs::read_link(data.join("pg_tblspc").join(&oid)).unwrap();
        assert_eq!(link, dir.path().join("data.tablespaces").join(oid));
        let restore = format!("restore_command=cp {}/%f %p", archive.display());
        let options = ["--clone", data.to_str().unwrap(), "--set", &restore];
        let copy = Server::own(major, &options);
        let mut copied = Sql::connect(&copy.conninfo("postgres"));
        wait_until(LIMIT, "recovery ends", || copied.value("SELECT pg_is_in_recovery()") == "f");
        assert_eq!(sums(&mut copied), expected, "PostgreSQL {major}");
    }
}

fn lsn_of(segment: &str) -> u64 {
    let part = |range: std::ops::Range<usize>| u64::from_str_radix(&segment[range], 16).unwrap();
    (part(8..16) * 256 + part(16..24)) * SEGMENT
}

#[test]
fn a_promotion_is_archived() {
    majors().into_iter().for_each(promotion_on);
}

fn promotion_on(major: u32) {
    let dir = directory();
    let archive = dir.path().join("archive");
    std::fs::create_dir(&archive).unwrap();
    // A standby of a real primary, promoted in mid-stream.
    let primary = Server::own(major, &["--set", "wal_keep_size=1GB"]);
    let data = dir.path().join("data");
    run(program("basebackup").arg(primary.conninfo("postgres")).arg(&data).arg("backup.checkpoint=fast"));
    own_by_server(&primary, dir.path());
    let source = format!("primary_conninfo=host=127.0.0.1 port={} user=postgres", primary.fact("port"));
    let standby = Server::own(
        major,
        &["--clone", data.to_str().unwrap(), "--standby", "--set", &source, "--set", "wal_keep_size=1GB"],
    );
    let mut receiving = Running::new(program("receivewal").arg(standby.conninfo("postgres")).arg(&archive));
    let mut lines = BufReader::new(receiving.0.stdout.take().unwrap()).lines();
    let mut sql = Sql::connect(&primary.conninfo("postgres"));
    sql.run("CREATE TABLE t AS SELECT i FROM generate_series(1, 10000) i");
    let written = flushed(&mut sql);
    let mut there = Sql::connect(&standby.conninfo("postgres"));
    wait_until(LIMIT, "the standby has it", || {
        lsn(&there.value("SELECT pg_last_wal_replay_lsn()")) >= written
    });
    wait_until(LIMIT, "it is archived so far", || {
        archive.join(format!("{}.partial", segment(1, written))).exists()
    });
    standby.command("promote");
    assert_eq!(lines.next().unwrap().unwrap(), "timeline 2 begins");
    wait_until(LIMIT, "the standby is promoted", || there.value("SELECT pg_is_in_recovery()") == "f");
    there.run("INSERT INTO t SELECT 1");
    let complete = segment(2, lsn(&there.value("SELECT pg_switch_wal()")) - 1);
    wait_until(LIMIT, "the new timeline is archived", || archive.join(&complete).exists());
    let pg_wal = PathBuf::from(standby.fact("datadir")).join("pg_wal");
    for name in [complete.as_str(), "00000002.history"] {
        assert!(
            std::fs::read(archive.join(name)).unwrap() == std::fs::read(pg_wal.join(name)).unwrap(),
            "{name}"
        );
    }
    receiving.0.stdout = None;
    receiving.interrupt();
}

/// The server sends the open segment again: should it die in the middle, nobody else has what was acknowledged.
#[test]
fn a_restart_keeps_what_is_archived() {
    let server = Server::own(*majors().last().unwrap(), &[]);
    let archive = directory();
    let receive = |end: u64| {
        let stop = format!("stop_lsn={:X}/{:X}", end >> 32, end as u32);
        run(program("receivewal").arg(server.conninfo("postgres")).arg(archive.path()).arg(stop));
    };
    let mut sql = Sql::connect(&server.conninfo("postgres"));
    sql.run("CREATE TABLE t AS SELECT generate_series(1, 10000)");
    let end = flushed(&mut sql);
    receive(end);
    let partial = archive.path().join(segment(1, end) + ".partial");
    let kept = std::fs::read(&partial).unwrap();
    assert_eq!(kept.len() as u64, end % SEGMENT);
    receive(end - end % SEGMENT + 8192);
    assert!(std::fs::read(&partial).unwrap() == kept);
}

/// It hangs in the third segment, with more to read: the first two are acknowledged.
#[test]
fn a_segment_is_acknowledged_while_more_is_to_come() {
    let server = Server::own(*majors().last().unwrap(), &[]);
    let (archive, conninfo) = (directory(), server.conninfo("postgres"));
    let mut sql = Sql::connect(&conninfo);
    // From the start of a segment the server's chunks end with segments.
    let switch = "SELECT pg_create_restore_point('p'); SELECT pg_switch_wal()";
    sql.run(switch);
    let third = flushed(&mut sql) / SEGMENT * SEGMENT + 2 * SEGMENT;
    let mut command = program("receivewal");
    command.arg(&conninfo).arg(archive.path()).args(["slot=s", "slot.create=if-missing"]);
    let _receiving = Running::new(&mut command);
    let active = "SELECT count(*) FROM pg_replication_slots WHERE active";
    wait_until(LIMIT, "receivewal streams", || sql.value(active) == "1");
    // Nobody reads from it.
    run(Command::new("mkfifo").arg(archive.path().join(segment(1, third) + ".partial")));
    (0..3).for_each(|_| sql.run(switch));
    let confirmed = "SELECT restart_lsn FROM pg_replication_slots";
    wait_until(LIMIT, "two segments are acknowledged", || lsn(&sql.value(confirmed)) == third);
}

/// As physical replication needs no database, so does the archive.
#[test]
fn a_role_that_may_only_replicate_archives() {
    let rules = ["host replication r 127.0.0.1/32 trust", "host all r 127.0.0.1/32 reject"];
    let server = Server::own(*majors().last().unwrap(), &["--hba", rules[0], "--hba", rules[1]]);
    let archive = directory();
    let mut sql = Sql::connect(&server.conninfo("postgres"));
    sql.run("CREATE ROLE r REPLICATION LOGIN");
    let end = flushed(&mut sql);
    let stop = format!("stop_lsn={}", sql.value("SELECT pg_current_wal_flush_lsn()"));
    let conninfo = server.conninfo("postgres").replace("user=postgres", "user=r");
    run(program("receivewal").arg(conninfo).arg(archive.path()).arg(stop));
    assert!(archive.path().join(segment(1, end) + ".partial").exists());
}

/// What lies there of another backup would be taken for a part of this one.
#[test]
fn a_backup_goes_into_new_directories_only() {
    let dir = directory();
    let (data, tablespaces) = (dir.path().join("data"), dir.path().join("data.tablespaces"));
    std::fs::create_dir(&tablespaces).unwrap();
    let conninfo = Server::shared(*majors().last().unwrap()).conninfo("postgres");
    let said = refused(program("basebackup").arg(conninfo).arg(&data).arg("backup.checkpoint=fast"));
    assert!(said.contains(tablespaces.to_str().unwrap()) && !data.exists(), "{said}");
}

/// From it the server would link its tablespaces to those of the one that was copied.
#[test]
fn a_data_directory_gets_no_tablespace_map() {
    let dir = directory();
    let data = dir.path().join("data");
    let conninfo = Server::shared(*majors().last().unwrap()).conninfo("postgres");
    let options = ["backup.checkpoint=fast", "backup.tablespace_map=on"];
    let said = refused(program("basebackup").arg(conninfo).arg(&data).args(options));
    assert!(said.contains("--tar") && !data.exists(), "{said}");
}

/// Also when it holds a link, and then a file by way of that.
#[test]
fn an_archive_stays_in_its_directory() {
    let dir = directory();
    let at = |name: &str| dir.path().join(name);
    let tar = |option: &str, name: &str| {
        let mut command = Command::new("tar");
        run(command.arg("-C").arg(at("from")).args(["--format=ustar", option]).arg(at("tar")).arg(name));
    };
    let unpack = || {
        let mut command = program("unpack");
        command.arg(at("to")).stdin(std::fs::File::open(at("tar")).unwrap());
        command
    };
    for name in ["from/pg_tblspc", "elsewhere", "to"] {
        std::fs::create_dir_all(at(name)).unwrap();
    }
    let link = |name: &str| std::os::unix::fs::symlink(at("elsewhere"), at(name)).unwrap();
    link("from/a");
    tar("-cf", "a");
    std::fs::remove_file(at("from/a")).unwrap();
    std::fs::create_dir(at("from/a")).unwrap();
    std::fs::write(at("from/a/x"), "x").unwrap();
    tar("-rf", "a/x");
    let said = refused(&mut unpack());
    assert!(!at("elsewhere/x").exists() && said.contains("a link in an archive: a"), "{said}");

    // A link of another's making is not followed either.
    link("to/a");
    tar("-cf", "a/x");
    let said = refused(&mut unpack());
    assert!(!at("elsewhere/x").exists() && said.contains("cannot open a"), "{said}");
    std::fs::remove_file(at("to/a")).unwrap();

    link("from/pg_tblspc/16385");
    tar("-cf", "a");
    tar("-rf", "pg_tblspc");
    run(&mut unpack());
    assert_eq!(std::fs::read(at("to/a/x")).unwrap(), b"x");
    assert!(at("to/pg_tblspc").exists() && std::fs::read_link(at("to/pg_tblspc/16385")).is_err());
    // It is there already.
    let said = refused(&mut unpack());
    assert!(said.contains("cannot create a/x"), "{said}");
}

#[test]
fn archives_as_they_came() {
    let server = Server::own(*majors().last().unwrap(), &[]);
    let dir = directory();
    let to = dir.path().join("tar");
    run(program("basebackup")
        .arg("--tar")
        .arg(server.conninfo("postgres"))
        .arg(&to)
        .args(["backup.checkpoint=fast", "backup.compression=gzip"]));
    run(Command::new("tar").arg("-tzf").arg(to.join("base.tar.gz")));
    assert!(to.join("backup_manifest").exists());
}

/// The copy and the stream together are the table, under concurrent writes.
#[test]
fn a_copy_and_its_stream_are_the_table() {
    for major in majors() {
        let server = Server::own(major, &[]);
        let conninfo = server.conninfo("postgres");
        let mut sql = Sql::connect(&conninfo);
        sql.run("CREATE TABLE t (i int PRIMARY KEY, n int NOT NULL); CREATE PUBLICATION p FOR TABLE t");
        sql.run("INSERT INTO t SELECT i, 0 FROM generate_series(1, 200) i");
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writers = [1, 2].map(|writer| {
                let (conninfo, over) = (&conninfo, &over);
                scope.spawn(move || write(&mut Sql::connect(conninfo), 1_000_000 * writer, over))
            });
            let mut copying =
                Running::new(program("copy_then_stream").arg(&conninfo).args(["p", "s", "public.t"]));
            let lines = BufReader::new(copying.0.stdout.take().unwrap()).lines();
            let (sender, receiver) = std::sync::mpsc::channel();
            scope.spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
            let mut replay = Replay::default();
            while replay.changes < 600 {
                replay.take(&receiver.recv_timeout(LIMIT).expect("a line"));
            }
            over.store(true, Ordering::Relaxed);
            for writer in writers {
                writer.join().unwrap();
            }
            let rows = sql.rows("SELECT i, n FROM t");
            let field = |text: &Option<String>| text.as_deref().unwrap().parse::<u64>().unwrap();
            let table: BTreeMap<u32, u64> =
                rows.iter().map(|row| (field(&row[0]) as u32, field(&row[1]))).collect();
            while replay.rows != table {
                replay.take(&receiver.recv_timeout(LIMIT).expect("the table is not reached"));
            }
            assert!(replay.copied >= 200);
            drop(copying);
        });
    }
}

/// Transactions of three changes, until told to end.
fn write(sql: &mut Sql, first: u32, over: &AtomicBool) {
    let mut next = first;
    while !over.load(Ordering::Relaxed) {
        next += 1;
        sql.run(&format!(
            "BEGIN; INSERT INTO t VALUES ({next}, 0); UPDATE t SET n = n + 1 WHERE i = {}; \
             DELETE FROM t WHERE i = {}; COMMIT",
            next % 200 + 1,
            next - 7,
        ));
    }
}

/// The table as the example's lines make it.
#[derive(Default)]
struct Replay {
    rows: BTreeMap<u32, u64>,
    copied: usize,
    changes: usize,
}

impl Replay {
    fn take(&mut self, line: &str) {
        let mut fields = line.split('\t');
        let (kind, i) = (fields.next().unwrap(), fields.next().unwrap().parse().unwrap());
        let n = fields.next().and_then(|n| n.parse().ok()).unwrap_or(0);
        match kind {
            "COPY" | "INSERT" => assert_eq!(self.rows.insert(i, n), None, "twice: {line}"),
            "UPDATE" => {
                // Each update adds one: a lost or a repeated one shows at once.
                let before = self.rows.insert(i, n).unwrap_or_else(|| panic!("lost: {line}"));
                assert_eq!(before + 1, n, "{line}");
            }
            "DELETE" => assert!(self.rows.remove(&i).is_some(), "twice or lost: {line}"),
            kind => panic!("{kind}"),
        }
        *(if kind == "COPY" { &mut self.copied } else { &mut self.changes }) += 1;
    }
}
