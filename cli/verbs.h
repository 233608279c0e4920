/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs of totpctl and what they share; floor 7. */
#ifndef TOTP_VERBS_H
#define TOTP_VERBS_H

#include "args.h"
#include "conf.h"
#include "out.h"
#include "reply.h"
#include "store.h"

/* Exit status, part of the contract. */
enum status {
    STATUS_DONE = 0,
    STATUS_REFUSED = 1,  /* wrong code, not enrolled, a check failed */
    STATUS_USAGE = 2,    /* called wrongly, bad input */
    STATUS_NOBODY = 3,   /* no such user or device */
    STATUS_UNUSABLE = 4, /* store, key or configuration */
    STATUS_LOCKED = 5,
};

#define RUN_NAME_SIZE 257

/* One run of the command. */
struct run {
    struct args args;
    bool json, quiet;
    struct conf conf;
    bool remote;         /* without root: the service is asked */
    bool locked;         /* one's own account, as the service says */
    struct store *store; /* NULL where a verb needs none, and when remote */
    char host[RUN_NAME_SIZE], actor[RUN_NAME_SIZE], tty[RUN_NAME_SIZE];
};

/* A status, or a negative ERR_* with err filled, of which a sentence is made. ERR_USAGE adds the
 * synopsis. */
typedef int verb_fn(struct run *run, struct err *err);

verb_fn verb_add, verb_backup, verb_config, verb_confirm, verb_disable, verb_enable, verb_enroll,
    verb_init, verb_list, verb_lock, verb_log, verb_passwd, verb_qr, verb_remove, verb_set,
    verb_show, verb_unlock, verb_verify;

/* The verb's n-th argument from 1 on, or NULL. */
const char *run_word(const struct run *run, size_t n);

/* The user a verb is about: its n-th argument; without root it may be left out, and is oneself.
 * ERR_USAGE. */
int run_user(const struct run *run, size_t n, const char **user, struct err *err) MUST_CHECK;

/* The device's label: the verb's n-th argument or --device; NULL when neither is given. ERR_USAGE:
 * both are. */
int run_device(const struct run *run, size_t n, const char **label, struct err *err) MUST_CHECK;

/* Asks the use cases: here, or through the service. Who acts, from where and when is filled in, and
 * a code of one's own asked for where the service wants one; *call may be used again. Errors are
 * the use cases'; ERR_REFUSED: that code was not accepted, reply->outcome says why. */
int run_ask(struct run *run, struct call *call, struct reply *reply, struct err *err) MUST_CHECK;

/* The option's argument ("" for one without), or NULL when it is not given. */
const char *run_option(const struct run *run, enum args_option option);

/* The option as a number; *value stays as it is when it is not given. ERR_USAGE. */
int run_number(const struct run *run, enum args_option option, uint64_t min, uint64_t max,
               uint64_t *value, struct err *err) MUST_CHECK;

/* The clock, read once, after everything has been asked. ERR_CLOCK. */
int run_now(int64_t *now, struct err *err) MUST_CHECK;

/* Loads the configuration as the command line and one PAM service (NULL: none) have it. */
int run_load_conf(const struct run *run, const char *service, struct conf *conf,
                  struct err *err) MUST_CHECK;

/* Says something that is no error, unless --quiet. */
#define run_remark(run, ...)          \
    do {                              \
        if (!(run)->quiet)            \
            out_message(__VA_ARGS__); \
    } while (0)

/* Remarks that this host has no such login, or calls it otherwise. */
void run_warn_stranger(const struct run *run, const char *user);

/* What a verdict is as exit status. */
enum status run_verdict(enum verdict verdict);

/* Backup tokens, the only time they are seen: one a line, or as "backup_tokens". */
void tokens_show(const struct run *run, const struct reply_tokens *tokens);
void tokens_put(struct out *out, const struct reply_tokens *tokens);

/* A device's algorithm, digits, period and, for HOTP, counter. */
void device_put(struct out *out, const struct device *device);

#endif
