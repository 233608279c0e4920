/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "out.h"

#include "language.h"
#include "text.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define MESSAGE_SIZE 1024
#define VALUE_SIZE 1024

void out_clear(struct out *out)
{
    json_decref(out->open[0]);
    *out = (struct out){0};
}

/* Takes over value, which is NULL when there was no memory for it. */
static void put(struct out *out, const char *name, json_t *value)
{
    if (out->depth == 0) {
        out->open[0] = json_object();
        out->depth = 1;
    }
    json_t *parent = out->open[out->depth - 1];
    int failed = name != NULL ? json_object_set_new(parent, name, value)
                              : json_array_append_new(parent, value);
    if (failed != 0)
        out->failed = true;
}

static void put_container(struct out *out, const char *name, json_t *value)
{
    put(out, name, value);
    if (out->failed || out->depth == OUT_DEPTH_MAX) {
        out->failed = true;
        return;
    }
    out->open[out->depth++] = value;
}

void out_object(struct out *out, const char *name)
{
    put_container(out, name, json_object());
}

void out_array(struct out *out, const char *name)
{
    put_container(out, name, json_array());
}

void out_end(struct out *out)
{
    if (!out->failed)
        out->open[--out->depth] = NULL;
}

void out_text(struct out *out, const char *name, const char *value)
{
    char escaped[VALUE_SIZE];
    json_t *string = json_string(value);

    if (string == NULL) { /* not UTF-8 */
        text_escape(escaped, sizeof(escaped), value);
        string = json_string(escaped);
    }
    put(out, name, string);
}

void out_word(struct out *out, const char *name, const char *value)
{
    if (value[0] == '\0')
        out_null(out, name);
    else
        out_text(out, name, value);
}

void out_int(struct out *out, const char *name, int64_t value)
{
    put(out, name, json_integer(value));
}

void out_bool(struct out *out, const char *name, bool value)
{
    put(out, name, json_boolean(value));
}

void out_null(struct out *out, const char *name)
{
    put(out, name, json_null());
}

void out_time(struct out *out, const char *name, int64_t value)
{
    char text[TEXT_TIME_SIZE];

    text_format_time(value, text);
    out_word(out, name, value < 0 ? "" : text);
}

int out_print(const struct out *out, struct err *err)
{
    if (out->failed || out->open[0] == NULL)
        return err_set(err, ERR_NOMEM, NULL, NULL);
    /* A failed write is kept by the stream, for out_flush. */
    (void)json_dumpf(out->open[0], stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
    putchar('\n');
    return 0;
}

int out_flush(struct err *err)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    /* Of an earlier write the reason is not kept. */
    return err_set_errno(err, ERR_SYSTEM, errno != 0 ? errno : EIO, _("standard output"),
                         _("the result could not be written"));
}

static void print_message(const char *text)
{
    char safe[4 * MESSAGE_SIZE];

    (void)fflush(stdout);
    fprintf(stderr, "totpctl: %s\n", out_safe(safe, sizeof(safe), text));
}

void out_message(const char *format, ...)
{
    char text[MESSAGE_SIZE];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), language_text(format), ap);
    va_end(ap);
    print_message(text);
}

void out_error(const struct err *err)
{
    const char *what = err->what[0] != '\0' ? err->what : err_sentence(err->code);
    char text[MESSAGE_SIZE];

    snprintf(text, sizeof(text), "%s%s%s", language_text(err->where),
             err->where[0] != '\0' ? ": " : "", language_text(what));
    print_message(text);
}

int out_width(const char *text)
{
    const char *rest = text;
    mbstate_t state = {0};
    wchar_t wide = L'\0';
    int columns = 0;

    for (;;) {
        const size_t length = mbrtowc(&wide, rest, MB_CUR_MAX, &state);
        if (length == 0)
            return columns;
        /* Bytes that are no character here are shown one by one, if at all. */
        if (length == (size_t)-1 || length == (size_t)-2)
            return columns + (int)strlen(rest);
        const int width = wcwidth(wide);
        columns += width > 0 ? width : 0;
        rest += length;
    }
}

void out_column(const char *text, int columns)
{
    const int blanks = abs(columns) - out_width(text);
    const int before = columns < 0 && blanks > 0 ? blanks : 0;
    const int after = columns > 0 && blanks > 0 ? blanks : 0;

    printf("%*s%s%*s", before, "", text, after, "");
}

const char *out_safe(char *out, size_t size, const char *text)
{
    if (text_is_printable(text, strlen(text)))
        text_cut(out, size, text);
    else
        text_escape(out, size, text);
    return out;
}

/* Errors are told to people here, and to nobody's log. */
const char *err_translate(const char *format)
{
    return language_text(format);
}
