/* SPDX-License-Identifier: BSD-2-Clause */
/* The form of an e-mail message (RFC 5322, 2045, 2047) in a buffer, its lines ended by LF; floor 6.
 *
 * 1. No value begins a line of its own choice: what is not printable is shown as '?' in a header.
 * 2. Lines have at most 76 bytes, but for one that is a single address or identifier.
 * 3. A fault is remembered, and found at the end. */
#ifndef TOTP_MIME_H
#define TOTP_MIME_H

#include "base.h"

#include <stdbool.h>

struct mime {
    char *text;
    size_t size, length;
    size_t column;
    bool failed;
};

void mime_start(struct mime *mime, char *text, size_t size);

/* "Name: value", which is ours: printable ASCII. */
void mime_plain(struct mime *mime, const char *name, const char *value);

/* Text of any kind: as it is where that can be read, otherwise as encoded words. */
void mime_text(struct mime *mime, const char *name, const char *value);

/* An address that is account_email_valid, with the name it has (empty: none) as encoded words:
 * nothing in it can be taken for another address. */
void mime_address(struct mime *mime, const char *name, const char *full_name, const char *address);

/* "Sat, 21 Nov 2026 12:00:00 +0000" */
#define MIME_DATE_SIZE 96 /* room for any int, which the compiler cannot know are small */
void mime_date(int64_t time, char out[static MIME_DATE_SIZE]);

/* Ends the head. */
void mime_body(struct mime *mime);

/* Appends UTF-8 to the body, as quoted-printable. */
void mime_put(struct mime *mime, const char *text);

/* Terminates the message; *length is without the terminator. ERR_TOO_LONG. */
int mime_finish(struct mime *mime, size_t *length) MUST_CHECK;

#endif
