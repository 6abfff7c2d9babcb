/*
 * Unpacks the tar format of PostgreSQL's base backups as it comes: ustar, with files and directories. Links to tablespaces are
 * left out: they lead to where those lie on the server.
 */
#ifndef UNTAR_H
#define UNTAR_H

#include <stdint.h>
#include <stdio.h>

struct untar {
    char dir[2048];
    int dir_fd;
    char header[512];
    size_t header_len;
    FILE *file;       /* being written, NULL: none */
    uint64_t left;    /* of its content */
    uint64_t padding; /* behind it */
};

/* Into this directory, which exists. No file of the archive may be there already. */
void untar_begin(struct untar *untar, const char *dir);

/* The next piece, cut anywhere. */
void untar_write(struct untar *untar, const uint8_t *data, size_t size);

/* The archive is complete. */
void untar_end(struct untar *untar);

#endif
