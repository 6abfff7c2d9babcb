//! Calling off a command that runs, and what it came to.
//!
//! Refuses to leave that open: a command may have been done, or refused, before the server heard that it is not wanted.

#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use super::error::Failure;
use crate::model::Code;
use crate::pg::{Connection, EventFd, Patience, PgError};

/// How long a command that is called off may take to end.
pub(super) const LONGEST_CANCEL: Duration = Duration::from_secs(10);

/// What a command came to that was perhaps called off: it may have been done, or refused, before the server heard of that.
pub(super) fn settled(
    connection: &mut Connection,
    result: Result<(), PgError>,
    wake: &EventFd,
) -> Result<(), Failure> {
    let Err(error @ (PgError::Cancelled | PgError::TimedOut)) = result else { return Ok(result?) };
    match call_off(connection, wake)? {
        Outcome::Done => Ok(()),
        Outcome::CalledOff => Err(error.into()),
        Outcome::Refused(refusal) => Err(refusal.into()),
    }
}

/// How a command ended that was called off.
pub(super) enum Outcome {
    /// It was done before.
    Done,
    CalledOff,
    /// It failed by itself.
    Refused(PgError),
}

/// Cancels what runs.
pub(super) fn call_off(connection: &mut Connection, wake: &EventFd) -> Result<Outcome, Failure> {
    const QUERY_CANCELED: &str = "57014";
    match connection.cancel_command(&unhurried(wake)) {
        Ok(_) => Ok(Outcome::Done),
        Err(PgError::Server(error)) if error.sqlstate.as_str() == QUERY_CANCELED => Ok(Outcome::CalledOff),
        Err(error @ PgError::Server(_)) if !connection.is_lost() => Ok(Outcome::Refused(error)),
        Err(error) => Err(unconfirmed(error)),
    }
}

/// Nobody knows what became of it. Not to be taken for a mere timeout.
pub(super) fn unconfirmed(error: PgError) -> Failure {
    Failure::new(Code::E_CONNECT, "the command was called off, but the server did not confirm it")
        .detail(Failure::from(error).to_string())
        .hint("look whether the slot is there, once the server answers again")
}

/// For ending things in good order.
pub(super) fn unhurried(wake: &EventFd) -> Patience<'_> {
    Patience { wake, cancelled: &|| false, deadline: Some(Instant::now() + LONGEST_CANCEL) }
}
