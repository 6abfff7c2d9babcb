//! A host in a process of its own. It keeps what it got in files, its position in another, and once a second what it
//! costs in a third.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::watch::Sample;
use crate::support::{Got, Host, Seen};

pub const HOST: &str = "WALSTREAM_SOAK_HOST";

/// A file of events is closed at this size, for the checker to take it away.
const PART: u64 = 16 << 20;

/// Not a test of its own: what the soak's child process runs.
#[test]
fn host_process() {
    let Ok(arguments) = std::env::var(HOST) else { return };
    let mut arguments = arguments.split('\n');
    let mut argument = || arguments.next().expect("an argument").to_owned();
    let (conninfo, slot, two_phase, dir, run, began) =
        (argument(), argument(), argument(), PathBuf::from(argument()), argument(), argument());
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
    let host = Arc::new(Host::open(&conninfo, &options));
    let position = dir.join("position");
    let saved = fs::read_to_string(&position).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    host.start(saved);
    let began = UNIX_EPOCH + Duration::from_millis(began.parse().unwrap());
    let (watched, samples) = (Arc::clone(&host), dir.join("samples"));
    std::thread::spawn(move || watch(&watched, &samples, began));
    let nap = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&nap);
    std::thread::spawn(move || listen(&told));
    read(&host, &dir, &run, &nap);
}

/// Each line is a nap in ms. At the end of the input, which is the parent's, there is nobody left to work for.
fn listen(nap: &AtomicU64) {
    for line in std::io::stdin().lock().lines() {
        nap.store(line.unwrap().parse().unwrap(), SeqCst);
    }
    std::process::exit(0);
}

fn watch(host: &Host, path: &Path, began: SystemTime) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    let mut next = Instant::now();
    loop {
        // One entry a second: the course of the test, not a wait for something.
        next += Duration::from_secs(1);
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        next = next.max(Instant::now() - Duration::from_secs(1));
        host.trim_log(20);
        let at = began.elapsed().unwrap_or_default().as_secs_f64();
        file.write_all(Sample::take(at, &host.stats()).line().as_bytes()).unwrap();
    }
}

fn read(host: &Host, dir: &Path, run: &str, nap: &AtomicU64) -> ! {
    let open = |part: u32| {
        OpenOptions::new().create_new(true).append(true).open(dir.join(format!("run-{run}.{part}"))).unwrap()
    };
    let (mut part, mut size) = (0, 0);
    let mut sink = open(part);
    let mut pending = String::new();
    loop {
        std::thread::sleep(Duration::from_millis(nap.swap(0, SeqCst)));
        let event = match host.next(Duration::from_secs(60)) {
            Got::Event(event) => event,
            Got::Timeout => continue,
            other => panic!("{other:?}; {:#?}", host.log()),
        };
        write_line(&mut pending, &event);
        if event.ack_lsn == 0 {
            continue;
        }
        // Whole entries only: a killed process leaves no half.
        sink.write_all(pending.as_bytes()).unwrap();
        size += pending.len() as u64;
        pending.clear();
        let temporary = dir.join("position.new");
        File::create(&temporary).and_then(|mut file| write!(file, "{}", event.ack_lsn)).unwrap();
        fs::rename(&temporary, dir.join("position")).unwrap();
        host.ack(event.ack_lsn);
        if size > PART {
            (part, size) = (part + 1, 0);
            sink = open(part);
        }
    }
}

fn write_line(out: &mut String, event: &Seen) {
    use std::fmt::Write;
    let what = match event.kind_name() {
        "INSERT" => event.text(0),
        "BEGIN_PREPARE" | "PREPARE" | "COMMIT_PREPARED" | "ROLLBACK_PREPARED" => {
            event.name.as_deref().unwrap_or_default()
        }
        "RELATION" => return,
        _ => "-",
    };
    writeln!(out, "{} {} {} {}", event.kind_name(), event.commit_lsn, event.seq, what).unwrap();
}

/// The host of one slot, over all its processes.
pub struct Hosts {
    pub conninfo: String,
    pub slot: String,
    pub two_phase: bool,
    pub dir: PathBuf,
    pub began: SystemTime,
    pub runs: u32,
    child: Option<(Child, ChildStdin)>,
}

impl Hosts {
    pub fn new(conninfo: &str, slot: &str, two_phase: bool, dir: &Path, began: SystemTime) -> Hosts {
        let (conninfo, slot, dir) = (conninfo.to_owned(), slot.to_owned(), dir.join(slot));
        fs::create_dir(&dir).unwrap();
        let mut hosts = Hosts { conninfo, slot, two_phase, dir, began, runs: 0, child: None };
        hosts.start();
        hosts
    }

    pub fn start(&mut self) {
        let two_phase = if self.two_phase { "on" } else { "off" };
        let dir = self.dir.to_str().unwrap();
        let began = self.began.duration_since(UNIX_EPOCH).unwrap().as_millis().to_string();
        let run = self.runs.to_string();
        let arguments = [&self.conninfo, &self.slot, two_phase, dir, &run, &began].join("\n");
        self.runs += 1;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "soak::host::host_process", "--nocapture", "--test-threads=1"])
            .env(HOST, arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        self.child = Some((child, input));
    }

    pub fn kill(&mut self) {
        if let Some((mut child, _input)) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().unwrap().0.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// It stops reading for so long; its replication thread goes on.
    pub fn nap(&mut self, ms: u64) {
        writeln!(self.child.as_mut().unwrap().1, "{ms}").unwrap();
    }

    pub fn check_alive(&mut self) {
        if let Some(status) = self.child.as_mut().and_then(|child| child.0.try_wait().unwrap()) {
            panic!("the host left: {status}; see its message above");
        }
    }

    /// What it acknowledged last.
    pub fn position(&self) -> u64 {
        fs::read_to_string(self.dir.join("position")).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        self.kill();
    }
}
