//! All that a logical stream asks a server before it starts, in one message: over a long line each message more is a
//! round trip more, at every connection.

#![forbid(unsafe_code)]

use super::command::{ServerRun, missing_of};
use super::connection::Connection;
use super::error::PgError;
use super::quote::quote_literal;
use super::result::{ResultSet, Status};
use super::slot::{SlotInfo, slot_question};
use super::wait::Patience;

/// The answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// Of which run of the server.
    pub run: ServerRun,
    /// As SHOW prints it.
    pub wal_sender_timeout: String,
    /// None: there is no such slot.
    pub slot: Option<SlotInfo>,
    /// Those asked for that are not in this database.
    pub missing_publications: Vec<String>,
}

/// Is this a standby (or a server still recovering)? And since when does this server run: microseconds of its own
/// clock, which tell one run of one server from all others.
const RUN: &str = "SELECT pg_catalog.pg_is_in_recovery(), \
                   (extract(epoch FROM pg_catalog.pg_postmaster_start_time()) * 1000000)::pg_catalog.int8";

impl Connection {
    /// Pins the session, as [`Connection::pin_session`], and asks.
    pub fn survey(
        &mut self,
        slot: &str,
        publications: &[impl AsRef<str>],
        patience: &Patience<'_>,
    ) -> Result<Survey, PgError> {
        // The names are UTF-8, and the server reads a message as what it was told before that message.
        if self.parameter_status("client_encoding").as_deref() != Some("UTF8") {
            self.pin_session(patience)?;
        }
        let major = self.major_version();
        let questions = [
            self.pins(),
            RUN.to_owned(),
            "SHOW wal_sender_timeout".to_owned(),
            slot_question(slot, major),
            publication_question(publications),
        ];
        let mut sets = self.query(&questions.join(";\n"), patience)?;
        sets.retain(|set| set.status() == Status::Rows);
        let sets: [ResultSet; 4] =
            sets.try_into().map_err(|_| PgError::Protocol("not one set of rows for each question"))?;
        let [run, wal_sender_timeout, slot, publication] = &sets;
        Ok(Survey {
            run: ServerRun::read(run)?,
            wal_sender_timeout: wal_sender_timeout.parse(0, 0)?,
            slot: SlotInfo::read(slot, major)?,
            missing_publications: missing_of(publications, publication),
        })
    }
}

fn publication_question(names: &[impl AsRef<str>]) -> String {
    // No publication has an empty name, but a list may not be empty.
    let list: Vec<_> =
        std::iter::once("").chain(names.iter().map(AsRef::as_ref)).map(quote_literal).collect();
    format!("SELECT pubname FROM pg_catalog.pg_publication WHERE pubname IN ({})", list.join(", "))
}
