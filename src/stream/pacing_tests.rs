//! A server, a buffer and a reader in simulated time.

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

    /// How long, and for how many naps, a batch is held that is begun now.
    fn hold(&mut self, behind: Behind) -> (Duration, u32) {
        self.pacing.handed_over();
        let (from, naps) = (self.now, self.naps);
        while self.pacing.holds(Next::Read) {
            self.step(behind);
        }
        (self.now - from, self.naps - naps)
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
    for (message, every) in [(120, US * 2), (120, US * 10), (240, US * 3), (500, US * 4), (4000, US * 20)] {
        let mut line = Line::new(100_000, UNIX, message, every);
        line.run(US * 50_000, LATE);
        (line.naps, line.server_waited) = (0, Duration::ZERO);
        let before = line.total;
        line.run(US * 200_000, LATE);
        let each = line.total.since(before).messages / u64::from(line.naps);
        let room = UNIX.bytes / UNIX.taken_by(message, 1);
        assert!((room / 3..room).contains(&each), "{each} of {room} messages of {message} bytes in a nap");
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
    for (delay_us, longest_us) in [(0, 0), (3_000, 0), (3_200, 50), (64_000, 1_000), (10_000_000, 2_000)] {
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
    let Next::Nap(until) = (0..2).map(|_| line.next(LATE)).find(|next| *next != Next::Read).unwrap() else {
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
    assert_eq!(line.hold(LATE).1, 9, "the next one is begun between two naps");
    assert!(!line.pacing.holds(Next::Wait));
}

#[test]
fn no_batch_is_held_for_more_than_an_eighth_of_the_delay() {
    for delay in [US * 6_400, US * 25_600] {
        let mut line = Line::new(2000, LARGE, 120, US * 3);
        line.run(US * 200_000, Behind::By(delay));
        let nap = line.longest_nap;
        let (held, _) = line.hold(Behind::By(delay));
        // The nap that it ends with may be the one too many.
        assert!(held <= delay / 8 + nap * 2, "{held:?} of {delay:?}");
    }
}
