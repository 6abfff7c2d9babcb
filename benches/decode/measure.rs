//! Messages without socket and server through a checked walk over the bytes (the floor), and through another way.
//!
//!     cargo bench --bench decoder|decode         nanoseconds a message, side by side
//!     … times SHAPE MESSAGES                     the same of one shape, as NAME=VALUE; allocations of 1000 messages when warm
//!     … walk|decode|session SHAPE MESSAGES       one of them, for callgrind
//!     … dump SHAPE FILE                          the messages for a peer: length and payload of each

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::messages::{self, SHAPES, Transaction};
use crate::walk::walk;

const ROUNDS: usize = 7;

/// What the messages go through.
pub trait Way {
    /// Do positions have to rise from one transaction to the next?
    const ORDERED: bool = false;
    /// Knows the table already.
    fn new(shape: &str) -> Self;
    /// What it returns depends on the work.
    fn run(&mut self, transaction: &Transaction) -> u64;
}

struct Walk(Vec<(*const u8, u32, u8)>);

impl Way for Walk {
    fn new(_: &str) -> Walk {
        Walk(Vec::new())
    }

    fn run(&mut self, transaction: &Transaction) -> u64 {
        let mut sum = 0;
        for frame in &transaction.frames {
            walk(black_box(frame), &mut self.0).unwrap();
            sum += self.0.len() as u64;
        }
        sum
    }
}

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

/// What a way took for each message.
#[derive(Clone, Copy)]
struct Taken {
    ns: f64,
    /// When warm.
    allocations: f64,
}

fn measure<W: Way>(shape: &str, messages: u64) -> Taken {
    let mut transaction = Transaction::new(shape);
    transaction.renew();
    let (mut way, mut sum) = (W::new(shape), 0);
    let once = transaction.frames.len() as u64;
    for _ in 0..(4096 / once).max(2) {
        sum += way.run(black_box(&transaction));
        if W::ORDERED {
            transaction.renew();
        }
    }
    let (mut done, before, started) = (0, ALLOCATIONS.load(Ordering::Relaxed), Instant::now());
    while done < messages {
        sum += way.run(black_box(&transaction));
        if W::ORDERED {
            transaction.renew();
        }
        done += once;
    }
    let ns = started.elapsed().as_nanos() as f64 / done as f64;
    black_box(sum);
    Taken { ns, allocations: (ALLOCATIONS.load(Ordering::Relaxed) - before) as f64 / done as f64 }
}

/// The quickest of some rounds in which walk and way take turns: what else the machine does only makes them slower.
fn best<W: Way>(shape: &str, messages: u64) -> [Taken; 2] {
    let mut best = [Taken { ns: f64::MAX, allocations: 0.0 }; 2];
    for _ in 0..ROUNDS {
        for (best, taken) in
            best.iter_mut().zip([measure::<Walk>(shape, messages), measure::<W>(shape, messages)])
        {
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

pub fn main<W: Way>(name: &str) {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["dump", shape, path] => dump(shape, path).unwrap(),
        ["times", shape, messages] => {
            let [walk, way] = best::<W>(shape, messages.parse().unwrap());
            println!(
                "walk={:.2} {name}={:.2} {name}_allocations={:.2}",
                walk.ns,
                way.ns,
                way.allocations * 1000.0
            );
        }
        ["walk", shape, messages] => _ = measure::<Walk>(shape, messages.parse().unwrap()),
        [way, shape, messages] if way == name => _ = measure::<W>(shape, messages.parse().unwrap()),
        _ => {
            println!("nanoseconds a message    walk {name:>8}  ratio");
            for shape in SHAPES {
                let [walk, way] = best::<W>(shape, 300_000).map(|taken| taken.ns);
                println!("{shape:<22} {walk:>6.1} {way:>8.1}  {:>5.2}", way / walk);
            }
        }
    }
}
