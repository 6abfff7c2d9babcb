/* Prints every committed change of a publication:  quickstart [CONNINFO [PUBLICATION [SLOT]]] */
#include <stdio.h>
#include <walstream.h>

static void print_row(const walstream_event *event)
{
    const walstream_relation *table = event->relation;
    const walstream_value *row = event->new_count ? event->new_values : event->old_values;
    const char *at = (const char *)table->columns;

    printf("%s %s.%s", walstream_kind_name(event->kind), table->schema, table->name);
    for (uint32_t i = 0; i < table->column_count; i++, at += table->column_size) {
        const walstream_column *column = (const walstream_column *)at;
        if (row[i].kind == WALSTREAM_VALUE_TEXT) printf("  %s=%s", column->name, row[i].data);
        if (row[i].kind == WALSTREAM_VALUE_NULL) printf("  %s=NULL", column->name);
    }
    putchar('\n');
}

static int32_t follow(walstream_stream *stream, walstream_error **error)
{
    const walstream_event *event;
    int32_t code = walstream_start(stream, 0, error);

    while (code == WALSTREAM_OK) {
        code = walstream_next_event(stream, -1, &event, error);
        if (code != WALSTREAM_OK) break;
        if (event->relation && event->kind != WALSTREAM_RELATION) print_row(event);
        if (event->ack_lsn) { /* a transaction ended: all of it is handled, never send it again */
            fflush(stdout);
            code = walstream_ack_lsn(stream, event->ack_lsn, error);
        }
    }
    return code;
}

int main(int argc, char **argv)
{
    walstream_config *config = walstream_config_new();
    walstream_stream *stream = NULL;
    walstream_error *error = NULL;

    if (walstream_config_set(config, "publication", argc > 2 ? argv[2] : "walstream", &error) < 0 ||
        walstream_config_set(config, "slot", argc > 3 ? argv[3] : "walstream", &error) < 0 ||
        walstream_config_set(config, "slot.create", "if-missing", &error) < 0 ||
        walstream_open(argc > 1 ? argv[1] : "", config, &stream, &error) < 0 ||
        follow(stream, &error) < 0) {
        fprintf(stderr, "%s\n", error ? error->message : "out of memory");
        if (error && *error->hint) fprintf(stderr, "hint: %s\n", error->hint);
    }
    walstream_free(stream);
    walstream_config_free(config);
    walstream_error_free(error);
    return error != NULL;
}
