#include "tail_view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tail_row.h"

static void print_lsn(FILE *file, const char *before, uint64_t lsn)
{
    char text[WALSTREAM_LSN_BUFFER];

    fprintf(file, "%s%s", before, walstream_lsn_format(lsn, text));
}

static enum text_style style_of(uint32_t kind)
{
    switch (kind) {
    case WALSTREAM_INSERT: return TEXT_GREEN;
    case WALSTREAM_UPDATE: return TEXT_YELLOW;
    case WALSTREAM_DELETE:
    case WALSTREAM_TRUNCATE:
    case WALSTREAM_STREAM_ABORT:
    case WALSTREAM_ROLLBACK_PREPARED:
    case WALSTREAM_INTERRUPTED: return TEXT_RED;
    case WALSTREAM_MESSAGE: return TEXT_MAGENTA;
    case WALSTREAM_RELATION:
    case WALSTREAM_TYPE:
    case WALSTREAM_ORIGIN: return TEXT_DIM;
    default: return TEXT_BLUE;
    }
}

/* Writes `text` in a column of at least *width, which grows with it. */
static void print_cell(FILE *file, const char *text, int *width, int to_the_right)
{
    int length = (int)strlen(text);

    if (length > *width) *width = length;
    fprintf(file, to_the_right ? "%*s  " : "%-*s  ", *width, text);
}

/* The first three columns: where, which number in its transaction, what. */
static void print_start(struct tail_view *view, const walstream_event *event)
{
    char lsn[WALSTREAM_LSN_BUFFER] = "-";
    char seq[TEXT_NUMBER_BUFFER] = "-";
    int seq_width = 6;
    FILE *file = view->out.file;

    if (event->lsn != 0) walstream_lsn_format(event->lsn, lsn);
    if (event->flags & WALSTREAM_EVENT_NO_IDENTITY)
        ; /* keeps its dash */
    else if (event->seq == UINT64_MAX)
        strcpy(seq, "end");
    else
        text_number(event->seq, seq);
    text_style(&view->out, TEXT_DIM);
    print_cell(file, lsn, &view->lsn_width, 0);
    print_cell(file, seq, &seq_width, 1);
    text_style(&view->out, TEXT_PLAIN);
    text_style(&view->out, style_of(event->kind));
    print_cell(file, walstream_kind_name(event->kind), &view->kind_width, 0);
    text_style(&view->out, TEXT_PLAIN);
}

static void print_name(const struct text_out *out, const char *label, const walstream_event *event)
{
    fputs(label, out->file);
    if (event->name != NULL) text_escaped(out, event->name, event->name_len, 0, NULL);
}

static void print_table(struct tail_view *view, const walstream_relation *relation)
{
    int width;

    text_style(&view->out, TEXT_BOLD);
    width = (int)row_table(&view->out, relation);
    text_style(&view->out, TEXT_PLAIN);
    if (width > view->table_width) view->table_width = width;
    fprintf(view->out.file, "%*s", view->table_width - width + 2, "");
}

static void print_begin(struct tail_view *view, const walstream_event *event)
{
    char time[TEXT_TIME_BUFFER];
    FILE *file = view->out.file;

    fprintf(file, "xid %" PRIu32, event->xid);
    if (event->name != NULL) print_name(&view->out, " · gid ", event);
    print_lsn(file, event->kind == WALSTREAM_BEGIN_PREPARE ? " · prepare " : " · commit ", event->commit_lsn);
    fprintf(file, " · %s", text_time(event->commit_time_us, time));
}

static void print_end(struct tail_view *view, const walstream_event *event)
{
    char number[TEXT_NUMBER_BUFFER];
    char time[TEXT_TIME_BUFFER];
    FILE *file = view->out.file;

    fprintf(file, "xid %" PRIu32, event->xid);
    if (event->name != NULL) print_name(&view->out, " · gid ", event);
    if (event->kind != WALSTREAM_COMMIT && event->kind != WALSTREAM_PREPARE)
        fprintf(file, " · %s", text_time(event->commit_time_us, time));
    else if (view->rows > 0)
        fprintf(file, " · %s row%s", text_number(view->rows, number), view->rows == 1 ? "" : "s");
    if (event->kind == WALSTREAM_ROLLBACK_PREPARED && event->detail != NULL)
        print_lsn(file, " · of the prepare that ended at ",
                  ((const walstream_rollback_detail *)event->detail)->prepare_end_lsn);
    if (event->ack_lsn != 0) print_lsn(file, " · ack ", event->ack_lsn);
}

static void print_truncate(struct tail_view *view, const walstream_event *event)
{
    const walstream_relation *relation;

    for (uint32_t i = 0; (relation = walstream_event_relation(event, i)) != NULL; i++) {
        if (i > 0) fputs(", ", view->out.file);
        text_style(&view->out, TEXT_BOLD);
        row_table(&view->out, relation);
        text_style(&view->out, TEXT_PLAIN);
    }
    if (event->flags & WALSTREAM_EVENT_TRUNCATE_CASCADE) fputs("  cascade", view->out.file);
    if (event->flags & WALSTREAM_EVENT_RESTART_IDENTITY) fputs("  restart identity", view->out.file);
}

static void print_message(struct tail_view *view, const walstream_event *event)
{
    print_name(&view->out, "", event);
    fputs("  ", view->out.file);
    row_payload(&view->out, event, view->value_width);
    if (event->flags & WALSTREAM_EVENT_TRANSACTIONAL) return;
    text_styled(&view->out, TEXT_DIM, "  outside transactions");
    if (event->ack_lsn != 0) print_lsn(view->out.file, " · ack ", event->ack_lsn);
}

static void print_type(struct tail_view *view, const walstream_event *event)
{
    const walstream_type_detail *type = event->detail;

    if (type == NULL) return;
    text_escaped(&view->out, type->schema, strlen(type->schema), 0, NULL);
    fputc('.', view->out.file);
    text_escaped(&view->out, type->name, strlen(type->name), 0, NULL);
    fprintf(view->out.file, "  oid %" PRIu32, type->oid);
}

/* What a kind that this program does not know can be said to hold. */
static void print_other(struct tail_view *view, const walstream_event *event)
{
    fprintf(view->out.file, "kind %" PRIu32 " · flags %" PRIu32, event->kind, event->flags);
    if (event->name != NULL) print_name(&view->out, " · ", event);
    if (event->payload != NULL) fputs("  ", view->out.file);
    row_payload(&view->out, event, view->value_width);
    if (event->ack_lsn != 0) print_lsn(view->out.file, " · ack ", event->ack_lsn);
}

static void print_body(struct tail_view *view, const walstream_event *event)
{
    FILE *file = view->out.file;

    switch (event->kind) {
    case WALSTREAM_BEGIN:
    case WALSTREAM_BEGIN_PREPARE: print_begin(view, event); break;
    case WALSTREAM_COMMIT:
    case WALSTREAM_PREPARE:
    case WALSTREAM_COMMIT_PREPARED:
    case WALSTREAM_ROLLBACK_PREPARED:
    case WALSTREAM_STREAM_COMMIT:
    case WALSTREAM_STREAM_PREPARE: print_end(view, event); break;
    case WALSTREAM_STREAM_START:
    case WALSTREAM_STREAM_STOP: fprintf(file, "xid %" PRIu32, event->xid); break;
    case WALSTREAM_STREAM_ABORT:
        fprintf(file, "xid %" PRIu32, event->xid);
        if (event->subxid != event->xid) fprintf(file, " · only subtransaction %" PRIu32, event->subxid);
        break;
    case WALSTREAM_ORIGIN:
        print_name(&view->out, "from ", event);
        if (event->detail != NULL)
            print_lsn(file, " · there at ", ((const walstream_origin_detail *)event->detail)->origin_lsn);
        break;
    case WALSTREAM_RELATION:
        print_table(view, event->relation);
        row_definition(&view->out, event->relation);
        break;
    case WALSTREAM_TYPE: print_type(view, event); break;
    case WALSTREAM_INSERT:
    case WALSTREAM_UPDATE:
    case WALSTREAM_DELETE:
        print_table(view, event->relation);
        row_values(&view->out, event, view->value_width);
        if (event->flags & WALSTREAM_EVENT_STREAMED) fprintf(file, "  (streamed, xid %" PRIu32 ")", event->subxid);
        break;
    case WALSTREAM_TRUNCATE: print_truncate(view, event); break;
    case WALSTREAM_MESSAGE: print_message(view, event); break;
    case WALSTREAM_INTERRUPTED: fputs("unfinished transactions are void, they come again", file); break;
    case WALSTREAM_POSITION: print_lsn(file, "nothing pending · ack ", event->ack_lsn); break;
    case WALSTREAM_RAW:
    case WALSTREAM_WAL: row_payload(&view->out, event, view->value_width); break;
    default: print_other(view, event);
    }
}

static void draw_hidden(struct tail_view *view)
{
    char number[TEXT_NUMBER_BUFFER];

    if (view->on_terminal) fputc('\r', view->out.file);
    fprintf(view->out.file, "%*s", view->lsn_width + 10, "");
    text_style(&view->out, TEXT_DIM);
    fprintf(view->out.file, "… %s more row%s", text_number(view->hidden, number), view->hidden == 1 ? "" : "s");
    text_style(&view->out, TEXT_PLAIN);
}

void view_finish_line(struct tail_view *view)
{
    if (view->hidden == 0) return;
    draw_hidden(view);
    fputc('\n', view->out.file);
    view->hidden = 0;
}

/* Counts a row; whether it stays hidden because its transaction has shown enough. */
static int hides_row(struct tail_view *view)
{
    view->rows++;
    if (view->quiet || view->row_limit == 0 || view->rows <= view->row_limit) return 0;
    view->hidden++;
    if (view->on_terminal && view->hidden % 1000 == 1) {
        draw_hidden(view);
        fflush(view->out.file);
    }
    return 1;
}

void view_event(struct tail_view *view, const walstream_event *event)
{
    if (view->json) {
        if (json_event(&view->json_line, view->out.file, event)) return;
        fputs("tail: out of memory\n", stderr);
        exit(1); /* not written, not acknowledged: it comes again */
    }
    view->counts[event->kind < VIEW_KINDS ? event->kind : 0]++;
    switch (event->kind) {
    case WALSTREAM_BEGIN:
    case WALSTREAM_BEGIN_PREPARE:
    case WALSTREAM_STREAM_START: view->rows = 0; break;
    case WALSTREAM_INSERT:
    case WALSTREAM_UPDATE:
    case WALSTREAM_DELETE:
        if (hides_row(view)) return;
        break;
    default: break;
    }
    if (view->quiet) return;
    view_finish_line(view);
    print_start(view, event);
    print_body(view, event);
    fputc('\n', view->out.file);
}
