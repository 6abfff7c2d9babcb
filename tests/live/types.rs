//! Every class of built-in type, through to the host, in text and in binary form: what SELECT gives in a session that is
//! pinned the same way, and what the server's own send functions give.

use std::fmt::Write;

use walstream::model::Kind;

use crate::on_each_major;
use crate::support::{Case, Host, Seen, Sql, Val};

/// delivery-rules.md, 5.
const PINNED: &str = "SET client_encoding = 'UTF8'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; \
                      SET extra_float_digits = 3; SET TimeZone = 'UTC'; SET bytea_output = 'hex'; SET lc_monetary = 'C'; SET search_path = ''";

/// What would change every text, if the stream took it over.
const MISLEADING: [&str; 7] = [
    "DateStyle = 'SQL, DMY'",
    "IntervalStyle = 'iso_8601'",
    "extra_float_digits = -3",
    "TimeZone = 'Asia/Tokyo'",
    "bytea_output = 'escape'",
    "client_encoding = 'LATIN1'",
    "search_path = 'pg_catalog'",
];

const TYPES: &[(&str, &[&str])] = &[
    ("bool", &["true", "false"]),
    ("int2", &["-32768", "32767", "0"]),
    ("int4", &["-2147483648", "2147483647", "0"]),
    ("int8", &["-9223372036854775808", "9223372036854775807", "0"]),
    ("float4", &["NaN", "Infinity", "-Infinity", "-0", "3.4028235e38", "1e-45", "0.1"]),
    ("float8", &["NaN", "Infinity", "-Infinity", "-0", "1.7976931348623157e308", "5e-324", "0.1"]),
    ("numeric", &["NaN", "Infinity", "-Infinity", "-1.50", "1e-20", "0", NINES]),
    ("numeric(10,2)", &["12345678.90", "-0.01"]),
    (
        "text",
        &["", "plain", "Ελλάδα Привет", "日本語", "العربية עברית", "🐘", "a\tb\nc\\d'e\"f", "{NULL,\"x\"}"],
    ),
    ("varchar(5)", &["", "żółw"]),
    ("char(5)", &["", "ab"]),
    ("name", &["a name"]),
    ("\"char\"", &["x", ""]),
    ("bytea", &["\\x", "\\x00ff5c27"]),
    ("json", &["{\"b\" : 1, \"a\":[null]}", "null"]),
    ("jsonb", &["{\"b\" : 1, \"a\":[null]}", "\"\\u20ac\""]),
    ("jsonpath", &["$.a[*] ? (@ > 1)"]),
    ("int4[]", &["{}", "{1,NULL,3}", "[0:1]={1,2}", "{{1,2},{3,4}}"]),
    ("text[]", &["{\"\",\"NULL\",NULL,\"a,b\",\"\\\"\"}"]),
    ("public.pair", &["(1,x)", "(,)", "(2,\"a,\"\"b\")"]),
    ("public.pair[]", &["{\"(1,x)\",NULL}"]),
    ("public.mood", &["sad", "happy days"]),
    ("public.mood[]", &["{sad,\"happy days\"}"]),
    ("public.small", &["99"]),
    ("int4range", &["empty", "[1,5)", "(,)", "[3,)"]),
    ("int8range", &["[1,5]"]),
    ("numrange", &["(1.5,2.5]"]),
    ("daterange", &["[2020-01-01,infinity)"]),
    ("tsrange", &["[2020-01-01 12:00,2021-01-01 12:00)"]),
    ("tstzrange", &["[2020-01-01 12:00+05,)"]),
    ("int4multirange", &["{}", "{[1,3),[5,7)}"]),
    ("datemultirange", &["{[2020-01-01,2020-02-01)}"]),
    ("uuid", &["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
    ("inet", &["192.168.0.1/24", "::1", "10.0.0.1"]),
    ("cidr", &["10.0.0.0/8", "2001:db8::/32"]),
    ("macaddr", &["08:00:2b:01:02:03"]),
    ("macaddr8", &["08:00:2b:01:02:03:04:05"]),
    ("date", &["2020-02-29", "infinity", "-infinity", "4713-01-01 BC", "0044-03-15 BC", "5874897-12-31"]),
    ("time", &["00:00", "24:00", "12:34:56.789012"]),
    ("timetz", &["12:34:56+05:30"]),
    (
        "timestamp",
        &["2020-01-01 00:00", "infinity", "-infinity", "0044-03-15 12:00 BC", "294276-12-31 23:59:59.999999"],
    ),
    ("timestamptz", &["2020-01-01 00:00+02", "infinity", "-infinity", "0044-03-15 12:00+00 BC"]),
    ("interval", &["0", "1 year 2 mons -3 days 04:05:06.789", "-178000000 years", "1 microsecond"]),
    ("bit(5)", &["10101"]),
    ("varbit", &["", "101010101"]),
    ("money", &["-1234.56", "92233720368547758.07"]),
    ("tsvector", &["'a fat cat':1A 'sat':2,3", ""]),
    ("tsquery", &["fat & (rat | !cat)"]),
    ("oid", &["4294967295", "0"]),
    ("regclass", &["pg_catalog.pg_class", "-"]),
    ("regproc", &["pg_catalog.now"]),
    ("regprocedure", &["pg_catalog.abs(integer)"]),
    ("regtype", &["integer", "public.mood"]),
    ("regnamespace", &["public"]),
    ("regrole", &["postgres"]),
    ("regconfig", &["pg_catalog.english"]),
    ("xid", &["4294967295"]),
    ("xid8", &["18446744073709551615"]),
    ("cid", &["7"]),
    ("tid", &["(42,7)"]),
    ("pg_lsn", &["16/B374D848"]),
    ("pg_snapshot", &["10:20:10,14,15"]),
    ("point", &["(1.5,-2)"]),
    ("line", &["{1,2,3}"]),
    ("lseg", &["[(1,2),(3,4)]"]),
    ("box", &["(3,4),(1,2)"]),
    ("path", &["[(1,2),(3,4)]", "((1,2),(3,4))"]),
    ("polygon", &["((1,2),(3,4),(5,6))"]),
    ("circle", &["<(1,2),3>"]),
    ("oidvector", &["1 2 3"]),
    // Without a send function: text in a binary row.
    ("aclitem", &["postgres=r*w/postgres"]),
    ("pg_catalog.gtsvector", &[]),
];

/// Stands for a thousand digits on both sides of the point.
const NINES: &str = "<nines>";

/// The types of this server.
fn types(case: &mut Case<'_>) -> Vec<(&'static str, Vec<String>)> {
    let nines = format!("{0}.{0}", "9".repeat(1000));
    let value = |value: &&str| if *value == NINES { nines.clone() } else { (*value).to_owned() };
    let mut types: Vec<_> =
        TYPES.iter().map(|(name, values)| (*name, values.iter().map(value).collect())).collect();
    if case.server.major() >= 17 {
        types.push(("interval", vec!["infinity".to_owned(), "-infinity".to_owned()]));
    }
    // Not every build has it.
    if case.sql.try_run("SELECT '<a/>'::xml").is_ok() {
        types.push(("xml", vec!["<a b=\"c\">ü</a>".to_owned(), "text".to_owned()]));
    } else {
        eprintln!("PostgreSQL {}: built without xml", case.server.major());
    }
    types
}

/// A table with a column for each type, and as many rows as the longest list of values needs.
fn fill(case: &mut Case<'_>) -> usize {
    let types = types(case);
    let columns: String = types.iter().enumerate().fold(String::new(), |mut text, (index, (name, _))| {
        write!(text, ", c{index} {name}").unwrap();
        text
    });
    case.sql.run("SET client_encoding = 'UTF8'");
    case.sql.each(&[
        "CREATE TYPE public.pair AS (a int, b text)",
        "CREATE TYPE public.mood AS ENUM ('sad', 'happy days')",
        "CREATE DOMAIN public.small AS int CHECK (VALUE < 100)",
        &format!("CREATE TABLE public.v (id int PRIMARY KEY{columns})"),
    ]);
    case.publish();
    let rows = types.iter().map(|(_, values)| values.len()).max().unwrap() + 1;
    for row in 0..rows {
        let values = types.iter().fold(row.to_string(), |mut text, (_, values)| {
            match values.get(row) {
                Some(value) => write!(text, ", $v${value}$v$").unwrap(),
                None => text.push_str(", NULL"),
            }
            text
        });
        case.sql.run(&format!("INSERT INTO public.v VALUES ({values})"));
    }
    case.sql.run("ALTER TABLE public.v REPLICA IDENTITY FULL");
    rows
}

fn mislead(case: &mut Case<'_>) {
    for setting in MISLEADING {
        let sql = format!("ALTER DATABASE {} SET {setting}", case.database);
        case.sql.run(&sql);
    }
}

fn texts(rows: Vec<Vec<Option<String>>>) -> Vec<Vec<Val>> {
    let value = |value: Option<String>| value.map_or(Val::Null, Val::Text);
    rows.into_iter().map(|row| row.into_iter().map(value).collect()).collect()
}

/// Rows of INSERTs, then of the DELETEs of the same.
fn changes(host: &Host, rows: usize) -> (Vec<Vec<Val>>, Vec<Vec<Val>>) {
    let (mut new, mut old) = (Vec::new(), Vec::new());
    while old.len() < rows {
        match host.event() {
            event if event.is(Kind::INSERT) => new.push(event.new),
            event if event.is(Kind::DELETE) => old.push(event.old),
            _ => {}
        }
    }
    (new, old)
}

fn assert_rows(seen: &[Vec<Val>], expected: &[Vec<Val>], names: &[Vec<Option<String>>]) {
    assert_eq!(seen.len(), expected.len());
    for (seen, expected) in seen.iter().zip(expected) {
        for (index, (seen, expected)) in seen.iter().zip(expected).enumerate() {
            assert_eq!(seen, expected, "{:?}", names[index]);
        }
        assert_eq!(seen.len(), expected.len());
    }
}

/// Name, type and send function of each column.
fn columns(sql: &mut Sql) -> Vec<Vec<Option<String>>> {
    sql.rows(
        "SELECT attname, atttypid::regtype, nullif(typsend, 0)::regproc FROM pg_attribute JOIN pg_type t ON t.oid = atttypid \
         WHERE attrelid = 'public.v'::regclass AND attnum > 0 ORDER BY attnum",
    )
}

on_each_major! {
    /// As SELECT gives it in a pinned session, whatever the database's own settings are.
    fn text(case, from 14) {
        let rows = fill(case);
        case.sql.run(PINNED);
        let expected = texts(case.sql.rows("SELECT * FROM public.v ORDER BY id"));
        case.sql.run("DELETE FROM public.v");
        mislead(case);
        let names = columns(&mut case.sql);
        for streaming in ["off", "on"] {
            let host = case.stream(&[("streaming", streaming)]);
            let (new, old) = changes(&host, rows);
            assert_rows(&new, &expected, &names);
            assert_rows(&old, &expected, &names);
            host.stop(5000);
        }
        assert!(expected.iter().flatten().any(|value| matches!(value, Val::Text(text) if text.len() == 2001)));
    }

    /// As the types' send functions give it; those without one stay text.
    fn binary(case, from 14) {
        let rows = fill(case);
        case.sql.run(PINNED);
        let names = columns(&mut case.sql);
        let list: Vec<_> = names
            .iter()
            .map(|column| match &column[2] {
                // json_send and its like are found by their argument.
                Some(send) => format!("encode({send}({}), 'hex')", column[0].as_ref().unwrap()),
                None => column[0].clone().unwrap(),
            })
            .collect();
        let told = case.sql.rows(&format!("SELECT {} FROM public.v ORDER BY id", list.join(", ")));
        case.sql.run("DELETE FROM public.v");
        mislead(case);
        let value = |(index, value): (usize, Option<String>)| match (value, &names[index][2]) {
            (None, _) => Val::Null,
            (Some(text), None) => Val::Text(text),
            (Some(hex), Some(_)) => {
                Val::Binary((0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect())
            }
        };
        let expected: Vec<Vec<_>> = told.into_iter().map(|row| row.into_iter().enumerate().map(value).collect()).collect();
        let host = case.stream(&[("binary", "on")]);
        let (new, old) = changes(&host, rows);
        assert_rows(&new, &expected, &names);
        assert_rows(&old, &expected, &names);
        let texts = expected.iter().flatten().filter(|value| matches!(value, Val::Text(_))).count();
        assert_eq!(texts, 1, "aclitem");
    }

    /// 100 MB in one value, through a queue of 16 MB; as it comes and by way of the disk.
    fn one_hundred_megabytes(case, from 14) {
        let majors = crate::support::server::majors();
        if ![majors.iter().min(), majors.iter().max()].contains(&Some(&case.server.major())) {
            return;
        }
        let early = format!("ALTER DATABASE {} SET logical_decoding_work_mem = '64kB'", case.database);
        case.sql.each(&[&early, "CREATE TABLE t (id int PRIMARY KEY, v text)"]);
        case.publish();
        case.sql.run("INSERT INTO t VALUES (1, repeat('0123456789', 10000000)), (2, 'x')");
        let expected = "0123456789".repeat(10_000_000);
        for streaming in ["off", "on"] {
            let host = case.stream(&[("streaming", streaming)]);
            let events = host.entries(1);
            let rows: Vec<&Seen> = events.iter().filter(|event| event.is(Kind::INSERT)).collect();
            assert!(rows[0].text(1) == expected);
            assert_eq!(rows[1].text(1), "x");
            host.stop(5000);
        }
    }

    /// A SQL_ASCII database sends its bytes as they are; any other sends UTF-8.
    fn encodings(case, from 14) {
        for (encoding, stored, expected) in [
            ("SQL_ASCII", r"E'\377\200x'", Val::RawText(b"\xff\x80x".to_vec())),
            ("SQL_ASCII", r"E'\303\274'", Val::Text("ü".to_owned())),
            ("LATIN1", r"E'\374'", Val::Text("ü".to_owned())),
            ("EUC_JP", r"E'\306\374'", Val::Text("日".to_owned())),
        ] {
            let database = format!("{}_encoded", case.database);
            case.sql.run(&format!("CREATE DATABASE {database} TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"));
            let conninfo = case.server.conninfo(&database);
            let mut sql = Sql::connect(&conninfo);
            sql.run(&format!("SET client_encoding = '{encoding}'"));
            sql.run("CREATE TABLE t (id int PRIMARY KEY, v text)");
            sql.run("CREATE PUBLICATION pub FOR ALL TABLES");
            sql.run(&format!("SELECT pg_create_logical_replication_slot('{database}', 'pgoutput')"));
            sql.run(&format!("INSERT INTO t VALUES (1, {stored})"));
            let host = Host::open(&conninfo, &[("slot", &database), ("publication", "pub")]);
            host.start(0);
            let row = host.entries(1).into_iter().find(|event| event.is(Kind::INSERT)).unwrap();
            assert_eq!(row.new[1], expected, "{encoding}");
            host.stop(5000);
            drop(host);
            drop(sql);
            case.sql.run(&format!("SELECT pg_drop_replication_slot('{database}')"));
            case.sql.run(&format!("DROP DATABASE {database} WITH (FORCE)"));
        }
    }
}
