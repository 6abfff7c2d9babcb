/* A host of libwalstream: next_batch, and every value of every row touched, first byte and last.
 *
 *   host CONNINFO SLOT PUBLICATION END_LSN [OPTION=VALUE]…
 *
 * Ends as bare.c does; END_LSN 0/1: at the first commit. READS_BEFORE_SLEEP=N: takes N batches and sleeps from then on,
 * for SLEEP_SECONDS. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <walstream.h>

#include "delays.h"

static uint64_t sum;

static void touch(const walstream_value *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        sum += values[i].size + values[i].kind;
        if (values[i].size) sum += ((const uint8_t *)values[i].data)[0] + ((const uint8_t *)values[i].data)[values[i].size - 1];
    }
}

/* The most memory that the process had. wait4 would tell that of the program that started it, too. */
static void print_memory(void)
{
    char line[128];
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status)) {
        long kilobytes;
        if (sscanf(line, "VmHWM: %ld", &kilobytes) == 1) printf("memory=%ld\n", kilobytes * 1024);
    }
    if (status) fclose(status);
}

static int fail(walstream_error *error)
{
    fprintf(stderr, "host: %s\n", error ? error->message : "failed");
    return 1;
}

int main(int argc, char **argv)
{
    walstream_config *config = walstream_config_new();
    walstream_stream *stream = NULL;
    walstream_error *error = NULL;
    uint64_t end;
    if (argc < 5 || walstream_lsn_parse(argv[4], &end) != WALSTREAM_OK) return 2;
    walstream_config_set(config, "slot", argv[2], &error);
    walstream_config_set(config, "publication", argv[3], &error);
    for (int i = 5; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (!value) return 2;
        *value = 0;
        if (walstream_config_set(config, argv[i], value + 1, &error) < 0) return fail(error);
    }
    if (walstream_open(argv[1], config, &stream, &error) < 0) return fail(error);
    if (walstream_start(stream, 0, &error) < 0) return fail(error);

    const int64_t until = delays_until();
    const char *sleeps = getenv("READS_BEFORE_SLEEP");
    long reads = sleeps ? atol(sleeps) : -1;
    uint64_t events = 0, batches = 0;
    int done = 0;
    while (!done) {
        if (reads-- == 0) {
            sleep((unsigned)atoi(getenv("SLEEP_SECONDS")));
            break;
        }
        walstream_batch *batch;
        const int32_t code = walstream_next_batch(stream, until ? 100 : -1, &batch, &error);
        if (code == WALSTREAM_TIMEOUT) {
            if (now_us() > until) break;
            continue;
        }
        if (code != WALSTREAM_OK) return fail(error);
        const int64_t here = until ? now_us() : 0;
        size_t size;
        const char *at = (const char *)walstream_batch_events(batch, &size);
        const size_t count = walstream_batch_count(batch);
        for (size_t i = 0; i < count; i++, at += size) {
            const walstream_event *event = (const walstream_event *)at;
            sum += event->commit_lsn + event->seq;
            touch(event->old_values, event->old_count);
            touch(event->new_values, event->new_count);
            if (event->ack_lsn) {
                if (until) delays_add(here, event->commit_time_us);
                if (end && event->ack_lsn >= end) done = 1;
            }
        }
        events += count;
        batches++;
        walstream_batch_free(batch);
        if (until && here > until) done = 1;
    }
    printf("ended_us=%lld events=%llu batches=%llu sum=%llx\n", (long long)now_us(), (unsigned long long)events,
           (unsigned long long)batches, (unsigned long long)sum);
    print_memory();
    delays_print();
    walstream_free(stream);
    walstream_config_free(config);
    return 0;
}
