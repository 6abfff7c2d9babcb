/*
 * The rules of delivery: committed only, whole, in commit order; (commit_lsn, seq) numbers every change the same
 * way on each delivery and rises; ack_lsn stands where something ends.
 */
#include "dump.h"
#include "workload.h"

/* Where a reading stands, to judge the next event by. */
struct walk {
    int inside;          /* a transaction */
    uint64_t commit_lsn; /* of the last event with an identity */
    uint64_t seq;
    uint32_t xid;
    uint64_t ack_lsn;    /* the last one that was not 0 */
};

static int rises(const struct walk *walk, const walstream_event *event)
{
    return event->commit_lsn > walk->commit_lsn || (event->commit_lsn == walk->commit_lsn && event->seq > walk->seq);
}

static void check_transaction_part(const struct walk *walk, const walstream_event *event)
{
    OR_END(CHECK(walk->inside));
    OR_END(CHECK_U64(event->commit_lsn, walk->commit_lsn));
    OR_END(CHECK_U64(event->xid, walk->xid));
}

static void check_ack(struct walk *walk, const walstream_event *event, int ends_something)
{
    CHECK((event->ack_lsn != 0) == ends_something);
    if (event->ack_lsn == 0) return;
    CHECK(event->ack_lsn > walk->ack_lsn);
    walk->ack_lsn = event->ack_lsn;
}

static void walk_over(struct walk *walk, const walstream_event *event)
{
    int has_identity = event->kind != WALSTREAM_RELATION && event->kind != WALSTREAM_TYPE && event->kind != WALSTREAM_ORIGIN;

    CHECK(((event->flags & WALSTREAM_EVENT_NO_IDENTITY) == 0) == has_identity);
    if (!has_identity) {
        CHECK_U64(event->seq, 0);
        check_ack(walk, event, 0);
        return;
    }
    OR_END(CHECK(rises(walk, event)));
    switch (event->kind) {
    case WALSTREAM_BEGIN:
        OR_END(CHECK(!walk->inside));
        CHECK_U64(event->seq, 1);
        CHECK(event->xid != 0);
        check_ack(walk, event, 0);
        walk->inside = 1;
        walk->xid = event->xid;
        break;
    case WALSTREAM_COMMIT:
        check_transaction_part(walk, event);
        CHECK_U64(event->seq, UINT64_MAX);
        CHECK(event->ack_lsn > event->commit_lsn); /* the end of the commit record, not its start */
        check_ack(walk, event, 1);
        walk->inside = 0;
        break;
    case WALSTREAM_MESSAGE:
        if (!(event->flags & WALSTREAM_EVENT_TRANSACTIONAL)) {
            CHECK(!walk->inside);
            CHECK_U64(event->seq, 0);
            CHECK_U64(event->commit_lsn, event->lsn);
            check_ack(walk, event, 1);
            break;
        }
        /* fall through */
    case WALSTREAM_INSERT:
    case WALSTREAM_UPDATE:
    case WALSTREAM_DELETE:
    case WALSTREAM_TRUNCATE:
        check_transaction_part(walk, event);
        OR_END(CHECK_U64(event->seq, walk->seq + 1));
        check_ack(walk, event, 0);
        break;
    default: REQUIRE(!"a kind that committed delivery has");
    }
    walk->commit_lsn = event->commit_lsn;
    walk->seq = event->seq;
}

static void numbers(void)
{
    struct walk walk = {0};
    walstream_stream *stream;
    const walstream_event *event;

    workload_tables();
    live_create_slot("");
    workload_run();
    stream = live_start("", "messages", "on", NULL);
    do {
        event = live_next(stream);
        walk_over(&walk, event);
    } while (!workload_is_over(event));
    CHECK(!walk.inside);
    live_close(stream);
}

static void commit_times(void)
{
    walstream_stream *stream;
    const walstream_event *event;
    int64_t before, after;

    live_sql("CREATE TABLE t (id int PRIMARY KEY)", "CREATE PUBLICATION pub FOR ALL TABLES", NULL);
    live_create_slot("");
    before = strtoll(live_value("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"), NULL, 10);
    live_sql("INSERT INTO t VALUES (1)", NULL);
    after = strtoll(live_value("SELECT ceil(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"), NULL, 10);
    stream = live_start("", NULL);
    event = live_next_of(stream, WALSTREAM_BEGIN);
    CHECK(event->commit_time_us >= before && event->commit_time_us <= after);
    before = event->commit_time_us;
    CHECK(live_next_of(stream, WALSTREAM_INSERT)->commit_time_us == before);
    CHECK(live_next_of(stream, WALSTREAM_COMMIT)->commit_time_us == before);
    live_close(stream);
}

/* Rolled back, wholly or to a savepoint, or in a table nobody publishes: as if it had never been. */
static void only_what_was_committed(void)
{
    walstream_stream *stream;

    live_sql("CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE hidden (id int)", "CREATE PUBLICATION pub FOR TABLE t", NULL);
    live_create_slot("");
    stream = live_start("", NULL);
    live_sql("BEGIN; INSERT INTO t SELECT generate_series(100, 200); ROLLBACK",
             "BEGIN; SAVEPOINT a; INSERT INTO t VALUES (300); ROLLBACK TO a; COMMIT",
             "INSERT INTO hidden VALUES (1)",
             "BEGIN; SAVEPOINT a; INSERT INTO t VALUES (1); SAVEPOINT b; INSERT INTO t VALUES (301); ROLLBACK TO a;"
             " INSERT INTO t VALUES (2); RELEASE a; INSERT INTO t VALUES (3); COMMIT", NULL);
    REQUIRE(live_next(stream)->kind == WALSTREAM_BEGIN);
    CHECK_TEXT(live_next_of(stream, WALSTREAM_INSERT)->new_values[0].data, "2");
    CHECK_TEXT(live_next(stream)->new_values[0].data, "3");
    REQUIRE(live_next(stream)->kind == WALSTREAM_COMMIT);
    live_expect_nothing(stream, 200);
    live_close(stream);
}

/* Begun first, committed last: delivered last, and in one piece. */
static void commit_order(void)
{
    walstream_stream *stream;
    const walstream_event *event;
    PGconn *second = live_connect(live.conninfo);
    uint64_t first_lsn;

    REQUIRE(second != NULL);
    live_sql("CREATE TABLE t (id int PRIMARY KEY)", "CREATE PUBLICATION pub FOR ALL TABLES", NULL);
    live_create_slot("");
    stream = live_start("", NULL);
    live_sql("BEGIN", "INSERT INTO t VALUES (1)", NULL);
    REQUIRE(live_exec(second, "INSERT INTO t VALUES (2)", NULL, 0));
    live_sql("INSERT INTO t VALUES (3)", "COMMIT", NULL);
    event = live_next_of(stream, WALSTREAM_INSERT);
    CHECK_TEXT(event->new_values[0].data, "2");
    first_lsn = event->commit_lsn;
    REQUIRE(live_next(stream)->kind == WALSTREAM_COMMIT);
    REQUIRE(live_next(stream)->kind == WALSTREAM_BEGIN);
    event = live_next_of(stream, WALSTREAM_INSERT);
    CHECK_TEXT(event->new_values[0].data, "1");
    CHECK(event->commit_lsn > first_lsn);
    CHECK_TEXT(live_next(stream)->new_values[0].data, "3");
    live_close(stream);
    PQfinish(second);
}

static void read_all(struct dump *dump)
{
    walstream_stream *stream = live_start("", "messages", "on", NULL);
    const walstream_event *event;

    do {
        event = live_next(stream);
        dump_event(dump, event);
    } while (!workload_is_over(event));
    live_close(stream);
}

/* Nothing was acknowledged: all comes again, as it was, under other session settings too. */
static void same_on_redelivery(void)
{
    static struct dump first, second, third;

    workload_tables();
    live_create_slot("");
    workload_run();
    read_all(&first);
    read_all(&second);
    CHECK_SAME_EVENTS(&second, &first);
    setenv("PGOPTIONS", "-c timezone=Asia/Tokyo", 1);
    setenv("PGDATESTYLE", "SQL, DMY", 1);
    setenv("PGCLIENTENCODING", "LATIN1", 1);
    read_all(&third);
    CHECK_SAME_EVENTS(&third, &first);
}

/* What a role or a database prefers does not change a value's text. */
static void settings_are_pinned(void)
{
    static const char *const expected[] = {
        "1.2345678901234567", "2024-02-03 04:05:06+00", "2024-02-03", "1 year 2 mons 03:04:05", "\\x00ff", "\xc3\xa4", "t.id",
    };
    walstream_stream *stream;
    const walstream_event *event;
    char text[200];
    static const char *const settings[] = {
        "extra_float_digits = 0", "TimeZone = 'Asia/Tokyo'", "DateStyle = 'SQL, DMY'", "IntervalStyle = 'iso_8601'",
        "bytea_output = 'escape'", "client_encoding = 'LATIN1'", "search_path = t, public",
    };

    live_sql("CREATE SCHEMA t", "CREATE SEQUENCE t.id", "SET search_path = ''",
             "CREATE TABLE public.v (f float8, ts timestamptz, d date, i interval, b bytea, x text, c regclass)",
             "CREATE PUBLICATION pub FOR ALL TABLES", NULL);
    live_create_slot("");
    live_sql("INSERT INTO public.v VALUES (1.2345678901234567, '2024-02-03 04:05:06Z', '2024-02-03', '1 year 2 months 03:04:05',"
             " '\\x00ff', U&'\\00e4', 't.id')", NULL);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        snprintf(text, sizeof text, "ALTER DATABASE %s SET %s", live.database, settings[i]);
        live_sql(text, NULL);
    }
    stream = live_start("", NULL);
    event = live_next_of(stream, WALSTREAM_INSERT);
    REQUIRE(event->new_count == sizeof expected / sizeof *expected);
    for (size_t i = 0; i < event->new_count; i++) CHECK_TEXT(event->new_values[i].data, expected[i]);
    live_close(stream);
}

static void two_phase(void)
{
    walstream_stream *stream;
    const walstream_event *event;
    uint64_t prepare_lsn, prepare_end;

    if (strcmp(live_value("SHOW max_prepared_transactions"), "0") == 0 || live_version() < 150000) {
        fprintf(stderr, "two_phase: not tried, needs PostgreSQL 15 and max_prepared_transactions\n");
        return;
    }
    live_sql("CREATE TABLE t (id int PRIMARY KEY)", "CREATE PUBLICATION pub FOR ALL TABLES", NULL);
    stream = live_start("", "slot.create", "if-missing", "slot.two_phase", "on", "two_phase", "on", NULL);
    live_sql("BEGIN; INSERT INTO t VALUES (1)", "PREPARE TRANSACTION 'first'", NULL);

    event = live_next(stream);
    REQUIRE(event->kind == WALSTREAM_BEGIN_PREPARE);
    CHECK_TEXT(event->name, "first");
    CHECK_U64(event->seq, 1);
    prepare_lsn = event->commit_lsn;
    event = live_next_of(stream, WALSTREAM_INSERT);
    CHECK_U64(event->seq, 2);
    CHECK_U64(event->commit_lsn, prepare_lsn);
    event = live_next(stream);
    REQUIRE(event->kind == WALSTREAM_PREPARE);
    CHECK_TEXT(event->name, "first");
    CHECK_U64(event->seq, UINT64_MAX);
    CHECK_U64(event->commit_lsn, prepare_lsn);
    CHECK(event->ack_lsn > prepare_lsn);

    live_sql("COMMIT PREPARED 'first'", NULL);
    event = live_next(stream);
    REQUIRE(event->kind == WALSTREAM_COMMIT_PREPARED);
    CHECK_TEXT(event->name, "first");
    CHECK_U64(event->seq, 1);
    CHECK(event->commit_lsn > prepare_lsn && event->ack_lsn > event->commit_lsn);

    live_sql("BEGIN; INSERT INTO t VALUES (2)", "PREPARE TRANSACTION 'second'", NULL);
    event = live_next_of(stream, WALSTREAM_PREPARE);
    prepare_end = event->ack_lsn;
    live_sql("ROLLBACK PREPARED 'second'", NULL);
    event = live_next(stream);
    REQUIRE(event->kind == WALSTREAM_ROLLBACK_PREPARED && event->detail != NULL);
    CHECK_TEXT(event->name, "second");
    CHECK_U64(event->seq, 0);
    CHECK(event->commit_lsn > prepare_end);
    CHECK_U64(event->ack_lsn, event->commit_lsn); /* the end of the record is both */
    CHECK_U64(((const walstream_rollback_detail *)event->detail)->prepare_end_lsn, prepare_end);
    CHECK(((const walstream_rollback_detail *)event->detail)->prepare_time_us <= event->commit_time_us);
    live_close(stream);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"numbers", numbers, 1},
        {"commit_times", commit_times, 1},
        {"only_what_was_committed", only_what_was_committed, 1},
        {"commit_order", commit_order, 1},
        {"same_on_redelivery", same_on_redelivery, 1},
        {"settings_are_pinned", settings_are_pinned, 1},
        {"two_phase", two_phase, 1},
    };
    return check_main(argc, argv, cases, sizeof cases / sizeof *cases, &live_world);
}
