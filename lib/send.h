/* SPDX-License-Identifier: BSD-2-Clause */
/* Use cases: a code is sent by e-mail; a password is recovered with one; floor 5. Each is one
 * transaction. */
#ifndef TOTP_SEND_H
#define TOTP_SEND_H

#include "call.h"
#include "conf.h"
#include "event.h"
#include "reply.h"
#include "store.h"

struct send_request {
    const char *user;
    struct event_origin origin;
    bool recovery; /* for recover_password; otherwise for a device in use */
    bool unasked;  /* only where no other kind of device is in use */
    bool keep;     /* not while the last is good for half of email_code_lifetime yet */
};

/* Makes a code, records "mail" and posts it, unless one was sent less than email_interval ago; or,
 * with keep, one that is good for long enough. reply->address: where the code
 * is that can be used now; empty: there is none, because nobody of that name may have one (unknown,
 * closed, locked, no e-mail device in use or no address; which of it is not told), or because the
 * last one is used up. reply->wait, where nothing was sent now: seconds until it can be. Under
 * audit_only, and without "sendmail", nothing is sent. */
int send_code(struct store *store, const struct conf *conf, const struct send_request *request,
              int64_t now, struct reply *reply, struct err *err) MUST_CHECK;

struct recover_request {
    const char *user;
    struct event_origin origin;
    const char *mailed; /* the code that was sent */
    const char *code;   /* of another device, or a backup token */
    const char *password;
    const char *hash; /* of password; NULL: it is made here */
};

/* Sets a new password in the place of one that was forgotten; records "recover". *result: whether
 * both codes were accepted, see policy_recover; otherwise nothing but the failure is saved.
 * ERR_CONFLICT: the store has no password of theirs. */
int recover_password(struct store *store, const struct conf *conf,
                     const struct recover_request *request, int64_t now, struct outcome *result,
                     struct err *err) MUST_CHECK;

#endif
