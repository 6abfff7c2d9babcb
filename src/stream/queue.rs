//! Batches on their way from the replication thread to the host, bounded in bytes.
//!
//! Two wake-ups: `ready` is readable exactly while a read would return at once; `thread` wakes the replication thread.
//! Each side does its work first and looks at the other's flag afterwards, so that one of the two always sees the other.
//! Flags are swapped, also where a store would do: whoever comes second reads what the first one wrote, and with it sees
//! the first one's work. tests/loom runs this file through every order of the two.

#![forbid(unsafe_code)]

#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};

use crate::model::Batch;
use crate::pg::{EventFd, PgError};

/// More batches than this never wait: the bound in bytes comes first, except for a tiny `batch.max_events`.
const MAX_BATCHES: usize = if cfg!(miri) { 8 } else { 1024 };

/// See the file's head.
#[derive(Debug)]
pub struct Queue {
    sender: Sender<Batch>,
    receiver: Receiver<Batch>,
    bytes: AtomicUsize,
    events: AtomicUsize,
    max_bytes: usize,
    ready: EventFd,
    /// `ready` is readable, or is about to be.
    announced: AtomicBool,
    thread: EventFd,
    /// The thread waits for room, or keeps a batch open until the host has taken what is here.
    thread_waits: AtomicBool,
}

impl Queue {
    /// An empty one.
    pub fn new(max_bytes: usize) -> Result<Queue, PgError> {
        let (sender, receiver) = bounded(MAX_BATCHES);
        Ok(Queue {
            sender,
            receiver,
            bytes: AtomicUsize::new(0),
            events: AtomicUsize::new(0),
            max_bytes,
            ready: EventFd::new()?,
            announced: AtomicBool::new(false),
            thread: EventFd::new()?,
            thread_waits: AtomicBool::new(false),
        })
    }

    /// Readable while a read would return at once.
    pub fn ready(&self) -> &EventFd {
        &self.ready
    }

    /// What the replication thread waits on.
    pub fn thread(&self) -> &EventFd {
        &self.thread
    }

    /// Bytes that may still come; 0 when it is full.
    pub fn room(&self) -> usize {
        if self.sender.is_full() { 0 } else { self.max_bytes.saturating_sub(self.bytes.load(SeqCst)) }
    }

    /// Nothing here?
    pub fn is_empty(&self) -> bool {
        self.receiver.is_empty()
    }

    /// Bytes and events that wait.
    pub fn load(&self) -> (usize, usize) {
        (self.bytes.load(SeqCst), self.events.load(SeqCst))
    }

    /// From the thread. The batch comes back when there is no place for it.
    #[must_use]
    pub fn push(&self, batch: Batch) -> Option<Batch> {
        let (bytes, events) = (batch.bytes(), batch.events().len());
        self.bytes.fetch_add(bytes, SeqCst);
        self.events.fetch_add(events, SeqCst);
        match self.sender.try_send(batch) {
            Ok(()) => {
                self.announce();
                None
            }
            Err(error) => {
                self.bytes.fetch_sub(bytes, SeqCst);
                self.events.fetch_sub(events, SeqCst);
                Some(error.into_inner())
            }
        }
    }

    /// From the host.
    pub fn pop(&self) -> Option<Batch> {
        let batch = match self.receiver.try_recv() {
            Ok(batch) => batch,
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => return None,
        };
        let before = self.bytes.fetch_sub(batch.bytes(), SeqCst);
        self.events.fetch_sub(batch.events().len(), SeqCst);
        // Half empty is soon enough: waking the thread for every batch would cost more than it brings.
        let low = before - batch.bytes() <= self.max_bytes / 2;
        if low && self.thread_waits.swap(false, SeqCst) {
            self.thread.signal();
        }
        Some(batch)
    }

    /// Makes `ready` readable. Async-signal-safe.
    pub fn announce(&self) {
        if !self.announced.swap(true, SeqCst) {
            self.ready.signal();
        }
    }

    /// The host found nothing to read. What it may have missed meanwhile it must look for after this.
    pub fn retract(&self) {
        self.ready.drain();
        self.announced.swap(false, SeqCst);
    }

    /// The thread is going to wait for the host; what it waits for it must check after this.
    pub fn thread_waits(&self) {
        self.thread_waits.swap(true, SeqCst);
    }
}

// loom has its own (tests/loom). These run under Miri, too, with the true channel, batches and descriptors.
#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;
    use crate::model::arena::Pool;
    use crate::model::{BatchBuilder, Event, Kind};
    use crate::wire::Span;

    /// Of one message, `number` at the host, with a payload of as many bytes.
    fn batch(pool: &Arc<Pool>, number: u32) -> Batch {
        let mut builder = BatchBuilder::new(Arc::clone(pool));
        let event = Event { ack_lsn: number.into(), ..Event::new(Kind::MESSAGE) };
        let payload = vec![b'x'; number as usize];
        builder.push(event, &payload, None, Some(Span { start: 0, len: number })).unwrap();
        builder.seal().unwrap().unwrap()
    }

    #[test]
    fn batches_pass_from_thread_to_thread_in_order() {
        const COUNT: u32 = if cfg!(miri) { 12 } else { 5_000 };
        let pool = Arc::new(Pool::default());
        let max_bytes = 3 * batch(&pool, COUNT).bytes();
        let queue = Queue::new(max_bytes).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                for number in 1..=COUNT {
                    let mut next = Some(batch(&pool, number));
                    while let Some(batch) = next.take() {
                        queue.thread_waits();
                        next = if queue.room() == 0 { Some(batch) } else { queue.push(batch) };
                        thread::yield_now();
                    }
                }
            });
            for number in 1..=COUNT {
                let batch = loop {
                    match queue.pop() {
                        Some(batch) => break batch,
                        None => queue.retract(),
                    }
                    thread::yield_now();
                };
                assert_eq!((batch.ack_lsn(), batch.events()[0].payload_len), (number.into(), number));
            }
        });
        assert_eq!((queue.load(), queue.room()), ((0, 0), max_bytes));
    }

    #[test]
    fn it_is_full_by_bytes_and_by_number() {
        let pool = Arc::new(Pool::default());
        let one = batch(&pool, 1).bytes();
        let queue = Queue::new(one * MAX_BATCHES * 2).unwrap();
        for _ in 0..MAX_BATCHES {
            assert!(queue.room() > 0);
            assert!(queue.push(batch(&pool, 1)).is_none());
        }
        assert_eq!(queue.room(), 0, "by number");
        assert!(queue.push(batch(&pool, 1)).is_some());
        assert_eq!(queue.load(), (one * MAX_BATCHES, MAX_BATCHES), "what was refused does not count");
        let small = Queue::new(one).unwrap();
        assert!(small.push(batch(&pool, 1)).is_none());
        assert_eq!(small.room(), 0, "by bytes");
        assert!(small.pop().is_some());
        assert_eq!(small.room(), one);
    }
}
