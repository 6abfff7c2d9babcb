/*
 * tail_text: words, numbers and untrusted bytes as a person can read them.
 *
 * What comes from the server never reaches the terminal as it is: control characters, broken UTF-8 and
 * characters that turn the writing direction are written as escapes. Knows nothing of streams and events.
 */
#ifndef TAIL_TEXT_H
#define TAIL_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Room for text_number: 20 digits, 6 spaces and the NUL. */
#define TEXT_NUMBER_BUFFER 27
#define TEXT_TIME_BUFFER 40

/* Where text goes, and whether it may be coloured there. */
struct text_out {
    FILE *file;
    int colour;
};

enum text_style { TEXT_PLAIN, TEXT_DIM, TEXT_BOLD, TEXT_GREEN, TEXT_RED, TEXT_YELLOW, TEXT_BLUE, TEXT_MAGENTA, TEXT_CYAN };

/* Everything up to the next text_style call has this style. */
void text_style(const struct text_out *out, enum text_style style);

/* `words` in a style, plain again behind it. */
void text_styled(const struct text_out *out, enum text_style style, const char *words);

/*
 * At most `limit` characters of `data` (0: all), escaped. Gives back how many columns were written; *cut
 * (may be NULL) says whether something was left out.
 */
size_t text_escaped(const struct text_out *out, const char *data, size_t size, size_t limit, int *cut);

/* At most `limit` bytes as \x… (0: all). */
void text_hex(const struct text_out *out, const void *data, size_t size, size_t limit);

/* Whether it is UTF-8 without control characters other than tab and newline. */
int text_is_printable(const char *data, size_t size);

/* "19 992" */
const char *text_number(uint64_t number, char buffer[TEXT_NUMBER_BUFFER]);

/* "3.2 MB" */
const char *text_size(uint64_t bytes, char buffer[TEXT_NUMBER_BUFFER]);

/* "2024-05-01 10:20:30.123456Z", or "unknown time" for 0. */
const char *text_time(int64_t unix_us, char buffer[TEXT_TIME_BUFFER]);

#endif
