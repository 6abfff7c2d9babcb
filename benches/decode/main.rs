//! Decoding without socket and server: the same messages through a checked walk over the bytes (the floor), the decoder
//! alone, and a session.
//!
//!     cargo bench --bench decode                       nanoseconds a message, side by side
//!     …/decode times SHAPE MESSAGES                    the same of one shape, as NAME=VALUE
//!     …/decode dump SHAPE FILE                         the messages for a peer: length and payload of each
//!     …/decode walk|decode|session SHAPE MESSAGES      one of them, for callgrind (scripts/check-instructions)

mod machines;
mod messages;
mod walk;

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use machines::{Decoder, Machine};
use messages::{SHAPES, Transaction};
use walk::walk;

const WAYS: [&str; 3] = ["walk", "decode", "session"];
const ROUNDS: usize = 7;

/// The system's allocator, counted.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's duties are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: it came from `alloc` or `realloc`.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: it came from `alloc` or `realloc`.
        unsafe { System.realloc(at, layout, size) }
    }
}

/// What a way through the messages took.
struct Taken {
    /// A message.
    ns: f64,
    /// When warm.
    allocations: u64,
}

fn measure(way: &str, shape: &str, messages: u64) -> Taken {
    let mut transaction = Transaction::new(shape);
    transaction.renew();
    match way {
        "walk" => {
            let mut values = Vec::new();
            repeat(&mut transaction, messages, |transaction| {
                let mut sum = 0;
                for frame in &transaction.frames {
                    walk(black_box(frame), &mut values).unwrap();
                    sum += values.len() as u64;
                }
                sum
            })
        }
        "decode" => {
            let mut decoder = Decoder::new(shape);
            repeat(&mut transaction, messages, |transaction| {
                decoder.run(black_box(transaction));
                0
            })
        }
        _ => {
            let mut machine = Machine::new(shape);
            repeat(&mut transaction, messages, |transaction| {
                let sum = machine.run(black_box(transaction));
                transaction.renew();
                sum
            })
        }
    }
}

fn repeat(transaction: &mut Transaction, messages: u64, mut run: impl FnMut(&mut Transaction) -> u64) -> Taken {
    let once = transaction.frames.len() as u64;
    let mut sum = 0;
    for _ in 0..(4096 / once).max(2) {
        sum += run(transaction);
    }
    let (mut done, before, started) = (0, ALLOCATIONS.load(Ordering::Relaxed), Instant::now());
    while done < messages {
        sum += run(transaction);
        done += once;
    }
    let ns = started.elapsed().as_nanos() as f64 / done as f64;
    black_box(sum);
    Taken { ns, allocations: ALLOCATIONS.load(Ordering::Relaxed) - before }
}

/// The quickest of some rounds in which the ways take turns: what else the machine does only makes them slower.
fn best(shape: &str, messages: u64) -> [Taken; 3] {
    let mut best = WAYS.map(|_| Taken { ns: f64::MAX, allocations: 0 });
    for _ in 0..ROUNDS {
        for (best, way) in best.iter_mut().zip(WAYS) {
            let taken = measure(way, shape, messages);
            best.ns = best.ns.min(taken.ns);
            best.allocations = best.allocations.max(taken.allocations);
        }
    }
    best
}

fn dump(shape: &str, path: &str) -> std::io::Result<()> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    let mut transaction = Transaction::new(shape);
    transaction.renew();
    for frame in Transaction::first(shape).frames.iter().chain(&transaction.frames) {
        let payload = &frame[messages::PAYLOAD..];
        file.write_all(&(payload.len() as u32).to_be_bytes())?;
        file.write_all(payload)?;
    }
    file.flush()
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["dump", shape, path] => dump(shape, path).unwrap(),
        ["times", shape, messages] => {
            for (way, taken) in WAYS.into_iter().zip(best(shape, messages.parse().unwrap())) {
                println!("{way}={:.2} {way}_allocations={}", taken.ns, taken.allocations);
            }
        }
        [way, shape, messages] => {
            measure(way, shape, messages.parse().unwrap());
        }
        _ => {
            println!("nanoseconds a message    walk  decode  session   decode/walk");
            for shape in SHAPES {
                let [walk, decode, session] = best(shape, 300_000).map(|taken| taken.ns);
                println!("{shape:<22} {walk:>6.1} {decode:>7.1} {session:>8.1}   {:>11.2}", decode / walk);
            }
        }
    }
}
