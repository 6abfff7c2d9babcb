/*
 * ThreadSanitizer as today's Rust calls it, for the runtime of clang 14, which has no functions of its own for copying and
 * filling memory: it looks at memcpy and the like themselves. A newer runtime's come before these.
 */
#include <string.h>

__attribute__((weak)) void *__tsan_memcpy(void *to, const void *from, size_t size)
{
    return memcpy(to, from, size);
}

__attribute__((weak)) void *__tsan_memmove(void *to, const void *from, size_t size)
{
    return memmove(to, from, size);
}

__attribute__((weak)) void *__tsan_memset(void *at, int byte, size_t size)
{
    return memset(at, byte, size);
}
