//! docs/options.md and docs/events.md say what the code says. With WALSTREAM_UPDATE_DOCS=1 they are written anew.

#[allow(dead_code, reason = "shared with the live tests, each uses a part")]
mod fields;

use std::ffi::{CStr, c_char};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use fields::{Filled, TABLE};
use walstream::ffi::walstream_option_at;
use walstream::model::Kind;
use walstream::model::event::EventFlag;

const UPDATE: &str = "WALSTREAM_UPDATE_DOCS";

fn compare(name: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&path, generated).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == generated, "docs/{name} is stale: run {UPDATE}=1 cargo test --test docs");
}

fn text(text: *const c_char) -> &'static str {
    // SAFETY: the option table is static.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap()
}

#[test]
fn options() {
    let mut page = String::from(
        "# Options\n\n\
         Set with `walstream_config_set(config, \"name\", \"value\", &error)`. All values are text. NULL brings the default back. A name or \
         value that is not allowed is `WALSTREAM_E_ARGUMENT`, and the message says what is. `walstream_option_at` gives this table to \
         programs.\n\n\
         This page is generated from the code's own table.\n\n\
         | Option | Default | Allowed |\n|---|---|---|\n",
    );
    let mut details = String::new();
    let mut count = 0;
    for index in 0.. {
        let option = walstream_option_at(index);
        // SAFETY: NULL or static.
        let Some(option) = (unsafe { option.as_ref() }) else { break };
        let (name, default) = (text(option.name), text(option.default_value));
        let default = if default.is_empty() { "none".to_owned() } else { format!("`{default}`") };
        let anchor = name.replace(['.'], "");
        writeln!(page, "| [`{name}`](#{anchor}) | {default} | {} |", text(option.allowed)).unwrap();
        write!(details, "\n## `{name}`\n\n{}\n", text(option.help)).unwrap();
        count += 1;
    }
    assert!(count > 30, "{count} options");
    page.push_str("| `plugin.NAME` | not set | any text |\n");
    page.push_str(&details);
    page.push_str("\n## `plugin.NAME`\n\nPassed on to the output plugin as its option NAME.\n");
    compare("options.md", &page);
}

#[test]
fn events() {
    let kinds: Vec<_> = TABLE.iter().map(|row| row.kind).collect();
    assert_eq!(kinds, Kind::ALL.map(|(kind, _)| kind), "each kind once, in order");
    let mut page = String::from(
        "# Events\n\n\
         Which fields of `walstream_event` each kind fills. A field that is not named is 0 or NULL. The live tests hold every event \
         that they see against the table that this page is generated from. What the fields mean is in \
         [walstream.h](../include/walstream.h), what is guaranteed in [delivery.md](delivery.md).\n\n\
         `new_values` comes with `new_count`, `old_values` with `old_count` and `old_kind`, `name` with `name_len`, `payload` with \
         `payload_len`, arrays behind `detail` with `detail_count`.\n",
    );
    for (row, (_, name)) in TABLE.iter().zip(Kind::ALL) {
        write!(page, "\n## {}\n\n{}\n", name.to_str().unwrap(), row.what).unwrap();
        if !row.fields.is_empty() {
            page.push_str("\n| Field | Filled | With |\n|---|---|---|\n");
        }
        for field in row.fields {
            let (name, when, what) = match field {
                Filled::Always(name, what) => (name, "always", what),
                Filled::Sometimes(name, what) => (name, "sometimes", what),
            };
            writeln!(page, "| `{name}` | {when} | {what} |").unwrap();
        }
        let flags: Vec<_> = row.flags.iter().map(|flag| format!("`{}`", flag_name(*flag))).collect();
        if !flags.is_empty() {
            writeln!(page, "\nFlags: {}.", flags.join(", ")).unwrap();
        }
    }
    compare("events.md", &page);
}

fn flag_name(flag: EventFlag) -> String {
    format!("WALSTREAM_EVENT_{flag:?}")
}
