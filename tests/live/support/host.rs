//! A host: everything through the C ABI's functions, nothing through the crate's inside.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::null_mut;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use walstream::ffi::*;
use walstream::lsn::Lsn;
use walstream::model::code::{Code, State};
use walstream::model::event::{EventFlag, Kind, OriginDetail, RollbackDetail, TimelineDetail, TypeDetail};
use walstream::model::{Column, Event, Relation, Value, ValueKind};

/// One value of a row, copied.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Val {
    Null,
    Text(String),
    /// Text that is not UTF-8: a SQL_ASCII database's.
    RawText(Vec<u8>),
    Binary(Vec<u8>),
    Unchanged,
    NotSent,
}

/// One event, copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub kind: u32,
    pub flags: u32,
    pub commit_lsn: u64,
    pub seq: u64,
    pub lsn: u64,
    pub ack_lsn: u64,
    pub commit_time_us: i64,
    pub xid: u32,
    pub subxid: u32,
    /// schema.name
    pub table: String,
    pub version: u64,
    pub columns: Vec<String>,
    pub types: Vec<String>,
    pub identity: u32,
    pub new: Vec<Val>,
    pub old: Vec<Val>,
    pub old_kind: u32,
    pub name: Option<String>,
    pub payload: Option<Vec<u8>>,
    /// Of a TRUNCATE.
    pub tables: Vec<String>,
    /// Of an ORIGIN.
    pub origin_lsn: u64,
    /// Of a ROLLBACK_PREPARED.
    pub prepare_end_lsn: u64,
    /// Of a WAL or TIMELINE.
    pub timeline: u32,
    pub old_timeline: u32,
    pub switch_lsn: u64,
}

impl Seen {
    pub fn is(&self, kind: Kind) -> bool {
        self.kind == kind as u32
    }

    pub fn has(&self, flag: EventFlag) -> bool {
        self.flags & flag as u32 != 0
    }

    pub fn kind_name(&self) -> &'static str {
        // SAFETY: static text.
        unsafe { CStr::from_ptr(walstream_kind_name(self.kind)) }.to_str().unwrap()
    }

    pub fn text(&self, column: usize) -> &str {
        match &self.new[column] {
            Val::Text(text) => text,
            other => panic!("column {column} is {other:?} in {self:?}"),
        }
    }

    pub fn identity(&self) -> (u64, u64) {
        (self.commit_lsn, self.seq)
    }
}

/// What a read came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Got {
    Event(Box<Seen>),
    Timeout,
    Woken,
    End,
    Failed(Fault),
}

/// A walstream_error, copied.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub code: i32,
    pub flags: u32,
    pub sqlstate: String,
    pub message: String,
    pub detail: String,
    pub hint: String,
}

impl Fault {
    pub fn is(&self, code: Code) -> bool {
        self.code == code as i32
    }
}

pub struct Host {
    pub stream: *mut StreamHandle,
    log: Arc<Mutex<Vec<String>>>,
}

// SAFETY: the functions that a test calls from two threads at once are the header's "any thread" ones.
unsafe impl Send for Host {}
unsafe impl Sync for Host {}

unsafe extern "C" fn keep(user: *mut c_void, level: i32, message: *const c_char) {
    let log = unsafe { &*user.cast::<Mutex<Vec<String>>>() };
    let message = unsafe { CStr::from_ptr(message) }.to_string_lossy();
    log.lock().unwrap().push(format!("{level} {message}"));
}

impl Host {
    pub fn open(conninfo: &str, options: &[(&str, &str)]) -> Host {
        Host::try_open(conninfo, options).unwrap_or_else(|fault| panic!("{fault:?}"))
    }

    pub fn try_open(conninfo: &str, options: &[(&str, &str)]) -> Result<Host, Fault> {
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let conninfo = CString::new(conninfo).unwrap();
        let (mut stream, mut error) = (null_mut(), null_mut());
        // SAFETY: as the header wants it.
        unsafe {
            let config = walstream_config_new();
            walstream_config_set_log(config, Some(keep), Arc::as_ptr(&log).cast_mut().cast());
            for (key, value) in options {
                let (key, value) = (CString::new(*key).unwrap(), CString::new(*value).unwrap());
                if walstream_config_set(config, key.as_ptr(), value.as_ptr(), &mut error) < 0 {
                    walstream_config_free(config);
                    return Err(fault(error));
                }
            }
            let code = walstream_open(conninfo.as_ptr(), config, &mut stream, &mut error);
            walstream_config_free(config);
            if code < 0 {
                return Err(fault(error));
            }
        }
        Ok(Host { stream, log })
    }

    pub fn start(&self, lsn: u64) {
        self.try_start(lsn).unwrap_or_else(|fault| panic!("{fault:?}"));
    }

    pub fn try_start(&self, lsn: u64) -> Result<i32, Fault> {
        let mut error = null_mut();
        // SAFETY: as the header wants it.
        let code = unsafe { walstream_start(self.stream, lsn, &mut error) };
        if code < 0 { Err(unsafe { fault(error) }) } else { Ok(code) }
    }

    pub fn next(&self, timeout: Duration) -> Got {
        let (mut event, mut error) = (std::ptr::null(), null_mut());
        let ms = i32::try_from(timeout.as_millis()).unwrap();
        // SAFETY: as the header wants it; the event lives until the next call.
        unsafe {
            match walstream_next_event(self.stream, ms, &mut event, &mut error) {
                0 => {
                    crate::fields::check(&*event);
                    Got::Event(Box::new(copy(&*event)))
                }
                code if code == Code::TIMEOUT as i32 => Got::Timeout,
                code if code == Code::WOKEN as i32 => Got::Woken,
                code if code == Code::END as i32 => Got::End,
                _ => Got::Failed(fault(error)),
            }
        }
    }

    /// The next event; anything else fails the test.
    pub fn event(&self) -> Seen {
        match self.next(Duration::from_secs(120)) {
            Got::Event(seen) => *seen,
            other => panic!("no event but {other:?}; {:#?}; log: {:#?}", self.stats(), self.log()),
        }
    }

    /// Events up to and including the first of this kind.
    pub fn until(&self, kind: Kind) -> Vec<Seen> {
        let mut events = vec![self.event()];
        while !events.last().unwrap().is(kind) {
            events.push(self.event());
        }
        events
    }

    /// Events of so many transactions, messages and the like: each ends with an ack_lsn.
    pub fn entries(&self, count: usize) -> Vec<Seen> {
        let mut events = Vec::new();
        for _ in 0..count {
            loop {
                events.push(self.event());
                if events.last().unwrap().ack_lsn != 0 {
                    break;
                }
            }
        }
        events
    }

    /// The failure that ends the stream.
    pub fn failure(&self) -> Fault {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            match self.next(Duration::from_secs(10)) {
                Got::Failed(fault) => return fault,
                Got::End => panic!("END instead of a failure"),
                _ => assert!(Instant::now() < deadline, "no failure; log: {:#?}", self.log()),
            }
        }
    }

    pub fn ack(&self, lsn: u64) {
        self.try_ack(lsn).unwrap_or_else(|fault| panic!("{fault:?}"));
    }

    pub fn try_ack(&self, lsn: u64) -> Result<(), Fault> {
        let mut error = null_mut();
        // SAFETY: as the header wants it.
        let code = unsafe { walstream_ack_lsn(self.stream, lsn, &mut error) };
        if code < 0 { Err(unsafe { fault(error) }) } else { Ok(()) }
    }

    pub fn wake(&self) {
        // SAFETY: as the header wants it.
        unsafe { walstream_wake(self.stream) };
    }

    pub fn stop(&self, ms: i32) -> i32 {
        // SAFETY: as the header wants it.
        unsafe { walstream_stop(self.stream, ms, null_mut()) }
    }

    pub fn stats(&self) -> StreamStats {
        // SAFETY: plain numbers; as the header wants it.
        unsafe {
            let mut stats: StreamStats = std::mem::zeroed();
            stats.struct_size = size_of::<StreamStats>() as u32;
            assert_eq!(walstream_get_stats(self.stream, &mut stats), 0);
            stats
        }
    }

    pub fn is(&self, state: State) -> bool {
        self.stats().state == state as u32
    }

    pub fn position(&self) -> String {
        let mut buffer = [0; WALSTREAM_POSITION_BUFFER];
        // SAFETY: as the header wants it.
        unsafe {
            assert_eq!(walstream_position(self.stream, buffer.as_mut_ptr(), null_mut()), 0);
            CStr::from_ptr(buffer.as_ptr()).to_str().unwrap().to_owned()
        }
    }

    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Forgets all but the newest lines.
    pub fn trim_log(&self, keep: usize) {
        let mut log = self.log.lock().unwrap();
        let surplus = log.len().saturating_sub(keep);
        log.drain(..surplus);
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // SAFETY: freed once.
        unsafe { walstream_free(self.stream) };
    }
}

pub fn lsn(text: &str) -> u64 {
    text.parse::<Lsn>().unwrap().0
}

pub unsafe fn fault(error: *mut Error) -> Fault {
    let text = |text| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    let read = unsafe { &*error };
    let fault = Fault {
        code: read.code,
        flags: read.flags,
        sqlstate: text(read.sqlstate),
        message: text(read.message),
        detail: text(read.detail),
        hint: text(read.hint),
    };
    unsafe { walstream_error_free(error) };
    assert!(!fault.message.is_empty() && !fault.message.contains('\n'), "{fault:?}");
    assert!(!fault.hint.is_empty(), "an error says what to do: {fault:?}");
    fault
}

unsafe fn bytes<'a>(data: *const u8, size: u32) -> &'a [u8] {
    let bytes = unsafe { std::slice::from_raw_parts(data, size as usize + 1) };
    assert_eq!(bytes[size as usize], 0, "a NUL follows");
    &bytes[..size as usize]
}

unsafe fn string(data: *const c_char, size: u32) -> String {
    String::from_utf8_lossy(unsafe { bytes(data.cast(), size) }).into_owned()
}

unsafe fn values(data: *const Value, count: u32) -> Vec<Val> {
    if count == 0 {
        return Vec::new();
    }
    let values = unsafe { std::slice::from_raw_parts(data, count as usize) };
    let copy = |value: &Value| unsafe {
        match value.kind {
            kind if kind == ValueKind::NULL as u32 => Val::Null,
            kind if kind == ValueKind::TEXT as u32 => {
                match String::from_utf8(bytes(value.data.cast(), value.size).to_vec()) {
                    Ok(text) => Val::Text(text),
                    Err(error) => Val::RawText(error.into_bytes()),
                }
            }
            kind if kind == ValueKind::BINARY as u32 => {
                Val::Binary(bytes(value.data.cast(), value.size).to_vec())
            }
            kind if kind == ValueKind::UNCHANGED as u32 => Val::Unchanged,
            kind if kind == ValueKind::NOT_SENT as u32 => Val::NotSent,
            kind => panic!("value kind {kind}"),
        }
    };
    values.iter().map(copy).collect()
}

unsafe fn table(relation: &Relation) -> String {
    unsafe {
        format!(
            "{}.{}",
            string(relation.schema, relation.schema_len),
            string(relation.name, relation.name_len)
        )
    }
}

unsafe fn copy(event: &Event) -> Seen {
    unsafe {
        let mut seen = Seen {
            kind: event.kind,
            flags: event.flags,
            commit_lsn: event.commit_lsn,
            seq: event.seq,
            lsn: event.lsn,
            ack_lsn: event.ack_lsn,
            commit_time_us: event.commit_time_us,
            xid: event.xid,
            subxid: event.subxid,
            new: values(event.new_values, event.new_count),
            old: values(event.old_values, event.old_count),
            old_kind: event.old_kind,
            name: (!event.name.is_null()).then(|| string(event.name, event.name_len)),
            payload: (!event.payload.is_null()).then(|| bytes(event.payload, event.payload_len).to_vec()),
            ..Seen::default()
        };
        if let Some(relation) = event.relation.as_ref() {
            let columns: &[Column] =
                std::slice::from_raw_parts(relation.columns, relation.column_count as usize);
            seen.table = table(relation);
            seen.version = relation.version;
            seen.identity = relation.replica_identity;
            seen.columns = columns.iter().map(|c| string(c.name, c.name_len)).collect();
            seen.types = columns.iter().map(|c| string(c.type_name, c.type_name_len)).collect();
        }
        match event.kind {
            kind if kind == Kind::TRUNCATE as u32 => {
                seen.tables = (0..event.detail_count)
                    .map(|index| table(&*walstream_event_relation(event, index)))
                    .collect();
            }
            kind if kind == Kind::TYPE as u32 => {
                let detail = &*event.detail.cast::<TypeDetail>();
                seen.name = Some(CStr::from_ptr(detail.name).to_string_lossy().into_owned());
                seen.table = CStr::from_ptr(detail.schema).to_string_lossy().into_owned();
            }
            kind if kind == Kind::ORIGIN as u32 => {
                seen.origin_lsn = (*event.detail.cast::<OriginDetail>()).origin_lsn;
            }
            kind if kind == Kind::WAL as u32 || kind == Kind::TIMELINE as u32 => {
                let detail = &*event.detail.cast::<TimelineDetail>();
                seen.timeline = detail.timeline;
                seen.old_timeline = detail.old_timeline;
                seen.switch_lsn = detail.switch_lsn;
            }
            kind if kind == Kind::ROLLBACK_PREPARED as u32 => {
                seen.prepare_end_lsn = (*event.detail.cast::<RollbackDetail>()).prepare_end_lsn;
            }
            _ => {}
        }
        seen
    }
}
