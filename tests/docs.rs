//! docs/options.md, docs/events.md and docs/check.md say what the code says. With WALSTREAM_UPDATE_DOCS=1 they are written anew.

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
use walstream::stream::check::Rule;

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

const CHECK: &str = r#"# Before you start: check

`walstream_check(conninfo, config, &report, &error)` connects as a stream with this conninfo and config would, looks, and changes
nothing: no slot is made, moved or taken, nothing is SET. What it finds comes as a report, the worst first: severity, code,
object, message, and what to do.

```c
walstream_report *report;
const walstream_finding *finding;

if (walstream_check(conninfo, config, &report, &error) < 0) return fail(error);
for (size_t i = 0; (finding = walstream_report_finding(report, i)) != NULL; i++)
    printf("%s: %s; %s\n", finding->code, finding->message, finding->remedy);
walstream_report_free(report);
```

[c-examples/check.c](../c-examples/check.c) prints it for a person, and with `--json` for programs:

```sh
check 'host=db dbname=shop user=reader' slot=orders publication=shop
```

| Severity | Meaning |
|---|---|
| error | The stream does not start, or cannot go on. |
| warning | The stream runs, but something will be missing or go wrong later. |
| info | Worth knowing; nothing has to be done. |

Codes stay the same for ever; later versions may add some. Messages are for people, and may change.

## What is an error of the call

`WALSTREAM_OK` means that there was a connection to look through, or that pg_hba.conf forbids it. Where nothing answers, or
not to this user and password, `walstream_check` fails as `walstream_start` would: `E_CONNECT`, `E_AUTH` (wrong password, unknown
role), `E_SERVER` (no such database), `E_ARGUMENT`. When only the replication connection is refused, an ordinary one finds out why
and looks at the rest. Each connection, and the answers on it, may take `connect_timeout_ms`.

## mode=physical

A physical replication connection takes no SQL, so an ordinary one is made beside it: to the conninfo's database or, if there is
none of that name, to `postgres`. Publications, tables and transactions do not matter then, and are not looked at.

## What it cannot see

What changes after it has looked. Whether a publication was there at the slot's position: no catalog says, see
`publication-younger`. A pooler is told by the number of the server process, which it makes up; one that passes the real
number on is not seen. The network and the operating system are not looked at.

## Findings

This table is generated from the code's own.

| Code | Severity | Meaning |
|---|---|---|
"#;

#[test]
fn findings() {
    let mut page = String::from(CHECK);
    for rule in Rule::ALL {
        writeln!(page, "| `{}` | {} | {} |", rule.code(), rule.severities(), rule.meaning()).unwrap();
    }
    compare("check.md", &page);
}
