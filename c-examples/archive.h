/* An archive of write-ahead log on disk: one file per segment, complete or NAME.partial, and timeline histories. */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include <stdint.h>

struct archive {
    const char *dir;
    uint64_t segment_size;
    int dir_fd;
    int fd;    /* of the open segment, -1: none */
    int dirty; /* it was written to and not synced */
    uint32_t timeline;
    uint64_t next;    /* behind all that was written */
    uint64_t durable; /* behind all that is on disk for sure */
};

/* Opens the directory and finds where the archive ends: timeline 0 when it is empty. */
void archive_open(struct archive *archive, const char *dir, uint64_t segment_size);

/* Where to go on: the start of the first segment that is not complete. */
uint64_t archive_position(const struct archive *archive);

/* Writes a chunk; a segment that is full becomes complete, and durable. */
void archive_write(struct archive *archive, uint32_t timeline, uint64_t lsn, const uint8_t *data, uint32_t size);

/* Keeps the new timeline's history, and leaves the open segment of the old one as it is. */
void archive_switch(struct archive *archive, uint32_t timeline, uint64_t begins, const uint8_t *content, uint32_t size);

/* Makes everything written durable. */
void archive_sync(struct archive *archive);

#endif
