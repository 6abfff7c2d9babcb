//! A whole session, with identities, order and acknowledgements, up to sealed batches that are read and dropped.
//! Usage: see measure.rs.

mod measure;
mod messages;
mod walk;

use std::sync::Arc;
use std::time::{Duration, Instant};

use walstream::lsn::Lsn;
use walstream::model::Value;
use walstream::model::arena::Pool;
use walstream::stream::Options;
use walstream::stream::session::{Connected, Now, Session};

use measure::Way;
use messages::Transaction;

/// What a batch holds at most, as in the worker.
const BATCH_BYTES: usize = 1008 << 10;

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

impl Way for Machine {
    const ORDERED: bool = true;

    fn new(shape: &str) -> Machine {
        let now = Now { instant: Instant::now(), unix_us: 1_700_000_000_000_000 };
        let mut session = Session::new(&Options::default(), now, Arc::new(Pool::default()));
        let connected = Connected {
            slot: Lsn(0x100),
            start: Lsn::ZERO,
            wal_sender_timeout: Duration::from_secs(60),
            streaming: false,
            left_at: None,
        };
        session.connected(now, &connected).unwrap();
        let mut machine = Machine { session, now };
        machine.run(&Transaction::first(shape));
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
}

impl Machine {
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

fn main() {
    measure::main(&[("session", measure::best::<Machine>)]);
}
