/* SPDX-License-Identifier: BSD-2-Clause */
/* Use case: a person proves a code; floor 5. One store transaction holds judging, consuming,
 * counting and the event; the reply says yes only after its commit. */
#ifndef TOTP_AUTH_H
#define TOTP_AUTH_H

#include "call.h"
#include "conf.h"
#include "event.h"
#include "explain.h"
#include "policy.h"
#include "store.h"

/* Plain data with borrowed strings, see call.h. */
struct auth_request {
    const char *user;
    struct event_origin origin;
    const char *ruser; /* who asks, of this host; NULL: not known */
    enum auth_shape shape;
    const char *password; /* NULL: none */
    const char *code;     /* AUTH_CODE; NULL counts as empty */
    bool check_password;  /* against the store's own, password=store */
    int64_t own_lock;     /* policy_attempt; from the reply to this login's first answer */
    const char *action;   /* of the event; NULL: "login" */
    const char *exempt;   /* which list spares this person the code, see exempt.h; NULL: none */
    bool audit;           /* judge and record alone */
    bool explain;         /* fill the reply's explanation */
};

/* Zero is a denial. */
struct auth_reply {
    struct outcome result;
    size_t password_length; /* AUTH_COMBINED, AUTH_TAIL: bytes of password before the code */
    bool ask;               /* nothing was judged: ask for a code */
    bool enroll;            /* nothing was judged, and the password, if any, is right: enrol now */
    bool tokens_due;        /* the account's first device has become active, without tokens */
    bool has_password, password_expired; /* auth_account */
    struct event event;                  /* what was recorded, for the edge's own log */
    char explanation[EXPLAIN_SIZE];      /* why not, for administrators */
};

/* Before the prompt: does this person pass without a code, or is one to enrol? reply->ask when a
 * code, or a password that is checked here, is needed. A pass is recorded. Where an answer is asked
 * for in any case (request->shape), exemption and grace are auth_check's business: the answer may
 * hold a code all the same. */
int auth_begin(struct store *store, const struct rules *rules, const struct auth_request *request,
               int64_t now, struct auth_reply *reply, struct err *err) MUST_CHECK;

/* Judges, records, commits. now: the time after the person answered. Any error: the answer is
 * "unavailable", and the reply a denial. */
int auth_check(struct store *store, const struct rules *rules, const struct auth_request *request,
               int64_t now, struct auth_reply *reply, struct err *err) MUST_CHECK;

/* Account management: VERDICT_LOCKED for a closed account, and for a locked one unless it is
 * exempt; VERDICT_UNENROLLED for one the store does not know; else VERDICT_ACCEPTED with ADMIT_YES.
 * Changes nothing. */
int auth_account(struct store *store, const struct rules *rules, const struct auth_request *request,
                 int64_t now, struct auth_reply *reply, struct err *err) MUST_CHECK;

#endif
