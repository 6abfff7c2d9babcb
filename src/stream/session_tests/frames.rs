//! What a server sends, byte by byte (also in tests/live), as the chapter "Logical Streaming Replication Protocol" describes it. Written
//! without the decoder, so that the two check each other.

/// All times: one second after PostgreSQL's epoch.
const TIME: i64 = 1_000_000;

/// A message as it comes, in its XLogData. The server leaves the position out (0) before an Origin.
pub fn data(lsn: u64, payload: &[u8]) -> Vec<u8> {
    cat(&[b"w", &lsn.to_be_bytes(), &lsn.to_be_bytes(), &TIME.to_be_bytes(), payload])
}

pub fn keepalive(end: u64, reply: bool) -> Vec<u8> {
    cat(&[b"k", &end.to_be_bytes(), &TIME.to_be_bytes(), &[u8::from(reply)]])
}

pub fn begin(commit_lsn: u64, xid: u32) -> Vec<u8> {
    cat(&[b"B", &commit_lsn.to_be_bytes(), &TIME.to_be_bytes(), &xid.to_be_bytes()])
}

pub fn commit(commit_lsn: u64, end: u64) -> Vec<u8> {
    cat(&[b"C\0", &commit_lsn.to_be_bytes(), &end.to_be_bytes(), &TIME.to_be_bytes()])
}

pub fn origin(name: &str) -> Vec<u8> {
    cat(&[b"O", &77_u64.to_be_bytes(), name.as_bytes(), b"\0"])
}

/// One text column, its key.
pub fn relation(oid: u32) -> Vec<u8> {
    relation_of(oid, &["id"])
}

/// With these text columns, all of its key.
pub fn relation_of(oid: u32, columns: &[&str]) -> Vec<u8> {
    let column =
        |name: &&str| cat(&[b"\x01", name.as_bytes(), b"\0", &25_u32.to_be_bytes(), &(-1_i32).to_be_bytes()]);
    let columns: Vec<_> = columns.iter().map(column).collect();
    let count = (columns.len() as u16).to_be_bytes();
    cat(&[b"R", &oid.to_be_bytes(), b"public\0t\0d", &count, &columns.concat()])
}

pub fn named_type(oid: u32) -> Vec<u8> {
    cat(&[b"Y", &oid.to_be_bytes(), b"public\0mood\0"])
}

pub fn insert(oid: u32, value: &str) -> Vec<u8> {
    insert_of(oid, &[value])
}

pub fn insert_of(oid: u32, values: &[&str]) -> Vec<u8> {
    let value = |value: &&str| cat(&[b"t", &(value.len() as u32).to_be_bytes(), value.as_bytes()]);
    let values: Vec<_> = values.iter().map(value).collect();
    let count = (values.len() as u16).to_be_bytes();
    cat(&[b"I", &oid.to_be_bytes(), b"N", &count, &values.concat()])
}

pub fn truncate(oid: u32) -> Vec<u8> {
    cat(&[b"T", &1_u32.to_be_bytes(), b"\0", &oid.to_be_bytes()])
}

pub fn message(transactional: bool, lsn: u64, content: &str) -> Vec<u8> {
    let size = (content.len() as u32).to_be_bytes();
    cat(&[b"M", &[u8::from(transactional)], &lsn.to_be_bytes(), b"p\0", &size, content.as_bytes()])
}

pub fn stream_start(xid: u32, first: bool) -> Vec<u8> {
    cat(&[b"S", &xid.to_be_bytes(), &[u8::from(first)]])
}

pub fn stream_stop() -> Vec<u8> {
    b"E".to_vec()
}

/// A message inside a stream block: behind its tag comes whose it is.
pub fn of(subxid: u32, message: &[u8]) -> Vec<u8> {
    cat(&[&message[..1], &subxid.to_be_bytes(), &message[1..]])
}

pub fn stream_commit(xid: u32, commit_lsn: u64, end: u64) -> Vec<u8> {
    let numbers = cat(&[&commit_lsn.to_be_bytes(), &end.to_be_bytes(), &TIME.to_be_bytes()]);
    cat(&[b"c", &xid.to_be_bytes(), b"\0", &numbers])
}

pub fn stream_abort(xid: u32, subxid: u32) -> Vec<u8> {
    cat(&[b"A", &xid.to_be_bytes(), &subxid.to_be_bytes()])
}

pub fn begin_prepare(prepare_lsn: u64, end: u64, xid: u32) -> Vec<u8> {
    let numbers = cat(&[&prepare_lsn.to_be_bytes(), &end.to_be_bytes(), &TIME.to_be_bytes()]);
    cat(&[b"b", &numbers, &xid.to_be_bytes(), b"gid\0"])
}

pub fn prepare(prepare_lsn: u64, end: u64, xid: u32) -> Vec<u8> {
    end_of_prepared(b'P', prepare_lsn, end, xid)
}

pub fn stream_prepare(prepare_lsn: u64, end: u64, xid: u32) -> Vec<u8> {
    end_of_prepared(b'p', prepare_lsn, end, xid)
}

pub fn commit_prepared(commit_lsn: u64, end: u64, xid: u32) -> Vec<u8> {
    end_of_prepared(b'K', commit_lsn, end, xid)
}

fn end_of_prepared(tag: u8, lsn: u64, end: u64, xid: u32) -> Vec<u8> {
    let numbers = cat(&[&lsn.to_be_bytes(), &end.to_be_bytes(), &TIME.to_be_bytes()]);
    cat(&[&[tag, 0], &numbers, &xid.to_be_bytes(), b"gid\0"])
}

pub fn rollback_prepared(prepare_end: u64, rollback_end: u64, xid: u32) -> Vec<u8> {
    let numbers = [prepare_end, rollback_end, TIME as u64, TIME as u64].map(u64::to_be_bytes).concat();
    cat(&[b"r\0", &numbers, &xid.to_be_bytes(), b"gid\0"])
}

fn cat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}
