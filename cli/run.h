/* SPDX-License-Identifier: BSD-2-Clause */
/* One run of totpctl: what it was given, who runs it, whom it asks; floor 6. */
#ifndef TOTP_RUN_H
#define TOTP_RUN_H

#include "args.h"
#include "conf.h"
#include "out.h"
#include "reply.h"
#include "secret.h"
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
    bool unsent;         /* no e-mail of the last call leaves this host; that was said */
    struct store *store; /* NULL where a verb needs none, and when remote */
    char host[RUN_NAME_SIZE], actor[RUN_NAME_SIZE], tty[RUN_NAME_SIZE];
};

/* What a verb needs before it begins. */
enum run_needs { NEEDS_NOTHING, NEEDS_CONF, NEEDS_STORE };

/* Finds out who runs it, and opens what is needed: for whoever owns the keys the store, else the
 * service is to be asked. */
int run_open(struct run *run, enum run_needs needs, struct err *err) MUST_CHECK;

/* For CLEANUP. */
void run_close(struct run *run);

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

/* The user's account, where it can be seen without a code: all of them here, one's own through the
 * service. *known: whether it can. Errors are the use cases'; *known is false then. */
int run_look(struct run *run, const char *user, struct account *account, bool *known,
             struct err *err) MUST_CHECK;

/* Of whom a code is asked, and what the prompt tells. */
enum run_code {
    RUN_CODE = 0,
    RUN_CODE_OFFERED, /* one can be sent: an e-mail device is in use */
    RUN_CODE_OWN,     /* user is who runs this, and the code proves it */
};

/* Asks for a code of user's, as ask_secret does. Whoever answers "email" on a terminal is sent a
 * code, and asked again. One of their own is sent unasked to people who have no other device. */
int run_ask_code(struct run *run, const char *user, enum run_code kind, struct answer *code,
                 struct err *err) MUST_CHECK;

/* ERR_CONFLICT: this host's configuration lets no code be sent to anybody. */
int run_check_mail(const struct run *run, struct err *err) MUST_CHECK;

/* Remarks where the code is, of a reply that has its address. */
void run_explain_sent(const struct run *run, const struct reply *reply);

/* What follows a verb in a command to be typed: " USER", or nothing where that is oneself. */
#define RUN_ARGUMENT_SIZE (RUN_NAME_SIZE + 1)
const char *run_argument(const struct run *run, const char *user,
                         char out[static RUN_ARGUMENT_SIZE]);

/* Without root one word is a user. Where that one is another, a device of one's own may have been
 * meant: err tells how to say so. r: what the service answered, which is the result. */
int run_hint_device(const struct run *run, int r, struct err *err);

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

#endif
