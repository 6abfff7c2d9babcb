//! Is the server still there? Counts bytes, not messages, and only while the thread reads (delivery-rules.md, 21).

#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

/// See the file's head.
#[derive(Debug)]
pub struct Liveness {
    timeout: Duration,
    heard_at: Instant,
    asked_at: Option<Instant>,
}

/// How long nothing was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Not long.
    No,
    /// Ask for a sign of life, once.
    Ask,
    /// It was asked and did not answer.
    Dead,
}

impl Liveness {
    /// `timeout` zero: never suspicious.
    pub fn new(now: Instant, timeout: Duration) -> Liveness {
        Liveness { timeout, heard_at: now, asked_at: None }
    }

    /// Something arrived, or reading begins again.
    pub fn heard(&mut self, now: Instant) {
        self.heard_at = now;
        self.asked_at = None;
    }

    /// When to look again.
    pub fn deadline(&self) -> Option<Instant> {
        let since = self.asked_at.unwrap_or(self.heard_at);
        (!self.timeout.is_zero()).then(|| since + self.timeout)
    }

    /// Looks.
    pub fn poll(&mut self, now: Instant) -> Silence {
        match (self.deadline(), self.asked_at) {
            (Some(deadline), Some(_)) if now >= deadline => Silence::Dead,
            (Some(deadline), None) if now >= deadline => {
                self.asked_at = Some(now);
                Silence::Ask
            }
            _ => Silence::No,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn asks_once_and_then_gives_up() {
        let start = Instant::now();
        let mut liveness = Liveness::new(start, S * 2);
        assert_eq!(liveness.poll(start + S), Silence::No);
        assert_eq!(liveness.poll(start + S * 2), Silence::Ask);
        assert_eq!(liveness.poll(start + S * 3), Silence::No);
        assert_eq!(liveness.poll(start + S * 4), Silence::Dead);
    }

    #[test]
    fn any_byte_starts_it_anew() {
        let start = Instant::now();
        let mut liveness = Liveness::new(start, S * 2);
        assert_eq!(liveness.poll(start + S * 2), Silence::Ask);
        liveness.heard(start + S * 3);
        assert_eq!(liveness.poll(start + S * 4), Silence::No);
        assert_eq!(liveness.poll(start + S * 5), Silence::Ask);
    }

    #[test]
    fn no_timeout_no_suspicion() {
        let start = Instant::now();
        let mut liveness = Liveness::new(start, Duration::ZERO);
        assert_eq!((liveness.deadline(), liveness.poll(start + S * 100)), (None, Silence::No));
    }
}
