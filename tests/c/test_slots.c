/*
 * What can be wrong with slots, publications and positions, and what is right with them: each failure has its code,
 * names its object and hints at what to do; the same stream can be started when the cause is gone.
 */
#include "failure.h"

static void no_such_slot(void)
{
    walstream_config *config = logged_config("_missing");

    live_sql("CREATE PUBLICATION pub FOR ALL TABLES", NULL);
    CHECK_CODE(try_start(live.conninfo, config, 0), WALSTREAM_E_SLOT_MISSING);
    expect_error(kept, WALSTREAM_E_SLOT_MISSING, live_slot("_missing"), 0, __LINE__);
    walstream_config_free(config);
}

/* The same stream can be started once the cause is gone. */
static void start_again_after_a_failure(void)
{
    walstream_stream *stream = live_open("", NULL);
    walstream_error *error = NULL;
    const walstream_event *event;

    live_sql("CREATE PUBLICATION pub FOR ALL TABLES", NULL);
    CHECK_CODE(walstream_start(stream, 0, NULL), WALSTREAM_E_SLOT_MISSING);
    CHECK_CODE(walstream_next_event(stream, 0, &event, NULL), WALSTREAM_E_STATE);
    live_create_slot("");
    if (!CHECK_CODE(walstream_start(stream, 0, &error), WALSTREAM_OK)) live_show_error(error);
    CHECK_CODE(walstream_next_event(stream, 0, &event, NULL), WALSTREAM_TIMEOUT);
    live_close(stream);
}

static void no_such_publication(void)
{
    walstream_config *config = logged_config("");

    live_sql("CREATE PUBLICATION pub FOR ALL TABLES", NULL);
    live_create_slot("");
    REQUIRE_CODE(walstream_config_set(config, "publication", "pub,no_such_publication", NULL), WALSTREAM_OK);
    CHECK_CODE(try_start(live.conninfo, config, 0), WALSTREAM_E_PUBLICATION);
    expect_error(kept, WALSTREAM_E_PUBLICATION, "no_such_publication", 0, __LINE__);
    walstream_config_free(config);
}

/* Publications are quoted as identifiers: capitals and commas within quotes are part of a name. */
static void odd_publication_names(void)
{
    walstream_stream *stream;

    live_sql("CREATE TABLE a (id int)", "CREATE TABLE b (id int)", "CREATE PUBLICATION \"It's, \"\"Odd\"\"\" FOR TABLE a",
             "CREATE PUBLICATION plain FOR TABLE b", NULL);
    live_create_slot("");
    stream = live_start("", "publication", "\"It's, \"\"Odd\"\"\" , PLAIN", NULL);
    live_sql("INSERT INTO a VALUES (1)", "INSERT INTO b VALUES (2)", NULL);
    CHECK_TEXT(live_next_of(stream, WALSTREAM_INSERT)->relation->name, "a");
    CHECK_TEXT(live_next_of(stream, WALSTREAM_INSERT)->relation->name, "b");
    live_close(stream);
}

static void start_beyond_the_server(void)
{
    walstream_config *config = logged_config("");
    char lsn[WALSTREAM_LSN_BUFFER];

    live_sql("CREATE PUBLICATION pub FOR ALL TABLES", NULL);
    live_create_slot("");
    CHECK_CODE(try_start(live.conninfo, config, 0x7000000000000000), WALSTREAM_E_GAP);
    expect_error(kept, WALSTREAM_E_GAP, walstream_lsn_format(0x7000000000000000, lsn), 0, __LINE__);
    walstream_config_free(config);
}

/* What the server is too old for is refused at start, with the version that it takes. */
static void options_of_later_servers(void)
{
    static const struct { const char *key, *value, *version; int number; } later[] = {
        {"two_phase", "on", "15", 150000},
        {"origin", "none", "16", 160000},
        {"streaming", "parallel", "16", 160000},
    };

    live_sql("CREATE PUBLICATION pub FOR ALL TABLES", NULL);
    live_create_slot("");
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        walstream_config *config = logged_config("");
        int known = live_version() >= later[i].number;

        REQUIRE_CODE(walstream_config_set(config, later[i].key, later[i].value, NULL), WALSTREAM_OK);
        CHECK_CODE(try_start(live.conninfo, config, 0), known ? WALSTREAM_OK : WALSTREAM_E_UNSUPPORTED);
        if (!known) expect_error(kept, WALSTREAM_E_UNSUPPORTED, later[i].version, 0, __LINE__);
        walstream_config_free(config);
    }
}

static void slot_in_use(void)
{
    walstream_config *config = logged_config("");
    walstream_stream *holder;
    int64_t began;

    live_sql("CREATE PUBLICATION pub FOR ALL TABLES", NULL);
    live_create_slot("");
    holder = live_start("", NULL);
    REQUIRE_CODE(walstream_config_set(config, "slot.wait_ms", "200", NULL), WALSTREAM_OK);
    began = check_now_ms();
    CHECK_CODE(try_start(live.conninfo, config, 0), WALSTREAM_E_SLOT_IN_USE);
    CHECK(check_now_ms() - began < 5000);
    expect_error(kept, WALSTREAM_E_SLOT_IN_USE, live_slot(""), 1, __LINE__);
    live_expect_nothing(holder, 0); /* its holder did not notice */
    live_close(holder);
    walstream_config_free(config);
}

/* It is waited for: a dead connection's slot becomes free in time. */
static void slot_becomes_free(void)
{
    walstream_stream *stream;
    PGconn *holder;
    char text[200], *conninfo = live_conninfo_with(live.conninfo, "replication", "database");

    live_sql("CREATE PUBLICATION pub FOR ALL TABLES", NULL);
    live_create_slot("");
    holder = live_connect(conninfo);
    REQUIRE(holder != NULL);
    snprintf(text, sizeof text, "START_REPLICATION SLOT %s LOGICAL 0/0 (proto_version '1', publication_names 'pub')", live_slot(""));
    PQclear(PQexec(holder, text));
    snprintf(text, sizeof text, "SELECT active FROM pg_replication_slots WHERE slot_name = '%s'", live_slot(""));
    WAIT_UNTIL(strcmp(live_value(text), "t") == 0, LIVE_WAIT_MS);
    /* The other session ends while start waits. */
    snprintf(text, sizeof text, "SELECT pg_sleep(0.5), pg_terminate_backend(%d)", PQbackendPID(holder));
    REQUIRE(PQsendQuery(live.sql, text) == 1);
    stream = live_start("", "slot.wait_ms", "10000", NULL);
    while (PQisBusy(live.sql)) PQconsumeInput(live.sql);
    for (PGresult *result; (result = PQgetResult(live.sql)) != NULL;) PQclear(result);
    live_close(stream);
    PQfinish(holder);
    free(conninfo);
}

static void slot_of_another_kind(void)
{
    walstream_config *config = logged_config("_physical");
    char text[200];
    int32_t code;

    live_sql("CREATE PUBLICATION pub FOR ALL TABLES", NULL);
    snprintf(text, sizeof text, "SELECT pg_create_physical_replication_slot('%s')", live_slot("_physical"));
    live_sql(text, NULL);
    code = try_start(live.conninfo, config, 0);
    CHECK(code < 0 && code != WALSTREAM_E_SLOT_MISSING);
    expect_error(kept, code, live_slot("_physical"), 0, __LINE__);
    walstream_config_free(config);
}

/* test_decoding is part of most installations, not of all. */
static void slot_of_another_plugin(void)
{
    walstream_config *config = logged_config("");
    char text[200];
    int32_t code;

    live_sql("CREATE PUBLICATION pub FOR ALL TABLES", NULL);
    snprintf(text, sizeof text, "SELECT pg_create_logical_replication_slot('%s', 'test_decoding')", live_slot(""));
    if (!live_exec(live.sql, text, NULL, 0)) {
        fprintf(stderr, "slot_of_another_plugin: not tried, the server has no test_decoding\n");
        walstream_config_free(config);
        return;
    }
    code = try_start(live.conninfo, config, 0);
    CHECK(code < 0 && code != WALSTREAM_E_SLOT_MISSING);
    expect_error(kept, code, "test_decoding", 0, __LINE__);
    walstream_config_free(config);
}

/* Slots belong to a database: another one's is of no use here. */
static void slot_of_another_database(void)
{
    walstream_config *config = logged_config("");
    int32_t code;

    live_create_slot("");
    code = try_start(live_server(), config, 0);
    CHECK(code < 0 && code != WALSTREAM_E_PANIC);
    expect_error(kept, code, NULL, 0, __LINE__);
    walstream_config_free(config);
}

static void slot_made_when_missing(void)
{
    walstream_stream *stream;

    live_sql("CREATE TABLE t (id int PRIMARY KEY)", "CREATE PUBLICATION pub FOR ALL TABLES", NULL);
    stream = live_start("", "slot.create", "if-missing", NULL);
    live_sql("INSERT INTO t VALUES (1)", NULL);
    CHECK_TEXT(live_next_of(stream, WALSTREAM_INSERT)->new_values[0].data, "1");
    live_close(stream);
    stream = live_start("", "slot.create", "if-missing", NULL); /* now it is there */
    CHECK_TEXT(live_next_of(stream, WALSTREAM_INSERT)->new_values[0].data, "1");
    live_close(stream);
    stream = live_start("_t", "slot.create", "temporary", NULL);
    live_sql("INSERT INTO t VALUES (2)", NULL);
    CHECK_TEXT(live_next_of(stream, WALSTREAM_INSERT)->new_values[0].data, "2");
    CHECK_TEXT(live_value("SELECT count(*) FROM pg_replication_slots WHERE temporary AND database = current_database()"), "1");
    live_close(stream);
    WAIT_UNTIL(strcmp(live_value("SELECT count(*) FROM pg_replication_slots WHERE temporary AND database = current_database()"), "0") == 0,
               LIVE_WAIT_MS);
}

/* Up to 17 the server ends a stream whose publication is gone; each read after that says the same again. */
static void fatal_errors_stay(void)
{
    walstream_stream *stream;
    const walstream_event *event;
    int32_t code = 0;

    if (live_version() >= 180000) {
        fprintf(stderr, "fatal_errors_stay: not tried, since 18 the server goes on\n");
        return;
    }
    live_sql("CREATE TABLE t (id int PRIMARY KEY)", "CREATE PUBLICATION pub FOR ALL TABLES", NULL);
    live_create_slot("");
    live_sql("DROP PUBLICATION pub", "INSERT INTO t VALUES (1)", "CREATE PUBLICATION pub FOR ALL TABLES", NULL);
    stream = live_start("", NULL); /* it is there now, but was not when the row was written */
    for (int i = 0; i < 3; i++) {
        walstream_error *error = NULL;
        walstream_stats stats = {.struct_size = sizeof stats};

        code = walstream_next_event(stream, LIVE_WAIT_MS, &event, &error);
        CHECK_CODE(code, WALSTREAM_E_PUBLICATION);
        CHECK_ERROR(error, WALSTREAM_E_PUBLICATION);
        if (error != NULL) {
            CHECK_U64(error->flags & (WALSTREAM_ERROR_FATAL | WALSTREAM_ERROR_RETRIABLE), WALSTREAM_ERROR_FATAL);
            CHECK(*error->hint != '\0');
        }
        walstream_error_free(error);
        CHECK_CODE(walstream_ack_lsn(stream, 1, NULL), WALSTREAM_E_STATE);
        CHECK_CODE(walstream_get_stats(stream, &stats), WALSTREAM_OK);
        CHECK_U64(stats.state, WALSTREAM_STATE_FAILED);
        CHECK(stats.last_error == WALSTREAM_E_PUBLICATION);
    }
    walstream_free(stream);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"no_such_slot", no_such_slot, 1},
        {"start_again_after_a_failure", start_again_after_a_failure, 1},
        {"no_such_publication", no_such_publication, 1},
        {"odd_publication_names", odd_publication_names, 1},
        {"start_beyond_the_server", start_beyond_the_server, 1},
        {"options_of_later_servers", options_of_later_servers, 1},
        {"slot_in_use", slot_in_use, 1},
        {"slot_becomes_free", slot_becomes_free, 1},
        {"slot_of_another_kind", slot_of_another_kind, 1},
        {"slot_of_another_plugin", slot_of_another_plugin, 1},
        {"slot_of_another_database", slot_of_another_database, 1},
        {"slot_made_when_missing", slot_made_when_missing, 1},
        {"fatal_errors_stay", fatal_errors_stay, 1},
    };
    return check_main(argc, argv, cases, sizeof cases / sizeof *cases, &live_world);
}
