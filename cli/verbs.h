/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs of totpctl and what they share; floor 7. A verb fills a call and has run_ask do it. */
#ifndef TOTP_VERBS_H
#define TOTP_VERBS_H

#include "run.h"

/* A status, or a negative ERR_* with err filled, of which a sentence is made. ERR_USAGE adds the
 * synopsis. */
typedef int verb_fn(struct run *run, struct err *err);

verb_fn verb_add, verb_backup, verb_config, verb_confirm, verb_disable, verb_enable, verb_enroll,
    verb_init, verb_list, verb_lock, verb_log, verb_passwd, verb_qr, verb_recover, verb_remove,
    verb_resync, verb_set, verb_show, verb_stats, verb_unlock, verb_verify;

/* The argument of --since: a time that has been, or how long before now. ERR_USAGE. */
int since_read(const char *text, int64_t now, int64_t *since, struct err *err) MUST_CHECK;

/* Remarks until when, or until whose doing, an account is locked. */
void lock_explain(const struct run *run, int64_t locked_until);

/* What a verdict on a code alone does not tell, as remarks; and the verdict as result, which is the
 * exit status, or a negative ERR_*. */
void verdict_explain(const struct run *run, const char *user, const struct reply *reply);
int verdict_print(const struct run *run, const char *user, const struct outcome *result,
                  struct err *err) MUST_CHECK;

/* Backup tokens of user's, the only time they are seen: one a line, or as "backup_tokens". */
void tokens_show(struct run *run, const char *user, const struct reply_tokens *tokens);
void tokens_put(struct out *out, const struct reply_tokens *tokens);

/* A device whose first code is to come. */
struct first {
    const char *user;
    const char *label;  /* NULL: the only one there is */
    bool mail_tokens;   /* backup tokens are sent, and not shown */
    enum first_source { /* of its code */
                        FIRST_UNKNOWN = 0,
                        FIRST_SHOWN,
                        FIRST_MAILED
    } source;
};

/* Asks for the first code, so often at most, judges it and tells. A status, as of a verb. */
int first_ask(struct run *run, const struct first *first, unsigned tries,
              struct err *err) MUST_CHECK;

/* A device's algorithm, digits, period and, for HOTP, counter. */
void device_put(struct out *out, const struct device *device);

#endif
