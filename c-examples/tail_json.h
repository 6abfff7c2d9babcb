/* tail_json: one event, one line of JSON, as docs/json.md describes it. */
#ifndef TAIL_JSON_H
#define TAIL_JSON_H

#include <stdio.h>
#include <walstream.h>

/* A buffer that grows to the longest line. Starts as {0}. */
struct tail_json {
    char *line;
    size_t size;
};

/* 0 when there is no memory for the line. */
int json_event(struct tail_json *json, FILE *file, const walstream_event *event);

void json_free(struct tail_json *json);

#endif
