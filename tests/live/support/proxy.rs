//! A TCP proxy that breaks lines: cuts, stalls, delays, splits, drops into silence.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    target: AtomicU64,
    over: AtomicBool,
    /// Nothing passes, nothing is closed.
    stalled: AtomicBool,
    /// New connections are closed at once.
    refusing: AtomicBool,
    delay_us: AtomicU64,
    /// Largest piece that is passed on; 0: as it comes.
    piece: AtomicU64,
    /// Bytes from the server until the line is cut; negative: never.
    cut_after: AtomicI64,
    connections: AtomicU64,
    sockets: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    pub fn new(target: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        state.target.store(target.into(), SeqCst);
        state.cut_after.store(-1, SeqCst);
        let shared = Arc::clone(&state);
        thread::spawn(move || accept(&listener, &shared));
        Proxy { port, state }
    }

    /// `conninfo` by way of the proxy.
    pub fn conninfo(&self, conninfo: &str) -> String {
        format!("{conninfo} port={}", self.port)
    }

    /// Closes every line, at whatever byte it is.
    pub fn cut(&self) {
        for socket in self.state.sockets.lock().unwrap().drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    pub fn cut_after(&self, bytes: i64) {
        self.state.cut_after.store(bytes, SeqCst);
    }

    pub fn stall(&self, stalled: bool) {
        self.state.stalled.store(stalled, SeqCst);
    }

    pub fn refuse(&self, refusing: bool) {
        self.state.refusing.store(refusing, SeqCst);
    }

    pub fn delay(&self, delay: Duration) {
        self.state.delay_us.store(delay.as_micros() as u64, SeqCst);
    }

    pub fn split(&self, piece: u64) {
        self.state.piece.store(piece, SeqCst);
    }

    /// Another server behind the same address.
    pub fn lead_to(&self, target: u16) {
        self.state.target.store(target.into(), SeqCst);
    }

    pub fn connections(&self) -> u64 {
        self.state.connections.load(SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.over.store(true, SeqCst);
        self.cut();
        // Wakes the listener.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    for client in listener.incoming() {
        if state.over.load(SeqCst) {
            return;
        }
        let Ok(client) = client else { continue };
        if state.refusing.load(SeqCst) {
            continue;
        }
        let Ok(server) = TcpStream::connect(("127.0.0.1", state.target.load(SeqCst) as u16)) else {
            continue;
        };
        state.connections.fetch_add(1, SeqCst);
        let copies = [&client, &server, &client, &server].map(|socket| socket.try_clone().unwrap());
        let [client_read, server_read, client_write, server_write] = copies;
        state.sockets.lock().unwrap().extend([client, server]);
        let (up, down) = (Arc::clone(state), Arc::clone(state));
        thread::spawn(move || pass(client_read, server_write, &up, false));
        thread::spawn(move || pass(server_read, client_write, &down, true));
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, state: &State, from_server: bool) {
    from.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut buffer = vec![0; 64 << 10];
    loop {
        while state.stalled.load(SeqCst) && !state.over.load(SeqCst) {
            thread::sleep(Duration::from_millis(2));
        }
        let read = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if state.over.load(SeqCst) {
                    break;
                }
                continue;
            }
            Err(_) => break,
        };
        let delay = state.delay_us.load(SeqCst);
        if delay > 0 {
            thread::sleep(Duration::from_micros(delay));
        }
        while state.stalled.load(SeqCst) && !state.over.load(SeqCst) {
            thread::sleep(Duration::from_millis(2));
        }
        let mut data = &buffer[..read];
        let mut cut = false;
        if from_server && state.cut_after.load(SeqCst) >= 0 {
            let left = state.cut_after.fetch_sub(read as i64, SeqCst);
            if left <= read as i64 {
                state.cut_after.store(-1, SeqCst);
                data = &data[..(left.max(0) as usize).min(read)];
                cut = true;
            }
        }
        let piece = match state.piece.load(SeqCst) {
            0 => data.len().max(1),
            piece => piece as usize,
        };
        if data.chunks(piece).any(|part| to.write_all(part).is_err()) || cut {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
