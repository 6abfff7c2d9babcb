//! The one wait of a stream's thread: on a socket, a wake-up and a deadline at once, with poll(2).
//!
//! Owns the wake-up (an eventfd) and [`Patience`], what every long operation of this floor is given.
//! Refuses timers and ticks: while nothing happens, nothing runs.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;

use super::error::PgError;

/// A wake-up that any thread, or a signal handler, may give to a waiting thread.
#[derive(Debug)]
pub struct EventFd(OwnedFd);

impl EventFd {
    /// Not signalled.
    pub fn new() -> Result<EventFd, PgError> {
        Ok(EventFd(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?))
    }

    /// Readable from now on, until [`drain`](Self::drain). Async-signal-safe: one write(2) and nothing else.
    pub fn signal(&self) {
        // It fails only when the counter is full, and then it is readable already.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    /// Takes back every signal given so far.
    pub fn drain(&self) {
        // It fails only when there is nothing to take back.
        let _ = rustix::io::read(&self.0, &mut [0u8; 8]);
    }

    /// For waiting elsewhere.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// What to wait for on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Something to read.
    Read,
    /// Room to write.
    Write,
    /// Either.
    ReadWrite,
}

/// What ended a wait. More than one may be set; at least one is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// The socket has something to read, be it an end of file.
    pub readable: bool,
    /// The socket takes something.
    pub writable: bool,
    /// The socket is closed or broken: a read or write will say how. Reported whatever the interest.
    pub hangup: bool,
    /// [`EventFd::signal`] was called. The caller drains.
    pub woken: bool,
    /// The deadline passed before anything else happened.
    pub timed_out: bool,
}

/// Waits until `socket` is ready, `wake` is signalled or `deadline` passes, whichever comes first; never returns
/// before the deadline with `timed_out`. Without a socket, as while reading is paused, a closed peer wakes nobody.
pub fn wait(
    socket: Option<(BorrowedFd<'_>, Interest)>,
    wake: &EventFd,
    deadline: Option<Instant>,
) -> Result<Readiness, PgError> {
    let (socket, events) = match socket {
        Some((fd, Interest::Read)) => (Some(fd), PollFlags::IN),
        Some((fd, Interest::Write)) => (Some(fd), PollFlags::OUT),
        Some((fd, Interest::ReadWrite)) => (Some(fd), PollFlags::IN | PollFlags::OUT),
        None => (None, PollFlags::empty()),
    };
    let count = if socket.is_some() { 2 } else { 1 };
    let mut fds = [
        PollFd::from_borrowed_fd(wake.fd(), PollFlags::IN),
        PollFd::from_borrowed_fd(socket.unwrap_or(wake.fd()), events),
    ];
    loop {
        // poll never sleeps shorter than it is told, but a signal cuts it short: the rest is computed anew.
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let timeout = left.map(|left| Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        });
        match poll(&mut fds[..count], timeout.as_ref()) {
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(errno.into()),
            Ok(0) if deadline.is_some_and(|at| Instant::now() >= at) => {
                return Ok(Readiness { timed_out: true, ..Readiness::default() });
            }
            Ok(0) => continue,
            Ok(_) => {}
        }
        let socket = if count == 2 { fds[1].revents() } else { PollFlags::empty() };
        return Ok(Readiness {
            readable: socket.contains(PollFlags::IN),
            writable: socket.contains(PollFlags::OUT),
            hangup: socket.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL),
            woken: fds[0].revents().contains(PollFlags::IN),
            timed_out: false,
        });
    }
}

/// How long an operation may take, and who may end it.
#[derive(Clone, Copy)]
pub struct Patience<'a> {
    /// Signalled when `cancelled` has changed. The operation drains it for any reason it is signalled, so whoever
    /// uses one `EventFd` for several things looks at all of them after every operation.
    pub wake: &'a EventFd,
    /// Is the operation to be given up?
    pub cancelled: &'a dyn Fn() -> bool,
    /// When it is to be given up; `None`: never.
    pub deadline: Option<Instant>,
}

impl Patience<'_> {
    /// Waits for the socket; is over when cancelled or late, even if the socket is always ready.
    pub(super) fn wait(&self, socket: BorrowedFd<'_>, interest: Interest) -> Result<Readiness, PgError> {
        self.wait_until(socket, interest, self.deadline)
    }

    /// The same with an earlier deadline of the caller's own, after which `timed_out` is returned, not an error.
    pub(super) fn wait_until(
        &self,
        socket: BorrowedFd<'_>,
        interest: Interest,
        until: Option<Instant>,
    ) -> Result<Readiness, PgError> {
        loop {
            if (self.cancelled)() {
                return Err(PgError::Cancelled);
            }
            if self.deadline.is_some_and(|at| Instant::now() >= at) {
                return Err(PgError::TimedOut);
            }
            let deadline = [self.deadline, until].into_iter().flatten().min();
            let ready = wait(Some((socket, interest)), self.wake, deadline)?;
            if ready.woken {
                // Drained before the next look at `cancelled`: a later signal makes the next poll return.
                self.wake.drain();
                continue;
            }
            if ready.timed_out && self.deadline.is_some_and(|at| Instant::now() >= at) {
                return Err(PgError::TimedOut);
            }
            return Ok(ready);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    fn soon() -> Option<Instant> {
        Some(Instant::now() + Duration::from_secs(20))
    }

    #[test]
    fn a_deadline_is_never_early() {
        let wake = EventFd::new().unwrap();
        for micros in [0, 1, 900, 1_100, 30_000] {
            let deadline = Instant::now() + Duration::from_micros(micros);
            let ready = wait(None, &wake, Some(deadline)).unwrap();
            assert!(Instant::now() >= deadline);
            assert_eq!(ready, Readiness { timed_out: true, ..Readiness::default() });
        }
    }

    #[test]
    fn signals_last_until_drained() {
        let wake = EventFd::new().unwrap();
        wake.signal();
        wake.signal();
        assert!(wait(None, &wake, soon()).unwrap().woken);
        assert!(wait(None, &wake, soon()).unwrap().woken);
        wake.drain();
        assert!(wait(None, &wake, Some(Instant::now())).unwrap().timed_out);
        wake.drain();
    }

    #[test]
    fn sockets_report_what_was_asked_for() {
        let wake = EventFd::new().unwrap();
        let (near, mut far) = UnixStream::pair().unwrap();
        let on = |interest| wait(Some((near.as_fd(), interest)), &wake, soon()).unwrap();
        assert_eq!(on(Interest::ReadWrite), Readiness { writable: true, ..Readiness::default() });
        far.write_all(b"x").unwrap();
        assert_eq!(on(Interest::Read), Readiness { readable: true, ..Readiness::default() });
        drop(far);
        assert!(on(Interest::Read).hangup);
    }

    #[test]
    fn descriptors_beyond_1024_work() {
        let wake = EventFd::new().unwrap();
        let (near, mut far) = UnixStream::pair().unwrap();
        let high = rustix::io::fcntl_dupfd_cloexec(&near, 1500);
        let Ok(high) = high else {
            eprintln!("skipped: the limit of open files is below 1500");
            return;
        };
        assert!(high.as_raw_fd() >= 1500);
        far.write_all(b"x").unwrap();
        assert!(wait(Some((high.as_fd(), Interest::Read)), &wake, soon()).unwrap().readable);
    }

    #[test]
    fn patience_ends_when_cancelled_or_late_but_not_when_merely_woken() {
        let wake = EventFd::new().unwrap();
        let (near, _far) = UnixStream::pair().unwrap();
        let cancelled = AtomicBool::new(false);
        let patience =
            Patience { wake: &wake, cancelled: &|| cancelled.load(Ordering::SeqCst), deadline: soon() };
        wake.signal();
        assert!(patience.wait(near.as_fd(), Interest::Write).unwrap().writable);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                cancelled.store(true, Ordering::SeqCst);
                wake.signal();
            });
            assert!(matches!(patience.wait(near.as_fd(), Interest::Read), Err(PgError::Cancelled)));
        });
        // Late comes before ready: an endless flow must not outlast the deadline.
        let late = Patience { cancelled: &|| false, deadline: Some(Instant::now()), ..patience };
        assert!(matches!(late.wait(near.as_fd(), Interest::Write), Err(PgError::TimedOut)));
    }

    #[test]
    fn an_interrupted_wait_goes_on() {
        extern "C" fn ignore(_: libc::c_int) {}
        // SAFETY: the handler does nothing; SIGUSR2 is used by no other test of this crate.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = ignore as extern "C" fn(libc::c_int) as usize;
            libc::sigaction(libc::SIGUSR2, &action, std::ptr::null_mut());
        }
        let wake = EventFd::new().unwrap();
        let deadline = Instant::now() + Duration::from_millis(200);
        // SAFETY: no preconditions.
        let waiter = unsafe { libc::pthread_self() };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while Instant::now() + Duration::from_millis(50) < deadline {
                    // SAFETY: the waiting thread lives until the scope, which joins us, ends.
                    unsafe { libc::pthread_kill(waiter, libc::SIGUSR2) };
                    std::thread::yield_now();
                }
            });
            assert!(wait(None, &wake, Some(deadline)).unwrap().timed_out);
        });
        assert!(Instant::now() >= deadline);
    }
}
