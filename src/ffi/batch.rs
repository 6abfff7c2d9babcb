//! Batches, their events, and what hangs on an event.

use std::ffi::{CStr, c_char};
use std::ptr::null;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::fork::Generation;
use super::guard;
use crate::model::{Batch, Event, Kind, Relation};

/// Events of the batch. Immutable once handed out: any threads may read it at once.
pub struct BatchHandle {
    batch: Batch,
    /// What all batches at the host take.
    host_bytes: Arc<AtomicU64>,
    generation: Generation,
}

impl BatchHandle {
    pub(super) fn into_c(batch: Batch, host_bytes: Arc<AtomicU64>) -> *mut BatchHandle {
        host_bytes.fetch_add(batch.bytes() as u64, Relaxed);
        Box::into_raw(Box::new(BatchHandle { batch, host_bytes, generation: Generation::current() }))
    }
}

fn batch<'a>(batch: *const BatchHandle) -> Option<&'a Batch> {
    // SAFETY: NULL or a batch of ours that by contract is not freed.
    unsafe { batch.as_ref() }.map(|handle| &handle.batch)
}

/// Events in it. NULL: 0. Any thread, as all functions of a batch; only the free must be the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_batch_count(batch: *const BatchHandle) -> usize {
    guard::or(0, || self::batch(batch).map_or(0, |batch| batch.events().len()))
}

/// The first event; the next one lies *stride bytes on. stride may be NULL (then it is sizeof of the library's event).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_batch_events(
    batch: *const BatchHandle,
    stride: *mut usize,
) -> *const Event {
    guard::or(null(), || {
        if !stride.is_null() {
            // SAFETY: not NULL, and by contract a place for a size.
            unsafe { stride.write(size_of::<Event>()) };
        }
        self::batch(batch).map_or(null(), |batch| batch.events().as_ptr())
    })
}

/// The event at index, NULL beyond the end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_batch_event(batch: *const BatchHandle, index: usize) -> *const Event {
    guard::or(null(), || {
        self::batch(batch).and_then(|batch| batch.events().get(index)).map_or(null(), |event| event)
    })
}

/// Highest ack_lsn in the batch, 0 if no transaction ends in it: ack this when the whole batch is safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_batch_ack_lsn(batch: *const BatchHandle) -> u64 {
    guard::or(0, || self::batch(batch).map_or(0, Batch::ack_lsn))
}

/// Any thread, also after walstream_free of the stream. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_batch_free(batch: *mut BatchHandle) {
    guard::quietly(|| {
        // SAFETY: NULL or a batch of ours that by contract was not freed before.
        let Some(handle) = (unsafe { batch.as_ref() }) else { return };
        if !handle.generation.is_ours() {
            return;
        }
        handle.host_bytes.fetch_sub(handle.batch.bytes() as u64, Relaxed);
        // SAFETY: as above.
        drop(unsafe { Box::from_raw(batch) });
    });
}

/// Relation of a row event (index 0) or the index-th of a TRUNCATE; NULL beyond.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_event_relation(event: *const Event, index: u32) -> *const Relation {
    guard::or(null(), || {
        // SAFETY: NULL or an event of ours that by contract is alive.
        let Some(event) = (unsafe { event.as_ref() }) else { return null() };
        if event.kind != Kind::TRUNCATE as u32 {
            return if index == 0 { event.relation } else { null() };
        }
        if event.detail.is_null() {
            return null();
        }
        // SAFETY: a TRUNCATE's detail is an array of detail_count relations.
        let relations = unsafe {
            slice::from_raw_parts(event.detail.cast::<*const Relation>(), event.detail_count as usize)
        };
        relations.get(index as usize).copied().unwrap_or(null())
    })
}

/// Index of the column with exactly this name, -1 if none. Keep it with relation->version rather than asking for each row.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_relation_column(relation: *const Relation, name: *const c_char) -> i32 {
    guard::or(-1, || {
        // SAFETY: NULL or a relation of ours that by contract is alive.
        let Some(relation) = (unsafe { relation.as_ref() }) else { return -1 };
        if name.is_null() {
            return -1;
        }
        // SAFETY: by contract a C string; a relation has column_count columns, whose names end with a NUL.
        let (name, columns) = unsafe {
            (CStr::from_ptr(name), slice::from_raw_parts(relation.columns, relation.column_count as usize))
        };
        // SAFETY: as above.
        let found = columns.iter().position(|column| unsafe { CStr::from_ptr(column.name) } == name);
        found.and_then(|index| i32::try_from(index).ok()).unwrap_or(-1)
    })
}
