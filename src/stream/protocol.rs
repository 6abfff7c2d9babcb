//! What the worker drives: one kind of stream, without socket or clock.
//!
//! `Session` is the logical kind, `Physical` the other. Each connection begins with `handshake` and `connected`;
//! then frames and `now` go in, batches and status updates come out.

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::Instant;

use super::error::{Cure, Failure};
use super::handshake::{Handshake, Ready};
use super::options::Options;
use super::outbox::Outbox;
use super::pacing::{Behind, Read};
use super::session::{Connected, Now, Session};
use super::shared::Shared;
use crate::lsn::Lsn;
use crate::model::arena::Pool;
use crate::model::{Batch, Code};
use crate::pg::{Connection, CopyEnd, Patience};
use crate::wire::{HotStandbyFeedback, StatusUpdate};

/// Numbers about a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Highest position received.
    pub received: Lsn,
    /// Highest position seen of the server.
    pub server: Lsn,
    /// From the last transaction's commit to its receipt.
    pub delay_us: u64,
    /// Of messages with data.
    pub bytes: u64,
    /// Transactions without an end so far.
    pub open_transactions: usize,
    /// On disk for them.
    pub spilled_bytes: u64,
}

/// See the file's head.
pub trait Protocol: Sized {
    /// The connection parameter `replication`.
    const REPLICATION: &'static str;
    /// Can another connection go on where one broke off? What cannot is neither retried nor confirmed, and waited for
    /// as long as it takes.
    const RESUMES: bool = true;
    /// Does the host hear of another timeline by an event? Until it is handed that, its positions are of the one before.
    const TELLS_TIMELINES: bool = false;

    /// Before the first connection.
    fn new(options: &Arc<Options>, now: Now, pool: Arc<Pool>) -> Self;
    /// Checks the server, and starts to stream.
    fn handshake(&mut self, handshake: Handshake<'_>) -> Result<Ready, Failure>;
    /// A connection streams from now on.
    fn connected(&mut self, now: Now, connected: &Connected) -> Result<(), Failure>;
    /// The host knows that the stream runs: what may take longer than connecting.
    fn begin(&mut self, _connection: &mut Connection, _patience: &Patience<'_>) -> Result<(), Failure> {
        Ok(())
    }
    /// Takes in what the host said.
    fn take_in(&mut self, shared: &Shared) -> Result<(), Failure>;
    /// One CopyData message.
    fn handle_frame(&mut self, now: Now, frame: &[u8]) -> Result<(), Failure>;
    /// The server ended the COPY. Ok: it streams on, on this timeline.
    fn copy_ended(
        &mut self,
        now: Now,
        connection: &mut Connection,
        end: CopyEnd,
        patience: &Patience<'_>,
    ) -> Result<u32, Failure>;

    /// Where the next connection is to start; 0 before the first one.
    fn resume_at(&self) -> Lsn;
    /// Everything that this process confirmed, or found confirmed.
    fn confirmed(&self) -> Lsn;
    /// stop_lsn was reached, and all before it is in the outbox or beyond.
    fn ended(&self) -> bool;
    /// Is anything read and not acknowledged?
    fn pending(&self) -> bool;
    /// Is something acknowledged that the server was not told?
    fn unsent(&self) -> bool;
    /// Does the server shut down, and wait for what the host has not acknowledged?
    fn storm(&self) -> bool;
    /// See there.
    fn progress(&self) -> Progress;
    /// What pacing goes by: all that came so far, and how late the newest of it is.
    fn pace(&self) -> (Read, Behind) {
        (Read::default(), Behind::Unknown)
    }

    /// What waits to be handed over.
    fn outbox(&mut self) -> &mut Outbox;
    /// As `Outbox::is_full`.
    fn is_full(&self, bytes: usize) -> bool;
    /// A batch that must go before more is read.
    fn take_full(&mut self) -> Option<Batch> {
        self.outbox().take_full()
    }
    /// Is a held-back transaction being handed out? Then nothing may be read until `replay` is done with it.
    fn replaying(&self) -> bool {
        false
    }
    /// Hands out more of it, up to `bytes`.
    fn replay(&mut self, _now: Now, _bytes: usize) -> Result<(), Failure> {
        Ok(())
    }

    /// Bytes arrived, or reading begins again after a pause.
    fn heard(&mut self, now: Instant);
    /// When a message to the server is due, or the connection may be dead. `reading`: is the thread reading at all?
    fn deadline(&self, reading: bool) -> Instant;
    /// A status update to send now, if one is due. The second value: nothing was heard for too long.
    fn poll_feedback(&mut self, now: Now, reading: bool) -> (Option<StatusUpdate>, bool);
    /// The status update as of now, whether due or not.
    fn status_update(&mut self, now: Now, reply_requested: bool) -> StatusUpdate;
    /// Hot standby feedback to send now, if it is due; `last`: on leaving.
    fn poll_standby(&mut self, _now: Now, _last: bool) -> Option<HotStandbyFeedback> {
        None
    }
}

/// A server that ends the stream without a word shuts down.
pub fn ended_by_server() -> Failure {
    Failure::new(Code::E_CONNECT, "the server ended the stream").cure(Cure::Retry)
}

impl Protocol for Session {
    const REPLICATION: &'static str = "database";

    fn new(options: &Arc<Options>, now: Now, pool: Arc<Pool>) -> Session {
        Session::new(options, now, pool)
    }

    fn handshake(&mut self, handshake: Handshake<'_>) -> Result<Ready, Failure> {
        handshake.run()
    }

    fn connected(&mut self, now: Now, connected: &Connected) -> Result<(), Failure> {
        Session::connected(self, now, connected)
    }

    fn take_in(&mut self, shared: &Shared) -> Result<(), Failure> {
        self.acknowledge(shared.take_acknowledged())
    }

    #[inline]
    fn handle_frame(&mut self, now: Now, frame: &[u8]) -> Result<(), Failure> {
        Session::handle_frame(self, now, frame)
    }

    fn copy_ended(
        &mut self,
        _now: Now,
        _connection: &mut Connection,
        end: CopyEnd,
        _patience: &Patience<'_>,
    ) -> Result<u32, Failure> {
        Err(end.error.map_or_else(ended_by_server, Failure::from))
    }

    fn resume_at(&self) -> Lsn {
        Session::resume_at(self)
    }

    fn confirmed(&self) -> Lsn {
        Session::confirmed(self)
    }

    fn ended(&self) -> bool {
        Session::ended(self)
    }

    fn pending(&self) -> bool {
        Session::pending(self)
    }

    fn unsent(&self) -> bool {
        Session::unsent(self)
    }

    fn storm(&self) -> bool {
        Session::storm(self)
    }

    fn progress(&self) -> Progress {
        let (open_transactions, spilled_bytes) = self.held();
        Progress {
            received: self.received_lsn(),
            server: self.server_lsn(),
            delay_us: self.commit_delay_us(),
            bytes: self.total_read().bytes,
            open_transactions,
            spilled_bytes,
        }
    }

    fn pace(&self) -> (Read, Behind) {
        (self.total_read(), self.behind())
    }

    fn outbox(&mut self) -> &mut Outbox {
        Session::outbox(self)
    }

    #[inline]
    fn is_full(&self, bytes: usize) -> bool {
        Session::is_full(self, bytes)
    }

    fn replaying(&self) -> bool {
        Session::replaying(self)
    }

    fn replay(&mut self, now: Now, bytes: usize) -> Result<(), Failure> {
        Session::replay(self, now, bytes)
    }

    fn heard(&mut self, now: Instant) {
        Session::heard(self, now);
    }

    fn deadline(&self, reading: bool) -> Instant {
        Session::deadline(self, reading)
    }

    fn poll_feedback(&mut self, now: Now, reading: bool) -> (Option<StatusUpdate>, bool) {
        Session::poll_feedback(self, now, reading)
    }

    fn status_update(&mut self, now: Now, reply_requested: bool) -> StatusUpdate {
        Session::status_update(self, now, reply_requested)
    }
}
