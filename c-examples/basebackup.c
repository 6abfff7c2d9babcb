/*
 * basebackup: takes a base backup of a server into a new directory.
 *
 *   basebackup [--tar] CONNINFO DIRECTORY [OPTION=VALUE…]
 *
 * Without --tar the directory becomes a data directory from which a server can start at once: backup.wal is on. Its
 * tablespaces lie beside it, in DIRECTORY.tablespaces/OID. With --tar it holds the archives as they came. Neither directory
 * may be there before; when this ends well, all is on disk. Options are the library's: backup.checkpoint=fast,
 * backup.compression=gzip (with --tar) and the like.
 */
#define _XOPEN_SOURCE 700 /* realpath, symlink */

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <walstream.h>

#include "example.h"
#include "sync_tree.h"
#include "untar.h"

#define PROGRAM "basebackup"
#define PATH 4096

struct backup {
    const char *dir;
    int tar;
    int on_terminal;
    FILE *file; /* an archive with --tar, or the manifest */
    struct untar untar;
    int unpacking;
};

/* A new one: what lies there of another backup would get among this one's files. */
static void make_directory(const char *path)
{
    if (mkdir(path, 0700) != 0) fail_file(PROGRAM, "make", path);
}

static int exists(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0;
}

static void end_archive(struct backup *backup)
{
    if (backup->unpacking) untar_end(&backup->untar);
    backup->unpacking = 0;
    if (backup->file == NULL) return;
    if (fflush(backup->file) != 0 || fsync(fileno(backup->file)) != 0 || fclose(backup->file) != 0)
        fail_file(PROGRAM, "write a file in", backup->dir);
    backup->file = NULL;
}

static void begin_file(struct backup *backup, const char *name)
{
    char path[PATH];

    end_archive(backup);
    if (strchr(name, '/') != NULL) {
        fprintf(stderr, PROGRAM ": an archive with a strange name: %s\n", name);
        exit(1);
    }
    snprintf(path, sizeof path, "%s/%s", backup->dir, name);
    backup->file = fopen(path, "wb");
    if (backup->file == NULL) fail_file(PROGRAM, "create", path);
}

static void tablespaces_path(const struct backup *backup, char *path, size_t size)
{
    snprintf(path, size, "%s.tablespaces", backup->dir);
}

static void tablespace_path(const struct backup *backup, uint32_t oid, char *path, size_t size)
{
    snprintf(path, size, "%s.tablespaces/%u", backup->dir, (unsigned)oid);
}

static void begin_archive(struct backup *backup, const walstream_event *event)
{
    const walstream_tablespace_detail *tablespace = event->detail;
    char path[1024];

    if (backup->tar) {
        begin_file(backup, event->name);
        return;
    }
    end_archive(backup);
    snprintf(path, sizeof path, "%s", backup->dir);
    if (tablespace->oid != 0) {
        tablespaces_path(backup, path, sizeof path);
        if (!exists(path)) make_directory(path);
        tablespace_path(backup, tablespace->oid, path, sizeof path);
        make_directory(path);
    }
    untar_begin(&backup->untar, path);
    backup->unpacking = 1;
}

/* The archive's own links, which lead to where the tablespaces lie on the server, were not unpacked. */
static void link_tablespaces(const struct backup *backup, const walstream_tablespace_detail *tablespaces, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        char path[1024], link[PATH], *target;

        if (tablespaces[i].oid == 0) continue;
        tablespace_path(backup, tablespaces[i].oid, path, sizeof path);
        snprintf(link, sizeof link, "%s/pg_tblspc/%u", backup->dir, (unsigned)tablespaces[i].oid);
        target = realpath(path, NULL);
        if (target == NULL || symlink(target, link) != 0) fail_file(PROGRAM, "link", link);
        free(target);
    }
}

static void make_durable(const struct backup *backup)
{
    char path[PATH];

    sync_tree(backup->dir);
    tablespaces_path(backup, path, sizeof path);
    if (!backup->tar && exists(path)) sync_tree(path);
}

static void show_progress(const struct backup *backup, const walstream_progress_detail *progress)
{
    unsigned percent = 0;
    char bar[41];

    if (!backup->on_terminal || progress->total == 0) return;
    if (progress->done < progress->total) percent = (unsigned)(progress->done * 100 / progress->total);
    else percent = 100; /* the size is an estimate */
    memset(bar, ' ', sizeof bar - 1);
    memset(bar, '=', percent * (sizeof bar - 1) / 100);
    bar[sizeof bar - 1] = '\0';
    fprintf(stderr, "\r[%s] %3u%%  %llu MB", bar, percent, (unsigned long long)(progress->done >> 20));
}

static void write_data(struct backup *backup, const walstream_event *event)
{
    if (backup->unpacking)
        untar_write(&backup->untar, event->payload, event->payload_len);
    else if (backup->file == NULL || fwrite(event->payload, 1, event->payload_len, backup->file) != event->payload_len)
        fail_file(PROGRAM, "write a file in", backup->dir);
}

static void say(const char *what, uint64_t lsn, const walstream_backup_detail *detail)
{
    char text[WALSTREAM_LSN_BUFFER];

    printf("%s %s on timeline %u\n", what, walstream_lsn_format(lsn, text), (unsigned)detail->timeline);
    fflush(stdout);
}

/* The links are made as soon as the data directory is there: BACKUP_START, which names them, is gone by then. */
static walstream_tablespace_detail *keep(const walstream_backup_detail *detail, uint32_t *count)
{
    walstream_tablespace_detail *copy = calloc(detail->tablespace_count, sizeof *copy);

    if (copy == NULL) fail(PROGRAM, NULL);
    memcpy(copy, detail->tablespaces, detail->tablespace_count * sizeof *copy);
    *count = detail->tablespace_count;
    return copy; /* of which only the OIDs are used: the locations are gone */
}

static int32_t receive(walstream_stream *stream, struct backup *backup, walstream_error **error)
{
    walstream_tablespace_detail *tablespaces = NULL;
    uint32_t count = 0;
    const walstream_event *event;
    int32_t code;

    while ((code = walstream_next_event(stream, -1, &event, error)) == WALSTREAM_OK) {
        switch (event->kind) {
        case WALSTREAM_BACKUP_START:
            say("starts at", event->lsn, event->detail);
            free(tablespaces);
            tablespaces = keep(event->detail, &count);
            break;
        case WALSTREAM_ARCHIVE_BEGIN:
            begin_archive(backup, event);
            break;
        case WALSTREAM_MANIFEST_BEGIN:
            begin_file(backup, event->name);
            break;
        case WALSTREAM_BACKUP_DATA:
            write_data(backup, event);
            break;
        case WALSTREAM_BACKUP_PROGRESS:
            show_progress(backup, event->detail);
            break;
        case WALSTREAM_BACKUP_END:
            end_archive(backup);
            if (backup->on_terminal) fputc('\n', stderr);
            if (!backup->tar) link_tablespaces(backup, tablespaces, count);
            make_durable(backup);
            say("ends at", event->lsn, event->detail);
            break;
        default:
            break;
        }
    }
    free(tablespaces);
    return code;
}

/* By the map a server would link its tablespaces, when it first starts, to where those of the other one lie. */
static void refuse_map(char **options, int count)
{
    static const char map[] = "backup.tablespace_map=";

    for (int i = 0; i < count; i++) {
        if (strncmp(options[i], map, sizeof map - 1) != 0) continue;
        fputs(PROGRAM ": backup.tablespace_map is for --tar: without it the links are made here\n", stderr);
        exit(2);
    }
}

static void make_directories(const struct backup *backup)
{
    char path[PATH];

    tablespaces_path(backup, path, sizeof path);
    if (!backup->tar && exists(path)) {
        fprintf(stderr, PROGRAM ": %s is there, of another backup\n", path);
        exit(1);
    }
    make_directory(backup->dir);
}

/* "data/" is "data": names are put behind it. */
static char *without_slash(char *path)
{
    size_t length = strlen(path);

    while (length > 1 && path[length - 1] == '/') path[--length] = '\0';
    return path;
}

int main(int argc, char **argv)
{
    walstream_config *config = walstream_config_new();
    walstream_stream *stream;
    walstream_error *error = NULL;
    struct backup backup = {0};

    if (argc > 1 && strcmp(argv[1], "--tar") == 0) {
        backup.tar = 1;
        argv++;
        argc--;
    }
    if (argc < 3) {
        fputs("usage: basebackup [--tar] CONNINFO DIRECTORY [OPTION=VALUE...]\n", stderr);
        return 2;
    }
    backup.dir = without_slash(argv[2]);
    backup.on_terminal = isatty(2);
    if (!backup.tar) {
        refuse_map(argv + 3, argc - 3);
        if (walstream_config_set(config, "backup.wal", "on", &error) < 0) fail(PROGRAM, error);
    }
    set_options(PROGRAM, config, argv + 3, argc - 3);
    make_directories(&backup);
    if (walstream_basebackup_start(argv[1], config, &stream, &error) < 0) fail(PROGRAM, error);
    walstream_config_free(config);
    if (receive(stream, &backup, &error) < 0) fail(PROGRAM, error);
    walstream_free(stream);
    return 0;
}
