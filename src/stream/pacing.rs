//! When to read next: at once, when the socket says so, or a short nap later (docs/performance.md).
//!
//! A server that sends what has piled up sends it message by message, and a reader that is woken for each one spends
//! its processor time on waking. So a reader that is behind anyway naps before it looks again, never longer than
//! nobody can notice, and never so long that the socket's buffer fills and the server has to wait. Owns that choice.
//! No clock and no socket: what was read, and when, comes with each call.

#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use crate::pg::Buffer;

/// A nap shorter than this costs more than it saves.
const LEAST: Duration = Duration::from_micros(50);
/// The share of a delay that may come on top of it: a commit that is 64 ms late may be another one late.
const SHARE: u32 = 64;
/// A nap in which fewer messages would come is not worth it.
const WORTH: u64 = 8;
/// Messages that came lately before there is a nap: a lone transaction of few rows is never napped on.
const BUSY: u64 = 64;
/// "Lately" is once to twice as long; when nothing came for so long, what comes next is a new beginning.
const LATELY: Duration = Duration::from_millis(5);
/// libpq reads twice so many bytes at a time, or a few less: more may be waiting. What waits is worth a read from here on.
const GULP: u64 = 8 << 10;
/// A batch may be kept open across so many of the longest naps that nobody notices, to be filled; and never longer.
const HOLD: u32 = 8;
const HOLD_MOST: Duration = Duration::from_millis(16);

/// What to do once all that was read is dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Read: there is more, or a nap is over.
    Read,
    /// Nothing before then, unless woken.
    Nap(Instant),
    /// Wait for the socket.
    Wait,
}

/// How late the newest message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// Nobody can tell.
    Unknown,
    /// Its transaction has not committed: nobody waits for it yet.
    Early,
    /// Its transaction committed so long ago.
    By(Duration),
}

/// What came since the connection was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Of messages.
    pub bytes: u64,
    /// Their number.
    pub messages: u64,
}

/// See the file's head.
#[derive(Debug)]
pub struct Pacing {
    longest: Duration,
    buffer: Buffer,
    /// What the buffer allows; `opening`: what it is has not been found yet.
    nap: Duration,
    opening: bool,
    until: Option<Instant>,
    /// Naps since the open batch was begun, and how many they may be. Was there one since the last wait?
    held: Duration,
    hold: Duration,
    napping: bool,
    /// Begun so far, and the latest one's length.
    taken: (u64, Duration),
    /// At the last look.
    seen: Read,
    /// At the last nap's beginning.
    before_nap: Option<Read>,
    /// What had come at two moments, the older one first: so much for "lately".
    marks: Option<[(Instant, Read); 2]>,
    came_at: Option<Instant>,
}

impl Pacing {
    /// Naps up to `longest`; zero: never.
    pub fn new(longest: Duration) -> Pacing {
        Pacing {
            longest,
            buffer: Buffer::default(),
            nap: LEAST * 2,
            opening: true,
            until: None,
            held: Duration::ZERO,
            hold: Duration::ZERO,
            napping: false,
            taken: (0, Duration::ZERO),
            seen: Read::default(),
            before_nap: None,
            marks: None,
            came_at: None,
        }
    }

    /// What arrives waits in `buffer` from now on.
    pub fn buffer(&mut self, buffer: Buffer) {
        self.buffer = buffer;
    }

    /// All that had been read is dealt with. `total` is what came so far, `waiting` says how many bytes can be read at once: after a nap
    /// the socket is emptied, because a read may be what lets a near server send on (`pg::Connection::let_wait_at_server`).
    pub fn next(&mut self, now: Instant, total: Read, behind: Behind, waiting: impl FnOnce() -> u64) -> Next {
        if let Some(until) = self.until {
            // Woken for something else: the nap goes on.
            if now < until {
                return Next::Nap(until);
            }
            self.until = None;
            return Next::Read;
        }
        let gulp = total.since(self.seen);
        self.seen = total;
        self.note(now, gulp, total);
        if gulp.bytes >= GULP || (self.napping && waiting() >= GULP) {
            return Next::Read;
        }
        // A nap that brought nothing was the last one: the rush is over, or the server does something else.
        let nap = if self.adapt(total) { self.nap(now, total, behind) } else { None };
        self.napping = nap.is_some();
        match nap {
            Some(nap) => {
                let until = now + nap;
                self.until = Some(until);
                self.before_nap = Some(total);
                self.held += nap;
                self.taken = (self.taken.0 + 1, nap);
                Next::Nap(until)
            }
            None => Next::Wait,
        }
    }

    /// Naps begun so far, and how long the latest was to be.
    pub fn taken(&self) -> (u64, Duration) {
        self.taken
    }

    /// May an open batch wait for more? Only across naps, which nobody notices, and a few of them.
    pub fn holds(&self, next: Next) -> bool {
        next != Next::Wait && self.napping && self.held <= self.hold
    }

    /// The open batch was handed over.
    pub fn handed_over(&mut self) {
        self.held = Duration::ZERO;
    }

    fn note(&mut self, now: Instant, gulp: Read, total: Read) {
        if gulp.messages == 0 {
            return;
        }
        let before = Read { bytes: total.bytes - gulp.bytes, messages: total.messages - gulp.messages };
        let quiet = self.came_at.replace(now).is_none_or(|at| now.duration_since(at) > LATELY + self.nap);
        self.marks = match self.marks {
            Some([_, newer]) if !quiet && now.duration_since(newer.0) > LATELY => {
                Some([newer, (now, before)])
            }
            Some(marks) if !quiet => Some(marks),
            _ => Some([(now, before); 2]),
        };
    }

    /// The last nap's length becomes the next one's, unless it let too much or too little come: a buffer is best used
    /// between five and seven eighths of what it holds. False: there was a nap, and nothing came.
    fn adapt(&mut self, total: Read) -> bool {
        let Some(before) = self.before_nap.take() else { return true };
        let filled = self.filled(total.since(before));
        if filled == 0 {
            return false;
        }
        let (least, most) = (self.buffer.bytes * 5 / 8, self.buffer.bytes * 7 / 8);
        self.opening &= filled < self.buffer.bytes / 4;
        if self.opening {
            self.nap = (self.nap * 2).min(self.longest);
        } else if filled > most {
            self.nap = (self.nap * 3 / 4).max(LEAST);
        } else if filled < least {
            self.nap = (self.nap * 5 / 4).min(self.longest);
        }
        true
    }

    fn nap(&mut self, now: Instant, total: Read, behind: Behind) -> Option<Duration> {
        let unnoticed = match behind {
            Behind::Unknown => return None,
            Behind::Early => self.longest,
            Behind::By(delay) => delay / SHARE,
        };
        self.hold = unnoticed.saturating_mul(HOLD).min(HOLD_MOST);
        let [(since, before), _] = self.marks?;
        let came = total.since(before);
        let messages = u32::try_from(came.messages).unwrap_or(u32::MAX);
        if u64::from(messages) < BUSY || self.filled(came) * WORTH / came.messages > self.buffer.bytes / 2 {
            return None;
        }
        let worth = now.duration_since(since) * WORTH as u32 / messages;
        let nap = self.nap.max(worth).min(self.longest).min(unnoticed);
        (nap >= LEAST.max(worth)).then_some(nap)
    }

    /// What of the buffer `read` takes.
    fn filled(&self, read: Read) -> u64 {
        self.buffer.taken_by(read.bytes, read.messages)
    }
}

impl Read {
    fn since(self, before: Read) -> Read {
        Read { bytes: self.bytes - before.bytes, messages: self.messages - before.messages }
    }
}

#[cfg(test)]
#[path = "pacing_tests.rs"]
mod tests;
