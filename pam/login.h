/* SPDX-License-Identifier: BSD-2-Clause */
/* One call of the module: its configuration, whom it is about, what every question has in common;
 * floor 6. */
#ifndef TOTP_LOGIN_H
#define TOTP_LOGIN_H

#include "conf.h"
#include "conv.h"
#include "group.h"
#include "verify.h"

#include <security/pam_appl.h>

struct login {
    pam_handle_t *pamh;
    bool silent;   /* the person is told nothing */
    bool is_known; /* to the user database */
    struct conf conf;
    struct verify verify;
    struct call call; /* of each question; method and the rest are for the asker */
    char name[ACCOUNT_NAME_SIZE];
    char group[GROUP_NAME_SIZE];
    struct answer password; /* PAM_AUTHTOK, or what was asked for in its place */
    bool has_password;
    struct answer code;
};

/* For CLEANUP. */
void login_clear(struct login *login);

/* Reads the configuration and finds out whom it is about. PAM_SUCCESS, or what to return at once,
 * which has been logged. */
int login_start(struct login *login, pam_handle_t *pamh, int flags, int argc,
                const char **argv) MUST_CHECK;

/* Whether the store's own password is checked with the code. */
bool login_checks_password(const struct login *login);

/* Seconds on a clock that nobody sets. false: it cannot be read. */
bool login_uptime(int64_t *seconds) MUST_CHECK;

/* An item of the handle, or NULL. */
const char *login_item(const struct login *login, int type);

/* Asks the use cases; says in the log why there is no answer. 0 or ERR_*. */
int login_ask(struct login *login, const struct call *call, struct reply *reply) MUST_CHECK;

/* Has the person judged, by CALL_BEGIN or CALL_CHECK, and writes a line in the log unless the reply
 * is a question back. */
int login_judge(struct login *login, enum call_method method, enum auth_shape shape,
                struct reply *reply) MUST_CHECK;

/* The line in the log: what was done, "login" or "enroll"; method NULL: none. */
void login_log(const struct login *login, const char *action, const struct outcome *outcome,
               const char *method);

/* Asks for the code; prompt NULL: as configured. PAM codes of conv_ask. */
int login_ask_code(struct login *login, const char *prompt) MUST_CHECK;

/* What an earlier module has obtained; else, where it is needed, asked for once. */
int login_get_password(struct login *login, bool needed) MUST_CHECK;

/* Hands the first length bytes of the password on to the modules that follow, under
 * password=forward; whatever the verdict: what they answer must not tell a wrong code from a wrong
 * password. */
int login_forward(const struct login *login, size_t length) MUST_CHECK;

#endif
