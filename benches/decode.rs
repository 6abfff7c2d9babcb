//! Decode alone, without socket and server: the same messages through a checked walk over the bytes (the floor) and
//! through a session, up to sealed batches that are read and dropped.
//!
//!     cargo bench --bench decode                     nanoseconds a message, side by side
//!     …/decode walk|session narrow|wide|update|one N   one of them, for callgrind (scripts/check-instructions)

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use walstream::lsn::Lsn;
use walstream::model::Value;
use walstream::model::arena::Pool;
use walstream::stream::Options;
use walstream::stream::session::{Connected, Now, Session};

const RELATION: u32 = 16_384;
const SHAPES: [&str; 4] = ["narrow", "wide", "update", "one"];
/// What a batch holds at most, as in the worker.
const BATCH_BYTES: usize = 240 << 10;

/// A transaction, as frames.
struct Transaction {
    frames: Vec<Vec<u8>>,
    /// Frames with the positions in them that have to rise.
    next: u64,
}

fn frame(lsn: u64, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![b'w'];
    for number in [lsn, lsn, 800_000_000_000_000] {
        frame.extend(number.to_be_bytes());
    }
    frame.extend(payload);
    frame
}

fn tuple(values: &[String]) -> Vec<u8> {
    let mut bytes = (values.len() as u16).to_be_bytes().to_vec();
    for value in values {
        bytes.push(b't');
        bytes.extend((value.len() as u32).to_be_bytes());
        bytes.extend(value.bytes());
    }
    bytes
}

/// 5 columns of 110 bytes in all, or 20 of 490; `update` has both rows.
fn row(shape: &str, number: u64) -> Vec<u8> {
    let columns = if shape == "wide" { 20 } else { 5 };
    let values: Vec<_> = (0..columns).map(|column| format!("{:0>17}", number * 31 + column)).collect();
    let relation = RELATION.to_be_bytes();
    let new = tuple(&values);
    if shape == "update" {
        [b"U".as_slice(), &relation, b"O", &new, b"N", &new].concat()
    } else {
        [b"I".as_slice(), &relation, b"N", &new].concat()
    }
}

fn relation(shape: &str) -> Vec<u8> {
    let columns: u16 = if shape == "wide" { 20 } else { 5 };
    let mut bytes = [b"R".as_slice(), &RELATION.to_be_bytes(), b"public\0rows\0f"].concat();
    bytes.extend(columns.to_be_bytes());
    for column in 0..columns {
        bytes.push(1);
        bytes.extend(format!("c{column}\0").bytes());
        bytes.extend(25u32.to_be_bytes());
        bytes.extend((-1i32).to_be_bytes());
    }
    bytes
}

impl Transaction {
    fn new(shape: &str) -> Transaction {
        let rows = if shape == "one" { 1 } else { 1000 };
        let time = 800_000_000_000_000u64.to_be_bytes();
        let none = 0u64.to_be_bytes();
        let mut frames = vec![frame(0, &[b"B".as_slice(), &none, &time, &700u32.to_be_bytes()].concat())];
        frames.extend((0..rows).map(|number| frame(0x100, &row(shape, number))));
        frames.push(frame(0, &[b"C\0".as_slice(), &none, &none, &time].concat()));
        Transaction { frames, next: 0x1000 }
    }

    /// The next one: positions rise, the rows stay.
    fn renew(&mut self) {
        let (lsn, end) = (self.next, self.next + 0x30);
        self.next += 0x100;
        let last = self.frames.len() - 1;
        let mut put = |index: usize, at: usize, lsn: u64| {
            self.frames[index][at..at + 8].copy_from_slice(&lsn.to_be_bytes());
        };
        // XLogData's start, then what follows Begin's tag and Commit's tag and flags.
        put(0, 1, lsn - 0x10);
        put(0, 26, lsn);
        put(last, 1, end);
        put(last, 27, lsn);
        put(last, 35, end);
    }
}

/// Every length checked, pointer, length and kind of each column written: what no decoder can do without.
#[inline(never)]
fn walk(frame: &[u8], values: &mut Vec<(*const u8, u32, u8)>) -> Option<()> {
    values.clear();
    let (head, mut rest) = frame.split_first_chunk::<26>()?;
    if head[0] != b'w' {
        return None;
    }
    let mut tuples = match head[25] {
        b'I' => 1,
        b'U' => 2,
        _ => return Some(()),
    };
    (_, rest) = rest.split_first_chunk::<4>()?;
    while tuples > 0 {
        tuples -= 1;
        let ([_, high, low], after) = rest.split_first_chunk::<3>()?;
        rest = after;
        for _ in 0..u16::from_be_bytes([*high, *low]) {
            let (kind, after) = rest.split_first()?;
            rest = after;
            let len = match kind {
                b't' | b'b' => {
                    let (len, after) = rest.split_first_chunk::<4>()?;
                    rest = after;
                    u32::from_be_bytes(*len)
                }
                _ => 0,
            };
            let (value, after) = rest.split_at_checked(len as usize)?;
            values.push((value.as_ptr(), len, *kind));
            rest = after;
        }
    }
    rest.is_empty().then_some(())
}

fn touch(values: *const Value, count: u32) -> u64 {
    let mut sum = 0;
    for index in 0..count as usize {
        // SAFETY: a row of a batch that is alive has `count` values.
        let value = unsafe { &*values.add(index) };
        sum += u64::from(value.size) + u64::from(value.kind) + value.data as u64;
    }
    sum
}

struct Machine {
    session: Session,
    now: Now,
}

impl Machine {
    fn new(shape: &str) -> Machine {
        let now = Now { instant: Instant::now(), unix_us: 1_700_000_000_000_000 };
        let mut session = Session::new(&Options::default(), now, Arc::new(Pool::default()));
        let connected = Connected {
            slot: Lsn(0x100),
            start: Lsn::ZERO,
            wal_sender_timeout: Duration::from_secs(60),
            streaming: false,
        };
        session.connected(now, &connected).unwrap();
        let mut machine = Machine { session, now };
        let mut first = Transaction::new("one");
        first.next = 0x800;
        first.renew();
        first.frames[1] = frame(0, &relation(shape));
        machine.run(&first);
        machine
    }

    #[inline(never)]
    fn run(&mut self, transaction: &Transaction) -> u64 {
        let mut sum = 0;
        for frame in &transaction.frames {
            self.session.handle_frame(self.now, frame).unwrap();
            if self.session.is_full(BATCH_BYTES) {
                sum += self.hand_over();
            }
        }
        sum
    }

    fn hand_over(&mut self) -> u64 {
        let mut sum = 0;
        while let Some(batch) = self.session.outbox().take().unwrap() {
            for event in batch.events() {
                sum += touch(event.old_values, event.old_count) + touch(event.new_values, event.new_count);
            }
        }
        sum
    }
}

fn measure(what: &str, shape: &str, messages: u64) -> f64 {
    let mut transaction = Transaction::new(shape);
    let (mut machine, mut values, mut done) = (Machine::new(shape), Vec::new(), 0);
    let mut sum = 0;
    transaction.renew();
    let started = Instant::now();
    while done < messages {
        if what == "walk" {
            for frame in &transaction.frames {
                walk(black_box(frame), &mut values).unwrap();
                sum += values.len() as u64;
            }
        } else {
            sum += machine.run(black_box(&transaction));
            transaction.renew();
        }
        done += transaction.frames.len() as u64;
    }
    black_box(sum);
    started.elapsed().as_nanos() as f64 / done as f64
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [what, shape, messages] = &arguments[..] {
        measure(what, shape, messages.parse().unwrap());
        return;
    }
    println!("nanoseconds a message    walk  session  ratio");
    for shape in SHAPES {
        let best = |what| (0..7).map(|_| measure(what, shape, 300_000)).fold(f64::MAX, f64::min);
        let (walk, session) = (best("walk"), best("session"));
        println!("{shape:<22} {walk:>6.1}  {session:>7.1}  {:>5.2}", session / walk);
    }
}
