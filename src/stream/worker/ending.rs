//! How a connection's time is over: by the server, for its shutdown, or because the host wants it.

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Protocol, Worker, now};
use crate::model::Code;
use crate::pg::{Connection, Patience, PgError};
use crate::stream::error::{Cure, Failure};
use crate::stream::shared::{Left, Request};

/// A server that shuts down gets this long to see our end of the COPY.
const STORM_GOODBYE: Duration = Duration::from_secs(1);

impl<P: Protocol> Worker<P> {
    /// The server ended the COPY: it says why, or is shutting down, or has more on another timeline.
    pub(super) fn copy_ended(&mut self, connection: &mut Connection) -> Result<(), Failure> {
        let (shared, attempt) = (Arc::clone(&self.shared), self.attempt);
        let patience = Patience {
            wake: shared.queue.thread(),
            cancelled: &|| !P::RESUMES && shared.ending(attempt),
            deadline: P::RESUMES.then(|| Instant::now() + Duration::from_secs(10)),
        };
        let end = connection.finish_copy(&patience)?;
        let timeline = self.session.copy_ended(now(), connection, end, &patience)?;
        if let Some((system, before)) = self.before.server
            && before != timeline
        {
            self.before.server = Some((system, timeline));
            shared.log.info(format!("the server moved to timeline {timeline}"));
        }
        Ok(())
    }

    /// Rule 22: the server cannot stop while we wait for the host. It may; we come back.
    pub(super) fn leave_storm(&mut self, connection: &mut Connection) -> Failure {
        let ended = self.end(connection, Some(Instant::now() + STORM_GOODBYE));
        let message = "the server shuts down, and waits for a position that may not be confirmed yet";
        ended.err().unwrap_or_else(|| Failure::new(Code::E_CONNECT, message).cure(Cure::Retry))
    }

    pub(super) fn stop(&mut self, connection: &mut Connection) -> Result<Left, Failure> {
        self.session.take_in(&self.shared)?;
        let deadline = self.shared.stop_deadline();
        self.end(connection, deadline)
    }

    /// The last update, then our end of the COPY, then the server's.
    pub(super) fn end(
        &mut self,
        connection: &mut Connection,
        deadline: Option<Instant>,
    ) -> Result<Left, Failure> {
        if !P::RESUMES {
            // Nobody listens while a COPY goes one way; the server notices that the connection is closed.
            return Ok(Left::InOrder);
        }
        let update = self.session.status_update(now(), false);
        self.send(connection, update)?;
        if let Some(standby) = self.session.poll_standby(now(), true) {
            connection.put_copy_data(&standby.encode())?;
        }
        let (shared, attempt) = (Arc::clone(&self.shared), self.attempt);
        let patience = Patience {
            wake: shared.queue.thread(),
            cancelled: &|| shared.request(attempt) == Request::Leave,
            deadline: deadline.or_else(|| Some(Instant::now() + Duration::from_secs(10))),
        };
        match connection.end_copy(&patience) {
            // A server that is gone has nothing to say, and one that takes too long is left.
            Ok(_) | Err(PgError::Lost(_)) => Ok(Left::InOrder),
            Err(PgError::TimedOut | PgError::Cancelled) => Ok(Left::Cut),
            Err(error) => Err(error.into()),
        }
    }

    /// What was acknowledged goes out if the socket takes it at once.
    pub(super) fn last_update(&mut self, connection: &mut Connection) {
        let taken_in = self.session.take_in(&self.shared);
        if taken_in.is_ok() && self.session.unsent() {
            let update = self.session.status_update(now(), false);
            // There is nobody to tell of a failure: the acknowledged part may come again next time.
            let _ = self.send(connection, update).map(|()| connection.flush());
        }
    }
}
