/* Streams with nothing to read, many in one process.
 *
 *   idle CONNINFO PUBLICATION STREAMS SECONDS
 *
 * Prints what each stream added to the process's resident memory, the threads beside the first one, and how often all
 * of them woke in SECONDS (voluntary context switches; one a status interval is due). Slots are temporary. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <walstream.h>

static long status(const char *path, const char *format)
{
    char line[128];
    long number = 0;
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, format, &number) == 1) break;
    }
    if (file) fclose(file);
    return number;
}

/* Of all threads but this one. */
static long wake_ups(int *threads)
{
    long sum = 0;
    char path[64];
    DIR *tasks = opendir("/proc/self/task");
    *threads = 0;
    for (struct dirent *task; tasks && (task = readdir(tasks));) {
        const int id = atoi(task->d_name);
        if (id <= 0 || id == getpid()) continue;
        ++*threads;
        snprintf(path, sizeof path, "/proc/self/task/%d/status", id);
        sum += status(path, "voluntary_ctxt_switches: %ld");
    }
    if (tasks) closedir(tasks);
    return sum;
}

static int fail(walstream_error *error)
{
    fprintf(stderr, "idle: %s\n", error ? error->message : "failed");
    return 1;
}

static walstream_stream *begin(const char *conninfo, const char *publication, int number, walstream_error **error)
{
    char slot[32];
    snprintf(slot, sizeof slot, "idle_%d", number);
    walstream_config *config = walstream_config_new();
    walstream_stream *stream = NULL;
    if (walstream_config_set(config, "slot", slot, error) < 0 ||
        walstream_config_set(config, "slot.create", "temporary", error) < 0 ||
        walstream_config_set(config, "publication", publication, error) < 0 ||
        walstream_open(conninfo, config, &stream, error) < 0 || walstream_start(stream, 0, error) < 0)
        return NULL;
    walstream_config_free(config);
    return stream;
}

int main(int argc, char **argv)
{
    if (argc != 5) return 2;
    const int wanted = atoi(argv[3]), seconds = atoi(argv[4]);
    walstream_stream **streams = calloc((size_t)wanted, sizeof *streams);
    walstream_error *error = NULL;
    if (!streams) return 1;
    const long before = status("/proc/self/status", "VmRSS: %ld");
    for (int i = 0; i < wanted; i++) {
        if (!(streams[i] = begin(argv[1], argv[2], i, &error))) return fail(error);
    }
    /* What a start leaves to do is over by then. */
    sleep(2);
    int threads;
    const long woken = wake_ups(&threads);
    sleep((unsigned)seconds);
    const long woken_again = wake_ups(&threads);
    const long after = status("/proc/self/status", "VmRSS: %ld");
    printf("streams=%d threads=%d bytes_each=%ld woken=%ld\n", wanted, threads, (after - before) * 1024 / wanted, woken_again - woken);
    for (int i = 0; i < wanted; i++) walstream_free(streams[i]);
    free(streams);
    return 0;
}
