//! The long run: a writer with known content, a host in a process of its own, and a fault about every second.
//!
//! After it the delivered set must equal the table: nothing lost, nothing twice in one process, commit order kept,
//! identity stable over redelivery. WALSTREAM_SOAK_SECONDS and WALSTREAM_SOAK_SEED change length and course; the seed is
//! printed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use crate::support::{Case, Got, Host, Proxy, Seen, Server, Sql, server, wait_until};

const HOST: &str = "WALSTREAM_SOAK_HOST";

/// xorshift: the same seed, the same course.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}

/// One write of the writer's; false when the server was away. What became of it then only the table knows.
fn write_once(
    sql: &mut Sql,
    chance: &mut Chance,
    number: u64,
    two_phase: bool,
) -> Result<(), walstream::pg::PgError> {
    let rows = |from: u64, count: u64| {
        format!("INSERT INTO ledger (tx, v) SELECT {from}, repeat('v', 80) FROM generate_series(1, {count})")
    };
    match chance.below(12) {
        0 => {
            sql.try_run("BEGIN")?;
            sql.try_run(&rows(number, 10))?;
            sql.try_run("SAVEPOINT s")?;
            sql.try_run(&rows(number, 2000))?;
            sql.try_run("ROLLBACK TO s")?;
            sql.try_run(&rows(number, 5))?;
            sql.try_run("COMMIT")?;
        }
        1 => {
            sql.try_run(&rows(number, 10_000))?;
        }
        2 => {
            sql.try_run("BEGIN")?;
            sql.try_run(&rows(number, 3000))?;
            sql.try_run("ROLLBACK")?;
        }
        3 if two_phase => {
            sql.try_run("BEGIN")?;
            sql.try_run(&rows(number, 1 + chance.below(3000)))?;
            sql.try_run(&format!("PREPARE TRANSACTION 'p{number}'"))?;
            let end = if chance.below(3) == 0 { "ROLLBACK" } else { "COMMIT" };
            sql.try_run(&format!("{end} PREPARED 'p{number}'"))?;
        }
        4 => {
            sql.try_run(&format!("ALTER TABLE ledger ADD COLUMN c{number} int DEFAULT {number}"))?;
            sql.try_run(&rows(number, 3))?;
            sql.try_run(&format!("ALTER TABLE ledger DROP COLUMN c{number}"))?;
        }
        _ => {
            sql.try_run(&rows(number, 1 + chance.below(20)))?;
        }
    }
    Ok(())
}

fn write_until(conninfo: &str, over: &AtomicBool, seed: u64, two_phase: bool) -> u64 {
    let mut chance = Chance(seed | 1);
    let mut sql = None;
    let mut number = 0;
    while !over.load(SeqCst) {
        number += 1;
        let Ok(mut connected) = sql.take().map_or_else(|| Sql::try_connect(conninfo), Ok) else {
            std::thread::sleep(Duration::from_millis(20));
            continue;
        };
        let written = write_once(&mut connected, &mut chance, number, two_phase);
        if written.and_then(|()| wait_for_reader(&mut connected, over)).is_ok() {
            sql = Some(connected);
        }
    }
    number
}

/// A server that is told to stop sends all that it has first: the reader must not fall behind by more than seconds.
fn wait_for_reader(sql: &mut Sql, over: &AtomicBool) -> Result<(), walstream::pg::PgError> {
    let lag = "SELECT coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)), 0) < 8000000 \
               FROM pg_replication_slots WHERE database = current_database()";
    while sql.try_run(lag)?.last().and_then(|set| set.text(0, 0)) == Some("f") && !over.load(SeqCst) {
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Not a test of its own: what the soak's child process runs. It keeps what it got in a file, and its position in another.
#[test]
fn host_process() {
    let Ok(arguments) = std::env::var(HOST) else { return };
    let mut arguments = arguments.split('\n');
    let mut argument = || arguments.next().expect("an argument").to_owned();
    let (conninfo, slot, two_phase, dir, run) =
        (argument(), argument(), argument(), PathBuf::from(argument()), argument());
    let options = [
        ("slot", slot.as_str()),
        ("publication", "pub"),
        ("two_phase", two_phase.as_str()),
        ("queue.max_bytes", "256kB"),
        ("spill.memory_bytes", "256kB"),
        ("retry.first", "on"),
        ("retry.initial_ms", "10"),
        ("retry.max_ms", "300"),
        ("slot.wait_ms", "60000"),
        ("receive_timeout_ms", "2000"),
    ];
    let host = Host::open(&conninfo, &options);
    let position = dir.join("position");
    let saved = fs::read_to_string(&position).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    host.start(saved);
    let mut sink = OpenOptions::new().create(true).append(true).open(dir.join(format!("run-{run}"))).unwrap();
    let mut pending = String::new();
    loop {
        let event = match host.next(Duration::from_secs(60)) {
            Got::Event(event) => event,
            Got::Timeout => continue,
            other => panic!("{other:?}; {:#?}", host.log()),
        };
        pending.push_str(&line(&event));
        if event.ack_lsn == 0 {
            continue;
        }
        // Whole entries only: a killed process leaves no half.
        sink.write_all(pending.as_bytes()).unwrap();
        pending.clear();
        let temporary = dir.join("position.new");
        File::create(&temporary).and_then(|mut file| write!(file, "{}", event.ack_lsn)).unwrap();
        fs::rename(&temporary, &position).unwrap();
        host.ack(event.ack_lsn);
    }
}

fn line(event: &Seen) -> String {
    let what = match event.kind_name() {
        "INSERT" => event.text(0).to_owned(),
        "BEGIN_PREPARE" | "PREPARE" | "COMMIT_PREPARED" | "ROLLBACK_PREPARED" => {
            event.name.clone().unwrap_or_default()
        }
        "RELATION" => return String::new(),
        _ => "-".to_owned(),
    };
    format!("{} {} {} {}\n", event.kind_name(), event.commit_lsn, event.seq, what)
}

struct Delivered {
    ids: BTreeSet<u64>,
    events: usize,
    redelivered: usize,
}

/// Reads what all runs of the host wrote, and checks it.
fn check_runs(dir: &Path, runs: u32) -> Delivered {
    let mut known: HashMap<(u64, u64, bool), String> = HashMap::new();
    let mut prepared: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut delivered = Delivered { ids: BTreeSet::new(), events: 0, redelivered: 0 };
    for run in 0..runs {
        let Ok(text) = fs::read_to_string(dir.join(format!("run-{run}"))) else { continue };
        let mut seen = BTreeSet::new();
        let mut last_commit = 0;
        let mut open: Option<(u64, Vec<u64>)> = None;
        for entry in text.lines() {
            let fields: Vec<_> = entry.split(' ').collect();
            let [kind, commit_lsn, seq, what] = fields[..] else { panic!("run {run}: {entry:?}") };
            let identity: (u64, u64) = (commit_lsn.parse().unwrap(), seq.parse().unwrap());
            delivered.events += 1;
            let alone = kind == "ROLLBACK_PREPARED";
            assert!(seen.insert((identity, alone)), "run {run}: twice in one process: {entry}");
            if let Some(before) = known.insert((identity.0, identity.1, alone), entry.to_owned()) {
                delivered.redelivered += 1;
                assert_eq!(before, entry, "run {run}: another event with the same identity");
            }
            match (kind, &mut open) {
                ("BEGIN" | "BEGIN_PREPARE", None) => open = Some((2, Vec::new())),
                ("INSERT", Some((next, ids))) => {
                    assert_eq!(identity.1, *next, "run {run}: {entry}");
                    *next += 1;
                    ids.push(what.parse().unwrap());
                }
                ("COMMIT", Some((_, ids))) => {
                    delivered.ids.extend(ids.drain(..));
                    open = None;
                }
                ("PREPARE", Some((_, ids))) => {
                    // One that was rolled back meanwhile comes again without its rows.
                    let rows = std::mem::take(ids);
                    let kept = prepared.entry(what.to_owned()).or_default();
                    if !rows.is_empty() {
                        *kept = rows;
                    }
                    open = None;
                }
                ("COMMIT_PREPARED", None) => delivered.ids.extend(prepared.get(what).into_iter().flatten()),
                ("ROLLBACK_PREPARED", None) => {}
                _ => panic!("run {run}: out of place: {entry}"),
            }
            if matches!(kind, "COMMIT" | "PREPARE" | "COMMIT_PREPARED") {
                assert!(identity.0 > last_commit, "run {run}: out of commit order: {entry}");
                last_commit = identity.0;
            }
        }
        assert!(open.is_none(), "run {run} wrote half a transaction");
    }
    delivered
}

struct Hosts<'a> {
    conninfo: String,
    slot: &'a str,
    two_phase: bool,
    dir: &'a Path,
    runs: u32,
    child: Option<Child>,
}

impl Hosts<'_> {
    fn start(&mut self) {
        let two_phase = if self.two_phase { "on" } else { "off" };
        let dir = self.dir.to_str().unwrap();
        let arguments = [&self.conninfo, self.slot, two_phase, dir, &self.runs.to_string()].join("\n");
        self.runs += 1;
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "soak::host_process", "--nocapture", "--test-threads=1"])
            .env(HOST, arguments)
            .stdout(Stdio::null())
            .spawn();
        self.child = Some(child.unwrap());
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    fn check_alive(&mut self) {
        if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().unwrap()) {
            panic!("the host left: {status}; see its message above");
        }
    }
}

impl Drop for Hosts<'_> {
    fn drop(&mut self) {
        self.kill();
    }
}

fn soak(major: u32) {
    if !server::majors().contains(&major) || std::env::var(HOST).is_ok() {
        return;
    }
    let number = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let length = Duration::from_secs(number("WALSTREAM_SOAK_SECONDS", 10));
    let seed = number("WALSTREAM_SOAK_SEED", 20_240_517 + u64::from(major));
    println!("PostgreSQL {major}: {length:?}, seed {seed}");
    let server = Server::own(major, &[]);
    let mut case = Case::new(&server);
    let two_phase = major >= 15;
    let early = format!("ALTER DATABASE {} SET logical_decoding_work_mem = '64kB'", case.database);
    case.sql.each(&[
        &early,
        "CREATE TABLE ledger (id bigserial PRIMARY KEY, tx bigint, v text)",
        "CREATE PUBLICATION pub FOR ALL TABLES",
    ]);
    let slot = format!(
        "SELECT pg_create_logical_replication_slot('{}', 'pgoutput', false, {two_phase})",
        case.slot()
    );
    case.sql.run(&slot);
    let proxy = Proxy::new(server.port());
    let dir = tempfile::tempdir().unwrap();
    let name = case.slot().to_owned();
    let mut hosts = Hosts {
        conninfo: proxy.conninfo(&case.conninfo()),
        slot: &name,
        two_phase,
        dir: dir.path(),
        runs: 0,
        child: None,
    };
    hosts.start();
    let over = AtomicBool::new(false);
    let mut faults: BTreeMap<&str, u32> = BTreeMap::new();
    let conninfo = case.conninfo();
    let written = std::thread::scope(|scope| {
        let writer = scope.spawn(|| write_until(&conninfo, &over, seed, two_phase));
        let mut chance = Chance(seed.wrapping_mul(31) | 1);
        let began = Instant::now();
        while began.elapsed() < length {
            // Faults come about every second: this is the course of the test, not a wait for something.
            std::thread::sleep(Duration::from_millis(400 + chance.below(900)));
            hosts.check_alive();
            let fault = inject(&mut chance, &server, &proxy, &mut hosts, &case.conninfo());
            *faults.entry(fault).or_default() += 1;
        }
        over.store(true, SeqCst);
        writer.join().unwrap()
    });
    proxy.split(0);
    proxy.delay(Duration::ZERO);
    case.sql = Sql::connect(&case.conninfo());
    for row in case.sql.rows("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()") {
        case.sql.run(&format!("COMMIT PREPARED '{}'", row[0].clone().unwrap_or_default()));
    }
    case.sql.run("INSERT INTO ledger (tx, v) VALUES (-1, 'the last')");
    let last: u64 = case.sql.value("SELECT id FROM ledger WHERE tx = -1").parse().unwrap();
    let marker = format!(" {last}\n");
    wait_until(Duration::from_secs(180), "the host has the last row", || {
        hosts.check_alive();
        let newest = dir.path().join(format!("run-{}", hosts.runs - 1));
        fs::read_to_string(newest).is_ok_and(|text| text.contains(&marker))
    });
    hosts.kill();
    let delivered = check_runs(dir.path(), hosts.runs);
    let rows = case.sql.rows("SELECT id FROM ledger");
    let table: BTreeSet<u64> = rows.iter().map(|row| row[0].as_ref().unwrap().parse().unwrap()).collect();
    let lost: Vec<_> = table.difference(&delivered.ids).take(10).collect();
    let invented: Vec<_> = delivered.ids.difference(&table).take(10).collect();
    println!(
        "PostgreSQL {major}: {written} writes, {} rows, {} events checked ({} redelivered to later processes), {} host processes, faults {faults:?}",
        table.len(),
        delivered.events,
        delivered.redelivered,
        hosts.runs
    );
    assert!(lost.is_empty() && invented.is_empty(), "lost {lost:?}, invented {invented:?}; seed {seed}");
}

fn inject(
    chance: &mut Chance,
    server: &Server,
    proxy: &Proxy,
    hosts: &mut Hosts<'_>,
    conninfo: &str,
) -> &'static str {
    match chance.below(9) {
        0 => {
            if let Ok(mut sql) = Sql::try_connect(conninfo) {
                let kill = format!(
                    "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '{}'",
                    hosts.slot
                );
                let _ = sql.try_run(&kill);
            }
            "walsender killed"
        }
        1 => {
            server.command("restart immediate");
            "server crashed"
        }
        2 => {
            server.command("restart fast");
            "server restarted"
        }
        3 => {
            proxy.cut();
            "line cut"
        }
        4 => {
            proxy.cut_after(chance.below(200_000) as i64);
            "line cut at a byte"
        }
        5 => {
            proxy.stall(true);
            std::thread::sleep(Duration::from_millis(300 + chance.below(500)));
            proxy.stall(false);
            "line stalled"
        }
        6 => {
            proxy.split(1 + chance.below(100));
            proxy.delay(Duration::from_micros(chance.below(2000)));
            std::thread::sleep(Duration::from_millis(300));
            proxy.split(0);
            proxy.delay(Duration::ZERO);
            "line split and delayed"
        }
        7 => {
            hosts.signal("-STOP");
            std::thread::sleep(Duration::from_millis(500 + chance.below(700)));
            hosts.signal("-CONT");
            "host paused"
        }
        _ => {
            hosts.kill();
            hosts.start();
            "host killed"
        }
    }
}

#[test]
fn pg14() {
    soak(14);
}

#[test]
fn pg15() {
    soak(15);
}

#[test]
fn pg16() {
    soak(16);
}

#[test]
fn pg17() {
    soak(17);
}

#[test]
fn pg18() {
    soak(18);
}
