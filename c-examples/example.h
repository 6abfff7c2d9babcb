/* What these examples share: options from the command line, and how they end when something fails. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <walstream.h>

/* Says what the library reported, and ends. */
static inline void fail(const char *program, walstream_error *error)
{
    if (error == NULL) {
        fprintf(stderr, "%s: out of memory\n", program);
        exit(1);
    }
    fprintf(stderr, "%s: %s: %s\n", program, walstream_code_name(error->code), error->message);
    if (*error->detail != '\0') fprintf(stderr, "detail: %s\n", error->detail);
    if (*error->hint != '\0') fprintf(stderr, "hint: %s\n", error->hint);
    walstream_error_free(error);
    exit(1);
}

/* Says which file could not be used, and ends. */
static inline void fail_file(const char *program, const char *what, const char *path)
{
    fprintf(stderr, "%s: cannot %s ", program, what);
    perror(path);
    exit(1);
}

/* OPTION=VALUE each, as the library knows them. */
static inline void set_options(const char *program, walstream_config *config, char **options, int count)
{
    walstream_error *error;

    for (int i = 0; i < count; i++) {
        char *value = strchr(options[i], '=');

        if (value == NULL) {
            fprintf(stderr, "%s: %s is no OPTION=VALUE\n", program, options[i]);
            exit(2);
        }
        *value++ = '\0';
        if (walstream_config_set(config, options[i], value, &error) < 0) fail(program, error);
    }
}

#endif
