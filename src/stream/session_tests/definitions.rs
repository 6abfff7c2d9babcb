//! Which definition a row is read under, when transactions with different ones are sent at the same time.

use super::*;

/// The table's definition as it was, and as it is after an ALTER TABLE; with a row of each. The wrong one is refused.
const OLD: &[&str] = &["id"];
const NEW: &[&str] = &["id", "v"];

/// A transaction whose row comes with its definition, or without one.
fn one_row(commit_lsn: u64, xid: u32, columns: &[&str], announced: bool) -> Vec<Vec<u8>> {
    let mut messages = vec![begin(commit_lsn, xid)];
    messages.extend(announced.then(|| relation_of(7, columns)));
    messages.extend([insert_of(7, columns), commit(commit_lsn, commit_lsn + 10)]);
    messages
}

fn block(xid: u32, columns: &[&str]) -> Vec<Vec<u8>> {
    let messages = [relation_of(7, columns), insert_of(7, columns)].map(|message| of(xid, &message));
    [vec![stream_start(xid, true)], messages.to_vec(), vec![stream_stop()]].concat()
}

fn told(bench: &Bench) -> Vec<&'static str> {
    let letter = |seen: &Seen| match seen.kind {
        kind if kind == Kind::RELATION as u32 => Some("R"),
        kind if kind == Kind::INSERT as u32 => Some("I"),
        _ => None,
    };
    bench.seen.iter().filter_map(letter).collect()
}

const DELIVERIES: [&str; 2] = ["committed", "as-sent"];

/// The streamed transaction's definition is the older one, though it commits later.
#[test]
fn a_commit_does_not_bring_an_older_definition_back() {
    for delivery in DELIVERIES {
        let mut bench = Bench::new(&[("delivery", delivery)]);
        bench.messages(200, &block(5, OLD));
        bench.messages(300, &one_row(300, 6, NEW, true));
        bench.messages(330, &[stream_commit(5, 320, 330)]);
        bench.messages(340, &one_row(340, 8, NEW, false));
        assert_eq!(told(&bench), ["R", "I", "R", "I", "I"], "{delivery}: each definition once");
    }
}

/// The same with a prepared one.
#[test]
fn a_prepare_does_not_bring_an_older_definition_back() {
    for delivery in DELIVERIES {
        let mut bench = Bench::new(&[("delivery", delivery)]);
        bench.messages(200, &block(5, OLD));
        bench.messages(300, &one_row(300, 6, NEW, true));
        bench.messages(330, &[stream_prepare(320, 330, 5), commit_prepared(335, 338, 5)]);
        bench.messages(340, &one_row(340, 8, NEW, false));
        assert_eq!(told(&bench), ["R", "I", "R", "I", "I"], "{delivery}");
    }
}

#[test]
fn a_commit_brings_a_newer_definition() {
    for delivery in DELIVERIES {
        let mut bench = Bench::new(&[("delivery", delivery)]);
        bench.messages(300, &one_row(300, 6, OLD, true));
        bench.messages(200, &block(5, NEW));
        // Still the old one's outside of it.
        bench.messages(310, &one_row(311, 8, OLD, false));
        bench.messages(340, &[stream_commit(5, 330, 340)]);
        bench.messages(350, &one_row(350, 9, NEW, false));
        assert_eq!(told(&bench).iter().filter(|kind| **kind == "R").count(), 2, "{delivery}");
    }
}

/// Of two streamed ones it is not the last to commit whose definition holds, but the last that was told.
#[test]
fn the_latest_of_two_streamed_ones_holds() {
    for delivery in DELIVERIES {
        for commits in [[5, 6], [6, 5]] {
            let mut bench = Bench::new(&[("delivery", delivery)]);
            bench.messages(200, &block(5, OLD));
            bench.messages(210, &block(6, NEW));
            for (at, xid) in [300, 320].into_iter().zip(commits) {
                bench.messages(at, &[stream_commit(xid, at, at + 10)]);
            }
            bench.messages(340, &one_row(340, 8, NEW, false));
            assert_eq!(told(&bench).iter().filter(|kind| **kind == "R").count(), 2, "{delivery}");
        }
    }
}

/// The connection is lost while rows of the older definition are handed out.
#[test]
fn a_lost_connection_leaves_no_definition_behind() {
    let mut bench = Bench::new(&[]);
    bench.messages(200, &block(5, OLD));
    bench.messages(300, &one_row(300, 6, NEW, true));
    bench.session.handle_frame(bench.now, &data(330, &stream_commit(5, 320, 330))).unwrap();
    bench.take(1).unwrap();
    assert!(bench.session.replaying());
    bench.reconnect();
    bench.messages(330, &one_row(320, 5, OLD, true));
    bench.messages(340, &one_row(340, 8, NEW, true));
    bench.messages(360, &one_row(360, 9, NEW, false));
    assert_eq!(told(&bench), ["R", "I", "R", "I", "R", "I", "I"]);
    let refused = one_row(380, 10, OLD, false);
    bench.messages(380, &refused[..1]);
    assert_eq!(bench.refused(&data(380, &refused[1])).code, Code::E_PROTOCOL);
}
