//! Messages without socket and server through a checked walk over the bytes (the floor), and through another way.
//!
//!     cargo bench --bench decoder|decode         nanoseconds a message, side by side
//!     … times SHAPE MESSAGES                     the same of one shape, as NAME=VALUE; allocations of 1000 messages when warm
//!     … walk|decode|batch|session SHAPE MESSAGES one of them, for callgrind
//!     … dump SHAPE FILE                          the messages for a peer: length and payload of each

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::messages::{self, SHAPES, Transaction};
use crate::walk::walk;

const ROUNDS: usize = 7;
/// Messages before anything is counted: some of the largest batches.
const WARM: u64 = 40_000;

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
pub struct Taken {
    ns: f64,
    /// When warm.
    allocations: f64,
}

fn measure<W: Way>(shape: &str, messages: u64) -> Taken {
    let mut transaction = Transaction::new(shape);
    transaction.renew();
    let (mut way, mut sum) = (W::new(shape), 0);
    let once = transaction.frames.len() as u64;
    for _ in 0..(WARM / once).max(2) {
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

/// The quickest of some rounds: what else the machine does only makes them slower.
pub fn best<W: Way>(shape: &str, messages: u64, rounds: usize) -> Taken {
    (0..rounds).map(|_| measure::<W>(shape, messages)).fold(
        Taken { ns: f64::MAX, allocations: 0.0 },
        |best, taken| Taken {
            ns: best.ns.min(taken.ns),
            allocations: best.allocations.max(taken.allocations),
        },
    )
}

/// A way, and `best` of it.
pub type Named = (&'static str, fn(&str, u64, usize) -> Taken);

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

/// `ways` and the walk.
pub fn main(ways: &[Named]) {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let walk: Named = ("walk", best::<Walk>);
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["dump", shape, path] => dump(shape, path).unwrap(),
        ["times", shape, messages] => {
            print!("walk={:.2}", walk.1(shape, messages.parse().unwrap(), ROUNDS).ns);
            for (name, best) in ways {
                let Taken { ns, allocations } = best(shape, messages.parse().unwrap(), ROUNDS);
                print!(" {name}={ns:.2} {name}_allocations={:.2}", allocations * 1000.0);
            }
            println!();
        }
        [name, shape, messages] => {
            let (_, best) = ways.iter().chain([&walk]).find(|way| way.0 == name).expect("one of the ways");
            best(shape, messages.parse().unwrap(), 1);
        }
        _ => {
            println!("nanoseconds a message, and how many walks that is");
            for shape in SHAPES {
                let floor = walk.1(shape, 300_000, ROUNDS).ns;
                print!("{shape:<10} walk {floor:>6.1}");
                for (name, best) in ways {
                    let ns = best(shape, 300_000, ROUNDS).ns;
                    print!("   {name} {ns:>6.1} {:>5.2}", ns / floor);
                }
                println!();
            }
        }
    }
}
