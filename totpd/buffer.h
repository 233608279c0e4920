/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes on their way, which may be passwords: what leaves a buffer is wiped; floor 6. */
#ifndef TOTP_BUFFER_H
#define TOTP_BUFFER_H

#include "base.h"

/* {0} is an empty one. The bytes from start to end are in use. */
struct buffer {
    char *bytes;
    size_t start, end, size;
};

size_t buffer_length(const struct buffer *buffer);

/* Makes room after the end: *room bytes, which is not 0, at most max bytes in use then.
 * ERR_TOO_LONG when max bytes are in use already; ERR_NOMEM. */
int buffer_reserve(struct buffer *buffer, size_t max, size_t *room) MUST_CHECK;

/* ERR_NOMEM. */
int buffer_append(struct buffer *buffer, const char *bytes, size_t length) MUST_CHECK;

/* Removes and wipes the first bytes. An empty buffer that had grown gives its memory back. */
void buffer_consume(struct buffer *buffer, size_t length);

/* Wipes and frees. */
void buffer_clear(struct buffer *buffer);

#endif
