/* See sync_tree.h. */
#define _XOPEN_SOURCE 700 /* nftw */

#include "sync_tree.h"

#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <unistd.h>

#include "example.h"

#define PROGRAM "basebackup"
#define MOST_OPEN 16

static void sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fsync(fd) != 0 || close(fd) != 0) fail_file(PROGRAM, "sync", path);
}

static int visit(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)place;
    /* One that cannot be read tells so when it is opened. */
    if (kind == FTW_D || kind == FTW_DNR) sync_directory(path);
    return 0;
}

void sync_tree(const char *dir)
{
    char *copy = strdup(dir);

    if (copy == NULL || nftw(dir, visit, MOST_OPEN, FTW_PHYS) != 0) fail_file(PROGRAM, "sync", dir);
    sync_directory(dirname(copy));
    free(copy);
}
