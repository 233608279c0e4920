/* SPDX-License-Identifier: BSD-2-Clause */
/* Codes that are sent by e-mail: made, shown once in a message, kept as digests; floor 2. Pure but
 * for the system's generator.
 *
 * 1. A code is 8 random digits, good once, for a short while, for three tries, and for one purpose,
 * one device of one account.
 * 2. A stamp from the future makes no code good. */
#ifndef TOTP_MAILCODE_H
#define TOTP_MAILCODE_H

#include "account.h"
#include "code.h"
#include "rules.h"
#include "seal.h"

#define MAILCODE_SIZE (ACCOUNT_MAIL_DIGITS + 1)

/* A new code of account for a purpose (MAIL_LOGIN: of the device of that id), which takes the place
 * of the one there was; text is for the message. ERR_RANDOM, ERR_CRYPTO, ERR_KEY_UNKNOWN,
 * ERR_CLOCK: nothing has changed then. */
int mailcode_new(const struct rules *rules, const struct seal_ring *ring, enum mail_purpose purpose,
                 int64_t device, int64_t now, struct account *account,
                 char text[static MAILCODE_SIZE]) MUST_CHECK;

/* Whether the code that was sent last is still good. */
bool mailcode_is_live(const struct account *account, enum mail_purpose purpose, int64_t device,
                      int64_t now) MUST_CHECK;

/* Seconds until another may be sent; 0: now. */
int64_t mailcode_wait(const struct rules *rules, const struct account *account,
                      enum mail_purpose purpose, int64_t now);

/* Whether code is the one that was sent. The digest is made whether one is live or not.
 * ERR_KEY_UNKNOWN, ERR_CRYPTO. */
int mailcode_match(const struct account *account, enum mail_purpose purpose, int64_t device,
                   const struct code *code, const struct seal_ring *ring, int64_t now,
                   bool *match) MUST_CHECK;

/* One try less of a code that is live; after the last it is not good any more. */
void mailcode_miss(struct account *account, enum mail_purpose purpose, int64_t device, int64_t now);

/* It is not good any more; when it was sent stays known. */
void mailcode_void(struct account *account, enum mail_purpose purpose);

/* It has been used: there is none any more. */
void mailcode_use(struct account *account, enum mail_purpose purpose);

#endif
