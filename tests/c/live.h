/*
 * live.h: a database and slots on a real server for one case, and streams on them.
 *
 * WALSTREAM_TEST_CONNINFO names a superuser of a server with wal_level=logical. Database and slots of a case
 * begin with live.database, a name of this process and case; all of them go when the case is over.
 */
#ifndef LIVE_H
#define LIVE_H

#include "check.h"

#include <libpq-fe.h>
#include <stdarg.h>

#ifndef LIVE_WAIT_MS
#define LIVE_WAIT_MS 15000
#endif

static struct {
    char database[40]; /* also the name of the first slot */
    char *conninfo;    /* to that database */
    PGconn *sql;       /* to that database; the case's own */
} live;

/* Appends key='value', quoted as libpq reads it. */
static inline char *live_pair(char *to, const char *key, const char *value)
{
    to += sprintf(to, "%s='", key);
    for (; *value != '\0'; value++) {
        if (*value == '\'' || *value == '\\') *to++ = '\\';
        *to++ = *value;
    }
    strcpy(to, "' ");
    return to + 2;
}

/* `base` with one keyword replaced. malloc'd. */
static inline char *live_conninfo_with(const char *base, const char *key, const char *value)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(base, &message);
    char *text = malloc(strlen(base) * 2 + strlen(value) * 2 + 1024), *to = text;

    if (options == NULL || text == NULL) {
        fprintf(stderr, "conninfo: %s\n", message ? message : "out of memory");
        exit(1);
    }
    for (PQconninfoOption *option = options; option->keyword != NULL; option++)
        if (option->val != NULL && strcmp(option->keyword, key) != 0) to = live_pair(to, option->keyword, option->val);
    live_pair(to, key, value);
    PQconninfoFree(options);
    return text;
}

static inline PGconn *live_connect(const char *conninfo)
{
    PGconn *conn = PQconnectdb(conninfo);

    if (PQstatus(conn) == CONNECTION_OK) {
        PQclear(PQexec(conn, "SET client_min_messages = error"));
        return conn;
    }
    fprintf(stderr, "cannot connect: %s", PQerrorMessage(conn));
    PQfinish(conn);
    return NULL;
}

/* Runs one text; statements in it are one transaction unless it says otherwise. The first value, "" if none. */
static inline int live_exec(PGconn *conn, const char *text, char *value, size_t room)
{
    PGresult *result = PQexec(conn, text);
    ExecStatusType status = PQresultStatus(result);
    int good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

    if (!good) fprintf(stderr, "%s\n    %s", text, PQerrorMessage(conn));
    if (value != NULL) snprintf(value, room, "%s", good && PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    return good;
}

static inline const char *live_server(void)
{
    const char *conninfo = getenv("WALSTREAM_TEST_CONNINFO");

    if (conninfo == NULL || *conninfo == '\0') {
        fprintf(stderr, "WALSTREAM_TEST_CONNINFO is not set: it names a superuser of a server with wal_level=logical\n");
        exit(1);
    }
    return conninfo;
}

static inline int live_set_up(int number)
{
    PGconn *conn = live_connect(live_server());
    char text[200];
    int good;

    snprintf(live.database, sizeof live.database, "wsc_%ld_%d_", (long)getpid(), number); /* no name begins another */
    snprintf(text, sizeof text, "CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'", live.database);
    good = conn != NULL && live_exec(conn, text, NULL, 0);
    PQfinish(conn);
    free(live.conninfo);
    live.conninfo = live_conninfo_with(live_server(), "dbname", live.database);
    return good;
}

/* Prepared transactions can be ended in their own database only. */
static inline void live_end_prepared(PGconn *conn)
{
    char text[200], gid[100];
    PGconn *own = NULL;

    snprintf(text, sizeof text, "SELECT gid FROM pg_prepared_xacts WHERE database = '%s'", live.database);
    while (live_exec(conn, text, gid, sizeof gid) && *gid != '\0') {
        char end[200];

        if (own == NULL && (own = live_connect(live.conninfo)) == NULL) return;
        snprintf(end, sizeof end, "ROLLBACK PREPARED '%s'", gid);
        if (!live_exec(own, end, NULL, 0)) break;
    }
    PQfinish(own);
}

/* Slots outlive their connections and forbid dropping the database: they go first, when their walsenders have. */
static inline void live_tear_down(void)
{
    PGconn *conn = live_connect(live_server());
    int64_t deadline = check_now_ms() + LIVE_WAIT_MS;
    char text[400], left[20] = "";

    if (conn == NULL) return;
    live_end_prepared(conn);
    do {
        snprintf(text, sizeof text,
                 "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
                 " WHERE starts_with(slot_name, '%s') AND active_pid IS NOT NULL", live.database);
        live_exec(conn, text, NULL, 0);
        snprintf(text, sizeof text,
                 "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
                 " WHERE starts_with(slot_name, '%s') AND active_pid IS NULL", live.database);
        live_exec(conn, text, NULL, 0);
        snprintf(text, sizeof text, "SELECT count(*) FROM pg_replication_slots WHERE starts_with(slot_name, '%s')", live.database);
        live_exec(conn, text, left, sizeof left);
        if (strcmp(left, "0") != 0) check_pause();
    } while (strcmp(left, "0") != 0 && check_now_ms() < deadline);
    snprintf(text, sizeof text, "DROP DATABASE IF EXISTS %s WITH (FORCE)", live.database);
    live_exec(conn, text, NULL, 0);
    snprintf(text, sizeof text,
             "SELECT pg_replication_origin_drop(roname) FROM pg_replication_origin WHERE starts_with(roname, '%s')", live.database);
    live_exec(conn, text, NULL, 0);
    PQfinish(conn);
}

static const struct check_world live_world = {live_set_up, live_tear_down};

/* Each text is one call, so that each is a transaction of its own. Ends with NULL. */
static inline void live_sql(const char *first, ...)
{
    va_list texts;

    if (live.sql == NULL) live.sql = live_connect(live.conninfo);
    REQUIRE(live.sql != NULL);
    va_start(texts, first);
    for (const char *text = first; text != NULL; text = va_arg(texts, const char *)) REQUIRE(live_exec(live.sql, text, NULL, 0));
    va_end(texts);
}

/* The first value of a query; good until the next call. */
static inline const char *live_value(const char *text)
{
    static char value[200];

    live_sql("SELECT 1", NULL);
    REQUIRE(live_exec(live.sql, text, value, sizeof value));
    return value;
}

/* server_version_num */
static inline int live_version(void)
{
    return atoi(live_value("SHOW server_version_num"));
}

/* The name of the case's slot with this suffix; good until the fourth call. */
static inline const char *live_slot(const char *suffix)
{
    static char names[4][64];
    static int next;
    char *name = names[next++ % 4];

    snprintf(name, sizeof names[0], "%s%s", live.database, suffix);
    return name;
}

static inline void live_create_slot(const char *suffix)
{
    char text[200];

    snprintf(text, sizeof text, "SELECT pg_create_logical_replication_slot('%s', 'pgoutput')", live_slot(suffix));
    live_sql(text, NULL);
}

/* confirmed_flush_lsn of a slot. */
static inline uint64_t live_confirmed(const char *suffix)
{
    char text[200];
    uint64_t lsn = 0;

    snprintf(text, sizeof text, "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '%s'", live_slot(suffix));
    REQUIRE_CODE(walstream_lsn_parse(live_value(text), &lsn), WALSTREAM_OK);
    return lsn;
}

static inline void live_show_error(walstream_error *error)
{
    if (error == NULL) return;
    fprintf(stderr, "    %s: %s\n    hint: %s\n", walstream_code_name(error->code), error->message, error->hint);
    walstream_error_free(error);
}

static inline walstream_config *live_config(const char *suffix)
{
    walstream_config *config = walstream_config_new();

    REQUIRE(config != NULL);
    REQUIRE_CODE(walstream_config_set(config, "slot", live_slot(suffix), NULL), WALSTREAM_OK);
    REQUIRE_CODE(walstream_config_set(config, "publication", "pub", NULL), WALSTREAM_OK);
    return config;
}

/* Opened, not started. Slot live_slot(suffix), publication "pub"; further keys and values, ended by NULL. */
static inline walstream_stream *live_open_with(const char *suffix, va_list pairs)
{
    walstream_config *config = live_config(suffix);
    walstream_stream *stream = NULL;
    walstream_error *error = NULL;

    for (const char *key; (key = va_arg(pairs, const char *)) != NULL;)
        REQUIRE_CODE(walstream_config_set(config, key, va_arg(pairs, const char *), NULL), WALSTREAM_OK);
    if (!CHECK_CODE(walstream_open(live.conninfo, config, &stream, &error), WALSTREAM_OK)) {
        live_show_error(error);
        exit(1);
    }
    walstream_config_free(config);
    return stream;
}

static inline walstream_stream *live_open(const char *suffix, ...)
{
    va_list pairs;
    walstream_stream *stream;

    va_start(pairs, suffix);
    stream = live_open_with(suffix, pairs);
    va_end(pairs);
    return stream;
}

static inline walstream_stream *live_start(const char *suffix, ...)
{
    va_list pairs;
    walstream_stream *stream;
    walstream_error *error = NULL;

    va_start(pairs, suffix);
    stream = live_open_with(suffix, pairs);
    va_end(pairs);
    if (!CHECK_CODE(walstream_start(stream, 0, &error), WALSTREAM_OK)) {
        live_show_error(error);
        exit(1);
    }
    return stream;
}

/* The next event; none within LIVE_WAIT_MS ends the case. */
static inline const walstream_event *live_next(walstream_stream *stream)
{
    const walstream_event *event = NULL;
    walstream_error *error = NULL;

    if (!CHECK_CODE(walstream_next_event(stream, LIVE_WAIT_MS, &event, &error), WALSTREAM_OK)) {
        live_show_error(error);
        exit(1);
    }
    REQUIRE(event != NULL);
    return event;
}

/* The next event of this kind; what comes before is passed over. */
static inline const walstream_event *live_next_of(walstream_stream *stream, uint32_t kind)
{
    const walstream_event *event = live_next(stream);

    while (event->kind != kind) event = live_next(stream);
    return event;
}

/* Nothing may come within ms. */
static inline void live_expect_nothing(walstream_stream *stream, int32_t ms)
{
    const walstream_event *event = NULL;

    if (!CHECK_CODE(walstream_next_event(stream, ms, &event, NULL), WALSTREAM_TIMEOUT) && event != NULL)
        fprintf(stderr, "    got %s\n", walstream_kind_name(event->kind));
}

/* In order, so that the slot knows what was acknowledged. */
static inline void live_close(walstream_stream *stream)
{
    REQUIRE_CODE(walstream_stop(stream, LIVE_WAIT_MS, NULL), WALSTREAM_OK);
    walstream_free(stream);
}

#endif
