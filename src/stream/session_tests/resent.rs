//! Rules 3, 10 and 11: what comes again after a lost connection.

use super::*;
use crate::model::event::LAST_SEQ;

/// The events that a host got, one connection or many, must be those of one whole transaction.
fn check_whole(events: &[Seen], rows: u64) {
    let expected: Vec<_> = std::iter::once((Kind::BEGIN, 1))
        .chain((0..rows).map(|row| (Kind::INSERT, 2 + row)))
        .chain([(Kind::COMMIT, LAST_SEQ)])
        .collect();
    assert_eq!(parts(events), expected);
}

/// Lost behind every message of the first attempt and of the second, whatever way each is sent.
#[test]
fn rule_3_lost_anywhere_twice_and_still_whole_once() {
    let rows = ["a", "b", "c"];
    let forms = [plain(300, 310, 5, &rows), streamed(300, 310, 5, &rows)];
    for first in &forms {
        for second in &forms {
            for (cut, again) in
                (0..first.len()).flat_map(|cut| (0..second.len()).map(move |again| (cut, again)))
            {
                let mut bench = Bench::new(&[]);
                bench.messages(200, &first[..cut]);
                bench.reconnect();
                bench.messages(200, &second[..again]);
                bench.reconnect();
                bench.messages(200, &forms[0]);
                check_whole(&bench.seen, 3);
                assert_eq!(bench.session.resume_at(), Lsn(310));
            }
        }
    }
}

#[test]
fn a_keepalive_before_the_rest_is_no_gap() {
    let mut bench = Bench::new(&[]);
    bench.messages(200, &[begin(300, 5), relation(7), insert(7, "a")]);
    bench.reconnect();
    bench.feed(&keepalive(300, true));
    assert!(bench.session.confirmed() <= Lsn(300), "its commit record is not confirmed");
    bench.messages(200, &plain(300, 310, 5, &["a"]));
    check_whole(&bench.seen, 1);
}

#[test]
fn rule_6_half_a_transaction_stays_pending_over_a_lost_connection() {
    for idle in ["auto", "host"] {
        let mut bench = Bench::new(&[("idle_advance", idle)]);
        bench.messages(200, &[begin(300, 5), relation(7), insert(7, "a")]);
        bench.reconnect();
        assert!(bench.session.pending());
        assert_eq!(bench.feed(&keepalive(250, true)), [], "no position inside a transaction");
        assert_eq!(bench.session.confirmed(), Lsn(100));
        bench.messages(200, &plain(300, 310, 5, &["a"]));
        check_whole(&bench.seen, 1);
    }
}

/// The connection is lost behind two rows.
fn half_delivered() -> Bench {
    let mut bench = Bench::new(&[]);
    bench.messages(200, &[begin(300, 5), origin("o"), relation(7), insert(7, "a"), insert(7, "b")]);
    bench.reconnect();
    bench
}

#[test]
fn rule_11_only_changes_are_compared() {
    let mut bench = half_delivered();
    let again = [
        begin(300, 5),
        named_type(20_000),
        relation(7),
        relation(7),
        insert(7, "a"),
        insert(7, "b"),
        insert(7, "c"),
        commit(300, 310),
    ];
    bench.messages(222, &again);
    check_whole(&bench.seen, 3);
}

#[test]
fn rule_11_what_differs_is_not_delivered() {
    let differing: [&[Vec<u8>]; 5] = [
        &[insert(7, "a"), insert(7, "X")],
        &[insert(7, "X"), insert(7, "b")],
        &[insert(7, "b"), insert(7, "a")],
        &[insert(7, "a"), truncate(7)],
        &[insert(7, "a"), commit(300, 310)],
    ];
    for changes in differing {
        let mut bench = half_delivered();
        let before = bench.seen.len();
        bench.messages(200, &[begin(300, 5), relation(7)]);
        let failure = changes.iter().find_map(|change| bench.try_feed(&data(200, change)).err());
        assert_eq!(failure.expect("E_DIVERGED").code, Code::E_DIVERGED, "{changes:?}");
        assert_eq!(bench.seen.len(), before);
    }
}

#[test]
fn rule_11_streamed_and_nothing_left_of_it() {
    for messages in [
        streamed(300, 310, 5, &[]),
        vec![stream_commit(5, 300, 310)],
        vec![
            stream_start(5, true),
            of(5, &insert(7, "a")),
            stream_stop(),
            stream_abort(5, 5),
            stream_commit(5, 300, 310),
        ],
    ] {
        let mut bench = half_delivered();
        let failure = messages.iter().find_map(|message| bench.try_feed(&data(200, message)).err());
        assert_eq!(failure.expect("E_DIVERGED").code, Code::E_DIVERGED, "{messages:?}");
    }
}

#[test]
fn rule_11_one_that_does_not_return_is_a_gap() {
    let others = [
        data(400, &begin(400, 6)),
        data(400, &stream_commit(6, 400, 410)),
        data(400, &begin_prepare(400, 410, 6)),
        data(400, &stream_prepare(400, 410, 6)),
        data(400, &commit_prepared(400, 410, 6)),
        data(400, &rollback_prepared(90, 410, 6)),
        data(400, &message(false, 400, "m")),
        keepalive(310, false),
    ];
    for frame in others {
        let mut bench = half_delivered();
        let failure = bench.refused(&frame);
        assert_eq!(failure.code, Code::E_GAP, "{failure}");
        assert_eq!(failure.cure, crate::stream::error::Cure::None);
    }
}

/// Nothing may come between the two halves; what has nothing in it is in nobody's way.
#[test]
fn rule_11_nothing_comes_before_the_rest() {
    for late in [plain(200, 210, 4, &["x"]), streamed(200, 210, 4, &["x"]), prepared(200, 210, 4, &[])] {
        let mut bench = half_delivered();
        let failure = late.iter().find_map(|message| bench.try_feed(&data(150, message)).err());
        assert_eq!(failure.expect("E_DIVERGED").code, Code::E_DIVERGED, "{late:?}");
    }
    let mut bench = half_delivered();
    bench.messages(150, &plain(200, 210, 4, &[]));
    bench.messages(150, &streamed(220, 230, 4, &[]));
    bench.messages(200, &plain(300, 310, 5, &["a", "b"]));
    check_whole(&bench.seen, 2);
}

#[test]
fn rule_11_a_prepared_one_may_come_back_shorter() {
    for rows in [&[][..], &["a"], &["a", "b"], &["a", "b", "c"]] {
        let mut bench = Bench::new(&[]);
        bench.messages(200, &[begin_prepare(300, 310, 5), relation(7), insert(7, "a"), insert(7, "b")]);
        bench.reconnect();
        let events = bench.messages(200, &prepared(300, 310, 5, rows));
        let expected: &[_] = if rows.len() > 2 {
            &[(Kind::INSERT, 4), (Kind::PREPARE, LAST_SEQ)]
        } else {
            &[(Kind::PREPARE, LAST_SEQ)]
        };
        assert_eq!(parts(&events), expected);
        assert_eq!(events.last().unwrap().ack_lsn, 310);
        let events = bench.messages(400, &[rollback_prepared(310, 400, 5)]);
        assert_eq!(parts(&events), [(Kind::ROLLBACK_PREPARED, 0)]);
    }
}

#[test]
fn what_was_held_back_is_forgotten_with_its_connection() {
    let mut bench = Bench::new(&[]);
    let block = [stream_start(5, true), of(5, &relation(7)), of(5, &insert(7, "a")), stream_stop()];
    bench.messages(200, &block);
    bench.reconnect();
    assert_eq!(bench.session.held(), (0, 0));
    bench.messages(200, &plain(300, 310, 5, &["a"]));
    check_whole(&bench.seen, 1);
}
