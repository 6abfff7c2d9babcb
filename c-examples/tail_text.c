#define _POSIX_C_SOURCE 200809L /* gmtime_r */

#include "tail_text.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

void text_style(const struct text_out *out, enum text_style style)
{
    static const char *const escapes[] = {
        "\x1b[0m", "\x1b[2m", "\x1b[1m", "\x1b[32m", "\x1b[31m", "\x1b[33m", "\x1b[34m", "\x1b[35m", "\x1b[36m",
    };
    if (out->colour) fputs(escapes[style], out->file);
}

void text_styled(const struct text_out *out, enum text_style style, const char *words)
{
    text_style(out, style);
    fputs(words, out->file);
    text_style(out, TEXT_PLAIN);
}

/* Length of the UTF-8 character at `data`, and the character; 0 where there is none. */
static size_t decode(const unsigned char *data, size_t size, uint32_t *character)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = data[0];
    size_t length = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
    uint32_t value = length == 1 ? first : length == 0 ? 0 : (uint32_t)first & (0x7FU >> length);

    if (length == 0 || length > size) return 0;
    for (size_t i = 1; i < length; i++) {
        if (data[i] >> 6 != 2) return 0;
        value = value << 6 | (data[i] & 0x3FU);
    }
    if (value < smallest[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return 0;
    *character = value;
    return length;
}

/* Controls, line separators, and the marks that reorder what a terminal shows. */
static int is_unsafe(uint32_t character)
{
    return character < 0x20 || (character >= 0x7F && character < 0xA0) || character == 0x200E || character == 0x200F ||
           (character >= 0x2028 && character <= 0x202E) || (character >= 0x2066 && character <= 0x2069) ||
           character == 0xFEFF;
}

static size_t write_escape(const struct text_out *out, const unsigned char *data, size_t length, uint32_t character)
{
    int width;

    text_style(out, TEXT_DIM);
    if (length == 0)
        width = fprintf(out->file, "\\x%02x", data[0]);
    else if (character == '\n' || character == '\t' || character == '\r')
        width = fprintf(out->file, "\\%c", character == '\n' ? 'n' : character == '\t' ? 't' : 'r');
    else if (character < 0x80)
        width = fprintf(out->file, "\\x%02" PRIx32, character);
    else
        width = fprintf(out->file, "\\u%04" PRIx32, character);
    text_style(out, TEXT_PLAIN);
    return width < 0 ? 0 : (size_t)width;
}

size_t text_escaped(const struct text_out *out, const char *data, size_t size, size_t limit, int *cut)
{
    const unsigned char *bytes = (const unsigned char *)data;
    size_t at = 0, width = 0, characters = 0;

    while (at < size && (limit == 0 || characters < limit)) {
        uint32_t character = 0;
        size_t length = decode(bytes + at, size - at, &character);

        if (length == 0 || is_unsafe(character))
            width += write_escape(out, bytes + at, length, character);
        else {
            fwrite(bytes + at, 1, length, out->file);
            width++;
        }
        at += length == 0 ? 1 : length;
        characters++;
    }
    if (at < size) fputs("…", out->file);
    if (cut != NULL) *cut = at < size;
    return at < size ? width + 1 : width;
}

void text_hex(const struct text_out *out, const void *data, size_t size, size_t limit)
{
    const unsigned char *bytes = data;
    size_t shown = limit != 0 && limit < size ? limit : size;

    fputs("\\x", out->file);
    for (size_t i = 0; i < shown; i++) fprintf(out->file, "%02x", bytes[i]);
    if (shown < size) fputs("…", out->file);
}

int text_is_printable(const char *data, size_t size)
{
    size_t at = 0;

    while (at < size) {
        uint32_t character = 0;
        size_t length = decode((const unsigned char *)data + at, size - at, &character);

        if (length == 0 || (is_unsafe(character) && character != '\n' && character != '\t')) return 0;
        at += length;
    }
    return 1;
}

const char *text_number(uint64_t number, char buffer[TEXT_NUMBER_BUFFER])
{
    char digits[21];
    int count = snprintf(digits, sizeof digits, "%" PRIu64, number);
    char *to = buffer;

    for (int i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0) *to++ = ' ';
        *to++ = digits[i];
    }
    *to = '\0';
    return buffer;
}

const char *text_size(uint64_t bytes, char buffer[TEXT_NUMBER_BUFFER])
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB"};
    double size = (double)bytes / 1000;
    size_t unit = 0;

    if (bytes < 1000) {
        snprintf(buffer, TEXT_NUMBER_BUFFER, "%" PRIu64 " bytes", bytes);
        return buffer;
    }
    while (size >= 1000 && unit + 1 < sizeof units / sizeof *units) {
        size /= 1000;
        unit++;
    }
    snprintf(buffer, TEXT_NUMBER_BUFFER, "%.1f %s", size, units[unit]);
    return buffer;
}

const char *text_time(int64_t unix_us, char buffer[TEXT_TIME_BUFFER])
{
    int64_t micros = unix_us % 1000000;
    time_t seconds = (time_t)(unix_us / 1000000);
    struct tm parts;
    size_t length;

    if (micros < 0) { /* before 1970 the remainder counts backwards */
        micros += 1000000;
        seconds -= 1;
    }
    if (unix_us == 0 || gmtime_r(&seconds, &parts) == NULL) return "unknown time";
    length = strftime(buffer, TEXT_TIME_BUFFER, "%Y-%m-%d %H:%M:%S", &parts);
    snprintf(buffer + length, TEXT_TIME_BUFFER - length, ".%06dZ", (int)micros);
    return buffer;
}
