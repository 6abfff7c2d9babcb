//! Hand-written messages for the tests of this floor: hexadecimal, one field a line, with its meaning beside it.

use super::message::{Decoded, Message};
use super::tag::Position;

/// One message and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub position: Position,
    table: &'static str,
}

pub const fn plain(table: &'static str) -> Sample {
    Sample { position: Position::Plain, table }
}

pub const fn in_block(table: &'static str) -> Sample {
    Sample { position: Position::InBlock, table }
}

impl Sample {
    pub fn bytes(&self) -> Vec<u8> {
        hex(self.table)
    }
}

/// Every sample of every family.
pub fn all() -> impl Iterator<Item = Sample> {
    let families = [
        super::txn::tests::SAMPLES,
        super::chunk::tests::SAMPLES,
        super::relation::tests::SAMPLES,
        super::row::tests::SAMPLES,
        super::logical::tests::SAMPLES,
    ];
    families.into_iter().flatten().copied()
}

/// The bytes of a table: on each line pairs of capital hexadecimal digits, up to the first other word.
pub fn hex(table: &str) -> Vec<u8> {
    let is_hex = |word: &&str| {
        word.len().is_multiple_of(2) && word.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b))
    };
    let mut bytes = Vec::new();
    for line in table.lines() {
        for word in line.split_ascii_whitespace().take_while(is_hex) {
            for at in (0..word.len()).step_by(2) {
                bytes.push(u8::from_str_radix(&word[at..at + 2], 16).unwrap());
            }
        }
    }
    bytes
}

/// What comes out of a good sample.
pub fn decode(sample: Sample) -> Decoded {
    Message::decode(&sample.bytes(), sample.position, &mut ()).unwrap()
}

/// What is said of bad bytes outside a stream block.
pub fn refused(bytes: &[u8]) -> String {
    Message::decode(bytes, Position::Plain, &mut ()).unwrap_err().to_string()
}

/// All beginnings of `bytes`, the empty one too, that are not all of it.
pub fn every_strict_prefix(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    (0..bytes.len()).map(|len| &bytes[..len])
}
