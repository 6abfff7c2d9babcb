//! Private servers, each started by scripts/pg-server, which removes everything when its input ends: also when this
//! process is killed.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

pub struct Server {
    facts: HashMap<String, String>,
    pipes: Mutex<Pipes>,
}

struct Pipes {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// The majors to test on: all five, or those named in WALSTREAM_TEST_MAJORS.
pub fn majors() -> Vec<u32> {
    let text = std::env::var("WALSTREAM_TEST_MAJORS").unwrap_or_else(|_| "14 15 16 17 18".to_owned());
    text.split_whitespace().map(|word| word.parse().expect("WALSTREAM_TEST_MAJORS: numbers")).collect()
}

impl Server {
    /// One for all tests that leave it as it is.
    pub fn shared(major: u32) -> &'static Server {
        static SERVERS: [OnceLock<Server>; 5] = [const { OnceLock::new() }; 5];
        SERVERS[(major - 14) as usize].get_or_init(|| Server::own(major, &[]))
    }

    /// One for a test that breaks it. `arguments` are scripts/pg-server's.
    pub fn own(major: u32, arguments: &[&str]) -> Server {
        Server::own_with(major, arguments, &[])
    }

    /// The same, with environment variables for scripts/pg-server.
    pub fn own_with(major: u32, arguments: &[&str], environment: &[(&str, &str)]) -> Server {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/pg-server");
        let mut child = Command::new(script)
            .args(["--major", &major.to_string(), "--tcp"])
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("scripts/pg-server runs");
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let mut facts = HashMap::new();
        loop {
            let mut line = String::new();
            let read = output.read_line(&mut line).expect("scripts/pg-server writes text");
            assert!(read > 0, "PostgreSQL {major} did not start: see above");
            match line.trim_end().split_once('=') {
                Some((name, value)) => facts.insert(name.to_owned(), value.to_owned()),
                None if line.trim_end() == "ready" => break,
                None => continue,
            };
        }
        Server { facts, pipes: Mutex::new(Pipes { child, input, output }) }
    }

    /// `port`, `datadir`, `pid` and the like.
    pub fn fact(&self, name: &str) -> &str {
        self.facts.get(name).unwrap_or_else(|| panic!("scripts/pg-server tells no {name}"))
    }

    pub fn major(&self) -> u32 {
        self.fact("major").parse().expect("a number")
    }

    pub fn port(&self) -> u16 {
        self.fact("port").parse().expect("a number")
    }

    pub fn conninfo(&self, database: &str) -> String {
        format!("host=127.0.0.1 port={} user=postgres dbname={database}", self.fact("port"))
    }

    /// `stop fast`, `start`, `restart immediate`, `crash`, `promote`: see scripts/pg-server.
    pub fn command(&self, command: &str) {
        let answer = self.try_command(command);
        assert_eq!(answer, "ok", "{command}");
    }

    pub fn try_command(&self, command: &str) -> String {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let input = pipes.input.as_mut().expect("open until drop");
        writeln!(input, "{command}").and_then(|()| input.flush()).expect("scripts/pg-server listens");
        let mut line = String::new();
        pipes.output.read_line(&mut line).expect("scripts/pg-server answers");
        line.trim_end().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pipes = self.pipes.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(pipes.input.take());
        let _ = pipes.child.wait();
    }
}
