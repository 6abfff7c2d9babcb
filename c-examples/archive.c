/* See archive.h. A file has its final name only when all of it is on disk. */
#define _POSIX_C_SOURCE 200809L /* openat, renameat */

#include "archive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "example.h"

#define PROGRAM "receivewal"
#define NAME_SIZE 64

static void segment_name(const struct archive *archive, uint64_t lsn, char name[NAME_SIZE])
{
    uint64_t per_id = UINT64_C(0x100000000) / archive->segment_size;
    uint64_t number = lsn / archive->segment_size;

    snprintf(name, NAME_SIZE, "%08" PRIX32 "%08" PRIX32 "%08" PRIX32, archive->timeline, (uint32_t)(number / per_id),
             (uint32_t)(number % per_id));
}

/* "TTTTTTTTXXXXXXXXYYYYYYYY", perhaps with .partial. */
static int parse_name(const struct archive *archive, const char *name, uint32_t *timeline, uint64_t *lsn, int *partial)
{
    uint64_t per_id = UINT64_C(0x100000000) / archive->segment_size;
    uint32_t high, low;

    if (strspn(name, "0123456789ABCDEF") != 24) return 0;
    *partial = strcmp(name + 24, ".partial") == 0;
    if (name[24] != '\0' && !*partial) return 0;
    if (sscanf(name, "%8" SCNx32 "%8" SCNx32 "%8" SCNx32, timeline, &high, &low) != 3) return 0;
    *lsn = (high * per_id + low) * archive->segment_size;
    return 1;
}

void archive_open(struct archive *archive, const char *dir, uint64_t segment_size)
{
    DIR *list = NULL;
    struct dirent *entry;

    *archive = (struct archive){.dir = dir, .segment_size = segment_size, .fd = -1};
    archive->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (archive->dir_fd < 0 || (list = opendir(dir)) == NULL) fail_file(PROGRAM, "open", dir);
    while ((entry = readdir(list)) != NULL) {
        uint32_t timeline;
        uint64_t lsn;
        int partial;

        if (!parse_name(archive, entry->d_name, &timeline, &lsn, &partial)) continue;
        if (!partial) lsn += segment_size; /* what follows it */
        if (timeline < archive->timeline || (timeline == archive->timeline && lsn <= archive->next)) continue;
        archive->timeline = timeline;
        archive->next = lsn;
    }
    closedir(list);
    archive->durable = archive->next;
}

uint64_t archive_position(const struct archive *archive)
{
    return archive->next;
}

static void sync_directory(const struct archive *archive)
{
    if (fsync(archive->dir_fd) != 0) fail_file(PROGRAM, "sync", archive->dir);
}

static void open_segment(struct archive *archive, uint64_t lsn)
{
    char name[NAME_SIZE], partial[NAME_SIZE + 8];
    uint64_t offset = lsn % archive->segment_size;

    segment_name(archive, lsn, name);
    snprintf(partial, sizeof partial, "%s.partial", name);
    archive->fd = openat(archive->dir_fd, partial, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (archive->fd < 0) fail_file(PROGRAM, "create", partial);
    /* What it holds of another run comes again. It stays until then: it was acknowledged, and the server may be lost. */
    if (lseek(archive->fd, (off_t)offset, SEEK_SET) < 0) fail_file(PROGRAM, "write", partial);
    sync_directory(archive);
}

static void close_segment(struct archive *archive)
{
    if (archive->fd >= 0 && close(archive->fd) != 0) fail_file(PROGRAM, "close a segment in", archive->dir);
    archive->fd = -1;
}

static void complete_segment(struct archive *archive)
{
    char name[NAME_SIZE], partial[NAME_SIZE + 8];

    archive_sync(archive);
    close_segment(archive);
    segment_name(archive, archive->next - 1, name);
    snprintf(partial, sizeof partial, "%s.partial", name);
    if (renameat(archive->dir_fd, partial, archive->dir_fd, name) != 0) fail_file(PROGRAM, "rename", partial);
    sync_directory(archive);
}

static void write_all(int fd, const uint8_t *data, size_t size, const char *name)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);

        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail_file(PROGRAM, "write", name);
        data += written;
        size -= (size_t)written;
    }
}

void archive_write(struct archive *archive, uint32_t timeline, uint64_t lsn, const uint8_t *data, uint32_t size)
{
    archive->timeline = timeline;
    archive->next = lsn;
    while (size > 0) {
        uint64_t room = archive->segment_size - archive->next % archive->segment_size;
        uint32_t part = size < room ? size : (uint32_t)room;

        if (archive->fd < 0) open_segment(archive, archive->next);
        archive->dirty = 1;
        write_all(archive->fd, data, part, archive->dir);
        data += part;
        size -= part;
        archive->next += part;
        if (archive->next % archive->segment_size == 0) complete_segment(archive);
    }
}

void archive_switch(struct archive *archive, uint32_t timeline, uint64_t begins, const uint8_t *content, uint32_t size)
{
    char name[NAME_SIZE], temporary[NAME_SIZE + 4];
    int fd;

    archive_sync(archive);
    close_segment(archive);
    archive->timeline = timeline;
    archive->next = archive->durable = begins - begins % archive->segment_size;
    /* Never by the server's word for it, which could be a path. */
    snprintf(name, sizeof name, "%08" PRIX32 ".history", timeline);
    snprintf(temporary, sizeof temporary, "%s.tmp", name);
    fd = openat(archive->dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) fail_file(PROGRAM, "create", temporary);
    write_all(fd, content, size, temporary);
    if (fsync(fd) != 0 || close(fd) != 0 || renameat(archive->dir_fd, temporary, archive->dir_fd, name) != 0)
        fail_file(PROGRAM, "keep", name);
    sync_directory(archive);
}

void archive_sync(struct archive *archive)
{
    if (archive->dirty && fsync(archive->fd) != 0) fail_file(PROGRAM, "sync a segment in", archive->dir);
    archive->dirty = 0;
    archive->durable = archive->next;
}
