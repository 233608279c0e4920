/* SPDX-License-Identifier: BSD-2-Clause */
/* Use case: a person's device shows its first code; floor 5. One transaction with its event. */
#ifndef TOTP_CONFIRM_H
#define TOTP_CONFIRM_H

#include "conf.h"
#include "event.h"
#include "outcome.h"
#include "reply.h"
#include "store.h"

struct enroll_code {
    const char *user, *label, *code;
    struct event_origin origin;
    bool guarded;      /* wrong codes count, and a closed or locked account is refused */
    bool trial;        /* judged; the right one changes nothing */
    bool mail_tokens;  /* backup tokens that come with it are sent to the account's address */
    bool at_login;     /* of a login that enrols: of its own device alone, and locks hold */
    int64_t device_id; /* with at_login: which device; 0: any */
};

/* Judges the first code of the pending device (label NULL: the only pending one, else ERR_CONFLICT)
 * and activates it. A device that a login has made is that login's alone to confirm: without
 * first->at_login it is none, with it no other is; ERR_CONFLICT where that login's time is over,
 * since the account has got another device or a role, or is switched off. The account's first
 * device comes with conf->backup_tokens new tokens, and others that are pending go; ERR_CONFLICT
 * where they are to be mailed to an account that has no address. result->verdict
 * is VERDICT_ACCEPTED only after the commit. */
int enroll_confirm(struct store *store, const struct conf *conf, const struct enroll_code *first,
                   int64_t now, struct outcome *result, struct reply_tokens *tokens,
                   struct err *err) MUST_CHECK;

#endif
