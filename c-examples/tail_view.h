/*
 * tail_view: one event, one line, in columns: LSN, seq, kind, and what happened; or as JSON. Counts what it is shown.
 *
 * Asks nothing of the stream and acknowledges nothing.
 */
#ifndef TAIL_VIEW_H
#define TAIL_VIEW_H

#include <walstream.h>

#include "tail_json.h"
#include "tail_text.h"

#define VIEW_KINDS 64 /* kinds above are counted together in counts[0], which no kind uses */

struct tail_view {
    struct text_out out;
    int on_terminal;      /* the "… more rows" line may be drawn over */
    int quiet;            /* count only */
    int json;             /* every event, nothing else */
    struct tail_json json_line;
    uint64_t row_limit;   /* rows shown of one transaction; 0: all */
    size_t value_width;   /* characters shown of one value; 0: all */
    int table_width;      /* columns only grow, so that lines stay aligned */
    int kind_width;
    int lsn_width;
    uint64_t rows;        /* of this transaction */
    uint64_t hidden;      /* of them, since the last line */
    uint64_t counts[VIEW_KINDS];
};

void view_event(struct tail_view *view, const walstream_event *event);

/* Ends a half-drawn line, as before somebody else prints. */
void view_finish_line(struct tail_view *view);

/* What was seen, what the stream says of itself, and how long it took. */
void view_summary(struct tail_view *view, const walstream_stats *stats, double seconds);

#endif
