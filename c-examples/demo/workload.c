/*
 * workload: the changes that `make demo` shows, made over plain libpq, each announced in a line on stderr.
 *
 *     workload --prepare CONNINFO          tables, publication "demo" and slot "demo"
 *     workload [--pause MS] CONNINFO       the changes; ends when the slot's reader has acknowledged them all
 */
#define _POSIX_C_SOURCE 200809L /* nanosleep, isatty */

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ACKNOWLEDGED_WITHIN_MS 30000
#define POLL_MS 50

static const char prepare[] =
    "CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, city text);"
    "CREATE TABLE orders (id int PRIMARY KEY, customer int, amount numeric(10,2), state text);"
    "ALTER TABLE orders REPLICA IDENTITY FULL;"
    "CREATE TABLE documents (id int PRIMARY KEY, title text, body text);"
    "ALTER TABLE documents ALTER body SET STORAGE EXTERNAL;" /* stored apart, uncompressed */
    "CREATE TABLE readings (id int PRIMARY KEY, sensor text, value float8);"
    "CREATE PUBLICATION demo FOR TABLE customers, orders, documents, readings;";

static const char create_slot[] = "SELECT pg_create_logical_replication_slot('demo', 'pgoutput')";

/* Statements in one text are one transaction, unless they say otherwise. */
static const struct step {
    const char *what;
    const char *sql;
} steps[] = {
    {"two customers in one transaction",
     "INSERT INTO customers VALUES (1, 'Ada', 'London'), (2, 'Grace', NULL)"},
    {"an update: the key did not change, so no old row is sent",
     "UPDATE customers SET city = 'New York' WHERE id = 2"},
    {"an update of the key: the old key is sent",
     "UPDATE customers SET id = 20 WHERE id = 2"},
    {"an order; this table has REPLICA IDENTITY FULL",
     "INSERT INTO orders VALUES (100, 1, 49.90, 'new')"},
    {"its update: the whole old row is sent",
     "UPDATE orders SET state = 'paid' WHERE id = 100"},
    {"a document of 100 kB, which PostgreSQL stores apart (TOAST)",
     "INSERT INTO documents VALUES (1, 'draft', repeat('wal ', 25000))"},
    {"an update of its title: the 100 kB are not sent again",
     "UPDATE documents SET title = 'final' WHERE id = 1"},
    {"a transaction that is rolled back: nothing shows",
     "BEGIN; INSERT INTO customers VALUES (666, 'nobody', 'nowhere'); ROLLBACK"},
    {"a savepoint that is rolled back: its part does not show",
     "BEGIN; INSERT INTO customers VALUES (3, 'Edsger', 'Rotterdam'); SAVEPOINT s;"
     " INSERT INTO customers VALUES (667, 'nobody', 'nowhere'); ROLLBACK TO s;"
     " INSERT INTO customers VALUES (4, 'Barbara', 'Los Angeles'); COMMIT"},
    {"a logical message inside a transaction",
     "BEGIN; SELECT pg_logical_emit_message(true, 'audit', 'customer 1 was checked');"
     " UPDATE customers SET name = 'Ada L.' WHERE id = 1; COMMIT"},
    {"a big transaction: 20 000 rows",
     "INSERT INTO readings SELECT i, 'sensor ' || i % 7, round(sin(i)::numeric, 3) FROM generate_series(1, 20000) i"},
    {"a new column: the next row brings the table's new definition",
     "ALTER TABLE customers ADD COLUMN email text; INSERT INTO customers VALUES (5, 'Donald', 'Stanford', 'no email')"},
    {"two deletes: one sends the key, the other the whole row",
     "BEGIN; DELETE FROM customers WHERE id = 20; DELETE FROM orders WHERE id = 100; COMMIT"},
    {"a truncate of two tables",
     "TRUNCATE readings, documents"},
};

static void fail(PGconn *conn, const char *what)
{
    fprintf(stderr, "workload: %s: %s", what, PQerrorMessage(conn));
    PQfinish(conn);
    exit(1);
}

/* Puts the first value, "" if there is none, into value[room]. */
static void run(PGconn *conn, const char *sql, char *value, size_t room)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) fail(conn, sql);
    if (value != NULL) snprintf(value, room, "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
}

static void pause_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

/* Dim on a terminal: the reader's lines are what is to be seen. */
static void announce(const char *what)
{
    const char *no_color = getenv("NO_COLOR");
    int dim = isatty(STDERR_FILENO) && (no_color == NULL || *no_color == '\0');

    fprintf(stderr, "%s-- %s%s\n", dim ? "\033[2m" : "", what, dim ? "\033[0m" : "");
}

static void await_acknowledgement(PGconn *conn)
{
    char lsn[32], query[200], done[8] = "";

    run(conn, "SELECT pg_current_wal_lsn()", lsn, sizeof lsn);
    snprintf(query, sizeof query, "SELECT confirmed_flush_lsn >= '%s' FROM pg_replication_slots WHERE slot_name = 'demo'", lsn);
    for (long waited = 0; strcmp(done, "t") != 0; waited += POLL_MS) {
        if (waited > ACKNOWLEDGED_WITHIN_MS) {
            fprintf(stderr, "workload: the slot was not confirmed up to %s within %d s: is its reader alive?\n", lsn,
                    ACKNOWLEDGED_WITHIN_MS / 1000);
            PQfinish(conn);
            exit(1);
        }
        run(conn, query, done, sizeof done);
        pause_ms(POLL_MS);
    }
    snprintf(query, sizeof query, "all of it is acknowledged: the slot stands at %s or behind it", lsn);
    announce(query);
}

static int usage(void)
{
    fputs("usage: workload --prepare CONNINFO | workload [--pause MS] CONNINFO\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    int preparing = argc == 3 && strcmp(argv[1], "--prepare") == 0;
    int pausing = argc == 4 && strcmp(argv[1], "--pause") == 0;
    long ms = pausing ? strtol(argv[2], NULL, 10) : 700;
    PGconn *conn;

    if ((argc != 2 && !preparing && !pausing) || ms < 0) return usage();
    conn = PQconnectdb(argv[argc - 1]);
    if (PQstatus(conn) != CONNECTION_OK) fail(conn, "cannot connect");

    if (preparing) {
        run(conn, prepare, NULL, 0);
        run(conn, create_slot, NULL, 0);
    } else {
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
            announce(steps[i].what);
            run(conn, steps[i].sql, NULL, 0);
            pause_ms(ms);
        }
        await_acknowledgement(conn);
    }
    PQfinish(conn);
    return 0;
}
