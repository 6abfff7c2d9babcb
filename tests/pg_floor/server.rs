//! A server of a test's own, and how the tests talk to it.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use walstream::pg::*;

/// Debian's, which speak other languages, too; else those that `make test` has fetched.
fn programs() -> PathBuf {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut all: Vec<PathBuf> = installed
        .map(|entry| entry.unwrap().path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    all.sort();
    all.pop().unwrap_or_else(|| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/pg-binaries");
        let out = Command::new(script).arg("any").output().unwrap().stdout;
        PathBuf::from(String::from_utf8(out).unwrap().trim())
    })
}

pub struct Server {
    pub dir: tempfile::TempDir,
    bin: PathBuf,
    owner: Option<(u32, u32)>,
    pub locale_path: Option<PathBuf>,
}

impl Server {
    pub fn start(settings: &str, hba: &str) -> Server {
        let server = Server::init(settings, hba);
        server.pg_ctl(&["-w", "start"]);
        server
    }

    pub fn init(settings: &str, hba: &str) -> Server {
        let bin = std::env::var_os("WALSTREAM_PG_BINDIR").map_or_else(programs, PathBuf::from);
        let dir = tempfile::Builder::new().prefix("wst").tempdir_in("/tmp").unwrap();
        let id = |flag: &str| {
            // As scripts/lib/common.sh: server_user.
            let of = |user| String::from_utf8(Command::new("id").args([flag, user]).output().unwrap().stdout);
            let parse = |user| of(user).unwrap().trim().parse::<u32>().ok();
            parse("postgres").or_else(|| parse("nobody")).expect("a user named postgres or nobody")
        };
        // SAFETY: no preconditions.
        let owner = (unsafe { libc::geteuid() } == 0).then(|| (id("-u"), id("-g")));
        if let Some((uid, gid)) = owner {
            std::os::unix::fs::chown(dir.path(), Some(uid), Some(gid)).unwrap();
        }
        let server = Server { dir, bin, owner, locale_path: None };
        server.run(
            server
                .command("initdb")
                .args(["-A", "trust", "-U", "boss", "-N", "--locale=C", "-E", "UTF8", "-D"])
                .arg(server.data()),
        );
        let append = |file: &str, text: &str| {
            let path = server.data().join(file);
            let old = fs::read_to_string(&path).unwrap();
            // Rules of pg_hba.conf hold from the first match on.
            fs::write(
                path,
                if file == "pg_hba.conf" { format!("{text}\n{old}") } else { format!("{old}\n{text}\n") },
            )
            .unwrap();
        };
        append("pg_hba.conf", hba);
        let base =
            "wal_level=logical\nfsync=off\nlisten_addresses=''\nshared_buffers=16MB\nmax_wal_senders=8\n";
        let socket = format!("unix_socket_directories='{}'\n", server.dir.path().display());
        append("postgresql.conf", &format!("{base}{socket}{settings}"));
        server
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.current_dir("/tmp");
        if let Some((uid, gid)) = self.owner {
            command.uid(uid).gid(gid);
        }
        if let Some(path) = &self.locale_path {
            command.env("LOCPATH", path);
        }
        command
    }

    pub fn run(&self, command: &mut Command) {
        let out = command.output().unwrap();
        assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    }

    pub fn pg_ctl(&self, args: &[&str]) {
        let log = self.dir.path().join("log");
        self.run(self.command("pg_ctl").arg("-D").arg(self.data()).arg("-l").arg(log).args(args));
    }

    pub fn conninfo(&self, more: &str) -> Conninfo {
        Conninfo::parse(&format!("host={} user=boss dbname=postgres {more}", self.dir.path().display()))
            .unwrap()
    }

    pub fn connect(&self, more: &str) -> Connection {
        connect(&self.conninfo(more)).unwrap()
    }

    pub fn replication(&self) -> Connection {
        self.connect("replication=database")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self
            .command("pg_ctl")
            .arg("-D")
            .arg(self.data())
            .args(["-m", "immediate", "-w", "stop"])
            .output();
    }
}

pub fn connect(conninfo: &Conninfo) -> Result<Connection, PgError> {
    Connection::connect(conninfo, &[], &[], patience!())
}

pub fn run(connection: &mut Connection, sql: &str) -> Vec<ResultSet> {
    connection.query(sql, patience!()).unwrap_or_else(|error| panic!("{sql}: {error:?}"))
}

pub fn one(connection: &mut Connection, sql: &str) -> String {
    run(connection, sql)[0].text(0, 0).unwrap().to_owned()
}

pub fn server_error<T: std::fmt::Debug>(result: Result<T, PgError>) -> ServerError {
    match result {
        Err(PgError::Server(error)) => *error,
        other => panic!("expected an error of the server's: {other:?}"),
    }
}

pub fn connect_error(conninfo: &Conninfo) -> ConnectError {
    match connect(conninfo) {
        Err(PgError::Connect(error)) => {
            println!("{error}");
            assert!(!error.message.as_str().contains("plugh"), "{error}");
            assert!(!error.message.as_str().contains(".c:"), "{error}");
            *error
        }
        other => panic!("expected a refused connection: {other:?}"),
    }
}

pub fn sqlstate(error: &ConnectError) -> Option<&str> {
    error.sqlstate.as_ref().map(SqlState::as_str)
}

/// The next frame of a running COPY; `None` at its end.
pub fn frame(connection: &mut Connection) -> Result<Option<CopyData>, PgError> {
    loop {
        match connection.receive()? {
            Received::Frame(frame) => return Ok(Some(frame)),
            Received::Ended => return Ok(None),
            Received::Nothing => {
                let deadline = Some(Instant::now() + Duration::from_secs(60));
                let socket = (connection.socket()?, Interest::Read);
                assert!(!wait(Some(socket), &EventFd::new()?, deadline)?.timed_out, "no frame");
                connection.consume_input()?;
            }
        }
    }
}

/// Waits until `sql` gives "t".
pub fn until(connection: &mut Connection, sql: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while one(connection, sql) != "t" {
        assert!(Instant::now() < deadline, "{sql}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
