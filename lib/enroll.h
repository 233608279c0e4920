/* SPDX-License-Identifier: BSD-2-Clause */
/* Use cases: a person's devices and backup tokens; floor 5. Each is one transaction with its event.
 */
#ifndef TOTP_ENROLL_H
#define TOTP_ENROLL_H

#include "conf.h"
#include "event.h"
#include "outcome.h"
#include "reply.h"
#include "store.h"
#include "uri.h"

struct enroll_request {
    const char *user;
    struct event_origin origin;
    const char *label; /* NULL: "phone", "phone-2", ... the first that is free */
    enum device_type type;
    enum otp_algorithm algorithm;
    unsigned digits, period;
    const struct secret *secret; /* NULL: a fresh one of SECRET_BYTES_DEFAULT */
    uint64_t counter;            /* HOTP: the next moving factor */
    bool at_login; /* of a login that enrols. ERR_CONFLICT: there is a device already, or an admin's
                    * first one would not be root's */
    bool replace;  /* the label may be taken: the old device goes when the new one is confirmed */
};

/* A pending device; the account is made when there is none. A pending device of the same label is
 * replaced, and what a login has begun goes. host names this host for conf->issuer and conf->label.
 * ERR_INVALID (name, label), ERR_EXISTS, ERR_LIMIT (conf->max_devices), ERR_RANGE. */
int enroll_start(struct store *store, const struct conf *conf, const char *host,
                 const struct enroll_request *request, int64_t now, struct reply_device *reply,
                 struct err *err) MUST_CHECK;

/* A device's URI again; of two with one label the pending one's. label NULL: the only label there
 * is, else ERR_CONFLICT. */
int enroll_again(struct store *store, const struct conf *conf, const char *host, const char *user,
                 const char *label, const struct event_origin *origin, int64_t now,
                 struct reply_device *reply, struct err *err) MUST_CHECK;

struct enroll_code {
    const char *user, *label, *code;
    struct event_origin origin;
    bool guarded;      /* wrong codes count, and a closed or locked account is refused */
    bool trial;        /* judged; the right one changes nothing */
    bool at_login;     /* of a login that enrols: of its own device alone, and locks hold */
    int64_t device_id; /* with at_login: which device; 0: any */
};

/* Judges the first code of the pending device (label NULL: the only pending one, else ERR_CONFLICT)
 * and activates it. A device that a login has made is that login's alone to confirm: without
 * first->at_login it is none, with it no other is; ERR_CONFLICT where that login's time is over,
 * since the account has got another device or a role, or is switched off. The account's first
 * device comes with conf->backup_tokens new tokens, and others that are pending go. result->verdict
 * is VERDICT_ACCEPTED only after the commit. */
int enroll_confirm(struct store *store, const struct conf *conf, const struct enroll_code *first,
                   int64_t now, struct outcome *result, struct reply_tokens *tokens,
                   struct err *err) MUST_CHECK;

#endif
