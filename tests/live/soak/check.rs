//! Reads what the processes of one host wrote, part by part, and checks it: nothing twice in one process, commit order
//! kept, identity stable over redelivery.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use super::ids::Ids;

type Runs = Vec<(u64, u64)>;

pub struct Checker {
    dir: PathBuf,
    run: u32,
    part: u32,
    pub ids: Ids,
    pub events: u64,
    /// Events of whole transactions that an earlier process had got too.
    pub redelivered: u64,
    /// By identity of the end: what was in it.
    known: HashMap<(u64, bool), (u64, u64)>,
    prepared: BTreeMap<String, Runs>,
    // Of the run:
    open: Option<Open>,
    last_commit: u64,
    alone: BTreeSet<u64>,
}

struct Open {
    commit_lsn: u64,
    next_seq: u64,
    rows: Runs,
    hash: DefaultHasher,
}

impl Checker {
    pub fn new(dir: PathBuf) -> Checker {
        Checker {
            dir,
            run: 0,
            part: 0,
            ids: Ids::default(),
            events: 0,
            redelivered: 0,
            known: HashMap::new(),
            prepared: BTreeMap::new(),
            open: None,
            last_commit: 0,
            alone: BTreeSet::new(),
        }
    }

    /// Checks and removes what is complete: all parts of the runs below `runs`, and the parts of that run that have a
    /// successor.
    pub fn catch_up(&mut self, runs: u32) {
        loop {
            let path = self.path(self.part);
            let over = self.run < runs;
            if path.exists() && (over || self.path(self.part + 1).exists()) {
                let lines = BufReader::new(File::open(&path).unwrap()).lines();
                lines.for_each(|line| self.line(&line.unwrap()));
                fs::remove_file(path).unwrap();
                self.part += 1;
            } else if over {
                assert!(self.open.is_none(), "run {} wrote half a transaction", self.run);
                (self.run, self.part) = (self.run + 1, 0);
                self.last_commit = 0;
                self.alone.clear();
            } else {
                return;
            }
        }
    }

    fn path(&self, part: u32) -> PathBuf {
        self.dir.join(format!("run-{}.{part}", self.run))
    }

    fn line(&mut self, line: &str) {
        let run = self.run;
        let fields: Vec<_> = line.split(' ').collect();
        let [kind, commit_lsn, seq, what] = fields[..] else { panic!("run {run}: {line:?}") };
        let (commit_lsn, seq): (u64, u64) = (commit_lsn.parse().unwrap(), seq.parse().unwrap());
        self.events += 1;
        match (kind, self.open.as_mut()) {
            ("BEGIN" | "BEGIN_PREPARE", None) => {
                assert_eq!(seq, 1, "run {run}: {line}");
                let mut hash = DefaultHasher::new();
                what.hash(&mut hash);
                self.open = Some(Open { commit_lsn, next_seq: 2, rows: Runs::new(), hash });
            }
            ("INSERT" | "TRUNCATE", Some(open)) => {
                assert_eq!((commit_lsn, seq), (open.commit_lsn, open.next_seq), "run {run}: {line}");
                open.next_seq += 1;
                line.hash(&mut open.hash);
                if kind == "INSERT" {
                    let id = what.parse().unwrap();
                    match open.rows.last_mut() {
                        Some((_, to)) if *to + 1 == id => *to = id,
                        _ => open.rows.push((id, id)),
                    }
                }
            }
            ("COMMIT" | "PREPARE", Some(_)) => {
                let open = self.open.take().unwrap();
                assert_eq!((commit_lsn, seq), (open.commit_lsn, u64::MAX), "run {run}: {line}");
                self.end(commit_lsn, open.hash.finish(), open.next_seq - 2, kind == "PREPARE");
                if kind == "COMMIT" {
                    self.add(&open.rows);
                } else if !open.rows.is_empty() {
                    self.prepared.insert(what.to_owned(), open.rows);
                }
                self.in_order(commit_lsn, line);
            }
            ("COMMIT_PREPARED", None) => {
                self.end(commit_lsn, 0, 0, false);
                // Unknown when another process has got it: then its rows are known.
                let rows = self.prepared.remove(what).unwrap_or_default();
                self.add(&rows);
                self.in_order(commit_lsn, line);
            }
            ("ROLLBACK_PREPARED", None) => {
                assert!(self.alone.insert(commit_lsn), "run {run}: twice in one process: {line}");
                self.prepared.remove(what);
            }
            _ => panic!("run {run}: out of place: {line}"),
        }
    }

    fn add(&mut self, rows: &Runs) {
        rows.iter().for_each(|(from, to)| self.ids.add(*from, *to));
    }

    fn end(&mut self, commit_lsn: u64, hash: u64, rows: u64, prepare: bool) {
        let Some(before) = self.known.insert((commit_lsn, prepare), (hash, rows)) else { return };
        self.redelivered += rows + 2;
        // A prepared one that was rolled back meanwhile comes again without its rows.
        let emptied = prepare && rows == 0;
        assert!(emptied || before == (hash, rows), "run {}: {commit_lsn} came again and differs", self.run);
    }

    fn in_order(&mut self, commit_lsn: u64, line: &str) {
        assert!(commit_lsn > self.last_commit, "run {}: twice, or out of commit order: {line}", self.run);
        self.last_commit = commit_lsn;
    }
}
