/*
 * dump.h: events as text, every field of them, so that two readings can be compared and a difference can be read.
 *
 * relation->version is left out: it names a definition in one process, not across streams.
 */
#ifndef DUMP_H
#define DUMP_H

#include "live.h"

/* Make them static: a case has its process to itself, and nobody need free them. */
struct dump {
    char *text;
    size_t size;
    size_t room;
};

static inline void dump_bytes(struct dump *dump, const void *bytes, size_t size)
{
    if (dump->size + size + 1 > dump->room) {
        dump->room = (dump->size + size + 1) * 2;
        dump->text = realloc(dump->text, dump->room);
        REQUIRE(dump->text != NULL);
    }
    memcpy(dump->text + dump->size, bytes, size);
    dump->size += size;
    dump->text[dump->size] = '\0';
}

static inline void dump_format(struct dump *dump, const char *format, ...)
{
    char text[300];
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    REQUIRE(size >= 0 && (size_t)size < sizeof text);
    dump_bytes(dump, text, (size_t)size);
}

static inline const walstream_column *dump_column(const walstream_relation *relation, uint32_t index)
{
    return (const walstream_column *)((const char *)relation->columns + (size_t)index * relation->column_size);
}

static inline void dump_relation(struct dump *dump, const walstream_relation *relation)
{
    dump_format(dump, " %s.%s oid=%u identity=%c keys=%u (", relation->schema, relation->name, relation->oid,
                (int)relation->replica_identity, relation->key_count);
    for (uint32_t i = 0; i < relation->column_count; i++) {
        const walstream_column *column = dump_column(relation, i);

        dump_format(dump, "%s:%s:%u:%d:%u ", column->name, column->type_name, column->type_oid, column->type_modifier, column->flags);
    }
    dump_format(dump, ")");
}

static inline void dump_values(struct dump *dump, const char *label, const walstream_value *values, uint32_t count)
{
    if (count == 0) return;
    dump_format(dump, " %s[", label);
    for (uint32_t i = 0; i < count; i++) {
        dump_format(dump, "%u:%u:", values[i].kind, values[i].size);
        if (values[i].data != NULL) dump_bytes(dump, values[i].data, values[i].size);
        dump_format(dump, " ");
    }
    dump_format(dump, "]");
}

static inline void dump_detail(struct dump *dump, const walstream_event *event)
{
    if (event->kind == WALSTREAM_TRUNCATE)
        for (uint32_t i = 0; i < event->detail_count; i++) dump_relation(dump, walstream_event_relation(event, i));
    if (event->detail == NULL) return;
    if (event->kind == WALSTREAM_TYPE) {
        const walstream_type_detail *type = event->detail;
        dump_format(dump, " %s.%s %u", type->schema, type->name, type->oid);
    }
    if (event->kind == WALSTREAM_ORIGIN)
        dump_format(dump, " %" PRIX64, ((const walstream_origin_detail *)event->detail)->origin_lsn);
    if (event->kind == WALSTREAM_ROLLBACK_PREPARED) {
        const walstream_rollback_detail *rollback = event->detail;
        dump_format(dump, " %" PRIX64 " %" PRId64, rollback->prepare_end_lsn, rollback->prepare_time_us);
    }
}

static inline void dump_event(struct dump *dump, const walstream_event *event)
{
    dump_format(dump, "%s flags=%u id=%" PRIX64 "/%" PRIu64 " lsn=%" PRIX64 " ack=%" PRIX64 " time=%" PRId64 " xid=%u/%u old=%u n=%u",
                walstream_kind_name(event->kind), event->flags, event->commit_lsn, event->seq, event->lsn, event->ack_lsn,
                event->commit_time_us, event->xid, event->subxid, event->old_kind, event->detail_count);
    if (event->relation != NULL) dump_relation(dump, event->relation);
    dump_values(dump, "new", event->new_values, event->new_count);
    dump_values(dump, "old", event->old_values, event->old_count);
    if (event->name != NULL) dump_format(dump, " name=%u:%s", event->name_len, event->name);
    if (event->payload != NULL) {
        dump_format(dump, " payload=%u:", event->payload_len);
        dump_bytes(dump, event->payload, event->payload_len);
    }
    dump_detail(dump, event);
    dump_format(dump, "\n");
}

/* Shows the first line in which they differ. */
static inline int dump_check_same(const struct dump *got, const struct dump *wanted, const char *file, int line)
{
    size_t at = 0, begin = 0;

    if (!check_report(got->size > 0 && wanted->size > 0, file, line, "something was read")) return 0;
    if (check_report(got->size == wanted->size && memcmp(got->text, wanted->text, got->size) == 0, file, line, "same events")) return 1;
    while (at < got->size && at < wanted->size && got->text[at] == wanted->text[at]) {
        if (got->text[at] == '\n') begin = at + 1;
        at++;
    }
    fprintf(stderr, "    got    %.*s\n", (int)strcspn(got->text + begin, "\n"), got->text + begin);
    fprintf(stderr, "    wanted %.*s\n", (int)strcspn(wanted->text + begin, "\n"), wanted->text + begin);
    return 0;
}

#define CHECK_SAME_EVENTS(got, wanted) dump_check_same((got), (wanted), __FILE__, __LINE__)

#endif
