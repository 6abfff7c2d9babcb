/*
 * Several threads on one stream: a second reader is refused, a waiting one is let go by wake, stop and free; what
 * is marked "any thread" works beside a read. And the log callback's promises.
 */
#include "live.h"

#include <pthread.h>

/* A thread that waits for an event for ever, and the code that ended its wait. */
static struct {
    pthread_t thread;
    walstream_stream *stream;
    int32_t code;
    walstream_error *error;
} waiter;

static void *wait_for_ever(void *unused)
{
    const walstream_event *event;

    do {
        walstream_error_free(waiter.error);
        waiter.code = walstream_next_event(waiter.stream, -1, &event, &waiter.error);
    } while (waiter.code == WALSTREAM_E_BUSY); /* the first thread was just looking whether this one is there */
    return unused;
}

static int is_busy(walstream_stream *stream)
{
    const walstream_event *event;

    return walstream_next_event(stream, 0, &event, NULL) == WALSTREAM_E_BUSY;
}

/* Back when the thread is inside its read. */
static void begin_waiting(walstream_stream *stream)
{
    waiter.stream = stream;
    REQUIRE(pthread_create(&waiter.thread, NULL, wait_for_ever, NULL) == 0);
    WAIT_UNTIL(is_busy(stream), LIVE_WAIT_MS);
}

static int32_t end_waiting(void)
{
    REQUIRE(pthread_join(waiter.thread, NULL) == 0);
    return waiter.code;
}

static walstream_stream *idle_stream(void)
{
    live_sql("CREATE TABLE t (id int, filler text)", "CREATE PUBLICATION pub FOR TABLE t", NULL);
    live_create_slot("");
    return live_start("", NULL);
}

static void second_reader_is_refused(void)
{
    walstream_stream *stream = idle_stream();
    walstream_stats stats = {.struct_size = sizeof stats};
    walstream_error *error = NULL;
    const walstream_event *event;
    walstream_batch *batch;

    begin_waiting(stream);
    CHECK_CODE(walstream_next_event(stream, -1, &event, &error), WALSTREAM_E_BUSY);
    CHECK(event == NULL);
    CHECK_ERROR(error, WALSTREAM_E_BUSY);
    CHECK(error != NULL && (error->flags & WALSTREAM_ERROR_FATAL) == 0);
    walstream_error_free(error);
    CHECK_CODE(walstream_next_batch(stream, -1, &batch, NULL), WALSTREAM_E_BUSY);
    CHECK_CODE(walstream_start(stream, 0, NULL), WALSTREAM_E_BUSY);
    CHECK_CODE(walstream_stop(stream, 0, NULL), WALSTREAM_E_BUSY);

    /* What is marked "any thread" goes on beside it. */
    CHECK_CODE(walstream_get_stats(stream, &stats), WALSTREAM_OK);
    CHECK_U64(stats.state, WALSTREAM_STATE_STREAMING);
    CHECK_CODE(walstream_ack_lsn(stream, 1, NULL), WALSTREAM_OK);
    CHECK(walstream_ready_fd(stream) >= 0);
    CHECK(is_busy(stream)); /* nothing of that disturbed it */
    CHECK_CODE(walstream_wake(stream), WALSTREAM_OK);
    CHECK_CODE(end_waiting(), WALSTREAM_WOKEN);
    live_close(stream);
}

static void waiting_thread_gets_the_event(void)
{
    walstream_stream *stream = idle_stream();

    begin_waiting(stream);
    live_sql("INSERT INTO t VALUES (1)", NULL);
    CHECK_CODE(end_waiting(), WALSTREAM_OK);
    live_close(stream);
}

static void free_ends_a_wait(void)
{
    walstream_stream *stream = idle_stream();
    int64_t began;

    begin_waiting(stream);
    began = check_now_ms();
    walstream_free(stream);
    CHECK_CODE(end_waiting(), WALSTREAM_E_CLOSED);
    CHECK(check_now_ms() - began < 3000);
    CHECK_ERROR(waiter.error, WALSTREAM_E_CLOSED);
    walstream_error_free(waiter.error);
}

/* Many times, and every second time so that the thread may be on its way out. */
static void free_ends_a_wait_at_any_moment(void)
{
    live_sql("CREATE TABLE t (id int, filler text)", "CREATE PUBLICATION pub FOR TABLE t", NULL);
    live_create_slot("");
    for (int round = 0; round < 20; round++) {
        walstream_stream *stream = live_start("", NULL);

        begin_waiting(stream);
        if (round % 2 == 1) walstream_wake(stream);
        walstream_free(stream);
        end_waiting();
        CHECK(waiter.code == WALSTREAM_E_CLOSED || (waiter.code == WALSTREAM_WOKEN && round % 2 == 1));
        walstream_error_free(waiter.error);
        waiter.error = NULL;
    }
}

static void free_in_any_state(void)
{
    walstream_stream *stream;
    int64_t began;

    live_sql("CREATE TABLE t (id int, filler text)", "CREATE PUBLICATION pub FOR TABLE t", NULL);
    live_create_slot("");
    walstream_free(live_open("", NULL));
    stream = live_start("", NULL);
    walstream_free(stream);
    stream = live_start("", NULL); /* the slot was let go */
    live_sql("INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(1, 20000) i", NULL);
    live_next_of(stream, WALSTREAM_INSERT); /* in the middle of a transaction */
    began = check_now_ms();
    walstream_free(stream);
    CHECK(check_now_ms() - began < 5000);
}

static void stop_ends_reading(void)
{
    walstream_stream *stream = idle_stream();
    walstream_stats stats = {.struct_size = sizeof stats};
    const walstream_event *event;
    walstream_batch *batch;
    uint64_t lsn;

    live_sql("INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)", NULL);
    lsn = live_next_of(stream, WALSTREAM_COMMIT)->ack_lsn;
    live_next_of(stream, WALSTREAM_COMMIT); /* pending, so that no position behind it is confirmed */
    CHECK_CODE(walstream_ack_lsn(stream, lsn, NULL), WALSTREAM_OK);
    CHECK_CODE(walstream_stop(stream, LIVE_WAIT_MS, NULL), WALSTREAM_OK);
    CHECK_U64(live_confirmed(""), lsn); /* the last acknowledgement was sent */
    WAIT_UNTIL(strcmp(live_value("SELECT count(*) FROM pg_replication_slots WHERE database = current_database() AND active"), "0") == 0, LIVE_WAIT_MS);
    for (int i = 0; i < 2; i++) {
        walstream_error *error = NULL;

        CHECK_CODE(walstream_next_event(stream, -1, &event, NULL), WALSTREAM_END);
        CHECK(event == NULL);
        CHECK_CODE(walstream_next_batch(stream, -1, &batch, NULL), WALSTREAM_END);
        CHECK(batch == NULL);
        CHECK_CODE(walstream_ack_lsn(stream, lsn, &error), WALSTREAM_E_STATE);
        CHECK_ERROR(error, WALSTREAM_E_STATE);
        walstream_error_free(error);
        CHECK_CODE(walstream_stop(stream, 0, NULL), WALSTREAM_OK); /* again */
    }
    CHECK_CODE(walstream_get_stats(stream, &stats), WALSTREAM_OK);
    CHECK_U64(stats.state, WALSTREAM_STATE_ENDED);
    CHECK_U64(stats.acked_lsn, lsn);
    walstream_free(stream);
}

/* With a server that has much left to send, and a host that reads none of it. */
static void stop_is_bounded(void)
{
    walstream_stream *stream;
    int64_t began, took;
    int32_t code;

    live_sql("CREATE TABLE t (id int, filler text)", "CREATE PUBLICATION pub FOR TABLE t", NULL);
    live_create_slot("");
    live_sql("INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(1, 100000) i", NULL);
    stream = live_start("", "queue.max_bytes", "1048576", "streaming", "off", NULL);
    live_next_of(stream, WALSTREAM_INSERT);
    began = check_now_ms();
    code = walstream_stop(stream, 500, NULL);
    took = check_now_ms() - began;
    CHECK(code == WALSTREAM_OK || code == WALSTREAM_TIMEOUT);
    CHECK(took < 5000);
    CHECK_CODE(walstream_stop(stream, 0, NULL), WALSTREAM_OK);
    walstream_free(stream);
}

static void statistics(void)
{
    walstream_stream *stream = idle_stream();
    walstream_stats stats = {.struct_size = sizeof stats};
    walstream_batch *batch = NULL;
    uint64_t lsn, read = 0;

    CHECK_CODE(walstream_get_stats(stream, &stats), WALSTREAM_OK);
    CHECK_U64(stats.state, WALSTREAM_STATE_STREAMING);
    live_sql("INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(1, 100) i", NULL);
    do {
        walstream_batch_free(batch);
        REQUIRE_CODE(walstream_next_batch(stream, LIVE_WAIT_MS, &batch, NULL), WALSTREAM_OK);
        read += walstream_batch_count(batch);
    } while (walstream_batch_ack_lsn(batch) == 0);
    lsn = walstream_batch_ack_lsn(batch);
    CHECK_CODE(walstream_get_stats(stream, &stats), WALSTREAM_OK);
    CHECK_U64(stats.struct_size, sizeof stats);
    CHECK_U64(stats.delivered_lsn, lsn);
    CHECK(stats.received_lsn >= lsn && stats.server_lsn >= lsn);
    CHECK(stats.acked_lsn < lsn && stats.confirmed_lsn < lsn);
    CHECK(stats.events >= read && read >= 103); /* BEGIN, RELATION, rows, COMMIT */
    CHECK(stats.bytes > 100 * 100);
    CHECK(stats.host_bytes > 0); /* the last batch alone: the others are freed */
    CHECK(stats.lag_bytes > 0);
    CHECK_U64(stats.queue_events, 0);
    CHECK_U64(stats.open_transactions, 0);
    CHECK_U64(stats.reconnects, 0);
    CHECK_U64(stats.spilled_bytes, 0);
    CHECK_U64(stats.last_error, WALSTREAM_OK);
    walstream_batch_free(batch);
    CHECK_CODE(walstream_get_stats(stream, &stats), WALSTREAM_OK);
    CHECK_U64(stats.host_bytes, 0);
    REQUIRE_CODE(walstream_ack_lsn(stream, lsn, NULL), WALSTREAM_OK);
    WAIT_UNTIL(walstream_get_stats(stream, &stats) == WALSTREAM_OK && stats.confirmed_lsn >= lsn, 8000);
    CHECK_U64(stats.acked_lsn, lsn);
    live_close(stream);
}

/* What the log callback saw; on several threads, but never two at once. */
static struct {
    pthread_mutex_t guard;
    int messages, inside, at_once, after_free, broken, freed;
} log_seen = {.guard = PTHREAD_MUTEX_INITIALIZER};

static void on_log(void *user, int32_t level, const char *message)
{
    pthread_mutex_lock(&log_seen.guard);
    log_seen.messages++;
    log_seen.at_once += log_seen.inside++ != 0;
    log_seen.after_free += log_seen.freed;
    log_seen.broken += user != &log_seen || level < 0 || level > 3 || message == NULL || *message == '\0' || strpbrk(message, "\r\n") != NULL;
    pthread_mutex_unlock(&log_seen.guard);
    check_pause(); /* so that another call at the same time would be seen */
    pthread_mutex_lock(&log_seen.guard);
    log_seen.inside--;
    pthread_mutex_unlock(&log_seen.guard);
}

static void log_callback(void)
{
    walstream_config *config = live_config("");
    walstream_stream *stream = NULL;
    const walstream_event *event;
    char kill[200];
    int64_t deadline = check_now_ms() + 1000;

    live_sql("CREATE TABLE t (id int, filler text)", "CREATE PUBLICATION pub FOR TABLE t", NULL);
    live_create_slot("");
    REQUIRE_CODE(walstream_config_set_log(config, on_log, &log_seen), WALSTREAM_OK);
    REQUIRE_CODE(walstream_open(live.conninfo, config, &stream, NULL), WALSTREAM_OK);
    walstream_config_free(config);
    REQUIRE_CODE(walstream_start(stream, 0, NULL), WALSTREAM_OK);
    /* A lost connection is worth a message, whether the stream comes back or ends. */
    snprintf(kill, sizeof kill, "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '%s'", live_slot(""));
    live_sql(kill, NULL);
    while (check_now_ms() < deadline && walstream_next_event(stream, 100, &event, NULL) >= 0) continue;
    walstream_free(stream);
    pthread_mutex_lock(&log_seen.guard);
    log_seen.freed = 1;
    CHECK(log_seen.messages > 0);
    CHECK(log_seen.inside == 0);
    pthread_mutex_unlock(&log_seen.guard);
    live_sql("SELECT pg_sleep(0.3)", NULL); /* nothing may come now, and nothing announces that it does not */
    CHECK(log_seen.after_free == 0);
    CHECK(log_seen.at_once == 0);
    CHECK(log_seen.broken == 0);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"second_reader_is_refused", second_reader_is_refused, 1},
        {"waiting_thread_gets_the_event", waiting_thread_gets_the_event, 1},
        {"free_ends_a_wait", free_ends_a_wait, 1},
        {"free_ends_a_wait_at_any_moment", free_ends_a_wait_at_any_moment, 1},
        {"free_in_any_state", free_in_any_state, 1},
        {"stop_ends_reading", stop_ends_reading, 1},
        {"stop_is_bounded", stop_is_bounded, 1},
        {"statistics", statistics, 1},
        {"log_callback", log_callback, 1},
    };
    return check_main(argc, argv, cases, sizeof cases / sizeof *cases, &live_world);
}
