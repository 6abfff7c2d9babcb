//! The order of the house: floors import downwards, what is generated or quoted is current.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(dir: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

#[test]
fn floors_import_downwards_only() {
    let floors = [
        ("wire", ["pg", "model", "stream", "ffi"].as_slice()),
        ("model", &["pg", "stream", "ffi"]),
        ("pg", &["wire", "model", "stream", "ffi"]),
        ("stream", &["ffi"]),
    ];
    for (floor, above) in floors {
        let files = sources(&root().join("src").join(floor));
        assert!(!files.is_empty(), "{floor}");
        for (path, text) in files {
            for upper in above {
                assert!(
                    !text.contains(&format!("crate::{upper}::")),
                    "{} imports from {upper}",
                    path.display()
                );
                assert!(
                    !text.contains(&format!("use crate::{upper};")),
                    "{} imports {upper}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn unsafe_stays_on_its_floors() {
    for (path, text) in sources(&root().join("src")) {
        let floor = path.strip_prefix(root().join("src")).unwrap().components().next().unwrap();
        let floor = floor.as_os_str().to_string_lossy().into_owned();
        if !["pg", "ffi", "model"].contains(&floor.as_str()) && path.file_name().unwrap() != "lib.rs" {
            let forbids = text.contains("#![forbid(unsafe_code)]") || !text.contains("unsafe");
            assert!(forbids, "{} does not forbid unsafe code", path.display());
        }
    }
}

#[test]
fn the_committed_header_is_the_generated_one() {
    let committed = fs::read_to_string(root().join("include/walstream.h")).unwrap();
    let generated = include_str!(env!("WALSTREAM_GENERATED_HEADER"));
    assert!(committed == generated, "include/walstream.h is stale: run make header");
}

#[test]
fn the_readme_shows_the_quickstart() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for name in ["quickstart.c", "quickstart.cpp"] {
        let quickstart = fs::read_to_string(root().join("c-examples").join(name)).unwrap();
        assert!(readme.contains(quickstart.trim_end()), "README.md shows another {name}");
        assert!(quickstart.lines().count() < 60);
    }
}
