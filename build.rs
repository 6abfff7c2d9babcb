//! Generates the C header from src/model and src/ffi into OUT_DIR (never into the source tree, which may be
//! read-only) and gives the shared library its SONAME. `make header` copies the result to include/.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// The floors that declare what a C program sees. Items come in the order of their `mod` lines.
const FLOORS: [&str; 2] = ["src/model", "src/ffi"];

fn main() {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let header = PathBuf::from(variable("OUT_DIR")).join("walstream.h");
    generate(&root, &header);
    println!("cargo:rustc-env=WALSTREAM_GENERATED_HEADER={}", header.display());
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=cbindgen.toml");
    link_arguments();
}

fn generate(root: &Path, header: &Path) {
    let mut config = match cbindgen::Config::from_file(root.join("cbindgen.toml")) {
        Ok(config) => config,
        Err(error) => panic!("cbindgen.toml: {error}"),
    };
    config.after_includes = config.after_includes.map(with_version);

    let mut builder = cbindgen::Builder::new().with_config(config);
    for floor in FLOORS.map(|floor| root.join(floor)) {
        println!("cargo:rerun-if-changed={}", floor.display());
        let module = floor.join("mod.rs");
        if module.exists() {
            builder = builder.with_src(module);
        }
    }
    match builder.generate() {
        Ok(bindings) => {
            bindings.write_to_file(header);
        }
        // A syntax error in our own source: rustc reports it better, so leave the word to it.
        Err(error) => {
            println!("cargo:warning=walstream.h was not generated: {error}");
            if let Err(error) = fs::write(header, "") {
                panic!("{}: {error}", header.display());
            }
        }
    }
}

/// One place holds the version: Cargo.toml.
fn with_version(text: String) -> String {
    ["MAJOR", "MINOR", "PATCH"].iter().fold(text, |text, part| {
        text.replace(&format!("@{part}@"), &variable(&format!("CARGO_PKG_VERSION_{part}")))
    })
}

fn link_arguments() {
    if variable("CARGO_CFG_TARGET_OS") == "linux" {
        let major = variable("CARGO_PKG_VERSION_MAJOR");
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libwalstream.so.{major}");
        // Its threads may outlive walstream_free by a moment: unloading would pull the code from under them.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}

fn variable(name: &str) -> String {
    // Cargo sets every variable asked for here.
    env::var(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}
