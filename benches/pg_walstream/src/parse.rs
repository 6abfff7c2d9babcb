//! The crate's parser alone, with the messages that benches/decode dumped: the way its stream calls it.

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use pg_walstream::LogicalReplicationParser;

const ROUNDS: usize = 7;

fn read(path: &str) -> std::io::Result<Vec<Bytes>> {
    let file = Bytes::from(std::fs::read(path)?);
    let (mut messages, mut at) = (Vec::new(), 0);
    while let Some(length) = file[at..].first_chunk::<4>() {
        let end = at + 4 + u32::from_be_bytes(*length) as usize;
        messages.push(file.slice(at + 4..end));
        at = end;
    }
    Ok(messages)
}

/// Nanoseconds a message: the quickest round, as of the others.
pub fn times(path: &str, wanted: usize) -> Result<f64, Box<dyn std::error::Error>> {
    let messages = read(path)?;
    // The first three announce the table.
    let (first, messages) = messages.split_at(3);
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let mut parser = LogicalReplicationParser::with_protocol_version(1);
        for message in first {
            parser.parse_wal_message_bytes(message.clone())?;
        }
        let (mut done, started) = (0, Instant::now());
        while done < wanted {
            for message in messages {
                black_box(parser.parse_wal_message_bytes(black_box(message).clone())?);
            }
            done += messages.len();
        }
        best = best.min(started.elapsed().as_nanos() as f64 / done as f64);
    }
    Ok(best)
}
