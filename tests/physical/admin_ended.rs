//! Administrative calls that are ended before their time, and who may be inside beside them.

use std::ffi::{c_int, c_void};
use std::mem::ManuallyDrop;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use walstream::ffi::*;
use walstream::model::Code;

use crate::admin::{desk, leftovers};
use crate::desk::{Desk, request};
use crate::on_each_major;
use crate::support::{Server, Sql, wait_until};

const LIMIT: Duration = Duration::from_secs(20);

on_each_major! {
    fn making_a_slot_can_be_called_off(case, from 14) {
        let mut old = Sql::connect(&case.conninfo());
        old.run("BEGIN; CREATE TABLE t (a int)");
        let name = case.slot().to_owned();
        let snapshots = [SnapshotWish::NOTHING, SnapshotWish::EXPORT, SnapshotWish::USE];
        for (index, wish) in snapshots.into_iter().enumerate() {
            let desk = desk(case);
            let code = std::thread::scope(|scope| {
                let making = scope.spawn(|| desk.create(&name, request(0, wish), -1));
                wait_until(LIMIT, "the slot's making waits", || {
                    case.sql.value(&format!(
                        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender' AND datname = '{}' \
                         AND wait_event_type = 'Lock'", case.database)) == "1"
                });
                desk.cancel();
                let (code, lsn, snapshot) = making.join().unwrap().unwrap();
                assert_eq!((lsn, snapshot.is_none()), (0, true));
                code
            });
            assert_eq!(code, Code::WOKEN as i32, "{index}");
            wait_until(LIMIT, "nothing is left", || leftovers(case) == ("0".into(), "0".into()));
            assert_eq!(desk.show("wal_level").unwrap(), "logical", "the handle goes on");
        }
        let desk = desk(case);
        assert_eq!(desk.create(&name, None, 300).unwrap().0, Code::TIMEOUT as i32);
        wait_until(LIMIT, "nothing is left", || leftovers(case) == ("0".into(), "0".into()));
    }

    fn what_was_there_before_stays(case, from 14) {
        let desk = desk(case);
        let name = case.slot().to_owned();
        desk.create(&name, None, -1).unwrap();
        for wish in [SnapshotWish::NOTHING, SnapshotWish::EXPORT, SnapshotWish::USE] {
            // Late from the start: the first command is called off, or the refusal comes first.
            let late = desk.create(&name, request(0, wish), 0);
            assert!(late.is_err() || late.is_ok_and(|late| late.0 == Code::TIMEOUT as i32));
            desk.read(&name).unwrap();
            desk.cancel();
            assert_eq!(desk.create(&name, request(0, wish), -1).unwrap().0, Code::WOKEN as i32);
            let refused = desk.create(&name, request(0, wish), -1).map(|_| ()).unwrap_err();
            assert_eq!(refused.sqlstate, "42710", "{refused:?}");
            desk.read(&name).unwrap();
        }
    }

    fn a_cancel_beforehand_ends_one_call_and_nothing_else(case, from 14) {
        let desk = desk(case);
        let temporary = format!("{}_t", case.slot());
        desk.create(&temporary, request(SlotFlag::TEMPORARY as u32, SnapshotWish::NOTHING), -1).unwrap();
        let wait_or_not = [false, true];
        for wait in wait_or_not {
            desk.cancel();
            desk.cancel();
            assert_eq!(desk.drop_slot("no_such_slot", wait, -1).unwrap(), Code::WOKEN as i32);
            // It ends with the connection, and with the first error there: neither has been.
            assert_ne!(desk.read(&temporary).unwrap().flags & SlotFlag::TEMPORARY as u32, 0);
        }
        for wait in wait_or_not {
            desk.cancel();
            assert_eq!(desk.drop_slot("no_such_slot", wait, -1).unwrap(), Code::WOKEN as i32);
            assert!(desk.drop_slot("no_such_slot", wait, -1).unwrap_err().is(Code::E_SLOT_MISSING));
            desk.cancel();
            assert_eq!(desk.drop_slot("no slot's name", wait, -1).unwrap(), Code::WOKEN as i32);
            assert!(desk.drop_slot("no slot's name", wait, -1).unwrap_err().is(Code::E_ARGUMENT));
        }
        // It asks nobody, and is a call like the others.
        desk.cancel();
        assert_eq!(first_history(&desk), Code::WOKEN as i32);
        assert_eq!(first_history(&desk), 0);
    }

    fn free_ends_a_call_in_progress(case, from 14) {
        let mut old = Sql::connect(&case.conninfo());
        old.run("BEGIN; CREATE TABLE t (a int)");
        let name = case.slot().to_owned();
        let desk = ManuallyDrop::new(desk(case));
        let fault = std::thread::scope(|scope| {
            let making = scope.spawn(|| desk.create(&name, None, -1).map(|_| ()).unwrap_err());
            wait_until(LIMIT, "the slot's making waits", || {
                case.sql.value(&format!(
                    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender' AND datname = '{}' \
                     AND wait_event_type = 'Lock'", case.database)) == "1"
            });
            let beside = (desk.show("wal_level"), first_history(&desk));
            // SAFETY: freed once; the other thread is inside by now, which is all that free asks for.
            unsafe { walstream_admin_free(desk.0) };
            assert!(beside.0.unwrap_err().is(Code::E_BUSY));
            assert_eq!(beside.1, Code::E_BUSY as i32);
            making.join().unwrap()
        });
        assert!(fault.is(Code::E_CLOSED), "{fault:?}");
        wait_until(LIMIT, "nothing is left", || leftovers(case) == ("0".into(), "0".into()));
    }
}

/// What it comes to to ask for the history of timeline 1.
fn first_history(desk: &Desk) -> i32 {
    // SAFETY: as the header wants it; zeroes are a walstream_history.
    unsafe {
        let mut history: History = std::mem::zeroed();
        history.struct_size = size_of::<History>() as u32;
        walstream_admin_timeline_history(desk.0, 1, &mut history, null_mut())
    }
}

/// A page of the host's, and whether whoever touches it first has come, and may go on.
static PAGE: AtomicUsize = AtomicUsize::new(0);
static HELD: AtomicBool = AtomicBool::new(false);
static LET_GO: AtomicBool = AtomicBool::new(false);

const PAGE_SIZE: usize = 4096;

/// A walstream_system where whoever touches it first is held.
fn held_system() -> *mut System {
    // SAFETY: a page of our own, and a handler that does only what a handler may.
    unsafe {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let page = libc::mmap(null_mut(), PAGE_SIZE, access, flags, -1, 0);
        assert_ne!(page, libc::MAP_FAILED);
        page.cast::<u32>().write(size_of::<System>() as u32);
        PAGE.store(page as usize, SeqCst);
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = hold as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        assert_eq!(libc::sigaction(libc::SIGSEGV, &action, null_mut()), 0);
        assert_eq!(libc::mprotect(page, PAGE_SIZE, libc::PROT_NONE), 0);
        page.cast()
    }
}

extern "C" fn hold(_: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel's word, and a page that stays.
    unsafe {
        let page = (*info).si_addr();
        if page as usize != PAGE.load(SeqCst) {
            libc::signal(libc::SIGSEGV, libc::SIG_DFL);
            return;
        }
        HELD.store(true, SeqCst);
        while !LET_GO.load(SeqCst) {
            libc::poll(null_mut(), 0, 1);
        }
        libc::mprotect(page, PAGE_SIZE, libc::PROT_READ | libc::PROT_WRITE);
    }
}

/// The thread inside is held where it hands over what it found: to the end of that it is the only one.
#[test]
fn a_call_has_ended_when_its_result_is_with_the_host() {
    let server = Server::shared(crate::support::server::majors()[0]);
    let desk = ManuallyDrop::new(Desk::open(&server.conninfo("postgres"), &[]).unwrap());
    let system = held_system() as usize;
    // SAFETY: as the header wants it; freed once, when the other thread is inside.
    let identify = |desk: &Desk| unsafe { walstream_admin_identify(desk.0, system as *mut _, null_mut()) };
    // SAFETY: as above.
    let free = |desk: &Desk| unsafe { walstream_admin_free(desk.0) };
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| identify(&desk));
        wait_until(LIMIT, "the result is there", || HELD.load(SeqCst));
        let shown = desk.show("wal_level");
        let history = first_history(&desk);
        let freeing = scope.spawn(|| free(&desk));
        std::thread::sleep(Duration::from_millis(200));
        let freed_early = freeing.is_finished();
        LET_GO.store(true, SeqCst);
        assert_eq!(asking.join().unwrap(), 0);
        let busy = Code::E_BUSY as i32;
        assert_eq!((shown.map_err(|fault| fault.code), history, freed_early), (Err(busy), busy, false));
    });
}
