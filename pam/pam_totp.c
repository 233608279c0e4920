/* SPDX-License-Identifier: BSD-2-Clause */
/* The module: reads the configuration, talks to the person, asks the use case, translates the
 * answer. It decides nothing; what it must never do in its host's process is listed in
 * CONTRIBUTING.md. */
#include "config.h"

#include "auth.h"
#include "conf.h"
#include "conv.h"
#include "keys.h"
#include "store.h"
#include "text.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

/* Linux-PAM declares the entry points; -fvisibility=hidden must not reach them. */
#pragma GCC visibility push(default)
#include <security/pam_modules.h>
#pragma GCC visibility pop
#include <security/pam_ext.h>
#include <security/pam_modutil.h>

#define COMBINED_PROMPT "Password and one-time code: "
#define MESSAGE_SIZE 256
#define TOKENS_DATUM "totp_tokens_left"

/* One call of the module. */
struct login {
    pam_handle_t *pamh;
    bool silent;
    const char *user;
    struct event_origin origin;
    struct conf conf;
    struct answer password; /* PAM_AUTHTOK, or what was asked for in its place */
    bool has_password;
    struct answer code;
    int64_t own_lock; /* brought by the first of two answers */
};

static void login_clear(struct login *login)
{
    answer_clear(&login->password);
    answer_clear(&login->code);
}

static void log_err(const struct login *login, const char *what, const struct err *err)
{
    char text[ERR_WHERE_SIZE + ERR_WHAT_SIZE + 4] = "", line[1024] = "";

    err_format(err, text, sizeof(text));
    text_escape(line, sizeof(line), text);
    pam_syslog(login->pamh, LOG_ERR, "%s: %s", what, line);
}

static const char *item(pam_handle_t *pamh, int type)
{
    const void *value = NULL;

    return pam_get_item(pamh, type, &value) == PAM_SUCCESS ? value : NULL;
}

/* PAM_SUCCESS, or what to return at once. */
static int start(pam_handle_t *pamh, int flags, int argc, const char **argv, struct login *login)
{
    struct err err = {0};

    login->pamh = pamh;
    login->origin = (struct event_origin){.service = item(pamh, PAM_SERVICE),
                                          .rhost = item(pamh, PAM_RHOST),
                                          .tty = item(pamh, PAM_TTY)};
    if (conf_load(&login->conf, login->origin.service, argc, argv, &err) != 0) {
        if (err.where[0] == '\0')
            text_cut(err.where, sizeof(err.where), "the line in /etc/pam.d");
        log_err(login, "unavailable, the configuration is refused", &err);
        return PAM_AUTHINFO_UNAVAIL;
    }
    login->silent = ((unsigned)flags & PAM_SILENT) != 0 || login->conf.quiet;
    int r = pam_get_user(pamh, &login->user, NULL);
    if (r == PAM_CONV_AGAIN)
        return PAM_INCOMPLETE;
    if (r != PAM_SUCCESS || login->user == NULL) {
        pam_syslog(pamh, LOG_ERR, "unavailable, the application names no user");
        return r == PAM_SUCCESS ? PAM_USER_UNKNOWN : PAM_CONV_ERR;
    }
    /* Where the user database knows a person by other spellings (of case, or with a realm), the
     * store knows one. */
    const struct passwd *known = pam_modutil_getpwnam(pamh, login->user);
    if (known != NULL)
        login->user = known->pw_name;
    return PAM_SUCCESS;
}

/* A question to the use cases, with store and keys open for just that long. */
typedef int question_fn(struct store *store, const struct policy_rules *rules,
                        const struct auth_request *request, int64_t now, struct auth_reply *reply,
                        struct err *err);

static int account_question(struct store *store, const struct policy_rules *rules,
                            const struct auth_request *request, int64_t now,
                            struct auth_reply *reply, struct err *err)
{
    return auth_account(store, rules, request->user, now, reply, err);
}

static int ask_store(const struct login *login, question_fn *question,
                     const struct auth_request *request, struct auth_reply *reply)
{
    struct seal_ring ring CLEANUP(seal_ring_clear) = {0};
    struct store *store CLEANUP(store_close) = NULL;
    struct timespec now = {0};
    struct err err = {0};

    *reply = (struct auth_reply){0};
    /* Once, and after the person has answered: a code is judged by the time it arrived. */
    int r = clock_gettime(CLOCK_REALTIME, &now) == 0 ? 0 : err_set(&err, ERR_CLOCK, NULL, NULL);
    if (r == 0)
        r = keys_load(login->conf.key_file, &ring, &err);
    if (r == 0)
        r = store_open(login->conf.store, &ring, false, NULL, &store, &err);
    if (r == 0)
        r = question(store, &login->conf.rules, request, now.tv_sec, reply, &err);
    if (r != 0) {
        *reply = (struct auth_reply){0};
        log_err(login, "unavailable", &err);
        return r;
    }
    if (login->conf.debug)
        pam_syslog(login->pamh, LOG_DEBUG,
                   "debug: %s: failures %u, backup tokens left %u, locked %s",
                   reply->ask ? "a code must be asked for" : verdict_name(reply->result.verdict),
                   reply->result.failures, reply->result.tokens_left,
                   reply->result.locked_until != 0 ? "yes" : "no");
    return 0;
}

/* As ask_store, and one line in the log for what was judged. */
static int judge(const struct login *login, question_fn *question, enum auth_shape shape,
                 struct auth_reply *reply)
{
    char line[4096] = "";
    const bool combined = shape != AUTH_CODE;
    const struct auth_request request = {.user = login->user,
                                         .origin = login->origin,
                                         .shape = shape,
                                         .password =
                                             login->has_password ? login->password.text : NULL,
                                         .code = combined ? NULL : login->code.text,
                                         .own_lock = login->own_lock,
                                         .check_password = login->conf.mode != MODE_PROMPT &&
                                                           login->conf.password == PASSWORD_STORE};

    int r = ask_store(login, question, &request, reply);
    if (r != 0 || reply->ask)
        return r;
    event_format(&reply->event, line, sizeof(line));
    pam_syslog(login->pamh, reply->result.admit == ADMIT_NO ? LOG_NOTICE : LOG_INFO, "%s", line);
    return 0;
}

/* --- answers ---------------------------------------------------------------------------------- */

static void tell_lock(const struct login *login, int64_t until)
{
    char when[TEXT_TIME_SIZE] = "", text[MESSAGE_SIZE] = "";

    if (until >= ACCOUNT_LOCKED_FOR_EVER) {
        conv_tell(login->pamh, PAM_ERROR_MSG,
                  "This account is locked. Ask an administrator to unlock it.");
        return;
    }
    text_format_time(until, when);
    snprintf(text, sizeof(text),
             "This account is locked after too many wrong codes. Try again after %.10s %.8s UTC.",
             when, when + 11);
    conv_tell(login->pamh, PAM_ERROR_MSG, text);
}

static void tell_tokens(pam_handle_t *pamh, unsigned left)
{
    char text[MESSAGE_SIZE] = "";

    snprintf(text, sizeof(text), "You have used a backup token. %u %s left.", left,
             left == 1 ? "is" : "are");
    conv_tell(pamh, PAM_TEXT_INFO, text);
}

/* Where the password is still to be checked by another module, that a token was right must not be
 * told before: it is kept for account management or setcred. The datum is the number itself, one
 * more so that none is not NULL. */
static void keep_tokens(const struct login *login, unsigned left)
{
    (void)pam_set_data(login->pamh, TOKENS_DATUM, (void *)((uintptr_t)left + 1), NULL);
}

static void tell_kept_tokens(pam_handle_t *pamh)
{
    const void *datum = NULL;

    if (pam_get_data(pamh, TOKENS_DATUM, &datum) != PAM_SUCCESS || datum == NULL)
        return;
    (void)pam_set_data(pamh, TOKENS_DATUM, NULL, NULL);
    tell_tokens(pamh, (unsigned)((uintptr_t)datum - 1));
}

static void tell(const struct login *login, const struct outcome *result)
{
    if (login->silent)
        return;
    if (result->verdict == VERDICT_LOCKED)
        tell_lock(login, result->locked_until);
    else if (result->admit != ADMIT_YES || result->method != METHOD_BACKUP)
        return;
    else if (login->conf.mode != MODE_PROMPT && login->conf.password == PASSWORD_FORWARD)
        keep_tokens(login, result->tokens_left);
    else
        tell_tokens(login->pamh, result->tokens_left);
}

/* Success has one way here, and PAM_SUCCESS being 0 none by accident. */
static int pam_code(const struct outcome *result)
{
    switch (result->admit) {
    case ADMIT_YES:
        return PAM_SUCCESS;
    case ADMIT_IGNORE:
        return PAM_IGNORE;
    case ADMIT_NO:
        break;
    }
    return result->verdict == VERDICT_LOCKED ? PAM_MAXTRIES : PAM_AUTH_ERR;
}

static int answer(const struct login *login, const struct auth_reply *reply)
{
    tell(login, &reply->result);
    return pam_code(&reply->result);
}

/* --- the three modes -------------------------------------------------------------------------- */

static int ask_code(struct login *login)
{
    return conv_ask(login->pamh, login->conf.echo, login->conf.prompt, &login->code);
}

/* What an earlier module has obtained; else, where the mode needs a password, asked for once. */
static int get_password(struct login *login, bool needed)
{
    const char *authtok = item(login->pamh, PAM_AUTHTOK);
    int r = PAM_SUCCESS;

    if (authtok != NULL) {
        conv_keep(authtok, &login->password);
    } else if (needed) {
        const bool own = strcmp(login->conf.prompt, CONF_DEFAULT_PROMPT) != 0;
        r = conv_ask(login->pamh, login->conf.echo, own ? login->conf.prompt : COMBINED_PROMPT,
                     &login->password);
    }
    login->has_password = r == PAM_SUCCESS && (authtok != NULL || needed);
    return r;
}

/* Hands the password without the code to the modules that follow, whatever the verdict: what they
 * answer must not tell a wrong code from a wrong password. */
static int forward(struct login *login, const struct auth_reply *reply)
{
    struct answer password CLEANUP(answer_clear) = {0};

    if (login->conf.password != PASSWORD_FORWARD || !login->has_password)
        return PAM_SUCCESS;
    if (answer_set_bytes(&password, login->password.text, reply->password_length) != 0)
        return PAM_BUF_ERR;
    return pam_set_item(login->pamh, PAM_AUTHTOK, password.text);
}

static int by_prompt(struct login *login)
{
    struct auth_reply reply = {0};

    int r = ask_code(login);
    if (r != PAM_SUCCESS)
        return r;
    if (judge(login, auth_check, AUTH_CODE, &reply) != 0)
        return PAM_AUTHINFO_UNAVAIL;
    return answer(login, &reply);
}

static int by_combined(struct login *login)
{
    struct auth_reply reply = {0};

    int r = get_password(login, true);
    if (r != PAM_SUCCESS)
        return r;
    if (judge(login, auth_check, AUTH_COMBINED, &reply) != 0)
        return PAM_AUTHINFO_UNAVAIL;
    r = forward(login, &reply);
    return r == PAM_SUCCESS ? answer(login, &reply) : r;
}

static int by_auto(struct login *login)
{
    struct auth_reply reply = {0};

    int r = get_password(login, login->conf.password == PASSWORD_STORE);
    if (r != PAM_SUCCESS)
        return r;
    if (login->has_password) {
        if (judge(login, auth_check, AUTH_TAIL, &reply) != 0)
            return PAM_AUTHINFO_UNAVAIL;
        if (!reply.ask && reply.result.admit != ADMIT_NO) {
            r = forward(login, &reply);
            return r == PAM_SUCCESS ? answer(login, &reply) : r;
        }
        /* Digits at the end of a password, taken for a wrong code, must not keep its owner out. */
        if (reply.result.verdict != VERDICT_LOCKED)
            login->own_lock = reply.result.locked_until;
    }
    return by_prompt(login);
}

/* Under unenrolled=ignore|permit an account without a device is not asked. */
static int authenticate(struct login *login)
{
    struct auth_reply reply = {0};

    if (login->conf.rules.unenrolled != UNENROLLED_DENY) {
        if (judge(login, auth_begin, AUTH_CODE, &reply) != 0)
            return PAM_AUTHINFO_UNAVAIL;
        if (!reply.ask)
            return answer(login, &reply);
    }
    switch (login->conf.mode) {
    case MODE_PROMPT:
        return by_prompt(login);
    case MODE_COMBINED:
        return by_combined(login);
    case MODE_AUTO:
        return by_auto(login);
    }
    return PAM_AUTHINFO_UNAVAIL;
}

/* --- entry points ----------------------------------------------------------------------------- */

int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct login login CLEANUP(login_clear) = {0};

    int r = start(pamh, flags, argc, argv, &login);
    if (r != PAM_SUCCESS)
        return r;
    /* In a handle used twice it may be somebody else's. */
    (void)pam_set_data(pamh, TOKENS_DATUM, NULL, NULL);
    r = authenticate(&login);
    if (r != PAM_SUCCESS && r != PAM_IGNORE && login.conf.fail_delay > 0)
        (void)pam_fail_delay(pamh, (unsigned)login.conf.fail_delay * 1000000U);
    return r;
}

int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct login login CLEANUP(login_clear) = {0};
    struct auth_reply reply = {0};

    int r = start(pamh, flags, argc, argv, &login);
    if (r != PAM_SUCCESS)
        return r;
    const struct auth_request request = {.user = login.user, .origin = login.origin};
    if (ask_store(&login, account_question, &request, &reply) != 0)
        return PAM_AUTHINFO_UNAVAIL;
    if (reply.result.verdict == VERDICT_UNENROLLED)
        return PAM_IGNORE;
    if (reply.result.admit == ADMIT_YES) {
        if (!login.silent)
            tell_kept_tokens(pamh);
        return PAM_SUCCESS;
    }
    pam_syslog(pamh, LOG_NOTICE, "account refused: it is closed or locked");
    tell(&login, &reply.result);
    return PAM_PERM_DENIED;
}

int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)argc, (void)argv;
    if (((unsigned)flags & PAM_SILENT) == 0)
        tell_kept_tokens(pamh);
    return PAM_SUCCESS;
}

int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh, (void)flags, (void)argc, (void)argv;
    return PAM_IGNORE;
}

int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh, (void)flags, (void)argc, (void)argv;
    return PAM_IGNORE;
}
