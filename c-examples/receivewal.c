/*
 * receivewal: keeps a server's write-ahead log in a directory, as an archive that a recovering server can use.
 *
 *   receivewal CONNINFO DIRECTORY [OPTION=VALUE…]
 *
 * Options are the library's: slot=NAME, slot.create=if-missing, stop_lsn=LSN and the like. Run again, it goes on
 * where the archive ends. A segment has its name only once it is complete and on disk, until then NAME.partial;
 * only what is on disk is acknowledged. A promotion is followed: the old timeline's last segment stays partial.
 */
#define _POSIX_C_SOURCE 200809L /* sigaction */

#include <signal.h>
#include <string.h>
#include <walstream.h>

#include "archive.h"
#include "example.h"

#define PROGRAM "receivewal"

static walstream_stream *volatile woken_stream;

static void on_signal(int number)
{
    (void)number;
    walstream_wake(woken_stream);
}

static void catch_signals(walstream_stream *stream)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = (int)SA_RESETHAND;
    woken_stream = stream;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* "16MB" or "1GB", as the server shows it. */
static uint64_t segment_size(const char *conninfo, const walstream_config *config)
{
    walstream_admin *admin;
    walstream_error *error;
    const char *text;
    char *unit;
    uint64_t size;

    if (walstream_admin_open(conninfo, config, &admin, &error) < 0) fail(PROGRAM, error);
    if (walstream_admin_show(admin, "wal_segment_size", &text, &error) < 0) fail(PROGRAM, error);
    size = strtoull(text, &unit, 10) << (strcmp(unit, "GB") == 0 ? 30 : 20);
    walstream_admin_free(admin);
    return size;
}

/* Only what is on disk. */
static int32_t acknowledge(walstream_stream *stream, const struct archive *archive, uint64_t *acknowledged, walstream_error **error)
{
    if (archive->durable <= *acknowledged) return WALSTREAM_OK;
    *acknowledged = archive->durable;
    return walstream_ack_lsn(stream, archive->durable, error);
}

static void take(struct archive *archive, const walstream_event *event)
{
    const walstream_timeline_detail *detail = event->detail;

    if (event->kind == WALSTREAM_WAL) {
        archive_write(archive, detail->timeline, event->lsn, event->payload, event->payload_len);
    } else if (event->kind == WALSTREAM_TIMELINE) {
        printf("timeline %u begins\n", (unsigned)detail->timeline);
        fflush(stdout);
        archive_switch(archive, detail->timeline, detail->switch_lsn, event->payload, event->payload_len);
    }
}

static int32_t follow(walstream_stream *stream, struct archive *archive, walstream_error **error)
{
    const walstream_event *event;
    uint64_t acknowledged = 0;
    int32_t code;

    for (;;) {
        /* Not one fsync for each chunk: what is here is taken first. */
        code = walstream_next_event(stream, 0, &event, error);
        if (code == WALSTREAM_TIMEOUT) {
            archive_sync(archive);
            code = acknowledge(stream, archive, &acknowledged, error);
            if (code < 0) return code;
            code = walstream_next_event(stream, -1, &event, error);
        }
        if (code != WALSTREAM_OK) break;
        take(archive, event);
        if (event->kind == WALSTREAM_TIMELINE) acknowledged = 0;
        /* A complete segment is durable, however much is still to come. */
        code = acknowledge(stream, archive, &acknowledged, error);
        if (code < 0) return code;
    }
    if (code < 0) return code;
    /* At stop_lsn, or on a signal. */
    archive_sync(archive);
    return acknowledge(stream, archive, &acknowledged, error);
}

int main(int argc, char **argv)
{
    walstream_config *config = walstream_config_new();
    walstream_stream *stream = NULL;
    walstream_error *error = NULL;
    struct archive archive;
    char timeline[16];

    if (argc < 3) {
        fputs("usage: receivewal CONNINFO DIRECTORY [OPTION=VALUE...]\n", stderr);
        return 2;
    }
    set_options(PROGRAM, config, argv + 3, argc - 3);
    /* Before anything connects: without a database, as replication's entries in pg_hba.conf allow it. */
    if (walstream_config_set(config, "mode", "physical", &error) < 0) fail(PROGRAM, error);
    archive_open(&archive, argv[2], segment_size(argv[1], config));
    snprintf(timeline, sizeof timeline, "%u", (unsigned)archive.timeline);
    if (walstream_config_set(config, "timeline", timeline, &error) < 0 ||
        walstream_open(argv[1], config, &stream, &error) < 0)
        fail(PROGRAM, error);
    walstream_config_free(config);
    catch_signals(stream);
    if (walstream_start(stream, archive_position(&archive), &error) < 0) fail(PROGRAM, error);
    if (follow(stream, &archive, &error) < 0) fail(PROGRAM, error);
    if (walstream_stop(stream, -1, &error) < 0) fail(PROGRAM, error);
    walstream_free(stream);
    return 0;
}
