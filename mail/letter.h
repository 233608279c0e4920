/* SPDX-License-Identifier: BSD-2-Clause */
/* A notice as an e-mail message; floor 6.
 *
 * 1. Its head shows nothing that is secret: the subject is seen on a phone that is locked.
 * 2. No value adds a line to it. */
#ifndef TOTP_LETTER_H
#define TOTP_LETTER_H

#include "mail.h"

#define LETTER_SIZE (32 * 1024)

struct letter {
    char text[LETTER_SIZE];
    size_t length;
};

/* Wipes. For CLEANUP. */
void letter_clear(struct letter *letter);

/* The message for mail, dated now, in the language of the process. ERR_INVALID: there is no address
 * to write to or from; ERR_RANDOM, ERR_TOO_LONG. */
int letter_write(const struct mail *mail, int64_t now, struct letter *letter,
                 struct err *err) MUST_CHECK;

#endif
