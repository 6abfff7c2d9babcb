/* tail_row: values, rows, table names and table definitions in one line each. Knows no LSNs, keeps no state. */
#ifndef TAIL_ROW_H
#define TAIL_ROW_H

#include <walstream.h>

#include "tail_text.h"

/* schema.name; gives back how many columns it took. */
size_t row_table(const struct text_out *out, const walstream_relation *relation);

/* "id int4 key, name varchar(20), …" and the replica identity. */
void row_definition(const struct text_out *out, const walstream_relation *relation);

/* name=value for each column of an INSERT, UPDATE or DELETE; what an UPDATE changed as old → new. */
void row_values(const struct text_out *out, const walstream_event *event, size_t width);

/* Message content, RAW output, WAL: as text where it is text, else in hex. */
void row_payload(const struct text_out *out, const walstream_event *event, size_t width);

#endif
