/*
 * Acknowledging: nothing ahead of what was handed out is taken, lower is no news, and only what was acknowledged
 * stays away. The slot never stands beyond a transaction that was not.
 */
#include "dump.h"

#define TRANSACTIONS 4

static uint64_t acks[TRANSACTIONS]; /* ack_lsn of each transaction that was read */

static walstream_stats stats_of(walstream_stream *stream)
{
    walstream_stats stats = {.struct_size = sizeof stats};

    REQUIRE_CODE(walstream_get_stats(stream, &stats), WALSTREAM_OK);
    return stats;
}

static void make_transactions(void)
{
    live_sql("CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE hidden (id int)", "CREATE PUBLICATION pub FOR TABLE t", NULL);
    live_create_slot("");
    live_sql("INSERT INTO t VALUES (1), (10)", "INSERT INTO t VALUES (2), (20)", "INSERT INTO t VALUES (3), (30)",
             "INSERT INTO t VALUES (4), (40)", NULL);
}

/* Reads the last `count` transactions, behind `skip` others, into *dump. */
static void read_transactions(walstream_stream *stream, int skip, int count, struct dump *dump)
{
    while (count > 0) {
        const walstream_event *event = live_next(stream);

        if (event->flags & WALSTREAM_EVENT_NO_IDENTITY) continue;
        if (skip == 0) dump_event(dump, event);
        if (event->kind != WALSTREAM_COMMIT) continue;
        acks[TRANSACTIONS - count - skip] = event->ack_lsn;
        if (skip > 0)
            skip--;
        else
            count--;
    }
}

static void ahead_is_refused(void)
{
    static struct dump dump;
    walstream_error *error = NULL;
    walstream_stream *stream;
    const walstream_event *event;
    uint64_t server;

    make_transactions();
    REQUIRE_CODE(walstream_lsn_parse(live_value("SELECT pg_current_wal_lsn()"), &server), WALSTREAM_OK);
    stream = live_start("", NULL);
    CHECK_CODE(walstream_ack_lsn(stream, UINT64_MAX, &error), WALSTREAM_E_ACK_AHEAD);
    CHECK_ERROR(error, WALSTREAM_E_ACK_AHEAD);
    CHECK(error != NULL && (error->flags & WALSTREAM_ERROR_FATAL) == 0);
    walstream_error_free(error);

    event = live_next_of(stream, WALSTREAM_COMMIT);
    acks[0] = event->ack_lsn;
    CHECK_CODE(walstream_ack_lsn(stream, acks[0] + 1, NULL), WALSTREAM_E_ACK_AHEAD);
    CHECK_CODE(walstream_ack_lsn(stream, server, NULL), WALSTREAM_E_ACK_AHEAD); /* it has them, the host does not */
    CHECK(stats_of(stream).acked_lsn < acks[0]);
    CHECK_CODE(walstream_ack_lsn(stream, acks[0], NULL), WALSTREAM_OK);
    CHECK_U64(stats_of(stream).acked_lsn, acks[0]);
    read_transactions(stream, 0, 3, &dump); /* the refusals did no harm */
    CHECK_CODE(walstream_ack_lsn(stream, acks[3] + 1, NULL), WALSTREAM_E_ACK_AHEAD);
    live_close(stream);
    CHECK_U64(live_confirmed(""), acks[0]);
}

static void lower_is_no_news(void)
{
    static struct dump dump;
    walstream_stream *stream;

    make_transactions();
    stream = live_start("", NULL);
    read_transactions(stream, 0, 4, &dump);
    CHECK_CODE(walstream_ack_lsn(stream, acks[2], NULL), WALSTREAM_OK);
    CHECK_CODE(walstream_ack_lsn(stream, acks[0], NULL), WALSTREAM_OK);
    CHECK_CODE(walstream_ack_lsn(stream, 1, NULL), WALSTREAM_OK);
    CHECK_CODE(walstream_ack_lsn(stream, 0, NULL), WALSTREAM_OK);
    CHECK_CODE(walstream_ack_lsn(stream, acks[2], NULL), WALSTREAM_OK);
    CHECK_U64(stats_of(stream).acked_lsn, acks[2]);
    live_close(stream);
    CHECK_U64(live_confirmed(""), acks[2]);
}

static void only_unacknowledged_return(void)
{
    static struct dump first, second;
    walstream_stream *stream;

    make_transactions();
    stream = live_start("", NULL);
    read_transactions(stream, 2, 2, &first);
    REQUIRE_CODE(walstream_ack_lsn(stream, acks[1], NULL), WALSTREAM_OK);
    live_close(stream);
    stream = live_start("", NULL);
    read_transactions(stream, 0, 2, &second);
    live_expect_nothing(stream, 100);
    CHECK_SAME_EVENTS(&second, &first); /* under the same identity */
    live_close(stream);
}

/* free alone sends what it can at once; whatever it sent, nothing unacknowledged is lost. */
static void free_without_stop(void)
{
    static struct dump dump;
    walstream_stream *stream;
    const walstream_event *event;

    make_transactions();
    stream = live_start("", NULL);
    read_transactions(stream, 0, 4, &dump);
    REQUIRE_CODE(walstream_ack_lsn(stream, acks[1], NULL), WALSTREAM_OK);
    walstream_free(stream);
    stream = live_start("", NULL);
    do event = live_next_of(stream, WALSTREAM_COMMIT);
    while (event->ack_lsn <= acks[1]);
    CHECK_U64(event->ack_lsn, acks[2]);
    CHECK_U64(live_next_of(stream, WALSTREAM_COMMIT)->ack_lsn, acks[3]);
    live_close(stream);
}

/* The start of a commit record is not its end: the whole transaction comes again. */
static void commit_lsn_is_not_enough(void)
{
    walstream_stream *stream;
    const walstream_event *event;

    make_transactions();
    stream = live_start("", NULL);
    event = live_next_of(stream, WALSTREAM_COMMIT);
    acks[0] = event->commit_lsn;
    CHECK_CODE(walstream_ack_lsn(stream, event->commit_lsn, NULL), WALSTREAM_OK);
    live_close(stream);
    stream = live_start("", NULL);
    CHECK_U64(live_next_of(stream, WALSTREAM_INSERT)->commit_lsn, acks[0]);
    live_close(stream);
}

/* While the stream runs, an acknowledgement reaches the slot soon, and exactly. */
static void slot_follows(void)
{
    static struct dump dump;
    walstream_stream *stream;

    make_transactions();
    stream = live_start("", NULL);
    read_transactions(stream, 0, 4, &dump);
    for (int i = 0; i < TRANSACTIONS; i++) {
        REQUIRE_CODE(walstream_ack_lsn(stream, acks[i], NULL), WALSTREAM_OK);
        WAIT_UNTIL(live_confirmed("") >= acks[i], 8000); /* far less than status_interval_ms */
        if (i < TRANSACTIONS - 1) CHECK_U64(live_confirmed(""), acks[i]);
        WAIT_UNTIL(stats_of(stream).confirmed_lsn >= acks[i], 8000);
    }
    live_close(stream);
}

/* Where the slot stood at start may be repeated, before anything was read. */
static void position_at_start(void)
{
    walstream_stream *stream;
    uint64_t stood;

    make_transactions();
    stood = live_confirmed("");
    stream = live_start("", NULL);
    CHECK_CODE(walstream_ack_lsn(stream, stood, NULL), WALSTREAM_OK);
    CHECK_CODE(walstream_ack_lsn(stream, stood + 1, NULL), WALSTREAM_E_ACK_AHEAD);
    live_close(stream);
}

/* A host that saved its position itself goes on behind it, though the slot stands before. */
static void saved_position(void)
{
    static struct dump first, second;
    walstream_stream *stream;

    make_transactions();
    stream = live_start("", NULL);
    read_transactions(stream, 2, 2, &first);
    live_close(stream);
    stream = live_open("", NULL);
    REQUIRE_CODE(walstream_start(stream, acks[1], NULL), WALSTREAM_OK);
    CHECK_CODE(walstream_ack_lsn(stream, acks[1], NULL), WALSTREAM_OK);
    read_transactions(stream, 0, 2, &second);
    CHECK_SAME_EVENTS(&second, &first);
    live_close(stream);
}

static void after_the_end(void)
{
    char stop[WALSTREAM_LSN_BUFFER];
    static struct dump dump;
    walstream_stream *stream;
    const walstream_event *event;
    walstream_batch *batch;
    uint64_t lsn;

    make_transactions();
    REQUIRE_CODE(walstream_lsn_parse(live_value("SELECT pg_current_wal_lsn()"), &lsn), WALSTREAM_OK);
    live_sql("INSERT INTO t VALUES (5)", NULL);
    stream = live_start("", "stop_lsn", walstream_lsn_format(lsn, stop), NULL);
    read_transactions(stream, 0, 4, &dump);
    for (int i = 0; i < 3; i++) {
        CHECK_CODE(walstream_next_event(stream, LIVE_WAIT_MS, &event, NULL), WALSTREAM_END);
        CHECK(event == NULL);
        CHECK_CODE(walstream_next_batch(stream, -1, &batch, NULL), WALSTREAM_END);
        CHECK(batch == NULL);
    }
    CHECK_CODE(walstream_ack_lsn(stream, acks[2], NULL), WALSTREAM_OK);
    WAIT_UNTIL(live_confirmed("") == acks[2], 8000);
    CHECK_CODE(walstream_ack_lsn(stream, acks[3], NULL), WALSTREAM_OK);
    CHECK_CODE(walstream_stop(stream, LIVE_WAIT_MS, NULL), WALSTREAM_OK);
    CHECK_CODE(walstream_ack_lsn(stream, acks[3], NULL), WALSTREAM_E_STATE);
    walstream_free(stream);
    CHECK_U64(live_confirmed(""), acks[3]); /* the fifth is still to come */
}

/* WAL that concerns nobody passes by a stream with nothing pending, and waits behind one with something. */
static void idle_advance(void)
{
    static struct dump dump;
    walstream_stream *stream;
    uint64_t server;

    make_transactions();
    stream = live_start("", NULL);
    read_transactions(stream, 0, 4, &dump);
    REQUIRE_CODE(walstream_ack_lsn(stream, acks[2], NULL), WALSTREAM_OK);
    live_sql("INSERT INTO hidden SELECT generate_series(1, 1000)", NULL);
    REQUIRE_CODE(walstream_lsn_parse(live_value("SELECT pg_current_wal_lsn()"), &server), WALSTREAM_OK);
    WAIT_UNTIL(stats_of(stream).server_lsn >= server, 8000);
    WAIT_UNTIL(live_confirmed("") >= acks[2], 8000);
    CHECK_U64(live_confirmed(""), acks[2]); /* and not a byte further */
    REQUIRE_CODE(walstream_ack_lsn(stream, acks[3], NULL), WALSTREAM_OK);
    live_sql("INSERT INTO hidden VALUES (0)", NULL);
    WAIT_UNTIL(live_confirmed("") >= server, 8000);
    CHECK(stats_of(stream).acked_lsn == acks[3]); /* the host's own, not the idle position */
    live_close(stream);
}

static void idle_advance_off(void)
{
    static struct dump dump;
    walstream_stream *stream;
    uint64_t server;

    make_transactions();
    stream = live_start("", "idle_advance", "off", NULL);
    read_transactions(stream, 0, 4, &dump);
    REQUIRE_CODE(walstream_ack_lsn(stream, acks[3], NULL), WALSTREAM_OK);
    live_sql("INSERT INTO hidden SELECT generate_series(1, 1000)", NULL);
    REQUIRE_CODE(walstream_lsn_parse(live_value("SELECT pg_current_wal_lsn()"), &server), WALSTREAM_OK);
    WAIT_UNTIL(stats_of(stream).server_lsn >= server, 8000);
    live_close(stream);
    CHECK_U64(live_confirmed(""), acks[3]);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"ahead_is_refused", ahead_is_refused, 1},
        {"lower_is_no_news", lower_is_no_news, 1},
        {"only_unacknowledged_return", only_unacknowledged_return, 1},
        {"free_without_stop", free_without_stop, 1},
        {"commit_lsn_is_not_enough", commit_lsn_is_not_enough, 1},
        {"slot_follows", slot_follows, 1},
        {"position_at_start", position_at_start, 1},
        {"saved_position", saved_position, 1},
        {"after_the_end", after_the_end, 1},
        {"idle_advance", idle_advance, 1},
        {"idle_advance_off", idle_advance_off, 1},
    };
    return check_main(argc, argv, cases, sizeof cases / sizeof *cases, &live_world);
}
