/* The floor of the benchmark: libpq and nothing else. Counts bytes, decodes no row, answers the server.
 *
 *   bare CONNINFO SLOT PUBLICATION END_LSN [hand-over]
 *   bare                                      prints libpq's version
 *
 * Ends at the first commit whose end is at END_LSN or behind it. END_LSN 0/0: after SECONDS_TO_MEASURE of the environment, for the
 * workload that measures delays; then it prints how long after its commit each transaction was here. A clock is read
 * for each commit; benches/host.c reads one for each batch, as soon as it has it. hand-over: a second thread gets each commit
 * through a pipe and reads the clock, as in any client that reads in a thread of its own. */
#include <arpa/inet.h>
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "delays.h"

static uint64_t be64(const char *at)
{
    uint32_t high, low;
    memcpy(&high, at, 4);
    memcpy(&low, at + 4, 4);
    return (uint64_t)ntohl(high) << 32 | ntohl(low);
}

static void put64(char *at, uint64_t value)
{
    for (int i = 0; i < 8; i++) at[i] = (char)(value >> (56 - 8 * i));
}

static void fail(PGconn *connection)
{
    fprintf(stderr, "bare: %s\n", PQerrorMessage(connection));
    exit(1);
}

static void answer(PGconn *connection, uint64_t received)
{
    char update[34] = {'r'};
    put64(update + 1, received);
    put64(update + 25, (uint64_t)(now_us() - POSTGRES_EPOCH_US));
    if (PQputCopyData(connection, update, sizeof update) != 1 || PQflush(connection) < 0) fail(connection);
}

static void *taker(void *pipe_end)
{
    int64_t commit;
    while (read(*(int *)pipe_end, &commit, sizeof commit) == sizeof commit) delays_add(now_us(), commit);
    return NULL;
}

static void seen(int hand_over, int64_t commit)
{
    if (hand_over < 0) delays_add(now_us(), commit);
    else if (write(hand_over, &commit, sizeof commit) != sizeof commit) exit(1);
}

int main(int argc, char **argv)
{
    unsigned high, low;
    if (argc == 1) {
        /* 150018 is 15.18. */
        printf("libpq=%d\n", PQlibVersion());
        return 0;
    }
    if (argc < 5 || sscanf(argv[4], "%X/%X", &high, &low) != 2) return 2;
    const uint64_t end = (uint64_t)high << 32 | low;
    const char *keywords[] = {"dbname", "replication", NULL}, *values[] = {argv[1], "database", NULL};
    PGconn *connection = PQconnectdbParams(keywords, values, 1);
    if (PQstatus(connection) != CONNECTION_OK) fail(connection);

    char command[1024];
    snprintf(command, sizeof command,
             "START_REPLICATION SLOT \"%s\" LOGICAL 0/0 (proto_version '1', publication_names '%s')", argv[2], argv[3]);
    PGresult *result = PQexec(connection, command);
    if (PQresultStatus(result) != PGRES_COPY_BOTH) fail(connection);
    PQclear(result);

    uint64_t bytes = 0, messages = 0, received = 0;
    int64_t answered = now_us();
    const int64_t until = delays_until();
    int ends[2] = {-1, -1};
    pthread_t thread;
    if (argc > 5 && (pipe(ends) != 0 || pthread_create(&thread, NULL, taker, &ends[0]) != 0)) return 1;
    for (;;) {
        char *data;
        const int length = PQgetCopyData(connection, &data, 1);
        if (length > 0) {
            int done = 0;
            if (data[0] == 'w' && length > 25) {
                bytes += (uint64_t)length;
                messages++;
                const uint64_t at = be64(data + 1);
                if (at > received) received = at;
                if (data[25] == 'C') {
                    if (until) seen(ends[1], (int64_t)be64(data + 43) + POSTGRES_EPOCH_US);
                    done = end && be64(data + 35) >= end;
                }
            } else if (data[0] == 'k' && data[17]) {
                answer(connection, received);
            }
            PQfreemem(data);
            if (done) break;
            continue;
        }
        if (length < 0) fail(connection);
        if (until && now_us() > until) break;
        if (now_us() - answered > 10 * 1000000) {
            answer(connection, received);
            answered = now_us();
        }
        struct pollfd wanted = {.fd = PQsocket(connection), .events = POLLIN};
        if (poll(&wanted, 1, 100) < 0 && errno != EINTR) return 1;
        if (wanted.revents && !PQconsumeInput(connection)) fail(connection);
    }
    printf("messages=%llu bytes=%llu\n", (unsigned long long)messages, (unsigned long long)bytes);
    if (argc > 5) {
        close(ends[1]);
        pthread_join(thread, NULL);
    }
    delays_print();
    PQfinish(connection);
    return 0;
}
