/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "field.h"

#include "err.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* The n-th word of "a|b|c", or NULL; *length is its length. */
static const char *nth_word(const char *words, unsigned n, size_t *length)
{
    for (; n > 0; n--) {
        words += strcspn(words, "|");
        if (*words++ == '\0')
            return NULL;
    }
    *length = strcspn(words, "|");
    return words;
}

static void write_word(struct json_writer *writer, const struct field *field, unsigned value)
{
    char text[32] = "";
    size_t length = 0;
    const char *word = nth_word(field->words, value, &length);

    if (word == NULL || length >= sizeof(text)) {
        writer->failed = true;
        return;
    }
    memcpy(text, word, length);
    json_text(writer, field->name, text);
}

static void write_texts(struct json_writer *writer, const struct field *field,
                        const struct field_texts *texts)
{
    if (texts->count == 0)
        return;
    json_open_array(writer, field->name);
    for (size_t i = 0; i < texts->count; i++)
        json_text(writer, NULL, texts->text[i]);
    json_end(writer);
}

static void write_number(struct json_writer *writer, const struct field *field, int64_t value,
                         bool all)
{
    if (value != 0 || all)
        json_number(writer, field->name, value);
}

void field_write(struct json_writer *writer, const struct field *field, const void *object,
                 bool all)
{
    const void *at = (const char *)object + field->offset;

    switch (field->type) {
    case FIELD_TEXT:
        if (*(const char *const *)at != NULL)
            json_text(writer, field->name, *(const char *const *)at);
        break;
    case FIELD_TEXTS:
        write_texts(writer, field, at);
        break;
    case FIELD_CHARS:
        if (*(const char *)at != '\0')
            json_text(writer, field->name, at);
        break;
    case FIELD_NUMBER:
    case FIELD_SIGNED:
        write_number(writer, field, *(const int64_t *)at, all);
        break;
    case FIELD_UINT:
        write_number(writer, field, *(const unsigned *)at, all);
        break;
    case FIELD_SIZE:
        write_number(writer, field, (int64_t) * (const size_t *)at, all);
        break;
    case FIELD_TIME:
        if (*(const int64_t *)at >= 0)
            json_number(writer, field->name, *(const int64_t *)at);
        break;
    case FIELD_FLAG:
        if (*(const bool *)at || all)
            json_bool(writer, field->name, *(const bool *)at);
        break;
    case FIELD_WORD:
        if (*(const unsigned *)at != 0 || all)
            write_word(writer, field, *(const unsigned *)at);
        break;
    }
}

static bool read_word(const struct field *field, const char *text, unsigned *value)
{
    size_t length = 0;
    const char *word;

    for (unsigned n = 0; (word = nth_word(field->words, n, &length)) != NULL; n++)
        if (strlen(text) == length && strncmp(word, text, length) == 0) {
            *value = n;
            return true;
        }
    return false;
}

static bool read_texts(struct json_reader *reader, struct field_texts *texts)
{
    const char *text = NULL;

    texts->count = 0;
    if (!json_enter(reader, JSON_ARRAY))
        return false;
    while (json_next(reader, &text)) {
        if (texts->count == FIELD_TEXTS_MAX || !json_get_text(reader, &text))
            return false;
        texts->text[texts->count++] = text;
    }
    return !reader->failed;
}

static bool read_text(struct json_reader *reader, const struct field *field, void *at)
{
    const char *text = NULL;

    if (!json_get_text(reader, &text))
        return false;
    if (field->type == FIELD_WORD)
        return read_word(field, text, at);
    if (field->type == FIELD_TEXT) {
        *(const char **)at = text;
        return true;
    }
    size_t length = strlen(text);
    if (length >= field->size)
        return false;
    memcpy(at, text, length + 1);
    return true;
}

static bool read_number(struct json_reader *reader, const struct field *field, void *at)
{
    int64_t number = 0;

    if (!json_get_number(reader, &number) || number < 0)
        return false;
    if (field->type == FIELD_UINT) {
        if (number > UINT_MAX)
            return false;
        *(unsigned *)at = (unsigned)number;
    } else if (field->type == FIELD_SIZE) {
        *(size_t *)at = (size_t)number;
    } else {
        *(int64_t *)at = number;
    }
    return true;
}

bool field_read(struct json_reader *reader, const struct field *field, void *object)
{
    void *at = (char *)object + field->offset;

    if (json_peek(reader) == JSON_NULL) {
        json_skip(reader);
        return !reader->failed;
    }
    switch (field->type) {
    case FIELD_TEXTS:
        return read_texts(reader, at);
    case FIELD_TEXT:
    case FIELD_CHARS:
    case FIELD_WORD:
        return read_text(reader, field, at);
    case FIELD_FLAG:
        return json_get_bool(reader, at);
    case FIELD_SIGNED:
        return json_get_number(reader, at);
    case FIELD_NUMBER:
    case FIELD_UINT:
    case FIELD_SIZE:
    case FIELD_TIME:
        return read_number(reader, field, at);
    }
    return false;
}

size_t field_find(const struct field *fields, size_t count, const char *name)
{
    size_t i = 0;

    while (i < count && strcmp(fields[i].name, name) != 0)
        i++;
    return i;
}

int field_describe(const struct field *field, char *out, size_t size)
{
    static const char *const types[] = {
        [FIELD_TEXT] = "string", [FIELD_TEXTS] = "[]string", [FIELD_CHARS] = "string",
        [FIELD_NUMBER] = "int",  [FIELD_UINT] = "int",       [FIELD_SIZE] = "int",
        [FIELD_TIME] = "int",    [FIELD_FLAG] = "bool",      [FIELD_SIGNED] = "int"};
    size_t used = strlen(out);
    int length;

    if (field->type != FIELD_WORD) {
        length = snprintf(out + used, size - used, "%s: ?%s", field->name, types[field->type]);
        return length < 0 || (size_t)length >= size - used ? ERR_TOO_LONG : 0;
    }
    length = snprintf(out + used, size - used, "%s: ?(", field->name);
    for (const char *word = field->words; length > 0 && *word != '\0';) {
        used += (size_t)length;
        if (used >= size)
            return ERR_TOO_LONG;
        size_t end = strcspn(word, "|");
        length = snprintf(out + used, size - used, "%.*s%s", (int)end, word,
                          word[end] == '|' ? ", " : ")");
        word += end + (word[end] == '|');
    }
    return length < 0 || (size_t)length >= size - used ? ERR_TOO_LONG : 0;
}
