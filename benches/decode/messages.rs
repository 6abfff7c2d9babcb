//! Scripted messages, as the server sends them: the same for the walk, the decoder, the session and the peer.

const RELATION: u32 = 16_384;
/// Bytes of a frame before its payload.
pub const PAYLOAD: usize = 25;
pub const SHAPES: [&str; 5] = ["narrow", "one", "wide", "update", "big"];

/// A transaction, as frames.
pub struct Transaction {
    pub frames: Vec<Vec<u8>>,
    /// Frames with the positions in them that have to rise.
    next: u64,
}

pub fn frame(lsn: u64, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![b'w'];
    for number in [lsn, lsn, 800_000_000_000_000] {
        frame.extend(number.to_be_bytes());
    }
    frame.extend(payload);
    frame
}

fn tuple(values: &[String]) -> Vec<u8> {
    let mut bytes = (values.len() as u16).to_be_bytes().to_vec();
    for value in values {
        bytes.push(b't');
        bytes.extend((value.len() as u32).to_be_bytes());
        bytes.extend(value.bytes());
    }
    bytes
}

/// 5 columns of 110 bytes in all, or 20 of 490; `update` has both rows.
fn row(shape: &str, number: u64) -> Vec<u8> {
    let columns = if shape == "wide" { 20 } else { 5 };
    let values: Vec<_> = (0..columns).map(|column| format!("{:0>17}", number * 31 + column)).collect();
    let relation = RELATION.to_be_bytes();
    let new = tuple(&values);
    if shape == "update" {
        [b"U".as_slice(), &relation, b"O", &new, b"N", &new].concat()
    } else {
        [b"I".as_slice(), &relation, b"N", &new].concat()
    }
}

/// What the server tells of the table before its first row.
pub fn relation(shape: &str) -> Vec<u8> {
    let columns: u16 = if shape == "wide" { 20 } else { 5 };
    let mut bytes = [b"R".as_slice(), &RELATION.to_be_bytes(), b"public\0rows\0f"].concat();
    bytes.extend(columns.to_be_bytes());
    for column in 0..columns {
        bytes.push(1);
        bytes.extend(format!("c{column}\0").bytes());
        bytes.extend(25u32.to_be_bytes());
        bytes.extend((-1i32).to_be_bytes());
    }
    bytes
}

impl Transaction {
    pub fn new(shape: &str) -> Transaction {
        let rows = match shape {
            "one" => 1,
            // 10,000 messages, of which runs of callgrind hold whole multiples.
            "big" => 9_998,
            _ => 1000,
        };
        let time = 800_000_000_000_000u64.to_be_bytes();
        let none = 0u64.to_be_bytes();
        let mut frames = vec![frame(0, &[b"B".as_slice(), &none, &time, &700u32.to_be_bytes()].concat())];
        frames.extend((0..rows).map(|number| frame(0x100, &row(shape, number))));
        frames.push(frame(0, &[b"C\0".as_slice(), &none, &none, &time].concat()));
        Transaction { frames, next: 0x1000 }
    }

    /// One that only announces the table, before all others.
    pub fn first(shape: &str) -> Transaction {
        let mut first = Transaction::new("one");
        first.next = 0x800;
        first.renew();
        first.frames[1] = frame(0, &relation(shape));
        first
    }

    /// The next one: positions rise, the rows stay.
    pub fn renew(&mut self) {
        let (lsn, end) = (self.next, self.next + 0x30);
        self.next += 0x100;
        let last = self.frames.len() - 1;
        let mut put = |index: usize, at: usize, lsn: u64| {
            self.frames[index][at..at + 8].copy_from_slice(&lsn.to_be_bytes());
        };
        // XLogData's start, then what follows Begin's tag and Commit's tag and flags.
        put(0, 1, lsn - 0x10);
        put(0, 26, lsn);
        put(last, 1, end);
        put(last, 27, lsn);
        put(last, 35, end);
    }
}
