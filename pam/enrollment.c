/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "enrollment.h"

#include "encoding.h"
#include "language.h"
#include "tell.h"
#include "text.h"
#include "uri.h"

#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>
#include <unistd.h>

#define DATUM "totp_enrollment"
#define TRIES 3
/* For the modules that follow. An application that tries again in the same handle, by a way that
 * goes past this module, must not find what an earlier person has left. */
#define DUE_SECONDS (3 * 60)
#define DRAWING_SIZE ((size_t)64 * 1024)
#define MESSAGE_SIZE (DRAWING_SIZE + 2048)
#define GROUPED_SIZE (ENCODING_BASE32_SIZE(SECRET_BYTES_MAX) * 5 / 4 + 1)

/* What authentication leaves for account management. */
struct enrollment {
    char user[ACCOUNT_NAME_SIZE];
    int64_t device; /* pending, its first code has been tried; 0: it is active, tokens are owed */
    int64_t when;   /* login_uptime */
    struct answer code;
};

/* --- what is kept in the handle --------------------------------------------------------------- */

static void release(pam_handle_t *pamh, void *data, int error)
{
    (void)pamh, (void)error;
    if (data != NULL)
        secret_wipe(data, sizeof(struct enrollment));
    free(data);
}

/* What an earlier call has left in the handle is released by libpam. */
static int keep(const struct login *login, int64_t device, const struct answer *code)
{
    struct enrollment *made = calloc(1, sizeof(*made));

    if (made == NULL || !login_uptime(&made->when)) {
        free(made);
        return PAM_BUF_ERR;
    }
    text_cut(made->user, sizeof(made->user), login->call.user);
    made->device = device;
    if (code != NULL)
        made->code = *code;
    int r = pam_set_data(login->pamh, DATUM, made, release);
    if (r != PAM_SUCCESS)
        release(login->pamh, made, 0);
    return r;
}

void enrollment_owe_tokens(const struct login *login)
{
    if (keep(login, 0, NULL) != PAM_SUCCESS)
        pam_syslog(login->pamh, LOG_ERR, "backup tokens are not made, for want of memory");
}

void enrollment_forget(pam_handle_t *pamh)
{
    (void)pam_set_data(pamh, DATUM, NULL, NULL);
}

static const struct enrollment *find(pam_handle_t *pamh)
{
    const void *data = NULL;

    return pam_get_data(pamh, DATUM, &data) == PAM_SUCCESS ? data : NULL;
}

bool enrollment_is_due(pam_handle_t *pamh)
{
    return find(pamh) != NULL;
}

/* --- what is shown ---------------------------------------------------------------------------- */

static void clear_text(char **text)
{
    if (*text != NULL)
        secret_wipe(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

/* In groups of four, as it is typed. */
static int format_secret(const struct secret *secret, char out[static GROUPED_SIZE])
{
    char plain[ENCODING_BASE32_SIZE(SECRET_BYTES_MAX)] = "";
    size_t used = 0;

    int r = encoding_base32(secret->bytes, secret->length, plain, sizeof(plain));
    for (size_t i = 0; r == 0 && plain[i] != '\0'; i++) {
        if (i > 0 && i % 4 == 0)
            out[used++] = ' ';
        out[used++] = plain[i];
    }
    out[used] = '\0';
    secret_wipe(plain, sizeof(plain));
    return r;
}

/* The QR code, or nothing where it cannot be drawn: there is the secret to type. */
static void draw(struct login *login, const char *uri, char *out, size_t size)
{
    out[0] = '\0';
    if (login->conf.enroll_qr != ENROLL_QR_NONE)
        verify_draw(&login->verify, uri, login->conf.enroll_qr, out, size);
    const size_t length = strlen(out);
    if (length > 0)
        out[length - 1] = '\0'; /* whoever shows it ends the line */
}

/* In one message that begins with a line of text: clients put something of their own before the
 * first line, and nothing must come between the others. The QR code comes last: so it is whole on a
 * screen of 24 lines, with the question below it. */
static int show_device(struct login *login, const struct reply_device *device)
{
    char *drawing CLEANUP(clear_text) = calloc(1, DRAWING_SIZE);
    char *text CLEANUP(clear_text) = calloc(1, MESSAGE_SIZE);
    char secret[GROUPED_SIZE] = "";
    char uri[URI_SIZE] = "";
    struct uri_key key CLEANUP(uri_clear) = {0};

    if (drawing == NULL || text == NULL || uri_parse(device->uri, &key, NULL) != 0 ||
        uri_format_brief(&key, uri, sizeof(uri)) != 0 ||
        format_secret(&device->device.secret, secret) != 0)
        return PAM_BUF_ERR;
    draw(login, uri, drawing, DRAWING_SIZE);
    snprintf(text, MESSAGE_SIZE, "%s\n%s\n\n  %s\n  %s\n%s%s",
             _("This login takes a one-time code from now on. Set up an authenticator app:"),
             drawing[0] != '\0'
                 ? _("Scan this QR code with it, or type the secret and account into it.")
                 : _("Type this secret and this account into it."),
             secret, key.account, drawing[0] != '\0' ? "\n" : "", drawing);
    secret_wipe(uri, sizeof(uri));
    secret_wipe(secret, sizeof(secret));
    return tell_text(login, PAM_TEXT_INFO, text);
}

static void ask_whether_kept(struct login *login)
{
    for (int i = 0; i < TRIES; i++) {
        struct answer answer CLEANUP(answer_clear) = {0};
        if (conv_ask(login->pamh, true, _("Type yes when you have kept them: "), &answer) !=
            PAM_SUCCESS)
            return;
        if (strcasecmp(answer.text, "yes") == 0 || strcasecmp(answer.text, _("yes")) == 0)
            return;
    }
}

/* The login goes on whatever becomes of it: the device is active, and new tokens can be had. */
static void show_tokens(struct login *login, const struct reply_tokens *tokens)
{
    char list[ACCOUNT_TOKENS_MAX * (CODE_TOKEN_SIZE + 2) + 1] = "";
    char text[sizeof(list) + 256] = "";
    size_t used = 0;

    if (tokens->count == 0)
        return;
    for (size_t i = 0; i < tokens->count; i++)
        used += (size_t)snprintf(list + used, sizeof(list) - used, "  %s\n", tokens->text[i]);
    snprintf(
        text, sizeof(text), "%s\n\n%s",
        _("These are backup tokens. Each lets you in once when the device is not at hand. They "
          "are shown now and never again: keep them in a safe place."),
        list);
    if (tell_text(login, PAM_TEXT_INFO, text) == PAM_SUCCESS)
        ask_whether_kept(login);
    else
        pam_syslog(login->pamh, LOG_NOTICE, "backup tokens were made, and could not be shown");
    secret_wipe(list, sizeof(list));
    secret_wipe(text, sizeof(text));
}

/* --- authentication --------------------------------------------------------------------------- */

static int refuse(struct login *login, const char *why)
{
    const struct outcome outcome = {.verdict = VERDICT_UNENROLLED};

    login_log(login, "login", &outcome, "enroll");
    pam_syslog(login->pamh, LOG_NOTICE, "no enrolment: %s", why);
    (void)tell_text(login, PAM_ERROR_MSG,
                    _("This account has no device for one-time codes yet. Log in at a terminal or "
                      "over ssh to set one up."));
    return PAM_AUTH_ERR;
}

/* The device's secret is kept no longer than it takes to show it. */
static int make_device(struct login *login, int64_t *device)
{
    struct reply_device made CLEANUP(reply_device_clear) = {0};
    struct reply reply = {.enrolled = &made};
    struct call call = login->call;

    call.method = CALL_ENROLL;
    call.at_login = true;
    if (login_ask(login, &call, &reply) != 0)
        return PAM_AUTHINFO_UNAVAIL;
    *device = made.device.id;
    return show_device(login, &made) == PAM_SUCCESS
               ? PAM_SUCCESS
               : refuse(login, "this application shows no text");
}

/* Has a first code judged; as a trial nothing comes of it. */
static int confirm(struct login *login, int64_t device, const char *code, bool trial,
                   struct outcome *outcome, struct reply_tokens *tokens)
{
    struct reply_tokens unused CLEANUP(reply_tokens_clear) = {0};
    struct reply reply = {.tokens = tokens != NULL ? tokens : &unused};
    struct call call = login->call;

    call.method = CALL_CONFIRM;
    call.device_id = device;
    call.at_login = true;
    call.code = code;
    call.trial = trial;
    int r = login_ask(login, &call, &reply);
    *outcome = reply.outcome;
    return r;
}

static bool is_accepted(const struct outcome *outcome)
{
    return outcome->verdict == VERDICT_ACCEPTED && outcome->admit == ADMIT_YES;
}

static int ask_first_code(struct login *login)
{
    return login_ask_code(login, _("First code from the app: "));
}

static void tell_wrong(const struct login *login)
{
    (void)tell_text(login, PAM_ERROR_MSG,
                    _("That is not the code the app shows for this account now."));
}

static void tell_again(const struct login *login)
{
    (void)tell_text(login, PAM_ERROR_MSG, _("Log in again to get another QR code."));
}

/* No answer is unavailable; but where the device has gone meanwhile, there is one. */
static int fail(const struct login *login, int error, int refused)
{
    if (error != ERR_CONFLICT)
        return PAM_AUTHINFO_UNAVAIL;
    tell_again(login);
    return refused;
}

/* The person's first code, once it is right, in login->code. */
static int try_codes(struct login *login, int64_t device)
{
    struct outcome outcome = {0};

    for (int i = 0; i < TRIES; i++) {
        int r = ask_first_code(login);
        if (r != PAM_SUCCESS)
            return r;
        r = confirm(login, device, login->code.text, true, &outcome, NULL);
        if (r != 0)
            return fail(login, r, PAM_AUTH_ERR);
        if (is_accepted(&outcome)) {
            pam_syslog(login->pamh, LOG_INFO,
                       "enrolment: the first code is right, the device waits for the login");
            return PAM_SUCCESS;
        }
        login_log(login, "enroll", &outcome, NULL);
        if (outcome.verdict == VERDICT_LOCKED)
            break;
        tell_wrong(login);
    }
    tell_again(login);
    return outcome.verdict == VERDICT_LOCKED ? PAM_MAXTRIES : PAM_AUTH_ERR;
}

int enrollment_start(struct login *login)
{
    int64_t device = 0;

    if (geteuid() != 0)
        return refuse(login, "this process is not root's");
    if (login->silent)
        return refuse(login, "the person is to be told nothing");
    int r = make_device(login, &device);
    if (r == PAM_SUCCESS)
        r = try_codes(login, device);
    return r == PAM_SUCCESS ? keep(login, device, &login->code) : r;
}

/* --- account management ----------------------------------------------------------------------- */

/* The code that was tried, and where it has grown old meanwhile a new one. */
static int activate(struct login *login, const struct enrollment *due, struct reply_tokens *tokens)
{
    const char *code = due->code.text;
    struct outcome outcome = {0};

    for (int i = 0; i <= TRIES; i++) {
        int r = PAM_SUCCESS;
        if (i > 0) {
            tell_wrong(login);
            r = ask_first_code(login);
            if (r != PAM_SUCCESS)
                return r;
            code = login->code.text;
        }
        r = confirm(login, due->device, code, false, &outcome, tokens);
        if (r != 0)
            return fail(login, r, PAM_PERM_DENIED);
        login_log(login, is_accepted(&outcome) ? "login" : "enroll", &outcome, "enroll");
        if (is_accepted(&outcome))
            return PAM_SUCCESS;
    }
    return PAM_PERM_DENIED;
}

static void make_tokens(struct login *login, struct reply_tokens *tokens)
{
    struct reply reply = {.tokens = tokens};
    struct call call = login->call;

    if (login->silent || login->conf.backup_tokens == 0)
        return;
    call.method = CALL_BACKUP;
    if (login_ask(login, &call, &reply) != 0)
        pam_syslog(login->pamh, LOG_ERR, "the first device has no backup tokens yet");
}

static bool is_due_now(const struct login *login, const struct enrollment *due)
{
    int64_t now = 0;

    return strcmp(due->user, login->call.user) == 0 && login_uptime(&now) && now >= due->when &&
           now - due->when < DUE_SECONDS;
}

int enrollment_finish(struct login *login)
{
    const struct enrollment *due = find(login->pamh);
    struct reply_tokens tokens CLEANUP(reply_tokens_clear) = {0};
    int r = PAM_SUCCESS;

    if (due == NULL)
        return PAM_SUCCESS;
    if (!is_due_now(login, due))
        r = PAM_PERM_DENIED;
    else if (due->device != 0)
        r = activate(login, due, &tokens);
    else
        make_tokens(login, &tokens);
    if (r != PAM_SUCCESS) {
        /* It stays due: setcred will not go on without it either. */
        pam_syslog(login->pamh, LOG_NOTICE, "the device that was set up did not become active");
        return r;
    }
    enrollment_forget(login->pamh);
    show_tokens(login, &tokens);
    return PAM_SUCCESS;
}
