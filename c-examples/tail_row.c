#include "tail_row.h"

#include <inttypes.h>
#include <string.h>

/* Columns may be longer than this header knows: the library says how far apart they lie. */
static const walstream_column *column_at(const walstream_relation *relation, uint32_t index)
{
    return (const walstream_column *)((const char *)relation->columns + (size_t)index * relation->column_size);
}

size_t row_table(const struct text_out *out, const walstream_relation *relation)
{
    size_t width = text_escaped(out, relation->schema, relation->schema_len, 0, NULL);

    fputc('.', out->file);
    return width + 1 + text_escaped(out, relation->name, relation->name_len, 0, NULL);
}

/* The types whose modifier people write in parentheses; others have modifiers that only they understand. */
static void print_modifier(FILE *file, uint32_t type_oid, int32_t modifier)
{
    if (modifier < 0) return;
    if (type_oid == 1042 || type_oid == 1043) fprintf(file, "(%" PRId32 ")", modifier - 4); /* bpchar, varchar */
    if (type_oid == 1114 || type_oid == 1184) fprintf(file, "(%" PRId32 ")", modifier); /* timestamp, timestamptz */
    if (type_oid == 1700) /* numeric: precision, and a scale of eleven bits with a sign */
        fprintf(file, "(%" PRId32 ",%" PRId32 ")", ((modifier - 4) >> 16) & 0xFFFF,
                (((modifier - 4) & 0x7FF) ^ 1024) - 1024);
}

void row_definition(const struct text_out *out, const walstream_relation *relation)
{
    FILE *file = out->file;

    for (uint32_t i = 0; i < relation->column_count; i++) {
        const walstream_column *column = column_at(relation, i);

        if (i > 0) fputs(", ", file);
        text_escaped(out, column->name, column->name_len, 0, NULL);
        fputc(' ', file);
        text_style(out, TEXT_DIM);
        if (column->type_name_len > 0)
            text_escaped(out, column->type_name, column->type_name_len, 0, NULL);
        else
            fprintf(file, "type %" PRIu32, column->type_oid);
        print_modifier(file, column->type_oid, column->type_modifier);
        text_style(out, TEXT_PLAIN);
        if ((column->flags & WALSTREAM_COLUMN_KEY) && relation->replica_identity != 'f') /* there all columns are */
            text_styled(out, TEXT_BOLD, " key");
    }
    switch (relation->replica_identity) {
    case 'd': fputs("  (identity: default)", file); break;
    case 'n': fputs("  (identity: nothing)", file); break;
    case 'f': fputs("  (identity: full)", file); break;
    case 'i': fputs("  (identity: index)", file); break;
    default: fprintf(file, "  (identity: %" PRIu32 ")", relation->replica_identity);
    }
}

/* Numbers, truth values, dates and UUIDs cannot be mistaken for anything else: no quotes. */
static int is_bare(uint32_t type_oid)
{
    static const uint32_t bare[] = {16, 20, 21, 23, 26, 700, 701, 1082, 1083, 1114, 1184, 1700, 2950, 3220};

    for (size_t i = 0; i < sizeof bare / sizeof *bare; i++)
        if (bare[i] == type_oid) return 1;
    return 0;
}

static void print_length(const struct text_out *out, size_t size)
{
    char number[TEXT_NUMBER_BUFFER];

    text_style(out, TEXT_DIM);
    fprintf(out->file, " (%s bytes)", text_number(size, number));
    text_style(out, TEXT_PLAIN);
}

static void print_value(const struct text_out *out, const walstream_value *value, uint32_t type_oid, size_t width)
{
    const char *quote = is_bare(type_oid) ? "" : "'";
    int cut = 0;

    switch (value->kind) {
    case WALSTREAM_VALUE_NULL: text_styled(out, TEXT_DIM, "NULL"); break;
    case WALSTREAM_VALUE_UNCHANGED: text_styled(out, TEXT_DIM, "unchanged (TOAST)"); break;
    case WALSTREAM_VALUE_NOT_SENT: text_styled(out, TEXT_DIM, "not sent"); break;
    case WALSTREAM_VALUE_TEXT:
        fputs(quote, out->file);
        text_escaped(out, value->data, value->size, width, &cut);
        fputs(quote, out->file);
        if (cut) print_length(out, value->size);
        break;
    case WALSTREAM_VALUE_BINARY:
        text_hex(out, value->data, value->size, width / 2);
        if (width != 0 && value->size > width / 2) print_length(out, value->size);
        break;
    default: fprintf(out->file, "value kind %" PRIu32, value->kind);
    }
}

static int has_data(const walstream_value *value)
{
    return value->kind == WALSTREAM_VALUE_TEXT || value->kind == WALSTREAM_VALUE_BINARY;
}

/* Only what both rows really tell: an unchanged TOAST value and a column outside the key tell nothing. */
static int is_changed(const walstream_value *old, const walstream_value *now)
{
    if (now->kind == WALSTREAM_VALUE_UNCHANGED || old->kind == WALSTREAM_VALUE_NOT_SENT) return 0;
    if (old->kind != now->kind || old->size != now->size) return 1;
    return has_data(now) && memcmp(old->data, now->data, now->size) != 0;
}

/* Plain inside, coloured as one piece: escapes within would end the colour. */
static void print_change(const struct text_out *out, const walstream_value *old, const walstream_value *now,
                         uint32_t type_oid, size_t width)
{
    struct text_out plain = {out->file, 0};

    text_style(out, TEXT_DIM);
    print_value(&plain, old, type_oid, width);
    text_style(out, TEXT_PLAIN);
    fputs(" → ", out->file);
    text_style(out, TEXT_BOLD);
    print_value(&plain, now, type_oid, width);
    text_style(out, TEXT_PLAIN);
}

void row_values(const struct text_out *out, const walstream_event *event, size_t width)
{
    const char *between = "";

    for (uint32_t i = 0; i < event->relation->column_count; i++) {
        const walstream_column *column = column_at(event->relation, i);
        const walstream_value *old = i < event->old_count ? &event->old_values[i] : NULL;
        const walstream_value *now = i < event->new_count ? &event->new_values[i] : NULL;

        if (now == NULL && (old == NULL || old->kind == WALSTREAM_VALUE_NOT_SENT)) continue;
        fputs(between, out->file);
        between = "  ";
        text_style(out, TEXT_CYAN);
        text_escaped(out, column->name, column->name_len, 0, NULL);
        text_style(out, TEXT_PLAIN);
        fputc('=', out->file);
        if (now != NULL && old != NULL && is_changed(old, now))
            print_change(out, old, now, column->type_oid, width);
        else
            print_value(out, now != NULL ? now : old, column->type_oid, width);
    }
}

void row_payload(const struct text_out *out, const walstream_event *event, size_t width)
{
    const char *text = (const char *)event->payload;
    size_t size = event->payload_len;
    int cut = 0;

    if (text == NULL) return;
    if (text_is_printable(text, size)) {
        fputc('\'', out->file);
        text_escaped(out, text, size, width, &cut);
        fputc('\'', out->file);
    } else {
        text_hex(out, text, size, width / 2);
        cut = width != 0 && size > width / 2;
    }
    if (cut) print_length(out, size);
}
