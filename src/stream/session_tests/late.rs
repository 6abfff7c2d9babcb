//! Rule 12: what was prepared before the slot decoded prepares.

use super::*;
use crate::model::event::LAST_SEQ;

/// After a commit at 500 comes one that was prepared at 300, before the slot had two_phase.
fn late() -> Bench {
    late_of(&[])
}

fn late_of(options: &[(&str, &str)]) -> Bench {
    let mut bench = Bench::new(options);
    bench.messages(400, &plain(500, 510, 4, &["early"]));
    bench.seen.clear();
    bench
}

#[test]
fn rule_12_a_late_prepare_is_acknowledged_by_its_commit() {
    let mut bench = late();
    bench.ack(510);
    let events = bench.messages(250, &prepared(300, 310, 5, &["a"]));
    assert_eq!(parts(&events), [(Kind::BEGIN_PREPARE, 1), (Kind::INSERT, 2), (Kind::PREPARE, LAST_SEQ)]);
    assert_eq!(events.last().unwrap().ack_lsn, 0);
    bench.feed(&keepalive(600, false));
    assert_eq!(bench.session.confirmed(), Lsn(510), "its end is missing");
    let events = bench.messages(700, &[commit_prepared(700, 710, 5)]);
    assert_eq!((parts(&events), events[0].ack_lsn), (vec![(Kind::COMMIT_PREPARED, 1)], 710));
}

#[test]
fn rule_12_a_late_prepare_that_comes_again_is_known_by_its_identity() {
    let rows = ["a", "b"];
    let whole: Vec<_> =
        prepared(300, 310, 5, &rows).into_iter().chain([commit_prepared(700, 710, 5)]).collect();
    for cut in 0..whole.len() {
        let mut bench = late();
        bench.messages(250, &whole[..cut]);
        bench.reconnect();
        // The server has decoded beyond the prepare long ago, and says so.
        bench.feed(&keepalive(600, true));
        bench.messages(250, &whole);
        assert_eq!(
            parts(&bench.seen),
            [
                (Kind::BEGIN_PREPARE, 1),
                (Kind::INSERT, 2),
                (Kind::INSERT, 3),
                (Kind::PREPARE, LAST_SEQ),
                (Kind::COMMIT_PREPARED, 1)
            ],
            "lost behind {cut} messages"
        );
    }
}

/// The same, streamed before its COMMIT PREPARED.
fn streamed_late(rows: &[&str]) -> Vec<Vec<u8>> {
    let mut messages = streamed(300, 310, 5, rows);
    messages.pop();
    messages.extend([stream_prepare(300, 310, 5), commit_prepared(700, 710, 5)]);
    messages
}

fn plain_late(rows: &[&str]) -> Vec<Vec<u8>> {
    prepared(300, 310, 5, rows).into_iter().chain([commit_prepared(700, 710, 5)]).collect()
}

fn acks(events: &[Seen], kind: Kind) -> Vec<u64> {
    events.iter().filter(|seen| seen.kind == kind as u32).map(|seen| seen.ack_lsn).collect()
}

#[test]
fn rule_12_a_streamed_late_prepare_is_acknowledged_by_its_commit() {
    for (delivery, end) in [("committed", Kind::PREPARE), ("as-sent", Kind::STREAM_PREPARE)] {
        let mut bench = late_of(&[("delivery", delivery)]);
        bench.ack(510);
        let whole = streamed_late(&["a", "b"]);
        let events = bench.messages(250, &whole[..whole.len() - 1]);
        assert_eq!(acks(&events, end), [0]);
        bench.feed(&keepalive(600, false));
        assert_eq!(bench.session.confirmed(), Lsn(510), "its end is missing");
        let events = bench.messages(700, &whole[whole.len() - 1..]);
        assert_eq!(acks(&events, Kind::COMMIT_PREPARED), [710]);
        assert!(bench.session.pending());
        bench.ack(710);
        assert_eq!((bench.session.confirmed(), bench.session.resume_at()), (Lsn(710), Lsn(710)));
        assert_eq!(bench.session.held(), (0, 0));
    }
}

/// Lost behind every message, and whichever way it comes before and after.
#[test]
fn rule_12_a_streamed_late_prepare_that_comes_again_is_known_by_its_identity() {
    let rows = ["a", "b"];
    let forms = [streamed_late(&rows), plain_late(&rows)];
    for (first, second) in [(0, 0), (0, 1), (1, 0)].map(|(first, second)| (&forms[first], &forms[second])) {
        for cut in 0..first.len() {
            let mut bench = late();
            bench.messages(250, &first[..cut]);
            bench.reconnect();
            bench.feed(&keepalive(600, true));
            bench.messages(250, second);
            assert_eq!(parts(&bench.seen), whole_late(), "lost behind {cut} messages");
            assert_eq!(bench.session.held(), (0, 0));
        }
    }
}

/// The host has half of it, handed out from where it was held back.
#[test]
fn rule_12_a_streamed_late_prepare_is_lost_in_the_middle_of_its_rows() {
    let rows = ["a", "b"];
    let whole = streamed_late(&rows);
    for second in [streamed_late(&rows), plain_late(&rows)] {
        let mut bench = late();
        bench.messages(250, &whole[..whole.len() - 2]);
        bench.session.handle_frame(bench.now, &data(250, &whole[whole.len() - 2])).unwrap();
        bench.take(1).unwrap();
        bench.take(1).unwrap();
        assert_eq!(parts(&bench.seen), [(Kind::BEGIN_PREPARE, 1), (Kind::INSERT, 2)]);
        bench.reconnect();
        bench.feed(&keepalive(600, true));
        bench.messages(250, &second);
        assert_eq!(parts(&bench.seen), whole_late());
    }
}

/// As sent, too: lost behind its PREPARE it does not come again, whichever way the server sends it now; lost before that it is
/// interrupted.
#[test]
fn rule_12_as_sent_a_late_prepare_that_comes_again_is_known() {
    let forms = [streamed_late(&["a", "b"]), plain_late(&["a", "b"])];
    for (first, second) in
        [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(first, second)| (&forms[first], &forms[second]))
    {
        for cut in 0..first.len() {
            let mut bench = late_of(&[("delivery", "as-sent")]);
            bench.ack(510);
            bench.messages(250, &first[..cut]);
            let before = bench.seen.len();
            bench.reconnect();
            bench.feed(&keepalive(600, true));
            bench.messages(250, second);
            let events = kinds(&bench.seen[before..]);
            let (has_all, begun) = (cut == first.len() - 1, cut > 0);
            let interrupted = events.contains(&(Kind::INTERRUPTED as u32));
            assert_eq!(interrupted, begun && !has_all, "lost behind {cut} messages");
            if has_all {
                assert_eq!(events, [Kind::COMMIT_PREPARED as u32]);
            }
            assert_eq!(acks(&bench.seen, Kind::COMMIT_PREPARED), [710]);
            assert_eq!(bench.session.held(), (0, 0));
            bench.ack(710);
            assert!(!bench.session.pending());
        }
    }
}

/// Lost once more while it is passed over: nothing of it is the host's to forget.
#[test]
fn rule_12_as_sent_what_is_passed_over_is_not_interrupted() {
    let forms = [streamed_late(&["a", "b"]), plain_late(&["a", "b"])];
    for (first, second) in
        [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(first, second)| (&forms[first], &forms[second]))
    {
        for cut in 0..second.len() {
            let mut bench = late_of(&[("delivery", "as-sent")]);
            bench.messages(250, &first[..first.len() - 1]);
            let before = bench.seen.len();
            bench.reconnect();
            bench.messages(250, &second[..cut]);
            bench.reconnect();
            bench.messages(250, second);
            assert_eq!(kinds(&bench.seen[before..]), [Kind::COMMIT_PREPARED as u32], "{cut}");
            // The definition that came with it does not hold outside of its blocks; the next one's does.
            bench.messages(720, &plain(730, 740, 9, &["c"]));
        }
    }
}

/// A part of it that was rolled back is passed over with it, and others are not.
#[test]
fn rule_12_as_sent_only_the_late_one_is_passed_over() {
    let mut bench = late_of(&[("delivery", "as-sent")]);
    let whole = streamed_late(&["a"]);
    bench.messages(250, &whole[..whole.len() - 1]);
    let before = bench.seen.len();
    bench.reconnect();
    bench.messages(250, &whole[..whole.len() - 2]);
    bench.messages(250, &[stream_abort(5, 6), stream_start(8, true), of(8, &relation(7))]);
    bench.messages(250, &[of(8, &insert(7, "x")), stream_stop(), stream_abort(8, 8)]);
    bench.messages(600, &plain(600, 610, 9, &["y"]));
    bench.messages(250, &whole[whole.len() - 2..]);
    let expected = [
        Kind::STREAM_START,
        Kind::INSERT,
        Kind::STREAM_STOP,
        Kind::STREAM_ABORT,
        Kind::BEGIN,
        Kind::INSERT,
        Kind::COMMIT,
        Kind::COMMIT_PREPARED,
    ];
    assert_eq!(kinds(&bench.seen[before..]), expected.map(|kind| kind as u32));
}

fn whole_late() -> [(Kind, u64); 5] {
    [
        (Kind::BEGIN_PREPARE, 1),
        (Kind::INSERT, 2),
        (Kind::INSERT, 3),
        (Kind::PREPARE, LAST_SEQ),
        (Kind::COMMIT_PREPARED, 1),
    ]
}
