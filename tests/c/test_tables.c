/* The small functions that need no stream: names of codes and kinds, LSNs as text, the option table, versions. */
#include "live.h"

static void code_names(void)
{
    static const struct { int32_t code; const char *name; } names[] = {
        {0, "WALSTREAM_OK"}, {1, "WALSTREAM_TIMEOUT"}, {2, "WALSTREAM_WOKEN"}, {3, "WALSTREAM_END"},
        {-1, "WALSTREAM_E_ARGUMENT"}, {-2, "WALSTREAM_E_STATE"}, {-3, "WALSTREAM_E_BUSY"}, {-4, "WALSTREAM_E_CLOSED"},
        {-5, "WALSTREAM_E_CONNECT"}, {-6, "WALSTREAM_E_AUTH"}, {-7, "WALSTREAM_E_SERVER"},
        {-8, "WALSTREAM_E_SLOT_MISSING"}, {-9, "WALSTREAM_E_SLOT_IN_USE"}, {-10, "WALSTREAM_E_SLOT_LOST"},
        {-11, "WALSTREAM_E_PUBLICATION"}, {-12, "WALSTREAM_E_GAP"}, {-13, "WALSTREAM_E_WRONG_SYSTEM"},
        {-14, "WALSTREAM_E_PROTOCOL"}, {-15, "WALSTREAM_E_ACK_AHEAD"}, {-16, "WALSTREAM_E_IO"},
        {-17, "WALSTREAM_E_MEMORY"}, {-18, "WALSTREAM_E_UNSUPPORTED"}, {-19, "WALSTREAM_E_PANIC"},
        {-20, "WALSTREAM_E_DIVERGED"}, {99, "unknown"}, {-99, "unknown"}, {INT32_MAX, "unknown"}, {INT32_MIN, "unknown"},
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) CHECK_TEXT(walstream_code_name(names[i].code), names[i].name);
}

static void kind_names(void)
{
    static const char *const names[] = {
        "unknown", "BEGIN", "COMMIT", "ORIGIN", "RELATION", "TYPE", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "MESSAGE",
        "BEGIN_PREPARE", "PREPARE", "COMMIT_PREPARED", "ROLLBACK_PREPARED", "STREAM_START", "STREAM_STOP", "STREAM_COMMIT",
        "STREAM_ABORT", "STREAM_PREPARE", "INTERRUPTED", "POSITION", "RAW", "WAL",
    };

    for (uint32_t kind = 0; kind < sizeof names / sizeof *names; kind++) CHECK_TEXT(walstream_kind_name(kind), names[kind]);
    CHECK_TEXT(walstream_kind_name(UINT32_MAX), "unknown");
}

static void lsn_format(void)
{
    static const struct { uint64_t lsn; const char *text; } lsns[] = {
        {0, "0/0"}, {1, "0/1"}, {0x16B374D848, "16/B374D848"}, {0xFFFFFFFF, "0/FFFFFFFF"}, {0x100000000, "1/0"},
        {0x1000000ABC, "10/ABC"}, {UINT64_MAX, "FFFFFFFF/FFFFFFFF"},
    };
    char buffer[WALSTREAM_LSN_BUFFER];

    for (size_t i = 0; i < sizeof lsns / sizeof *lsns; i++) {
        uint64_t back = 77;

        CHECK(walstream_lsn_format(lsns[i].lsn, buffer) == buffer);
        CHECK_TEXT(buffer, lsns[i].text);
        CHECK_CODE(walstream_lsn_parse(lsns[i].text, &back), WALSTREAM_OK);
        CHECK_U64(back, lsns[i].lsn);
    }
    CHECK(walstream_lsn_format(1, NULL) == NULL);
}

static void lsn_parse(void)
{
    static const char *const bad[] = {
        "", "/", "0", "0/", "/0", "0/0/0", "0/0 ", " 0/0", "0/-1", "+0/1", "0x1/0", "G/0", "0/123456789", "123456789/0", "0/1\n",
        "0/\xff", "0 / 0",
    };
    uint64_t lsn = 77;

    CHECK_CODE(walstream_lsn_parse("16/b374d848", &lsn), WALSTREAM_OK);
    CHECK_U64(lsn, 0x16B374D848);
    CHECK_CODE(walstream_lsn_parse("00000016/B374D848", &lsn), WALSTREAM_OK);
    CHECK_U64(lsn, 0x16B374D848);
    lsn = 77;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (!CHECK_CODE(walstream_lsn_parse(bad[i], &lsn), WALSTREAM_E_ARGUMENT)) fprintf(stderr, "    '%s'\n", bad[i]);
        CHECK_U64(lsn, 77);
    }
    CHECK_CODE(walstream_lsn_parse(NULL, &lsn), WALSTREAM_E_ARGUMENT);
    CHECK_CODE(walstream_lsn_parse("0/1", NULL), WALSTREAM_E_ARGUMENT);
    CHECK_U64(lsn, 77);
}

static void option_table(void)
{
    static const char *const wanted[] = {
        "slot", "publication", "slot.create", "slot.two_phase", "slot.failover", "delivery", "streaming", "protocol_version",
        "binary", "messages", "origin", "two_phase", "plugin", "stop_lsn", "status_interval_ms", "receive_timeout_ms",
        "connect_timeout_ms", "retry.first", "retry.max_elapsed_ms", "retry.initial_ms", "retry.max_ms", "retry.failover_ms",
        "slot.wait_ms", "idle_advance", "start.position", "start.strict", "publication.missing", "queue.max_bytes",
        "batch.max_events", "spill.dir", "spill.memory_bytes", "spill.max_bytes",
    };
    const walstream_option *row;
    uint32_t count = 0;

    for (; (row = walstream_option_at(count)) != NULL; count++) {
        REQUIRE(count < 1000);
        CHECK(row->struct_size >= sizeof *row);
        REQUIRE(row->name != NULL && row->default_value != NULL && row->allowed != NULL && row->help != NULL);
        CHECK(*row->name != '\0' && *row->allowed != '\0' && *row->help != '\0');
        CHECK(walstream_option_at(count) == row); /* static */
        for (uint32_t other = 0; other < count; other++) CHECK(strcmp(walstream_option_at(other)->name, row->name) != 0);
    }
    CHECK(walstream_option_at(count + 1) == NULL);
    CHECK(walstream_option_at(UINT32_MAX) == NULL);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        int found = 0;

        for (uint32_t index = 0; index < count; index++) found |= strcmp(walstream_option_at(index)->name, wanted[i]) == 0;
        if (!CHECK(found)) fprintf(stderr, "    %s is not in the table\n", wanted[i]);
    }
}

/* What the table calls a default is a value that the option takes. */
static void option_defaults(void)
{
    walstream_config *config = walstream_config_new();
    const walstream_option *row;

    for (uint32_t index = 0; (row = walstream_option_at(index)) != NULL; index++) {
        walstream_error *error = NULL;

        if (strpbrk(row->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL) continue; /* plugin.NAME: a family, not a key */
        if (!CHECK_CODE(walstream_config_set(config, row->name, NULL, &error), WALSTREAM_OK)) live_show_error(error);
        if (*row->default_value == '\0') continue;
        if (!CHECK_CODE(walstream_config_set(config, row->name, row->default_value, &error), WALSTREAM_OK)) live_show_error(error);
    }
    walstream_config_free(config);
}

static void versions(void)
{
    char text[40];

    snprintf(text, sizeof text, "%d.%d.%d", WALSTREAM_VERSION_MAJOR, WALSTREAM_VERSION_MINOR, WALSTREAM_VERSION_PATCH);
    CHECK_TEXT(walstream_version(), text);
    CHECK_U64(walstream_abi_version(), WALSTREAM_VERSION_MAJOR);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"code_names", code_names, 0},
        {"kind_names", kind_names, 0},
        {"lsn_format", lsn_format, 0},
        {"lsn_parse", lsn_parse, 0},
        {"option_table", option_table, 0},
        {"option_defaults", option_defaults, 0},
        {"versions", versions, 0},
    };
    return check_main(argc, argv, cases, sizeof cases / sizeof *cases, &live_world);
}
