//! Statistics as C reads them.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::guard;
use super::stream::StreamHandle;
use crate::lsn::Lsn;
use crate::model::Code;
use crate::stream::{Failure, Stream};

/// The host's: set struct_size to sizeof(walstream_stats), the rest is filled as far as both sides know it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct StreamStats {
    /// Set by the host.
    pub struct_size: u32,
    /// WALSTREAM_STATE_*
    pub state: u32,
    /// Highest position received.
    pub received_lsn: u64,
    /// Highest ack_lsn handed to the host.
    pub delivered_lsn: u64,
    /// Highest LSN that the host acknowledged.
    pub acked_lsn: u64,
    /// Flush position last sent to the server; above acked_lsn when idle positions were confirmed.
    pub confirmed_lsn: u64,
    /// How far the server said that it is.
    pub server_lsn: u64,
    /// From confirmed_lsn to server_lsn.
    pub lag_bytes: u64,
    /// From the last transaction's commit to its receipt, by both clocks.
    pub commit_delay_us: u64,
    /// Made since walstream_start, queued ones included.
    pub events: u64,
    /// Received in messages with WAL data.
    pub bytes: u64,
    /// Waiting for the host.
    pub queue_events: u64,
    /// Memory of those.
    pub queue_bytes: u64,
    /// In batches that the host has not freed; not counted against queue.max_bytes.
    pub host_bytes: u64,
    /// On disk for transactions without a commit.
    pub spilled_bytes: u64,
    /// Sent by the server before their commit.
    pub open_transactions: u64,
    /// Connections made anew.
    pub reconnects: u64,
    /// Time that the queue was full.
    pub stalled_us: u64,
    /// walstream_code of the last error, also of one that was retried.
    pub last_error: i32,
    /// 0
    pub reserved: u32,
    /// Naps since walstream_start (option pacing): how often a stream that was behind let messages pile up before it read on.
    pub naps: u64,
    /// How long the latest of them was to be.
    pub nap_us: u64,
}

/// A host that was built against the first release knows at least this much.
const FIRST_SIZE: usize = 144;
const _: () = assert!(std::mem::offset_of!(StreamStats, naps) == FIRST_SIZE);

/// A snapshot, never waits. E_ARGUMENT when struct_size is smaller than the first release's. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_get_stats(stream: *const StreamHandle, inout: *mut StreamStats) -> i32 {
    StreamHandle::call(stream, null_mut(), |stream| {
        if inout.is_null() {
            return Err(guard::null("stats"));
        }
        // SAFETY: not NULL, and by contract begins with a struct_size.
        let wanted = unsafe { (&raw const (*inout).struct_size).read() };
        if (wanted as usize) < FIRST_SIZE {
            return Err(Failure::new(Code::E_ARGUMENT, "struct_size is not set"));
        }
        let known = (wanted as usize).min(size_of::<StreamStats>());
        let stats = StreamStats { struct_size: wanted, ..snapshot(stream)? };
        // SAFETY: by contract the host's struct has struct_size bytes, and ours has `known`.
        unsafe { inout.cast::<u8>().copy_from_nonoverlapping((&raw const stats).cast(), known) };
        Ok(Code::OK)
    })
}

fn snapshot(stream: &Stream) -> Result<StreamStats, Failure> {
    let call = stream.shared()?;
    let (shared, stats) = (call.shared(), &call.shared().stats);
    let load = |number: &AtomicU64| number.load(Relaxed);
    let (queue_bytes, queue_events) = shared.queue.load();
    let (server, confirmed) = (load(&stats.server_lsn), load(&stats.confirmed_lsn));
    Ok(StreamStats {
        struct_size: 0,
        state: shared.state(),
        received_lsn: load(&stats.received_lsn),
        delivered_lsn: shared.delivered().0,
        acked_lsn: shared.acknowledged().0,
        confirmed_lsn: confirmed,
        server_lsn: server,
        lag_bytes: Lsn(server).bytes_since(Lsn(confirmed)),
        commit_delay_us: load(&stats.commit_delay_us),
        events: load(&stats.events),
        bytes: load(&stats.bytes),
        queue_events: queue_events as u64,
        queue_bytes: queue_bytes as u64,
        host_bytes: stream.host_bytes(),
        spilled_bytes: load(&stats.spilled_bytes),
        open_transactions: load(&stats.open_transactions),
        reconnects: load(&stats.reconnects),
        stalled_us: load(&stats.stalled_us),
        last_error: shared.last_error(),
        reserved: 0,
        naps: load(&stats.naps),
        nap_us: load(&stats.nap_us),
    })
}
