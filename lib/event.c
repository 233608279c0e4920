/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "event.h"

#include "text.h"

#include <string.h>

/* How many bytes at text are one printable character of more than one byte, or 0. */
static size_t wide_character(const char *text)
{
    size_t most = strnlen(text, 4);

    for (size_t length = 2; length <= most; length++)
        if (text_is_printable(text, length))
            return length;
    return 0;
}

/* Copies text as far as it fits; bytes that are neither ASCII nor printable UTF-8 become '?', so
 * that every reader of the record can decode it. */
static void keep(char *dst, size_t size, const char *text)
{
    text_cut(dst, size, text);
    while (*dst != '\0') {
        size_t length = (unsigned char)*dst < 0x80 ? 1 : wide_character(dst);
        if (length == 0) {
            *dst = '?';
            length = 1;
        }
        dst += length;
    }
}

void event_init(struct event *event, int64_t time, const char *action, const char *user,
                const struct event_origin *origin)
{
    *event = (struct event){.time = time};
    keep(event->action, sizeof(event->action), action);
    keep(event->user, sizeof(event->user), user);
    if (origin == NULL)
        return;
    keep(event->service, sizeof(event->service), origin->service);
    keep(event->rhost, sizeof(event->rhost), origin->rhost);
    keep(event->tty, sizeof(event->tty), origin->tty);
    keep(event->actor, sizeof(event->actor), origin->actor);
}

struct line {
    char *out;
    size_t size;
    size_t length;
};

static void line_put(struct line *line, const char *text)
{
    if (line->length + 1 >= line->size)
        return;
    text_cut(line->out + line->length, line->size - line->length, text);
    line->length += strlen(line->out + line->length);
}

/* Room is kept for the closing quotation mark: a value that was cut never swallows the next. */
static void line_put_quoted(struct line *line, const char *value)
{
    if (line->size - line->length < sizeof("\"\""))
        return;
    line_put(line, "\"");
    text_escape(line->out + line->length, line->size - line->length - 1, value);
    line->length += strlen(line->out + line->length);
    line_put(line, "\"");
}

static void line_put_field(struct line *line, const char *name, const char *value)
{
    size_t length = strlen(value);

    if (length == 0)
        return;
    if (line->length > 0)
        line_put(line, " ");
    line_put(line, name);
    if (text_is_printable(value, length) && strpbrk(value, " \"\\") == NULL)
        line_put(line, value);
    else
        line_put_quoted(line, value);
}

void event_format(const struct event *event, char *out, size_t size)
{
    struct line line = {.out = out, .size = size};
    const struct {
        const char *name, *value;
    } fields[] = {
        {"", event->action},          {"", event->verdict},       {"user=", event->user},
        {"service=", event->service}, {"rhost=", event->rhost},   {"tty=", event->tty},
        {"method=", event->method},   {"device=", event->device}, {"actor=", event->actor},
    };

    if (size == 0)
        return;
    out[0] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        line_put_field(&line, fields[i].name, fields[i].value);
}
