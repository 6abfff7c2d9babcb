/*
 * What Go calls instead of walstream.h where that saves a call or an allocation: results come back by value, because a
 * Go variable whose address goes to C would be allocated. Owns nothing.
 */
#ifndef WALSTREAM_GO_NATIVE_H
#define WALSTREAM_GO_NATIVE_H

#include <stdlib.h>
#include <walstream.h>

typedef struct walstream_go_batch {
    walstream_batch *batch;
    const walstream_event *events;
    size_t stride;
    size_t count;
    walstream_error *error;
    int32_t code;
} walstream_go_batch;

/* Gives back the batch that was read before and takes the next one: one crossing for both. */
static inline walstream_go_batch walstream_go_next(walstream_stream *stream, walstream_batch *done, int32_t timeout_ms)
{
    walstream_go_batch next = {NULL, NULL, 0, 0, NULL, 0};

    walstream_batch_free(done);
    next.code = walstream_next_batch(stream, timeout_ms, &next.batch, &next.error);
    if (next.code == WALSTREAM_OK) {
        next.events = walstream_batch_events(next.batch, &next.stride);
        next.count = walstream_batch_count(next.batch);
    }
    return next;
}

typedef struct walstream_go_result {
    walstream_error *error;
    int32_t code;
} walstream_go_result;

static inline walstream_go_result walstream_go_ack(walstream_stream *stream, uint64_t lsn)
{
    walstream_go_result result = {NULL, 0};

    result.code = walstream_ack_lsn(stream, lsn, &result.error);
    return result;
}

typedef struct walstream_go_json {
    size_t needed;
    int32_t code;
} walstream_go_json;

static inline walstream_go_json walstream_go_to_json(const walstream_event *event, char *buffer, size_t size)
{
    walstream_go_json result = {0, 0};

    result.code = walstream_event_to_json(event, buffer, size, &result.needed);
    return result;
}

/* In log.go. As cgo declares it, which knows no const. */
extern void walstream_go_log(uintptr_t handle, int32_t level, char *message);

/* A handle is a number: C keeps it in place of a pointer, Go must never see it as one. */
static inline void walstream_go_log_callback(void *user, int32_t level, const char *message)
{
    walstream_go_log((uintptr_t)user, level, (char *)message);
}

static inline void walstream_go_set_log(walstream_config *config, uintptr_t handle)
{
    walstream_config_set_log(config, walstream_go_log_callback, (void *)handle);
}

#endif
