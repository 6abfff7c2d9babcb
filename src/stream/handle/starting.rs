//! From an opened stream to one that runs: the thread is started, and waited for until it streams or says why not.
//!
//! Owns the patience with a thread that cannot be told anything: one that looks a name up.

#![forbid(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{NoEvent, Phase, Stream, state};
use crate::lsn::Lsn;
use crate::model::{Code, State};
use crate::pg::{spawn_with_signals_blocked, wait};
use crate::stream::error::{Cure, Failure};
use crate::stream::options::Mode;
use crate::stream::session::PGOUTPUT;
use crate::stream::shared::Request;
use crate::stream::worker::{self, Job};

/// A thread that is not in a name look-up gives a connection up at its deadline, or this much later.
const LOOK_UP: Duration = Duration::from_millis(500);

impl Stream {
    /// Connects and starts to stream. Wakes end it.
    pub fn start(&self, start_lsn: Lsn) -> Result<(), NoEvent> {
        let mut reader = self.enter_as_reader()?;
        if reader.phase != Phase::Open {
            return Err(
                state("the stream was started before", "a stream is started once: open another one").into()
            );
        }
        self.check_required()?;
        let job = Job {
            conninfo: self.conninfo.clone(),
            options: Arc::clone(&self.options),
            shared: Arc::clone(&self.shared),
            start_lsn,
            attempt: self.shared.new_attempt(),
        };
        reader.thread = Some(spawn(job)?);
        let outcome = self.wait_for_start();
        if outcome.is_ok() {
            reader.phase = Phase::Started;
            self.acknowledging.store(true, SeqCst);
            return Ok(());
        }
        self.shared.ask(Request::Leave, None);
        self.leave_thread(&mut reader);
        self.shared.give_up_attempt();
        outcome
    }

    fn check_required(&self) -> Result<(), Failure> {
        let missing = |option: &str| {
            Err(Failure::new(Code::E_ARGUMENT, format!("the option {option} is not set"))
                .hint(format!("walstream_config_set(config, \"{option}\", …) before walstream_open")))
        };
        if self.options.mode != Mode::Logical {
            return Ok(());
        }
        if self.options.slot.is_empty() {
            return missing("slot");
        }
        if self.options.plugin == PGOUTPUT && self.options.publication.is_empty() {
            return missing("publication");
        }
        Ok(())
    }

    fn wait_for_start(&self) -> Result<(), NoEvent> {
        loop {
            self.check_open()?;
            if self.wake.swap(false, SeqCst) {
                return Err(NoEvent::Woken);
            }
            let state = self.shared.settled_state();
            if self.shared.streamed() || state == State::ENDED as u32 {
                self.quiet();
                return Ok(self.check_open()?);
            }
            if state == State::FAILED as u32 {
                return Err(self.failure().into());
            }
            self.quiet();
            if self.shared.state() == state && !self.wake.load(SeqCst) && !self.closed.load(SeqCst) {
                let deadline = self.thread_deadline();
                // It may begin a connection while this waits: then one more look.
                let limit = deadline.or_else(|| Instant::now().checked_add(self.a_connection()?));
                let ready = wait(None, self.shared.queue.ready(), limit).map_err(Failure::from)?;
                if ready.timed_out && deadline.is_some() && self.thread_deadline() == deadline {
                    return Err(in_look_up().into());
                }
            }
        }
    }

    /// When a thread that cannot keep to its own deadline is late.
    fn thread_deadline(&self) -> Option<Instant> {
        let deadline = if self.options.retry_first { None } else { self.shared.connect_deadline() };
        deadline.and_then(|deadline| deadline.checked_add(LOOK_UP))
    }

    /// How long a connection may take to be made; None: as long as it takes.
    fn a_connection(&self) -> Option<Duration> {
        let timeout = self.options.connect_timeout;
        (!timeout.is_zero() && !self.options.retry_first).then_some(timeout + LOOK_UP)
    }
}

fn spawn(job: Job) -> Result<JoinHandle<()>, Failure> {
    let (shared, attempt) = (Arc::clone(&job.shared), job.attempt);
    let body = move || {
        let outcome = catch_unwind(AssertUnwindSafe(|| worker::run(job)));
        let end = outcome.unwrap_or_else(|_| {
            Err(Failure::new(Code::E_PANIC, "the replication thread panicked")
                .hint("this is a bug of walstream: please report it; nothing unacknowledged is lost"))
        });
        if let Err(failure) = &end {
            shared.log.error(failure);
        }
        shared.finish(attempt, end);
    };
    spawn_with_signals_blocked("walstream", body).map_err(|error| {
        let mut failure = Failure::new(Code::E_IO, format!("cannot start a thread: {error}"))
            .hint("check the limits of the process on threads and memory");
        failure.os_errno = error.raw_os_error().unwrap_or(0);
        failure
    })
}

#[cold]
fn in_look_up() -> Failure {
    Failure::new(Code::E_CONNECT, "the look-up of the server's name takes longer than connect_timeout_ms")
        .cure(Cure::Retry)
        .hint("check the name and the resolver, or give hostaddr beside host")
}
