/*
 * sql: what tests/conformance/run needs of SQL, without psql.
 *
 *     sql conninfo CONNINFO DATABASE    prints the conninfo with another database
 *     sql query CONNINFO SQL            prints the rows, columns separated by tabs
 *     sql run CONNINFO FILE             runs the statements of a file
 *
 * In a file a statement ends with a semicolon at the end of its line, and is sent on its own. A line "-- session N" has
 * session N (0 to 9) run what follows, so that transactions can interleave; each session is a connection.
 */
#include "../c/live.h"

#define SESSIONS 10

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "sql: %s: %s\n", what, why);
    return 1;
}

static int query(PGconn *conn, const char *text)
{
    PGresult *result = PQexec(conn, text);
    int good = PQresultStatus(result) == PGRES_TUPLES_OK || PQresultStatus(result) == PGRES_COMMAND_OK;

    if (!good) fail(text, PQerrorMessage(conn));
    for (int row = 0; good && row < PQntuples(result); row++)
        for (int column = 0; column < PQnfields(result); column++)
            printf("%s%c", PQgetvalue(result, row, column), column + 1 < PQnfields(result) ? '\t' : '\n');
    PQclear(result);
    return good ? 0 : 1;
}

/* The next statement, with its comments; NULL at the end. */
static char *read_statement(FILE *file, int *session)
{
    static char *statement, *line;
    static size_t room, line_room;
    size_t length = 0;
    ssize_t got;

    while ((got = getline(&line, &line_room, file)) > 0) {
        if (sscanf(line, "-- session %d", session) == 1) continue;
        if (strncmp(line, "--", 2) == 0 || (length == 0 && strspn(line, " \t\n") == (size_t)got)) continue;
        if (length + (size_t)got + 1 > room) {
            room = (length + (size_t)got + 1) * 2;
            statement = realloc(statement, room);
            if (statement == NULL) exit(fail("statement", "out of memory"));
        }
        memcpy(statement + length, line, (size_t)got + 1);
        length += (size_t)got;
        if (got >= 2 && strcmp(line + got - 2, ";\n") == 0) return statement;
    }
    if (length > 0) exit(fail(statement, "does not end with a semicolon"));
    free(statement);
    free(line);
    return NULL;
}

static int run(const char *conninfo, const char *path)
{
    PGconn *sessions[SESSIONS] = {NULL};
    FILE *file = fopen(path, "r");
    const char *statement;
    int session = 0, failed = 0;

    if (file == NULL) return fail(path, "cannot be read");
    while (!failed && (statement = read_statement(file, &session)) != NULL) {
        if (session < 0 || session >= SESSIONS) failed = fail(path, "sessions are 0 to 9");
        else if (sessions[session] == NULL && (sessions[session] = live_connect(conninfo)) == NULL) failed = 1;
        else failed = !live_exec(sessions[session], statement, NULL, 0);
    }
    fclose(file);
    for (int i = 0; i < SESSIONS; i++) PQfinish(sessions[i]);
    return failed;
}

int main(int argc, char **argv)
{
    PGconn *conn;
    int failed;

    if (argc != 4) return fail("usage", "sql conninfo|query|run CONNINFO DATABASE|SQL|FILE");
    if (strcmp(argv[1], "run") == 0) return run(argv[2], argv[3]);
    if (strcmp(argv[1], "conninfo") == 0) {
        char *conninfo = live_conninfo_with(argv[2], "dbname", argv[3]);

        puts(conninfo);
        free(conninfo);
        return 0;
    }
    if (strcmp(argv[1], "query") != 0) return fail(argv[1], "conninfo, query or run");
    if ((conn = live_connect(argv[2])) == NULL) return 1;
    failed = query(conn, argv[3]);
    PQfinish(conn);
    return failed;
}
