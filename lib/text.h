/* SPDX-License-Identifier: BSD-2-Clause */
/* Strict parsing, bounded copying and safe printing of text; floor 1. No locale is consulted. */
#ifndef TOTP_TEXT_H
#define TOTP_TEXT_H

#include "base.h"

#include <stdbool.h>
#include <stdint.h>

/* Copies src with its terminator into dst. ERR_TOO_LONG leaves dst empty. src and dst do not
 * overlap. */
int text_copy(char *dst, size_t size, const char *src) MUST_CHECK;

/* Copies at most size - 1 bytes of src (NULL counts as empty), cutting at a UTF-8 boundary. */
void text_cut(char *dst, size_t size, const char *src);

/* The whole of text is a decimal number between min and max: digits only, no sign, no blank, no
 * octal. ERR_INVALID, ERR_RANGE. */
int text_parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *value) MUST_CHECK;

/* "yes" or "no". ERR_INVALID. */
int text_parse_bool(const char *text, bool *value) MUST_CHECK;

/* A number with one unit of s, m, h, d, w; a bare number is seconds. ERR_INVALID, ERR_RANGE. */
int text_parse_duration(const char *text, int64_t max, int64_t *seconds) MUST_CHECK;

/* The inverse, in the largest unit of s, m, h, d that divides: "90s", "1m", "7d", "0". size >= 24.
 */
void text_format_duration(int64_t seconds, char *out, size_t size);

/* "2026-01-31", "2026-01-31T12:00:00Z" (UTC) to seconds since 1970. ERR_INVALID, ERR_RANGE. */
int text_parse_time(const char *text, int64_t *time) MUST_CHECK;

#define TEXT_TIME_SIZE 21

/* RFC 3339 in UTC with a Z. Times outside the years 1970 to 9999 are clamped to them. */
void text_format_time(int64_t time, char out[static TEXT_TIME_SIZE]);

/* The bytes of the character at text, or 0 where there is none (RFC 3629 section 4). length > 0. */
size_t text_next_character(const char *text, size_t length, uint32_t *character) MUST_CHECK;

/* Whether the length bytes at text are valid UTF-8 (RFC 3629) without control characters (C0, DEL,
 * C1), line or paragraph separators and bidirectional overrides. */
bool text_is_printable(const char *text, size_t length) MUST_CHECK;

/* Writes text for a log or a terminal: printable UTF-8 stays, every other byte becomes \xHH, a
 * backslash doubles and a quotation mark is escaped. Always terminated, cut at size. text NULL is
 * empty. */
void text_escape(char *out, size_t size, const char *text);

/* The next comma- or blank-separated word of *list, copied to word; *list moves past it. 1 when
 * there was one, 0 at the end, ERR_TOO_LONG. */
int text_next_word(const char **list, char *word, size_t size) MUST_CHECK;

#endif
