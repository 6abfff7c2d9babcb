/* From a commit, by the server's clock, to its arrival, by ours: the same machine's. */
#ifndef DELAYS_H
#define DELAYS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define POSTGRES_EPOCH_US 946684800000000LL
#define DELAYS_MAX 4000000

static int64_t delays[DELAYS_MAX];
static size_t delays_count;
static int64_t delays_from;

static inline int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* When to end; 0: delays are not wanted. */
static inline int64_t delays_until(void)
{
    const char *seconds = getenv("SECONDS_TO_MEASURE");
    /* The first half second is for catching up with what was there before. */
    delays_from = now_us() + 500000;
    return seconds ? delays_from + atoll(seconds) * 1000000 : 0;
}

/* `here`: when the program had the commit in its hands. */
static inline void delays_add(int64_t here, int64_t commit)
{
    if (delays_count < DELAYS_MAX && here >= delays_from) delays[delays_count++] = here - commit;
}

static int delays_compare(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static inline void delays_print(void)
{
    if (!delays_count) return;
    qsort(delays, delays_count, sizeof *delays, delays_compare);
    printf("commits=%zu p50=%lld p99=%lld max=%lld\n", delays_count, (long long)delays[delays_count / 2],
           (long long)delays[delays_count * 99 / 100], (long long)delays[delays_count - 1]);
}

#endif
