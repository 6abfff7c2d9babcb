/*
 * epoll: several streams, one thread.  epoll CONNINFO PUBLICATION:SLOT [PUBLICATION:SLOT ...]
 *
 * Each stream has a descriptor that is readable while a read would return at once. So a program with an event loop
 * of its own needs no thread and no callback: it waits, reads what is ready, goes on.
 */
#define _POSIX_C_SOURCE 200809L /* sigprocmask */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <walstream.h>

struct source {
    walstream_stream *stream;
    const char *slot;
    uint64_t rows;
    int failed;
};

static int report(struct source *source, walstream_error *error)
{
    fprintf(stderr, "%s: %s\n", source->slot, error ? error->message : "out of memory");
    if (error && *error->hint) fprintf(stderr, "hint: %s\n", error->hint);
    walstream_error_free(error);
    source->failed = 1;
    return 0;
}

/* "publication:slot", which is cut in two. */
static int open_source(struct source *source, const char *conninfo, char *names)
{
    char *colon = strchr(names, ':');
    walstream_config *config = walstream_config_new();
    walstream_error *error = NULL;
    int good;

    source->slot = colon ? colon + 1 : names;
    if (colon) *colon = '\0';
    good = walstream_config_set(config, "publication", names, &error) == WALSTREAM_OK &&
           walstream_config_set(config, "slot", source->slot, &error) == WALSTREAM_OK &&
           walstream_config_set(config, "slot.create", "if-missing", &error) == WALSTREAM_OK &&
           walstream_open(conninfo, config, &source->stream, &error) == WALSTREAM_OK &&
           walstream_start(source->stream, 0, &error) == WALSTREAM_OK;
    walstream_config_free(config);
    return good || report(source, error);
}

static int watch(int poll, int fd, struct source *source)
{
    struct epoll_event interest = {.events = EPOLLIN, .data.ptr = source};

    return epoll_ctl(poll, EPOLL_CTL_ADD, fd, &interest) == 0;
}

/* Ctrl-C becomes one more descriptor. The library blocks signals on its threads by itself. */
static int watch_signals(int poll)
{
    sigset_t ends;

    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    return watch(poll, signalfd(-1, &ends, SFD_CLOEXEC), NULL);
}

static void count(struct source *source, const walstream_batch *batch)
{
    for (size_t i = 0; i < walstream_batch_count(batch); i++)
        switch (walstream_batch_event(batch, i)->kind) {
        case WALSTREAM_INSERT:
        case WALSTREAM_UPDATE:
        case WALSTREAM_DELETE: source->rows++;
        }
}

/*
 * One batch, then back to the loop, so that a busy stream does not starve the others: the descriptor stays readable
 * while there is more. 0 when the stream is over.
 */
static int serve(struct source *source)
{
    walstream_batch *batch;
    walstream_error *error = NULL;
    int32_t code = walstream_next_batch(source->stream, 0, &batch, &error);
    uint64_t ack_lsn;

    if (code == WALSTREAM_TIMEOUT || code == WALSTREAM_WOKEN) return 1;
    if (code == WALSTREAM_END) return 0;
    if (code < 0) return report(source, error);
    count(source, batch);
    ack_lsn = walstream_batch_ack_lsn(batch);
    walstream_batch_free(batch);
    if (ack_lsn == 0) return 1; /* in the middle of a transaction */
    printf("%s: %" PRIu64 " rows\n", source->slot, source->rows);
    if (fflush(stdout) != 0) return 0;
    return walstream_ack_lsn(source->stream, ack_lsn, &error) == WALSTREAM_OK || report(source, error);
}

static void loop(int poll, int open)
{
    struct epoll_event ready[16];

    while (open > 0) {
        int count = epoll_wait(poll, ready, 16, -1);

        if (count < 0 && errno != EINTR) return;
        for (int i = 0; i < count; i++) {
            struct source *source = ready[i].data.ptr;

            if (source == NULL) return; /* a signal */
            if (serve(source)) continue;
            epoll_ctl(poll, EPOLL_CTL_DEL, (int)walstream_ready_fd(source->stream), NULL);
            open--;
        }
    }
}

int main(int argc, char **argv)
{
    int count = argc - 2, open = 0, poll = epoll_create1(EPOLL_CLOEXEC);
    struct source *sources = calloc((size_t)(count > 0 ? count : 1), sizeof *sources);
    int failed = 0;

    if (count < 1 || sources == NULL || poll < 0 || !watch_signals(poll)) {
        fprintf(stderr, "usage: epoll CONNINFO PUBLICATION:SLOT [PUBLICATION:SLOT ...]\n");
        free(sources);
        return 2;
    }
    for (int i = 0; i < count; i++)
        open += open_source(&sources[i], argv[1], argv[i + 2]) &&
                watch(poll, (int)walstream_ready_fd(sources[i].stream), &sources[i]);
    if (open == count) loop(poll, open);

    for (int i = 0; i < count; i++) {
        if (sources[i].stream != NULL) walstream_stop(sources[i].stream, -1, NULL);
        walstream_free(sources[i].stream);
        failed |= sources[i].failed;
    }
    free(sources);
    return failed || open < count;
}
