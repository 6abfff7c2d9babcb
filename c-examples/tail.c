/*
 * tail: shows a PostgreSQL database's changes as they happen, and acknowledges them.
 *
 * The way of a real consumer in small: open, start, read (one by one or in batches), handle, acknowledge, stop,
 * free; an orderly end on Ctrl-C; the library's errors, log and statistics. tail --help lists what it can.
 */
#define _POSIX_C_SOURCE 200809L /* sigaction, isatty, clock_gettime */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <walstream.h>

#include "tail_options.h"
#include "tail_view.h"

#define STOP_TIMEOUT_MS 10000

/* What the signal handler sees. The library blocks signals on its own threads: it runs on ours. */
static walstream_stream *volatile woken_stream;

static void on_signal(int number)
{
    walstream_stream *stream = woken_stream;

    (void)number;
    if (stream != NULL) walstream_wake(stream);
}

/* The first Ctrl-C ends in order, a second one at once. */
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

static void on_log(void *user, int32_t level, const char *message)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    const struct tail_options *options = user;

    if (level < 0 || level > 3 || level > 1 + options->verbose) return;
    if (level == 0 && !options->verbose) return; /* it comes as a walstream_error, too */
    fprintf(stderr, "tail: %s: %s\n", names[level], message);
}

static int report(walstream_error *error)
{
    if (error == NULL) {
        fputs("tail: out of memory\n", stderr);
        return 1;
    }
    fprintf(stderr, "tail: %s: %s", walstream_code_name(error->code), error->message);
    if (*error->sqlstate != '\0') fprintf(stderr, " (SQLSTATE %s)", error->sqlstate);
    fputc('\n', stderr);
    if (*error->detail != '\0') fprintf(stderr, "detail: %s\n", error->detail);
    if (*error->hint != '\0') fprintf(stderr, "hint: %s\n", error->hint);
    walstream_error_free(error);
    return 1;
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Events count as handled once they are written, not before. */
static int32_t acknowledge(walstream_stream *stream, const struct tail_options *options, uint64_t lsn, walstream_error **error)
{
    if (fflush(stdout) != 0) {
        fprintf(stderr, "tail: cannot write: %s\n", strerror(errno));
        exit(1);
    }
    if (lsn == 0 || !options->ack) return WALSTREAM_OK;
    return walstream_ack_lsn(stream, lsn, error);
}

static int32_t follow_events(walstream_stream *stream, const struct tail_options *options, struct tail_view *view,
                             walstream_error **error)
{
    const walstream_event *event;
    int32_t code;

    while ((code = walstream_next_event(stream, options->until_idle_ms, &event, error)) == WALSTREAM_OK) {
        view_event(view, event);
        if (event->ack_lsn == 0) continue;
        code = acknowledge(stream, options, event->ack_lsn, error);
        if (code != WALSTREAM_OK) break;
    }
    return code;
}

static int32_t follow_batches(walstream_stream *stream, const struct tail_options *options, struct tail_view *view,
                              walstream_error **error)
{
    walstream_batch *batch;
    int32_t code;

    while ((code = walstream_next_batch(stream, options->until_idle_ms, &batch, error)) == WALSTREAM_OK) {
        size_t stride;
        const char *at = (const char *)walstream_batch_events(batch, &stride);

        for (size_t left = walstream_batch_count(batch); left > 0; left--, at += stride)
            view_event(view, (const walstream_event *)at);
        code = acknowledge(stream, options, walstream_batch_ack_lsn(batch), error);
        walstream_batch_free(batch);
        if (code != WALSTREAM_OK) break;
    }
    return code;
}

static struct tail_view new_view(const struct tail_options *options)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    int on_terminal = isatty(STDOUT_FILENO) && term != NULL && strcmp(term, "dumb") != 0;

    return (struct tail_view){
        .out = {stdout, on_terminal && (no_color == NULL || *no_color == '\0')},
        .on_terminal = on_terminal,
        .quiet = options->quiet,
        .json = options->json,
        .row_limit = options->row_limit,
        .value_width = (size_t)options->value_width,
        .table_width = 12,
        .kind_width = 8,
        .lsn_width = 10,
    };
}

/* Reads until the end that the options name, a signal or a failure; then stops in order and sums up. */
static int follow(walstream_stream *stream, const struct tail_options *options)
{
    struct tail_view view = new_view(options);
    walstream_stats stats = {.struct_size = sizeof stats};
    walstream_error *error = NULL;
    double began = now();
    int status = 0;
    int32_t code = walstream_start(stream, options->start_lsn, &error);

    if (code < 0) return report(error);
    if (code == WALSTREAM_OK)
        code = (options->batch ? follow_batches : follow_events)(stream, options, &view, &error);
    view_finish_line(&view);
    fflush(stdout);
    if (code < 0) status = report(error);
    code = walstream_stop(stream, STOP_TIMEOUT_MS, &error);
    if (code < 0) status = report(error);
    if (code == WALSTREAM_TIMEOUT) fputs("tail: the server did not end the stream in time, the connection was cut\n", stderr);
    json_free(&view.json_line);
    if (!view.json && walstream_get_stats(stream, &stats) == WALSTREAM_OK) view_summary(&view, &stats, now() - began);
    return status;
}

static int run(struct tail_options *options, walstream_config *config)
{
    walstream_stream *stream = NULL;
    walstream_error *error = NULL;
    int status;

    for (int i = 0; i < options->setting_count; i++)
        if (walstream_config_set(config, options->settings[i].key, options->settings[i].value, &error) < 0) {
            report(error);
            return 2;
        }
    walstream_config_set_log(config, on_log, options);
    if (walstream_open(options->conninfo, config, &stream, &error) < 0) return report(error);

    catch_signals(stream);
    status = follow(stream, options);
    woken_stream = NULL;
    walstream_free(stream);
    return status;
}

int main(int argc, char **argv)
{
    struct tail_options options;
    walstream_config *config;
    int status;

    switch (tail_options_read(&options, argc, argv)) {
    case TAIL_WRONG: return 2;
    case TAIL_HELP: tail_options_help(stdout); return 0;
    case TAIL_RUN: break;
    }
    config = walstream_config_new();
    status = config == NULL ? report(NULL) : run(&options, config);
    walstream_config_free(config);
    tail_options_free(&options);
    return status;
}
