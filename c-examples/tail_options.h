/* tail_options: the command line, as values. Opens nothing; what it cannot read it says on stderr. */
#ifndef TAIL_OPTIONS_H
#define TAIL_OPTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TAIL_SETTINGS 64

struct tail_options {
    const char *conninfo;
    uint64_t start_lsn;
    uint64_t row_limit;       /* 0: all */
    uint64_t value_width;     /* 0: all */
    int32_t until_idle_ms;    /* -1: follow for ever */
    int batch;
    int ack;
    int quiet;
    int json;
    int verbose;              /* how often it was given */
    int setting_count;
    struct { char *key; const char *value; } settings[TAIL_SETTINGS]; /* for walstream_config_set, in order */
};

enum tail_wish { TAIL_RUN, TAIL_HELP, TAIL_WRONG };

enum tail_wish tail_options_read(struct tail_options *options, int argc, char **argv);

void tail_options_free(struct tail_options *options);

/* Every option of tail, then every option that --set takes, from the library's own table. */
void tail_options_help(FILE *file);

#endif
