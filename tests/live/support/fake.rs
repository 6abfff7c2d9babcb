//! A server that is none: it speaks just enough of the protocol to be streamed from, and lies where a test wants it to.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

pub struct Fake {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    over: AtomicBool,
    connections: AtomicU64,
    sent: AtomicU64,
}

/// One connection's other end.
pub struct Peer {
    socket: TcpStream,
    state: Arc<State>,
}

const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;

impl Fake {
    /// `serve` gets each connection, counted from 0. After `most` of them nobody listens any more.
    pub fn new(most: u64, serve: impl Fn(u64, &mut Peer) -> io::Result<()> + Send + Sync + 'static) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let (shared, serve) = (Arc::clone(&state), Arc::new(serve));
        thread::spawn(move || {
            for number in 0..most {
                let Ok((socket, _)) = listener.accept() else { return };
                if shared.over.load(SeqCst) {
                    return;
                }
                shared.connections.fetch_add(1, SeqCst);
                socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
                socket.set_nodelay(true).unwrap();
                let (state, serve) = (Arc::clone(&shared), Arc::clone(&serve));
                // An error means that the client left, as it may.
                thread::spawn(move || serve(number, &mut Peer { socket, state }));
            }
        });
        Fake { port, state }
    }

    pub fn conninfo(&self) -> String {
        format!("host=127.0.0.1 port={} user=u dbname=db sslmode=disable gssencmode=disable", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn connections(&self) -> u64 {
        self.state.connections.load(SeqCst)
    }

    /// Bytes that went out on all connections.
    pub fn sent(&self) -> u64 {
        self.state.sent.load(SeqCst)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.state.over.store(true, SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Peer {
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(64 << 10) {
            self.socket.write_all(piece)?;
            self.state.sent.fetch_add(piece.len() as u64, SeqCst);
        }
        Ok(())
    }

    /// CopyData messages.
    pub fn copy(&mut self, frames: &[Vec<u8>]) -> io::Result<()> {
        frames.iter().try_for_each(|frame| self.send(&message(b'd', frame)))
    }

    /// A message of the client's: its tag and body.
    pub fn receive(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut tag = [0];
        self.socket.read_exact(&mut tag)?;
        Ok((tag[0], self.body()?))
    }

    fn body(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.socket.read_exact(&mut length)?;
        let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
        self.socket.read_exact(&mut body)?;
        Ok(body)
    }

    /// The very first message: what it asks for, and the parameters.
    pub fn startup(&mut self) -> io::Result<(u32, Vec<u8>)> {
        let mut body = self.body()?;
        let rest = body.split_off(4);
        Ok((u32::from_be_bytes([body[0], body[1], body[2], body[3]]), rest))
    }

    /// Lets the client in.
    pub fn welcome(&mut self) -> io::Result<()> {
        while matches!(self.startup()?.0, SSL_REQUEST | GSS_REQUEST) {
            self.send(b"N")?;
        }
        self.send(&[authentication_ok(), parameter("server_version", "15.4"), ready()].concat())
    }

    /// Answers queries up to START_REPLICATION, and begins the COPY.
    pub fn handshake(&mut self) -> io::Result<()> {
        self.welcome()?;
        self.answer_queries(|_, _| None)
    }

    /// `lie` may give the bytes of another answer; it gets the query and its number.
    pub fn answer_queries(&mut self, lie: impl Fn(usize, &str) -> Option<Vec<u8>>) -> io::Result<()> {
        for number in 0.. {
            let (tag, body) = self.receive()?;
            if tag != b'Q' {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let query = String::from_utf8_lossy(&body).into_owned();
            let copies = query.starts_with("START_REPLICATION");
            let bytes = lie(number, &query).unwrap_or_else(|| answer(&query, None));
            self.send(&bytes)?;
            if copies {
                break;
            }
        }
        Ok(())
    }

    /// Sends nothing more, and waits until the client closes: what lies unread at a close would be a reset, which takes what was
    /// sent before out of the client's hands.
    pub fn hang_up(&mut self) -> io::Result<()> {
        self.socket.shutdown(Shutdown::Write)?;
        self.linger();
        Ok(())
    }

    /// Waits until the client closes; takes what it says.
    pub fn linger(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        let _ = self.socket.read_to_end(&mut all);
        all
    }
}

/// What a server would say, except where the question of this number is to be answered by a lie.
pub fn answer(query: &str, lie: Option<(usize, &[u8])>) -> Vec<u8> {
    if query.starts_with("START_REPLICATION") {
        return lie.map_or_else(|| message(b'W', &[0, 0, 0]), |(_, lie)| lie.to_vec());
    }
    let mut bytes = Vec::new();
    for (number, question) in query.trim_end_matches('\0').split(";\n").enumerate() {
        match lie {
            Some((at, lie)) if at == number => bytes.extend(lie),
            _ => bytes.extend(truth(question)),
        }
    }
    [bytes, ready()].concat()
}

fn truth(question: &str) -> Vec<u8> {
    if question.starts_with("SET") {
        message(b'C', b"SET\0")
    } else if question.starts_with("IDENTIFY_SYSTEM") {
        let values = [Some("7000000000000000001"), Some("1"), Some("F/0"), Some("db")];
        one_row(&["systemid", "timeline", "xlogpos", "dbname"], &values)
    } else if question.contains("pg_is_in_recovery") {
        one_row(&["pg_is_in_recovery", "int8"], &[Some("f"), Some("1700000000000000")])
    } else if question.starts_with("SHOW") {
        one_row(&["wal_sender_timeout"], &[Some("1min")])
    } else if question.contains("pg_replication_slots") {
        let names = question.trim_start_matches("SELECT ").split(" FROM").next().unwrap();
        let names: Vec<_> = names.split(", ").collect();
        let value = |name: &&str| match *name {
            "plugin" => Some("pgoutput"),
            "slot_type" => Some("logical"),
            "database" => Some("db"),
            "restart_lsn" | "confirmed_flush_lsn" => Some("0/64"),
            "wal_status" => Some("reserved"),
            "active_pid" | "xmin" | "catalog_xmin" | "safe_wal_size" => None,
            _ => Some("f"),
        };
        one_row(&names, &names.iter().map(value).collect::<Vec<_>>())
    } else if question.contains("pg_publication") {
        one_row(&["pubname"], &[Some("pub")])
    } else {
        panic!("the fake server does not know: {question}")
    }
}

/// A row's description, the row, the end of the command.
pub fn one_row(columns: &[&str], values: &[Option<&str>]) -> Vec<u8> {
    let mut description = (columns.len() as u16).to_be_bytes().to_vec();
    for column in columns {
        description.extend(column.bytes());
        // No table, type text, of any length, as text.
        description.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 255, 255, 255, 255, 255, 255, 0, 0]);
    }
    let mut row = (values.len() as u16).to_be_bytes().to_vec();
    for value in values {
        match value {
            None => row.extend((-1_i32).to_be_bytes()),
            Some(value) => {
                row.extend((value.len() as i32).to_be_bytes());
                row.extend(value.bytes());
            }
        }
    }
    [message(b'T', &description), message(b'D', &row), message(b'C', b"SELECT 1\0")].concat()
}

pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend((body.len() as u32 + 4).to_be_bytes());
    bytes.extend(body);
    bytes
}

pub fn authentication_ok() -> Vec<u8> {
    message(b'R', &[0; 4])
}

pub fn parameter(name: &str, value: &str) -> Vec<u8> {
    message(b'S', format!("{name}\0{value}\0").as_bytes())
}

pub fn ready() -> Vec<u8> {
    message(b'Z', b"I")
}

/// An ErrorResponse, or with `tag` 'N' a notice.
pub fn error(tag: u8, severity: &str, sqlstate: &str, text: &str) -> Vec<u8> {
    message(tag, format!("S{severity}\0V{severity}\0C{sqlstate}\0M{text}\0\0").as_bytes())
}
