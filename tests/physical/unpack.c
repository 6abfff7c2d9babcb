/* unpack DIRECTORY: the example's untar, from standard input. */
#include "untar.h"

int main(int argc, char **argv)
{
    struct untar untar;
    uint8_t data[1000]; /* no multiple of a block */
    size_t size;

    if (argc != 2) return 2;
    untar_begin(&untar, argv[1]);
    while ((size = fread(data, 1, sizeof data, stdin)) > 0) untar_write(&untar, data, size);
    untar_end(&untar);
    return 0;
}
