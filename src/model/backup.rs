//! Events of a base backup, put into a batch.

use std::ptr::null;

use super::OutOfMemory;
use super::builder::BatchBuilder;
use super::event::{BackupDetail, Event, ProgressDetail, TablespaceDetail};

/// A tablespace, to be copied into a batch.
#[derive(Clone, Copy, Debug)]
pub struct Tablespace<'a> {
    /// 0: the data directory itself.
    pub oid: u32,
    /// "" for the data directory.
    pub location: &'a [u8],
    /// Estimated bytes, -1 unknown.
    pub size: i64,
}

impl BatchBuilder {
    /// Adds a BACKUP_START or BACKUP_END.
    pub fn push_backup(
        &mut self,
        mut event: Event,
        timeline: u32,
        tablespaces: &[Tablespace<'_>],
    ) -> Result<(), OutOfMemory> {
        let details = tablespaces.iter().map(|tablespace| self.tablespace(tablespace));
        let details = details.collect::<Result<Vec<_>, OutOfMemory>>()?;
        let list = if details.is_empty() { null() } else { self.list(&details)? };
        let detail = BackupDetail { timeline, tablespace_count: details.len() as u32, tablespaces: list };
        event.detail = self.detail(detail)?;
        event.detail_count = 1;
        self.push(event, &[], None, None)
    }

    /// Adds an ARCHIVE_BEGIN.
    pub fn push_archive(
        &mut self,
        mut event: Event,
        name: &[u8],
        tablespace: &Tablespace<'_>,
    ) -> Result<(), OutOfMemory> {
        let detail = self.tablespace(tablespace)?;
        event.detail = self.detail(detail)?;
        event.detail_count = 1;
        event.name = self.text(name)?;
        event.name_len = name.len() as u32;
        self.push(event, &[], None, None)
    }

    /// Adds a BACKUP_PROGRESS.
    pub fn push_progress(&mut self, mut event: Event, detail: ProgressDetail) -> Result<(), OutOfMemory> {
        event.detail = self.detail(detail)?;
        event.detail_count = 1;
        self.push(event, &[], None, None)
    }

    fn tablespace(&mut self, tablespace: &Tablespace<'_>) -> Result<TablespaceDetail, OutOfMemory> {
        Ok(TablespaceDetail {
            location: self.text(tablespace.location)?,
            size: tablespace.size,
            oid: tablespace.oid,
            location_len: tablespace.location.len() as u32,
        })
    }

    fn list(&mut self, details: &[TablespaceDetail]) -> Result<*const TablespaceDetail, OutOfMemory> {
        let place = self.arena.take(size_of_val(details), align_of::<TablespaceDetail>())?;
        let place = place.cast::<TablespaceDetail>();
        // SAFETY: room for all of them was just taken; the source is elsewhere.
        unsafe { place.copy_from_nonoverlapping(std::ptr::NonNull::from(details).cast(), details.len()) };
        Ok(place.as_ptr().cast_const())
    }
}
