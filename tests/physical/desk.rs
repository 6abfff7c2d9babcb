//! An administrator: walstream_admin_* with Rust's types.

use std::ffi::{CStr, CString, c_char};
use std::ptr::{null, null_mut};

use walstream::ffi::*;
use walstream::model::event::TimelineDetail;

use crate::support::host::{Fault, fault};

pub struct Desk(pub *mut AdminHandle);

// SAFETY: one thread calls at a time, besides cancel and free, which are for any thread.
unsafe impl Send for Desk {}
// SAFETY: as above.
unsafe impl Sync for Desk {}

/// A walstream_slot_info, copied.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    pub flags: u32,
    pub restart_lsn: u64,
    pub confirmed_flush_lsn: u64,
    pub restart_timeline: u32,
    pub plugin: String,
    pub database: String,
    pub wal_status: String,
    pub invalidation_reason: String,
    pub safe_wal_size: i64,
    pub active_pid: i32,
}

pub struct Snapshot(*mut SnapshotHandle);

// SAFETY: any thread may use it.
unsafe impl Send for Snapshot {}

impl Desk {
    pub fn open(conninfo: &str, options: &[(&str, &str)]) -> Result<Desk, Fault> {
        let conninfo = CString::new(conninfo).unwrap();
        let (mut admin, mut error) = (null_mut(), null_mut());
        // SAFETY: as the header wants it.
        unsafe {
            let config = walstream_config_new();
            for (key, value) in options {
                let (key, value) = (CString::new(*key).unwrap(), CString::new(*value).unwrap());
                assert_eq!(walstream_config_set(config, key.as_ptr(), value.as_ptr(), null_mut()), 0);
            }
            let code = walstream_admin_open(conninfo.as_ptr(), config, &mut admin, &mut error);
            walstream_config_free(config);
            check(code, error).map(|_| Desk(admin))
        }
    }

    pub fn identify(&self) -> Result<(System, String), Fault> {
        let mut error = null_mut();
        // SAFETY: as the header wants it.
        unsafe {
            let mut system: System = std::mem::zeroed();
            system.struct_size = size_of::<System>() as u32;
            let code = walstream_admin_identify(self.0, &mut system, &mut error);
            check(code, error).map(|_| (system, text(system.database)))
        }
    }

    pub fn show(&self, name: &str) -> Result<String, Fault> {
        let name = CString::new(name).unwrap();
        let (mut value, mut error) = (null(), null_mut());
        // SAFETY: as the header wants it.
        unsafe {
            let code = walstream_admin_show(self.0, name.as_ptr(), &mut value, &mut error);
            check(code, error).map(|_| text(value))
        }
    }

    /// File name, content, switches.
    pub fn history(&self, timeline: u32) -> Result<(String, Vec<u8>, Vec<TimelineDetail>), Fault> {
        let mut error = null_mut();
        // SAFETY: as the header wants it.
        unsafe {
            let mut history: History = std::mem::zeroed();
            history.struct_size = size_of::<History>() as u32;
            let code = walstream_admin_timeline_history(self.0, timeline, &mut history, &mut error);
            check(code, error)?;
            let content = std::slice::from_raw_parts(history.content, history.content_len as usize + 1);
            assert_eq!(content.last(), Some(&0), "a NUL follows");
            let switches = match history.switch_count {
                0 => Vec::new(),
                count => std::slice::from_raw_parts(history.switches, count as usize).to_vec(),
            };
            Ok((text(history.file_name), content[..content.len() - 1].to_vec(), switches))
        }
    }

    /// Code, consistent LSN and snapshot.
    pub fn create(
        &self,
        name: &str,
        request: Option<SlotRequestRow>,
        timeout_ms: i32,
    ) -> Result<(i32, u64, Option<Snapshot>), Fault> {
        let name = CString::new(name).unwrap();
        let (mut lsn, mut snapshot, mut error) = (7, null_mut(), null_mut());
        // SAFETY: as the header wants it.
        unsafe {
            let request = request.as_ref().map_or(null(), std::ptr::from_ref);
            let code = walstream_admin_create_slot(
                self.0,
                name.as_ptr(),
                request,
                timeout_ms,
                &mut lsn,
                &mut snapshot,
                &mut error,
            );
            let snapshot = (!snapshot.is_null()).then_some(Snapshot(snapshot));
            check(code, error).map(|code| (code, lsn, snapshot))
        }
    }

    pub fn alter(&self, name: &str, two_phase: i32, failover: i32) -> Result<i32, Fault> {
        let name = CString::new(name).unwrap();
        let mut error = null_mut();
        // SAFETY: as the header wants it.
        unsafe {
            let code = walstream_admin_alter_slot(self.0, name.as_ptr(), two_phase, failover, &mut error);
            check(code, error)
        }
    }

    pub fn read(&self, name: &str) -> Result<Slot, Fault> {
        let name = CString::new(name).unwrap();
        let mut error = null_mut();
        // SAFETY: as the header wants it.
        unsafe {
            let mut row: SlotInfoRow = std::mem::zeroed();
            row.struct_size = size_of::<SlotInfoRow>() as u32;
            check(walstream_admin_read_slot(self.0, name.as_ptr(), &mut row, &mut error), error)?;
            Ok(Slot {
                flags: row.flags,
                restart_lsn: row.restart_lsn,
                confirmed_flush_lsn: row.confirmed_flush_lsn,
                restart_timeline: row.restart_timeline,
                plugin: text(row.plugin),
                database: text(row.database),
                wal_status: text(row.wal_status),
                invalidation_reason: text(row.invalidation_reason),
                safe_wal_size: row.safe_wal_size,
                active_pid: row.active_pid,
            })
        }
    }

    pub fn drop_slot(&self, name: &str, wait: bool, timeout_ms: i32) -> Result<i32, Fault> {
        let name = CString::new(name).unwrap();
        let mut error = null_mut();
        // SAFETY: as the header wants it.
        unsafe {
            let code =
                walstream_admin_drop_slot(self.0, name.as_ptr(), i32::from(wait), timeout_ms, &mut error);
            check(code, error)
        }
    }

    pub fn cancel(&self) {
        // SAFETY: as the header wants it.
        assert_eq!(unsafe { walstream_admin_cancel(self.0) }, 0);
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // SAFETY: freed once.
        unsafe { walstream_admin_free(self.0) };
    }
}

impl Snapshot {
    pub fn name(&self) -> String {
        // SAFETY: as the header wants it.
        unsafe { text(walstream_snapshot_name(self.0)) }
    }

    pub fn lsn(&self) -> u64 {
        // SAFETY: as the header wants it.
        unsafe { walstream_snapshot_lsn(self.0) }
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        // SAFETY: freed once.
        unsafe { walstream_snapshot_free(self.0) };
    }
}

/// A request for a logical slot with these flags.
pub fn request(flags: u32, snapshot: SnapshotWish) -> Option<SlotRequestRow> {
    Some(SlotRequestRow {
        struct_size: size_of::<SlotRequestRow>() as u32,
        flags,
        snapshot: snapshot as u32,
        reserved: 0,
        plugin: null(),
    })
}

unsafe fn text(text: *const c_char) -> String {
    // SAFETY: a C string by the header's word.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned()
}

/// An error exactly with a negative code.
unsafe fn check(code: i32, error: *mut Error) -> Result<i32, Fault> {
    if code >= 0 {
        assert!(error.is_null());
        return Ok(code);
    }
    // SAFETY: the call before gave it.
    let fault = unsafe { fault(error) };
    assert_eq!(fault.code, code);
    Err(fault)
}
