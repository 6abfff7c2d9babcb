/*
 * failure.h: an attempt to open and start that must fail, and what its error must be like. Each attempt carries a
 * password, which no text may repeat.
 */
#ifndef FAILURE_H
#define FAILURE_H

#include "live.h"

#define SECRET "s3cret-Pa55"

static walstream_error *kept; /* the error of the last failed start */

static inline void no_secret_in(const char *text, int line)
{
    if (!check_report(strstr(text, SECRET) == NULL, __FILE__, line, "no password in any text")) fprintf(stderr, "    %s\n", text);
}

static inline void on_log(void *user, int32_t level, const char *message)
{
    (void)user, (void)level;
    no_secret_in(message, __LINE__);
    check_report(strpbrk(message, "\r\n") == NULL, __FILE__, __LINE__, "a log message is one line");
}

/*
 * An error as a person can use it: its code, `word` in its message (NULL: none in particular), a hint.
 * Errors of open and start are never fatal: they may be called again.
 */
static inline void expect_error(walstream_error *error, int32_t code, const char *word, int retriable, int line)
{
    check_error_shape(error, code, __FILE__, line);
    if (error == NULL) return;
    if (word != NULL) check_report(strstr(error->message, word) != NULL, __FILE__, line, "the message names the object");
    check_report(*error->hint != '\0', __FILE__, line, "there is a hint");
    check_report(strpbrk(error->hint, "\r\n") == NULL, __FILE__, line, "the hint is one line");
    check_report((error->flags & WALSTREAM_ERROR_FATAL) == 0, __FILE__, line, "not fatal");
    check_report(((error->flags & WALSTREAM_ERROR_RETRIABLE) != 0) == retriable, __FILE__, line,
                 retriable ? "retriable" : "not retriable");
    no_secret_in(error->message, line);
    no_secret_in(error->detail, line);
    no_secret_in(error->hint, line);
    fprintf(stderr, "    %s: %s | %s | %s\n", walstream_code_name(error->code), error->message, error->detail, error->hint);
    walstream_error_free(error);
}

/* Opens and starts; the code of whichever failed, its error in `kept`. */
static inline int32_t try_start(const char *conninfo, const walstream_config *config, uint64_t start_lsn)
{
    char *with_secret = strstr(conninfo, "password") == NULL ? live_conninfo_with(conninfo, "password", SECRET) : NULL;
    walstream_stream *stream = NULL;
    int32_t code;

    kept = NULL;
    code = walstream_open(with_secret ? with_secret : conninfo, config, &stream, &kept);
    if (code == WALSTREAM_OK) code = walstream_start(stream, start_lsn, &kept);
    walstream_free(stream);
    free(with_secret);
    return code;
}

static inline walstream_config *logged_config(const char *suffix)
{
    walstream_config *config = live_config(suffix);

    REQUIRE_CODE(walstream_config_set_log(config, on_log, NULL), WALSTREAM_OK);
    REQUIRE_CODE(walstream_config_set(config, "connect_timeout_ms", "5000", NULL), WALSTREAM_OK);
    return config;
}

#endif
