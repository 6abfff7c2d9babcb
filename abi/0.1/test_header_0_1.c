/*
 * A program of 0.1's time, compiled against 0.1's header (beside this file) and run with today's library. Never changed: what
 * it asserts was promised then.
 */
#include "live.h"

#include <stddef.h>

static void a_program_of_then_still_runs(void)
{
    walstream_config *config = walstream_config_new();
    walstream_stream *stream = NULL;
    walstream_error *error = NULL;
    walstream_batch *batch = NULL;
    const walstream_event *event = NULL;
    walstream_stats stats = {.struct_size = sizeof stats};
    char text[WALSTREAM_LSN_BUFFER], position[WALSTREAM_POSITION_BUFFER];
    uint64_t acked = 0;
    size_t stride = 0;
    int rows = 0;

    live_sql("CREATE TABLE t (id int PRIMARY KEY, v text)", "CREATE PUBLICATION pub FOR TABLE t", NULL);
    live_create_slot("");
    CHECK_U64(walstream_abi_version(), WALSTREAM_VERSION_MAJOR);
    CHECK_CODE(walstream_config_set(config, "slot", live_slot(""), &error), WALSTREAM_OK);
    CHECK_CODE(walstream_config_set(config, "publication", "pub", &error), WALSTREAM_OK);
    CHECK_CODE(walstream_config_set(config, "no.such.option", "x", &error), WALSTREAM_E_ARGUMENT);
    CHECK(error != NULL && error->code == WALSTREAM_E_ARGUMENT && *error->message != '\0' && error->struct_size >= sizeof *error);
    walstream_error_free(error);
    REQUIRE_CODE(walstream_open(live.conninfo, config, &stream, NULL), WALSTREAM_OK);
    walstream_config_free(config);
    REQUIRE_CODE(walstream_start(stream, 0, NULL), WALSTREAM_OK);

    live_sql("INSERT INTO t VALUES (1, 'one'), (2, NULL)", NULL);
    do {
        REQUIRE_CODE(walstream_next_event(stream, LIVE_WAIT_MS, &event, NULL), WALSTREAM_OK);
        if (event->kind != WALSTREAM_INSERT) continue;
        CHECK_TEXT(event->relation->name, "t");
        CHECK_U64(event->relation->column_count, 2);
        CHECK_U64(event->new_count, 2);
        CHECK_U64(event->seq, rows + 2);
        CHECK(event->new_values[0].kind == WALSTREAM_VALUE_TEXT && event->new_values[0].data[0] == '1' + rows);
        CHECK_U64(event->new_values[1].kind, rows == 0 ? WALSTREAM_VALUE_TEXT : WALSTREAM_VALUE_NULL);
        rows++;
    } while (event->kind != WALSTREAM_COMMIT);
    CHECK_U64(rows, 2);
    acked = event->ack_lsn;
    CHECK_CODE(walstream_ack_lsn(stream, acked, NULL), WALSTREAM_OK);
    CHECK_CODE(walstream_ack_lsn(stream, acked + 1000000, NULL), WALSTREAM_E_ACK_AHEAD);

    live_sql("UPDATE t SET v = 'two' WHERE id = 2", NULL);
    REQUIRE_CODE(walstream_next_batch(stream, LIVE_WAIT_MS, &batch, NULL), WALSTREAM_OK);
    CHECK(walstream_batch_count(batch) > 0);
    event = walstream_batch_events(batch, &stride);
    CHECK(event != NULL && stride >= sizeof *event);
    CHECK_TEXT(walstream_kind_name(event->kind), "BEGIN");
    walstream_batch_free(batch);

    CHECK_CODE(walstream_get_stats(stream, &stats), WALSTREAM_OK);
    CHECK_U64(stats.struct_size, sizeof stats);
    CHECK_U64(stats.acked_lsn, acked);
    CHECK_CODE(walstream_position(stream, position, NULL), WALSTREAM_OK);
    CHECK(strlen(position) < sizeof position);
    CHECK(walstream_lsn_format(acked, text) == text && strchr(text, '/') != NULL);
    CHECK_CODE(walstream_stop(stream, LIVE_WAIT_MS, NULL), WALSTREAM_OK);
    walstream_free(stream);
}

/* What a program of then has compiled in. */
static void sizes_only_grow_where_they_may(void)
{
    CHECK_U64(sizeof(walstream_value), 16);
    CHECK_U64(sizeof(walstream_event), 128);
    CHECK_U64(sizeof(walstream_stats), 144);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"a_program_of_then_still_runs", a_program_of_then_still_runs, 1},
        {"sizes_only_grow_where_they_may", sizes_only_grow_where_they_may, 0},
    };
    return check_main(argc, argv, cases, sizeof cases / sizeof *cases, &live_world);
}
