/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "login.h"

#include "language.h"
#include "text.h"

#include <errno.h>
#include <pwd.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define RECORD_SIZE ((size_t)1024) /* where to begin */
#define RECORD_SIZE_MAX ((size_t)1024 * 1024)
#define COMBINED_PROMPT N_("Password and one-time code: ")

void login_clear(struct login *login)
{
    verify_clear(&login->verify);
    answer_clear(&login->password);
    answer_clear(&login->code);
}

bool login_checks_password(const struct login *login)
{
    return login->conf.mode != MODE_PROMPT && login->conf.password == PASSWORD_STORE;
}

bool login_uptime(int64_t *seconds)
{
    struct timespec now = {0};

    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return false;
    *seconds = now.tv_sec;
    return true;
}

const char *login_item(const struct login *login, int type)
{
    const void *value = NULL;

    return pam_get_item(login->pamh, type, &value) == PAM_SUCCESS ? value : NULL;
}

/* --- starting --------------------------------------------------------------------------------- */

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

static void free_room(char **room)
{
    free(*room);
}

/* The name as the user database spells it. Not by pam_modutil_getpwnam, which without memory tries
 * two thousand million times. */
static bool find_name(const char *typed, char name[static ACCOUNT_NAME_SIZE])
{
    for (size_t size = RECORD_SIZE; size <= RECORD_SIZE_MAX; size *= 2) {
        char *room CLEANUP(free_room) = malloc(size);
        struct passwd record, *known = NULL;
        int error = EINTR;
        if (room == NULL)
            return false;
        while (error == EINTR)
            error = getpwnam_r(typed, &record, room, size, &known);
        if (error != ERANGE)
            return error == 0 && known != NULL &&
                   text_copy(name, ACCOUNT_NAME_SIZE, known->pw_name) == 0;
    }
    return false;
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
    login->is_known = find_name(login->call.user, login->name);
    if (login->is_known)
        login->call.user = login->name;
    return PAM_SUCCESS;
}

int login_start(struct login *login, pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    login->pamh = pamh;
    login->call.service = login_item(login, PAM_SERVICE);
    login->call.rhost = login_item(login, PAM_RHOST);
    login->call.tty = login_item(login, PAM_TTY);
    login->call.ruser = login_item(login, PAM_RUSER);
    int r = load_conf(login, argc, argv);
    if (r != PAM_SUCCESS)
        return r;
    login->verify = (struct verify){.pamh = pamh, .conf = &login->conf};
    login->silent = ((unsigned)flags & PAM_SILENT) != 0 || login->conf.quiet;
    login->call.config = login->conf.file;
    login->call.store = login->conf.store;
    login->call.key_file = login->conf.key_file;
    keep_options(login, argc, argv);
    r = find_user(login);
    if (r != PAM_SUCCESS)
        return r;
    group_find(login->conf.exempt_groups, login->call.user, login->group);
    login->call.group = login->group[0] != '\0' ? login->group : NULL;
    return PAM_SUCCESS;
}

/* --- asking the use cases --------------------------------------------------------------------- */

static void explain(const struct login *login, const struct reply *reply)
{
    char line[4 * EVENT_TEXT_SIZE] = "";

    if (!login->conf.debug)
        return;
    pam_syslog(login->pamh, LOG_DEBUG, "debug: %s: failures %u, backup tokens left %u, locked %s",
               reply->ask ? "a code must be asked for" : verdict_name(reply->outcome.verdict),
               reply->outcome.failures, reply->outcome.tokens_left,
               reply->outcome.locked_until != 0 ? "yes" : "no");
    if (reply->explanation[0] == '\0')
        return;
    /* What is in it is escaped already; quotation marks around it are meant. */
    const bool plain = text_is_printable(reply->explanation, strlen(reply->explanation));
    if (!plain)
        text_escape(line, sizeof(line), reply->explanation);
    pam_syslog(login->pamh, LOG_DEBUG, "debug: %s", plain ? reply->explanation : line);
}

int login_ask(struct login *login, const struct call *call, struct reply *reply)
{
    int r = verify_ask(&login->verify, call, reply);

    if (r == 0 && call->method != CALL_SEND) /* which has no verdict */
        explain(login, reply);
    return r;
}

void login_log(const struct login *login, const char *action, const struct outcome *outcome,
               const char *method)
{
    const struct call *call = &login->call;
    const struct event_origin origin = {
        .service = call->service, .rhost = call->rhost, .tty = call->tty};
    struct event event;
    char line[4096] = "";

    event_init(&event, 0, login->conf.audit_only ? "audit" : action, call->user, &origin);
    text_cut(event.verdict, sizeof(event.verdict), verdict_name(outcome->verdict));
    text_cut(event.method, sizeof(event.method), method);
    text_cut(event.device, sizeof(event.device), outcome->device);
    event_format(&event, line, sizeof(line));
    pam_syslog(login->pamh, outcome->admit == ADMIT_NO ? LOG_NOTICE : LOG_INFO, "%s", line);
}

int login_judge(struct login *login, enum call_method method, enum auth_shape shape,
                struct reply *reply)
{
    struct call call = login->call;

    call.method = method;
    call.shape = shape;
    call.password = login->has_password ? login->password.text : NULL;
    call.code = shape == AUTH_CODE && method == CALL_CHECK ? login->code.text : NULL;
    call.check_password = login_checks_password(login);
    int r = login_ask(login, &call, reply);
    if (r == 0 && !reply->ask && !reply->enroll)
        login_log(login, "login", &reply->outcome, reply->recorded);
    return r;
}

/* --- asking the person ------------------------------------------------------------------------ */

/* The prompt that is the program's own is translated, an administrator's is theirs. */
int login_ask_code(struct login *login, const char *prompt)
{
    const char *text = login->conf.prompt;

    if (prompt != NULL)
        text = prompt;
    else if (strcmp(text, CONF_DEFAULT_PROMPT) == 0)
        text = _(CONF_DEFAULT_PROMPT);
    answer_clear(&login->code);
    return conv_ask(login->pamh, login->conf.echo, text, &login->code);
}

int login_get_password(struct login *login, bool needed)
{
    const char *authtok = login_item(login, PAM_AUTHTOK);
    int r = PAM_SUCCESS;

    if (authtok != NULL) {
        conv_keep(authtok, &login->password);
    } else if (needed) {
        const bool own = strcmp(login->conf.prompt, CONF_DEFAULT_PROMPT) != 0;
        r = conv_ask(login->pamh, login->conf.echo, own ? login->conf.prompt : _(COMBINED_PROMPT),
                     &login->password);
    }
    login->has_password = r == PAM_SUCCESS && (authtok != NULL || needed);
    return r;
}

int login_forward(const struct login *login, size_t length)
{
    struct answer password CLEANUP(answer_clear) = {0};

    if (login->conf.password != PASSWORD_FORWARD || !login->has_password)
        return PAM_SUCCESS;
    if (answer_set_bytes(&password, login->password.text, length) != 0)
        return PAM_BUF_ERR;
    return pam_set_item(login->pamh, PAM_AUTHTOK, password.text);
}
