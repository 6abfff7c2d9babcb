//! Rules 1 to 4: identity, and what is delivered at all.

use super::*;
use crate::model::event::LAST_SEQ;

#[test]
fn rule_1_the_commit_records_start_names_a_transaction_however_it_comes() {
    for transaction in [plain(300, 310, 5, &["a", "b"]), streamed(300, 310, 5, &["a", "b"])] {
        let events = Bench::new(&[]).messages(200, &transaction);
        let named: Vec<_> = events.iter().filter(|event| event.identified).collect();
        assert_eq!(named.len(), 4);
        assert!(named.iter().all(|event| (event.commit_lsn, event.xid) == (300, 5)), "{events:?}");
    }
}

#[test]
fn rule_1_of_the_others() {
    let mut bench = Bench::new(&[]);
    let events = bench.messages(200, &prepared(300, 310, 5, &["a"]));
    assert!(events.iter().filter(|event| event.identified).all(|event| event.commit_lsn == 300));
    for (message, commit_lsn, end) in [
        (message(false, 320, "x"), 320, 320),
        (commit_prepared(330, 340, 5), 330, 340),
        (rollback_prepared(310, 350, 6), 350, 350),
    ] {
        let events = bench.feed(&data(320, &message));
        assert_eq!(events.len(), 1);
        assert_eq!((events[0].commit_lsn, events[0].ack_lsn), (commit_lsn, end));
    }
}

#[test]
fn rule_2_seq_counts_changes_and_nothing_else() {
    let transaction = [
        begin(300, 5),
        origin("o"),
        named_type(20_000),
        relation(7),
        insert(7, "a"),
        message(true, 250, "m"),
        relation(7),
        truncate(7),
        commit(300, 310),
    ];
    let mut bench = Bench::new(&[]);
    let events = bench.messages(200, &transaction);
    assert_eq!(
        parts(&events),
        [
            (Kind::BEGIN, 1),
            (Kind::INSERT, 2),
            (Kind::MESSAGE, 3),
            (Kind::TRUNCATE, 4),
            (Kind::COMMIT, LAST_SEQ)
        ]
    );
    let nameless: Vec<_> = events.iter().filter(|event| !event.identified).map(|event| event.kind).collect();
    assert_eq!(nameless, [Kind::ORIGIN, Kind::TYPE, Kind::RELATION].map(|kind| kind as u32));
    assert_eq!(parts(&bench.feed(&data(320, &message(false, 320, "m")))), [(Kind::MESSAGE, 0)]);
    let events = bench.messages(330, &prepared(330, 340, 6, &["a"]));
    assert_eq!(parts(&events), [(Kind::BEGIN_PREPARE, 1), (Kind::INSERT, 2), (Kind::PREPARE, LAST_SEQ)]);
    assert_eq!(parts(&bench.feed(&data(350, &commit_prepared(350, 360, 6)))), [(Kind::COMMIT_PREPARED, 1)]);
    assert_eq!(
        parts(&bench.feed(&data(370, &rollback_prepared(340, 370, 8)))),
        [(Kind::ROLLBACK_PREPARED, 0)]
    );
}

/// What the server streams comes to the same events, in commit order, with the rolled-back parts gone.
#[test]
fn rule_3_streamed_is_as_plain() {
    let mut bench = Bench::new(&[]);
    let interleaved = [
        stream_start(5, true),
        of(5, &relation(7)),
        of(5, &insert(7, "a")),
        stream_stop(),
        stream_start(6, true),
        of(6, &relation(7)),
        of(6, &insert(7, "other")),
        stream_stop(),
        stream_start(5, false),
        of(8, &insert(7, "rolled back")),
        of(9, &insert(7, "inside of it")),
        stream_stop(),
        stream_abort(5, 8),
        stream_start(5, false),
        of(10, &insert(7, "b")),
        stream_stop(),
        // Never seen: nothing.
        stream_abort(5, 99),
        stream_abort(98, 98),
    ];
    assert_eq!(bench.messages(200, &interleaved), [], "nothing before a commit");
    let five = bench.messages(310, &[stream_commit(5, 300, 310)]);
    let expected = Bench::new(&[]).messages(200, &plain(300, 310, 5, &["a", "b"]));
    assert_eq!(five, expected);
    assert_eq!(bench.messages(320, &[stream_abort(6, 6)]), []);
    assert_eq!(bench.messages(330, &[stream_commit(6, 320, 330)]), [], "nothing of it is left");
}

#[test]
fn rule_4_nothing_of_a_transaction_in_which_nothing_survived() {
    let mut bench = Bench::new(&[]);
    let empty = [
        vec![begin(300, 5), commit(300, 310)],
        vec![begin(320, 6), relation(7), origin("o"), commit(320, 330)],
        streamed(340, 350, 7, &[]),
        vec![stream_start(8, true), stream_stop(), stream_commit(8, 360, 370)],
        vec![stream_start(9, true), of(10, &insert(7, "a")), stream_stop(), stream_abort(9, 10)],
        vec![stream_commit(9, 380, 390), stream_commit(11, 400, 410)],
    ];
    for messages in empty {
        assert_eq!(bench.messages(300, &messages), [], "{messages:?}");
        assert!(!bench.session.pending());
    }
    // A prepared one has an end of its own, to which it is the beginning.
    let events = bench.messages(500, &prepared(500, 510, 12, &[]));
    assert_eq!(parts(&events), [(Kind::BEGIN_PREPARE, 1), (Kind::PREPARE, LAST_SEQ)]);
}

#[test]
fn what_the_protocol_does_not_allow_is_refused() {
    let opened = [begin(300, 5)];
    let block = [stream_start(5, true)];
    let cases: [(&[Vec<u8>], Vec<u8>); 14] = [
        (&[], insert(7, "a")),
        (&[], commit(300, 310)),
        (&[], stream_stop()),
        (&[], message(true, 200, "a")),
        (&opened, begin(300, 5)),
        (&opened, insert(7, "of no relation")),
        (&opened, commit(299, 310)),
        (&opened, prepare(300, 310, 5)),
        (&opened, stream_start(6, true)),
        (&opened, commit_prepared(290, 299, 4)),
        (&opened, message(false, 250, "a")),
        (&block, stream_start(6, true)),
        (&block, commit(300, 310)),
        (&block, begin(300, 5)),
    ];
    for (before, message) in cases {
        let mut bench = Bench::new(&[]);
        bench.messages(200, before);
        let failure = bench.refused(&data(200, &message));
        assert_eq!(failure.code, Code::E_PROTOCOL, "{before:?} {message:?}: {failure}");
        assert_eq!(failure.cure, crate::stream::error::Cure::None);
    }
}

#[test]
fn commits_that_go_backwards_are_refused() {
    let mut bench = Bench::new(&[]);
    bench.messages(200, &plain(300, 310, 5, &["a"]));
    bench.messages(200, &[begin(290, 6), insert(7, "b")]);
    assert_eq!(bench.refused(&data(200, &commit(290, 310))).code, Code::E_PROTOCOL);
    assert_eq!(bench.session.confirmed(), Lsn(100));
}

/// A server has so many transactions open at most (twice MAX_BACKENDS); more are an attack on our memory.
#[test]
fn transactions_without_an_end_are_bounded() {
    for delivery in ["committed", "as-sent"] {
        let mut bench = Bench::new(&[("delivery", delivery)]);
        let refused = (1..1 << 20).find_map(|xid| {
            let mut all = vec![data(200, &stream_start(xid, true)), data(200, &stream_stop())].into_iter();
            let failure = all.find_map(|frame| bench.try_feed(&frame).err())?;
            bench.seen.clear();
            Some((xid, failure))
        });
        let (xid, failure) = refused.expect("endless transactions are refused");
        assert_eq!(failure.code, Code::E_PROTOCOL);
        assert!(xid > 2 * 262_143, "a server may have this many");
    }
}

#[test]
fn stop_lsn_ends_behind_the_transaction_that_reaches_it() {
    let mut bench = Bench::new(&[("stop_lsn", "0/12C")]);
    bench.messages(200, &plain(250, 260, 5, &["a"]));
    assert!(!bench.session.ended());
    bench.messages(270, &plain(290, 310, 6, &["b"]));
    assert!(bench.session.ended());
    assert_eq!(bench.messages(320, &plain(330, 340, 7, &["c"])), []);
    // Frozen: nothing of the server's counts any more, but the host's does.
    bench.ack(310);
    bench.feed(&keepalive(900, false));
    assert_eq!(bench.session.confirmed(), Lsn(310));
}

#[test]
fn stop_lsn_does_not_end_in_the_middle_of_a_transaction_whose_rest_is_to_come() {
    let mut bench = Bench::new(&[("stop_lsn", "0/3E8")]);
    let whole = plain(2000, 2010, 5, &["a", "b"]);
    bench.messages(900, &whole[..3]);
    bench.reconnect();
    // The server, asked where it is, is behind stop_lsn already.
    bench.feed(&keepalive(1500, false));
    assert!(!bench.session.ended());
    assert!(bench.messages(900, &whole).iter().any(|seen| seen.kind == Kind::COMMIT as u32));
    assert!(bench.session.ended());
}

#[test]
fn stop_lsn_does_not_hide_that_the_rest_of_a_transaction_is_gone() {
    let mut bench = Bench::new(&[("stop_lsn", "0/3E8")]);
    bench.messages(900, &plain(2000, 2010, 5, &["a", "b"])[..3]);
    bench.reconnect();
    let failure = bench.try_feed(&data(1500, &begin(3000, 6))).unwrap_err();
    assert_eq!(failure.code, Code::E_GAP);
}

#[test]
fn nothing_follows_an_end() {
    for delivery in ["as-sent", "committed"] {
        let mut bench = Bench::new(&[("stop_lsn", "0/12C"), ("delivery", delivery)]);
        bench.messages(200, &plain(240, 250, 4, &["a"]));
        bench.messages(
            260,
            &[stream_start(5, true), of(5, &relation(7)), of(5, &insert(7, "a")), stream_stop()],
        );
        bench.feed(&keepalive(900, false));
        assert!(bench.session.ended() && bench.session.pending());
        bench.reconnect();
        assert_eq!(bench.session.outbox().events(), bench.seen.len() as u64);
    }
}

#[test]
fn as_sent_hands_on_what_comes_and_tells_of_interruptions() {
    let mut bench = Bench::new(&[("delivery", "as-sent")]);
    let events = bench
        .messages(200, &[stream_start(5, true), of(5, &relation(7)), of(5, &insert(7, "a")), stream_stop()]);
    assert_eq!(
        kinds(&events),
        [Kind::STREAM_START, Kind::RELATION, Kind::INSERT, Kind::STREAM_STOP].map(|kind| kind as u32)
    );
    assert!(events.iter().all(|event| !event.identified && event.ack_lsn == 0));
    bench.reconnect();
    let events = bench.messages(200, &streamed(300, 310, 5, &["a"]));
    assert_eq!(events[0].kind, Kind::INTERRUPTED as u32);
    assert_eq!(
        (events.last().unwrap().kind, events.last().unwrap().ack_lsn),
        (Kind::STREAM_COMMIT as u32, 310)
    );
}

/// Prepared for an earlier process: its blocks may come all the same, and then only how it ended.
#[test]
fn blocks_of_one_that_was_prepared_before_end_with_it() {
    for delivery in ["committed", "as-sent"] {
        let mut bench = Bench::new(&[("delivery", delivery)]);
        for (xid, at, end) in
            [(5, 310, commit_prepared(300, 310, 5)), (6, 320, rollback_prepared(90, 320, 6))]
        {
            let block =
                [stream_start(xid, true), of(xid, &relation(7)), of(xid, &insert(7, "a")), stream_stop()];
            bench.messages(200, &block);
            assert_eq!(bench.session.held().0, 1);
            assert_eq!(bench.messages(at, &[end]).len(), 1);
            assert_eq!(bench.session.held(), (0, 0), "{delivery}");
        }
        bench.reconnect();
        assert_eq!(bench.feed(&keepalive(330, false)), [], "nothing was interrupted");
    }
}

/// Messages go to disk, but the starts of subtransactions stay in memory: the server is asked to keep such a transaction.
#[test]
fn subtransactions_without_number_are_left_to_the_server() {
    let mut bench = Bench::new(&[("spill.memory_bytes", "0")]);
    bench.messages(200, &[stream_start(5, true), of(5, &relation(7))]);
    let row = insert(7, "a");
    let failure = (6..2_000_000).find_map(|subxid| bench.try_feed(&data(200, &of(subxid, &row))).err());
    let failure = failure.expect("bounded");
    assert_eq!(
        (failure.code, failure.cure),
        (Code::E_MEMORY, crate::stream::error::Cure::RetryWithoutStreaming)
    );
    bench.reconnect();
    bench.messages(200, &plain(300, 310, 5, &["a"]));
    assert_eq!(bench.session.held(), (0, 0));
}
