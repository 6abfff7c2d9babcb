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
/// Naps that a batch may be kept open for, to be filled, in all.
const HOLD: Duration = Duration::from_millis(16);

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
    /// Naps since the open batch was begun; and was there one since the last wait?
    held: Duration,
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
        next != Next::Wait && self.napping && self.held <= HOLD
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

    fn nap(&self, now: Instant, total: Read, behind: Behind) -> Option<Duration> {
        let unnoticed = match behind {
            Behind::Unknown => return None,
            Behind::Early => self.longest,
            Behind::By(delay) => delay / SHARE,
        };
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
mod tests {
    use super::*;

    const US: Duration = Duration::from_micros(1);
    const LATE: Behind = Behind::By(Duration::from_secs(3600));
    const LARGE: Buffer = Buffer { bytes: 1 << 20, blocks: false };
    const UNIX: Buffer = Buffer { bytes: 212_992, blocks: true };

    /// A server that sends a message every so often until its buffer is full, and a reader that follows the policy.
    struct Line {
        pacing: Pacing,
        buffer: Buffer,
        message: u64,
        every: Duration,
        now: Instant,
        sent_at: Instant,
        waiting: Read,
        total: Read,
        server_waited: Duration,
        longest_nap: Duration,
        naps: u32,
    }

    impl Line {
        fn new(longest_us: u32, buffer: Buffer, message: u64, every: Duration) -> Line {
            let now = Instant::now();
            let mut pacing = Pacing::new(US * longest_us);
            pacing.buffer(buffer);
            Line {
                pacing,
                buffer,
                message,
                every,
                now,
                sent_at: now,
                waiting: Read::default(),
                total: Read::default(),
                server_waited: Duration::ZERO,
                longest_nap: Duration::ZERO,
                naps: 0,
            }
        }

        /// The server sends what it can until `now`.
        fn advance(&mut self, now: Instant) {
            self.now = self.now.max(now);
            let one = self.buffer.taken_by(self.message, 1);
            while self.sent_at + self.every <= self.now {
                if (self.waiting.messages + 1) * one > self.buffer.bytes {
                    self.server_waited += self.now - self.sent_at;
                    self.sent_at = self.now;
                    return;
                }
                self.sent_at += self.every;
                self.waiting.messages += 1;
                self.waiting.bytes += self.message;
            }
        }

        fn next(&mut self, behind: Behind) -> Next {
            self.pacing.next(self.now, self.total, behind, || self.waiting.bytes)
        }

        fn step(&mut self, behind: Behind) {
            match self.next(behind) {
                Next::Nap(until) => {
                    self.longest_nap = self.longest_nap.max(until - self.now);
                    self.naps += 1;
                    self.advance(until);
                    assert_eq!(self.next(behind), Next::Read);
                }
                Next::Wait => self.advance(self.now.max(self.sent_at + self.every)),
                Next::Read => {}
            }
            // A read takes a while, and at most 16 kB.
            let messages = self.waiting.messages.min((16 << 10) / self.message);
            let read = Read { bytes: messages * self.message, messages };
            (self.waiting, self.total) = (self.waiting.since(read), self.total.plus(read));
            self.advance(self.now + US * 2);
        }

        fn run(&mut self, time: Duration, behind: Behind) {
            let end = self.now + time;
            while self.now < end {
                self.step(behind);
            }
        }
    }

    impl Read {
        fn plus(self, more: Read) -> Read {
            Read { bytes: self.bytes + more.bytes, messages: self.messages + more.messages }
        }
    }

    #[test]
    fn a_fast_line_is_read_in_gulps_up_to_the_longest_nap() {
        let mut line = Line::new(2000, LARGE, 120, US * 3);
        line.run(US * 100_000, LATE);
        line.naps = 0;
        line.run(US * 100_000, LATE);
        assert_eq!(line.longest_nap, US * 2000);
        assert!(line.naps <= 60, "{} naps in 100 ms", line.naps);
        assert_eq!(line.server_waited, Duration::ZERO);
    }

    #[test]
    fn a_small_buffer_never_fills() {
        for (message, every) in [(120, US * 2), (120, US * 10), (240, US * 3), (500, US * 4), (4000, US * 20)]
        {
            let mut line = Line::new(100_000, UNIX, message, every);
            line.run(US * 50_000, LATE);
            (line.naps, line.server_waited) = (0, Duration::ZERO);
            let before = line.total;
            line.run(US * 200_000, LATE);
            let each = line.total.since(before).messages / u64::from(line.naps);
            let room = UNIX.bytes / UNIX.taken_by(message, 1);
            assert!(
                (room / 3..room).contains(&each),
                "{each} of {room} messages of {message} bytes in a nap"
            );
            assert_eq!(line.server_waited, Duration::ZERO, "{message} bytes");
        }
    }

    #[test]
    fn a_server_that_became_faster_waits_for_a_moment_only() {
        let mut line = Line::new(100_000, UNIX, 120, US * 40);
        line.run(US * 300_000, LATE);
        line.every = US * 2;
        line.run(US * 50_000, LATE);
        line.server_waited = Duration::ZERO;
        line.run(US * 50_000, LATE);
        assert_eq!(line.server_waited, Duration::ZERO);
    }

    #[test]
    fn commits_on_a_quiet_stream_are_never_napped_on() {
        // 3 messages every 2 ms; the clocks make it seem an hour late.
        let mut pacing = Pacing::new(US * 100_000);
        pacing.buffer(LARGE);
        let (mut now, mut total) = (Instant::now(), Read::default());
        for _ in 0..10_000 {
            for _ in 0..3 {
                total = total.plus(Read { bytes: 100, messages: 1 });
                assert_eq!(pacing.next(now, total, LATE, || 0), Next::Wait);
                now += US * 5;
            }
            now += US * 1985;
        }
    }

    #[test]
    fn the_end_of_a_rush_is_not_napped_on() {
        let mut line = Line::new(2000, LARGE, 120, US * 3);
        line.run(US * 100_000, LATE);
        // What follows comes alone.
        line.every = US * 2000;
        line.run(US * 20_000, LATE);
        line.naps = 0;
        line.run(US * 1_000_000, LATE);
        assert_eq!(line.naps, 0);
    }

    #[test]
    fn the_last_batch_of_a_rush_is_kept_for_one_nap() {
        let mut line = Line::new(20_000, LARGE, 120, US * 3);
        line.run(US * 300_000, LATE);
        // Nothing follows.
        line.every = US * 1_000_000_000;
        let longest = line.pacing.nap;
        let end = line.now;
        loop {
            let next = line.next(LATE);
            if !line.pacing.holds(next) {
                break;
            }
            line.step(LATE);
        }
        assert!(line.now - end <= longest * 2, "{:?}", line.now - end);
    }

    #[test]
    fn no_nap_is_more_than_a_64th_of_the_delay() {
        for (delay_us, longest_us) in [(0, 0), (3_000, 0), (3_200, 50), (64_000, 1_000), (10_000_000, 2_000)]
        {
            let mut line = Line::new(2000, LARGE, 120, US * 3);
            line.run(US * 200_000, Behind::By(US * delay_us));
            assert_eq!(line.longest_nap, US * longest_us, "{delay_us} us behind");
        }
        let mut line = Line::new(2000, LARGE, 120, US * 3);
        line.run(US * 200_000, Behind::Unknown);
        assert_eq!(line.naps, 0);
        line.run(US * 200_000, Behind::Early);
        assert_eq!(line.longest_nap, US * 2000);
    }

    #[test]
    fn off_means_off() {
        let mut line = Line::new(0, LARGE, 120, US * 3);
        line.run(US * 200_000, LATE);
        assert_eq!(line.naps, 0);
    }

    #[test]
    fn a_nap_that_is_disturbed_goes_on() {
        let mut line = Line::new(2000, LARGE, 120, US * 3);
        line.run(US * 50_000, LATE);
        line.waiting = Read::default();
        let Next::Nap(until) = (0..2).map(|_| line.next(LATE)).find(|next| *next != Next::Read).unwrap()
        else {
            panic!("it waits")
        };
        let total = line.total;
        assert_eq!(line.pacing.next(until - US, total, LATE, || 0), Next::Nap(until));
        assert_eq!(line.pacing.next(until, total, LATE, || 0), Next::Read);
    }

    #[test]
    fn a_batch_is_held_for_a_few_naps() {
        let mut line = Line::new(2000, LARGE, 120, US * 3);
        assert!(!line.pacing.holds(Next::Read), "before the first nap it goes at once");
        line.run(US * 50_000, LATE);
        line.pacing.handed_over();
        assert!(line.pacing.holds(Next::Read), "the next one is begun between two naps");
        line.naps = 0;
        while line.pacing.holds(Next::Read) {
            line.step(LATE);
        }
        assert_eq!(line.naps, 9);
        assert!(!line.pacing.holds(Next::Wait));
    }
}
