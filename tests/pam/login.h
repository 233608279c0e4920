/* SPDX-License-Identifier: BSD-2-Clause */
/* One login through the built module in the real libpam, with a scripted conversation. */
#ifndef TOTP_TESTS_LOGIN_H
#define TOTP_TESTS_LOGIN_H

#include "host.h"
#include "interpose.h"

#include <security/pam_appl.h>

/* A stack that consists of modules without a say is refused with this code by libpam, and no module
 * here returns it: seen from outside, it is our PAM_IGNORE. */
#define RESULT_IGNORED PAM_PERM_DENIED

#define ANSWERS_MAX 12
#define SAID_SIZE ((size_t)24 * 1024) /* room for two QR codes */

enum conversation {
    ANSWER = 0,   /* one answer a prompt; an empty one when they have run out */
    ANSWER_NULL,  /* success, but no response */
    ANSWER_ERROR, /* the conversation fails */
    NO_TEXT,      /* it fails for PAM_TEXT_INFO, as that of many a screen locker */
};

/* One login: what goes in, and what was seen. */
struct login {
    const char *service; /* NULL: "test" */
    const char *user;
    const char *rhost, *tty;
    const char *answers[ANSWERS_MAX];
    /* In their place, where an answer depends on what was shown; NULL: that of the list. */
    const char *(*answer)(struct login *login);
    enum conversation conversation;
    unsigned break_off; /* at which message, question or text, the conversation fails; 0: none */
    int flags;
    unsigned lines;                        /* that login_expect wants in the log; 0: one */
    void (*before)(void), (*after)(void);  /* around pam_authenticate alone */
    void (*between)(pam_handle_t *handle); /* login_whole: after pam_authenticate */

    int result;
    int reached;      /* login_whole: how many of the three calls were made */
    unsigned prompts; /* questions, hidden or not */
    int style;        /* of the last one */
    char text[256];
    unsigned infos, errors;
    unsigned messages;           /* questions and texts together */
    char message[512];           /* the last text */
    char said[SAID_SIZE];        /* all of them */
    char given[ANSWERS_MAX][64]; /* the answers to the questions */
    unsigned delay;        /* microseconds asked for by pam_fail_delay, which is not waited for */
    bool leaked;           /* an answer, a code or the secret stands in the log */
    const char *forwarded; /* what follows "authtok=", or "" */
    double seconds;
};

/* pam_start_confdir, pam_authenticate, pam_end. */
void login_run(struct login *login);

/* One login with one answer: its result. */
int login_as(const char *user, const char *answer);

/* As login_run, in a process that takes these user ids once libpam has loaded the modules. */
void login_run_as(struct login *login, uid_t real, uid_t effective);

/* As login_run, for whatever management does with the handle. */
void login_manage(struct login *login, int (*management)(pam_handle_t *, int));

/* As login_run, for pam_acct_mgmt. */
void login_account(struct login *login);

/* As login_run, for pam_authenticate, pam_acct_mgmt and pam_setcred in one handle, as long as they
 * succeed: result is the last one's. */
void login_whole(struct login *login);

/* Runs it and tests result, number of prompts, that lines were logged and nothing leaked. */
void login_expect(struct login *login, int result, unsigned prompts, const char *name);

/* How many log lines are there apart from the helper's, and the one that holds text, or "". */
unsigned login_logs(void);
bool login_is_helper(const char *line);
const char *login_log(const char *text);

#endif
