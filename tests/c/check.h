/*
 * check.h: the harness of the C tests. Header only, C99 and POSIX.
 *
 * A test program is a table of cases. Each case runs in its own process, with its own deadline and, if it asks
 * for one, its own database (live.h), so that a crash or a hang of one hides nothing of the others and leaves
 * nothing behind. CHECK notes a failure and goes on, REQUIRE ends the case.
 *
 *     test_x [PART-OF-A-CASE'S-NAME]
 */
#ifndef CHECK_H
#define CHECK_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <walstream.h>

#ifndef CASE_DEADLINE_MS /* a checker such as valgrind makes everything slower */
#define CASE_DEADLINE_MS 120000
#endif

static int check_failures;

static inline int check_report(int holds, const char *file, int line, const char *what)
{
    if (!holds) {
        check_failures++;
        fprintf(stderr, "%s:%d: FAILED: %s\n", file, line, what);
    }
    return holds;
}

static inline int check_u64(uint64_t got, uint64_t wanted, const char *file, int line, const char *what)
{
    if (!check_report(got == wanted, file, line, what))
        fprintf(stderr, "    got %" PRIu64 " (0x%" PRIX64 "), wanted %" PRIu64 " (0x%" PRIX64 ")\n", got, got, wanted, wanted);
    return got == wanted;
}

static inline int check_text(const char *got, const char *wanted, const char *file, int line, const char *what)
{
    int holds = got != NULL && wanted != NULL && strcmp(got, wanted) == 0;

    if (!check_report(holds, file, line, what))
        fprintf(stderr, "    got    '%s'\n    wanted '%s'\n", got ? got : "(null)", wanted ? wanted : "(null)");
    return holds;
}

static inline int check_code(int32_t got, int32_t wanted, const char *file, int line, const char *what)
{
    if (!check_report(got == wanted, file, line, what))
        fprintf(stderr, "    got %s (%d), wanted %s (%d)\n", walstream_code_name(got), got, walstream_code_name(wanted), wanted);
    return got == wanted;
}

#define CHECK(condition) check_report(!!(condition), __FILE__, __LINE__, #condition)
#define CHECK_U64(got, wanted) check_u64((uint64_t)(got), (uint64_t)(wanted), __FILE__, __LINE__, #got " == " #wanted)
#define CHECK_TEXT(got, wanted) check_text((got), (wanted), __FILE__, __LINE__, #got " == " #wanted)
#define CHECK_CODE(got, wanted) check_code((got), (wanted), __FILE__, __LINE__, #got " gives " #wanted)

/* exit, not _exit: what was printed is flushed. Only on the case's first thread. */
#define OR_END(holds) do { if (!(holds)) exit(1); } while (0)
#define REQUIRE(condition) OR_END(CHECK(condition))
#define REQUIRE_CODE(got, wanted) OR_END(CHECK_CODE(got, wanted))

static inline int64_t check_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Between two looks at a condition that nothing announces. Never instead of looking. */
static inline void check_pause(void)
{
    struct timespec pause = {0, 5000000};

    nanosleep(&pause, NULL);
}

/* Looks until the condition holds; fails when it does not within ms. */
#define WAIT_UNTIL(condition, ms)                                                                          \
    do {                                                                                                   \
        int64_t wait_until_ = check_now_ms() + (ms);                                                       \
        int wait_holds_;                                                                                   \
        while (!(wait_holds_ = !!(condition)) && check_now_ms() < wait_until_) check_pause();             \
        check_report(wait_holds_, __FILE__, __LINE__, "within " #ms " ms: " #condition);                   \
    } while (0)

/* An error that must be there: says what a call returned; freed by the caller. */
static inline void check_error_shape(const walstream_error *error, int32_t code, const char *file, int line)
{
    const char *texts[4];

    check_report(error != NULL, file, line, "a failed call gives an error");
    if (error == NULL) return;
    check_code(error->code, code, file, line, "error->code");
    check_report(error->struct_size >= sizeof *error, file, line, "error->struct_size");
    texts[0] = error->message, texts[1] = error->hint, texts[2] = error->detail, texts[3] = error->sqlstate;
    for (int i = 0; i < 4; i++)
        if (!check_report(texts[i] != NULL, file, line, "no text of an error is NULL")) return;
    check_report(*error->message != '\0', file, line, "error->message says something");
    check_report(strpbrk(error->message, "\r\n") == NULL, file, line, "error->message is one line");
    check_report(strlen(error->sqlstate) == 0 || strlen(error->sqlstate) == 5, file, line, "error->sqlstate has 0 or 5 characters");
}

#define CHECK_ERROR(error, code) check_error_shape((error), (code), __FILE__, __LINE__)

struct check_case {
    const char *name;
    void (*run)(void);
    int needs_server;
};

/* Before and after each case that needs a server; live.h has them. In the parent: they run also when the case crashed. */
struct check_world {
    int (*set_up)(int number); /* 0: failed */
    void (*tear_down)(void);
};

static volatile sig_atomic_t check_stopped;

static inline void check_on_signal(int number)
{
    check_stopped = number;
}

/* Whether the case ended well, in time. */
static inline int check_wait(pid_t child, const char *name)
{
    const char *longer = getenv("WALSTREAM_TEST_DEADLINE_MS");
    int64_t deadline = check_now_ms() + (longer != NULL ? atoll(longer) : CASE_DEADLINE_MS);
    int status;

    while (waitpid(child, &status, WNOHANG) == 0) {
        if (check_now_ms() > deadline || check_stopped) {
            fprintf(stderr, "%s: %s\n", name, check_stopped ? "stopped" : "did not end in time");
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            return 0;
        }
        check_pause();
    }
    if (WIFSIGNALED(status)) fprintf(stderr, "%s: killed by signal %d\n", name, WTERMSIG(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static inline int check_run(const struct check_case *one, int number, const struct check_world *world)
{
    int64_t began = check_now_ms();
    int good = !one->needs_server || world->set_up(number);

    fflush(NULL);
    if (good) {
        pid_t child = fork();

        if (child == 0) {
            signal(SIGINT, SIG_DFL);
            signal(SIGTERM, SIG_DFL);
            one->run();
            exit(check_failures != 0);
        }
        good = child > 0 && check_wait(child, one->name);
    }
    if (one->needs_server) world->tear_down();
    printf("%-6s %s (%d ms)\n", good ? "ok" : "FAILED", one->name, (int)(check_now_ms() - began));
    fflush(stdout);
    return good;
}

static inline int check_main(int argc, char **argv, const struct check_case *cases, size_t count, const struct check_world *world)
{
    struct sigaction action;
    int failed = 0, ran = 0;

    memset(&action, 0, sizeof action);
    action.sa_handler = check_on_signal;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    for (size_t i = 0; i < count && !check_stopped; i++) {
        if (argc > 1 && strstr(cases[i].name, argv[1]) == NULL) continue;
        failed += !check_run(&cases[i], (int)i, world);
        ran++;
    }
    printf("%d cases, %d failed\n", ran, failed);
    return failed != 0 || ran == 0 || check_stopped;
}

#endif
