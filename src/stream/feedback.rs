//! When to send a status update, and what it says (delivery-rules.md, 18, 20, 22).
//!
//! Owns the times of the last updates. No clock and no socket: `now` comes with each call.

#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use crate::lsn::Lsn;

/// A moved position is sent at most this often.
const MOVED: Duration = Duration::from_millis(1);
/// An answer that repeats the last update waits this long: a server that shuts down asks as fast as it is answered.
const REPEATED: Duration = Duration::from_millis(50);
/// A server that has asked this long for the same position waits for something that the host has not acknowledged.
const STORM: Duration = Duration::from_secs(2);
/// Requests further apart than this are no storm.
const STORM_GAP: Duration = Duration::from_secs(1);

/// What is worth telling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Positions {
    /// Received.
    pub write: Lsn,
    /// Safe at the host.
    pub flush: Lsn,
}

/// See the file's head.
#[derive(Debug)]
pub struct Feedback {
    interval: Duration,
    last: Positions,
    last_at: Instant,
    asked: bool,
    storm: Option<Storm>,
}

#[derive(Clone, Copy, Debug)]
struct Storm {
    since: Instant,
    last: Instant,
    position: Lsn,
}

impl Feedback {
    /// For a new connection, on which nothing was sent yet.
    pub fn new(now: Instant, interval: Duration, flush: Lsn) -> Feedback {
        Feedback {
            interval,
            last: Positions { write: Lsn::ZERO, flush },
            last_at: now,
            // The first update goes out at once: the server learns what is safe.
            asked: true,
            storm: None,
        }
    }

    /// The server's wal_sender_timeout leaves room for three updates; zero means that it has none.
    pub fn interval(status_interval: Duration, wal_sender_timeout: Duration) -> Duration {
        const LEAST: Duration = Duration::from_millis(50);
        if wal_sender_timeout.is_zero() {
            return status_interval;
        }
        status_interval.min(wal_sender_timeout / 3).max(LEAST)
    }

    /// A keepalive came.
    pub fn keepalive(&mut self, now: Instant, position: Lsn, reply_requested: bool) {
        if !reply_requested {
            return;
        }
        self.asked = true;
        self.storm = match self.storm {
            Some(storm) if storm.position == position && now - storm.last < STORM_GAP => {
                Some(Storm { last: now, ..storm })
            }
            _ => Some(Storm { since: now, last: now, position }),
        };
    }

    /// Something other than keepalives came.
    pub fn data(&mut self) {
        self.storm = None;
    }

    /// Where the server is that shuts down, and waits until we are there too.
    pub fn storm(&self) -> Option<Lsn> {
        self.storm.filter(|storm| storm.last - storm.since >= STORM).map(|storm| storm.position)
    }

    /// When the next update is due, as far as known now.
    pub fn deadline(&self, positions: Positions) -> Instant {
        let pause = if positions.flush > self.last.flush {
            MOVED
        } else if self.asked && positions.write > self.last.write {
            Duration::ZERO
        } else if self.asked {
            REPEATED
        } else {
            self.interval
        };
        self.last_at + pause.min(self.interval)
    }

    /// Does the server not know yet how far the host is?
    pub fn unsent(&self, positions: Positions) -> bool {
        positions.flush > self.last.flush
    }

    /// Is one due?
    pub fn due(&self, now: Instant, positions: Positions) -> bool {
        now >= self.deadline(positions)
    }

    /// It was sent.
    pub fn sent(&mut self, now: Instant, positions: Positions) {
        self.last = positions;
        self.last_at = now;
        self.asked = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn positions(flush: u64) -> Positions {
        Positions { write: Lsn(1000), flush: Lsn(flush) }
    }

    fn started(interval_ms: u32) -> (Instant, Feedback) {
        let now = Instant::now();
        let mut feedback = Feedback::new(now, MS * interval_ms, Lsn(10));
        feedback.sent(now, positions(10));
        (now, feedback)
    }

    #[test]
    fn rule_18_a_moved_position_goes_out_within_a_millisecond() {
        let (now, feedback) = started(10_000);
        assert!(!feedback.due(now + MS * 9_999, positions(10)));
        assert!(!feedback.due(now, positions(11)));
        assert!(feedback.due(now + MS, positions(11)));
    }

    #[test]
    fn rule_18_each_request_is_answered_and_repetitions_are_bounded() {
        let (start, mut feedback) = started(10_000);
        let (mut now, mut answers) = (start, 0);
        while now < start + Duration::from_secs(1) {
            feedback.keepalive(now, Lsn(1000), true);
            if feedback.due(now, positions(10)) {
                feedback.sent(now, positions(10));
                answers += 1;
            }
            now += MS / 10;
        }
        assert!((10..=21).contains(&answers), "{answers} answers in a second");
    }

    #[test]
    fn rule_20_a_third_of_the_servers_timeout() {
        let s = Duration::from_secs;
        assert_eq!(Feedback::interval(s(10), s(60)), s(10));
        assert_eq!(Feedback::interval(s(10), s(3)), s(1));
        assert_eq!(Feedback::interval(s(10), MS * 30), MS * 50);
        assert_eq!(Feedback::interval(s(10), Duration::ZERO), s(10));
    }

    #[test]
    fn rule_22_a_storm_is_two_seconds_of_the_same_request() {
        let (now, mut feedback) = started(10_000);
        for i in 0..=40 {
            assert!(feedback.storm().is_none(), "after {i} requests");
            feedback.keepalive(now + MS * 50 * i, Lsn(1000), true);
        }
        assert!(feedback.storm().is_some());
        feedback.data();
        assert!(feedback.storm().is_none());
        for i in 0..10 {
            feedback.keepalive(now + MS * 2000 * i, Lsn(1000), true);
            assert!(feedback.storm().is_none(), "rare requests are no storm");
        }
    }
}
