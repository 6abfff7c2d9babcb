//! Values: the text that is made from a binary form is the one that the server sends.

use std::collections::BTreeMap;

use walstream::model::Kind;
use walstream::model::convert::{self, ConvertError};
use walstream::model::sink::Sink;
use walstream::model::view::Datum;

use crate::on_each_major;
use crate::support::{Case, Val};

/// A type, and queries that give values of it.
const TYPES: &[(&str, &str)] = &[
    ("bool", "VALUES (true), (false), (null)"),
    ("int2", "VALUES (0), (-1), (-32768), (32767), (null)"),
    ("int4", "VALUES (0), (-1), (-2147483648), (2147483647), (100000)"),
    ("int8", "VALUES (0), (-1), (-9223372036854775808), (9223372036854775807)"),
    ("oid", "VALUES ('0'), ('4294967295')"),
    ("xid", "VALUES ('3'), ('4294967295')"),
    ("cid", "VALUES ('0'), ('4294967295')"),
    ("xid8", "VALUES ('3'), ('18446744073709551615')"),
    ("pg_lsn", "VALUES ('0/0'), ('16/B374D848'), ('FFFFFFFF/FFFFFFFF')"),
    (
        "float4",
        "VALUES ('NaN'), ('Infinity'), ('-Infinity'), ('-0'), ('0'), ('0.1'), ('1e23'), ('999999'), ('1000000'), ('0.0001'), ('0.00001'),
            ('3.4028235e38'), ('1e-45'), ('1.17549435e-38'), ('16777217'), ('33554432.5'), ('8388608.5')
         UNION ALL SELECT ((random() - 0.5) * 10 ^ (60 * random() - 30))::text FROM generate_series(1, 2000)
         UNION ALL SELECT (g * 0.25)::text FROM generate_series(1, 400) g
         UNION ALL SELECT (2::numeric ^ g)::float4::text FROM generate_series(-120, 127) g
         UNION ALL SELECT (10::numeric ^ g)::text FROM generate_series(-37, 38) g",
    ),
    (
        "float8",
        "VALUES ('NaN'), ('Infinity'), ('-Infinity'), ('-0'), ('0'), ('0.1'), ('0.30000000000000004'), ('1e23'), ('9007199254740993'),
            ('1.7976931348623157e308'), ('5e-324'), ('2.2250738585072014e-308'), ('2.225073858507201e-308'), ('1125899906842624.25'),
            ('1125899906842624.75'), ('4503599627370496.5'), ('100000000000000'), ('999999999999999'), ('1000000000000000'), ('0.0001'),
            ('0.00001'), ('-123.456'), ('123456789012345678')
         UNION ALL SELECT ((random() - 0.5) * 10 ^ (600 * random() - 300))::text FROM generate_series(1, 4000)
         UNION ALL SELECT (random() * 1e6)::numeric(20, 3)::text FROM generate_series(1, 500)
         UNION ALL SELECT power(2::float8, g)::text FROM generate_series(-1074, 1023) g
         UNION ALL SELECT '1e' || g FROM generate_series(-320, 308) g
         UNION ALL SELECT (power(2::float8, 50) + g * 0.25)::text FROM generate_series(0, 200) g",
    ),
    (
        "numeric",
        "VALUES ('0'), ('0.00'), ('-0.0'), ('NaN'), ('Infinity'), ('-Infinity'), ('1e-16383'), ('1e131071'), ('-0.0000000001'), ('12345678901234567890.123456789'),
            ('10000'), ('9999'), ('99999999'), ('100000000'), ('0.1000'), ('0.00010000'), ('1.5e20'), ('-99.99')
         UNION ALL SELECT ((random() - 0.5) * 10 ^ (80 * random() - 40))::text FROM generate_series(1, 1000)
         UNION ALL SELECT (10::numeric ^ g)::text FROM generate_series(-20, 20) g
         UNION ALL SELECT round(random()::numeric * 1e12, g % 20)::text FROM generate_series(1, 200) g",
    ),
    ("numeric(12,3)", "VALUES ('0'), ('-1.5'), ('123456789.123'), ('NaN')"),
    ("text", "VALUES (''), ('plain'), (E'tab\\tnewline\\n\"quotes\" \\\\'), ('ä€😀'), (repeat('x', 10000))"),
    ("varchar(20)", "VALUES (''), ('vär')"),
    ("char(5)", "VALUES (''), ('ab')"),
    ("name", "VALUES ('a'), ('Ä b')"),
    ("\"char\"", "VALUES (''), ('x')"),
    ("json", "VALUES ('{\"a\":  [1, 2.50], \"a\": null}'), ('\"x\"'), (E'[\\n 1\\n]')"),
    ("jsonb", "VALUES ('{\"a\":  [1, 2.50], \"b\": null}'), ('\"x\"'), ('[]')"),
    ("uuid", "VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11') UNION ALL SELECT gen_random_uuid()::text FROM generate_series(1, 20)"),
    ("bytea", "VALUES (''), ('\\x00ff10'), ('abc') UNION ALL SELECT '\\x' || md5(g::text) FROM generate_series(1, 20) g"),
    (
        "date",
        "VALUES ('infinity'), ('-infinity'), ('4714-11-24 BC'), ('5874897-12-31'), ('0001-01-01'), ('0001-12-31 BC'), ('0004-02-29'), ('0005-02-28 BC'),
            ('1900-02-28'), ('2000-02-29'), ('10000-01-01'), ('0001-02-29 BC')
         UNION ALL SELECT ('2000-01-01'::date + (random() * 4000000 - 2000000 / 2.8)::int)::text FROM generate_series(1, 1000)",
    ),
    ("time", "VALUES ('00:00'), ('24:00'), ('23:59:59.999999'), ('12:30:00.5'), ('01:02:03.000001')"),
    (
        "timetz",
        "VALUES ('00:00+00'), ('24:00-12'), ('23:59:59.999999+05:30'), ('12:30-03:30'), ('01:02:03.25+15:59:59'), ('01:02:03-00:00:01'), ('01:02:03+00:01')",
    ),
    (
        "timestamp",
        "VALUES ('infinity'), ('-infinity'), ('4714-11-24 00:00 BC'), ('294276-12-31 23:59:59.999999'), ('0001-01-01'), ('0001-12-31 23:59:59.999999 BC'),
            ('1970-01-01'), ('1969-12-31 23:59:59.999999'), ('2000-01-01'), ('1999-12-31 23:59:59.5'), ('0044-03-15 12:00 BC'), ('12345-06-07 08:09:10.11')
         UNION ALL SELECT (timestamp '2000-01-01' + random() * 3000000 * interval '1 day' - interval '700000 days')::text FROM generate_series(1, 1000)",
    ),
    (
        "timestamptz",
        "VALUES ('infinity'), ('-infinity'), ('4714-11-24 00:00+00 BC'), ('294276-12-31 23:59:59.999999+00'), ('2024-03-31 02:30+02'), ('0001-01-01 00:00-05')
         UNION ALL SELECT (timestamptz '2000-01-01 UTC' + random() * 30000 * interval '1 day' - interval '15000 days')::text FROM generate_series(1, 500)",
    ),
    (
        "interval",
        "VALUES ('0'), ('1 year 2 mons 3 days 04:05:06.5'), ('-1 mon +1 day'), ('1 day -00:00:00.000001'), ('-1 year -1 mon -1 day -1 hour'), ('178000000 years'),
            ('-178000000 years'), ('1 mon'), ('-1 mon'), ('500000:00:54.775807'), ('1 year -1 mon'), ('-1 day +1 hour'), ('23 mons'),
            ('1 day'), ('00:00:00.1'), ('-00:00:00.1')
         UNION ALL SELECT make_interval(months => (random() * 100 - 50)::int, days => (random() * 100 - 50)::int, secs => random() * 1e6 - 5e5)::text
            FROM generate_series(1, 300)",
    ),
    ("xml", "VALUES ('<a>ä</a>'), ('<?xml version=\"1.0\"?><b/>'), ('')"),
    ("int4[]", "VALUES ('{}'), ('{1,NULL,-3}'), ('[0:1]={1,2}'), ('{{1,2},{3,4}}'), ('[-1:0][2:3]={{1,2},{3,4}}'), (null)"),
    (
        "text[]",
        "VALUES ('{}'), ('{a,\"\",NULL,\"null\",\"a b\",\"a,b\",\"{\",\"\\\\\",\"\\\"\"}'), (ARRAY[E'\\t', E'\\n', 'ä', ' ']::text), ('{{{a}}}')",
    ),
    ("numeric[]", "VALUES ('{1.50,NaN,-0.001}')"),
    ("timestamptz[]", "VALUES ('{2024-05-01 10:20:30+00,infinity,0044-03-15 12:00+00 BC}')"),
    ("bytea[]", "VALUES ('{\"\\\\x00ff\",\"\\\\x\"}')"),
    ("bool[]", "VALUES ('{t,f,NULL}')"),
    ("jsonb[]", "VALUES (ARRAY['{\"a\": 1}'::jsonb, 'null']::text)"),
    ("uuid[]", "VALUES ('{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}')"),
    ("float8[]", "VALUES ('{0.1,1e+23,NaN}')"),
    ("date[]", "VALUES ('{2024-05-01,-infinity}')"),
];

fn fill(case: &mut Case<'_>) {
    for (number, (name, _)) in TYPES.iter().enumerate() {
        case.sql.run(&format!("CREATE TABLE v{number} (c {name})"));
    }
    case.publish();
    for (number, (name, values)) in TYPES.iter().enumerate() {
        // Every value is given as text, so that one query may mix them.
        let values = match *name {
            "bool" | "int2" | "int4" | "int8" => (*values).to_owned(),
            _ => format!("SELECT v::text::{name} FROM ({values}) AS v (v)"),
        };
        case.sql.run(&format!("SET TimeZone = 'UTC'; INSERT INTO v{number} {values}"));
    }
}

/// The column of each table, in the order of the rows.
fn read(case: &Case<'_>, binary: &str) -> BTreeMap<String, Vec<Val>> {
    let host = case.stream(&[("binary", binary), ("streaming", "off")]);
    let mut tables: BTreeMap<String, Vec<Val>> = BTreeMap::new();
    for _ in TYPES {
        for event in host.until(Kind::COMMIT).into_iter().filter(|event| event.is(Kind::INSERT)) {
            tables.entry(event.table).or_default().extend(event.new);
        }
    }
    host.stop(5000);
    tables
}

fn text_of(datum: Datum<'_>, oid: u32) -> Result<String, ConvertError> {
    let mut text = Vec::new();
    assert_eq!(text.mark(), 0);
    convert::to_text(datum, oid, &mut text)?;
    Ok(String::from_utf8(text).unwrap())
}

/// Everything but the text must be the same, too, refusals included.
fn check_same(text: Datum<'_>, binary: Datum<'_>, oid: u32, what: &str) {
    assert_eq!(convert::to_bool(text, oid), convert::to_bool(binary, oid), "{what}");
    assert_eq!(convert::to_int64(text, oid), convert::to_int64(binary, oid), "{what}");
    let double = |datum| convert::to_double(datum, oid).map(f64::to_bits);
    let is_nan = |datum| convert::to_double(datum, oid).is_ok_and(f64::is_nan);
    assert!(double(text) == double(binary) || is_nan(text) && is_nan(binary), "{what}");
    assert_eq!(convert::to_timestamp_us(text, oid), convert::to_timestamp_us(binary, oid), "{what}");
    assert_eq!(convert::to_date(text, oid), convert::to_date(binary, oid), "{what}");
    assert_eq!(convert::to_uuid(text, oid), convert::to_uuid(binary, oid), "{what}");
    let bytes = |datum| {
        let mut bytes = Vec::new();
        convert::to_bytes(datum, oid, &mut bytes).map(|()| bytes)
    };
    assert_eq!(bytes(text), bytes(binary), "{what}");
}

on_each_major! {
    fn binary_forms_become_the_servers_own_text(case, from 14) {
        fill(case);
        let (texts, binaries) = (read(case, "off"), read(case, "on"));
        let mut compared = 0;
        for (number, (name, _)) in TYPES.iter().enumerate() {
            let table = format!("public.v{number}");
            let oid = case.sql.value(&format!("SELECT atttypid FROM pg_attribute WHERE attrelid = 'v{number}'::regclass AND attnum = 1"));
            let oid = oid.parse().unwrap();
            assert_eq!(texts[&table].len(), binaries[&table].len(), "{name}");
            for pair in texts[&table].iter().zip(&binaries[&table]) {
                let (text, binary) = match pair {
                    (Val::Null, Val::Null) => continue,
                    (Val::Text(text), Val::Binary(binary)) => (text, binary),
                    other => panic!("{name}: {other:?}"),
                };
                let binary = Datum::Binary(binary);
                assert_eq!(text_of(binary, oid).as_deref(), Ok(text.as_str()), "{name}");
                check_same(Datum::Text(text.as_bytes()), binary, oid, &format!("{name} {text}"));
                compared += 1;
            }
        }
        assert!(compared > 10_000, "only {compared} values were compared");
    }
}
