/*
 * Reading: both styles and any mixture of them give the same events, values are what the tables held, text ends
 * with a NUL, events live as long as promised.
 */
#include "dump.h"
#include "workload.h"

/* Calls that are refused, whatever is at hand. */
static void ask_wrongly(walstream_stream *stream)
{
    const walstream_event *event = (const walstream_event *)stream;

    CHECK_CODE(walstream_next_event(stream, 0, NULL, NULL), WALSTREAM_E_ARGUMENT);
    CHECK_CODE(walstream_next_event(stream, -2, &event, NULL), WALSTREAM_E_ARGUMENT);
    CHECK(event == NULL);
}

static void read_events(walstream_stream *stream, struct dump *dump)
{
    const walstream_event *event;

    do {
        event = live_next(stream);
        dump_event(dump, event);
        if (dump->size % 7 == 0) ask_wrongly(stream); /* nothing is lost by it */
    } while (!workload_is_over(event));
}

static walstream_batch *next_batch(walstream_stream *stream)
{
    walstream_batch *batch = NULL;
    walstream_error *error = NULL;

    if (!CHECK_CODE(walstream_next_batch(stream, LIVE_WAIT_MS, &batch, &error), WALSTREAM_OK)) {
        live_show_error(error);
        exit(1);
    }
    REQUIRE(batch != NULL);
    return batch;
}

/* Dumps a batch and checks its four functions against each other; whether the workload is over with it. */
static int dump_batch(const walstream_batch *batch, struct dump *dump)
{
    size_t stride = 0, count = walstream_batch_count(batch);
    const char *first = (const char *)walstream_batch_events(batch, &stride);
    uint64_t highest = 0;
    int over = 0;

    REQUIRE(count > 0 && first != NULL);
    CHECK(stride >= sizeof(walstream_event) && stride % 8 == 0);
    CHECK((const char *)walstream_batch_events(batch, NULL) == first);
    for (size_t i = 0; i < count; i++) {
        const walstream_event *event = walstream_batch_event(batch, i);

        OR_END(CHECK((const char *)event == first + i * stride));
        dump_event(dump, event);
        if (event->ack_lsn > highest) highest = event->ack_lsn;
        over |= workload_is_over(event);
    }
    CHECK(walstream_batch_event(batch, count) == NULL);
    CHECK(walstream_batch_event(batch, SIZE_MAX) == NULL);
    CHECK_U64(walstream_batch_ack_lsn(batch), highest);
    return over;
}

static void read_batches(walstream_stream *stream, struct dump *dump, size_t most)
{
    int over;

    do {
        walstream_batch *batch = next_batch(stream);

        CHECK(walstream_batch_count(batch) <= most);
        over = dump_batch(batch, dump);
        walstream_batch_free(batch);
    } while (!over);
}

/* One event, a batch, two events, a batch, three ... */
static void read_mixed(walstream_stream *stream, struct dump *dump)
{
    for (int round = 1;; round++) {
        walstream_batch *batch;
        int over;

        for (int i = 0; i < round; i++) {
            const walstream_event *event = live_next(stream);

            dump_event(dump, event);
            if (workload_is_over(event)) return;
        }
        batch = next_batch(stream);
        over = dump_batch(batch, dump);
        walstream_batch_free(batch);
        if (over) return;
    }
}

static void both_styles(void)
{
    static struct dump single, batches, small, mixed;
    walstream_stream *stream;

    workload_tables();
    for (const char *suffix = "abcd"; *suffix != '\0'; suffix++) live_create_slot((char[]){*suffix, '\0'});
    workload_run();

    stream = live_start("a", "messages", "on", NULL);
    read_events(stream, &single);
    live_close(stream);
    stream = live_start("b", "messages", "on", NULL);
    read_batches(stream, &batches, SIZE_MAX);
    live_close(stream);
    stream = live_start("c", "messages", "on", "batch.max_events", "7", NULL);
    read_batches(stream, &small, 7);
    live_close(stream);
    stream = live_start("d", "messages", "on", "batch.max_events", "50", NULL);
    read_mixed(stream, &mixed);
    live_close(stream);

    CHECK_SAME_EVENTS(&batches, &single);
    CHECK_SAME_EVENTS(&small, &single);
    CHECK_SAME_EVENTS(&mixed, &single);
}

/* A row as one text: kinds that have no data in capitals. */
static const char *row_text(const walstream_relation *relation, const walstream_value *values, uint32_t count)
{
    static char rows[2][400];
    static int next;
    char *text = rows[next++ % 2], *to = text;

    *to = '\0';
    for (uint32_t i = 0; i < count; i++) {
        static const char *const kinds[] = {"NULL", "", "BINARY", "UNCHANGED", "NOT_SENT"};

        REQUIRE(i < relation->column_count && values[i].kind <= WALSTREAM_VALUE_NOT_SENT && to - text < 300);
        to += sprintf(to, "%s%s=", i > 0 ? " " : "", dump_column(relation, i)->name);
        if (values[i].kind == WALSTREAM_VALUE_TEXT)
            to += values[i].size > 60 ? sprintf(to, "<%u>", values[i].size) : sprintf(to, "%s", values[i].data);
        else
            to += sprintf(to, "%s", kinds[values[i].kind]);
    }
    return text;
}

/* The next row: its kind, table, new and old values ("" where it has none). */
static void expect_row(walstream_stream *stream, uint32_t kind, const char *table, const char *now, const char *old, uint32_t old_kind)
{
    const walstream_event *event = live_next(stream);

    while (event->kind < WALSTREAM_INSERT || event->kind > WALSTREAM_TRUNCATE) event = live_next(stream);
    CHECK_TEXT(walstream_kind_name(event->kind), walstream_kind_name(kind));
    REQUIRE(event->relation != NULL);
    CHECK(walstream_event_relation(event, 0) == event->relation);
    CHECK(walstream_event_relation(event, 1) == NULL);
    CHECK_TEXT(event->relation->name, table);
    CHECK_TEXT(event->relation->schema, "public");
    CHECK_U64(event->old_kind, old_kind);
    CHECK_U64(event->new_count, *now ? event->relation->column_count : 0);
    CHECK_U64(event->old_count, *old ? event->relation->column_count : 0);
    CHECK((event->new_values == NULL) == (event->new_count == 0) && (event->old_values == NULL) == (event->old_count == 0));
    CHECK_TEXT(row_text(event->relation, event->new_values, event->new_count), now);
    CHECK_TEXT(row_text(event->relation, event->old_values, event->old_count), old);
}

static void rows_say_what_was_done(void)
{
    walstream_stream *stream;
    const walstream_event *event;

    workload_tables();
    live_create_slot("");
    workload_run();
    stream = live_start("", "messages", "on", NULL);
    expect_row(stream, WALSTREAM_INSERT, "plain", "id=1 name= mood=glad wide=<9000>", "", WALSTREAM_OLD_NONE);
    expect_row(stream, WALSTREAM_INSERT, "plain", "id=2 name=NULL mood=NULL wide=NULL", "", WALSTREAM_OLD_NONE);
    expect_row(stream, WALSTREAM_UPDATE, "plain", "id=1 name=one mood=glad wide=UNCHANGED", "", WALSTREAM_OLD_NONE);
    expect_row(stream, WALSTREAM_UPDATE, "plain", "id=20 name=NULL mood=NULL wide=NULL",
               "id=2 name=NOT_SENT mood=NOT_SENT wide=NOT_SENT", WALSTREAM_OLD_KEY);
    expect_row(stream, WALSTREAM_DELETE, "plain", "", "id=20 name=NOT_SENT mood=NOT_SENT wide=NOT_SENT", WALSTREAM_OLD_KEY);
    expect_row(stream, WALSTREAM_INSERT, "whole", "id=1 name=a amount=1.50", "", WALSTREAM_OLD_NONE);
    expect_row(stream, WALSTREAM_UPDATE, "whole", "id=1 name=NULL amount=2.00", "id=1 name=a amount=1.50", WALSTREAM_OLD_FULL);
    expect_row(stream, WALSTREAM_DELETE, "whole", "", "id=1 name=NULL amount=2.00", WALSTREAM_OLD_FULL);
    expect_row(stream, WALSTREAM_INSERT, "other", "id=1", "", WALSTREAM_OLD_NONE);
    expect_row(stream, WALSTREAM_INSERT, "other", "id=2", "", WALSTREAM_OLD_NONE);
    expect_row(stream, WALSTREAM_INSERT, "other", "id=3", "", WALSTREAM_OLD_NONE);

    event = live_next(stream);
    REQUIRE(event->kind == WALSTREAM_MESSAGE);
    CHECK_TEXT(event->name, "inside");
    CHECK_TEXT((const char *)event->payload, "kept");
    CHECK_U64(event->flags, WALSTREAM_EVENT_TRANSACTIONAL);
    event = live_next_of(stream, WALSTREAM_MESSAGE); /* its transaction was rolled back, it was not */
    CHECK_TEXT(event->name, "alone");
    CHECK(event->payload != NULL && event->payload_len == 0 && *event->payload == '\0');
    event = live_next_of(stream, WALSTREAM_MESSAGE);
    CHECK_TEXT(event->name, "alone");
    CHECK_U64(event->flags, 0);
    CHECK_U64(event->payload_len, 4);
    CHECK(event->payload != NULL && memcmp(event->payload, "\0\377\n\0\0", 5) == 0);

    event = live_next_of(stream, WALSTREAM_TRUNCATE);
    CHECK_U64(event->detail_count, 2);
    CHECK_U64(event->flags, WALSTREAM_EVENT_TRUNCATE_CASCADE | WALSTREAM_EVENT_RESTART_IDENTITY);
    REQUIRE(walstream_event_relation(event, 1) != NULL && walstream_event_relation(event, 2) == NULL);
    CHECK_TEXT(walstream_event_relation(event, 0)->name, "whole");
    CHECK_TEXT(walstream_event_relation(event, 1)->name, "other");
    for (int i = 0; i < WORKLOAD_BIG; i++) CHECK(live_next_of(stream, WALSTREAM_INSERT)->new_count == 1);
    expect_row(stream, WALSTREAM_INSERT, "other", "id=5 note=", "", WALSTREAM_OLD_NONE);
    live_close(stream);
}

static void check_values(const walstream_value *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (values[i].kind != WALSTREAM_VALUE_TEXT) {
            OR_END(CHECK(values[i].data == NULL));
            continue;
        }
        OR_END(CHECK(values[i].data != NULL && values[i].data[values[i].size] == '\0'));
        OR_END(CHECK_U64(strlen(values[i].data), values[i].size));
    }
}

static void every_text_ends_with_nul(void)
{
    walstream_stream *stream;
    const walstream_event *event;

    workload_tables();
    live_create_slot("");
    workload_run();
    stream = live_start("", "messages", "on", NULL);
    do {
        event = live_next(stream);
        check_values(event->new_values, event->new_count);
        check_values(event->old_values, event->old_count);
        if (event->name != NULL) CHECK_U64(strlen(event->name), event->name_len);
        if (event->payload != NULL) CHECK(event->payload[event->payload_len] == '\0');
        if (event->relation == NULL) continue;
        CHECK_U64(strlen(event->relation->schema), event->relation->schema_len);
        CHECK_U64(strlen(event->relation->name), event->relation->name_len);
        for (uint32_t i = 0; i < event->relation->column_count; i++) {
            const walstream_column *column = dump_column(event->relation, i);

            CHECK_U64(strlen(column->name), column->name_len);
            CHECK_U64(strlen(column->type_name), column->type_name_len);
        }
    } while (!workload_is_over(event));
    live_close(stream);
}

static void binary_values(void)
{
    walstream_stream *stream;
    const walstream_event *event;

    live_sql("CREATE TABLE b (n int PRIMARY KEY, t text, z text, missing int)", "CREATE PUBLICATION pub FOR ALL TABLES", NULL);
    live_create_slot("");
    live_sql("INSERT INTO b VALUES (258, 'words', '', NULL)", NULL);
    stream = live_start("", "binary", "on", NULL);
    event = live_next_of(stream, WALSTREAM_INSERT);
    REQUIRE(event->new_count == 4);
    CHECK_U64(event->new_values[0].kind, WALSTREAM_VALUE_BINARY);
    CHECK_U64(event->new_values[0].size, 4);
    CHECK(memcmp(event->new_values[0].data, "\0\0\1\2\0", 5) == 0); /* network order, and the NUL behind */
    CHECK_U64(event->new_values[1].kind, WALSTREAM_VALUE_BINARY);
    CHECK_TEXT(event->new_values[1].data, "words");
    CHECK(event->new_values[2].data != NULL && event->new_values[2].size == 0 && *event->new_values[2].data == '\0');
    CHECK_U64(event->new_values[3].kind, WALSTREAM_VALUE_NULL);
    live_close(stream);
}

/* Batches live until they are freed, whatever became of their stream. */
static void batch_outlives_stream(void)
{
    static struct dump before, after;
    walstream_batch *batches[2];
    walstream_stream *stream;

    workload_tables();
    live_create_slot("");
    workload_run();
    stream = live_start("", "messages", "on", "batch.max_events", "20", NULL);
    for (int i = 0; i < 2; i++) {
        batches[i] = next_batch(stream);
        dump_batch(batches[i], &before);
    }
    walstream_free(stream);
    for (int i = 0; i < 2; i++) {
        dump_batch(batches[i], &after);
        walstream_batch_free(batches[i]);
    }
    CHECK_SAME_EVENTS(&after, &before);
}

/* An event of next_event lives until the next read: acks, statistics and stop do not end it. */
static void event_outlives_stop(void)
{
    static struct dump before, after;
    walstream_stats stats = {.struct_size = sizeof stats};
    const walstream_event *event;
    walstream_stream *stream;

    workload_tables();
    live_create_slot("");
    workload_run();
    stream = live_start("", NULL);
    event = live_next_of(stream, WALSTREAM_COMMIT);
    REQUIRE_CODE(walstream_ack_lsn(stream, event->ack_lsn, NULL), WALSTREAM_OK);
    event = live_next_of(stream, WALSTREAM_UPDATE);
    dump_event(&before, event);
    REQUIRE_CODE(walstream_get_stats(stream, &stats), WALSTREAM_OK);
    REQUIRE_CODE(walstream_stop(stream, LIVE_WAIT_MS, NULL), WALSTREAM_OK);
    dump_event(&after, event);
    CHECK_SAME_EVENTS(&after, &before);
    walstream_free(stream);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"both_styles", both_styles, 1},
        {"rows_say_what_was_done", rows_say_what_was_done, 1},
        {"every_text_ends_with_nul", every_text_ends_with_nul, 1},
        {"binary_values", binary_values, 1},
        {"batch_outlives_stream", batch_outlives_stream, 1},
        {"event_outlives_stop", event_outlives_stop, 1},
    };
    return check_main(argc, argv, cases, sizeof cases / sizeof *cases, &live_world);
}
