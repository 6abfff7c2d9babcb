//! Rules 6 to 10 and 18 to 22: what the server is told, and when.

use super::*;

#[test]
fn the_server_learns_at_once_what_is_safe() {
    let mut bench = Bench::new(&[]);
    assert_eq!(bench.update(), Some((100, 100)));
    assert_eq!(bench.update(), None);
    bench.later(9_999);
    assert_eq!(bench.update(), None);
    bench.later(1);
    assert_eq!(bench.update(), Some((100, 100)), "every status_interval");
}

#[test]
fn rule_6_what_was_read_holds_the_position_back() {
    let mut bench = Bench::new(&[]);
    bench.messages(200, &[begin(300, 5), relation(7), insert(7, "a")]);
    bench.feed(&keepalive(290, false));
    assert_eq!(bench.session.confirmed(), Lsn(100), "half a transaction is pending");
    bench.messages(310, &[commit(300, 310)]);
    bench.feed(&keepalive(400, false));
    assert_eq!(bench.session.confirmed(), Lsn(100), "a whole one is, too");
    bench.ack(309);
    assert_eq!(bench.session.confirmed(), Lsn(309));
    bench.ack(310);
    assert_eq!(bench.session.confirmed(), Lsn(400), "the server is known to be there");
}

/// The server replays an open one whole, so it need not hold anything back.
#[test]
fn rule_6_open_streamed_transactions_are_not_pending() {
    let mut bench = Bench::new(&[]);
    bench.messages(200, &[stream_start(5, true), of(5, &relation(7)), of(5, &insert(7, "a")), stream_stop()]);
    bench.feed(&keepalive(400, false));
    assert_eq!(bench.session.confirmed(), Lsn(400));
    let events = bench.messages(510, &[stream_commit(5, 500, 510)]);
    assert_eq!(events.last().unwrap().ack_lsn, 510);
    assert!(bench.session.pending());
}

/// A message of its own may have a position below that of a transaction that began before it.
#[test]
fn rule_6_acknowledging_a_message_does_not_confirm_a_half_read_transaction() {
    let mut bench = Bench::new(&[]);
    bench.feed(&data(250, &message(false, 250, "m")));
    bench.messages(200, &[begin(300, 5), relation(7), insert(7, "a")]);
    bench.ack(250);
    bench.feed(&keepalive(290, true));
    bench.later(1);
    assert_eq!(bench.update(), Some((290, 250)));
}

#[test]
fn rule_7_idle_advance() {
    for (idle, confirmed) in [("auto", 400), ("host", 100), ("off", 100)] {
        let mut bench = Bench::new(&[("idle_advance", idle)]);
        let events = bench.feed(&keepalive(400, false));
        assert_eq!(bench.session.confirmed(), Lsn(confirmed), "{idle}");
        assert_eq!(events.len(), usize::from(idle == "host"));
        if let [position] = events[..] {
            assert_eq!((position.kind, position.ack_lsn), (Kind::POSITION as u32, 400));
            assert_eq!(bench.feed(&keepalive(500, false)), [], "one at a time");
            bench.ack(400);
            assert_eq!(bench.session.confirmed(), Lsn(400));
            assert_eq!(bench.feed(&keepalive(500, false)).len(), 1);
        }
    }
}

#[test]
fn rule_8_other_plugins_are_not_advanced() {
    for (options, confirmed) in
        [(&[("plugin", "x")][..], 100), (&[("plugin", "x"), ("plugin.idle_advance", "on")], 400)]
    {
        let mut bench = Bench::new(options);
        bench.feed(&keepalive(400, false));
        assert_eq!(bench.session.confirmed(), Lsn(confirmed));
    }
}

#[test]
fn rule_9_no_advance_up_to_the_start() {
    let mut bench = Bench::unconnected(&[]);
    bench.connect(100, 500);
    for (end, confirmed) in [(200, 100), (500, 100), (501, 501)] {
        bench.feed(&keepalive(end, false));
        assert_eq!(bench.session.confirmed(), Lsn(confirmed), "at {end}");
    }
}

#[test]
fn rule_10_goes_on_behind_what_was_read_and_never_confirms_less_than_the_slot() {
    let mut bench = Bench::new(&[]);
    bench.messages(200, &plain(300, 310, 5, &["a"]));
    bench.feed(&data(320, &message(false, 320, "m")));
    bench.messages(400, &[begin(500, 6), insert(7, "b")]);
    assert_eq!(bench.session.resume_at(), Lsn(320));
    // The slot may have gone beyond what the host acknowledged: by what the server had saved.
    bench.connect(310, 0);
    assert_eq!((bench.session.resume_at(), bench.session.confirmed()), (Lsn(320), Lsn(310)));
    bench.ack(200);
    assert_eq!(bench.session.confirmed(), Lsn(310));
    bench.later(50);
    assert_eq!(bench.update().map(|(_, flush)| flush), Some(310));
}

#[test]
fn rule_18_an_acknowledgement_goes_out_after_a_millisecond() {
    let mut bench = Bench::new(&[]);
    bench.messages(200, &plain(300, 310, 5, &["a"]));
    bench.later(50);
    bench.update();
    bench.ack(310);
    assert!(bench.session.unsent());
    assert_eq!(bench.update(), None);
    bench.later(1);
    assert_eq!(bench.update(), Some((310, 310)));
    assert!(!bench.session.unsent());
}

#[test]
fn rule_20_a_third_of_the_servers_timeout() {
    let mut bench = Bench::unconnected(&[]);
    bench.wal_sender_timeout = Duration::from_millis(900);
    bench.connect(100, 0);
    bench.later(50);
    bench.update();
    bench.later(299);
    assert_eq!(bench.update(), None);
    bench.later(1);
    assert!(bench.update().is_some());
}

#[test]
fn rule_21_silence_counts_only_while_reading() {
    let mut bench = Bench::new(&[("receive_timeout_ms", "2000")]);
    bench.later(20_000);
    let (_, dead) = bench.session.poll_feedback(bench.now, false);
    assert!(!dead, "the thread did not read");
    bench.session.heard(bench.now.instant);
    bench.later(2_000);
    let (update, dead) = bench.session.poll_feedback(bench.now, true);
    assert!(update.is_some_and(|update| update.reply_requested) && !dead);
    bench.later(2_000);
    assert!(bench.session.poll_feedback(bench.now, true).1, "no answer");
}

#[test]
fn rule_22_a_server_that_cannot_stop_is_left_only_when_the_host_owes_it_something() {
    for owes in [false, true] {
        let mut bench = Bench::new(&[]);
        bench.messages(200, &plain(300, 310, 5, &["a"]));
        if !owes {
            bench.ack(310);
        }
        for _ in 0..50 {
            bench.feed(&keepalive(310, true));
            bench.later(50);
        }
        assert_eq!(bench.session.storm(), owes);
    }
}

#[test]
fn rule_22_a_server_that_cannot_stop_is_left_when_nothing_is_confirmed_without_the_host() {
    let mut bench = Bench::new(&[("idle_advance", "off")]);
    bench.messages(200, &plain(300, 310, 5, &["a"]));
    bench.ack(310);
    for _ in 0..50 {
        bench.feed(&keepalive(400, true));
        bench.later(50);
    }
    assert!(!bench.session.pending() && bench.session.storm());
}

#[test]
fn rule_7_idle_advance_goes_on_after_a_lost_connection() {
    for reconnects in 1..4 {
        let mut bench = Bench::new(&[]);
        bench.messages(200, &plain(240, 250, 5, &["a"]));
        bench.ack(250);
        bench.feed(&keepalive(500, false));
        for _ in 0..reconnects {
            bench.reconnect();
        }
        assert!(!bench.session.pending());
        bench.feed(&keepalive(600, false));
        assert_eq!(bench.session.confirmed(), Lsn(600));
    }
}

/// The slot's position at a reconnect is one of the old timeline, too.
#[test]
fn rule_13_neither_is_where_the_slot_was_on_it() {
    let mut bench = Bench::new(&[]);
    bench.messages(200, &plain(240, 250, 5, &["a"]));
    bench.ack(250);
    bench.feed(&keepalive(500, false));
    bench.reconnect();
    assert_eq!(bench.session.resume_at(), Lsn(250), "a failover at 300 lost nothing that was read");
    bench.connect_to(100, 0, Some(Lsn(300)));
    assert_eq!(bench.session.confirmed(), Lsn(300));
    bench.messages(380, &plain(390, 400, 6, &["b"]));
    bench.ack(400);
    assert_eq!(bench.session.confirmed(), Lsn(400));
}

#[test]
fn rule_13_positions_of_a_timeline_that_was_left_are_not_confirmed() {
    for acknowledged in [true, false] {
        let mut bench = Bench::new(&[]);
        bench.messages(200, &plain(240, 250, 5, &["a"]));
        if acknowledged {
            bench.ack(250);
        }
        bench.feed(&keepalive(500, false));
        assert_eq!(bench.session.confirmed(), Lsn(if acknowledged { 500 } else { 100 }));
        // The new primary had not got so far.
        bench.connect_to(100, 0, Some(Lsn(300)));
        bench.ack(250);
        assert_eq!(bench.session.confirmed(), Lsn(300));
        bench.messages(380, &plain(390, 400, 6, &["b"]));
        assert_eq!(bench.session.confirmed(), Lsn(300));
        bench.feed(&keepalive(600, false));
        bench.ack(400);
        assert_eq!(bench.session.confirmed(), Lsn(600));
    }
}
