/* SPDX-License-Identifier: BSD-2-Clause */
/* The module: reads the configuration, talks to the person, asks the use case, translates the
 * answer. It decides nothing; what it must never do in its host's process is listed in
 * CONTRIBUTING.md. */
#include "config.h"

#include "conf.h"
#include "conv.h"
#include "text.h"
#include "verify.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

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
    struct conf conf;
    struct verify verify;
    struct call call;       /* what every question has in common */
    struct answer password; /* PAM_AUTHTOK, or what was asked for in its place */
    bool has_password;
    struct answer code;
};

static void login_clear(struct login *login)
{
    verify_clear(&login->verify);
    answer_clear(&login->password);
    answer_clear(&login->code);
}

static const char *item(pam_handle_t *pamh, int type)
{
    const void *value = NULL;

    return pam_get_item(pamh, type, &value) == PAM_SUCCESS ? value : NULL;
}

/* The service judges by its own configuration; root's line in /etc/pam.d stands above that, unless
 * it names another file. More words than fit are no call, and are judged here. */
static void keep_options(struct login *login, int argc, const char **argv)
{
    struct field_texts *options = &login->call.options;

    for (int i = 0; i < argc && geteuid() == 0; i++)
        if (strncmp(argv[i], "config=", 7) != 0) {
            if (options->count == FIELD_TEXTS_MAX)
                login->conf.socket[0] = '\0';
            else
                options->text[options->count++] = argv[i];
        }
}

static int load_conf(struct login *login, int argc, const char **argv)
{
    struct err err = {0};

    if (conf_load(&login->conf, login->call.service, argc, argv, &err) == 0)
        return PAM_SUCCESS;
    if (err.where[0] == '\0')
        text_cut(err.where, sizeof(err.where), "the line in /etc/pam.d");
    verify_log_err(login->pamh, "unavailable, the configuration is refused", &err);
    return PAM_AUTHINFO_UNAVAIL;
}

static int find_user(struct login *login)
{
    int r = pam_get_user(login->pamh, &login->call.user, NULL);

    if (r == PAM_CONV_AGAIN)
        return PAM_INCOMPLETE;
    if (r != PAM_SUCCESS || login->call.user == NULL) {
        pam_syslog(login->pamh, LOG_ERR, "unavailable, the application names no user");
        return r == PAM_SUCCESS ? PAM_USER_UNKNOWN : PAM_CONV_ERR;
    }
    /* Where the user database knows a person by other spellings (of case, or with a realm), the
     * store knows one. */
    const struct passwd *known = pam_modutil_getpwnam(login->pamh, login->call.user);
    if (known != NULL)
        login->call.user = known->pw_name;
    return PAM_SUCCESS;
}

/* PAM_SUCCESS, or what to return at once. */
static int start(pam_handle_t *pamh, int flags, int argc, const char **argv, struct login *login)
{
    login->pamh = pamh;
    login->call.service = item(pamh, PAM_SERVICE);
    login->call.rhost = item(pamh, PAM_RHOST);
    login->call.tty = item(pamh, PAM_TTY);
    int r = load_conf(login, argc, argv);
    if (r != PAM_SUCCESS)
        return r;
    login->verify = (struct verify){.pamh = pamh, .conf = &login->conf};
    login->silent = ((unsigned)flags & PAM_SILENT) != 0 || login->conf.quiet;
    login->call.config = login->conf.file;
    login->call.store = login->conf.store;
    login->call.key_file = login->conf.key_file;
    keep_options(login, argc, argv);
    return find_user(login);
}

static int ask(struct login *login, const struct call *call, struct reply *reply)
{
    int r = verify_ask(&login->verify, call, reply);

    if (r == 0 && login->conf.debug)
        pam_syslog(login->pamh, LOG_DEBUG,
                   "debug: %s: failures %u, backup tokens left %u, locked %s",
                   reply->ask ? "a code must be asked for" : verdict_name(reply->outcome.verdict),
                   reply->outcome.failures, reply->outcome.tokens_left,
                   reply->outcome.locked_until != 0 ? "yes" : "no");
    return r;
}

static void log_outcome(const struct login *login, const struct reply *reply)
{
    const struct call *call = &login->call;
    const struct event_origin origin = {
        .service = call->service, .rhost = call->rhost, .tty = call->tty};
    struct event event;
    char line[4096] = "";

    event_init(&event, 0, "login", call->user, &origin);
    text_cut(event.verdict, sizeof(event.verdict), verdict_name(reply->outcome.verdict));
    text_cut(event.method, sizeof(event.method), reply->recorded);
    text_cut(event.device, sizeof(event.device), reply->outcome.device);
    event_format(&event, line, sizeof(line));
    pam_syslog(login->pamh, reply->outcome.admit == ADMIT_NO ? LOG_NOTICE : LOG_INFO, "%s", line);
}

/* Asks, and writes one line in the log for what was judged. */
static int judge(struct login *login, enum call_method method, enum auth_shape shape,
                 struct reply *reply)
{
    struct call call = login->call;

    call.method = method;
    call.shape = shape;
    call.password = login->has_password ? login->password.text : NULL;
    call.code = shape == AUTH_CODE && method == CALL_CHECK ? login->code.text : NULL;
    call.check_password = login->conf.mode != MODE_PROMPT && login->conf.password == PASSWORD_STORE;
    int r = ask(login, &call, reply);
    if (r == 0 && !reply->ask)
        log_outcome(login, reply);
    return r;
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

static int answer(const struct login *login, const struct reply *reply)
{
    tell(login, &reply->outcome);
    return pam_code(&reply->outcome);
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
static int forward(struct login *login, const struct reply *reply)
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
    struct reply reply = {0};

    int r = ask_code(login);
    if (r != PAM_SUCCESS)
        return r;
    if (judge(login, CALL_CHECK, AUTH_CODE, &reply) != 0)
        return PAM_AUTHINFO_UNAVAIL;
    return answer(login, &reply);
}

static int by_combined(struct login *login)
{
    struct reply reply = {0};

    int r = get_password(login, true);
    if (r != PAM_SUCCESS)
        return r;
    if (judge(login, CALL_CHECK, AUTH_COMBINED, &reply) != 0)
        return PAM_AUTHINFO_UNAVAIL;
    r = forward(login, &reply);
    return r == PAM_SUCCESS ? answer(login, &reply) : r;
}

static int by_auto(struct login *login)
{
    struct reply reply = {0};

    int r = get_password(login, login->conf.password == PASSWORD_STORE);
    if (r != PAM_SUCCESS)
        return r;
    if (login->has_password) {
        if (judge(login, CALL_CHECK, AUTH_TAIL, &reply) != 0)
            return PAM_AUTHINFO_UNAVAIL;
        if (!reply.ask && reply.outcome.admit != ADMIT_NO) {
            r = forward(login, &reply);
            return r == PAM_SUCCESS ? answer(login, &reply) : r;
        }
        /* Digits at the end of a password, taken for a wrong code, must not keep its owner out. */
        if (reply.outcome.verdict != VERDICT_LOCKED)
            login->call.own_lock = reply.outcome.locked_until;
    }
    return by_prompt(login);
}

/* Under unenrolled=ignore|permit an account without a device is not asked. */
static int authenticate(struct login *login)
{
    struct reply reply = {0};

    if (login->conf.rules.unenrolled != UNENROLLED_DENY) {
        if (judge(login, CALL_BEGIN, AUTH_CODE, &reply) != 0)
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
    struct reply reply = {0};

    int r = start(pamh, flags, argc, argv, &login);
    if (r != PAM_SUCCESS)
        return r;
    login.call.method = CALL_ACCOUNT;
    if (ask(&login, &login.call, &reply) != 0)
        return PAM_AUTHINFO_UNAVAIL;
    if (reply.outcome.verdict == VERDICT_UNENROLLED)
        return PAM_IGNORE;
    if (reply.outcome.admit == ADMIT_YES) {
        if (!login.silent)
            tell_kept_tokens(pamh);
        return PAM_SUCCESS;
    }
    pam_syslog(pamh, LOG_NOTICE, "account refused: it is closed or locked");
    tell(&login, &reply.outcome);
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
