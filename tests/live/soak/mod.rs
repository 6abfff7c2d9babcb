//! The long run: a writer with known content, hosts in processes of their own, and faults.
//!
//! After it the delivered sets must equal the table: nothing lost, nothing twice in one process, commit order kept,
//! identity stable over redelivery. One host is killed now and then; in a run of 30 s or more another one is not, and
//! what its process costs must stay the same (watch.rs). WALSTREAM_SOAK_SECONDS and WALSTREAM_SOAK_SEED change length and course (the
//! seed is printed), WALSTREAM_SOAK_REPORT names a file for the page (report.rs).

mod check;
mod host;
mod ids;
mod report;
mod watch;
mod writer;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant, SystemTime};

use self::check::Checker;
use self::host::Hosts;
use self::report::Report;
use self::watch::{LONG_ENOUGH, Sample};
use self::writer::Writer;
use crate::support::{Case, Proxy, Server, Sql, host::lsn, server, wait_until};

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

/// What a run has around its hosts.
struct Site<'a> {
    server: &'a Server,
    proxy: &'a Proxy,
    conninfo: String,
    /// The first one is never killed, if there are two.
    hosts: Vec<Hosts>,
    checkers: Vec<Checker>,
    /// Seconds into the run, and what.
    faults: Vec<(f64, &'static str)>,
    long: bool,
}

fn soak(major: u32) {
    if !server::majors().contains(&major) || std::env::var(host::HOST).is_ok() {
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
    let proxy = Proxy::new(server.port());
    let dir = tempfile::tempdir().unwrap();
    let began = SystemTime::now();
    let long = length >= Duration::from_secs(30);
    let names = if long { &["steady", "killed"][..] } else { &["killed"] };
    let mut hosts = Vec::new();
    for name in names {
        let slot = format!("{}_{name}", case.slot());
        case.sql.run(&format!(
            "SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput', false, {two_phase})"
        ));
        hosts.push(Hosts::new(&proxy.conninfo(&case.conninfo()), &slot, two_phase, dir.path(), began));
    }
    let checkers = hosts.iter().map(|hosts| Checker::new(hosts.dir.clone())).collect();
    let conninfo = case.conninfo();
    let mut site = Site {
        server: &server,
        proxy: &proxy,
        conninfo: conninfo.clone(),
        hosts,
        checkers,
        faults: Vec::new(),
        long,
    };
    let over = AtomicBool::new(false);
    let mut writer = std::thread::scope(|scope| {
        let writer = Writer::new(&conninfo, Chance(seed | 1), two_phase);
        let writer = scope.spawn(|| writer.run(&over));
        // Also when a host leaves and this panics: the writer must not write for ever.
        let _over = Ending(&over);
        site.break_things(&mut Chance(seed.wrapping_mul(31) | 1), length);
        over.store(true, SeqCst);
        writer.join().unwrap()
    });
    let loaded = site.began().elapsed().unwrap_or_default();
    site.settle(&mut case, &mut writer);
    let summary = site.compare(&writer);
    let course = format!("PostgreSQL {major}, {} s, seed {seed}", loaded.as_secs());
    println!("{course}: {} writes, {summary:?}, faults {:?}", writer.writes, site.count_faults());
    if long {
        site.judge(&course, &writer, &summary);
    }
    for (slot, lost, invented) in site.differences(&writer) {
        assert!(
            lost.is_empty() && invented.is_empty(),
            "{slot}: lost {lost:?}, invented {invented:?}; seed {seed}"
        );
    }
}

struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

#[derive(Debug)]
struct Summary {
    rows: u64,
    /// Checked, of all hosts.
    events: u64,
    /// To later processes.
    redelivered: u64,
    processes: u32,
}

impl Site<'_> {
    fn began(&self) -> SystemTime {
        self.hosts[0].began
    }

    fn break_things(&mut self, chance: &mut Chance, length: Duration) {
        let began = Instant::now();
        while began.elapsed() < length {
            // Faults come about every second, in a long run every five, so that there is a load to break: this is the course
            // of the test, not a wait for something.
            let pause = if self.long { 1000 + chance.below(8000) } else { 400 + chance.below(900) };
            std::thread::sleep(Duration::from_millis(pause).min(length.saturating_sub(began.elapsed())));
            let at = self.began().elapsed().unwrap_or_default().as_secs_f64();
            let fault = self.inject(chance);
            self.faults.push((at, fault));
            for (hosts, checker) in self.hosts.iter_mut().zip(&mut self.checkers) {
                hosts.check_alive();
                checker.catch_up(hosts.runs - 1);
            }
        }
    }

    fn inject(&mut self, chance: &mut Chance) -> &'static str {
        let pause = if self.long { 4000 } else { 700 };
        let last = self.hosts.len() - 1;
        let one = chance.below(self.hosts.len() as u64) as usize;
        match chance.below(10) {
            0 => {
                if let Ok(mut sql) = Sql::try_connect(&self.conninfo) {
                    let kill = format!(
                        "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '{}'",
                        self.hosts[one].slot
                    );
                    let _ = sql.try_run(&kill);
                }
                "walsender killed"
            }
            1 => {
                self.server.command("restart immediate");
                "server crashed"
            }
            2 => {
                self.server.command("restart fast");
                "server restarted"
            }
            3 => {
                self.proxy.cut();
                "line cut"
            }
            4 => {
                self.proxy.cut_after(chance.below(200_000) as i64);
                "line cut at a byte"
            }
            5 => {
                self.proxy.stall(true);
                std::thread::sleep(Duration::from_millis(300 + chance.below(500)));
                self.proxy.stall(false);
                "line stalled"
            }
            6 => {
                self.proxy.split(1 + chance.below(100));
                self.proxy.delay(Duration::from_micros(chance.below(2000)));
                std::thread::sleep(Duration::from_millis(300));
                self.proxy.split(0);
                self.proxy.delay(Duration::ZERO);
                "line split and delayed"
            }
            7 => {
                self.hosts[one].signal("-STOP");
                std::thread::sleep(Duration::from_millis(500 + chance.below(pause)));
                self.hosts[one].signal("-CONT");
                "process paused"
            }
            8 => {
                self.hosts[one].nap(500 + chance.below(pause));
                "host did not read"
            }
            _ => {
                self.hosts[last].kill();
                self.hosts[last].start();
                "host killed"
            }
        }
    }

    /// Lets the hosts read all, and ends them.
    fn settle(&mut self, case: &mut Case<'_>, writer: &mut Writer<'_>) {
        self.proxy.split(0);
        self.proxy.delay(Duration::ZERO);
        case.sql = Sql::connect(&case.conninfo());
        for row in case.sql.rows("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()") {
            case.sql.run(&format!("COMMIT PREPARED '{}'", row[0].clone().unwrap_or_default()));
        }
        // Nothing else commits to the publication: whoever acknowledged more than this has got the last row.
        let before = lsn(&case.sql.value("SELECT pg_current_wal_insert_lsn()"));
        case.sql.run("INSERT INTO ledger (tx, v) VALUES (-1, 'the last')");
        writer.count(&mut case.sql).unwrap();
        for (hosts, checker) in self.hosts.iter_mut().zip(&mut self.checkers) {
            wait_until(Duration::from_secs(180), "the host has the last row", || {
                hosts.check_alive();
                hosts.position() > before
            });
            hosts.kill();
            checker.catch_up(hosts.runs);
        }
    }

    fn compare(&self, writer: &Writer<'_>) -> Summary {
        Summary {
            rows: writer.truth.count(),
            events: self.checkers.iter().map(|checker| checker.events).sum(),
            redelivered: self.checkers.iter().map(|checker| checker.redelivered).sum(),
            processes: self.hosts.iter().map(|hosts| hosts.runs).sum(),
        }
    }

    /// Of each slot: some rows that are lost, some that never were.
    fn differences(&self, writer: &Writer<'_>) -> Vec<(&str, Vec<u64>, Vec<u64>)> {
        let both = self.hosts.iter().zip(&self.checkers);
        both.map(|(hosts, checker)| {
            let (truth, delivered) = (&writer.truth, &checker.ids);
            (hosts.slot.as_str(), truth.missing_in(delivered), delivered.missing_in(truth))
        })
        .collect()
    }

    fn count_faults(&self) -> BTreeMap<&str, u32> {
        let mut counted = BTreeMap::new();
        self.faults.iter().for_each(|fault| *counted.entry(fault.1).or_default() += 1);
        counted
    }

    fn facts(
        &self,
        course: &str,
        writer: &Writer<'_>,
        summary: &Summary,
        samples: &[Sample],
    ) -> Vec<(&'static str, String)> {
        let same =
            self.differences(writer).iter().all(|(_, lost, invented)| lost.is_empty() && invented.is_empty());
        let outcome = if same { "nothing lost, nothing invented" } else { "NOT what the table held" };
        let (reconnects, events) = samples.last().map_or((0.0, 0.0), |last| (last.reconnects, last.events));
        let seconds = samples.last().map_or(1.0, |last| last.at);
        vec![
            ("run", course.to_owned()),
            (
                "written",
                format!("{} writes by one session; {} rows were committed", writer.writes, summary.rows),
            ),
            (
                "delivered",
                format!(
                    "{outcome}; {} events checked, on two slots: none twice in one process, all in commit order",
                    summary.events
                ),
            ),
            (
                "broken",
                format!(
                    "{} faults; {} processes on the second slot, to which {} events came again, the same as before",
                    self.faults.len(),
                    summary.processes - 1,
                    summary.redelivered
                ),
            ),
            (
                "plotted",
                format!(
                    "the first slot's process, never killed: {reconnects} reconnects, {:.0} events a second, pauses included",
                    events / seconds
                ),
            ),
        ]
    }

    /// What the steady host's process cost, as a page if that is asked for, and as an assertion if the run was long enough.
    fn judge(&self, course: &str, writer: &Writer<'_>, summary: &Summary) {
        let samples = Sample::read(&std::fs::read_to_string(self.hosts[0].dir.join("samples")).unwrap());
        let verdicts = watch::judge(&samples);
        let asserted = samples.last().is_some_and(|last| last.at >= LONG_ENOUGH);
        for verdict in &verdicts {
            println!("{}: {}", verdict.what, verdict.measured);
        }
        if let Some(path) = std::env::var_os("WALSTREAM_SOAK_REPORT") {
            let report = Report {
                title: "walstream: a long run".to_owned(),
                facts: self.facts(course, writer, summary, &samples),
                verdicts: &verdicts,
                asserted,
                samples: &samples,
                faults: &self.faults,
            };
            std::fs::write(&path, report.html()).unwrap();
            println!("the report is in {}", path.display());
        }
        for verdict in verdicts {
            assert!(
                !asserted || verdict.holds,
                "{}: {}; rule: {}",
                verdict.what,
                verdict.measured,
                verdict.rule
            );
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
