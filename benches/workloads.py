"""What the programs read: tables, and a slot before each workload, of which every measurement takes a copy."""
from settings import rows

ROW = "i, (i % 1000)::int, 'text number ' || i, '2024-01-01'::timestamptz + i * interval '1 second', i * 1.5"
WIDE = ", ".join(f"c{n} text" for n in range(19))
WIDE_ROW = ", ".join(f"'value {n} of row ' || i" for n in range(19))

TABLES = f"""
create table narrow(id bigint, a int, b text, c timestamptz, d numeric);
create table streamed(like narrow);
create table wide(id bigint primary key, {WIDE});
create table marker(n int);
create table full_rows(like narrow); alter table full_rows replica identity full;
create publication bench for all tables"""


def by_thousands(table, row, count):
    return (f"do $$ begin for k in 0..{count} / 1000 - 1 loop insert into {table} select {row} "
            "from generate_series(k * 1000 + 1, k * 1000 + 1000) i; commit; end loop; end $$")


def one_by_one(count):
    return f"do $$ begin for i in 1..{count} loop insert into narrow values ({ROW}); commit; end loop; end $$"


def changes(count):
    return (f"insert into full_rows select {ROW} from generate_series(1, {count} / 3) i; "
            "update full_rows set a = a + 1, b = b || '!'; delete from full_rows")


def at_once(table, count):
    return f"insert into {table} select {ROW} from generate_series(1, {count}) i"


class Workload:
    """`seconds`: about what one reading takes."""

    def __init__(self, name, what, count, seconds_a_million, sql):
        self.name, self.what, self.count, self.sql = name, what, count, sql
        self.seconds = 0.15 + count / 1e6 * seconds_a_million
        self.end = None

    def write(self, server):
        server.psql(f"select pg_create_logical_replication_slot('base_{self.name}', 'pgoutput')")
        server.psql(self.sql)
        server.psql("insert into marker values (1)")
        self.end = server.psql("select pg_current_wal_insert_lsn()")
        # pg_recvlogical ends only when something comes behind the end.
        server.psql("insert into marker values (2)")


def workloads():
    made = []

    def workload(name, what, full, quick, seconds_a_million, sql):
        count = rows(full, quick)
        made.append(Workload(name, what, count, seconds_a_million, sql(count)))

    workload("narrow", "rows of 5 columns, 1000 in a transaction", 150_000, 60_000, 11, lambda n: by_thousands("narrow", ROW, n))
    workload("one", "transactions of one row", 50_000, 16_000, 32, one_by_one)
    workload("wide", "rows of 20 columns, 490 bytes", 60_000, 20_000, 10, lambda n: by_thousands("wide", f"i, {WIDE_ROW}", n))
    workload("changes", "inserts, updates and deletes with the whole old row", 180_000, 30_000, 8, changes)
    workload("big", "one transaction", 600_000, 150_000, 9, lambda n: at_once("narrow", n))
    workload("streamed", "one transaction, read while it is written", 1_500_000, 150_000, 9, lambda n: at_once("streamed", n))
    workload("short", "as narrow, for lines and many streams", 100_000, 20_000, 9, lambda n: by_thousands("narrow", ROW, n))
    workload("broad", "as wide, for the Go host", 600_000, 60_000, 10, lambda n: by_thousands("wide", f"-i, {WIDE_ROW}", n))
    return {workload.name: workload for workload in made}
