//! Threads that leave the host's signals to the host.

use std::io;
use std::mem::MaybeUninit;
use std::thread::{self, JoinHandle};

/// Raised by a fault of the thread itself. Blocking them would only turn a host's crash handler into a silent kill
/// (and the standard says undefined behaviour), so they stay as they are.
const FAULTS: [libc::c_int; 6] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS];

/// Starts a thread on which all signals are blocked from its first instruction on, but those of a fault of its own.
pub fn spawn_with_signals_blocked<T, F>(name: &'static str, body: F) -> io::Result<JoinHandle<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    // A new thread inherits the mask of the one that starts it.
    let _restored = Blocked::new()?;
    thread::Builder::new().name(name.to_owned()).spawn(body)
}

/// While it lives, the current thread takes no signals.
struct Blocked {
    before: libc::sigset_t,
}

impl Blocked {
    fn new() -> io::Result<Blocked> {
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: sigfillset initialises `all`, and sigdelset changes it then; pthread_sigmask reads it and, when
        // it returns 0, has initialised `before`.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            for fault in FAULTS {
                libc::sigdelset(all.as_mut_ptr(), fault);
            }
            match libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), before.as_mut_ptr()) {
                0 => Ok(Blocked { before: before.assume_init() }),
                errno => Err(io::Error::from_raw_os_error(errno)),
            }
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: `before` is the mask this thread had; the value is dropped on the thread that made it, since it
        // never leaves the function above.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, std::ptr::null_mut()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocked() -> Vec<libc::c_int> {
        let mut mask = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: with a null set pthread_sigmask only reads the mask into `mask`.
        let mask = unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), mask.as_mut_ptr());
            mask.assume_init()
        };
        // SAFETY: `mask` is initialised and the numbers are valid signals.
        (1..32).filter(|&signal| unsafe { libc::sigismember(&mask, signal) } == 1).collect()
    }

    #[test]
    fn the_new_thread_takes_none_and_the_old_one_is_as_before() {
        let before = blocked();
        assert!(!before.contains(&libc::SIGTERM), "the test needs an open mask");
        let inside = spawn_with_signals_blocked("test", blocked).unwrap().join().unwrap();
        assert_eq!(blocked(), before);
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGURG, libc::SIGPROF, libc::SIGPIPE] {
            assert!(inside.contains(&signal), "signal {signal}");
        }
        assert!(!inside.contains(&libc::SIGSEGV));
    }
}
