/*
 * copy_then_stream: a table as it is, and then every change of it, with nothing lost and nothing twice.
 *
 *   copy_then_stream CONNINFO PUBLICATION SLOT SCHEMA.TABLE [OPTION=VALUE…]
 *
 * 1. Make the slot, and with it a snapshot of the data exactly as of where the slot begins.
 * 2. Copy the table in that snapshot, over a connection of our own, however long it takes.
 * 3. Stream from the slot: what committed before its beginning is in the copy, everything else comes now.
 *
 * Prints a line for each row, tab-separated: COPY and its values, or INSERT, UPDATE, DELETE and theirs.
 */
#include <libpq-fe.h>
#include <string.h>
#include <walstream.h>

#include "example.h"

#define PROGRAM "copy_then_stream"

static void fail_libpq(PGconn *connection)
{
    fprintf(stderr, PROGRAM ": %s", PQerrorMessage(connection));
    exit(1);
}

static void run(PGconn *connection, const char *sql, ExecStatusType wanted)
{
    PGresult *result = PQexec(connection, sql);

    if (PQresultStatus(result) != wanted) fail_libpq(connection);
    PQclear(result);
}

/* SCHEMA.TABLE, each part quoted. */
static void quote_table(PGconn *connection, const char *table, char *sql, size_t size)
{
    const char *dot = strchr(table, '.');
    char *schema = dot == NULL ? NULL : PQescapeIdentifier(connection, table, (size_t)(dot - table));
    char *name = dot == NULL ? NULL : PQescapeIdentifier(connection, dot + 1, strlen(dot + 1));

    if (schema == NULL || name == NULL) {
        fprintf(stderr, PROGRAM ": %s is no SCHEMA.TABLE\n", table);
        exit(2);
    }
    snprintf(sql, size, "COPY (SELECT * FROM %s.%s) TO STDOUT", schema, name);
    PQfreemem(schema);
    PQfreemem(name);
}

static void copy_table(const char *conninfo, walstream_snapshot *snapshot, const char *table)
{
    PGconn *connection = PQconnectdb(conninfo);
    char sql[512], *name, *line;
    int length;

    if (PQstatus(connection) != CONNECTION_OK) fail_libpq(connection);
    run(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", PGRES_COMMAND_OK);
    name = PQescapeLiteral(connection, walstream_snapshot_name(snapshot), strlen(walstream_snapshot_name(snapshot)));
    snprintf(sql, sizeof sql, "SET TRANSACTION SNAPSHOT %s", name);
    PQfreemem(name);
    run(connection, sql, PGRES_COMMAND_OK);
    quote_table(connection, table, sql, sizeof sql);
    run(connection, sql, PGRES_COPY_OUT);
    while ((length = PQgetCopyData(connection, &line, 0)) > 0) {
        printf("COPY\t%.*s", length, line);
        PQfreemem(line);
    }
    if (length != -1) fail_libpq(connection);
    for (PGresult *result; (result = PQgetResult(connection)) != NULL; PQclear(result))
        if (PQresultStatus(result) != PGRES_COMMAND_OK) fail_libpq(connection);
    run(connection, "COMMIT", PGRES_COMMAND_OK);
    PQfinish(connection);
}

static void print_row(const walstream_event *event)
{
    const walstream_value *row = event->new_count ? event->new_values : event->old_values;

    fputs(walstream_kind_name(event->kind), stdout);
    for (uint32_t i = 0; i < event->relation->column_count; i++) {
        if (row[i].kind == WALSTREAM_VALUE_TEXT) printf("\t%s", row[i].data);
        else if (row[i].kind == WALSTREAM_VALUE_UNCHANGED) fputs("\t(unchanged)", stdout);
        else fputs("\t\\N", stdout);
    }
    putchar('\n');
}

static int32_t follow(walstream_stream *stream, const char *table, walstream_error **error)
{
    const walstream_event *event;
    char name[256];
    int32_t code;

    while ((code = walstream_next_event(stream, -1, &event, error)) == WALSTREAM_OK) {
        if (event->relation != NULL && event->kind != WALSTREAM_RELATION && event->kind != WALSTREAM_TRUNCATE) {
            snprintf(name, sizeof name, "%s.%s", event->relation->schema, event->relation->name);
            if (strcmp(name, table) == 0) print_row(event);
        }
        if (event->ack_lsn == 0) continue;
        if (fflush(stdout) != 0) fail_file(PROGRAM, "write to", "stdout");
        code = walstream_ack_lsn(stream, event->ack_lsn, error);
        if (code < 0) break;
    }
    return code;
}

/* The snapshot ends with its handle. The slot stays, also if the copy fails: then it is to be dropped. */
static void make_slot_and_copy(const char *conninfo, const walstream_config *config, const char *slot, const char *table)
{
    walstream_slot_request request = {.struct_size = sizeof request, .snapshot = WALSTREAM_SNAPSHOT_EXPORT};
    walstream_admin *admin;
    walstream_snapshot *snapshot;
    walstream_error *error;

    if (walstream_admin_open(conninfo, config, &admin, &error) < 0 ||
        walstream_admin_create_slot(admin, slot, &request, -1, NULL, &snapshot, &error) < 0)
        fail(PROGRAM, error);
    copy_table(conninfo, snapshot, table);
    walstream_snapshot_free(snapshot);
    walstream_admin_free(admin);
}

int main(int argc, char **argv)
{
    walstream_config *config = walstream_config_new();
    walstream_stream *stream;
    walstream_error *error = NULL;

    if (argc < 5) {
        fputs("usage: copy_then_stream CONNINFO PUBLICATION SLOT SCHEMA.TABLE [OPTION=VALUE...]\n", stderr);
        return 2;
    }
    set_options(PROGRAM, config, argv + 5, argc - 5);
    if (walstream_config_set(config, "publication", argv[2], &error) < 0 ||
        walstream_config_set(config, "slot", argv[3], &error) < 0)
        fail(PROGRAM, error);
    make_slot_and_copy(argv[1], config, argv[3], argv[4]);
    /* 0: where the slot stands, which is where the snapshot was taken. */
    if (walstream_open(argv[1], config, &stream, &error) < 0 || walstream_start(stream, 0, &error) < 0 ||
        follow(stream, argv[4], &error) < 0 || walstream_stop(stream, -1, &error) < 0)
        fail(PROGRAM, error);
    walstream_free(stream);
    walstream_config_free(config);
    return 0;
}
