//! c-examples/check.c: for a person, and for programs.

use std::path::Path;
use std::process::{Command, Output};

use crate::on_each_major;
use crate::support::server::majors;

/// Compiled, and beside it the library that the tests were linked with, under its SONAME.
fn run(arguments: &[&str]) -> Output {
    static BUILT: std::sync::OnceLock<tempfile::TempDir> = std::sync::OnceLock::new();
    let dir = BUILT.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let library = std::env::current_exe().unwrap().parent().unwrap().join("libwalstream.so");
        std::os::unix::fs::symlink(&library, dir.path().join("libwalstream.so.0")).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let status = Command::new("cc")
            .args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g", "-I"])
            .arg(root.join("include"))
            .arg(root.join("c-examples/check.c"))
            .arg("-o")
            .arg(dir.path().join("check"))
            .arg(&library)
            .status()
            .unwrap();
        assert!(status.success());
        dir
    });
    let mut command = Command::new(dir.path().join("check"));
    command.env("LD_LIBRARY_PATH", dir.path()).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

on_each_major! {
    fn what_it_prints(case, from 14) {
        if majors()[0] != case.server.major() {
            return;
        }
        case.sql.run("CREATE TABLE \"qu\"\"ote\\\" (id int); CREATE PUBLICATION pub FOR ALL TABLES");
        let slot = format!("slot={}", case.slot());
        let conninfo = case.conninfo();
        let output = run(&[&conninfo, &slot, "publication=pub"]);
        let lines: Vec<_> = text(&output.stdout).lines().collect();
        assert_eq!(output.status.code(), Some(1), "{lines:?}");
        assert!(lines[0].starts_with("error: ") && lines[0].ends_with("[slot-missing]"), "{lines:?}");
        assert!(lines[1].starts_with("  to do: "), "{lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("warning: ") && line.ends_with("[replica-identity]")));

        let output = run(&["--json", &conninfo, &slot, "publication=pub"]);
        assert_eq!(output.status.code(), Some(1));
        // The server reads it.
        let json = text(&output.stdout).replace('\'', "''");
        let found = case.sql.rows(&format!(
            "SELECT f->>'severity', f->>'code', f->>'object' FROM json_array_elements('{json}'::json->'findings') f \
             WHERE f->>'code' IN ('slot-missing', 'replica-identity')"));
        let found: Vec<Vec<_>> = found.into_iter().map(|row| row.into_iter().map(Option::unwrap).collect()).collect();
        assert_eq!(found, [
            ["error", "slot-missing", case.slot()],
            ["warning", "replica-identity", "public.\"qu\"\"ote\\\""],
        ]);

        let output = run(&["--json", "host=127.0.0.1 port=1"]);
        assert_eq!(output.status.code(), Some(1));
        let json = text(&output.stdout).replace('\'', "''");
        assert_eq!(case.sql.value(&format!("SELECT '{json}'::json->'error'->>'code'")), "WALSTREAM_E_CONNECT");
        assert_eq!(run(&["host=127.0.0.1 port=1"]).status.code(), Some(1));
        assert_eq!(run(&[]).status.code(), Some(2));
        assert_eq!(run(&["--jsom", "x"]).status.code(), Some(2));

        case.sql.run("DROP TABLE \"qu\"\"ote\\\"; CREATE TABLE t (id int PRIMARY KEY)");
        case.sql.run(&format!("SELECT pg_create_logical_replication_slot('{}', 'pgoutput')", case.slot()));
        let output = run(&[&conninfo, &slot, "publication=pub"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    }
}
