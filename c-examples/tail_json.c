#include "tail_json.h"

#include <stdlib.h>

int json_event(struct tail_json *json, FILE *file, const walstream_event *event)
{
    size_t length;

    walstream_event_to_json(event, json->line, json->size, &length);
    if (length >= json->size) { /* it did not fit: once more, with room for the NUL and some to spare */
        char *larger = realloc(json->line, length + length / 2 + 1);

        if (larger == NULL) return 0;
        json->line = larger;
        json->size = length + length / 2 + 1;
        walstream_event_to_json(event, json->line, json->size, &length);
    }
    json->line[length] = '\n'; /* over the NUL: fwrite takes a length */
    fwrite(json->line, 1, length + 1, file);
    return 1;
}

void json_free(struct tail_json *json)
{
    free(json->line);
    *json = (struct tail_json){0};
}
