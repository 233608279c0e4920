/* SPDX-License-Identifier: BSD-2-Clause */
/* What the command says: a JSON document or text as result, sentences as messages; floor 6.
 * Jansson. */
#ifndef TOTP_OUT_H
#define TOTP_OUT_H

#include "base.h"
#include "err.h"

#include <stdbool.h>
#include <stdint.h>

/* A JSON document that is being built, an object at the top; starts as {0}. What goes wrong is
 * remembered and told by out_print. In an array the name is NULL. */
#define OUT_DEPTH_MAX 5
struct json_t;
struct out {
    struct json_t *open[OUT_DEPTH_MAX]; /* the first owns the others */
    size_t depth;
    bool failed;
};

/* For CLEANUP. */
void out_clear(struct out *out);

void out_object(struct out *out, const char *name); /* until out_end */
void out_array(struct out *out, const char *name);  /* until out_end */
void out_end(struct out *out);
void out_text(struct out *out, const char *name, const char *value);
void out_word(struct out *out, const char *name, const char *value); /* null when it is empty */
void out_int(struct out *out, const char *name, int64_t value);
void out_bool(struct out *out, const char *name, bool value);
void out_null(struct out *out, const char *name);
void out_time(struct out *out, const char *name, int64_t value); /* RFC 3339; null below 0 */

/* Writes the document and a line feed to standard output, in ASCII. ERR_NOMEM; out_flush tells
 * whether it arrived. */
int out_print(const struct out *out, struct err *err) MUST_CHECK;

/* Hands everything printed so far to the system. ERR_SYSTEM when any of it was lost. */
int out_flush(struct err *err) MUST_CHECK;

/* A sentence on standard error, behind the program's name, on one line whatever is in it; in the
 * language of whoever reads it. */
void out_message(const char *format, ...) PRINTF_LIKE(1, 2);

/* The same of an error. What lib/ says of it without a value in it is translated too. */
void out_error(const struct err *err);

/* Text on standard output in so many columns as characters are wide, at their right end where
 * columns is negative; more when it is longer. */
void out_column(const char *text, int columns);

/* The columns that text takes. Needs setlocale. */
int out_width(const char *text);

/* Text from outside as it may go to a terminal: unchanged when all of it is printable, escaped
 * otherwise; returns out. */
const char *out_safe(char *out, size_t size, const char *text);

#endif
