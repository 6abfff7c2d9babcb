/*
 * check: would a stream run, and run well? Looks, and changes nothing.
 *
 *   check [--json] CONNINFO [OPTION=VALUE…]
 *
 *   check 'host=db dbname=shop user=reader' slot=orders publication=shop
 *
 * Says what it finds, the worst first, and what to do about it (docs/check.md has the whole list); with --json for
 * programs: {"findings": [{"severity": …, "code": …, "object": …, "message": …, "remedy": …}, …]}, or {"error": …}.
 * Ends with 0: nothing worse than a warning; 1: an error was found, or nothing answered; 2: it was called wrongly.
 */
#include <string.h>
#include <walstream.h>

#include "example.h"

#define PROGRAM "check"

static const char *severity_name(uint32_t severity)
{
    switch (severity) {
    case WALSTREAM_SEVERITY_INFO: return "info";
    case WALSTREAM_SEVERITY_WARNING: return "warning";
    default: return "error";
    }
}

/* The library's text is UTF-8 on one line; quotes and backslashes are left to escape, and what names may contain. */
static void put_json(const char *text)
{
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') putchar('\\');
        if ((unsigned char)*text < ' ') printf("\\u%04x", *text);
        else putchar(*text);
    }
    putchar('"');
}

static void put_member(const char *before, const char *name, const char *text)
{
    printf("%s\"%s\": ", before, name);
    put_json(text);
}

static void print_json(const walstream_report *report)
{
    const walstream_finding *finding;

    fputs("{\"findings\": [", stdout);
    for (size_t i = 0; (finding = walstream_report_finding(report, i)) != NULL; i++) {
        put_member(i == 0 ? "\n  {" : ",\n  {", "severity", severity_name(finding->severity));
        put_member(", ", "code", finding->code);
        put_member(", ", "object", finding->object);
        put_member(", ", "message", finding->message);
        put_member(", ", "remedy", finding->remedy);
        putchar('}');
    }
    puts("\n]}");
}

static void print_text(const walstream_report *report)
{
    const walstream_finding *finding;

    if (walstream_report_count(report) == 0) puts("all is well");
    for (size_t i = 0; (finding = walstream_report_finding(report, i)) != NULL; i++) {
        printf("%s: %s [%s]\n", severity_name(finding->severity), finding->message, finding->code);
        printf("  to do: %s\n", finding->remedy);
    }
}

static void fail_json(walstream_error *error)
{
    put_member("{\"error\": {", "code", error == NULL ? "WALSTREAM_E_MEMORY" : walstream_code_name(error->code));
    put_member(", ", "message", error == NULL ? "out of memory" : error->message);
    put_member(", ", "hint", error == NULL ? "" : error->hint);
    puts("}}");
    walstream_error_free(error);
    exit(1);
}

int main(int argc, char **argv)
{
    int json = argc > 1 && strcmp(argv[1], "--json") == 0;
    walstream_config *config = walstream_config_new();
    const walstream_finding *worst;
    walstream_report *report;
    walstream_error *error;
    int found_error;

    argv += json;
    argc -= json;
    if (argc < 2 || argv[1][0] == '-') {
        fputs("usage: check [--json] CONNINFO [OPTION=VALUE...]\n", stderr);
        return 2;
    }
    set_options(PROGRAM, config, argv + 2, argc - 2);
    if (walstream_check(argv[1], config, &report, &error) < 0) {
        if (json) fail_json(error);
        fail(PROGRAM, error);
    }
    if (json) print_json(report);
    else print_text(report);
    worst = walstream_report_finding(report, 0);
    found_error = worst != NULL && worst->severity >= WALSTREAM_SEVERITY_ERROR;
    walstream_report_free(report);
    walstream_config_free(config);
    if (fflush(stdout) != 0) fail_file(PROGRAM, "write to", "stdout");
    return found_error;
}
