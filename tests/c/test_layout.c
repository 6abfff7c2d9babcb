/*
 * Sizes and offsets of every public struct, and the numbers of every constant, as the first release has them.
 * A program built against an old header relies on them: a number here is never edited, only added.
 */
#include "check.h"

#include <stddef.h>

#define SIZE(type, size) CHECK_U64(sizeof(type), size)
#define AT(type, field, offset, size)                        \
    do {                                                     \
        CHECK_U64(offsetof(type, field), offset);            \
        CHECK_U64(sizeof(((type *)NULL)->field), size);      \
    } while (0)

static void value(void)
{
    SIZE(walstream_value, 16);
    AT(walstream_value, data, 0, 8);
    AT(walstream_value, size, 8, 4);
    AT(walstream_value, kind, 12, 4);
}

static void event(void)
{
    SIZE(walstream_event, 128);
    AT(walstream_event, kind, 0, 4);
    AT(walstream_event, flags, 4, 4);
    AT(walstream_event, commit_lsn, 8, 8);
    AT(walstream_event, seq, 16, 8);
    AT(walstream_event, lsn, 24, 8);
    AT(walstream_event, ack_lsn, 32, 8);
    AT(walstream_event, commit_time_us, 40, 8);
    AT(walstream_event, xid, 48, 4);
    AT(walstream_event, subxid, 52, 4);
    AT(walstream_event, relation, 56, 8);
    AT(walstream_event, new_values, 64, 8);
    AT(walstream_event, old_values, 72, 8);
    AT(walstream_event, new_count, 80, 4);
    AT(walstream_event, old_count, 84, 4);
    AT(walstream_event, old_kind, 88, 4);
    AT(walstream_event, detail_count, 92, 4);
    AT(walstream_event, detail, 96, 8);
    AT(walstream_event, name, 104, 8);
    AT(walstream_event, payload, 112, 8);
    AT(walstream_event, name_len, 120, 4);
    AT(walstream_event, payload_len, 124, 4);
}

static void column(void)
{
    /* Grows: at least this. Fields stay where they are. */
    CHECK(sizeof(walstream_column) >= 40);
    AT(walstream_column, name, 0, 8);
    AT(walstream_column, type_name, 8, 8);
    AT(walstream_column, name_len, 16, 4);
    AT(walstream_column, type_name_len, 20, 4);
    AT(walstream_column, type_oid, 24, 4);
    AT(walstream_column, type_modifier, 28, 4);
    AT(walstream_column, flags, 32, 4);
    AT(walstream_column, reserved, 36, 4);
}

static void relation(void)
{
    CHECK(sizeof(walstream_relation) >= 64);
    AT(walstream_relation, struct_size, 0, 4);
    AT(walstream_relation, oid, 4, 4);
    AT(walstream_relation, schema, 8, 8);
    AT(walstream_relation, name, 16, 8);
    AT(walstream_relation, columns, 24, 8);
    AT(walstream_relation, schema_len, 32, 4);
    AT(walstream_relation, name_len, 36, 4);
    AT(walstream_relation, column_count, 40, 4);
    AT(walstream_relation, column_size, 44, 4);
    AT(walstream_relation, replica_identity, 48, 4);
    AT(walstream_relation, key_count, 52, 4);
    AT(walstream_relation, version, 56, 8);
}

static void error(void)
{
    CHECK(sizeof(walstream_error) >= 48);
    AT(walstream_error, struct_size, 0, 4);
    AT(walstream_error, code, 4, 4);
    AT(walstream_error, flags, 8, 4);
    AT(walstream_error, os_errno, 12, 4);
    AT(walstream_error, sqlstate, 16, 8);
    AT(walstream_error, message, 24, 8);
    AT(walstream_error, detail, 32, 8);
    AT(walstream_error, hint, 40, 8);
}

static void option(void)
{
    CHECK(sizeof(walstream_option) >= 40);
    AT(walstream_option, struct_size, 0, 4);
    AT(walstream_option, reserved, 4, 4);
    AT(walstream_option, name, 8, 8);
    AT(walstream_option, default_value, 16, 8);
    AT(walstream_option, allowed, 24, 8);
    AT(walstream_option, help, 32, 8);
}

static void finding(void)
{
    CHECK(sizeof(walstream_finding) >= 40);
    AT(walstream_finding, struct_size, 0, 4);
    AT(walstream_finding, severity, 4, 4);
    AT(walstream_finding, code, 8, 8);
    AT(walstream_finding, object, 16, 8);
    AT(walstream_finding, message, 24, 8);
    AT(walstream_finding, remedy, 32, 8);
    CHECK_U64(WALSTREAM_SEVERITY_INFO, 1);
    CHECK_U64(WALSTREAM_SEVERITY_WARNING, 2);
    CHECK_U64(WALSTREAM_SEVERITY_ERROR, 3);
}

static void stats(void)
{
    CHECK(sizeof(walstream_stats) >= 144);
    AT(walstream_stats, struct_size, 0, 4);
    AT(walstream_stats, state, 4, 4);
    AT(walstream_stats, received_lsn, 8, 8);
    AT(walstream_stats, delivered_lsn, 16, 8);
    AT(walstream_stats, acked_lsn, 24, 8);
    AT(walstream_stats, confirmed_lsn, 32, 8);
    AT(walstream_stats, server_lsn, 40, 8);
    AT(walstream_stats, lag_bytes, 48, 8);
    AT(walstream_stats, commit_delay_us, 56, 8);
    AT(walstream_stats, events, 64, 8);
    AT(walstream_stats, bytes, 72, 8);
    AT(walstream_stats, queue_events, 80, 8);
    AT(walstream_stats, queue_bytes, 88, 8);
    AT(walstream_stats, host_bytes, 96, 8);
    AT(walstream_stats, spilled_bytes, 104, 8);
    AT(walstream_stats, open_transactions, 112, 8);
    AT(walstream_stats, reconnects, 120, 8);
    AT(walstream_stats, stalled_us, 128, 8);
    AT(walstream_stats, last_error, 136, 4);
    AT(walstream_stats, reserved, 140, 4);
    AT(walstream_stats, naps, 144, 8);
    AT(walstream_stats, nap_us, 152, 8);
}

static void details(void)
{
    SIZE(walstream_type_detail, 24);
    AT(walstream_type_detail, schema, 0, 8);
    AT(walstream_type_detail, name, 8, 8);
    AT(walstream_type_detail, oid, 16, 4);
    AT(walstream_type_detail, reserved, 20, 4);
    SIZE(walstream_origin_detail, 8);
    AT(walstream_origin_detail, origin_lsn, 0, 8);
    SIZE(walstream_rollback_detail, 16);
    AT(walstream_rollback_detail, prepare_end_lsn, 0, 8);
    AT(walstream_rollback_detail, prepare_time_us, 8, 8);
}

static void codes(void)
{
    SIZE(walstream_code, 4);
    CHECK(WALSTREAM_OK == 0 && WALSTREAM_TIMEOUT == 1 && WALSTREAM_WOKEN == 2 && WALSTREAM_END == 3);
    CHECK(WALSTREAM_E_ARGUMENT == -1 && WALSTREAM_E_STATE == -2 && WALSTREAM_E_BUSY == -3 && WALSTREAM_E_CLOSED == -4);
    CHECK(WALSTREAM_E_CONNECT == -5 && WALSTREAM_E_AUTH == -6 && WALSTREAM_E_SERVER == -7);
    CHECK(WALSTREAM_E_SLOT_MISSING == -8 && WALSTREAM_E_SLOT_IN_USE == -9 && WALSTREAM_E_SLOT_LOST == -10);
    CHECK(WALSTREAM_E_PUBLICATION == -11 && WALSTREAM_E_GAP == -12 && WALSTREAM_E_WRONG_SYSTEM == -13);
    CHECK(WALSTREAM_E_PROTOCOL == -14 && WALSTREAM_E_ACK_AHEAD == -15 && WALSTREAM_E_IO == -16);
    CHECK(WALSTREAM_E_MEMORY == -17 && WALSTREAM_E_UNSUPPORTED == -18 && WALSTREAM_E_PANIC == -19);
    CHECK(WALSTREAM_E_DIVERGED == -20);
}

static void kinds(void)
{
    SIZE(walstream_kind, 4);
    CHECK(WALSTREAM_BEGIN == 1 && WALSTREAM_COMMIT == 2 && WALSTREAM_ORIGIN == 3 && WALSTREAM_RELATION == 4);
    CHECK(WALSTREAM_TYPE == 5 && WALSTREAM_INSERT == 6 && WALSTREAM_UPDATE == 7 && WALSTREAM_DELETE == 8);
    CHECK(WALSTREAM_TRUNCATE == 9 && WALSTREAM_MESSAGE == 10 && WALSTREAM_BEGIN_PREPARE == 11);
    CHECK(WALSTREAM_PREPARE == 12 && WALSTREAM_COMMIT_PREPARED == 13 && WALSTREAM_ROLLBACK_PREPARED == 14);
    CHECK(WALSTREAM_STREAM_START == 15 && WALSTREAM_STREAM_STOP == 16 && WALSTREAM_STREAM_COMMIT == 17);
    CHECK(WALSTREAM_STREAM_ABORT == 18 && WALSTREAM_STREAM_PREPARE == 19 && WALSTREAM_INTERRUPTED == 20);
    CHECK(WALSTREAM_POSITION == 21 && WALSTREAM_RAW == 22 && WALSTREAM_WAL == 23);
}

static void small_numbers(void)
{
    CHECK(WALSTREAM_EVENT_STREAMED == 1 && WALSTREAM_EVENT_TRANSACTIONAL == 2 && WALSTREAM_EVENT_TRUNCATE_CASCADE == 4);
    CHECK(WALSTREAM_EVENT_RESTART_IDENTITY == 8 && WALSTREAM_EVENT_NO_IDENTITY == 16);
    CHECK(WALSTREAM_VALUE_NULL == 0 && WALSTREAM_VALUE_TEXT == 1 && WALSTREAM_VALUE_BINARY == 2);
    CHECK(WALSTREAM_VALUE_UNCHANGED == 3 && WALSTREAM_VALUE_NOT_SENT == 4);
    CHECK(WALSTREAM_OLD_NONE == 0 && WALSTREAM_OLD_KEY == 1 && WALSTREAM_OLD_FULL == 2);
    CHECK(WALSTREAM_ERROR_FATAL == 1 && WALSTREAM_ERROR_RETRIABLE == 2);
    CHECK(WALSTREAM_STATE_OPEN == 0 && WALSTREAM_STATE_CONNECTING == 1 && WALSTREAM_STATE_STREAMING == 2);
    CHECK(WALSTREAM_STATE_WAITING_TO_RETRY == 3 && WALSTREAM_STATE_ENDED == 4 && WALSTREAM_STATE_FAILED == 5);
    CHECK(WALSTREAM_COLUMN_KEY == 1);
    CHECK(WALSTREAM_LSN_BUFFER == 18);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"value", value, 0},     {"event", event, 0}, {"column", column, 0},   {"relation", relation, 0},
        {"error", error, 0},     {"option", option, 0}, {"finding", finding, 0}, {"stats", stats, 0},   {"details", details, 0},
        {"codes", codes, 0},     {"kinds", kinds, 0}, {"small_numbers", small_numbers, 0},
    };
    return check_main(argc, argv, cases, sizeof cases / sizeof *cases, NULL);
}
