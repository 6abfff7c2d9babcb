//! Every exported function, with nothing for arguments: a panic inside comes out as its answer for that.

use std::collections::BTreeSet;
use std::ptr::{null, null_mut};

use walstream::ffi::*;
use walstream::inject::{Place, arm, armed};

use crate::{PANIC, alone};

/// These run no code that could panic, or (wake, cancel) may run in a signal handler: they have no guard.
const UNGUARDED: [&str; 8] = [
    "walstream_abi_version",
    "walstream_admin_cancel",
    "walstream_code_name",
    "walstream_kind_name",
    "walstream_snapshot_lsn",
    "walstream_snapshot_name",
    "walstream_version",
    "walstream_wake",
];

/// What a function gives when it has nothing to give.
trait Nothing {
    fn is_nothing(&self) -> bool;
}

impl Nothing for () {
    fn is_nothing(&self) -> bool {
        true
    }
}

/// A code, or an index or descriptor that is none.
impl Nothing for i32 {
    fn is_nothing(&self) -> bool {
        [PANIC, -1].contains(self)
    }
}

impl Nothing for isize {
    fn is_nothing(&self) -> bool {
        *self == -1
    }
}

impl Nothing for usize {
    fn is_nothing(&self) -> bool {
        *self == 0
    }
}

impl Nothing for u64 {
    fn is_nothing(&self) -> bool {
        *self == 0
    }
}

impl<T> Nothing for *const T {
    fn is_nothing(&self) -> bool {
        self.is_null()
    }
}

impl<T> Nothing for *mut T {
    fn is_nothing(&self) -> bool {
        self.is_null()
    }
}

/// Names of functions, each with a call of it that says whether it gave nothing.
macro_rules! calls {
    ($($name:ident($($argument:expr),*);)*) => {
        [$((stringify!($name), {
            fn call() -> bool {
                // SAFETY: NULL is allowed everywhere.
                #[allow(unused_unsafe, reason = "some are safe")]
                unsafe { $name($($argument),*) }.is_nothing()
            }
            call as fn() -> bool
        })),*]
    };
}

#[test]
fn every_exported_function() {
    let _alone = alone();
    let calls = calls! {
        walstream_config_new();
        walstream_config_set(null_mut(), null(), null(), null_mut());
        walstream_config_get(null(), null());
        walstream_config_set_log(null_mut(), None, null_mut());
        walstream_config_free(null_mut());
        walstream_option_at(0);
        walstream_error_free(null_mut());
        walstream_open(null(), null(), null_mut(), null_mut());
        walstream_basebackup_start(null(), null(), null_mut(), null_mut());
        walstream_start(null_mut(), 0, null_mut());
        walstream_next_event(null_mut(), 0, null_mut(), null_mut());
        walstream_next_batch(null_mut(), 0, null_mut(), null_mut());
        walstream_ack_lsn(null_mut(), 0, null_mut());
        walstream_ack_positions(null_mut(), 0, 0, 0, null_mut());
        walstream_hot_standby_feedback(null_mut(), 0, 0, 0, 0, null_mut());
        walstream_ready_fd(null());
        walstream_position(null(), null_mut(), null_mut());
        walstream_get_stats(null(), null_mut());
        walstream_stop(null_mut(), 0, null_mut());
        walstream_free(null_mut());
        walstream_batch_count(null());
        walstream_batch_events(null(), null_mut());
        walstream_batch_event(null(), 0);
        walstream_batch_ack_lsn(null());
        walstream_batch_free(null_mut());
        walstream_event_relation(null(), 0);
        walstream_event_to_json(null(), null_mut(), 0, null_mut());
        walstream_relation_column(null(), null());
        walstream_value_to_bool(null(), 0, null_mut());
        walstream_value_to_int64(null(), 0, null_mut());
        walstream_value_to_double(null(), 0, null_mut());
        walstream_value_to_timestamp_us(null(), 0, null_mut());
        walstream_value_to_date(null(), 0, null_mut());
        walstream_value_to_uuid(null(), 0, null_mut());
        walstream_value_to_bytes(null(), 0, null_mut(), 0, null_mut());
        walstream_value_to_text(null(), 0, null_mut(), 0, null_mut());
        walstream_lsn_format(0, null_mut());
        walstream_lsn_parse(null(), null_mut());
        walstream_admin_open(null(), null(), null_mut(), null_mut());
        walstream_admin_identify(null_mut(), null_mut(), null_mut());
        walstream_admin_show(null_mut(), null(), null_mut(), null_mut());
        walstream_admin_timeline_history(null_mut(), 0, null_mut(), null_mut());
        walstream_admin_create_slot(null_mut(), null(), null(), 0, null_mut(), null_mut(), null_mut());
        walstream_admin_alter_slot(null_mut(), null(), 0, 0, null_mut());
        walstream_admin_read_slot(null_mut(), null(), null_mut(), null_mut());
        walstream_admin_drop_slot(null_mut(), null(), 0, 0, null_mut());
        walstream_admin_free(null_mut());
        walstream_snapshot_free(null_mut());
        walstream_check(null(), null(), null_mut(), null_mut());
        walstream_report_count(null());
        walstream_report_finding(null(), 0);
        walstream_report_free(null_mut());
    };
    for (name, call) in calls {
        arm(Place::Boundary);
        assert!(call(), "{name}");
        assert!(!armed(), "{name} has no guard");
    }
    let here: BTreeSet<_> = calls.iter().map(|(name, _)| *name).chain(UNGUARDED).collect();
    let exported: BTreeSet<_> = include_str!("../../abi/symbols.txt").lines().collect();
    assert_eq!(here, exported, "a function that is not tested here");
}
