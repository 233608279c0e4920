/* SPDX-License-Identifier: BSD-2-Clause */
/* One line of the record of what happened; floor 2. Plain data and its printed form. */
#ifndef TOTP_EVENT_H
#define TOTP_EVENT_H

#include "account.h"

#define EVENT_WORD_SIZE 17
#define EVENT_TEXT_SIZE 257

/* Who asks, and from where, as the edge was told; borrowed strings, NULL when not known. */
struct event_origin {
    const char *service;
    const char *rhost;
    const char *tty;
    const char *actor; /* who acts on somebody else's account */
};

/* Strings are as they came, cut to size; empty means none. They are hostile: print them escaped. */
struct event {
    int64_t id;
    int64_t time;
    char action[EVENT_WORD_SIZE]; /* "login", "enroll", "confirm", ... */
    char user[ACCOUNT_NAME_SIZE];
    char service[EVENT_TEXT_SIZE];
    char rhost[EVENT_TEXT_SIZE];
    char tty[EVENT_TEXT_SIZE];
    char verdict[EVENT_WORD_SIZE];
    char method[EVENT_WORD_SIZE];
    char device[ACCOUNT_LABEL_SIZE];
    char actor[ACCOUNT_NAME_SIZE];
};

/* Fills *event; every text is cut and made valid UTF-8. user, verdict, method, device may be NULL.
 */
void event_init(struct event *event, int64_t time, const char *action, const char *user,
                const struct event_origin *origin);

/* "login accepted user=alice service=sshd rhost=192.0.2.1 tty=ssh method=totp device=phone": fields
 * that are empty are left out, values with blanks or anything unprintable are quoted and escaped.
 */
void event_format(const struct event *event, char *out, size_t size);

#endif
