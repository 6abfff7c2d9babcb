//! When to try again: exponential backoff with jitter, and how long each kind of trouble may last.
//!
//! No clock: `now` comes with each call, chance too.

#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use super::error::{Cure, Failure};
use super::options::Options;

/// See the file's head.
#[derive(Debug)]
pub struct Retry {
    initial: Duration,
    longest: Duration,
    max_elapsed: Duration,
    failover: Duration,
    /// rule 23; from the option, else from the server's wal_sender_timeout once that is known.
    slot_wait: Option<Duration>,
    default_slot_wait: Duration,
    pause: Duration,
    since: Option<Instant>,
    trouble_since: Option<(Cure, Instant)>,
}

impl Retry {
    /// Nothing has gone wrong yet.
    pub fn new(options: &Options) -> Retry {
        Retry {
            initial: options.retry_initial,
            longest: options.retry_max.max(options.retry_initial),
            max_elapsed: options.retry_max_elapsed,
            failover: options.retry_failover,
            slot_wait: options.slot_wait,
            default_slot_wait: Duration::from_secs(60),
            pause: options.retry_initial,
            since: None,
            trouble_since: None,
        }
    }

    /// The server's wal_sender_timeout: after it a dead walsender lets go of its slot.
    pub fn wal_sender_timeout(&mut self, timeout: Duration) {
        if !timeout.is_zero() {
            self.default_slot_wait = timeout + timeout / 2;
        }
    }

    /// The connection streams: what went wrong before is over.
    pub fn succeeded(&mut self) {
        self.pause = self.initial;
        self.since = None;
        self.trouble_since = None;
    }

    /// How long to wait before the next try, or why there is none. `chance` is between 0 and 1.
    pub fn failed(&mut self, now: Instant, failure: Failure, chance: f64) -> Result<Duration, Failure> {
        let since = *self.since.get_or_insert(now);
        let limit = match failure.cure {
            Cure::None => return Err(failure),
            Cure::Retry | Cure::RetryWithoutStreaming => None,
            Cure::RetryWhileFailingOver => Some(self.failover),
            Cure::RetryWhileHeld => Some(self.slot_wait.unwrap_or(self.default_slot_wait)),
        };
        let trouble_since = match self.trouble_since {
            Some((cure, since)) if cure == failure.cure => since,
            _ => now,
        };
        self.trouble_since = Some((failure.cure, trouble_since));
        if limit.is_some_and(|limit| now - trouble_since >= limit) {
            return Err(failure);
        }
        if !self.max_elapsed.is_zero() && now - since >= self.max_elapsed {
            let tried = (now - since).as_secs_f64();
            let detail = format!("gave up after {tried:.1} s (retry.max_elapsed_ms)");
            return Err(failure.detail(detail));
        }
        let pause = self.pause.mul_f64(1.0 - chance / 2.0);
        self.pause = (self.pause * 2).min(self.longest);
        Ok(match limit {
            // A limited trouble is looked at once more when its time is up.
            Some(limit) => pause.min((trouble_since + limit).saturating_duration_since(now)),
            None => pause,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Code;

    const MS: Duration = Duration::from_millis(1);

    fn trouble(cure: Cure) -> Failure {
        Failure::new(Code::E_CONNECT, "test").cure(cure)
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_start_anew_after_a_success() {
        let mut retry = Retry::new(&Options::default());
        let now = Instant::now();
        let pauses: Vec<_> =
            (0..12).map(|_| retry.failed(now, trouble(Cure::Retry), 0.0).unwrap().as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000, 30000]);
        retry.succeeded();
        assert_eq!(retry.failed(now, trouble(Cure::Retry), 1.0).unwrap(), MS * 50);
    }

    #[test]
    fn rule_23_a_held_slot_is_waited_for_as_long_as_a_dead_walsender_may_hold_it() {
        let mut retry = Retry::new(&Options::default());
        retry.wal_sender_timeout(MS * 2000);
        let now = Instant::now();
        assert!(retry.failed(now, trouble(Cure::RetryWhileHeld), 0.5).is_ok());
        assert!(retry.failed(now + MS * 2999, trouble(Cure::RetryWhileHeld), 0.5).unwrap() <= MS);
        assert!(retry.failed(now + MS * 3000, trouble(Cure::RetryWhileHeld), 0.5).is_err());
    }

    #[test]
    fn another_trouble_has_its_own_time() {
        let mut retry = Retry::new(&Options::default());
        let now = Instant::now();
        retry.failed(now, trouble(Cure::RetryWhileFailingOver), 0.5).unwrap();
        retry.failed(now + MS * 59_000, trouble(Cure::Retry), 0.5).unwrap();
        retry.failed(now + MS * 61_000, trouble(Cure::RetryWhileFailingOver), 0.5).unwrap();
        retry.failed(now + MS * 121_000, trouble(Cure::RetryWhileFailingOver), 0.5).unwrap_err();
    }

    #[test]
    fn what_no_retry_cures_ends_at_once() {
        let mut retry = Retry::new(&Options::default());
        retry.failed(Instant::now(), trouble(Cure::None), 0.5).unwrap_err();
    }
}
