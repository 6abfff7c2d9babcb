//! Makes the first corpora, of the captures of real servers: `seed CAPTURES CORPUS`. Compiled on its own, without the
//! flags of the targets.

use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [captures, corpus] = arguments.as_slice() else { panic!("usage: seed CAPTURES CORPUS") };
    for entry in fs::read_dir(captures).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "hex") {
            seed(&path, corpus);
        }
    }
    for (name, text) in [
        ("conninfo", "host=a,b port=1,2 password='s e\\'c' options='-c a=b'"),
        ("uri", "postgresql://u:p%20w@[::1]:5432/db?sslmode=verify-full&target_session_attrs=any"),
        ("list", "a, \"b\"\"c\" , D"),
        ("position", "7412345678901234567:3:16/B374D848"),
        ("size", "16MB"),
    ] {
        write(corpus, "options", name, text.as_bytes());
    }
    for (name, bytes) in [
        ("history", &b"\x001\t0/3000060\tno recovery target specified\n\n# a comment\n2\t16/B374D848\twhy\n"[..]),
        ("archive", b"\x01nbase.tar\0/t\0"),
        ("progress", b"\x01p\0\0\0\0\0\0\x01\x02"),
        ("backup", b"\x02\0\0\x0anbase.tar\0\0\x01\0\x03abc\0\0\x01m\x01\0\x02{}"),
        ("wal", b"\x03\x01\0\x03abc\x01\0\x02de\0\0\x12k\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\0\x01"),
    ] {
        write(corpus, "backup", name, bytes);
    }
    // Columns: type, form, name, value. An array of text, jsonb, a float and a timestamp.
    for (name, bytes) in [
        ("array", &b"\0\x14\0\0\x01a\0\x0b{\"a b\",NULL}"[..]),
        ("json", b"\0\x12\0\0\x01a\0\x08{\"a\":[]}"),
        ("float", b"\0\x0a\0\0\x01a\0\x08-1.5e+08"),
        ("time", b"\0\x0d\0\0\x01a\0\x162024-02-29 12:34:56+00"),
    ] {
        write(corpus, "json", name, bytes);
    }
    // A version, then sets: columns, values, each with its mark and length. An identity, a slot, a timeline, a backup's start.
    for (name, bytes) in [
        ("identity", &b"\x12\x04\x04\x01\x0474-1\x01\x011\x01\x0816/B374D\x01\x02db"[..]),
        ("slot", b"\x0a\x08\x08\x01\x01p\x01\x07logical\x01\x01d\x01\x01f\0\x01\x030/1\x01\x030/2\0"),
        ("position", b"\x12\x03\x03\x01\x08physical\x01\x030/1\x01\x011"),
        ("history", b"\x12\x02\x02\x01\x1000000002.history\x01\x081\t0/1\tx\n"),
        ("backup", b"\x12\x02\x02\x01\x030/1\x01\x011\x03\x06\0\0\x01\x0290\x01\x0242\x01\x02/t\x01\x017"),
        ("size", b"\x12\x01\x01\x01\x0416MB"),
    ] {
        write(corpus, "result", name, bytes);
    }
    // A relation, a look at it, a transaction of its own, another definition.
    write(corpus, "catalog", "changed", b"\0\x01\x01a\x01b\0\x01\x01\x01c\0\x19\x06\x01\x05\0\x01\x01a\x01d\0\0\x05\0\x06\x01\x04\x06\x01");
}

fn seed(path: &Path, corpus: &Path) {
    let name = path.file_stem().unwrap().to_str().unwrap();
    // The session's: its options, then each message with its position.
    let mut session = vec![0];
    let mut in_block = false;
    for (number, line) in
        fs::read_to_string(path).unwrap().lines().filter(|line| !line.starts_with('#')).enumerate()
    {
        let (lsn, payload) = line.split_once(' ').unwrap();
        let (high, low) = lsn.split_once('/').unwrap();
        let half = |digits| u64::from_str_radix(digits, 16).unwrap();
        let lsn = (half(high) << 32 | half(low)).to_be_bytes();
        let payload: Vec<u8> = (0..payload.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&payload[at..at + 2], 16).unwrap())
            .collect();
        write(
            corpus,
            "decoder",
            &format!("{name}-{number}"),
            &[&[u8::from(in_block)], &payload[..]].concat(),
        );
        match payload[0] {
            b'S' => in_block = true,
            b'E' => in_block = false,
            _ => {}
        }
        let frame = [b"w", &lsn[..], &lsn, &[0; 8], &payload].concat();
        write(corpus, "frame", &format!("{name}-{number}"), &frame);
        session.push(0);
        session.extend((payload.len() as u16 + 8).to_be_bytes());
        session.extend(lsn);
        session.extend(&payload);
    }
    for cut in [session.len(), session.len() / 2, session.len() / 4] {
        write(corpus, "session", &format!("{name}-{cut}"), &session[..cut]);
    }
}

fn write(corpus: &Path, target: &str, name: &str, bytes: &[u8]) {
    let directory = corpus.join(target);
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join(name), bytes).unwrap();
}
