//! Batches on their way from the replication thread to the host, bounded in bytes.
//!
//! Two wake-ups: `ready` is readable exactly while a read would return at once; `thread` wakes the replication thread.
//! Each side does its work first and looks at the other's flag afterwards (sequentially consistent), so that one of the
//! two always sees the other.

#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};

use crate::model::Batch;
use crate::pg::{EventFd, PgError};

/// More batches than this never wait: the bound in bytes comes first, except for a tiny `batch.max_events`.
const MAX_BATCHES: usize = 1024;

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
    pub fn push(&self, batch: Batch) -> Result<(), Batch> {
        let (bytes, events) = (batch.bytes(), batch.events().len());
        self.bytes.fetch_add(bytes, SeqCst);
        self.events.fetch_add(events, SeqCst);
        match self.sender.try_send(batch) {
            Ok(()) => {
                self.announce();
                Ok(())
            }
            Err(error) => {
                self.bytes.fetch_sub(bytes, SeqCst);
                self.events.fetch_sub(events, SeqCst);
                Err(error.into_inner())
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
        self.announced.store(false, SeqCst);
    }

    /// The thread is going to wait for the host; what it waits for it must check after this.
    pub fn thread_waits(&self) {
        self.thread_waits.store(true, SeqCst);
    }
}
