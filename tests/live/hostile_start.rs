//! A server that lies before the stream begins: about TLS, about itself, in every answer of the handshake.

use std::time::{Duration, Instant};

use walstream::model::Code;

use crate::hostile::{OPTIONS, open};
use crate::support::fake::{answer, authentication_ok, error, message, one_row, parameter, ready};
use crate::support::{Fake, Host, alone};

/// Every answer of the handshake replaced by every kind of nonsense: start fails in time, with an error of ours.
#[test]
fn a_handshake_of_lies() {
    alone("hostile_start::a_handshake_of_lies", 0, lies);
}

fn lies() {
    // The number of the message, and of the question in it.
    const QUESTIONS: [(usize, usize); 7] = [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (1, 0), (2, 0)];
    let wild: [&[Option<&str>]; 6] = [
        &[None; 16],
        &[Some(""); 16],
        &[Some("999999999999999999999999999"); 16],
        &[Some("FFFFFFFF/FFFFFFFF"); 16],
        &[Some("\u{1f4a9}\n'\"; DROP"); 16],
        &[Some("1")],
    ];
    let columns = ["c"; 16];
    let mut lies: Vec<(String, Vec<u8>)> = wild
        .iter()
        .map(|values| (format!("{values:?}"), one_row(&columns[..values.len()], values)))
        .collect();
    lies.extend([
        ("no rows".to_owned(), [message(b'T', &[0, 0]), message(b'C', b"SELECT 0\0")].concat()),
        ("nothing".to_owned(), message(b'I', b"")),
        ("a copy out".to_owned(), message(b'H', &[0, 0, 0])),
        ("a copy in".to_owned(), message(b'G', &[0, 0, 0])),
        ("a copy both".to_owned(), message(b'W', &[0, 0, 0])),
        ("an error".to_owned(), error(b'E', "ERROR", "XX000", "no")),
        ("a fatal error".to_owned(), error(b'E', "FATAL", "XX000", "no")),
        ("a row before its description".to_owned(), message(b'D', &[0, 1, 0, 0, 0, 1, 65])),
        ("noise".to_owned(), vec![0xA5; 4096]),
        ("two answers".to_owned(), one_row(&["c"], &[Some("1")]).repeat(2)),
        ("a width of 1 GB".to_owned(), [message(b'T', &[0, 1]), b"D\x3f\xff\xff\xff".to_vec()].concat()),
    ]);
    for (at, question) in QUESTIONS {
        for (what, lie) in &lies {
            let (lie, context) =
                (lie.clone(), format!("question {question} of message {at} answered by {what}"));
            let fake = Fake::new(1, move |_, peer| {
                peer.welcome()?;
                peer.answer_queries(|number, query| {
                    (number == at).then(|| answer(query, Some((question, &lie))))
                })?;
                peer.linger();
                Ok(())
            });
            let host = open(&fake, &[("connect_timeout_ms", "300")]);
            let began = Instant::now();
            // Some lies are as good as the truth: a slot at another position, no answer to a SET.
            if let Err(fault) = host.try_start(0) {
                let typed = [
                    Code::E_PROTOCOL,
                    Code::E_CONNECT,
                    Code::E_SERVER,
                    Code::E_ARGUMENT,
                    Code::E_PUBLICATION,
                    Code::E_SLOT_MISSING,
                    Code::E_SLOT_LOST,
                    Code::E_GAP,
                ];
                assert!(typed.into_iter().any(|code| fault.is(code)), "{context}: {fault:?}");
            }
            assert!(began.elapsed() < Duration::from_secs(5), "{context}");
            let began = Instant::now();
            drop(host);
            assert!(began.elapsed() < Duration::from_secs(2), "{context}: free");
        }
    }
}

#[test]
fn a_server_that_says_nothing_is_left_in_time() {
    for silent_from in 0..4 {
        let fake = Fake::new(1, move |_, peer| {
            if silent_from > 0 {
                peer.welcome()?;
                peer.answer_queries(|number, _| (number + 1 >= silent_from).then(Vec::new))?;
            }
            peer.linger();
            Ok(())
        });
        let host = open(&fake, &[("connect_timeout_ms", "100")]);
        let began = Instant::now();
        let fault = host.try_start(0).unwrap_err();
        assert!(fault.is(Code::E_CONNECT), "{fault:?}");
        assert!(began.elapsed() < Duration::from_secs(3), "silent from {silent_from} on");
    }
}

#[test]
fn a_welcome_of_lies() {
    alone("hostile_start::a_welcome_of_lies", 0, welcomes);
}

fn welcomes() {
    let long = "x".repeat(1 << 20);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("noise", vec![0xA5; 100]),
        ("an unknown authentication", message(b'R', &[0, 0, 0, 99])),
        ("an authentication cut short", message(b'R', &[0])),
        ("a SASL of nothing", message(b'R', &[0, 0, 0, 10, 0])),
        ("a SASL end before its beginning", message(b'R', &[0, 0, 0, 12, 1, 2, 3])),
        ("an error of 1 MB", error(b'E', "FATAL", "XX000", &long)),
        ("an error in one byte", b"E".to_vec()),
        ("no version", [authentication_ok(), ready()].concat()),
        (
            "a wild version",
            [authentication_ok(), parameter("server_version", "99999999999999.-1"), ready()].concat(),
        ),
        ("an old version", [authentication_ok(), parameter("server_version", "9.6"), ready()].concat()),
    ];
    for (what, bytes) in cases {
        let fake = Fake::new(1, move |_, peer| {
            peer.startup()?;
            peer.send(&bytes)?;
            peer.linger();
            Ok(())
        });
        let fault = open(&fake, &[("connect_timeout_ms", "300")]).try_start(0).unwrap_err();
        let typed = [Code::E_CONNECT, Code::E_SERVER, Code::E_AUTH, Code::E_UNSUPPORTED, Code::E_PROTOCOL];
        assert!(typed.into_iter().any(|code| fault.is(code)), "{what}: {fault:?}");
        assert!(fault.message.len() < 64 << 10, "{what}");
    }
}

/// Somebody in between answers the request for TLS. Neither name nor password may reach it.
#[test]
fn plaintext_after_the_request_for_tls() {
    let forged = [authentication_ok(), parameter("server_version", "15.4"), ready()].concat();
    let answers: [Vec<u8>; 5] = [
        b"N".to_vec(),
        [b"S", &forged[..]].concat(),
        forged.clone(),
        error(b'E', "FATAL", "08P01", "no TLS here"),
        b"S\x16\x03\x01\0\x02xx".to_vec(),
    ];
    for answer in answers {
        let (sender, receiver) = std::sync::mpsc::channel();
        let sent = answer.clone();
        let fake = Fake::new(1, move |_, peer| {
            let (request, parameters) = peer.startup()?;
            peer.send(&sent)?;
            sender.send((request, parameters, peer.linger())).unwrap();
            Ok(())
        });
        let conninfo = format!(
            "host=127.0.0.1 port={} user=somebody password=secretword dbname=db sslmode=require gssencmode=disable",
            fake.port()
        );
        let options = [&OPTIONS[..], &[("connect_timeout_ms", "500")]].concat();
        let host = Host::open(&conninfo, &options);
        let fault = host.try_start(0).unwrap_err();
        assert!(fault.is(Code::E_CONNECT), "{answer:?}: {fault:?}");
        drop(host);
        let (request, parameters, rest) = receiver.recv_timeout(Duration::from_secs(5)).unwrap();
        assert_eq!(
            (request, parameters),
            (80_877_103, Vec::new()),
            "the request for TLS, and nothing with it"
        );
        for secret in ["somebody", "secretword"] {
            assert!(!rest.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
    }
}
