#define _POSIX_C_SOURCE 200809L /* getpid */

#include "tail_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <walstream.h>

enum option {
    OPT_CONNINFO, OPT_SLOT, OPT_PUBLICATION, OPT_CREATE_SLOT, OPT_TEMPORARY, OPT_START_LSN, OPT_STOP_LSN, OPT_UNTIL_IDLE,
    OPT_BATCH, OPT_NO_ACK, OPT_SET, OPT_LIMIT_ROWS, OPT_ALL, OPT_WIDTH, OPT_QUIET, OPT_JSON, OPT_VERBOSE, OPT_HELP
};

static const struct known_option {
    enum option id;
    const char *name;
    const char *argument; /* NULL: takes none */
    const char *help;
} known[] = {
    {OPT_CONNINFO, "conninfo", "TEXT", "where to connect: keywords or URI, as for psql (default: PG* environment)"},
    {OPT_SLOT, "slot", "NAME", "the replication slot to read"},
    {OPT_PUBLICATION, "publication", "NAMES", "publications, separated by commas"},
    {OPT_CREATE_SLOT, "create-slot", NULL, "create the slot if it is missing"},
    {OPT_TEMPORARY, "temporary", NULL, "create a slot that goes away with this program"},
    {OPT_START_LSN, "start-lsn", "LSN", "go on behind this position (default: where the slot stands)"},
    {OPT_STOP_LSN, "stop-lsn", "LSN", "end at this position"},
    {OPT_UNTIL_IDLE, "until-idle", "MS", "end when nothing came for so long"},
    {OPT_BATCH, "batch", NULL, "read and acknowledge batches instead of single events"},
    {OPT_NO_ACK, "no-ack", NULL, "acknowledge nothing: the same comes again next time"},
    {OPT_SET, "set", "KEY=VALUE", "any option of the library, see below; may be given often"},
    {OPT_LIMIT_ROWS, "limit-rows", "N", "rows shown of one transaction (default: 8)"},
    {OPT_ALL, "all", NULL, "show all rows"},
    {OPT_WIDTH, "width", "N", "characters shown of one value (default: 40; 0: all)"},
    {OPT_QUIET, "quiet", NULL, "only the summary at the end"},
    {OPT_JSON, "json", NULL, "each event as a line of JSON (docs/json.md), no summary: made for jq and the like"},
    {OPT_VERBOSE, "verbose", NULL, "show the library's log; twice: also for debugging"},
    {OPT_HELP, "help", NULL, "this text"},
};

#define KNOWN (sizeof known / sizeof *known)

static enum tail_wish wrong(const char *what, const char *which)
{
    fprintf(stderr, "tail: %s: %s\nTry: tail --help\n", what, which);
    return TAIL_WRONG;
}

static int add_setting(struct tail_options *options, const char *key, size_t key_length, const char *value)
{
    char *copy;

    if (options->setting_count == TAIL_SETTINGS || (copy = malloc(key_length + 1)) == NULL) return 0;
    memcpy(copy, key, key_length);
    copy[key_length] = '\0';
    options->settings[options->setting_count].key = copy;
    options->settings[options->setting_count].value = value;
    options->setting_count++;
    return 1;
}

static enum tail_wish set(struct tail_options *options, const char *key, const char *value)
{
    return add_setting(options, key, strlen(key), value) ? TAIL_RUN : wrong("too many settings", key);
}

static enum tail_wish set_pair(struct tail_options *options, const char *pair)
{
    const char *equals = strchr(pair, '=');

    if (equals == NULL || equals == pair) return wrong("--set takes KEY=VALUE, not", pair);
    if (!add_setting(options, pair, (size_t)(equals - pair), equals + 1)) return wrong("too many settings", pair);
    return TAIL_RUN;
}

static enum tail_wish read_number(const char *text, uint64_t most, uint64_t *number)
{
    char *end;

    errno = 0;
    *number = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || *text < '0' || *text > '9' || *number > most) return wrong("not a number that fits", text);
    return TAIL_RUN;
}

static enum tail_wish apply(struct tail_options *options, enum option id, const char *value)
{
    uint64_t number = 0;
    enum tail_wish wish = TAIL_RUN;

    switch (id) {
    case OPT_CONNINFO: options->conninfo = value; break;
    case OPT_SLOT: return set(options, "slot", value);
    case OPT_PUBLICATION: return set(options, "publication", value);
    case OPT_CREATE_SLOT: return set(options, "slot.create", "if-missing");
    case OPT_TEMPORARY: return set(options, "slot.create", "temporary");
    case OPT_STOP_LSN: return set(options, "stop_lsn", value);
    case OPT_SET: return set_pair(options, value);
    case OPT_START_LSN:
        if (walstream_lsn_parse(value, &options->start_lsn) != WALSTREAM_OK) return wrong("not an LSN like 0/16B3748", value);
        break;
    case OPT_UNTIL_IDLE:
        wish = read_number(value, INT32_MAX, &number);
        options->until_idle_ms = (int32_t)number;
        break;
    case OPT_LIMIT_ROWS: wish = read_number(value, UINT64_MAX, &options->row_limit); break;
    case OPT_WIDTH: wish = read_number(value, SIZE_MAX, &options->value_width); break;
    case OPT_ALL: options->row_limit = 0; break;
    case OPT_BATCH: options->batch = 1; break;
    case OPT_NO_ACK: options->ack = 0; break;
    case OPT_QUIET: options->quiet = 1; break;
    case OPT_VERBOSE: options->verbose++; break;
    case OPT_JSON: options->json = 1; break;
    case OPT_HELP: return TAIL_HELP;
    }
    return wish;
}

/* `text` is what follows the dashes: "name" or "name=value". */
static const struct known_option *find(const char *text, const char **value)
{
    size_t length = strcspn(text, "=");

    *value = text[length] == '=' ? text + length + 1 : NULL;
    for (size_t i = 0; i < KNOWN; i++)
        if (strlen(known[i].name) == length && memcmp(known[i].name, text, length) == 0) return &known[i];
    return NULL;
}

static int has_setting(const struct tail_options *options, const char *key, const char *value)
{
    for (int i = 0; i < options->setting_count; i++)
        if (strcmp(options->settings[i].key, key) == 0 && (value == NULL || strcmp(options->settings[i].value, value) == 0))
            return 1;
    return 0;
}

/* A temporary slot needs no name that anybody knows, only one that nobody else has. */
static enum tail_wish name_temporary_slot(struct tail_options *options)
{
    static char name[40];

    if (has_setting(options, "slot", NULL) || !has_setting(options, "slot.create", "temporary")) return TAIL_RUN;
    snprintf(name, sizeof name, "walstream_tail_%ld", (long)getpid());
    return set(options, "slot", name);
}

enum tail_wish tail_options_read(struct tail_options *options, int argc, char **argv)
{
    *options = (struct tail_options){.row_limit = 8, .value_width = 40, .until_idle_ms = -1, .ack = 1};

    for (int i = 1; i < argc; i++) {
        const struct known_option *option;
        const char *value;
        enum tail_wish wish;

        if (strncmp(argv[i], "--", 2) != 0) {
            if (argv[i][0] == '-' || options->conninfo != NULL) return wrong("unknown argument", argv[i]);
            options->conninfo = argv[i];
            continue;
        }
        option = find(argv[i] + 2, &value);
        if (option == NULL) return wrong("unknown option", argv[i]);
        if (option->argument == NULL && value != NULL) return wrong("takes no value", argv[i]);
        if (option->argument != NULL && value == NULL) {
            if (i + 1 == argc) return wrong("needs a value", argv[i]);
            value = argv[++i];
        }
        wish = apply(options, option->id, value);
        if (wish != TAIL_RUN) return wish;
    }
    if (options->conninfo == NULL) options->conninfo = "";
    if (name_temporary_slot(options) != TAIL_RUN) return TAIL_WRONG;
    if (!has_setting(options, "slot", NULL)) return wrong("which slot?", "give --slot NAME or --temporary");
    if (!has_setting(options, "publication", NULL) && !has_setting(options, "plugin", NULL))
        return wrong("which publication?", "give --publication NAMES");
    return TAIL_RUN;
}

void tail_options_free(struct tail_options *options)
{
    for (int i = 0; i < options->setting_count; i++) free(options->settings[i].key);
    options->setting_count = 0;
}

void tail_options_help(FILE *file)
{
    const walstream_option *row;

    fputs("tail [OPTIONS] [CONNINFO]\n\n"
          "Shows the committed changes of a PostgreSQL database as they happen, one event a line:\n"
          "LSN, number within its transaction, kind, and what happened.\n"
          "Ends at Ctrl-C, --stop-lsn or --until-idle, with a summary.\n\n",
          file);
    for (size_t i = 0; i < KNOWN; i++) {
        const char *argument = known[i].argument == NULL ? "" : known[i].argument;
        fprintf(file, "  --%s %-*s  %s\n", known[i].name, (int)(22 - strlen(known[i].name)), argument, known[i].help);
    }
    fputs("\nOptions for --set:\n\n", file);
    for (uint32_t i = 0; (row = walstream_option_at(i)) != NULL; i++) {
        fprintf(file, "  %s=%s", row->name, row->allowed);
        if (*row->default_value != '\0') fprintf(file, "  (default: %s)", row->default_value);
        fprintf(file, "\n      %s\n", row->help);
    }
    fputs("\nExit: 0 ended in order, 1 failed, 2 wrong command line.\n", file);
}
