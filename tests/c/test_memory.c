/*
 * A host whose memory runs out. Large requests (a batch's chunk, a message of libpq's) fail from a bound on, as with a system that
 * has no more to give; small ones do not, because nobody survives those: which request fails is no matter of luck here.
 *
 * The program's own malloc stands before the C library's, so no checker runs this test.
 */
#define _GNU_SOURCE
#include "live.h"

#include <errno.h>
#include <malloc.h>
#include <stddef.h>

enum { LARGE = 8 << 10 };

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *start);

/* Bytes in large requests: now, and the most of them. Any thread. */
static size_t taken;
static size_t bound = SIZE_MAX;

/* What came of a request, counted. */
static void *counted(void *start)
{
    size_t size = start == NULL ? 0 : malloc_usable_size(start);

    if (size >= LARGE) __atomic_add_fetch(&taken, size, __ATOMIC_RELAXED);
    return start;
}

static int refused(size_t size)
{
    if (size < LARGE || __atomic_load_n(&taken, __ATOMIC_RELAXED) + size <= __atomic_load_n(&bound, __ATOMIC_RELAXED)) return 0;
    errno = ENOMEM;
    return 1;
}

void free(void *start)
{
    size_t size = start == NULL ? 0 : malloc_usable_size(start);

    if (size >= LARGE) __atomic_sub_fetch(&taken, size, __ATOMIC_RELAXED);
    __libc_free(start);
}

void *malloc(size_t size)
{
    return refused(size) ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    /* The C library looks at a product that is too large. */
    return size != 0 && count <= SIZE_MAX / size && refused(count * size) ? NULL : counted(__libc_calloc(count, size));
}

void *memalign(size_t alignment, size_t size)
{
    return refused(size) ? NULL : counted(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **start, size_t alignment, size_t size)
{
    void *found = memalign(alignment, size);

    if (found != NULL) *start = found;
    return found == NULL ? ENOMEM : 0;
}

void *realloc(void *old, size_t size)
{
    size_t had = old == NULL ? 0 : malloc_usable_size(old);
    void *start;

    if (size > had && refused(size)) return NULL;
    start = __libc_realloc(old, size);
    if (start == NULL && size != 0) return NULL;
    if (had >= LARGE) __atomic_sub_fetch(&taken, had, __ATOMIC_RELAXED);
    return counted(start);
}

static void set_bound(size_t bytes)
{
    __atomic_store_n(&bound, bytes, __ATOMIC_RELAXED);
}

/*
 * A queue that may grow larger than memory: the stream ends with E_MEMORY, the process does not; what was queued is still read,
 * and the next stream brings all of it.
 */
static void memory_runs_out(void)
{
    enum { ROWS = 15000 };
    walstream_stats stats = {.struct_size = sizeof stats};
    walstream_stream *stream;
    const walstream_event *event;
    walstream_error *error = NULL;
    int32_t code;
    int rows = 0;

    live_sql("CREATE TABLE t (id int, filler text)", "CREATE PUBLICATION pub FOR TABLE t", NULL);
    live_create_slot("");
    stream = live_start("", "queue.max_bytes", "2GB", NULL);
    set_bound(__atomic_load_n(&taken, __ATOMIC_RELAXED) + (32 << 20));
    live_sql("INSERT INTO t SELECT i, repeat('x', 10000) FROM generate_series(1, 15000) i", NULL);
    WAIT_UNTIL(walstream_get_stats(stream, &stats) == 0 && stats.last_error != 0, LIVE_WAIT_MS);
    CHECK_CODE(stats.last_error, WALSTREAM_E_MEMORY);
    while ((code = walstream_next_event(stream, LIVE_WAIT_MS, &event, &error)) == WALSTREAM_OK)
        rows += event->kind == WALSTREAM_INSERT;
    CHECK_CODE(code, WALSTREAM_E_MEMORY);
    CHECK_ERROR(error, WALSTREAM_E_MEMORY);
    walstream_error_free(error);
    CHECK(rows > 0 && rows < ROWS);
    walstream_free(stream);
    set_bound(SIZE_MAX);
    stream = live_start("", NULL);
    for (rows = 0; (event = live_next(stream))->kind != WALSTREAM_COMMIT;) rows += event->kind == WALSTREAM_INSERT;
    CHECK_U64(rows, ROWS);
    live_close(stream);
}

static const struct check_case cases[] = {
    {"memory_runs_out", memory_runs_out, 1},
};

int main(int argc, char **argv)
{
    return check_main(argc, argv, cases, sizeof cases / sizeof *cases, &live_world);
}
