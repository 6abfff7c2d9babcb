/*
 * A resolver that does not answer: nobody who waits is held up by the thread that asks it.
 *
 * libpq looks names up with getaddrinfo, which nothing can interrupt. This program's own stands before libc's: it knows one
 * name, and answers when the test wants it to.
 */
#define _GNU_SOURCE
#include "live.h"

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>

#define NAME "server.walstream.test"

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int answers;
    int asking;
} resolver = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 1, 0};

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    int (*libc)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

    *(void **)&libc = dlsym(RTLD_NEXT, "getaddrinfo");
    if (name == NULL || strcmp(name, NAME) != 0) return libc(name, service, hints, found);
    pthread_mutex_lock(&resolver.mutex);
    resolver.asking++;
    while (!resolver.answers) pthread_cond_wait(&resolver.changed, &resolver.mutex);
    resolver.asking--;
    pthread_mutex_unlock(&resolver.mutex);
    return libc("127.0.0.1", service, hints, found);
}

static void answer(int answers)
{
    pthread_mutex_lock(&resolver.mutex);
    resolver.answers = answers;
    pthread_cond_broadcast(&resolver.changed);
    pthread_mutex_unlock(&resolver.mutex);
}

static int asking(void)
{
    pthread_mutex_lock(&resolver.mutex);
    int count = resolver.asking;
    pthread_mutex_unlock(&resolver.mutex);
    return count;
}

/* Not started. The server is reached by the name. */
static walstream_stream *by_name(void)
{
    walstream_stream *stream = NULL;
    walstream_config *config = live_config("");
    char *conninfo = live_conninfo_with(live.conninfo, "host", NAME);
    char timeout[16]; /* a checker makes connecting slower, too */

    live_sql("CREATE TABLE t (id int)", "CREATE PUBLICATION pub FOR TABLE t", NULL);
    live_create_slot("");
    snprintf(timeout, sizeof timeout, "%d", LIVE_WAIT_MS / 5);
    REQUIRE_CODE(walstream_config_set(config, "connect_timeout_ms", timeout, NULL), WALSTREAM_OK);
    REQUIRE_CODE(walstream_config_set(config, "retry.initial_ms", "20", NULL), WALSTREAM_OK);
    REQUIRE_CODE(walstream_open(conninfo, config, &stream, NULL), WALSTREAM_OK);
    walstream_config_free(config);
    free(conninfo);
    return stream;
}

static void start_is_bounded(void)
{
    walstream_stream *stream = by_name();
    walstream_error *error = NULL;

    answer(0);
    REQUIRE_CODE(walstream_start(stream, 0, &error), WALSTREAM_E_CONNECT);
    CHECK(error != NULL && strstr(error->message, "look-up") != NULL && (error->flags & WALSTREAM_ERROR_RETRIABLE));
    walstream_error_free(error);
    CHECK_U64(asking(), 1);

    /* The thread that was left behind says nothing to the next start's. */
    CHECK_CODE(walstream_start(stream, 0, NULL), WALSTREAM_E_CONNECT);
    CHECK_U64(asking(), 2);
    answer(1);
    WAIT_UNTIL(asking() == 0, LIVE_WAIT_MS);
    CHECK_CODE(walstream_start(stream, 0, NULL), WALSTREAM_OK);
    live_sql("INSERT INTO t VALUES (1)", NULL);
    const walstream_event *event = NULL;
    CHECK_CODE(walstream_next_event(stream, LIVE_WAIT_MS, &event, NULL), WALSTREAM_OK);
    walstream_free(stream);
}

static walstream_stream *stopped;
static int32_t stop_code;

static void *stop_for_an_hour(void *unused)
{
    stop_code = walstream_stop(stopped, 3600000, NULL);
    return unused;
}

static int is_busy(walstream_stream *stream)
{
    const walstream_event *event;

    return walstream_next_event(stream, 0, &event, NULL) == WALSTREAM_E_BUSY;
}

static void free_does_not_wait_for_a_stop(void)
{
    walstream_stream *stream = stopped = by_name();
    pthread_t thread;

    REQUIRE_CODE(walstream_start(stream, 0, NULL), WALSTREAM_OK);
    answer(0);
    live_sql("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active_pid IS NOT NULL "
             "AND slot_name = current_database()", NULL);
    WAIT_UNTIL(asking() == 1, LIVE_WAIT_MS);
    REQUIRE(pthread_create(&thread, NULL, stop_for_an_hour, NULL) == 0);
    WAIT_UNTIL(is_busy(stream), LIVE_WAIT_MS);
    walstream_free(stream);
    REQUIRE(pthread_join(thread, NULL) == 0);
    CHECK_CODE(stop_code, WALSTREAM_E_CLOSED);
    answer(1);
    WAIT_UNTIL(asking() == 0, LIVE_WAIT_MS);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"start_is_bounded", start_is_bounded, 1},
        {"free_does_not_wait_for_a_stop", free_does_not_wait_for_a_stop, 1},
    };
    return check_main(argc, argv, cases, sizeof cases / sizeof *cases, &live_world);
}
