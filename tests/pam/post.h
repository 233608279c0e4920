/* SPDX-License-Identifier: BSD-2-Clause */
/* E-mail of the throw-away host: people whose codes are sent, and a sendmail that puts messages
 * into files. Set-up that fails ends the program. */
#ifndef TOTP_TESTS_POST_H
#define TOTP_TESTS_POST_H

#include "host.h"

#define POST_ADDRESS "alice.liddell@example.org"
#define POST_MASKED "a***@e***.org"
#define POST_PROMPT "One-time code (sent to " POST_MASKED "): "
#define POST_CODE_SIZE (ACCOUNT_MAIL_DIGITS + 1)
#define POST_LIFETIME (10 * 60) /* as configured where nothing else is */
#define POST_INTERVAL 60

enum post_sendmail {
    POST_DELIVERS,
    POST_HANGS, /* until post_release */
    POST_FAILS,
    POST_MISSING,
};

/* Once, after host_make. */
void post_make(void);

/* host_configure, with such a sendmail, without notices, and with these lines. */
void post_configure(enum post_sendmail sendmail, const char *lines);

/* An account with POST_ADDRESS and no device; and an e-mail device for it. */
void post_person(struct account *account, const char *name);
void post_add_device(struct account *account);

/* Waits for a message, which must come, and takes it out of its file: whole, until the next is
 * taken. */
const char *post_take(void);

/* The same; the code in it. */
const char *post_take_code(char out[static POST_CODE_SIZE]);

/* Waits until all that was to be sent has been handed to sendmail, and that has ended. The number
 * of messages that nobody has taken; they are thrown away. */
unsigned post_settle(void);

/* Waits until a sendmail hangs; lets it go. */
void post_wait_hanging(void);
void post_release(void);

#endif
