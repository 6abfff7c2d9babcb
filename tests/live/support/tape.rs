//! Events as lines of text, so that a test can say what it expects as one page.
//!
//!     INSERT #2 x1 public.t (1,a)
//!     ^kind  ^seq ^xid      ^values: null, ~ unchanged, - not sent, x*200 repeated
//!
//! `n` instead of a seq: the flag NO_IDENTITY. Further flags: `streamed`, `transactional`, `cascade`, `restart`. Transactions
//! have the names x1, x2 … in the order in which they show; a subtransaction is behind a slash.

use walstream::model::{EventFlag, Kind};

use super::{Seen, Val};

/// One line an event. What LSNs must be among each other is checked on the way.
pub fn tape(events: &[Seen]) -> String {
    check(events);
    let mut xids = Vec::new();
    events.iter().map(|event| line(event, &mut xids) + "\n").collect()
}

/// Compares line by line, so that a failure shows where. The expectation may be indented.
#[track_caller]
pub fn assert_tape(events: &[Seen], expected: &str) {
    let seen = tape(&without_empty_blocks(events));
    let expected: Vec<_> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if seen.lines().ne(expected.iter().copied()) {
        panic!("seen:\n{seen}\nexpected:\n{}\n", expected.join("\n"));
    }
}

/// DDL of anybody, even in another database, leaves a mark in all open transactions, which may become a block without a
/// change.
fn without_empty_blocks(events: &[Seen]) -> Vec<Seen> {
    let mut kept: Vec<Seen> = Vec::new();
    for event in events {
        if event.is(Kind::STREAM_STOP) && kept.last().is_some_and(|last| last.is(Kind::STREAM_START)) {
            kept.pop();
        } else {
            kept.push(event.clone());
        }
    }
    kept
}

fn line(event: &Seen, xids: &mut Vec<u32>) -> String {
    let mut words = vec![event.kind_name().to_owned()];
    words.push(match event.seq {
        0 if event.has(EventFlag::NO_IDENTITY) => "n".to_owned(),
        u64::MAX => "#end".to_owned(),
        seq => format!("#{seq}"),
    });
    let mut name = |xid: u32| {
        let index = xids.iter().position(|known| *known == xid).unwrap_or_else(|| {
            xids.push(xid);
            xids.len() - 1
        });
        format!("x{}", index + 1)
    };
    if event.xid != 0 {
        let top = name(event.xid);
        words.push(if event.subxid == 0 { top } else { format!("{top}/{}", name(event.subxid)) });
    }
    for (flag, word) in [
        (EventFlag::STREAMED, "streamed"),
        (EventFlag::TRANSACTIONAL, "transactional"),
        (EventFlag::TRUNCATE_CASCADE, "cascade"),
        (EventFlag::RESTART_IDENTITY, "restart"),
    ] {
        if event.has(flag) {
            words.push(word.to_owned());
        }
    }
    if !event.table.is_empty() {
        words.push(event.table.clone());
    }
    if event.is(Kind::RELATION) {
        let columns: Vec<_> =
            event.columns.iter().zip(&event.types).map(|(name, kind)| format!("{name} {kind}")).collect();
        words.push(format!("[{}]", columns.join(",")));
    }
    match event.old_kind {
        0 => {}
        1 => words.push(format!("key{}", row(&event.old))),
        _ => words.push(format!("old{}", row(&event.old))),
    }
    if !event.new.is_empty() {
        words.push(row(&event.new));
    }
    if !event.tables.is_empty() {
        words.push(event.tables.join(","));
    }
    words.extend(event.name.as_ref().map(|name| format!("'{name}'")));
    words.extend(event.payload.as_ref().map(|payload| short(&String::from_utf8_lossy(payload))));
    words.join(" ")
}

fn row(values: &[Val]) -> String {
    let value = |value: &Val| match value {
        Val::Null => "null".to_owned(),
        Val::Text(text) if text.is_empty() => String::new(),
        Val::Text(text) => short(text),
        Val::RawText(bytes) | Val::Binary(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Val::Unchanged => "~".to_owned(),
        Val::NotSent => "-".to_owned(),
    };
    format!("({})", values.iter().map(value).collect::<Vec<_>>().join(","))
}

/// "x*200" for one character many times.
fn short(text: &str) -> String {
    match text.chars().next() {
        Some(first) if text.len() > 20 && text.chars().all(|c| c == first) => {
            format!("{first}*{}", text.chars().count())
        }
        None => "''".to_owned(),
        _ => text.to_owned(),
    }
}

/// delivery-rules.md, 1 and 2, and what every event keeps.
fn check(events: &[Seen]) {
    let mut begun: Option<&Seen> = None;
    for event in events {
        let at = |what: &str| format!("{what}: {event:?}");
        if event.has(EventFlag::NO_IDENTITY) {
            assert_eq!(event.seq, 0, "{}", at("no identity"));
        }
        if event.is(Kind::BEGIN) || event.is(Kind::BEGIN_PREPARE) {
            assert!(begun.is_none(), "{}", at("a beginning in a transaction"));
            assert!(event.commit_lsn >= event.lsn && event.commit_time_us > 0, "{}", at("beginning"));
            begun = Some(event);
            continue;
        }
        if event.has(EventFlag::STREAMED) || event.xid == 0 || event.subxid == event.xid {
            continue;
        }
        match begun {
            Some(begin) if event.subxid == 0 => {
                assert_eq!(
                    (event.commit_lsn, event.xid, event.commit_time_us),
                    (begin.commit_lsn, begin.xid, begin.commit_time_us),
                    "{}",
                    at("as its beginning")
                );
            }
            _ => {}
        }
        if event.is(Kind::COMMIT) || event.is(Kind::PREPARE) {
            assert!(begun.take().is_some(), "{}", at("an end without a beginning"));
            assert_eq!(event.lsn, event.commit_lsn, "{}", at("its own record"));
            assert!(event.ack_lsn == 0 || event.ack_lsn > event.commit_lsn, "{}", at("ack_lsn is an end"));
        } else if begun.is_some() {
            assert_eq!(event.ack_lsn, 0, "{}", at("nothing to acknowledge inside"));
        }
    }
}
