/* What describes the rows: tables, columns, types, origins; and the version that names a definition. */
#include "dump.h"
#include "workload.h"

static void types_and_columns(void)
{
    walstream_stream *stream;
    const walstream_event *event;
    const walstream_type_detail *type;
    const walstream_relation *relation;
    uint32_t mood;

    workload_tables();
    live_create_slot("");
    workload_run();
    stream = live_start("", NULL);
    event = live_next_of(stream, WALSTREAM_TYPE);
    type = event->detail;
    REQUIRE(type != NULL);
    CHECK_TEXT(type->schema, "public");
    CHECK_TEXT(type->name, "mood");
    mood = type->oid; /* the event ends with the next read */
    CHECK_U64(mood, strtoul(live_value("SELECT 'mood'::regtype::oid"), NULL, 10));
    event = live_next_of(stream, WALSTREAM_RELATION);
    relation = event->relation;
    REQUIRE(relation != NULL && relation->column_count == 4);
    CHECK_TEXT(relation->name, "plain");
    CHECK_U64(relation->oid, strtoul(live_value("SELECT 'plain'::regclass::oid"), NULL, 10));
    CHECK_U64(relation->replica_identity, 'd');
    CHECK_U64(relation->key_count, 1);
    CHECK(relation->column_size >= sizeof(walstream_column) && relation->struct_size >= sizeof *relation);
    CHECK_U64(dump_column(relation, 0)->flags, WALSTREAM_COLUMN_KEY);
    CHECK_U64(dump_column(relation, 1)->flags, 0);
    CHECK_TEXT(dump_column(relation, 0)->type_name, "int4");
    CHECK_TEXT(dump_column(relation, 1)->type_name, "text");
    CHECK_TEXT(dump_column(relation, 2)->type_name, "mood");
    CHECK_U64(dump_column(relation, 2)->type_oid, mood);
    CHECK(walstream_relation_column(relation, "wide") == 3);
    CHECK(walstream_relation_column(relation, "Wide") == -1);
    CHECK(walstream_relation_column(relation, "wid") == -1);
    CHECK(walstream_relation_column(relation, "") == -1);
    CHECK(walstream_relation_column(relation, NULL) == -1);
    do event = live_next_of(stream, WALSTREAM_RELATION);
    while (strcmp(event->relation->name, "whole") != 0);
    CHECK_U64(event->relation->replica_identity, 'f');
    CHECK_U64(event->relation->key_count, 3); /* FULL: every column */
    CHECK_TEXT(dump_column(event->relation, 1)->type_name, "varchar");
    CHECK_U64(dump_column(event->relation, 1)->type_modifier, 24);
    CHECK(dump_column(event->relation, 0)->type_modifier == -1);
    live_close(stream);
}

static void origin(void)
{
    walstream_stream *stream;
    const walstream_event *event;
    char text[200];

    live_sql("CREATE TABLE t (id int PRIMARY KEY)", "CREATE PUBLICATION pub FOR ALL TABLES", NULL);
    live_create_slot("");
    snprintf(text, sizeof text, "SELECT pg_replication_origin_create('%s'), pg_replication_origin_session_setup('%s')", live.database,
             live.database);
    live_sql(text, "BEGIN; SELECT pg_replication_origin_xact_setup('16/B374D848', now()); INSERT INTO t VALUES (1); COMMIT",
             "SELECT pg_replication_origin_session_reset()", NULL);
    stream = live_start("", NULL);
    REQUIRE(live_next(stream)->kind == WALSTREAM_BEGIN);
    event = live_next(stream);
    REQUIRE(event->kind == WALSTREAM_ORIGIN && event->detail != NULL);
    CHECK_TEXT(event->name, live.database);
    CHECK_U64(event->name_len, strlen(live.database));
    CHECK_U64(((const walstream_origin_detail *)event->detail)->origin_lsn, 0x16B374D848);
    CHECK_U64(event->flags & WALSTREAM_EVENT_NO_IDENTITY, WALSTREAM_EVENT_NO_IDENTITY);
    CHECK_U64(live_next_of(stream, WALSTREAM_INSERT)->seq, 2);
    live_close(stream);
}

static uint64_t next_version(walstream_stream *stream, uint32_t columns)
{
    const walstream_event *event = live_next_of(stream, WALSTREAM_INSERT);

    CHECK_U64(event->relation->column_count, columns);
    return event->relation->version;
}

static void relation_versions(void)
{
    walstream_stream *stream;
    uint64_t first, other, wide;

    live_sql("CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE u (id int PRIMARY KEY)", "CREATE PUBLICATION pub FOR ALL TABLES", NULL);
    live_create_slot("");
    stream = live_start("", NULL);
    live_sql("INSERT INTO t VALUES (1)", "INSERT INTO u VALUES (1)", NULL);
    first = next_version(stream, 1);
    other = next_version(stream, 1);
    CHECK(first != other);

    /* Makes the server describe the table again, in the same words. */
    live_sql("ALTER TABLE t SET (fillfactor = 90)", "INSERT INTO t VALUES (2)", NULL);
    CHECK_U64(next_version(stream, 1), first);

    live_sql("BEGIN; INSERT INTO t VALUES (3); ALTER TABLE t ADD COLUMN note text; INSERT INTO t VALUES (4, 'x'); COMMIT", NULL);
    CHECK_U64(next_version(stream, 1), first); /* each row has the definition that it was written under */
    wide = next_version(stream, 2);
    CHECK(wide != first && wide != other);
    live_sql("INSERT INTO t VALUES (5, 'y')", "INSERT INTO u VALUES (2)", NULL);
    CHECK_U64(next_version(stream, 2), wide);
    CHECK_U64(next_version(stream, 1), other);

    live_sql("ALTER TABLE t RENAME COLUMN note TO remark", "INSERT INTO t VALUES (6, 'z')", NULL);
    CHECK(next_version(stream, 2) != wide);
    live_close(stream);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"types_and_columns", types_and_columns, 1},
        {"origin", origin, 1},
        {"relation_versions", relation_versions, 1},
    };
    return check_main(argc, argv, cases, sizeof cases / sizeof *cases, &live_world);
}
