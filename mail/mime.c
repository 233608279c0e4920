/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime.h"

#include "err.h"
#include "secret.h"
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define COLUMNS 76
#define WORD_START "=?UTF-8?Q?"
#define WORD_END "?="
#define UNIT 3 /* a byte, as "=E4" */

static const char hex[] = "0123456789ABCDEF";

void mime_start(struct mime *mime, char *text, size_t size)
{
    *mime = (struct mime){.text = text, .size = size};
}

static void put_bytes(struct mime *mime, const char *bytes, size_t count)
{
    if (mime->failed || count >= mime->size - mime->length) {
        mime->failed = true;
        return;
    }
    memcpy(mime->text + mime->length, bytes, count);
    mime->length += count;
    mime->column += count;
}

static void put(struct mime *mime, const char *text)
{
    put_bytes(mime, text, strlen(text));
}

static void end_line(struct mime *mime)
{
    put_bytes(mime, "\n", 1);
    mime->column = 0;
}

static void put_unit(struct mime *mime, unsigned char byte)
{
    put_bytes(mime, (const char[]){'=', hex[byte >> 4], hex[byte & 15]}, UNIT);
}

/* --- the head --------------------------------------------------------------------------------- */

static void put_name(struct mime *mime, const char *name)
{
    put(mime, name);
    put(mime, ":");
}

void mime_plain(struct mime *mime, const char *name, const char *value)
{
    put_name(mime, name);
    put(mime, " ");
    put(mime, value);
    end_line(mime);
}

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Writes a character of an encoded word (RFC 2047 section 5, rule 3): how much it takes. */
static size_t encode(const char *character, size_t size, char out[static 4 * UNIT])
{
    if (size == 1 && (is_alphanumeric(*character) || *character == ' ')) {
        out[0] = *character == ' ' ? '_' : *character;
        return 1;
    }
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)character[i];
        memcpy(out + UNIT * i, (const char[]){'=', hex[byte >> 4], hex[byte & 15]}, UNIT);
    }
    return UNIT * size;
}

/* No character is torn: each word must be text by itself. Blanks between words are none. */
static void put_words(struct mime *mime, const char *text)
{
    size_t length = strlen(text), room = 0;
    bool open = false;

    for (size_t taken; length > 0; text += taken, length -= taken) {
        char unit[4 * UNIT];
        uint32_t c = 0;
        taken = text_next_character(text, length, &c);
        const bool shown = taken > 0 && text_is_printable(text, taken);
        taken = taken > 0 ? taken : 1;
        const size_t size = shown ? encode(text, taken, unit) : encode("?", 1, unit);
        if (open && size > room) {
            put(mime, WORD_END);
            end_line(mime);
            open = false;
        }
        if (!open) {
            put(mime, " " WORD_START);
            room = COLUMNS - sizeof(WORD_END) + 1 - mime->column;
            open = true;
        }
        put_bytes(mime, unit, size);
        room -= size;
    }
    if (open)
        put(mime, WORD_END);
}

/* What a reader takes as it stands. */
static bool is_plain(const struct mime *mime, const char *value)
{
    const size_t length = strlen(value);

    for (size_t i = 0; i < length; i++)
        if (value[i] < ' ' || value[i] > '~')
            return false;
    return mime->column + 1 + length <= COLUMNS && strstr(value, "=?") == NULL && length > 0 &&
           value[0] != ' ' && value[length - 1] != ' ';
}

void mime_text(struct mime *mime, const char *name, const char *value)
{
    put_name(mime, name);
    if (is_plain(mime, value)) {
        put(mime, " ");
        put(mime, value);
    } else {
        put_words(mime, value);
    }
    end_line(mime);
}

void mime_address(struct mime *mime, const char *name, const char *full_name, const char *address)
{
    put_name(mime, name);
    if (full_name[0] != '\0') {
        put_words(mime, full_name);
        end_line(mime);
    }
    put(mime, " <");
    put(mime, address);
    put(mime, ">");
    end_line(mime);
}

void mime_date(int64_t time, char out[static MIME_DATE_SIZE])
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const time_t seconds = (time_t)time;
    struct tm tm = {.tm_mday = 1, .tm_year = 70};

    if (gmtime_r(&seconds, &tm) == NULL || tm.tm_year > 9999 - 1900)
        tm = (struct tm){.tm_mday = 1, .tm_year = 70, .tm_wday = 4};
    snprintf(out, MIME_DATE_SIZE, "%s, %02d %s %04d %02d:%02d:%02d +0000", days[tm.tm_wday],
             tm.tm_mday, months[tm.tm_mon], 1900 + tm.tm_year, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* --- the body --------------------------------------------------------------------------------- */

void mime_body(struct mime *mime)
{
    end_line(mime);
}

/* RFC 2045 section 6.7. What an old mailbox takes for a message's beginning, or sendmail for its
 * end, does not stand at the beginning of a line. */
static bool is_literal(const struct mime *mime, const char *at)
{
    if (*at == ' ')
        return at[1] != '\n' && at[1] != '\0';
    if (mime->column == 0 && (*at == '.' || *at == 'F'))
        return false;
    return *at > ' ' && *at <= '~' && *at != '=';
}

void mime_put(struct mime *mime, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            end_line(mime);
            continue;
        }
        /* Room for the sign that the line goes on. */
        if (mime->column + (is_literal(mime, text) ? 1 : UNIT) > COLUMNS - 1) {
            put(mime, "=");
            end_line(mime);
        }
        if (is_literal(mime, text))
            put_bytes(mime, text, 1);
        else
            put_unit(mime, (unsigned char)*text);
    }
}

int mime_finish(struct mime *mime, size_t *length)
{
    if (mime->failed || mime->size == 0) {
        secret_wipe(mime->text, mime->size);
        return ERR_TOO_LONG;
    }
    mime->text[mime->length] = '\0';
    *length = mime->length;
    return 0;
}
