/* See untar.h. */
#define _POSIX_C_SOURCE 200809L /* openat, mkdirat */

#include "untar.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "example.h"

#define PROGRAM "basebackup"
#define BLOCK 512

/* Where the fields of a header lie. */
enum { NAME = 0, MODE = 100, SIZE = 124, TYPE = 156, PREFIX = 345, LONGEST = 100, LONGEST_PREFIX = 155 };

void untar_begin(struct untar *untar, const char *dir)
{
    memset(untar, 0, sizeof *untar);
    snprintf(untar->dir, sizeof untar->dir, "%s", dir);
    untar->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (untar->dir_fd < 0) fail_file(PROGRAM, "open", dir);
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
    const char *part = name;

    for (;;) {
        size_t length = strcspn(part, "/");

        if (length == 0) refuse("an absolute or empty name", name);
        if (length == 2 && strncmp(part, "..", 2) == 0) refuse("a name with ..", name);
        if (part[length] == '\0') return;
        part += length + 1;
    }
}

static void read_name(const char *header, char *name, size_t size)
{
    size_t length;

    if (header[PREFIX] != '\0')
        snprintf(name, size, "%.*s/%.*s", LONGEST_PREFIX, header + PREFIX, LONGEST, header + NAME);
    else
        snprintf(name, size, "%.*s", LONGEST, header + NAME);
    /* PostgreSQL ends a directory's name so, and a link's. */
    length = strlen(name);
    if (length > 0 && name[length - 1] == '/') name[length - 1] = '\0';
    check_name(name);
}

/* The directory that a member belongs in, open, and its name there. Step by step: none may be a link to elsewhere. */
static int open_parent(const struct untar *untar, char *name, const char **last)
{
    int dir = openat(untar->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char *part = name, *slash;

    while (dir >= 0 && (slash = strchr(part, '/')) != NULL) {
        int above = dir;

        *slash = '\0';
        dir = openat(above, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir >= 0) *slash = '/';
        close(above);
        part = slash + 1;
    }
    if (dir < 0) fail_file(PROGRAM, "open", name);
    *last = part;
    return dir;
}

static void make_directory(const struct untar *untar, char *name, mode_t mode)
{
    const char *last;
    int parent = open_parent(untar, name, &last);

    if (mkdirat(parent, last, mode) != 0 && errno != EEXIST) fail_file(PROGRAM, "make", name);
    close(parent);
}

static void create_file(struct untar *untar, char *name, mode_t mode)
{
    const char *last;
    int parent = open_parent(untar, name, &last);
    int fd = openat(parent, last, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0 || fchmod(fd, mode) != 0 || (untar->file = fdopen(fd, "wb")) == NULL) fail_file(PROGRAM, "create", name);
    close(parent);
}

static int is_tablespace(const char *name)
{
    static const char dir[] = "pg_tblspc/";
    const char *oid = name + sizeof dir - 1;

    return strncmp(name, dir, sizeof dir - 1) == 0 && *oid != '\0' && oid[strspn(oid, "0123456789")] == '\0';
}

static void begin_member(struct untar *untar)
{
    const char *header = untar->header;
    char name[LONGEST_PREFIX + LONGEST + 2];
    mode_t mode = (mode_t)number(header + MODE, 8) & 0777;

    if (header[NAME] == '\0') return; /* an empty block: the end */
    read_name(header, name, sizeof name);
    untar->left = number(header + SIZE, 12);
    untar->padding = (BLOCK - untar->left % BLOCK) % BLOCK;
    switch (header[TYPE]) {
    case '5':
        make_directory(untar, name, mode);
        break;
    case '2':
        if (!is_tablespace(name)) refuse("a link", name);
        break;
    case '0':
    case '\0':
        create_file(untar, name, mode);
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
    close(untar->dir_fd);
}
