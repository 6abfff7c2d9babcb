//! `delivery=as-sent` of what is not streamed: every row kind, identities, messages, TRUNCATE, types, origins.

use walstream::model::{EventFlag, Kind};

use crate::on_each_major;
use crate::support::{Case, Host, Sql, Val, assert_tape};

fn as_sent(case: &Case<'_>, options: &[(&str, &str)]) -> Host {
    let mut all = vec![("delivery", "as-sent"), ("streaming", "off"), ("messages", "on")];
    all.extend_from_slice(options);
    case.stream(&all)
}

on_each_major! {
    /// INSERT, UPDATE and DELETE under each replica identity.
    fn rows_and_their_old_rows(case, from 14) {
        case.sql.each(&[
            "CREATE TABLE t (id int PRIMARY KEY, a text, b text)",
            "ALTER TABLE t ALTER b SET STORAGE EXTERNAL",
            "CREATE TABLE f (id int, a text)",
            "ALTER TABLE f REPLICA IDENTITY FULL",
            "CREATE TABLE i (a int NOT NULL, b int NOT NULL, c int)",
            "CREATE UNIQUE INDEX i_b ON i (b)",
            "ALTER TABLE i REPLICA IDENTITY USING INDEX i_b",
            "CREATE TABLE n (a int)",
        ]);
        case.publish();
        case.sql.run(
            "BEGIN; INSERT INTO t VALUES (1, 'a', repeat('x', 3000)), (2, NULL, ''); UPDATE t SET a = 'aa' WHERE id = 1; \
             UPDATE t SET id = 3 WHERE id = 2; DELETE FROM t WHERE id = 3; COMMIT",
        );
        case.sql.run("BEGIN; INSERT INTO f VALUES (1, 'a'); UPDATE f SET a = NULL; DELETE FROM f; COMMIT");
        case.sql.run("BEGIN; INSERT INTO i VALUES (1, 2, 3); UPDATE i SET c = 4; UPDATE i SET b = 5; DELETE FROM i; COMMIT");
        case.sql.run("INSERT INTO n VALUES (1)");
        let host = as_sent(case, &[]);
        let events = host.entries(4);
        assert_tape(&events, "
            BEGIN #1 x1
            RELATION n x1 public.t [id int4,a text,b text]
            INSERT #2 x1 public.t (1,a,x*3000)
            INSERT #3 x1 public.t (2,null,)
            UPDATE #4 x1 public.t (1,aa,~)
            UPDATE #5 x1 public.t key(2,-,-) (3,null,)
            DELETE #6 x1 public.t key(3,-,-)
            COMMIT #end x1
            BEGIN #1 x2
            RELATION n x2 public.f [id int4,a text]
            INSERT #2 x2 public.f (1,a)
            UPDATE #3 x2 public.f old(1,a) (1,null)
            DELETE #4 x2 public.f old(1,null)
            COMMIT #end x2
            BEGIN #1 x3
            RELATION n x3 public.i [a int4,b int4,c int4]
            INSERT #2 x3 public.i (1,2,3)
            UPDATE #3 x3 public.i (1,2,4)
            UPDATE #4 x3 public.i key(-,2,-) (1,5,4)
            DELETE #5 x3 public.i key(-,5,-)
            COMMIT #end x3
            BEGIN #1 x4
            RELATION n x4 public.n [a int4]
            INSERT #2 x4 public.n (1)
            COMMIT #end x4
        ");
        let identities: Vec<_> =
            events.iter().filter(|e| e.is(Kind::RELATION)).map(|e| char::from_u32(e.identity).unwrap()).collect();
        assert_eq!(identities, ['d', 'f', 'i', 'd']);
        let ends: Vec<_> = events.iter().map(|e| e.ack_lsn).filter(|lsn| *lsn != 0).collect();
        assert!(ends.is_sorted());
    }

    /// xid and the position of each change are those that the server itself tells.
    fn positions_are_the_servers(case, from 14) {
        case.sql.run("CREATE TABLE t (id int PRIMARY KEY)");
        case.publish();
        let mut told = Vec::new();
        for id in 0..3 {
            told.push(case.sql.value(&format!(
                "WITH i AS (INSERT INTO t VALUES ({id}) RETURNING 1) SELECT pg_current_xact_id()::text FROM i"
            )));
        }
        let peek = format!(
            "SELECT lsn, chr(get_byte(data, 0)) FROM pg_logical_slot_peek_binary_changes('{}', NULL, NULL, \
             'proto_version', '1', 'publication_names', 'pub')",
            case.slot()
        );
        let expected: Vec<_> = case
            .sql
            .rows(&peek)
            .into_iter()
            // A RELATION event comes with the first row of the table, and has its position.
            .map(|row| (crate::support::host::lsn(row[0].as_deref().unwrap()), row[1].clone().unwrap()))
            .collect();
        let host = as_sent(case, &[("protocol_version", "1")]);
        let events = host.entries(3);
        let kinds = [(Kind::BEGIN, "B"), (Kind::RELATION, "R"), (Kind::INSERT, "I"), (Kind::COMMIT, "C")];
        let letter = |kind: u32| kinds.iter().find(|(known, _)| *known as u32 == kind).unwrap().1.to_owned();
        let seen: Vec<_> = events
            .iter()
            .map(|event| (if event.is(Kind::COMMIT) { event.ack_lsn } else { event.lsn }, letter(event.kind)))
            .collect();
        assert_eq!(seen, expected);
        let xids: Vec<_> = events.iter().filter(|e| e.is(Kind::BEGIN)).map(|e| e.xid.to_string()).collect();
        assert_eq!(xids, told);
    }

    /// Every protocol version that the server has tells the same of what is not streamed.
    fn every_protocol_version(case, from 14) {
        case.sql.run("CREATE TABLE t (id int PRIMARY KEY, a text)");
        case.publish();
        case.sql.run("BEGIN; INSERT INTO t VALUES (1, 'a'); SAVEPOINT s; UPDATE t SET a = 'b'; RELEASE s; COMMIT");
        case.sql.run("DELETE FROM t");
        let newest = match case.server.major() { 14 => 2, 15 => 3, _ => 4 };
        let mut before = None;
        for version in ["1", "2", "3", "4"] {
            let host = case.host(&[("delivery", "as-sent"), ("streaming", "off"), ("protocol_version", version)]);
            if version.parse::<u32>().unwrap() > newest {
                let fault = host.try_start(0).unwrap_err();
                assert!(fault.is(walstream::model::Code::E_UNSUPPORTED), "{fault:?}");
                continue;
            }
            host.start(0);
            let mut events = host.entries(2);
            host.stop(5000);
            assert_tape(&events, "
                BEGIN #1 x1
                RELATION n x1 public.t [id int4,a text]
                INSERT #2 x1 public.t (1,a)
                UPDATE #3 x1 public.t (1,b)
                COMMIT #end x1
                BEGIN #1 x2
                DELETE #2 x2 public.t key(1,-)
                COMMIT #end x2
            ");
            // Versions are the process's, not the server's.
            events.iter_mut().for_each(|event| event.version = 0);
            assert_eq!(*before.get_or_insert_with(|| events.clone()), events);
        }
    }

    /// A message of its own has seq 0 and its own ack_lsn, survives a rollback and comes before transactions that began earlier.
    fn messages(case, from 14) {
        case.sql.run("CREATE TABLE t (id int PRIMARY KEY)");
        case.publish();
        case.sql.each(&[
            "BEGIN",
            "INSERT INTO t VALUES (1)",
            "SELECT pg_logical_emit_message(true, 'in', 'one')",
            "SELECT pg_logical_emit_message(false, 'alone', 'two')",
            "INSERT INTO t VALUES (2)",
            "COMMIT",
        ]);
        case.sql.run("BEGIN; SELECT pg_logical_emit_message(true, 'lost', ''); SELECT pg_logical_emit_message(false, 'kept', ''); ROLLBACK");
        case.sql.run("SELECT pg_logical_emit_message(true, '', convert_to(E'\\u00fc', 'UTF8') || '\\x0001'::bytea)");
        let host = as_sent(case, &[]);
        let events = host.entries(4);
        assert_tape(&events, "
            MESSAGE #0 'alone' two
            BEGIN #1 x1
            RELATION n x1 public.t [id int4]
            INSERT #2 x1 public.t (1)
            MESSAGE #3 x1 transactional 'in' one
            INSERT #4 x1 public.t (2)
            COMMIT #end x1
            MESSAGE #0 'kept' ''
            BEGIN #1 x2
            MESSAGE #2 x2 transactional '' \u{fc}\0\u{1}
            COMMIT #end x2
        ");
        let own: Vec<_> = events.iter().filter(|e| e.is(Kind::MESSAGE) && e.xid == 0).collect();
        for event in own {
            assert_eq!((event.commit_lsn, event.ack_lsn), (event.lsn, event.lsn));
        }
        host.ack(events.last().unwrap().ack_lsn);
        case.wait_confirmed(events.last().unwrap().ack_lsn);
    }

    /// TRUNCATE names all its tables, each with its definition, and what was asked of it.
    fn truncate(case, from 14) {
        case.sql.each(&[
            "CREATE TABLE a (id serial PRIMARY KEY)",
            "CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a)",
            "CREATE TABLE c (id int)",
        ]);
        case.publish();
        case.sql.each(&["TRUNCATE c", "TRUNCATE a, c RESTART IDENTITY CASCADE", "TRUNCATE a CASCADE", "TRUNCATE b, c RESTART IDENTITY"]);
        let host = as_sent(case, &[]);
        let events = host.entries(4);
        assert_tape(&events, "
            BEGIN #1 x1
            RELATION n x1 public.c [id int4]
            TRUNCATE #2 x1 public.c
            COMMIT #end x1
            BEGIN #1 x2
            RELATION n x2 public.a [id int4]
            RELATION n x2 public.b [id int4,a int4]
            TRUNCATE #2 x2 cascade restart public.a,public.c,public.b
            COMMIT #end x2
            BEGIN #1 x3
            TRUNCATE #2 x3 cascade public.a,public.b
            COMMIT #end x3
            BEGIN #1 x4
            TRUNCATE #2 x4 restart public.b,public.c
            COMMIT #end x4
        ");
    }

    /// A TYPE event comes before the definition that uses it, once.
    fn types(case, from 14) {
        case.sql.each(&[
            "CREATE SCHEMA other",
            "CREATE TYPE other.mood AS ENUM ('sad', 'happy')",
            "CREATE DOMAIN small AS int CHECK (VALUE < 100)",
            "CREATE TYPE pair AS (a int, b text)",
            "CREATE TABLE t (id int PRIMARY KEY, m other.mood, s small, p pair, ms other.mood[])",
            "CREATE TABLE u (m other.mood)",
        ]);
        case.publish();
        case.sql.run("INSERT INTO t VALUES (1, 'sad', 7, '(1,x)', '{sad,happy}')");
        case.sql.run("INSERT INTO u VALUES ('happy')");
        let host = as_sent(case, &[]);
        let events = host.entries(2);
        assert_tape(&events, "
            BEGIN #1 x1
            TYPE n x1 other 'mood'
            TYPE n x1 pg_catalog 'int4'
            TYPE n x1 public 'pair'
            TYPE n x1 other '_mood'
            RELATION n x1 public.t [id int4,m mood,s int4,p pair,ms _mood]
            INSERT #2 x1 public.t (1,sad,7,(1,x),{sad,happy})
            COMMIT #end x1
            BEGIN #1 x2
            RELATION n x2 public.u [m mood]
            INSERT #2 x2 public.u (happy)
            COMMIT #end x2
        ");
        assert!(events.iter().filter(|e| e.is(Kind::TYPE)).all(|e| e.has(EventFlag::NO_IDENTITY) && e.payload.is_none()));
    }

    /// ORIGIN follows BEGIN, with the position at the node where the transaction first happened.
    fn origins(case, from 14) {
        case.sql.run("CREATE TABLE t (id int PRIMARY KEY)");
        let origin = format!("node_{}", case.database);
        case.sql.run(&format!("SELECT pg_replication_origin_create('{origin}')"));
        case.publish();
        let mut elsewhere = Sql::connect(&case.conninfo());
        elsewhere.each(&[
            &format!("SELECT pg_replication_origin_session_setup('{origin}')"),
            "BEGIN",
            "SELECT pg_replication_origin_xact_setup('16/B374D848', '2020-01-01 00:00:00+00')",
            "INSERT INTO t VALUES (1)",
            "COMMIT",
        ]);
        case.sql.run("INSERT INTO t VALUES (2)");
        let host = as_sent(case, &[]);
        let events = host.entries(2);
        host.stop(5000);
        assert_tape(&events, &format!("
            BEGIN #1 x1
            ORIGIN n x1 '{origin}'
            RELATION n x1 public.t [id int4]
            INSERT #2 x1 public.t (1)
            COMMIT #end x1
            BEGIN #1 x2
            INSERT #2 x2 public.t (2)
            COMMIT #end x2
        "));
        assert_eq!(events[1].origin_lsn, 0x16_B374_D848);
        assert_eq!(events[0].commit_time_us, 1_577_836_800_000_000, "the commit's time at the origin");
        if case.server.major() >= 16 {
            let host = as_sent(case, &[("origin", "none")]);
            assert_tape(&host.entries(1), "
                BEGIN #1 x1
                RELATION n x1 public.t [id int4]
                INSERT #2 x1 public.t (2)
                COMMIT #end x1
            ");
        }
        elsewhere.run("SELECT pg_replication_origin_session_reset()");
        case.sql.run(&format!("SELECT pg_replication_origin_drop('{origin}')"));
    }

    /// With binary=on both forms are mixed in one row: a type without a send function stays text.
    fn binary_rows(case, from 14) {
        case.sql.run("CREATE TABLE t (id int PRIMARY KEY, a aclitem, v text)");
        case.publish();
        case.sql.run("INSERT INTO t VALUES (258, 'postgres=r/postgres', 'x')");
        let host = as_sent(case, &[("binary", "on")]);
        let events = host.entries(1);
        assert_eq!(events[2].new, [
            Val::Binary(vec![0, 0, 1, 2]),
            Val::Text("postgres=r/postgres".to_owned()),
            Val::Binary(b"x".to_vec()),
        ]);
    }
}
