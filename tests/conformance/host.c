/*
 * host: the C host of the conformance test, and the pattern for those of other languages.
 *
 *     host CONNINFO SLOT PUBLICATION STOP_LSN [KEY=VALUE ...]
 *
 * Prints every event as a line of JSON, acknowledges it, and ends at STOP_LSN.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <walstream.h>

static int report(walstream_error *error)
{
    fprintf(stderr, "host: %s\n", error ? error->message : "failed");
    walstream_error_free(error);
    return 1;
}

/* KEY=VALUE, cut in two. */
static int32_t set_pair(walstream_config *config, char *pair, walstream_error **error)
{
    char *value = strchr(pair, '=');

    if (value != NULL) *value++ = '\0';
    return walstream_config_set(config, pair, value, error);
}

static void print(const walstream_event *event)
{
    static char *line;
    static size_t size;
    size_t needed;
    char *longer;

    walstream_event_to_json(event, line, size, &needed);
    if (needed >= size) {
        size = needed + 1;
        longer = realloc(line, size);
        if (longer == NULL) exit(1);
        line = longer;
        if (walstream_event_to_json(event, line, size, NULL) != WALSTREAM_OK) exit(1);
    }
    puts(line);
}

static int32_t follow(walstream_stream *stream, walstream_error **error)
{
    const walstream_event *event;
    int32_t code = walstream_start(stream, 0, error);

    while (code == WALSTREAM_OK) {
        code = walstream_next_event(stream, 30000, &event, error);
        if (code != WALSTREAM_OK) break;
        print(event);
        if (event->ack_lsn != 0) code = walstream_ack_lsn(stream, event->ack_lsn, error);
    }
    return code;
}

int main(int argc, char **argv)
{
    walstream_config *config = walstream_config_new();
    walstream_stream *stream = NULL;
    walstream_error *error = NULL;
    int32_t code;

    if (argc < 5) return fprintf(stderr, "usage: host CONNINFO SLOT PUBLICATION STOP_LSN [KEY=VALUE ...]\n"), 2;
    code = walstream_config_set(config, "slot", argv[2], &error);
    if (code == WALSTREAM_OK) code = walstream_config_set(config, "publication", argv[3], &error);
    if (code == WALSTREAM_OK) code = walstream_config_set(config, "stop_lsn", argv[4], &error);
    for (int i = 5; i < argc && code == WALSTREAM_OK; i++) code = set_pair(config, argv[i], &error);
    if (code == WALSTREAM_OK) code = walstream_open(argv[1], config, &stream, &error);
    if (code == WALSTREAM_OK) code = follow(stream, &error);
    if (code == WALSTREAM_TIMEOUT) fprintf(stderr, "host: nothing came for 30 s\n");
    else if (code != WALSTREAM_END) report(error);
    walstream_stop(stream, -1, NULL);
    walstream_free(stream);
    walstream_config_free(config);
    return code != WALSTREAM_END || fflush(stdout) != 0;
}
