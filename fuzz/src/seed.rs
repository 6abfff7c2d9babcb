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
