/*
 * What a host can get wrong without a server's help: NULL for each pointer, unknown options, bad values, calls in
 * the wrong order.
 */
#include "live.h"

/* What *error holds before a call: it must be overwritten, and never freed. */
#define STALE ((walstream_error *)(uintptr_t)0x10)

/* A failed call that must name `word` in its message. */
static void expect_refusal(int32_t got, int32_t code, walstream_error *error, const char *word, int line)
{
    check_code(got, code, __FILE__, line, "refusal");
    if (!check_report(error != STALE, __FILE__, line, "*error is overwritten")) return;
    check_error_shape(error, code, __FILE__, line);
    if (error != NULL && word != NULL && !check_report(strstr(error->message, word) != NULL, __FILE__, line, "the message names it"))
        fprintf(stderr, "    '%s' does not name '%s'\n", error->message, word);
    walstream_error_free(error);
}

#define REFUSED(call, code, word)                                \
    do {                                                         \
        walstream_error *error = STALE;                          \
        int32_t got_ = (call);                                   \
        expect_refusal(got_, (code), error, (word), __LINE__);   \
    } while (0)

#define ACCEPTED(call)                            \
    do {                                          \
        walstream_error *error = STALE;           \
        CHECK_CODE((call), WALSTREAM_OK);         \
        CHECK(error == NULL);                     \
        if (error != STALE) walstream_error_free(error); \
    } while (0)

static walstream_config *some_config(void)
{
    walstream_config *config = walstream_config_new();

    REQUIRE(config != NULL);
    REQUIRE_CODE(walstream_config_set(config, "slot", "some_slot", NULL), WALSTREAM_OK);
    REQUIRE_CODE(walstream_config_set(config, "publication", "some_publication", NULL), WALSTREAM_OK);
    return config;
}

static walstream_stream *some_stream(void)
{
    walstream_config *config = some_config();
    walstream_stream *stream = NULL;

    REQUIRE_CODE(walstream_open("host=127.0.0.1", config, &stream, NULL), WALSTREAM_OK);
    REQUIRE(stream != NULL);
    walstream_config_free(config);
    return stream;
}

static void ignore_log(void *user, int32_t level, const char *message)
{
    (void)user, (void)level, (void)message;
}

static void null_config(void)
{
    walstream_config *config = walstream_config_new();

    REQUIRE(config != NULL);
    REFUSED(walstream_config_set(NULL, "slot", "s", &error), WALSTREAM_E_ARGUMENT, NULL);
    REFUSED(walstream_config_set(config, NULL, "s", &error), WALSTREAM_E_ARGUMENT, NULL);
    CHECK_CODE(walstream_config_set(NULL, "slot", "s", NULL), WALSTREAM_E_ARGUMENT);
    CHECK_CODE(walstream_config_set(config, NULL, NULL, NULL), WALSTREAM_E_ARGUMENT);
    ACCEPTED(walstream_config_set(config, "slot", NULL, &error)); /* back to the default */
    ACCEPTED(walstream_config_set(config, "slot", "s", &error));
    CHECK_CODE(walstream_config_set(config, "slot", "s", NULL), WALSTREAM_OK);
    CHECK_CODE(walstream_config_set_log(NULL, ignore_log, NULL), WALSTREAM_E_ARGUMENT);
    CHECK_CODE(walstream_config_set_log(config, ignore_log, NULL), WALSTREAM_OK);
    CHECK_CODE(walstream_config_set_log(config, NULL, NULL), WALSTREAM_OK);
    walstream_config_free(NULL);
    walstream_config_free(config);
}

static void null_open(void)
{
    walstream_config *config = some_config();
    walstream_stream *stream = (walstream_stream *)(uintptr_t)0x10;

    REFUSED(walstream_open(NULL, config, &stream, &error), WALSTREAM_E_ARGUMENT, NULL);
    REFUSED(walstream_open("", config, NULL, &error), WALSTREAM_E_ARGUMENT, NULL);
    CHECK_CODE(walstream_open(NULL, NULL, NULL, NULL), WALSTREAM_E_ARGUMENT);
    ACCEPTED(walstream_open("", config, &stream, &error));
    walstream_config_free(config);
    walstream_free(stream);
    walstream_free(NULL);
}

/* A config of defaults is a config: NULL is refused for the same reason, or accepted, as an empty one. */
static void null_config_is_an_empty_one(void)
{
    walstream_config *empty = walstream_config_new();
    walstream_stream *streams[2] = {NULL, NULL};
    walstream_error *errors[2] = {NULL, NULL};
    int32_t with_null = walstream_open("", NULL, &streams[0], &errors[0]);
    int32_t with_empty = walstream_open("", empty, &streams[1], &errors[1]);

    CHECK_CODE(with_null, with_empty);
    CHECK((errors[0] == NULL) == (with_null >= 0));
    if (errors[0] != NULL && errors[1] != NULL) CHECK_TEXT(errors[0]->message, errors[1]->message);
    for (int i = 0; i < 2; i++) {
        walstream_error_free(errors[i]);
        walstream_free(streams[i]);
    }
    walstream_config_free(empty);
}

static void null_stream(void)
{
    const walstream_event *event = (const walstream_event *)(uintptr_t)0x10;
    walstream_batch *batch = (walstream_batch *)(uintptr_t)0x10;
    walstream_stats stats = {.struct_size = sizeof stats};

    REFUSED(walstream_start(NULL, 0, &error), WALSTREAM_E_ARGUMENT, NULL);
    REFUSED(walstream_next_event(NULL, 0, &event, &error), WALSTREAM_E_ARGUMENT, NULL);
    CHECK(event == NULL);
    REFUSED(walstream_next_batch(NULL, 0, &batch, &error), WALSTREAM_E_ARGUMENT, NULL);
    CHECK(batch == NULL);
    REFUSED(walstream_ack_lsn(NULL, 1, &error), WALSTREAM_E_ARGUMENT, NULL);
    REFUSED(walstream_stop(NULL, 0, &error), WALSTREAM_E_ARGUMENT, NULL);
    CHECK_CODE(walstream_start(NULL, 0, NULL), WALSTREAM_E_ARGUMENT);
    CHECK_CODE(walstream_next_event(NULL, 0, NULL, NULL), WALSTREAM_E_ARGUMENT);
    CHECK_CODE(walstream_next_batch(NULL, 0, NULL, NULL), WALSTREAM_E_ARGUMENT);
    CHECK_CODE(walstream_ack_lsn(NULL, 1, NULL), WALSTREAM_E_ARGUMENT);
    CHECK_CODE(walstream_stop(NULL, 0, NULL), WALSTREAM_E_ARGUMENT);
    CHECK_CODE(walstream_wake(NULL), WALSTREAM_E_ARGUMENT);
    CHECK_CODE(walstream_get_stats(NULL, &stats), WALSTREAM_E_ARGUMENT);
    CHECK_CODE(walstream_get_stats(NULL, NULL), WALSTREAM_E_ARGUMENT);
    CHECK(walstream_ready_fd(NULL) == -1);
    walstream_free(NULL);
    walstream_error_free(NULL);
}

static void null_results(void)
{
    walstream_stream *stream = some_stream();

    REFUSED(walstream_next_event(stream, 0, NULL, &error), WALSTREAM_E_ARGUMENT, NULL);
    REFUSED(walstream_next_batch(stream, 0, NULL, &error), WALSTREAM_E_ARGUMENT, NULL);
    CHECK_CODE(walstream_get_stats(stream, NULL), WALSTREAM_E_ARGUMENT);
    walstream_free(stream);
}

static void null_batch_event_relation(void)
{
    size_t stride = 7;

    CHECK(walstream_batch_count(NULL) == 0);
    CHECK(walstream_batch_events(NULL, &stride) == NULL);
    CHECK(walstream_batch_events(NULL, NULL) == NULL);
    CHECK(walstream_batch_event(NULL, 0) == NULL);
    CHECK(walstream_batch_event(NULL, SIZE_MAX) == NULL);
    CHECK_U64(walstream_batch_ack_lsn(NULL), 0);
    walstream_batch_free(NULL);
    CHECK(walstream_event_relation(NULL, 0) == NULL);
    CHECK(walstream_relation_column(NULL, "id") == -1);
    CHECK(walstream_relation_column(NULL, NULL) == -1);
}

static void null_check(void)
{
    walstream_report *report = (walstream_report *)(uintptr_t)0x10;

    REFUSED(walstream_check(NULL, NULL, &report, &error), WALSTREAM_E_ARGUMENT, "conninfo");
    CHECK(report == NULL);
    REFUSED(walstream_check("", NULL, NULL, &error), WALSTREAM_E_ARGUMENT, "report");
    REFUSED(walstream_check("\xff", NULL, &report, &error), WALSTREAM_E_ARGUMENT, "conninfo");
    REFUSED(walstream_check("nonsense", NULL, &report, &error), WALSTREAM_E_ARGUMENT, NULL);
    CHECK(report == NULL);
    CHECK_CODE(walstream_check(NULL, NULL, NULL, NULL), WALSTREAM_E_ARGUMENT);
    CHECK(walstream_report_count(NULL) == 0);
    CHECK(walstream_report_finding(NULL, 0) == NULL);
    CHECK(walstream_report_finding(NULL, SIZE_MAX) == NULL);
    walstream_report_free(NULL);
}

/* A report and its findings outlive the config and the error's place. */
static void check_without_config(void)
{
    walstream_report *report = NULL;
    const walstream_finding *finding;

    ACCEPTED(walstream_check(live.conninfo, NULL, &report, &error));
    REQUIRE(report != NULL);
    REQUIRE(walstream_report_count(report) >= 2);
    finding = walstream_report_finding(report, 0);
    CHECK_TEXT(finding->code, "option");
    CHECK_TEXT(finding->object, "slot");
    CHECK_U64(finding->severity, WALSTREAM_SEVERITY_ERROR);
    CHECK_U64(finding->struct_size, sizeof *finding);
    CHECK(walstream_report_finding(report, 0) == finding);
    CHECK(walstream_report_finding(report, walstream_report_count(report)) == NULL);
    walstream_report_free(report);
    CHECK_CODE(walstream_check(live.conninfo, NULL, &report, NULL), WALSTREAM_OK);
    walstream_report_free(report);
}

static void unknown_options(void)
{
    walstream_config *config = walstream_config_new();

    REFUSED(walstream_config_set(config, "no.such.option", "1", &error), WALSTREAM_E_ARGUMENT, "no.such.option");
    REFUSED(walstream_config_set(config, "no.such.option", NULL, &error), WALSTREAM_E_ARGUMENT, "no.such.option");
    REFUSED(walstream_config_set(config, "Slot", "s", &error), WALSTREAM_E_ARGUMENT, "Slot");
    REFUSED(walstream_config_set(config, "slot ", "s", &error), WALSTREAM_E_ARGUMENT, "slot");
    REFUSED(walstream_config_set(config, "", "s", &error), WALSTREAM_E_ARGUMENT, NULL);
    REFUSED(walstream_config_set(config, "\xff\xfe", "s", &error), WALSTREAM_E_ARGUMENT, NULL);
    REFUSED(walstream_config_set(config, "a\nb", "s", &error), WALSTREAM_E_ARGUMENT, NULL);
    walstream_config_free(config);
}

/* A bad value: the message names the key and, where the choice is small, each allowed word. */
static void bad_values(void)
{
    static const struct { const char *key, *value, *allowed[4]; } bad[] = {
        {"slot.create", "always", {"never", "if-missing", "temporary"}},
        {"slot.create", "", {"never", "if-missing", "temporary"}},
        {"slot.create", "NEVER ", {"never", "if-missing", "temporary"}},
        {"delivery", "rolled-back", {"committed", "as-sent"}},
        {"streaming", "maybe", {"off", "on", "parallel"}},
        {"idle_advance", "2", {"auto", "host", "off"}},
        {"publication.missing", "ignore", {"warn", "error"}},
        {"binary", "perhaps", {NULL}},
        {"messages", "perhaps", {NULL}},
        {"status_interval_ms", "soon", {NULL}},
        {"status_interval_ms", "-1", {NULL}},
        {"status_interval_ms", "10s", {NULL}},
        {"status_interval_ms", "", {NULL}},
        {"connect_timeout_ms", "99999999999999999999", {NULL}},
        {"queue.max_bytes", "many", {NULL}},
        {"batch.max_events", "0", {NULL}},
        {"batch.max_events", "1.5", {NULL}},
        {"stop_lsn", "0/G", {NULL}},
        {"stop_lsn", "12", {NULL}},
        {"protocol_version", "99", {NULL}},
        {"publication", "\"open quote", {NULL}},
        {"slot", "Capital", {NULL}},
        {"slot", "with-dash", {NULL}},
        {"slot", "x234567890123456789012345678901234567890123456789012345678901234", {NULL}}, /* 64 characters */
    };
    walstream_config *config = walstream_config_new();

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        walstream_error *error = NULL;
        int32_t code = walstream_config_set(config, bad[i].key, bad[i].value, &error);

        if (!CHECK_CODE(code, WALSTREAM_E_ARGUMENT)) {
            fprintf(stderr, "    %s=%s\n", bad[i].key, bad[i].value);
            continue;
        }
        CHECK_ERROR(error, WALSTREAM_E_ARGUMENT);
        if (!CHECK(strstr(error->message, bad[i].key) != NULL)) fprintf(stderr, "    %s\n", error->message);
        for (size_t word = 0; word < 4 && bad[i].allowed[word] != NULL; word++)
            if (!CHECK(strstr(error->message, bad[i].allowed[word]) != NULL))
                fprintf(stderr, "    '%s' does not name '%s'\n", error->message, bad[i].allowed[word]);
        walstream_error_free(error);
    }
    walstream_config_free(config);
}

static void bad_conninfo(void)
{
    walstream_config *config = some_config();
    walstream_stream *stream = (walstream_stream *)(uintptr_t)0x10;

    REFUSED(walstream_open("nonsense", config, &stream, &error), WALSTREAM_E_ARGUMENT, NULL);
    CHECK(stream == NULL);
    REFUSED(walstream_open("no_such_keyword=1", config, &stream, &error), WALSTREAM_E_ARGUMENT, "no_such_keyword");
    REFUSED(walstream_open("postgres://[::1", config, &stream, &error), WALSTREAM_E_ARGUMENT, NULL);
    REFUSED(walstream_open("host='open", config, &stream, &error), WALSTREAM_E_ARGUMENT, NULL);
    walstream_config_free(config);
}

/* Before start. */
static void too_early(void)
{
    walstream_stream *stream = some_stream();
    const walstream_event *event = (const walstream_event *)(uintptr_t)0x10;
    walstream_batch *batch = (walstream_batch *)(uintptr_t)0x10;

    REFUSED(walstream_next_event(stream, 0, &event, &error), WALSTREAM_E_STATE, "start");
    CHECK(event == NULL);
    REFUSED(walstream_next_event(stream, -1, &event, &error), WALSTREAM_E_STATE, "start");
    REFUSED(walstream_next_batch(stream, -1, &batch, &error), WALSTREAM_E_STATE, "start");
    CHECK(batch == NULL);
    REFUSED(walstream_ack_lsn(stream, 1, &error), WALSTREAM_E_STATE, "start");
    walstream_free(stream);
}

static void stats_before_start(void)
{
    walstream_stream *stream = some_stream();
    walstream_stats stats;

    memset(&stats, 0xAB, sizeof stats);
    stats.struct_size = sizeof stats;
    CHECK_CODE(walstream_get_stats(stream, &stats), WALSTREAM_OK);
    CHECK_U64(stats.state, WALSTREAM_STATE_OPEN);
    CHECK_U64(stats.events, 0);
    CHECK_U64(stats.acked_lsn, 0);
    CHECK_U64(stats.last_error, 0);
    /* naps is the first field that the first release had not. */
    const uint32_t first = offsetof(walstream_stats, naps);
    for (uint32_t size = 0; size < first; size += 8) {
        stats.struct_size = size;
        CHECK_CODE(walstream_get_stats(stream, &stats), WALSTREAM_E_ARGUMENT);
    }
    stats.naps = 42;
    stats.struct_size = first;
    CHECK_CODE(walstream_get_stats(stream, &stats), WALSTREAM_OK);
    CHECK_U64(stats.naps, 42);
    walstream_free(stream);
}

/* A later header's struct is longer: what this library does not know stays as it was. */
static void stats_of_a_later_header(void)
{
    struct { walstream_stats known; unsigned char later[64]; } big;
    walstream_stream *stream = some_stream();

    memset(&big, 0xAB, sizeof big);
    big.known.struct_size = sizeof big;
    CHECK_CODE(walstream_get_stats(stream, &big.known), WALSTREAM_OK);
    CHECK_U64(big.known.events, 0);
    for (size_t i = 0; i < sizeof big.later; i++) OR_END(CHECK(big.later[i] == 0xAB));
    walstream_free(stream);
}

static void started_twice(void)
{
    walstream_stream *stream;

    live_sql("CREATE PUBLICATION pub FOR ALL TABLES", NULL);
    live_create_slot("");
    stream = live_start("", NULL);
    REFUSED(walstream_start(stream, 0, &error), WALSTREAM_E_STATE, NULL);
    CHECK_CODE(walstream_start(stream, 0, NULL), WALSTREAM_E_STATE);
    live_expect_nothing(stream, 0); /* the refusal did no harm */
    REQUIRE_CODE(walstream_stop(stream, LIVE_WAIT_MS, NULL), WALSTREAM_OK);
    REFUSED(walstream_start(stream, 0, &error), WALSTREAM_E_STATE, NULL);
    walstream_free(stream);
}

/* The config is copied by open: what happens to it later does not matter. */
static void config_is_copied(void)
{
    walstream_config *config = live_config("");
    walstream_stream *stream = NULL;
    walstream_error *error = NULL;

    live_sql("CREATE PUBLICATION pub FOR ALL TABLES", NULL);
    live_create_slot("");
    REQUIRE_CODE(walstream_open(live.conninfo, config, &stream, NULL), WALSTREAM_OK);
    REQUIRE_CODE(walstream_config_set(config, "slot", "no_such_slot", NULL), WALSTREAM_OK);
    REQUIRE_CODE(walstream_config_set(config, "publication", "no_such_publication", NULL), WALSTREAM_OK);
    walstream_config_free(config);
    if (!CHECK_CODE(walstream_start(stream, 0, &error), WALSTREAM_OK)) live_show_error(error);
    walstream_free(stream);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"null_config", null_config, 0},
        {"null_open", null_open, 0},
        {"null_config_is_an_empty_one", null_config_is_an_empty_one, 0},
        {"null_stream", null_stream, 0},
        {"null_results", null_results, 0},
        {"null_batch_event_relation", null_batch_event_relation, 0},
        {"null_check", null_check, 0},
        {"check_without_config", check_without_config, 1},
        {"unknown_options", unknown_options, 0},
        {"bad_values", bad_values, 0},
        {"bad_conninfo", bad_conninfo, 0},
        {"too_early", too_early, 0},
        {"stats_before_start", stats_before_start, 0},
        {"stats_of_a_later_header", stats_of_a_later_header, 0},
        {"started_twice", started_twice, 1},
        {"config_is_copied", config_is_copied, 1},
    };
    return check_main(argc, argv, cases, sizeof cases / sizeof *cases, &live_world);
}
