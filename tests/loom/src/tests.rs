use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering::SeqCst};
use loom::thread;

use crate::acknowledged::Acknowledged;
use crate::lsn::Lsn;
use crate::model::Batch;
use crate::pg::EventFd;
use crate::queue::Queue;

const MAX_BYTES: usize = 100;

/// A queue, and what its two sides have beside it.
struct Both {
    queue: Queue,
    /// The stream ended, or the host was woken.
    over: AtomicBool,
}

fn both() -> Arc<Both> {
    Arc::new(Both { queue: Queue::new(MAX_BYTES).unwrap(), over: AtomicBool::new(false) })
}

/// As `Stream::wait_for_batch` reads; None at the end.
fn read(both: &Both) -> Option<Batch> {
    loop {
        let over = both.over.load(SeqCst);
        if let Some(batch) = both.queue.pop() {
            return Some(batch);
        }
        if over {
            return None;
        }
        both.queue.retract();
        if !both.queue.is_empty() || both.over.load(SeqCst) {
            both.queue.announce();
            continue;
        }
        both.queue.ready().wait();
    }
}

/// As the worker hands over: a batch that finds no place waits for the host.
fn hand_over(queue: &Queue, mut batch: Batch) {
    while let Some(back) = queue.push(batch) {
        queue.thread_waits();
        match queue.push(back) {
            None => return,
            Some(back) => batch = back,
        }
        queue.thread().wait();
        queue.thread().drain();
    }
}

/// As the worker looks for room before it reads.
fn wait_for_room(queue: &Queue) {
    while queue.room() == 0 {
        queue.thread_waits();
        if queue.room() > 0 {
            return;
        }
        queue.thread().wait();
        queue.thread().drain();
    }
}

fn end(both: &Both) {
    both.over.store(true, SeqCst);
    both.queue.announce();
}

#[test]
fn every_batch_arrives_and_then_the_end() {
    loom::model(|| {
        let both = both();
        let there = Arc::clone(&both);
        let thread = thread::spawn(move || {
            hand_over(&there.queue, Batch(1));
            hand_over(&there.queue, Batch(2));
            end(&there);
        });
        assert_eq!(read(&both).map(|batch| batch.0), Some(1));
        assert_eq!(read(&both).map(|batch| batch.0), Some(2));
        assert!(read(&both).is_none());
        thread.join().unwrap();
        assert_eq!(both.queue.load(), (0, 0));
    });
}

#[test]
fn a_full_queue_goes_on_when_the_host_reads() {
    loom::model(|| {
        let both = both();
        // As many as the channel takes, before the two meet.
        assert!(both.queue.push(Batch(1)).is_none());
        assert!(both.queue.push(Batch(1)).is_none());
        let there = Arc::clone(&both);
        let thread = thread::spawn(move || {
            hand_over(&there.queue, Batch(1));
        });
        for _ in 0..3 {
            assert!(read(&both).is_some());
        }
        thread.join().unwrap();
    });
}

#[test]
fn the_thread_learns_of_room() {
    loom::model(|| {
        let both = both();
        assert!(both.queue.push(Batch(MAX_BYTES)).is_none());
        let there = Arc::clone(&both);
        let thread = thread::spawn(move || {
            wait_for_room(&there.queue);
            hand_over(&there.queue, Batch(1));
        });
        assert!(read(&both).is_some());
        assert!(read(&both).is_some());
        thread.join().unwrap();
    });
}

#[test]
fn a_wake_beside_a_batch_loses_neither() {
    loom::model(|| {
        let both = both();
        let (there, elsewhere) = (Arc::clone(&both), Arc::clone(&both));
        let thread = thread::spawn(move || hand_over(&there.queue, Batch(1)));
        let waker = thread::spawn(move || end(&elsewhere));
        let mut batches = 0;
        while batches == 0 {
            match read(&both) {
                Some(_) => batches += 1,
                // As with a wake: it is taken, and the next read goes on.
                None => both.over.store(false, SeqCst),
            }
        }
        thread.join().unwrap();
        waker.join().unwrap();
    });
}

#[test]
fn the_descriptor_is_never_quiet_while_something_waits() {
    loom::model(|| {
        let both = both();
        let there = Arc::clone(&both);
        let thread = thread::spawn(move || {
            hand_over(&there.queue, Batch(1));
            hand_over(&there.queue, Batch(1));
        });
        // A host that looks without waiting.
        let popped = both.queue.pop().is_some();
        both.queue.retract();
        if !both.queue.is_empty() {
            both.queue.announce();
        }
        thread.join().unwrap();
        assert!(!both.queue.is_empty(), "one of two is left, popped: {popped}");
        assert!(both.queue.ready().is_readable());
        // And once it has read all and looked, it is quiet.
        while both.queue.pop().is_some() {}
        both.queue.retract();
        assert!(!both.queue.ready().is_readable());
    });
}

#[test]
fn the_last_acknowledgement_is_heard() {
    loom::model(|| {
        let shared = Arc::new((Acknowledged::default(), EventFd::default()));
        let there = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let (acknowledged, wake) = &*there;
            while acknowledged.take() < Lsn(2) {
                wake.wait();
                wake.drain();
            }
        });
        let (acknowledged, wake) = &*shared;
        for lsn in [1, 2] {
            if acknowledged.raise(Lsn(lsn)) {
                wake.signal();
            }
        }
        assert!(!acknowledged.raise(Lsn(1)), "a lower one is nothing new");
        thread.join().unwrap();
    });
}

#[test]
fn two_hosts_acknowledge() {
    loom::model(|| {
        let shared = Arc::new((Acknowledged::default(), EventFd::default()));
        let hosts = [1, 2].map(|lsn| {
            let there = Arc::clone(&shared);
            thread::spawn(move || {
                if there.0.raise(Lsn(lsn)) {
                    there.1.signal();
                }
            })
        });
        while shared.0.take() < Lsn(2) {
            shared.1.wait();
            shared.1.drain();
        }
        hosts.into_iter().for_each(|host| host.join().unwrap());
    });
}
