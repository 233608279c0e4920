/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "json.h"

#include "err.h"
#include "secret.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Inside this file a byte that is no UTF-8 is the character U+DC00 + byte, which no valid UTF-8
 * can yield. */
#define BYTE_BASE UINT32_C(0xDC00)

static bool is_byte(uint32_t character)
{
    return character >= BYTE_BASE + 0x80 && character <= BYTE_BASE + 0xFF;
}

static bool is_high_surrogate(uint32_t character)
{
    return character >= 0xD800 && character <= 0xDBFF;
}

static bool is_low_surrogate(uint32_t character)
{
    return character >= 0xDC00 && character <= 0xDFFF;
}

/* Returns how many bytes it wrote: never more than the character took in JSON. */
static size_t utf8_encode(uint32_t character, char *out)
{
    size_t size = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;

    if (character < 0x80 || is_byte(character)) {
        out[0] = (char)(character & 0xFF);
        return 1;
    }
    for (size_t i = size - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (character & 0x3F));
        character >>= 6;
    }
    out[0] = (char)((0xF00U >> size & 0xFF) | character);
    return size;
}

/* --- writing ---------------------------------------------------------------------------------- */

void json_start(struct json_writer *writer, char *text, size_t size)
{
    *writer = (struct json_writer){.text = text, .size = size};
}

static void put(struct json_writer *writer, const char *bytes, size_t count)
{
    if (writer->failed || count > writer->size - writer->length) {
        writer->failed = true;
        return;
    }
    memcpy(writer->text + writer->length, bytes, count);
    writer->length += count;
}

static void put_escape(struct json_writer *writer, uint32_t character)
{
    static const char hex[] = "0123456789abcdef";
    const char escape[] = {'\\',
                           'u',
                           hex[character >> 12 & 15],
                           hex[character >> 8 & 15],
                           hex[character >> 4 & 15],
                           hex[character & 15]};

    put(writer, escape, sizeof(escape));
}

static void put_text(struct json_writer *writer, const char *text)
{
    size_t length = strlen(text);

    put(writer, "\"", 1);
    for (size_t i = 0, taken; i < length && !writer->failed; i += taken) {
        uint32_t c = 0;

        taken = text_next_character(text + i, length - i, &c);
        if (taken == 0) {
            put_escape(writer, BYTE_BASE + (unsigned char)text[i]);
            taken = 1;
        } else if (c < 0x20 || c == 0x7F) {
            put_escape(writer, c);
        } else {
            if (c == '"' || c == '\\')
                put(writer, "\\", 1);
            put(writer, text + i, taken);
        }
    }
    put(writer, "\"", 1);
}

/* What stands before a value. */
static void put_name(struct json_writer *writer, const char *name)
{
    bool in_object = writer->depth > 0 && writer->open[writer->depth - 1] == '}';

    if (in_object != (name != NULL) || (writer->depth == 0 && writer->comma))
        writer->failed = true;
    if (writer->failed)
        return;
    if (writer->comma)
        put(writer, ",", 1);
    if (name != NULL) {
        put_text(writer, name);
        put(writer, ":", 1);
    }
    writer->comma = true;
}

static void put_open(struct json_writer *writer, const char *name, const char brackets[static 2])
{
    put_name(writer, name);
    if (writer->depth == JSON_DEPTH_MAX)
        writer->failed = true;
    if (writer->failed)
        return;
    put(writer, &brackets[0], 1);
    writer->open[writer->depth++] = brackets[1];
    writer->comma = false;
}

void json_open_object(struct json_writer *writer, const char *name)
{
    put_open(writer, name, "{}");
}

void json_open_array(struct json_writer *writer, const char *name)
{
    put_open(writer, name, "[]");
}

void json_end(struct json_writer *writer)
{
    if (writer->depth == 0)
        writer->failed = true;
    if (writer->failed)
        return;
    put(writer, &writer->open[--writer->depth], 1);
    writer->comma = true;
}

void json_text(struct json_writer *writer, const char *name, const char *value)
{
    put_name(writer, name);
    if (value == NULL)
        writer->failed = true;
    else
        put_text(writer, value);
}

void json_number(struct json_writer *writer, const char *name, int64_t value)
{
    char digits[24] = "";

    snprintf(digits, sizeof(digits), "%" PRId64, value);
    put_name(writer, name);
    put(writer, digits, strlen(digits));
}

void json_bool(struct json_writer *writer, const char *name, bool value)
{
    const char *word = value ? "true" : "false";

    put_name(writer, name);
    put(writer, word, strlen(word));
}

int json_finish(struct json_writer *writer, size_t *length)
{
    if (writer->depth > 0 || !writer->comma)
        writer->failed = true;
    put(writer, "", 1);
    if (writer->failed) {
        secret_wipe(writer->text, writer->size);
        return ERR_TOO_LONG;
    }
    writer->length--;
    *length = writer->length;
    return 0;
}

/* --- reading ---------------------------------------------------------------------------------- */

void json_read(struct json_reader *reader, char *text, size_t length)
{
    *reader = (struct json_reader){.at = text, .end = text + length, .due = true};
}

static bool fail(struct json_reader *reader)
{
    reader->failed = true;
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A NUL byte is what JSON has nowhere: it may stand for the end. */
static char byte_at(const char *at, const char *end)
{
    return at < end ? *at : '\0';
}

/* The next byte that is no white space. */
static char next_byte(struct json_reader *reader)
{
    for (; reader->at < reader->end; reader->at++)
        if (*reader->at != ' ' && *reader->at != '\t' && *reader->at != '\n' && *reader->at != '\r')
            return *reader->at;
    return '\0';
}

/* Passes a value, whose end `to` is. What follows is looked at before anybody uses the value: "1x"
 * is not the number 1. */
static bool pass_value(struct json_reader *reader, char *to)
{
    char next;

    reader->at = to;
    reader->due = false;
    reader->comma = true;
    next = next_byte(reader);
    if (reader->depth == 0)
        return reader->at == reader->end || fail(reader);
    return next == ',' || next == reader->open[reader->depth - 1] || fail(reader);
}

enum json_kind json_peek(struct json_reader *reader)
{
    char next;

    if (reader->failed || !reader->due)
        return JSON_NOTHING;
    next = next_byte(reader);
    switch (next) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_TEXT;
    case 't':
    case 'f':
        return JSON_BOOL;
    case 'n':
        return JSON_NULL;
    default:
        if (next == '-' || is_digit(next))
            return JSON_NUMBER;
        reader->failed = true;
        return JSON_NOTHING;
    }
}

/* The number that the four hexadecimal digits of a \uXXXX at `at` write, or 0. */
static uint32_t read_unit(const char *at, const char *end)
{
    uint32_t unit = 0;

    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return 0;
    for (size_t i = 2; i < 6; i++) {
        unsigned char c = (unsigned char)at[i], letter = c | 0x20;

        if (is_digit(at[i]))
            unit = unit << 4 | (c - '0');
        else if (letter >= 'a' && letter <= 'f')
            unit = unit << 4 | (letter - 'a' + 10U);
        else
            return 0;
    }
    return unit;
}

/* As read_character, of what begins with a backslash. */
static size_t read_escape(const char *at, const char *end, uint32_t *character)
{
    static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *letter;
    uint32_t low;

    if (end - at < 2)
        return 0;
    letter = memchr(letters, at[1], sizeof(letters) - 1);
    if (letter != NULL) {
        *character = (unsigned char)values[letter - letters];
        return 2;
    }
    *character = read_unit(at, end);
    if (is_high_surrogate(*character)) {
        low = read_unit(at + 6, end);
        if (!is_low_surrogate(low))
            return 0;
        *character = 0x10000 + ((*character - 0xD800) << 10) + (low - 0xDC00);
        return 12;
    }
    if (*character == 0 || (is_low_surrogate(*character) && !is_byte(*character)))
        return 0;
    return 6;
}

/* How many bytes the character at `at` takes, or 0 where it is none. */
static size_t read_character(const char *at, const char *end, uint32_t *character)
{
    if (*at == '\\')
        return read_escape(at, end, character);
    if ((unsigned char)*at < 0x20)
        return 0;
    return text_next_character(at, (size_t)(end - at), character);
}

/* Passes the text at reader->at. text not NULL: it is decoded where it lies, its terminator falling
 * on its closing quotation mark at the latest; NULL: the bytes stay as they are. */
static bool pass_text(struct json_reader *reader, const char **text)
{
    char *in = reader->at + 1, *out = in;

    while (in < reader->end && *in != '"') {
        uint32_t c = 0;
        size_t taken = read_character(in, reader->end, &c);

        if (taken == 0)
            return fail(reader);
        in += taken;
        if (text != NULL)
            out += utf8_encode(c, out);
    }
    if (in == reader->end)
        return fail(reader);
    if (text != NULL) {
        *out = '\0';
        *text = reader->at + 1;
    }
    reader->at = in + 1;
    return true;
}

bool json_enter(struct json_reader *reader, enum json_kind kind)
{
    if ((kind != JSON_OBJECT && kind != JSON_ARRAY) || json_peek(reader) != kind ||
        reader->depth == JSON_DEPTH_MAX)
        return fail(reader);
    reader->open[reader->depth++] = kind == JSON_OBJECT ? '}' : ']';
    reader->at++;
    reader->due = false;
    reader->comma = false;
    return true;
}

/* As json_next; keep: the bytes of the name stay as they are. */
static bool pass_name(struct json_reader *reader, const char **name, bool keep)
{
    const char *found = NULL;
    char close;

    if (reader->failed || reader->due || reader->depth == 0)
        return fail(reader);
    close = reader->open[reader->depth - 1];
    if (next_byte(reader) == close) {
        reader->depth--;
        (void)pass_value(reader, reader->at + 1);
        return false;
    }
    /* What stands after a value is a comma: pass_value has seen it. */
    if (reader->comma)
        reader->at++;
    if (close == '}') {
        if (next_byte(reader) != '"' || !pass_text(reader, keep ? NULL : &found) ||
            next_byte(reader) != ':')
            return fail(reader);
        reader->at++;
    }
    reader->due = true;
    if (json_peek(reader) == JSON_NOTHING)
        return false;
    if (name != NULL)
        *name = found;
    return true;
}

bool json_next(struct json_reader *reader, const char **name)
{
    return pass_name(reader, name, false);
}

bool json_get_text(struct json_reader *reader, const char **text)
{
    const char *found = NULL;

    if (json_peek(reader) != JSON_TEXT || !pass_text(reader, &found) ||
        !pass_value(reader, reader->at))
        return fail(reader);
    *text = found;
    return true;
}

static char *pass_digits(char *at, const char *end)
{
    while (is_digit(byte_at(at, end)))
        at++;
    return at;
}

/* The end of the number at `at`, or NULL. */
static char *find_number_end(char *at, const char *end, bool *plain)
{
    char *digits;

    *plain = true;
    if (byte_at(at, end) == '-')
        at++;
    digits = at;
    at = byte_at(at, end) == '0' ? at + 1 : pass_digits(at, end);
    if (at == digits)
        return NULL;
    if (byte_at(at, end) == '.') {
        digits = at + 1;
        at = pass_digits(digits, end);
        if (at == digits)
            return NULL;
        *plain = false;
    }
    if (byte_at(at, end) == 'e' || byte_at(at, end) == 'E') {
        digits = at + 1;
        if (byte_at(digits, end) == '+' || byte_at(digits, end) == '-')
            digits++;
        at = pass_digits(digits, end);
        if (at == digits)
            return NULL;
        *plain = false;
    }
    return at;
}

bool json_get_number(struct json_reader *reader, int64_t *number)
{
    bool plain = false, negative;
    int64_t value = 0; /* kept negative, since INT64_MIN is no positive number's opposite */
    char *at, *end;

    if (json_peek(reader) != JSON_NUMBER)
        return fail(reader);
    at = reader->at;
    end = find_number_end(at, reader->end, &plain);
    if (end == NULL || !plain)
        return fail(reader);
    negative = *at == '-';
    for (at += negative ? 1 : 0; at < end; at++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, *at - '0', &value))
            return fail(reader);
    if ((!negative && value == INT64_MIN) || !pass_value(reader, end))
        return fail(reader);
    *number = negative ? value : -value;
    return true;
}

static bool pass_word(struct json_reader *reader, const char *word)
{
    size_t length = strlen(word);

    return (size_t)(reader->end - reader->at) >= length && memcmp(reader->at, word, length) == 0 &&
           pass_value(reader, reader->at + length);
}

bool json_get_bool(struct json_reader *reader, bool *value)
{
    bool truth;

    if (json_peek(reader) != JSON_BOOL)
        return fail(reader);
    truth = *reader->at == 't';
    if (!pass_word(reader, truth ? "true" : "false"))
        return fail(reader);
    *value = truth;
    return true;
}

/* Passes a value that holds no others, or enters one that does. */
static bool skip_one(struct json_reader *reader)
{
    bool plain = false;
    char *end;

    switch (json_peek(reader)) {
    case JSON_OBJECT:
        return json_enter(reader, JSON_OBJECT);
    case JSON_ARRAY:
        return json_enter(reader, JSON_ARRAY);
    case JSON_TEXT:
        return pass_text(reader, NULL) && pass_value(reader, reader->at);
    case JSON_NUMBER:
        end = find_number_end(reader->at, reader->end, &plain);
        return end != NULL && pass_value(reader, end);
    case JSON_BOOL:
        return pass_word(reader, *reader->at == 't' ? "true" : "false");
    case JSON_NULL:
        return pass_word(reader, "null");
    case JSON_NOTHING:
        break;
    }
    return false;
}

void json_skip(struct json_reader *reader)
{
    unsigned depth = reader->depth;

    do {
        if (!skip_one(reader)) {
            reader->failed = true;
            return;
        }
        /* Until the next value, leaving what ends on the way. */
        while (reader->depth > depth && !pass_name(reader, NULL, true))
            if (reader->failed)
                return;
    } while (reader->depth > depth);
}

int json_done(struct json_reader *reader)
{
    return reader->failed || reader->due || reader->depth > 0 ? ERR_SYNTAX : 0;
}
