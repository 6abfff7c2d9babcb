//! From a new connection to a stream: which server is it, is the slot ours and whole, where to go on.
//!
//! Everything is checked before START_REPLICATION, at each connection anew: an address may lead to another server
//! tomorrow, and a slot may be moved by somebody else (delivery-rules.md, 9 to 16, 25).

#![forbid(unsafe_code)]

use std::time::Duration;

use super::error::{Cure, Failure};
use super::log::Log;
use super::options::{Options, SlotCreate};
use super::plugin_options;
use super::position::Position;
use super::retry::Retry;
use super::server_failure::sqlstate;
use super::session::{Connected, PGOUTPUT};
use super::slot_making::{Wanted, WantedKind, make_or_undo};
use crate::lsn::Lsn;
use crate::model::Code;
use crate::pg::{
    Connection, Patience, PgError, ServerRun, SlotInfo, Snapshot, Started, Survey, SystemIdentity,
    quote_identifier,
};

/// What this process knows from before.
#[derive(Clone, Copy, Debug)]
pub struct Before {
    /// The server of the last connection, or of `start.position`: system identifier and timeline.
    pub server: Option<(u64, u32)>,
    /// None: this is the stream's first connection.
    pub again: Option<Again>,
    /// Where the host wants to go on, 0: where the slot stands.
    pub start: Lsn,
    /// The server is to do the spilling (rule 26).
    pub without_streaming: bool,
}

/// What earlier connections of this process came to.
#[derive(Clone, Copy, Debug)]
pub struct Again {
    /// Behind everything that was read to its end.
    pub resume_at: Lsn,
    /// Everything that was confirmed.
    pub confirmed: Lsn,
    /// When the server of the last connection was started.
    pub server_started_us: i64,
}

/// A stream that runs.
#[derive(Debug)]
pub struct Ready {
    /// For the session.
    pub connected: Connected,
    /// For the next connection.
    pub server: (u64, u32),
    /// When this run of the server began; 0 where it cannot be asked.
    pub started_us: i64,
}

/// See the file's head.
pub struct Handshake<'a> {
    /// Newly made.
    pub connection: &'a mut Connection,
    /// The host's wishes.
    pub options: &'a Options,
    /// What is known.
    pub before: Before,
    /// Until when.
    pub patience: &'a Patience<'a>,
    /// For what is worth telling.
    pub log: &'a Log,
    /// Told how long the server may take to let go of a slot, before it says that it is held.
    pub retry: &'a mut Retry,
}

impl Handshake<'_> {
    /// Checks, and starts to stream.
    pub fn run(mut self) -> Result<Ready, Failure> {
        if self.options.pacing && self.options.plugin == PGOUTPUT {
            self.connection.let_wait_at_server();
        }
        let version = self.connection.server_version();
        plugin_options::check_version(self.options, version)?;
        let survey = self.survey()?;
        let system = self.connection.identify_system(self.patience)?;
        let server = self.check_system(&system)?;
        let in_recovery = survey.run.in_recovery;
        let left_at = self.check_timeline(server, survey.run)?;
        let wal_sender_timeout = self.heed(&survey.wal_sender_timeout)?;
        let slot = self.slot(&system, &survey)?;
        let start = self.check_position(&system, slot, in_recovery)?;
        let streaming = plugin_options::streaming(self.options, version, self.before.without_streaming);
        self.start_replication(start, version, in_recovery)?;
        let connected = Connected {
            slot,
            start: self.before.start,
            wal_sender_timeout,
            streaming: streaming.is_some(),
            left_at,
        };
        Ok(Ready { connected, server, started_us: survey.run.started_us })
    }

    fn survey(&mut self) -> Result<Survey, Failure> {
        let publications = if self.options.plugin == PGOUTPUT { &self.options.publication[..] } else { &[] };
        Ok(self.connection.survey(&self.options.slot, publications, self.patience)?)
    }

    /// Is it the same server as before?
    pub fn check_system(&self, system: &SystemIdentity) -> Result<(u64, u32), Failure> {
        let id = system
            .system_id
            .parse()
            .map_err(|_| PgError::Protocol("a system identifier that is no number"))?;
        match self.before.server {
            Some((known, _)) if known != id => {
                let message = format!("this is database system {id}, but the stream belongs to {known}");
                Err(Failure::new(Code::E_WRONG_SYSTEM, message).hint(
                    "another server answers at this address; after pg_upgrade or initdb the identifier is a new one: start \
                     again from a new slot and a new copy of the data",
                ))
            }
            _ => Ok((id, system.timeline)),
        }
    }

    /// Rule 13: ours must be an ancestor of the server's, and not left before where we are. Where the server left it.
    fn check_timeline(&mut self, server: (u64, u32), run: ServerRun) -> Result<Option<Lsn>, Failure> {
        let Some((_, known)) = self.before.server else { return Ok(None) };
        if known == server.1 {
            return Ok(None);
        }
        // A standby that is promoted under a stream does not break it: what came after the switch is its own.
        if self.before.again.is_some_and(|again| again.server_started_us == run.started_us) {
            self.log.info(format!("the server was promoted, from timeline {known} to {}", server.1));
            return Ok(None);
        }
        let held = self.before.again.map_or(self.before.start, |again| again.resume_at);
        let history = self.connection.timeline_history(server.1, self.patience)?;
        match history.iter().find(|switch| switch.timeline == known) {
            Some(switch) if held <= switch.lsn => {
                self.log.info(format!("the server moved from timeline {known} to {}", server.1));
                Ok(Some(switch.lsn))
            }
            Some(switch) => Err(Failure::new(
                Code::E_GAP,
                format!("the server left timeline {known} at {}, but the stream is at {held} already", switch.lsn),
            )
            .hint("what lies between was lost in the failover, though it was delivered: rebuild from a new slot")),
            None => {
                let message = format!("the stream is on timeline {known}, which is no ancestor of the server's, {}", server.1);
                let cure = if run.in_recovery { Cure::RetryWhileFailingOver } else { Cure::None };
                Err(Failure::new(Code::E_GAP, message)
                    .cure(cure)
                    .hint("this server was not promoted from the one that the stream read: rebuild from a new slot"))
            }
        }
    }

    /// After this long without a word of ours the server hangs up.
    pub fn wal_sender_timeout(&mut self) -> Result<Duration, Failure> {
        let text = self.connection.show("wal_sender_timeout", self.patience)?;
        self.heed(&text)
    }

    fn heed(&mut self, wal_sender_timeout: &str) -> Result<Duration, Failure> {
        let timeout = read_duration(wal_sender_timeout)?;
        self.retry.wal_sender_timeout(timeout);
        Ok(timeout)
    }

    /// The slot's confirmed position, once it is there and fit.
    fn slot(&mut self, system: &SystemIdentity, survey: &Survey) -> Result<Lsn, Failure> {
        let name = &self.options.slot;
        let in_recovery = survey.run.in_recovery;
        let Some(slot) = &survey.slot else {
            // No slot is made for a stream that cannot start.
            check_publications(&survey.missing_publications)?;
            if let Some(start) = self.create_slot()? {
                return Ok(start);
            }
            // Somebody else makes it, or did.
            let slot = self.connection.slot_info(name, self.patience)?;
            let slot = slot.ok_or_else(|| missing_slot(name, &self.before, in_recovery))?;
            return self.position_of(&slot, system, in_recovery);
        };
        let position = self.position_of(slot, system, in_recovery)?;
        check_publications(&survey.missing_publications)?;
        Ok(position)
    }

    fn position_of(
        &self,
        slot: &SlotInfo,
        system: &SystemIdentity,
        in_recovery: bool,
    ) -> Result<Lsn, Failure> {
        let name = &self.options.slot;
        self.check_slot(slot, system, in_recovery)?;
        slot.confirmed_flush_lsn.ok_or_else(|| match slot.active_pid {
            // It waits for the transactions that are open.
            Some(pid) => Failure::new(
                Code::E_SLOT_IN_USE,
                format!("slot \"{name}\" is being made by the server process {pid}"),
            )
            .cure(Cure::RetryWhileHeld)
            .hint("it will be there when all transactions that are open now have ended; raise slot.wait_ms to wait for it"),
            None => Failure::new(Code::E_SLOT_LOST, format!("slot \"{name}\" has no position"))
                .hint("drop it and make a new one"),
        })
    }

    /// Rule 16: only at the first start, and only from nowhere. None: not by us.
    fn create_slot(&mut self) -> Result<Option<Lsn>, Failure> {
        let temporary = match self.options.slot_create {
            SlotCreate::Never => return Ok(None),
            _ if self.before.again.is_some() || !self.before.start.is_zero() => return Ok(None),
            SlotCreate::IfMissing => false,
            SlotCreate::Temporary => true,
        };
        let kind = WantedKind::Logical {
            plugin: &self.options.plugin,
            two_phase: self.options.slot_two_phase,
            failover: self.options.slot_failover,
            snapshot: Snapshot::Nothing,
        };
        let wanted = Wanted { name: &self.options.slot, kind, temporary };
        match make_or_undo(self.connection, &wanted, self.patience) {
            Ok((consistent_point, _)) => {
                self.log.info(format!("made slot \"{}\" at {consistent_point}", wanted.name));
                Ok(Some(consistent_point))
            }
            Err(failure) if failure.sqlstate == sqlstate::DUPLICATE_OBJECT => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    fn check_slot(&self, slot: &SlotInfo, system: &SystemIdentity, in_recovery: bool) -> Result<(), Failure> {
        let name = &self.options.slot;
        let plugin = slot.plugin.as_deref().unwrap_or_default();
        if slot.slot_type != "logical" {
            return Err(Failure::new(Code::E_ARGUMENT, format!("slot \"{name}\" is a physical one"))
                .hint("name a logical slot, or make one with slot.create=if-missing"));
        }
        if slot.database != system.database {
            let database = slot.database.as_deref().unwrap_or_default();
            return Err(Failure::new(
                Code::E_ARGUMENT,
                format!("slot \"{name}\" belongs to database \"{database}\""),
            )
            .hint("connect to that database, or use another slot"));
        }
        if plugin != self.options.plugin {
            let message = format!("slot \"{name}\" uses the plugin {plugin}, not {}", self.options.plugin);
            return Err(
                Failure::new(Code::E_ARGUMENT, message).hint("set the option plugin, or use another slot")
            );
        }
        if let Some(cause) = lost(slot) {
            let message =
                format!("the server invalidated slot \"{name}\" ({cause}): what it had not sent is gone");
            return Err(Failure::new(Code::E_SLOT_LOST, message).hint(
                "drop the slot, make a new one and copy the data anew; raise max_slot_wal_keep_size or read faster",
            ));
        }
        if slot.synced && in_recovery {
            let message = format!("slot \"{name}\" on this standby is a copy that is being synchronised");
            return Err(Failure::new(Code::E_SERVER, message)
                .cure(Cure::RetryWhileFailingOver)
                .hint("read from the primary, or promote this standby"));
        }
        Ok(())
    }

    /// Where to start, checked against the server and the slot (rules 9, 14, 15).
    fn check_position(&self, system: &SystemIdentity, slot: Lsn, in_recovery: bool) -> Result<Lsn, Failure> {
        let name = &self.options.slot;
        let start = match self.before.again {
            Some(again) => again.resume_at,
            None => self.before.start,
        };
        if start > system.flush_lsn {
            let message = format!(
                "the stream is to go on at {start}, but the server has written up to {} only",
                system.flush_lsn
            );
            let cure = if in_recovery { Cure::RetryWhileFailingOver } else { Cure::None };
            return Err(Failure::new(Code::E_GAP, message).cure(cure).hint(
                "the position belongs to another server, or this one lost what it had written: rebuild from a new slot",
            ));
        }
        match self.before.again {
            Some(again) if slot > again.confirmed => {
                let message = format!(
                    "slot \"{name}\" is at {slot}, beyond the {} that this stream confirmed: somebody else moved it",
                    again.confirmed
                );
                return Err(Failure::new(Code::E_GAP, message)
                    .hint("changes were skipped: stop the other reader, and rebuild from a new slot"));
            }
            None if !start.is_zero() && slot > start => {
                let message = format!("slot \"{name}\" is at {slot}, ahead of the start position {start}");
                if self.options.start_strict {
                    return Err(Failure::new(Code::E_GAP, message)
                        .hint("what lies between was confirmed before, perhaps by another reader: rebuild, or set start.strict=off"));
                }
                self.log.warning(format!("{message}: going on from the slot's position"));
            }
            _ => {}
        }
        Ok(start)
    }

    fn start_replication(&mut self, start: Lsn, version: i32, in_recovery: bool) -> Result<(), Failure> {
        let options = plugin_options::render(self.options, version, self.before.without_streaming)?;
        let slot = quote_identifier(&self.options.slot);
        let command = format!("START_REPLICATION SLOT {slot} LOGICAL {start}{options}");
        self.log.debug(&command);
        match self.connection.start_replication(&command, self.patience) {
            Ok(Started::Copying) => Ok(()),
            Ok(Started::AtEnd(_)) => Err(Failure::protocol("logical replication ended before it began")),
            Err(PgError::Server(error))
                if error.sqlstate.as_str() == sqlstate::OBJECT_NOT_IN_PREREQUISITE_STATE =>
            {
                // The slot's state changed since it was looked at.
                match self.connection.slot_info(&self.options.slot, self.patience)? {
                    Some(slot) => {
                        let system = self.connection.identify_system(self.patience)?;
                        self.check_slot(&slot, &system, in_recovery)?;
                        Err(PgError::Server(error).into())
                    }
                    None => Err(missing_slot(&self.options.slot, &self.before, in_recovery)),
                }
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Rule 25.
fn check_publications(missing: &[String]) -> Result<(), Failure> {
    let names: Vec<_> = missing.iter().map(|name| quote_identifier(name)).collect();
    if names.is_empty() {
        return Ok(());
    }
    let message = format!("no such publication in this database: {}", names.join(", "));
    Err(Failure::new(Code::E_PUBLICATION, message)
        .hint("check name and database, or CREATE PUBLICATION; names that are not lower case need double quotes in the option"))
}

fn missing_slot(name: &str, before: &Before, in_recovery: bool) -> Failure {
    let cure = if in_recovery && before.again.is_some() { Cure::RetryWhileFailingOver } else { Cure::None };
    let hint = if before.again.is_some() {
        "it was dropped, or did not come along in a failover: make a new one and copy the data anew"
    } else {
        "check the name, or set slot.create=if-missing and start from 0"
    };
    Failure::new(Code::E_SLOT_MISSING, format!("no such slot: \"{name}\"")).cure(cure).hint(hint)
}

/// Why a slot can no longer be read, if so: in the server's own word.
pub fn lost(slot: &SlotInfo) -> Option<&str> {
    match (&slot.invalidation_reason, slot.wal_status.as_deref()) {
        (Some(reason), _) => Some(reason),
        (None, Some("lost")) => Some("wal_removed"),
        (None, _) if slot.conflicting => Some("conflict with recovery"),
        _ => None,
    }
}

fn read_duration(text: &str) -> Result<Duration, Failure> {
    Ok(parse_duration(text).ok_or(PgError::Protocol("a wal_sender_timeout that is no time"))?)
}

/// A time as SHOW prints it: "1min", "2s", "500ms", "0".
fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let unit = match &text[digits..] {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    Some(Duration::from_millis(number.checked_mul(unit)?))
}

/// Where to start, from `start_lsn` and the option `start.position`.
pub fn wanted_start(options: &Options, start_lsn: Lsn) -> Result<(Lsn, Option<(u64, u32)>), Failure> {
    if options.start_position.is_empty() {
        return Ok((start_lsn, None));
    }
    // The option was checked when it was set.
    let position: Position =
        options.start_position.parse().map_err(|error: super::position::ParsePositionError| {
            Failure::new(Code::E_ARGUMENT, error.to_string())
        })?;
    if !start_lsn.is_zero() && start_lsn != position.lsn {
        let message = format!("start_lsn is {start_lsn}, but start.position says {}", position.lsn);
        return Err(Failure::new(Code::E_ARGUMENT, message).hint("give start_lsn 0, or the same position"));
    }
    Ok((position.lsn, Some((position.system, position.timeline))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_the_server_shows_them() {
        let ms = |text| parse_duration(text).map(|d| d.as_millis());
        assert_eq!(
            [ms("0"), ms("500ms"), ms("2s"), ms("1min"), ms("1h"), ms("2d")],
            [Some(0), Some(500), Some(2_000), Some(60_000), Some(3_600_000), Some(172_800_000)]
        );
        assert_eq!([ms(""), ms("min"), ms("1 s"), ms("1us")], [None; 4]);
    }
}
