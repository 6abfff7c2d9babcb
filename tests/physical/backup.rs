//! Base backups: every version's form looks the same, and a server starts from what came.

use std::ffi::{CStr, CString, c_char};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::ptr::{null, null_mut};
use std::time::{Duration, Instant};

use walstream::ffi::*;
use walstream::model::Code;
use walstream::model::event::{BackupDetail, Event, Kind, ProgressDetail, TablespaceDetail};

use crate::support::host::{Fault, fault};
use crate::support::server::majors;
use crate::support::{Server, Sql, wait_until};

const LIMIT: Duration = Duration::from_secs(60);

/// A base backup as a host keeps it.
#[derive(Default)]
struct Backup {
    kinds: Vec<u32>,
    start: u64,
    end: u64,
    timelines: Vec<u32>,
    /// OID, location, size.
    tablespaces: Vec<(u32, String, i64)>,
    /// Name, OID, content; the manifest last.
    archives: Vec<(String, u32, Vec<u8>)>,
    progress: Vec<(u64, u64)>,
}

struct Stream(*mut StreamHandle);

// SAFETY: any thread may use it, one at a time.
unsafe impl Send for Stream {}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: freed once.
        unsafe { walstream_free(self.0) };
    }
}

fn start(conninfo: &str, options: &[(&str, &str)]) -> Result<Stream, Fault> {
    let conninfo = CString::new(conninfo).unwrap();
    let (mut stream, mut error) = (null_mut(), null_mut());
    // SAFETY: as the header wants it.
    unsafe {
        let config = walstream_config_new();
        for (key, value) in [("backup.checkpoint", "fast")].iter().chain(options) {
            let (key, value) = (CString::new(*key).unwrap(), CString::new(*value).unwrap());
            if walstream_config_set(config, key.as_ptr(), value.as_ptr(), &mut error) < 0 {
                walstream_config_free(config);
                return Err(fault(error));
            }
        }
        let code = walstream_basebackup_start(conninfo.as_ptr(), config, &mut stream, &mut error);
        walstream_config_free(config);
        if code < 0 {
            assert!(stream.is_null());
            return Err(fault(error));
        }
    }
    Ok(Stream(stream))
}

/// The start or a read tells what the server refuses, whichever comes to know of it.
fn whole(conninfo: &str, options: &[(&str, &str)]) -> Result<Backup, Fault> {
    start(conninfo, options).and_then(|stream| Backup::read(&stream))
}

unsafe fn text(text: *const c_char, len: u32) -> String {
    // SAFETY: a C string by the header's word.
    let text = unsafe { CStr::from_ptr(text) }.to_str().unwrap();
    assert_eq!(text.len(), len as usize);
    text.to_owned()
}

impl Backup {
    /// Reads to the end.
    fn read(stream: &Stream) -> Result<Backup, Fault> {
        let mut backup = Backup::default();
        loop {
            let (mut event, mut error) = (null(), null_mut());
            // SAFETY: as the header wants it; the event lives until the next call.
            unsafe {
                let code = walstream_next_event(stream.0, 60_000, &mut event, &mut error);
                match code {
                    0 => backup.take(&*event),
                    code if code == Code::END as i32 => return Ok(backup),
                    code if code < 0 => return Err(fault(error)),
                    code => panic!("code {code}"),
                }
            }
        }
    }

    unsafe fn take(&mut self, event: &Event) {
        if event.kind != Kind::BACKUP_DATA as u32 && event.kind != Kind::BACKUP_PROGRESS as u32 {
            self.kinds.push(event.kind);
        }
        assert_eq!(event.ack_lsn, 0);
        // SAFETY: what hangs on each kind by the header's word.
        unsafe {
            match event.kind {
                kind if kind == Kind::BACKUP_START as u32 => {
                    let detail = &*event.detail.cast::<BackupDetail>();
                    self.start = event.lsn;
                    self.timelines.push(detail.timeline);
                    let list =
                        std::slice::from_raw_parts(detail.tablespaces, detail.tablespace_count as usize);
                    let copy = |t: &TablespaceDetail| (t.oid, text(t.location, t.location_len), t.size);
                    self.tablespaces = list.iter().map(copy).collect();
                }
                kind if kind == Kind::ARCHIVE_BEGIN as u32 => {
                    let detail = &*event.detail.cast::<TablespaceDetail>();
                    self.archives.push((text(event.name, event.name_len), detail.oid, Vec::new()));
                }
                kind if kind == Kind::MANIFEST_BEGIN as u32 => {
                    self.archives.push((text(event.name, event.name_len), 0, Vec::new()));
                }
                kind if kind == Kind::BACKUP_DATA as u32 => {
                    let data = std::slice::from_raw_parts(event.payload, event.payload_len as usize + 1);
                    assert_eq!(data.last(), Some(&0), "a NUL follows");
                    self.archives.last_mut().unwrap().2.extend_from_slice(&data[..data.len() - 1]);
                }
                kind if kind == Kind::BACKUP_PROGRESS as u32 => {
                    let detail = &*event.detail.cast::<ProgressDetail>();
                    self.progress.push((detail.done, detail.total));
                }
                kind if kind == Kind::BACKUP_END as u32 => {
                    let detail = &*event.detail.cast::<BackupDetail>();
                    assert_eq!((detail.tablespace_count, detail.tablespaces.is_null()), (0, true));
                    self.end = event.lsn;
                    self.timelines.push(detail.timeline);
                }
                kind => panic!("kind {kind}"),
            }
        }
    }

    fn archive(&self, name: &str) -> &[u8] {
        &self.archives.iter().find(|(known, ..)| known == name).unwrap_or_else(|| panic!("no {name}")).2
    }

    /// As a data directory, its tablespaces beside it. Tar files of PostgreSQL 14 lack the two blocks at the end.
    fn unpack(&self, dir: &Path) -> PathBuf {
        let data = dir.join("data");
        std::fs::create_dir_all(&data).unwrap();
        for (name, oid, content) in &self.archives {
            if name == "backup_manifest" {
                std::fs::write(data.join(name), content).unwrap();
                continue;
            }
            let path = dir.join(name);
            std::fs::write(&path, content).unwrap();
            let to = if *oid == 0 { data.clone() } else { dir.join(format!("ts{oid}")) };
            std::fs::create_dir_all(&to).unwrap();
            run(Command::new("tar").arg("-xf").arg(&path).arg("-C").arg(&to));
        }
        for (oid, ..) in self.tablespaces.iter().filter(|(oid, ..)| *oid != 0) {
            let link = data.join("pg_tblspc").join(oid.to_string());
            let _ = std::fs::remove_file(&link);
            std::os::unix::fs::symlink(dir.join(format!("ts{oid}")), link).unwrap();
        }
        // The map names the directories of the server that was copied.
        let _ = std::fs::remove_file(data.join("tablespace_map"));
        data
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A directory that the server's user can write.
fn directory() -> tempfile::TempDir {
    let dir = tempfile::Builder::new().prefix("wsb").tempdir_in("/tmp").unwrap();
    run(Command::new("chmod").arg("777").arg(dir.path()));
    dir
}

fn sums(sql: &mut Sql) -> Vec<Vec<Option<String>>> {
    sql.rows(
        "SELECT 'a', count(*)::text, md5(string_agg(t::text, '' ORDER BY i)) FROM a t \
         UNION ALL SELECT 'b', count(*)::text, md5(string_agg(t::text, '' ORDER BY i)) FROM b t",
    )
}

fn fill(server: &Server, tablespace: &Path) -> Sql {
    let mut sql = Sql::connect(&server.conninfo("postgres"));
    sql.run("CREATE TABLE a AS SELECT i, md5(i::text) FROM generate_series(1, 30000) i");
    std::fs::create_dir_all(tablespace).unwrap();
    run(Command::new("chmod").arg("777").arg(tablespace));
    let owner = Path::new(server.fact("datadir"));
    run(Command::new("chown").arg("--reference").arg(owner).arg(tablespace));
    sql.run(&format!("CREATE TABLESPACE t LOCATION '{}'", tablespace.display()));
    sql.run("CREATE TABLE b TABLESPACE t AS SELECT i, md5(i::text) FROM generate_series(1, 5000) i");
    sql
}

#[test]
fn a_server_starts_from_it() {
    for major in majors() {
        let dir = directory();
        let server = Server::own(major, &[]);
        let mut sql = fill(&server, &dir.path().join("elsewhere"));
        let options = [("backup.wal", "on"), ("backup.label", "it's a \\ label")];
        let stream = start(&server.conninfo("postgres"), &options).unwrap();
        let backup = Backup::read(&stream).unwrap();
        let after = sums(&mut sql);

        let kind = |kind: Kind| kind as u32;
        assert_eq!(
            backup.kinds,
            [
                kind(Kind::BACKUP_START),
                kind(Kind::ARCHIVE_BEGIN),
                kind(Kind::ARCHIVE_BEGIN),
                kind(Kind::MANIFEST_BEGIN),
                kind(Kind::BACKUP_END)
            ],
            "PostgreSQL {major}"
        );
        let oid: u32 = sql.value("SELECT oid FROM pg_tablespace WHERE spcname = 't'").parse().unwrap();
        let names: Vec<_> = backup.archives.iter().map(|(name, oid, _)| (name.as_str(), *oid)).collect();
        let tar = format!("{oid}.tar");
        assert_eq!(names, [(tar.as_str(), oid), ("base.tar", 0), ("backup_manifest", 0)]);
        assert_eq!(backup.tablespaces.len(), 2);
        assert_eq!(backup.tablespaces[0].1, dir.path().join("elsewhere").to_str().unwrap());
        assert_eq!((backup.tablespaces[1].0, backup.tablespaces[1].1.as_str()), (0, ""));
        assert!(backup.start < backup.end && backup.timelines == [1, 1]);
        let (done, total) = *backup.progress.last().unwrap();
        assert!(backup.progress.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        assert!(total > 20 << 20 && done > total / 2, "{done} of {total}");
        let manifest = std::str::from_utf8(backup.archive("backup_manifest")).unwrap();
        assert!(manifest.contains("Manifest-Checksum") && manifest.contains("CRC32C"));

        let data = backup.unpack(dir.path());
        let label = std::fs::read_to_string(data.join("backup_label")).unwrap();
        assert!(label.contains("LABEL: it's a \\ label"), "{label}");
        verify(major, &data);
        run(Command::new("chown").args(["-R", "--reference", server.fact("datadir")]).arg(dir.path()));
        run(Command::new("chmod").arg("700").arg(&data));
        // Two servers may not share a directory: this one's tablespace is where we put it.
        let copy = Server::own(major, &["--clone", data.to_str().unwrap()]);
        let mut copied = Sql::connect(&copy.conninfo("postgres"));
        assert_eq!(sums(&mut copied), after, "PostgreSQL {major}");
    }
}

/// By pg_verifybackup, where one is installed that knows this version's manifests.
pub fn verify(major: u32, data: &Path) {
    let installed = |program_major: u32| {
        PathBuf::from(format!("/usr/lib/postgresql/{program_major}/bin/pg_verifybackup"))
    };
    // The manifest's form changed with 17.
    let fits = |program: &u32| (*program >= 17) == (major >= 17) && installed(*program).exists();
    match (13..=18).rev().find(fits) {
        Some(program) => {
            run(Command::new(installed(program))
                .args(["-n", "-m"])
                .arg(data.join("backup_manifest"))
                .arg(data));
        }
        None => eprintln!("skipped: no pg_verifybackup for PostgreSQL {major}"),
    }
}

#[test]
fn every_option_reaches_the_server() {
    for major in majors() {
        let server = Server::own(major, &["--set", "autovacuum=off"]);
        let conninfo = server.conninfo("postgres");
        let read = |options: &[(&str, &str)]| Backup::read(&start(&conninfo, options).unwrap()).unwrap();

        let plain = read(&[
            ("backup.manifest", "no"),
            ("backup.progress", "off"),
            ("backup.verify_checksums", "off"),
            ("backup.wait", "off"),
            ("backup.max_rate_kb", "1048576"),
            ("backup.tablespace_map", "on"),
        ]);
        assert_eq!(plain.archives.len(), 1);
        assert!(plain.progress.is_empty());
        assert_eq!(plain.tablespaces, [(0, String::new(), -1)]);

        let sums = read(&[("backup.manifest_checksums", "sha256"), ("backup.manifest", "force-encode")]);
        let manifest = String::from_utf8(sums.archive("backup_manifest").to_vec()).unwrap();
        assert!(manifest.contains("SHA256") && manifest.contains("Encoded-Path"));

        let compress = [("backup.compression", "gzip"), ("backup.compression_detail", "level=1")];
        if major >= 15 {
            let backup = read(&compress);
            assert_eq!(backup.archive("base.tar.gz")[..2], [0x1F, 0x8B]);
            assert!(backup.archive("base.tar.gz").len() < plain.archive("base.tar").len() / 2);
        } else {
            let fault = start(&conninfo, &compress).map(|_| ()).unwrap_err();
            assert!(fault.is(Code::E_UNSUPPORTED) && fault.message.contains("PostgreSQL 15"), "{fault:?}");
        }

        compressions(major, &conninfo);

        // Nothing is left to write, so that spreading it takes no time.
        Sql::connect(&conninfo).run("CHECKPOINT");
        let spread = read(&[("backup.checkpoint", "spread"), ("backup.wal", "on")]);
        assert!(spread.archive("base.tar").len() > plain.archive("base.tar").len(), "with its log");
        let log = std::fs::read_to_string(server.fact("log")).unwrap();
        let commands: Vec<_> = log.lines().filter(|line| line.contains("BASE_BACKUP")).collect();
        assert!(!commands.last().unwrap().to_lowercase().contains("fast"), "{commands:?}");
        assert!(commands[0].to_lowercase().contains("fast"), "{commands:?}");

        let stream = start(&conninfo, &[("backup.max_rate_kb", "256")]).unwrap();
        let slow = Instant::now();
        let mut error = null_mut();
        // SAFETY: as the header wants it.
        let code = unsafe { walstream_stop(stream.0, 30_000, &mut error) };
        // The rest would take more than a minute.
        assert!(code == 0 && slow.elapsed() < Duration::from_secs(30), "a stop does not wait for the rest");
        drop(stream);
        let mut sql = Sql::connect(&conninfo);
        wait_until(LIMIT, "no walsender is left", || {
            sql.value("SELECT count(*) FROM pg_stat_replication") == "0"
        });
    }
}

/// lz4 and zstd, where the server was built with them; where not, it says so.
fn compressions(major: u32, conninfo: &str) {
    for (method, file, magic) in [
        ("lz4", "base.tar.lz4", [0x04, 0x22, 0x4D, 0x18]),
        ("zstd", "base.tar.zst", [0x28, 0xB5, 0x2F, 0xFD]),
    ] {
        let options = [("backup.compression", method), ("backup.compression_detail", "level=1")];
        match whole(conninfo, &options) {
            Ok(backup) => {
                assert!(major >= 15, "{method} on PostgreSQL {major}");
                assert_eq!(backup.archive(file)[..4], magic);
                let manifest = String::from_utf8(backup.archive("backup_manifest").to_vec()).unwrap();
                assert!(manifest.contains("Manifest-Checksum"));
                let dir = directory();
                let path = dir.path().join(file);
                std::fs::write(&path, backup.archive(file)).unwrap();
                // By the method's own program, where there is one.
                match Command::new(method).arg("-t").arg(&path).output() {
                    Ok(output) => assert!(output.status.success(), "{output:?}"),
                    Err(_) => eprintln!("skipped: no program {method} to test the archive with"),
                }
                let wrong = [("backup.compression", method), ("backup.compression_detail", "level=99")];
                assert!(whole(conninfo, &wrong).map(|_| ()).unwrap_err().is(Code::E_SERVER));
            }
            Err(fault) if major < 15 => {
                assert!(
                    fault.is(Code::E_UNSUPPORTED) && fault.message.contains("PostgreSQL 15"),
                    "{fault:?}"
                );
            }
            Err(fault) => {
                eprintln!("PostgreSQL {major} was built without {method}: {}", fault.message);
                assert!(fault.is(Code::E_SERVER) || fault.is(Code::E_UNSUPPORTED), "{fault:?}");
                assert!(
                    fault.message.contains(&method.to_uppercase()) || fault.message.contains(method),
                    "{fault:?}"
                );
            }
        }
    }
}

#[test]
fn incremental_backups() {
    for major in majors() {
        let server = Server::own(major, if major >= 17 { &["--set", "summarize_wal=on"] } else { &[] });
        let conninfo = server.conninfo("postgres");
        let dir = directory();
        let path = dir.path().join("manifest");
        let full = Backup::read(&start(&conninfo, &[]).unwrap()).unwrap();
        std::fs::write(&path, full.archive("backup_manifest")).unwrap();
        let options = [("backup.incremental", path.to_str().unwrap())];
        if major < 17 {
            let fault = start(&conninfo, &options).map(|_| ()).unwrap_err();
            assert!(fault.is(Code::E_UNSUPPORTED) && fault.message.contains("PostgreSQL 17"), "{fault:?}");
            continue;
        }
        Sql::connect(&conninfo).run("CREATE TABLE later AS SELECT 1 a");
        let increment = Backup::read(&start(&conninfo, &options).unwrap()).unwrap();
        assert!(increment.archive("base.tar").len() < full.archive("base.tar").len() / 2);
        let has =
            |backup: &Backup| backup.archive("base.tar").windows(12).any(|window| window == b"INCREMENTAL.");
        assert!(has(&increment) && !has(&full));
        let missing = [("backup.incremental", "/nonexistent/manifest")];
        let fault = whole(&conninfo, &missing).map(|_| ()).unwrap_err();
        assert!(fault.is(Code::E_IO), "{fault:?}");
        std::fs::write(&path, "no manifest").unwrap();
        let fault = whole(&conninfo, &options).map(|_| ()).unwrap_err();
        assert!(fault.is(Code::E_SERVER), "{fault:?}");
    }
}

#[test]
fn failures_end_it_and_nothing_is_retried() {
    let nobody = start("host=127.0.0.1 port=1 user=postgres", &[]).map(|_| ()).unwrap_err();
    assert!(nobody.is(Code::E_CONNECT), "{nobody:?}");
    let server = Server::own(majors()[0], &[]);
    let conninfo = server.conninfo("postgres");
    let mut sql = Sql::connect(&conninfo);
    let stream = start(&conninfo, &[("backup.max_rate_kb", "1024"), ("queue.max_bytes", "64kB")]).unwrap();
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_replication";
    wait_until(LIMIT, "the backup runs", || {
        sql.value("SELECT count(*) FROM pg_stat_progress_basebackup WHERE phase LIKE 'streaming%'") == "1"
    });
    sql.run(kill);
    let fault = Backup::read(&stream).map(|_| ()).unwrap_err();
    assert!(fault.code < 0 && fault.flags & 1 != 0, "{fault:?}");
    for (key, value) in
        [("backup.max_rate_kb", "31"), ("backup.label", "a\nb"), ("backup.compression_detail", "a'b")]
    {
        let fault = start(&conninfo, &[(key, value)]).map(|_| ()).unwrap_err();
        assert!(fault.is(Code::E_ARGUMENT), "{key}: {fault:?}");
    }
}

#[test]
fn memory_stays_bounded_while_the_host_sleeps() {
    let server = Server::own(*majors().last().unwrap(), &[]);
    let stream = start(&server.conninfo("postgres"), &[("queue.max_bytes", "64kB")]).unwrap();
    let stats = || -> StreamStats {
        // SAFETY: plain numbers; as the header wants it.
        unsafe {
            let mut stats: StreamStats = std::mem::zeroed();
            stats.struct_size = size_of::<StreamStats>() as u32;
            assert_eq!(walstream_get_stats(stream.0, &mut stats), 0);
            stats
        }
    };
    let mut since = (Instant::now(), 0);
    wait_until(LIMIT, "nothing more is read", || {
        let bytes = stats().bytes;
        if bytes != since.1 {
            since = (Instant::now(), bytes);
        }
        bytes > 0 && since.0.elapsed() > Duration::from_millis(500)
    });
    assert!(stats().bytes < 1 << 20, "{}", stats().bytes);
    let backup = Backup::read(&stream).unwrap();
    assert!(backup.archive("base.tar").len() > 10 << 20);
}
