/*
 * Hosts that do what hosts do: fork, get signals at every moment, use up descriptors, fill the disk, ignore SIGPIPE's
 * default, open and close without end.
 *
 * WALSTREAM_TEST_CYCLES: how often to start and stop (default 100; make check-deep: 1000).
 */
#define _XOPEN_SOURCE 700
#include "live.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/time.h>

static walstream_stream *stream_of_t(const char *key, const char *value)
{
    live_sql("CREATE TABLE t (id int, filler text)", "CREATE PUBLICATION pub FOR TABLE t", NULL);
    live_create_slot("");
    return live_start("", key, value, NULL);
}

/* Commits `count` rows in one transaction. */
static void insert(int count)
{
    char text[200];

    snprintf(text, sizeof text, "INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(1, %d) i", count);
    live_sql(text, NULL);
}

/* One transaction of so many rows, acknowledged. */
static void expect_rows(walstream_stream *stream, int count)
{
    const walstream_event *event;
    int rows = 0;

    while ((event = live_next(stream))->kind != WALSTREAM_COMMIT) rows += event->kind == WALSTREAM_INSERT;
    CHECK_U64(rows, count);
    CHECK_CODE(walstream_ack_lsn(stream, event->ack_lsn, NULL), WALSTREAM_OK);
}

static int entries_of(const char *path)
{
    DIR *dir = opendir(path);
    int count = 0;

    if (dir == NULL) return -1;
    while (readdir(dir) != NULL) count++;
    closedir(dir);
    return count;
}

static int threads(void)
{
    return entries_of("/proc/self/task");
}

static int descriptors(void)
{
    return entries_of("/proc/self/fd");
}

/* In kB; 0 under a checker (WALSTREAM_TEST_CHECKER), which takes memory of its own. */
static long resident(void)
{
    FILE *file = getenv("WALSTREAM_TEST_CHECKER") == NULL ? fopen("/proc/self/statm", "r") : NULL;
    long size = 0, pages = 0;

    if (file == NULL) return 0;
    if (fscanf(file, "%ld %ld", &size, &pages) != 2) pages = 0;
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int ended_well(pid_t child)
{
    int status = -1;

    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void a_child_may_free(void)
{
    walstream_stream *stream = stream_of_t(NULL, NULL);
    walstream_config *config = walstream_config_new();
    walstream_batch *batch = NULL;
    pid_t child;

    insert(3);
    REQUIRE_CODE(walstream_next_batch(stream, LIVE_WAIT_MS, &batch, NULL), WALSTREAM_OK);
    child = fork();
    if (child == 0) {
        walstream_batch_free(batch);
        walstream_config_free(config);
        walstream_free(stream);
        _exit(0);
    }
    CHECK(ended_well(child));
    insert(4);
    /* Parts of both transactions may be in the batch; what matters is that the second one ends. */
    for (int commits = 0; commits < 2;) {
        for (size_t i = 0; i < walstream_batch_count(batch); i++)
            commits += walstream_batch_event(batch, i)->kind == WALSTREAM_COMMIT;
        walstream_batch_free(batch);
        batch = NULL;
        if (commits < 2) REQUIRE_CODE(walstream_next_batch(stream, LIVE_WAIT_MS, &batch, NULL), WALSTREAM_OK);
    }
    walstream_config_free(config);
    live_close(stream);
}

/* A child that ends by exit runs whatever its parent had registered. */
static void a_child_may_exit_and_open_its_own(void)
{
    walstream_stream *stream = stream_of_t(NULL, NULL);
    pid_t child;

    live_create_slot("child");
    fflush(NULL);
    child = fork();
    if (child == 0) {
        walstream_stream *own;

        live.sql = NULL; /* the parent's */
        own = live_start("child", NULL);
        walstream_free(stream);
        insert(2);
        expect_rows(own, 2);
        live_close(own);
        exit(check_failures != 0);
    }
    CHECK(ended_well(child));
    expect_rows(stream, 2);
    insert(5);
    expect_rows(stream, 5);
    live_close(stream);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int number)
{
    (void)number;
    alarms++;
}

/* Each wait is interrupted every millisecond, in a host that did not ask for SA_RESTART. */
static void signals_everywhere(void)
{
    struct itimerval each = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
    struct sigaction action;
    walstream_stream *stream;
    const walstream_event *event;
    int64_t began;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_alarm;
    REQUIRE(sigaction(SIGALRM, &action, NULL) == 0);
    live_sql("CREATE TABLE t (id int, filler text)", "CREATE PUBLICATION pub FOR TABLE t", NULL);
    live_create_slot("");
    REQUIRE(setitimer(ITIMER_REAL, &each, NULL) == 0);
    stream = live_start("", NULL);
    for (int i = 0; i < 10; i++) {
        insert(100);
        expect_rows(stream, 100);
    }
    began = check_now_ms();
    CHECK_CODE(walstream_next_event(stream, 300, &event, NULL), WALSTREAM_TIMEOUT);
    CHECK(check_now_ms() - began >= 295);
    WAIT_UNTIL(alarms > 100, LIVE_WAIT_MS);
    live_close(stream);
    setitimer(ITIMER_REAL, &never, NULL);
}

static void descriptors_beyond_1024(void)
{
    struct rlimit limit;
    walstream_stream *stream;
    int fd = -1;

    REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_max < 2048) {
        fprintf(stderr, "skipped: this machine allows %lu descriptors only\n", (unsigned long)limit.rlim_max);
        return;
    }
    limit.rlim_cur = 2048;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    live_sql("CREATE TABLE t (id int, filler text)", "CREATE PUBLICATION pub FOR TABLE t", NULL);
    live_create_slot("");
    while (fd < 1100) REQUIRE((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0);
    stream = live_start("", NULL);
    CHECK(walstream_ready_fd(stream) > 1024);
    insert(100);
    expect_rows(stream, 100);
    live_close(stream);
}

/* None left: an error, not a crash; and all is well when there are some again. */
static void no_descriptors_left(void)
{
    walstream_config *config;
    walstream_stream *stream = NULL;
    walstream_error *error = NULL;
    struct rlimit limit;
    int taken[256], count = 0;

    live_sql("CREATE TABLE t (id int, filler text)", "CREATE PUBLICATION pub FOR TABLE t", NULL);
    live_create_slot("");
    config = live_config("");
    REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = 64;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    while (count < 256 && (taken[count] = open("/dev/null", O_RDONLY)) >= 0) count++;
    CHECK_CODE(walstream_open(live.conninfo, config, &stream, &error), WALSTREAM_E_IO);
    CHECK_ERROR(error, WALSTREAM_E_IO);
    CHECK(error != NULL && error->os_errno == EMFILE);
    walstream_error_free(error);
    error = NULL;
    /* Room for the stream, not for its connection. */
    for (int i = 0; i < 2 && count > 0; i++) close(taken[--count]);
    REQUIRE_CODE(walstream_open(live.conninfo, config, &stream, NULL), WALSTREAM_OK);
    CHECK(walstream_start(stream, 0, &error) < 0);
    CHECK(error != NULL);
    walstream_error_free(error);
    while (count > 0) close(taken[--count]);
    REQUIRE_CODE(walstream_start(stream, 0, NULL), WALSTREAM_OK);
    insert(1);
    expect_rows(stream, 1);
    live_close(stream);
    walstream_config_free(config);
}

static void opening_leaks_nothing(void)
{
    int fds = 0, tasks = 0;
    long before = 0;

    for (int i = 0; i < 1000; i++) {
        walstream_config *config = walstream_config_new();
        walstream_stream *stream = NULL;
        walstream_error *error = NULL;

        CHECK_CODE(walstream_config_set(config, "slot", "s", NULL), WALSTREAM_OK);
        CHECK(walstream_config_set(config, "slot", "not a slot", &error) < 0);
        walstream_error_free(error);
        REQUIRE_CODE(walstream_open("host=127.0.0.1", config, &stream, NULL), WALSTREAM_OK);
        walstream_free(stream);
        walstream_config_free(config);
        if (i == 100) fds = descriptors(), tasks = threads(), before = resident();
    }
    CHECK_U64(descriptors(), fds);
    CHECK_U64(threads(), tasks);
    CHECK(resident() - before < 1024);
}

static void starting_leaks_nothing(void)
{
    const char *wanted = getenv("WALSTREAM_TEST_CYCLES");
    int cycles = wanted != NULL ? atoi(wanted) : 100, fds = 0, tasks = 0;
    long before = 0;

    live_sql("CREATE TABLE t (id int, filler text)", "CREATE PUBLICATION pub FOR TABLE t", NULL);
    live_create_slot("");
    for (int i = 0; i < cycles; i++) {
        walstream_stream *stream = live_start("", NULL);

        insert(1);
        expect_rows(stream, 1);
        if (i % 2 == 0) REQUIRE_CODE(walstream_stop(stream, LIVE_WAIT_MS, NULL), WALSTREAM_OK);
        walstream_free(stream);
        if (i == cycles / 2) fds = descriptors(), tasks = threads(), before = resident();
    }
    /* A thread that was left, or joined, is a moment more until it is gone from /proc. */
    WAIT_UNTIL(threads() <= tasks && descriptors() <= fds, LIVE_WAIT_MS);
    CHECK(resident() - before < 4096);
    WAIT_UNTIL(strcmp(live_value("SELECT count(*) FROM pg_stat_replication WHERE application_name = 'walstream' AND"
                                 " pid IN (SELECT active_pid FROM pg_replication_slots WHERE database = current_database())"),
                      "0") == 0, LIVE_WAIT_MS);
}

/* Starts that fail take nothing either. */
static void failing_starts_leak_nothing(void)
{
    walstream_stream *stream;
    int fds = 0, tasks = 0;
    long before = 0;

    live_sql("CREATE PUBLICATION pub FOR ALL TABLES", NULL);
    stream = live_open("missing", NULL);
    for (int i = 0; i < 100; i++) {
        walstream_error *error = NULL;

        CHECK_CODE(walstream_start(stream, 0, &error), WALSTREAM_E_SLOT_MISSING);
        walstream_error_free(error);
        if (i == 50) fds = descriptors(), tasks = threads(), before = resident();
    }
    WAIT_UNTIL(threads() <= tasks && descriptors() <= fds, LIVE_WAIT_MS);
    CHECK(resident() - before < 2048);
    walstream_free(stream);
}

/* The signal that a write to a lost connection raises is not the host's to know of. */
static void sigpipe_kills_nobody(void)
{
    walstream_stream *stream;

    signal(SIGPIPE, SIG_DFL);
    stream = stream_of_t("retry.initial_ms", "1");
    for (int i = 0; i < 5; i++) {
        insert(1);
        live_value("SELECT count(pg_terminate_backend(active_pid)) FROM pg_replication_slots WHERE database = current_database()");
        expect_rows(stream, 1);
    }
    live_close(stream);
}

/* A transaction that the server streams, and no place to keep it in: the server is asked to keep it. */
static void survives_without_room(const char *dir)
{
    char early[200];
    walstream_stats stats = {.struct_size = sizeof stats};
    walstream_stream *stream;

    snprintf(early, sizeof early, "ALTER DATABASE %s SET logical_decoding_work_mem = '64kB'", live.database);
    live_sql(early, "CREATE TABLE t (id int, filler text)", "CREATE PUBLICATION pub FOR TABLE t", NULL);
    live_create_slot("");
    stream = live_start("", "spill.memory_bytes", "0", "spill.dir", dir, "retry.initial_ms", "1", NULL);
    insert(5000);
    expect_rows(stream, 5000);
    CHECK_CODE(walstream_get_stats(stream, &stats), WALSTREAM_OK);
    /* The walsender that was left may hold the slot for a moment. */
    CHECK(stats.last_error == WALSTREAM_E_IO || stats.last_error == WALSTREAM_E_SLOT_IN_USE);
    CHECK(stats.reconnects > 0);
    live_close(stream);
}

static void a_full_disk(void)
{
    struct rlimit limit = {4096, 4096};

    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    survives_without_room("/var/tmp");
}

/* Not even root may write there. */
static void a_directory_that_cannot_be_written(void)
{
    survives_without_room("/proc");
}

/* Two streams opened and closed in each of several threads at once, none in the way of another. */
static void *open_and_close(void *unused)
{
    for (int i = 0; i < 200; i++) {
        walstream_stream *one = NULL, *other = NULL;

        if (walstream_open("host=127.0.0.1", NULL, &one, NULL) != 0) return NULL;
        if (walstream_open("host=127.0.0.1", NULL, &other, NULL) != 0) return NULL;
        walstream_wake(one);
        walstream_free(other);
        walstream_free(one);
    }
    return unused;
}

static void many_threads_open_and_close(void)
{
    pthread_t each[8];
    int good = 1;

    for (int i = 0; i < 8; i++) REQUIRE(pthread_create(&each[i], NULL, open_and_close, &good) == 0);
    for (int i = 0; i < 8; i++) {
        void *result = NULL;

        pthread_join(each[i], &result);
        CHECK(result == &good);
    }
}

static const struct check_case cases[] = {
    {"a_child_may_free", a_child_may_free, 1},
    {"a_child_may_exit_and_open_its_own", a_child_may_exit_and_open_its_own, 1},
    {"signals_everywhere", signals_everywhere, 1},
    {"descriptors_beyond_1024", descriptors_beyond_1024, 1},
    {"no_descriptors_left", no_descriptors_left, 1},
    {"opening_leaks_nothing", opening_leaks_nothing, 0},
    {"starting_leaks_nothing", starting_leaks_nothing, 1},
    {"failing_starts_leak_nothing", failing_starts_leak_nothing, 1},
    {"sigpipe_kills_nobody", sigpipe_kills_nobody, 1},
    {"a_full_disk", a_full_disk, 1},
    {"a_directory_that_cannot_be_written", a_directory_that_cannot_be_written, 1},
    {"many_threads_open_and_close", many_threads_open_and_close, 0},
};

int main(int argc, char **argv)
{
    return check_main(argc, argv, cases, sizeof cases / sizeof *cases, &live_world);
}
