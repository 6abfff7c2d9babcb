/* What reading costs when everything is there: lets the queue fill, then times the calls. No event is looked into.
 *
 *   reads CONNINFO SLOT PUBLICATION
 *
 * Prints nanoseconds an event of next_event, of next_batch with the batch's count and address, and of the same with its
 * free. The queue has its default size; less than half of it is read at a time: the thread does not go on meanwhile. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <walstream.h>

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int fail(walstream_error *error)
{
    fprintf(stderr, "reads: %s\n", error ? error->message : "failed");
    return 1;
}

/* Events in the queue once it has stopped growing. */
static uint64_t filled(walstream_stream *stream)
{
    const struct timespec pause = {0, 20000000};
    uint64_t before = 0;
    int still = 0;
    while (still < 25) {
        nanosleep(&pause, NULL);
        walstream_stats stats = {.struct_size = sizeof stats};
        walstream_get_stats(stream, &stats);
        still = stats.queue_events && stats.queue_events == before ? still + 1 : 0;
        before = stats.queue_events;
    }
    return before;
}

static int next_event(walstream_stream *stream, uint64_t events, walstream_error **error)
{
    const walstream_event *event;
    const int64_t began = now_ns();
    for (uint64_t i = 0; i < events; i++) {
        if (walstream_next_event(stream, 0, &event, error) != WALSTREAM_OK) return -1;
    }
    printf("next_event=%.2f ", (double)(now_ns() - began) / (double)events);
    return 0;
}

static int next_batch(walstream_stream *stream, uint64_t events, walstream_error **error)
{
    uint64_t read = 0;
    int64_t freeing = 0;
    const int64_t began = now_ns();
    while (read < events) {
        walstream_batch *batch;
        size_t size;
        if (walstream_next_batch(stream, 0, &batch, error) != WALSTREAM_OK) return -1;
        if (!walstream_batch_events(batch, &size)) return -1;
        read += walstream_batch_count(batch);
        const int64_t read_at = now_ns();
        walstream_batch_free(batch);
        freeing += now_ns() - read_at;
    }
    const int64_t all = now_ns() - began;
    printf("next_batch=%.2f with_free=%.2f\n", (double)(all - freeing) / (double)read, (double)all / (double)read);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 4) return 2;
    walstream_config *config = walstream_config_new();
    walstream_stream *stream = NULL;
    walstream_error *error = NULL;
    if (walstream_config_set(config, "slot", argv[2], &error) < 0 ||
        walstream_config_set(config, "publication", argv[3], &error) < 0 ||
        walstream_open(argv[1], config, &stream, &error) < 0 || walstream_start(stream, 0, &error) < 0)
        return fail(error);
    const uint64_t half = filled(stream) * 2 / 5;
    printf("events=%" PRIu64 " ", half);
    if (next_event(stream, half, &error) < 0) return fail(error);
    filled(stream);
    if (next_batch(stream, half, &error) < 0) return fail(error);
    walstream_free(stream);
    walstream_config_free(config);
    return 0;
}
