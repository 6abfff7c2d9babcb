//! A server that breaks off: behind each byte, and in each way that the protocol has.

use std::io;

use walstream::model::{Code, Kind};

use crate::hostile::{start, transaction};
use crate::support::fake::{error, message, ready};
use crate::support::frames::*;
use crate::support::{Fake, Host, Peer};

/// A whole stream, with a transaction of each way of sending.
fn two_transactions() -> Vec<Vec<u8>> {
    let mut frames = transaction(&[insert(7, "a"), insert(7, "b")]);
    frames.extend([
        keepalive(320, true),
        data(400, &stream_start(6, true)),
        data(400, &of(6, &relation(7))),
        data(400, &of(6, &insert(7, "c"))),
        data(400, &stream_stop()),
        data(510, &stream_commit(6, 500, 510)),
    ]);
    frames
}

/// What a server would send again from where this handshake says.
fn from_start_of(position: u64) -> Vec<Vec<u8>> {
    let frames = two_transactions();
    match position {
        0..310 => frames,
        310..510 => frames[5..].to_vec(),
        _ => Vec::new(),
    }
}

/// As `Peer::handshake`; gives the position asked for.
fn handshake_at(peer: &mut Peer) -> io::Result<u64> {
    let asked = std::cell::Cell::new(0);
    peer.welcome()?;
    peer.answer_queries(|_, query| {
        if let Some(at) = query.find(" LOGICAL 0/") {
            let digits = query[at + 11..].split(' ').next().unwrap();
            asked.set(u64::from_str_radix(digits, 16).unwrap());
        }
        None
    })?;
    Ok(asked.get())
}

fn check_whole(host: &Host) {
    let rows: Vec<_> = (0..2).flat_map(|_| host.until(Kind::COMMIT)).filter(|e| e.is(Kind::INSERT)).collect();
    let texts: Vec<_> = rows.iter().map(|row| row.text(0)).collect();
    assert_eq!(texts, ["a", "b", "c"]);
}

/// Each connection is cut one byte later than the one before.
#[test]
fn the_line_cut_behind_each_byte() {
    let whole: usize = two_transactions().iter().map(|frame| frame.len() + 5).sum();
    let most = whole as u64 + 1;
    let fake = Fake::new(most, move |number, peer| {
        let position = handshake_at(peer)?;
        let bytes: Vec<u8> = from_start_of(position).iter().flat_map(|frame| message(b'd', frame)).collect();
        // Counted over all connections: what was read to its end is not asked for again.
        let sent_before = whole - bytes.len();
        let cut = (number as usize).saturating_sub(sent_before).min(bytes.len());
        peer.send(&bytes[..cut])?;
        peer.hang_up()
    });
    let host = start(&fake, &[("retry.max_elapsed_ms", "0")]);
    check_whole(&host);
    assert!(host.stats().reconnects > 100);
}

/// The COPY ended in good order, by an error of each sort, or by an end of everything, behind each message.
#[test]
fn the_copy_ended_behind_each_message() {
    let done = [message(b'c', b""), message(b'C', b"COPY 0\0"), ready()].concat();
    let cases: [(Vec<u8>, Option<Code>); 6] = [
        (done, None),
        (error(b'E', "FATAL", "57P01", "terminating\nconnection"), None),
        ([error(b'E', "ERROR", "58P01", "gone"), ready()].concat(), Some(Code::E_SERVER)),
        ([error(b'E', "ERROR", "XX000", "broken"), ready()].concat(), Some(Code::E_SERVER)),
        ([error(b'E', "ERROR", "55000", "lost"), ready()].concat(), Some(Code::E_SERVER)),
        ([error(b'E', "\u{1b}[31m", "", "a\nb\r\u{7}c"), ready()].concat(), Some(Code::E_SERVER)),
    ];
    let count = two_transactions().len();
    for (end, code) in cases {
        for cut in 0..=count {
            let end = end.clone();
            let fake = Fake::new(2, move |number, peer| {
                let frames = from_start_of(handshake_at(peer)?);
                if number > 0 {
                    peer.copy(&frames)?;
                    peer.linger();
                    return Ok(());
                }
                peer.copy(&frames[..cut])?;
                peer.send(&end)?;
                peer.hang_up()
            });
            let host = start(&fake, &[("retry.max_elapsed_ms", "0")]);
            match code {
                None => check_whole(&host),
                Some(code) => {
                    let fault = host.failure();
                    assert!(fault.is(code), "behind {cut}: {fault:?}");
                    let texts = [&fault.message, &fault.detail, &fault.hint, &fault.sqlstate];
                    assert!(!texts.iter().any(|text| text.contains(char::is_control)), "{fault:?}");
                }
            }
            assert!(!host.log().iter().any(|line| line.contains(char::is_control)), "{:#?}", host.log());
        }
    }
}
