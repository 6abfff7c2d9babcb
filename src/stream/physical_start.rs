//! Where a physical stream begins, on which timeline: decided from the server's history.
//!
//! A timeline ends where its successor begins; the history of the server's own names all its ancestors and their ends.

#![forbid(unsafe_code)]

use super::error::{Cure, Failure};
use super::handshake::Handshake;
use super::options::SlotCreate;
use super::server_failure::sqlstate;
use crate::lsn::Lsn;
use crate::model::Code;
use crate::pg::{PgError, PhysicalPosition, PhysicalSlotRequest, SystemIdentity, TimelineSwitch};

/// The ancestors of the server's timeline, and itself.
#[derive(Clone, Debug)]
pub struct Line {
    ancestors: Vec<TimelineSwitch>,
    current: u32,
}

/// What is known of the timeline to begin on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Nothing: the position tells.
    Any,
    /// A saved position may name a later timeline than its LSN lies on.
    UpTo(u32),
    /// It was being streamed, perhaps from the start of the segment in which it begins; or the host wants it.
    Exactly(u32),
}

/// What to do first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// Stream this timeline.
    Stream(u32),
    /// The timeline that was streamed ended at `end`, before what came of it: go over to the next one.
    Switch {
        /// What was streamed.
        old: u32,
        /// What goes on.
        new: u32,
        /// From where.
        end: Lsn,
    },
}

impl Line {
    /// From the server's history file.
    pub fn new(ancestors: Vec<TimelineSwitch>, current: u32) -> Line {
        Line { ancestors, current }
    }

    /// The timeline that `lsn` lies on; a switch belongs to the new one.
    fn at(&self, lsn: Lsn) -> u32 {
        self.ancestors
            .iter()
            .find(|ancestor| lsn < ancestor.lsn)
            .map_or(self.current, |ancestor| ancestor.timeline)
    }

    /// The same for a saved position: at a switch the host may have nothing of the new one yet, not even its history file.
    fn up_to(&self, lsn: Lsn) -> u32 {
        self.ancestors
            .iter()
            .find(|ancestor| lsn <= ancestor.lsn)
            .map_or(self.current, |ancestor| ancestor.timeline)
    }

    /// How to go on at `start`. None: the timeline is no ancestor.
    pub fn begin(&self, on: On, start: Lsn) -> Option<Beginning> {
        let (known, exactly) = match on {
            On::Any => return Some(Beginning::Stream(self.at(start))),
            On::UpTo(known) => (known, false),
            On::Exactly(known) => (known, true),
        };
        if known == self.current {
            return Some(Beginning::Stream(if exactly { known } else { self.up_to(start) }));
        }
        let index = self.ancestors.iter().position(|ancestor| ancestor.timeline == known)?;
        let end = self.ancestors[index].lsn;
        if start > end {
            let new = self.ancestors.get(index + 1).map_or(self.current, |ancestor| ancestor.timeline);
            return Some(Beginning::Switch { old: known, new, end });
        }
        // At its very end the server answers with the switch.
        let earlier = self.ancestors[..index].iter().find(|ancestor| !exactly && start <= ancestor.lsn);
        Some(Beginning::Stream(earlier.map_or(known, |ancestor| ancestor.timeline)))
    }
}

impl Handshake<'_> {
    /// Where the physical slot holds log back, once it is there; 0: nowhere, or not to be found out.
    pub fn physical_slot(&mut self, first: bool) -> Result<Lsn, Failure> {
        let name = self.options.slot.clone();
        if name.is_empty() {
            return Ok(Lsn::ZERO);
        }
        let knows = self.connection.server_version() >= 150_000;
        let read = if knows { self.connection.read_physical_slot(&name, self.patience)? } else { None };
        if let Some(PhysicalPosition { restart_lsn, .. }) = read {
            return Ok(restart_lsn.unwrap_or_default());
        }
        let from_nowhere = first && self.before.start.is_zero();
        let made = from_nowhere && self.create_physical_slot(&name)?;
        match knows {
            true if from_nowhere && self.options.slot_create != SlotCreate::Never => Ok(self
                .connection
                .read_physical_slot(&name, self.patience)?
                .and_then(|position| position.restart_lsn)
                .unwrap_or_default()),
            true => Err(Failure::new(Code::E_SLOT_MISSING, format!("no such slot: \"{name}\""))
                .hint("check the name, or set slot.create=if-missing and start from 0")),
            // Anywhere else but where it stands the log that it holds would be skipped, and let go with the first acknowledgement.
            false if from_nowhere && !made => Err(Failure::new(
                Code::E_UNSUPPORTED,
                format!("PostgreSQL 14 does not tell where the physical slot \"{name}\" stands"),
            )
            .hint("give start_lsn: restart_lsn in pg_replication_slots, at the start of its segment")),
            false => Ok(Lsn::ZERO),
        }
    }

    /// True: it was not there.
    fn create_physical_slot(&mut self, name: &str) -> Result<bool, Failure> {
        let temporary = match self.options.slot_create {
            SlotCreate::Never => return Ok(false),
            create => create == SlotCreate::Temporary,
        };
        let request = PhysicalSlotRequest { name, temporary, reserve_wal: true };
        match self.connection.create_physical_slot(&request, self.patience) {
            Ok(()) => {
                self.log.info(format!("made physical slot \"{name}\""));
                Ok(true)
            }
            Err(PgError::Server(error)) if error.sqlstate.as_str() == sqlstate::DUPLICATE_OBJECT => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// How to go on at `start`.
    pub fn begin(&mut self, system: &SystemIdentity, on: On, start: Lsn) -> Result<Beginning, Failure> {
        let in_recovery = self.connection.in_hot_standby();
        let cure = if in_recovery { Cure::RetryWhileFailingOver } else { Cure::None };
        let history = self.connection.timeline_history(system.timeline, self.patience)?;
        let line = Line::new(history, system.timeline);
        let Some(beginning) = line.begin(on, start) else {
            let (On::UpTo(known) | On::Exactly(known)) = on else {
                return Err(Failure::protocol("a timeline without a history"));
            };
            let message = format!(
                "the stream is on timeline {known}, which is no ancestor of the server's, {}",
                system.timeline
            );
            return Err(Failure::new(Code::E_GAP, message).cure(cure).hint(
                "this server was not promoted from the one that the stream read: take a new base backup",
            ));
        };
        if matches!(beginning, Beginning::Stream(_)) && start > system.flush_lsn {
            let message = format!(
                "the stream is to go on at {start}, but the server has written up to {} only",
                system.flush_lsn
            );
            return Err(Failure::new(Code::E_GAP, message).cure(cure).hint(
                "the position belongs to another server, or this one lost what it had written: take a new base backup",
            ));
        }
        Ok(beginning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        let ancestor = |timeline, lsn| TimelineSwitch { timeline, lsn: Lsn(lsn) };
        // 2 was a dead end: 3 left 1.
        Line::new(vec![ancestor(1, 100), ancestor(3, 200)], 4)
    }

    #[test]
    fn the_position_tells_the_timeline() {
        use On::{Any, Exactly, UpTo};
        for (on, start, timeline) in [
            (Any, 50, 1),
            (Any, 99, 1),
            (Any, 100, 3),
            (Any, 199, 3),
            (Any, 200, 4),
            (Any, 999, 4),
            (UpTo(1), 50, 1),
            // The server answers at once with the switch, which the host has not heard of.
            (UpTo(1), 100, 1),
            (UpTo(3), 150, 3),
            (UpTo(3), 200, 3),
            // The host had heard of the switch, but not acknowledged up to it.
            (UpTo(3), 50, 1),
            (UpTo(4), 50, 1),
            (UpTo(4), 150, 3),
            // Nor of the new one: its TIMELINE comes again.
            (UpTo(4), 200, 3),
            (UpTo(4), 201, 4),
            (UpTo(3), 100, 1),
            // From the start of a segment on.
            (Exactly(3), 90, 3),
            (Exactly(4), 190, 4),
        ] {
            assert_eq!(line().begin(on, Lsn(start)), Some(Beginning::Stream(timeline)), "{on:?} {start}");
        }
    }

    #[test]
    fn what_lies_beyond_a_switch_is_left() {
        let switch = |old, new, end| Some(Beginning::Switch { old, new, end: Lsn(end) });
        assert_eq!(line().begin(On::Exactly(1), Lsn(101)), switch(1, 3, 100));
        assert_eq!(line().begin(On::UpTo(3), Lsn(300)), switch(3, 4, 200));
    }

    #[test]
    fn other_timelines_are_strangers() {
        assert_eq!(line().begin(On::UpTo(2), Lsn(50)), None);
        assert_eq!(line().begin(On::Exactly(5), Lsn(50)), None);
    }
}
