/*
 * Waiting: timeouts, wake from anywhere, and the descriptor that event loops wait on.
 */
#include "live.h"

#include <poll.h>
#include <sys/time.h>

/* A table, a publication, a slot and a started stream on them. */
static walstream_stream *idle_stream(void)
{
    live_sql("CREATE TABLE t (id int, filler text)", "CREATE PUBLICATION pub FOR TABLE t", NULL);
    live_create_slot("");
    return live_start("", NULL);
}

static int32_t read_once(walstream_stream *stream, int32_t timeout_ms)
{
    const walstream_event *event = (const walstream_event *)(uintptr_t)0x10;
    walstream_error *error = NULL;
    int32_t code = walstream_next_event(stream, timeout_ms, &event, &error);

    CHECK((event != NULL) == (code == WALSTREAM_OK));
    CHECK((error != NULL) == (code < 0));
    walstream_error_free(error);
    return code;
}

static int32_t read_batch_once(walstream_stream *stream, int32_t timeout_ms)
{
    walstream_batch *batch = (walstream_batch *)(uintptr_t)0x10;
    int32_t code = walstream_next_batch(stream, timeout_ms, &batch, NULL);

    CHECK((batch != NULL) == (code == WALSTREAM_OK));
    if (batch != NULL) walstream_batch_free(batch);
    return code;
}

static int is_readable(walstream_stream *stream)
{
    struct pollfd fd = {.fd = (int)walstream_ready_fd(stream), .events = POLLIN};

    REQUIRE(fd.fd >= 0);
    REQUIRE(poll(&fd, 1, 0) >= 0);
    return (fd.revents & POLLIN) != 0;
}

/* Waits on the descriptor alone, as an event loop does. */
static int becomes_readable(walstream_stream *stream)
{
    struct pollfd fd = {.fd = (int)walstream_ready_fd(stream), .events = POLLIN};

    return poll(&fd, 1, LIVE_WAIT_MS) == 1 && (fd.revents & POLLIN) != 0;
}

static void timeouts(void)
{
    walstream_stream *stream = idle_stream();
    int64_t began = check_now_ms(), took;

    for (int i = 0; i < 100; i++) CHECK_CODE(read_once(stream, 0), WALSTREAM_TIMEOUT);
    CHECK_CODE(read_batch_once(stream, 0), WALSTREAM_TIMEOUT);
    took = check_now_ms() - began;
    CHECK(took < 5000);
    for (int i = 0; i < 2; i++) {
        began = check_now_ms();
        CHECK_CODE(i == 0 ? read_once(stream, 100) : read_batch_once(stream, 100), WALSTREAM_TIMEOUT);
        took = check_now_ms() - began;
        CHECK(took >= 99 && took < 2000); /* the clock is cut to milliseconds */
    }
    live_close(stream);
}

static void wake_before_a_read(void)
{
    walstream_stream *stream = idle_stream();

    for (int i = 0; i < 5; i++) CHECK_CODE(walstream_wake(stream), WALSTREAM_OK);
    CHECK_CODE(read_once(stream, -1), WALSTREAM_WOKEN);
    CHECK_CODE(read_once(stream, 0), WALSTREAM_TIMEOUT); /* five wakes were one */
    walstream_wake(stream);
    CHECK_CODE(read_once(stream, 0), WALSTREAM_WOKEN); /* also of a read that would not wait */
    walstream_wake(stream);
    CHECK_CODE(read_batch_once(stream, -1), WALSTREAM_WOKEN);
    CHECK_CODE(read_batch_once(stream, 0), WALSTREAM_TIMEOUT);
    live_close(stream);
}

static void wake_comes_before_events(void)
{
    walstream_stream *stream = idle_stream();

    live_sql("INSERT INTO t VALUES (1)", NULL);
    REQUIRE(becomes_readable(stream));
    walstream_wake(stream);
    CHECK_CODE(read_once(stream, 0), WALSTREAM_WOKEN);
    CHECK_CODE(read_once(stream, LIVE_WAIT_MS), WALSTREAM_OK);
    CHECK(live_next_of(stream, WALSTREAM_INSERT) != NULL); /* and nothing was lost */
    live_close(stream);
}

static void wake_before_start(void)
{
    walstream_stream *stream;

    live_sql("CREATE TABLE t (id int, filler text)", "CREATE PUBLICATION pub FOR TABLE t", NULL);
    live_create_slot("");
    stream = live_open("", NULL);
    walstream_wake(stream);
    CHECK_CODE(walstream_start(stream, 0, NULL), WALSTREAM_WOKEN);
    REQUIRE_CODE(walstream_start(stream, 0, NULL), WALSTREAM_OK); /* may be called again */
    live_expect_nothing(stream, 0);
    live_close(stream);
}

static walstream_stream *signalled;

static void on_alarm(int number)
{
    (void)number;
    walstream_wake(signalled);
}

static void wake_from_a_signal_handler(void)
{
    struct itimerval timer = {.it_value = {.tv_usec = 100000}};
    struct sigaction action = {.sa_flags = 0};
    int64_t began;

    signalled = idle_stream();
    action.sa_handler = on_alarm;
    sigaction(SIGALRM, &action, NULL);
    for (int i = 0; i < 3; i++) {
        action.sa_flags = i == 1 ? SA_RESTART : 0;
        sigaction(SIGALRM, &action, NULL);
        began = check_now_ms();
        setitimer(ITIMER_REAL, &timer, NULL);
        CHECK_CODE(i < 2 ? read_once(signalled, -1) : read_batch_once(signalled, -1), WALSTREAM_WOKEN);
        CHECK(check_now_ms() - began < 3000);
        CHECK_CODE(read_once(signalled, 0), WALSTREAM_TIMEOUT);
    }
    live_close(signalled);
}

static void ignore_alarm(int number)
{
    (void)number;
}

/* A signal that has nothing to do with the stream does not end a wait. */
static void other_signals_do_not_wake(void)
{
    struct itimerval timer = {.it_value = {.tv_usec = 50000}, .it_interval = {.tv_usec = 50000}}, off = {.it_value = {0}};
    struct sigaction action = {.sa_flags = 0};
    walstream_stream *stream = idle_stream();
    int64_t began = check_now_ms();

    action.sa_handler = ignore_alarm;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
    CHECK_CODE(read_once(stream, 500), WALSTREAM_TIMEOUT);
    CHECK(check_now_ms() - began >= 499);
    setitimer(ITIMER_REAL, &off, NULL);
    live_close(stream);
}

static void ready_descriptor(void)
{
    walstream_stream *stream = idle_stream();

    CHECK(!is_readable(stream));
    live_sql("INSERT INTO t VALUES (1)", NULL);
    CHECK(becomes_readable(stream));
    CHECK(is_readable(stream)); /* level-triggered: still */
    live_next_of(stream, WALSTREAM_COMMIT); /* nothing follows */
    CHECK(!is_readable(stream));
    CHECK_CODE(read_once(stream, 0), WALSTREAM_TIMEOUT);

    walstream_wake(stream);
    CHECK(is_readable(stream));
    CHECK_CODE(read_once(stream, 0), WALSTREAM_WOKEN);
    CHECK(!is_readable(stream));

    live_sql("INSERT INTO t VALUES (2)", NULL);
    CHECK(becomes_readable(stream));
    CHECK_CODE(read_batch_once(stream, 0), WALSTREAM_OK);

    REQUIRE_CODE(walstream_stop(stream, LIVE_WAIT_MS, NULL), WALSTREAM_OK);
    for (int i = 0; i < 3; i++) {
        CHECK(is_readable(stream));
        CHECK_CODE(read_once(stream, 0), WALSTREAM_END);
    }
    walstream_free(stream);
}

/* Readable means that a read does not wait, whichever of many events it stands before. */
static void ready_descriptor_is_exact(void)
{
    walstream_stream *stream;
    int commits = 0;

    live_sql("CREATE TABLE t (id int, filler text)", "CREATE PUBLICATION pub FOR TABLE t", NULL);
    live_create_slot("");
    stream = live_start("", "batch.max_events", "5", NULL);
    for (int i = 0; i < 20; i++) live_sql("INSERT INTO t SELECT generate_series(1, 10)", NULL);
    while (commits < 20) {
        const walstream_event *event = NULL;

        REQUIRE(becomes_readable(stream));
        REQUIRE_CODE(walstream_next_event(stream, 0, &event, NULL), WALSTREAM_OK);
        if (event->kind == WALSTREAM_COMMIT) commits++;
    }
    CHECK_CODE(read_once(stream, 0), WALSTREAM_TIMEOUT);
    CHECK(!is_readable(stream));
    live_close(stream);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"timeouts", timeouts, 1},
        {"wake_before_a_read", wake_before_a_read, 1},
        {"wake_comes_before_events", wake_comes_before_events, 1},
        {"wake_before_start", wake_before_start, 1},
        {"wake_from_a_signal_handler", wake_from_a_signal_handler, 1},
        {"other_signals_do_not_wake", other_signals_do_not_wake, 1},
        {"ready_descriptor", ready_descriptor, 1},
        {"ready_descriptor_is_exact", ready_descriptor_is_exact, 1},
    };
    return check_main(argc, argv, cases, sizeof cases / sizeof *cases, &live_world);
}
