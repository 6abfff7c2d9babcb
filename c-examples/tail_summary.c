#include <inttypes.h>

#include "tail_view.h"

static const char *state_name(uint32_t state)
{
    static const char *const names[] = {"open", "connecting", "streaming", "waiting to retry", "ended", "failed"};

    return state < sizeof names / sizeof *names ? names[state] : "unknown";
}

static void print_label(const struct text_out *out, const char *label)
{
    text_style(out, TEXT_DIM);
    fprintf(out->file, "%-13s", label);
    text_style(out, TEXT_PLAIN);
}

static void print_events(const struct tail_view *view)
{
    char number[TEXT_NUMBER_BUFFER];
    const char *between = "";
    uint64_t total = 0;

    for (uint32_t kind = 0; kind < VIEW_KINDS; kind++) total += view->counts[kind];
    print_label(&view->out, "events");
    fprintf(view->out.file, "%s", text_number(total, number));
    if (total > 0) fputs(": ", view->out.file);
    for (uint32_t kind = 0; kind < VIEW_KINDS; kind++) {
        if (view->counts[kind] == 0) continue;
        fprintf(view->out.file, "%s%s %s", between, text_number(view->counts[kind], number), walstream_kind_name(kind));
        between = ", ";
    }
    fputc('\n', view->out.file);
}

/* A position, unless it is not known. */
static void print_position(FILE *file, const char *label, uint64_t lsn)
{
    char text[WALSTREAM_LSN_BUFFER];

    if (lsn != 0) fprintf(file, " · %s %s", label, walstream_lsn_format(lsn, text));
}

void view_summary(struct tail_view *view, const walstream_stats *stats, double seconds)
{
    char number[TEXT_NUMBER_BUFFER];
    const struct text_out *out = &view->out;
    FILE *file = out->file;
    double span = seconds > 0.001 ? seconds : 0.001;
    uint64_t transactions = view->counts[WALSTREAM_COMMIT] + view->counts[WALSTREAM_COMMIT_PREPARED] +
                            view->counts[WALSTREAM_STREAM_COMMIT];

    view_finish_line(view);
    fputc('\n', file);
    print_events(view);
    print_label(out, "transactions");
    fprintf(file, "%s\n", text_number(transactions, number));
    print_label(out, "bytes");
    fprintf(file, "%s\n", text_size(stats->bytes, number));
    print_label(out, "elapsed");
    fprintf(file, "%.1f s", seconds);
    fprintf(file, " · %s events/s", text_number((uint64_t)((double)stats->events / span), number));
    fprintf(file, " · %s/s\n", text_size((uint64_t)((double)stats->bytes / span), number));
    print_label(out, "lag");
    fprintf(file, "%s", text_size(stats->lag_bytes, number));
    print_position(file, "server at", stats->server_lsn);
    print_position(file, "acknowledged", stats->acked_lsn);
    print_position(file, "confirmed", stats->confirmed_lsn);
    fputc('\n', file);
    print_label(out, "stream");
    fprintf(file, "%s · %s reconnect%s\n", state_name(stats->state), text_number(stats->reconnects, number),
            stats->reconnects == 1 ? "" : "s");
}
