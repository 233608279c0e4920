/* SPDX-License-Identifier: BSD-2-Clause */
/* JSON (RFC 8259) of short messages, written to and read from one buffer; floor 1.
 *
 * 1. Nothing is allocated: what is read is taken apart where it lies, so that wiping the buffer
 * wipes every secret in it.
 * 2. What is not strictly JSON in valid UTF-8 is refused, as are "\u0000" and an object or array
 * more than JSON_DEPTH_MAX deep.
 * 3. Text is bytes, as passwords are: a byte that is no UTF-8 travels as the lone low surrogate
 * U+DC80 to U+DCFF, written "\udc80" (the way of Python's "surrogateescape"); any other lone
 * surrogate is refused. Whatever bytes json_text writes, json_get_text gives back.
 * 4. A fault is remembered: every later step fails, and only the end needs to be looked at. A step
 * out of turn is a fault too: a name in an array or none in an object, a second value at the top,
 * json_next before the value has been taken. Whoever finds a fault of its own may set failed. */
#ifndef TOTP_JSON_H
#define TOTP_JSON_H

#include "base.h"

#include <stdbool.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 8

/* --- writing; name NULL at the top and in an array -------------------------------------------- */

struct json_writer {
    char *text;
    size_t size, length;
    unsigned depth;
    char open[JSON_DEPTH_MAX]; /* the bracket that closes each level */
    bool comma;                /* a value stands before the next one */
    bool failed;
};

/* Begins a document in text, of size bytes. It is written without white space; a byte of a text
 * takes six at most. */
void json_start(struct json_writer *writer, char *text, size_t size);

void json_open_object(struct json_writer *writer, const char *name); /* until json_end */
void json_open_array(struct json_writer *writer, const char *name);  /* until json_end */
void json_end(struct json_writer *writer);
void json_text(struct json_writer *writer, const char *name, const char *value); /* not NULL */
void json_number(struct json_writer *writer, const char *name, int64_t value);
void json_bool(struct json_writer *writer, const char *name, bool value);

/* Terminates the text; *length is without the terminator. ERR_TOO_LONG where it did not fit, and
 * where the steps before made no document: the buffer is wiped then. */
int json_finish(struct json_writer *writer, size_t *length) MUST_CHECK;

/* --- reading ---------------------------------------------------------------------------------- */

enum json_kind {
    JSON_NOTHING = 0,
    JSON_OBJECT,
    JSON_ARRAY,
    JSON_TEXT,
    JSON_NUMBER,
    JSON_BOOL,
    JSON_NULL,
};

struct json_reader {
    char *at, *end;
    unsigned depth;
    char open[JSON_DEPTH_MAX]; /* the bracket that closes each level */
    bool due;                  /* a value comes next */
    bool comma;                /* a value stands before the next one */
    bool failed;
};

/* Reads the length bytes at text. Names and texts are decoded and terminated within their quotation
 * marks; no other byte is changed, and none outside is looked at. */
void json_read(struct json_reader *reader, char *text, size_t length);

/* Of the value that comes next, by its first byte. JSON_NOTHING where none is due, which is no
 * fault, and where none begins, which is one. */
enum json_kind json_peek(struct json_reader *reader) MUST_CHECK;

/* Enters the object or array that comes next. false, as everywhere below: it is another kind, which
 * is a fault. */
bool json_enter(struct json_reader *reader, enum json_kind kind) MUST_CHECK;

/* Moves to the next member, *name (NULL in an array) being valid as long as the buffer is, or to
 * the next element. false at the end, which is left behind, or after a fault. name may be NULL.
 * Whoever reads has to see to names that stand twice. */
bool json_next(struct json_reader *reader, const char **name) MUST_CHECK;

/* Take the value that comes next, and look at what follows it. A number is an int64_t written in
 * digits: neither "1.0" nor "1e2". */
bool json_get_text(struct json_reader *reader, const char **text) MUST_CHECK;
bool json_get_number(struct json_reader *reader, int64_t *number) MUST_CHECK;
bool json_get_bool(struct json_reader *reader, bool *value) MUST_CHECK;

/* Passes the value that comes next, whatever it is, having checked it. Its bytes stay as they are:
 * a copy of the reader made before can read it again. */
void json_skip(struct json_reader *reader);

/* 0 when a whole document was read without a fault and nothing is left, else ERR_SYNTAX. */
int json_done(struct json_reader *reader) MUST_CHECK;

#endif
