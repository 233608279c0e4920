/* SPDX-License-Identifier: BSD-2-Clause */
/* Members of a C struct as members of a JSON object, from a table; floor 2. */
#ifndef TOTP_FIELD_H
#define TOTP_FIELD_H

#include "json.h"

#include <stddef.h>

enum field_type {
    FIELD_TEXT,   /* const char *, borrowed; NULL: not given */
    FIELD_TEXTS,  /* struct field_texts */
    FIELD_CHARS,  /* char[size] */
    FIELD_NUMBER, /* int64_t, not negative */
    FIELD_SIGNED, /* int64_t */
    FIELD_UINT,   /* unsigned */
    FIELD_SIZE,   /* size_t */
    FIELD_TIME,   /* int64_t, seconds since 1970; negative: not given */
    FIELD_FLAG,   /* bool */
    FIELD_WORD,   /* an enumeration from 0 on, whose words are named: "no|yes" */
};

#define FIELD_TEXTS_MAX 32
struct field_texts {
    size_t count;
    const char *text[FIELD_TEXTS_MAX];
};

struct field {
    const char *name;
    enum field_type type;
    size_t offset, size; /* of the member */
    const char *words;
};

/* A row: the member of struct type, by the name it has in JSON. */
#define FIELD(kind, structure, member, json_name)                                   \
    {                                                                               \
        .name = (json_name), .type = (kind), .offset = offsetof(structure, member), \
        .size = sizeof(((structure *)0)->member)                                    \
    }
#define FIELD_OF_WORDS(structure, member, json_name, word_list)                         \
    {                                                                                   \
        .name = (json_name), .type = FIELD_WORD, .offset = offsetof(structure, member), \
        .size = sizeof(((structure *)0)->member), .words = (word_list)                  \
    }

/* Writes one member of *object. What is not given, or an empty text, is left out; zeros and "false"
 * too unless all is true. */
void field_write(struct json_writer *writer, const struct field *field, const void *object,
                 bool all);

/* Takes the value that comes next; null leaves *object as it is. false: it is of another kind, out
 * of range, too long or no such word. Texts are borrowed from the reader's buffer. */
bool field_read(struct json_reader *reader, const struct field *field, void *object) MUST_CHECK;

/* The index of that name, or count. */
size_t field_find(const struct field *fields, size_t count, const char *name);

/* Appends "name: ?type", as varlink writes it, to the text in out. ERR_TOO_LONG. */
int field_describe(const struct field *field, char *out, size_t size) MUST_CHECK;

#endif
