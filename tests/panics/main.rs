//! A panic in each exported function and in the replication thread: caught at the boundary, told as E_PANIC, and
//! without harm to other streams. Needs the feature `inject-panic`.

mod every;

#[path = "../live/support/fake.rs"]
#[allow(dead_code, reason = "the live tests use all of it")]
mod fake;
#[path = "../../src/stream/session_tests/frames.rs"]
#[allow(dead_code, reason = "the session's tests use all of it")]
mod frames;

use std::ffi::CStr;
use std::ptr::{null, null_mut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fake::{Fake, message};
use walstream::ffi::*;
use walstream::inject::{Place, arm, armed};
use walstream::model::Code;
use walstream::model::event::{Event, Kind};

/// The replication thread that panics is whichever comes by: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

const PANIC: i32 = Code::E_PANIC as i32;

fn with_c_string<T>(text: &str, call: impl FnOnce(*const std::ffi::c_char) -> T) -> T {
    let text = std::ffi::CString::new(text).unwrap();
    call(text.as_ptr())
}

/// A stream of rows without end, started.
fn started() -> (Fake, *mut StreamHandle) {
    let fake = Fake::new(1, |_, peer| {
        peer.handshake()?;
        peer.copy(&[frames::data(200, &frames::begin(300, 5)), frames::data(200, &frames::relation(7))])?;
        loop {
            peer.send(&message(b'd', &frames::data(200, &frames::insert(7, "a"))).repeat(100))?;
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    });
    let (mut stream, config) = (null_mut(), walstream_config_new());
    // SAFETY: as the header wants it.
    unsafe {
        for (key, value) in [(c"slot", c"s"), (c"publication", c"pub")] {
            assert_eq!(walstream_config_set(config, key.as_ptr(), value.as_ptr(), null_mut()), 0);
        }
        let code = with_c_string(&fake.conninfo(), |conninfo| {
            walstream_open(conninfo, config, &mut stream, null_mut())
        });
        assert_eq!(code, 0);
        walstream_config_free(config);
        assert_eq!(walstream_start(stream, 0, null_mut()), 0);
    }
    (fake, stream)
}

/// The code of one read.
fn read(stream: *mut StreamHandle) -> i32 {
    let mut event: *const Event = null();
    // SAFETY: as the header wants it.
    unsafe { walstream_next_event(stream, 10_000, &mut event, null_mut()) }
}

/// Takes an error's code; it must be there.
fn taken(error: *mut Error) -> i32 {
    assert!(!error.is_null());
    // SAFETY: an error of the library's.
    unsafe {
        assert!(!CStr::from_ptr((*error).hint).is_empty());
        let code = (*error).code;
        walstream_error_free(error);
        code
    }
}

#[test]
fn functions_without_a_stream() {
    let _alone = alone();
    let config = walstream_config_new();
    let (key, value) = (c"slot".as_ptr(), c"s".as_ptr());
    let mut stream = null_mut();
    let mut lsn = 7;
    let mut buffer = [0; WALSTREAM_LSN_BUFFER];
    let mut error = null_mut();
    // SAFETY: as the header wants it.
    unsafe {
        arm(Place::Boundary);
        assert!(walstream_config_new().is_null());
        arm(Place::Boundary);
        assert_eq!(walstream_config_set(config, key, value, &mut error), PANIC);
        assert_eq!(taken(error), PANIC);
        arm(Place::Boundary);
        assert_eq!(walstream_config_set(config, key, value, null_mut()), PANIC);
        arm(Place::Boundary);
        assert!(walstream_config_get(config, key).is_null());
        arm(Place::Boundary);
        assert_eq!(walstream_config_set_log(config, None, null_mut()), PANIC);
        arm(Place::Boundary);
        assert!(walstream_option_at(0).is_null());
        arm(Place::Boundary);
        assert_eq!(walstream_open(c"host=h".as_ptr(), config, &mut stream, &mut error), PANIC);
        assert_eq!(taken(error), PANIC);
        assert!(stream.is_null());
        arm(Place::Boundary);
        assert!(walstream_lsn_format(1, buffer.as_mut_ptr()).is_null());
        arm(Place::Boundary);
        assert_eq!(walstream_lsn_parse(c"0/1".as_ptr(), &mut lsn), PANIC);
        assert_eq!(lsn, 7);
        // What frees cannot say so; it leaks rather than crash.
        arm(Place::Boundary);
        walstream_config_free(config);
        arm(Place::Boundary);
        walstream_error_free(null_mut());
        assert!(!armed());
        // And everything works again.
        assert_eq!(walstream_config_set(config, key, value, null_mut()), 0);
        walstream_config_free(config);
    }
}

#[test]
fn functions_of_a_batch() {
    let _alone = alone();
    let (_fake, stream) = started();
    let mut batch = null_mut();
    let mut stride = 0;
    // SAFETY: as the header wants it.
    unsafe {
        assert_eq!(walstream_next_batch(stream, 10_000, &mut batch, null_mut()), 0);
        arm(Place::Boundary);
        assert_eq!(walstream_batch_count(batch), 0);
        arm(Place::Boundary);
        assert!(walstream_batch_events(batch, &mut stride).is_null());
        arm(Place::Boundary);
        assert!(walstream_batch_event(batch, 0).is_null());
        arm(Place::Boundary);
        assert_eq!(walstream_batch_ack_lsn(batch), 0);
        let event = walstream_batch_event(batch, 0);
        assert_eq!((*event).kind, Kind::BEGIN as u32);
        arm(Place::Boundary);
        assert!(walstream_event_relation(event, 0).is_null());
        arm(Place::Boundary);
        assert_eq!(walstream_relation_column(null(), c"c".as_ptr()), -1);
        arm(Place::Boundary);
        walstream_batch_free(batch);
        assert!(!armed());
        walstream_batch_free(batch);
        walstream_free(stream);
    }
}

/// Each function, on a stream of its own: it fails, the stream is poisoned, another goes on, and freeing works.
#[test]
fn functions_of_a_stream() {
    let _alone = alone();
    type Call = fn(*mut StreamHandle, *mut *mut Error) -> i32;
    // SAFETY: as the header wants it.
    let calls: [(&str, Call); 7] = unsafe {
        [
            ("start", |stream, error| walstream_start(stream, 0, error)),
            ("next_event", |stream, error| {
                let mut event: *const Event = null();
                walstream_next_event(stream, 0, &mut event, error)
            }),
            ("next_batch", |stream, error| {
                let mut batch = null_mut();
                walstream_next_batch(stream, 0, &mut batch, error)
            }),
            ("ack_lsn", |stream, error| walstream_ack_lsn(stream, 1, error)),
            ("position", |stream, error| {
                let mut buffer = [0; WALSTREAM_POSITION_BUFFER];
                walstream_position(stream, buffer.as_mut_ptr(), error)
            }),
            ("stop", |stream, error| walstream_stop(stream, 0, error)),
            ("get_stats", |stream, _| {
                let mut stats: StreamStats = std::mem::zeroed();
                stats.struct_size = size_of::<StreamStats>() as u32;
                walstream_get_stats(stream, &mut stats)
            }),
        ]
    };
    let (_other_fake, other) = started();
    for (name, call) in calls {
        let (_fake, stream) = started();
        let mut error = null_mut();
        arm(Place::Stream);
        assert_eq!(call(stream, &mut error), PANIC, "{name}");
        if name != "get_stats" {
            assert_eq!(taken(error), PANIC, "{name}");
        }
        assert!(!armed(), "{name}");
        for (again, call) in calls {
            assert_eq!(call(stream, &mut null_mut()), PANIC, "{again} after a panic in {name}");
        }
        // SAFETY: as the header wants it.
        unsafe {
            assert_eq!(walstream_wake(stream), 0);
            assert!(walstream_ready_fd(stream) >= 0);
            walstream_free(stream);
        }
        assert_eq!(read(other), 0, "another stream, after a panic in {name}");
    }
    // SAFETY: as the header wants it.
    unsafe {
        arm(Place::Boundary);
        assert_eq!(walstream_ready_fd(other), -1);
        arm(Place::Boundary);
        walstream_free(other);
        assert!(!armed());
        walstream_free(other);
    }
}

#[test]
fn the_replication_thread() {
    let _alone = alone();
    let (_fake, stream) = started();
    arm(Place::ReplicationThread);
    // What was queued before comes first.
    let code = (0..1_000_000).map(|_| read(stream)).find(|code| *code != 0);
    assert_eq!(code, Some(PANIC));
    assert_eq!(read(stream), PANIC, "for good");
    // SAFETY: as the header wants it.
    unsafe { walstream_free(stream) };
    let (_fake, stream) = started();
    assert_eq!(read(stream), 0, "the next stream knows nothing of it");
    // SAFETY: as the header wants it.
    unsafe { walstream_free(stream) };
}
