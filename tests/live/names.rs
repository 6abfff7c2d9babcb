//! Names with everything in them that could end a command early: quoted, or refused before anything is sent.

use walstream::model::Code;

use crate::on_each_major;
use crate::support::Host;

const HOSTILE: [&str; 9] = [
    "; DROP TABLE t; --",
    "'); DROP TABLE t; --",
    "' \"proto_version\" '9'",
    "\\'; SELECT 1; --",
    "new\nline; DROP TABLE t",
    "tab\tand\rreturn",
    "/* comment",
    "\u{1f4a9} \u{202e}",
    "$1 $$ %s %n",
];

on_each_major! {
    fn publications(case, from 14) {
        case.sql.run("CREATE TABLE t (id int)");
        case.publish();
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        for name in HOSTILE.iter().copied().chain(["\"; DROP TABLE t; --", "\"\"", "a\"'\"b"]) {
            // Unknown: looked for by name, not run.
            let fault = case.host(&[("publication", &quoted(name))]).try_start(0).unwrap_err();
            assert!(fault.is(Code::E_PUBLICATION), "{name:?}: {fault:?}");
            case.sql.run(&format!("CREATE PUBLICATION {} FOR TABLE t", quoted(name)));
        }
        let slot = format!("{}_2", case.slot());
        case.sql.run(&format!("SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')"));
        case.sql.run("INSERT INTO t VALUES (1)");
        let names: Vec<_> = HOSTILE.iter().copied().chain(["\"; DROP TABLE t; --", "\"\"", "a\"'\"b"]).map(quoted).collect();
        let host = case.host(&[("slot", &slot), ("publication", &names.join(", "))]);
        host.start(0);
        assert!(host.entries(1).iter().any(|event| event.table == "public.t"));
        assert_eq!(case.sql.value("SELECT count(*) FROM t"), "1");
    }

    fn options_of_a_plugin(case, from 14) {
        case.sql.run("CREATE TABLE t (id int)");
        let slot = case.slot().to_owned();
        case.sql.run(&format!("SELECT pg_create_logical_replication_slot('{slot}', 'test_decoding')"));
        let try_start = |key: &str, value: &str| {
            Host::try_open(&case.conninfo(), &[("slot", &slot), ("plugin", "test_decoding"), (key, value)])
                .and_then(|host| host.try_start(0))
        };
        for name in HOSTILE {
            let fault = try_start(&format!("plugin.{name}"), "on").unwrap_err();
            assert!(fault.is(Code::E_SERVER) || fault.is(Code::E_ARGUMENT), "{name:?}: {fault:?}");
            assert!(fault.sqlstate != "42601", "it became a command: {fault:?}");
            let fault = try_start("plugin.include-xids", name).unwrap_err();
            assert!(fault.is(Code::E_SERVER) && fault.sqlstate != "42601", "{name:?}: {fault:?}");
        }
        // A quote cannot be written in a replication command's name.
        for name in ["\"", "x\" 'on') ; DROP_REPLICATION_SLOT y --"] {
            let fault = try_start(&format!("plugin.{name}"), "on").unwrap_err();
            assert!(fault.is(Code::E_ARGUMENT), "{name:?}: {fault:?}");
        }
        assert_eq!(case.slot_value("plugin"), "test_decoding");
    }

    fn slots_and_plugins(case, from 14) {
        case.publish();
        for name in HOSTILE.iter().copied().chain(["\"", "s\" LOGICAL 0/0; --", ""]) {
            let refused = Host::try_open(&case.conninfo(), &[("slot", name), ("publication", "pub")])
                .and_then(|host| host.try_start(0));
            assert!(refused.as_ref().unwrap_err().is(Code::E_ARGUMENT), "{name:?}: {refused:?}");
            let made = [("slot", "made"), ("slot.create", "if-missing"), ("plugin", name)];
            let fault = Host::try_open(&case.conninfo(), &made).and_then(|host| host.try_start(0)).unwrap_err();
            assert!(fault.sqlstate != "42601", "it became a command: {fault:?}");
        }
        assert_eq!(case.sql.value("SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'made'"), "0");
    }
}
