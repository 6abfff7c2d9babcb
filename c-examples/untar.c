/* See untar.h. */
#define _XOPEN_SOURCE 700 /* symlink */

#include "untar.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "example.h"

#define PROGRAM "basebackup"
#define BLOCK 512

/* Where the fields of a header lie. */
enum { NAME = 0, MODE = 100, SIZE = 124, TYPE = 156, LINK = 157, PREFIX = 345, LONGEST = 100, LONGEST_PREFIX = 155 };

void untar_begin(struct untar *untar, const char *dir)
{
    memset(untar, 0, sizeof *untar);
    snprintf(untar->dir, sizeof untar->dir, "%s", dir);
}

/* Octal digits, or, above 8 GB, a big-endian number behind a set high bit. */
static uint64_t number(const char *field, size_t size)
{
    uint64_t value = 0;

    if ((unsigned char)field[0] & 0x80) {
        for (size_t i = 1; i < size; i++) value = value << 8 | (unsigned char)field[i];
        return value;
    }
    for (size_t i = 0; i < size && field[i] >= '0' && field[i] <= '7'; i++) value = value << 3 | (uint64_t)(field[i] - '0');
    return value;
}

static void refuse(const char *what, const char *path)
{
    fprintf(stderr, PROGRAM ": %s in an archive: %s\n", what, path);
    exit(1);
}

/* Names come from a server that may not be ours: none may lead out of the directory. */
static void check_name(const char *name)
{
    const char *at = name;

    if (*name == '/') refuse("an absolute name", name);
    while (at != NULL) {
        if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == '\0')) refuse("a name with ..", name);
        at = strchr(at, '/');
        if (at != NULL) at++;
    }
}

static void begin_member(struct untar *untar)
{
    const char *header = untar->header;
    char name[LONGEST_PREFIX + LONGEST + 2], path[sizeof untar->dir + sizeof name + 1], target[LONGEST + 1];
    mode_t mode = (mode_t)number(header + MODE, 8) & 0777;

    if (header[NAME] == '\0') return; /* an empty block: the end */
    if (header[PREFIX] != '\0')
        snprintf(name, sizeof name, "%.*s/%.*s", LONGEST_PREFIX, header + PREFIX, LONGEST, header + NAME);
    else
        snprintf(name, sizeof name, "%.*s", LONGEST, header + NAME);
    check_name(name);
    snprintf(path, sizeof path, "%s/%s", untar->dir, name);
    untar->left = number(header + SIZE, 12);
    untar->padding = (BLOCK - untar->left % BLOCK) % BLOCK;
    switch (header[TYPE]) {
    case '5':
        if (mkdir(path, mode) != 0 && errno != EEXIST) fail_file(PROGRAM, "make", path);
        break;
    case '2':
        snprintf(target, sizeof target, "%.*s", LONGEST, header + LINK);
        if (symlink(target, path) != 0) fail_file(PROGRAM, "link", path);
        break;
    case '0':
    case '\0':
        untar->file = fopen(path, "wb");
        if (untar->file == NULL || fchmod(fileno(untar->file), mode) != 0) fail_file(PROGRAM, "create", path);
        break;
    default:
        refuse("an unknown kind of member", name);
    }
}

static void end_file(struct untar *untar)
{
    if (untar->file == NULL) return;
    if (fflush(untar->file) != 0 || fsync(fileno(untar->file)) != 0 || fclose(untar->file) != 0)
        fail_file(PROGRAM, "write a file in", untar->dir);
    untar->file = NULL;
}

void untar_write(struct untar *untar, const uint8_t *data, size_t size)
{
    while (size > 0) {
        size_t part;

        if (untar->left > 0) {
            part = size < untar->left ? size : (size_t)untar->left;
            if (untar->file != NULL && fwrite(data, 1, part, untar->file) != part)
                fail_file(PROGRAM, "write a file in", untar->dir);
            untar->left -= part;
        } else if (untar->padding > 0) {
            part = size < untar->padding ? size : (size_t)untar->padding;
            untar->padding -= part;
        } else {
            end_file(untar);
            part = BLOCK - untar->header_len < size ? BLOCK - untar->header_len : size;
            memcpy(untar->header + untar->header_len, data, part);
            untar->header_len += part;
            if (untar->header_len == BLOCK) {
                untar->header_len = 0;
                begin_member(untar);
            }
        }
        data += part;
        size -= part;
    }
}

void untar_end(struct untar *untar)
{
    if (untar->left > 0 || untar->header_len > 0) refuse("a member without its end", untar->dir);
    end_file(untar);
}
