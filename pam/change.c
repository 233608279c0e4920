/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "change.h"

#include "challenge.h"
#include "enrollment.h"
#include "language.h"
#include "tell.h"
#include "text.h"

#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define DATUM "totp_password_proof"
#define TRIES 3
#define PASSWORD_LONGEST 511 /* that crypt(3) takes */
/* Time to think of a new password; not to wait until the old one is the administrator's again. */
#define PROOF_SECONDS (10 * 60)

/* --- what was proved in this handle ----------------------------------------------------------- */

struct proof {
    char user[ACCOUNT_NAME_SIZE];
    char store[CONF_TEXT_SIZE];
    int64_t when;
    struct answer password;
};

static void release(pam_handle_t *pamh, void *data, int error)
{
    (void)pamh, (void)error;
    if (data != NULL)
        secret_wipe(data, sizeof(struct proof));
    free(data);
}

int change_keep_proof(const struct login *login, size_t length)
{
    struct proof *proof = NULL;
    int r = PAM_BUF_ERR;

    /* Who only looks on has used up no code. */
    if (login->conf.audit_only)
        return PAM_SUCCESS;
    proof = calloc(1, sizeof(*proof));
    if (proof != NULL && login_uptime(&proof->when) &&
        text_copy(proof->user, sizeof(proof->user), login->call.user) == 0 &&
        text_copy(proof->store, sizeof(proof->store), login->conf.store) == 0 &&
        answer_set_bytes(&proof->password, login->password.text, length) == 0)
        r = pam_set_data(login->pamh, DATUM, proof, release);
    if (r != PAM_SUCCESS)
        release(login->pamh, proof, 0);
    return r;
}

void change_forget(pam_handle_t *pamh)
{
    (void)pam_set_data(pamh, DATUM, NULL, NULL);
}

/* NULL: none that holds for this person, here and now. */
static const struct proof *find_proof(const struct login *login)
{
    const void *data = NULL;
    const struct proof *proof;
    int64_t now = 0;

    if (pam_get_data(login->pamh, DATUM, &data) != PAM_SUCCESS || data == NULL ||
        !login_uptime(&now))
        return NULL;
    proof = data;
    return strcmp(proof->user, login->call.user) == 0 &&
                   strcmp(proof->store, login->conf.store) == 0 && now >= proof->when &&
                   now - proof->when < PROOF_SECONDS
               ? proof
               : NULL;
}

/* --- the old password and a code -------------------------------------------------------------- */

static int ask_old(struct login *login)
{
    const char *old = login_item(login, PAM_OLDAUTHTOK);
    int r = PAM_SUCCESS;

    if (old != NULL) {
        conv_keep(old, &login->password);
    } else {
        r = conv_ask(login->pamh, false, _("Current password: "), &login->password);
        if (r == PAM_SUCCESS)
            r = pam_set_item(login->pamh, PAM_OLDAUTHTOK, login->password.text);
    }
    login->has_password = r == PAM_SUCCESS;
    return r;
}

/* The password has been checked: there is nothing that telling would give away. */
static int accept(struct login *login, const struct reply *reply)
{
    int r = change_keep_proof(login, login->password.length);

    tell_kept(login);
    if (r != PAM_SUCCESS || !reply->tokens_due)
        return r;
    enrollment_owe_tokens(login);
    return enrollment_finish(login);
}

static int check_old(struct login *login)
{
    struct reply reply = {0};
    struct call call = login->call;

    call.method = CALL_CHECK;
    call.shape = AUTH_CODE;
    call.password = login->password.text;
    call.code = login->code.text;
    call.check_password = true;
    if (login_ask(login, &call, &reply) != 0)
        return PAM_AUTHINFO_UNAVAIL;
    login_log(login, "login", &reply.outcome, reply.recorded);
    tell_outcome(login, &reply.outcome);
    if (reply.outcome.admit == ADMIT_YES)
        return accept(login, &reply);
    return reply.outcome.verdict == VERDICT_LOCKED ? PAM_MAXTRIES : PAM_AUTH_ERR;
}

static int prove(struct login *login)
{
    int r = ask_old(login);

    if (r == PAM_SUCCESS)
        r = challenge_ask(login);
    if (r == PAM_SUCCESS)
        r = check_old(login);
    if ((r == PAM_AUTH_ERR || r == PAM_MAXTRIES) && login->conf.fail_delay > 0)
        (void)pam_fail_delay(login->pamh, (unsigned)login->conf.fail_delay * 1000000U);
    return r;
}

/* Who has just logged in with them has shown both. The modules before this one compare the new
 * password with the old, and so has it. */
static int prove_again(struct login *login)
{
    const struct proof *proof = find_proof(login);

    (void)tell_text(login, PAM_ERROR_MSG, _("You are required to choose a new password now."));
    if (proof == NULL)
        return prove(login);
    return login_item(login, PAM_OLDAUTHTOK) != NULL
               ? PAM_SUCCESS
               : pam_set_item(login->pamh, PAM_OLDAUTHTOK, proof->password.text);
}

/* --- the new password ------------------------------------------------------------------------- */

/* What is wrong with it, or NULL. What makes a password a good one is for other modules to say. */
static const char *find_fault(const struct proof *proof, const struct answer *password)
{
    if (password->length == 0)
        return _("No password was given.");
    if (password->length > PASSWORD_LONGEST)
        return _("That is too long for a password.");
    if (proof != NULL && strcmp(proof->password.text, password->text) == 0)
        return _("That is the old password.");
    return NULL;
}

static int take_obtained(const struct login *login, const struct proof *proof,
                         struct answer *password)
{
    const char *obtained = login_item(login, PAM_AUTHTOK);

    if (obtained == NULL) {
        pam_syslog(login->pamh, LOG_ERR,
                   "use_authtok: no module before this one has obtained a new password");
        return PAM_AUTHTOK_ERR;
    }
    const char *fault = answer_set(password, obtained) == 0 ? find_fault(proof, password)
                                                            : _("That is too long for a password.");
    if (fault == NULL)
        return PAM_SUCCESS;
    (void)tell_text(login, PAM_ERROR_MSG, fault);
    return PAM_AUTHTOK_ERR;
}

/* PAM_SUCCESS, with *fault where it will not do; else the conversation has ended. */
static int ask_twice(const struct login *login, const struct proof *proof, struct answer *password,
                     const char **fault)
{
    struct answer again CLEANUP(answer_clear) = {0};

    answer_clear(password);
    int r = conv_ask_new(login->pamh, _("New password: "), password);
    if (r == PAM_SUCCESS) {
        *fault = find_fault(proof, password);
        if (*fault != NULL)
            return PAM_SUCCESS;
        r = conv_ask_new(login->pamh, _("Retype new password: "), &again);
    }
    if (r == PAM_AUTHTOK_ERR)
        *fault = _("That is too long for a password.");
    else if (r == PAM_SUCCESS && strcmp(password->text, again.text) != 0)
        *fault = _("The two passwords differ.");
    return r == PAM_AUTHTOK_ERR ? PAM_SUCCESS : r;
}

/* The modules that follow are to have it too. */
static int ask_new(const struct login *login, const struct proof *proof, struct answer *password)
{
    for (int i = 0; i < TRIES; i++) {
        const char *fault = NULL;
        int r = ask_twice(login, proof, password, &fault);
        if (r != PAM_SUCCESS)
            return r;
        if (fault == NULL)
            return pam_set_item(login->pamh, PAM_AUTHTOK, password->text);
        (void)tell_text(login, PAM_ERROR_MSG, fault);
    }
    return PAM_AUTHTOK_ERR;
}

static void log_change(const struct login *login)
{
    const struct call *call = &login->call;
    const struct event_origin origin = {
        .service = call->service, .rhost = call->rhost, .tty = call->tty};
    struct event event;
    char line[4096] = "";

    event_init(&event, 0, "passwd", call->user, &origin);
    event_format(&event, line, sizeof(line));
    pam_syslog(login->pamh, LOG_NOTICE, "%s", line);
}

static int store_new(struct login *login, const struct answer *password)
{
    struct call call = login->call;
    struct reply reply = {0};

    call.method = CALL_PASSWD;
    call.new_password = password->text;
    if (login_ask(login, &call, &reply) != 0)
        return PAM_AUTHTOK_ERR;
    log_change(login);
    return PAM_SUCCESS;
}

static int set_new(struct login *login, const struct proof *proof)
{
    struct answer password CLEANUP(answer_clear) = {0};
    const bool given = login->conf.use_authtok;

    int r = given ? take_obtained(login, proof, &password) : ask_new(login, proof, &password);
    if (r != PAM_SUCCESS)
        return r;
    r = store_new(login, &password);
    if (r == PAM_SUCCESS)
        change_forget(login->pamh);
    else if (!given)
        /* What did not become the password here must not become one elsewhere. */
        (void)pam_set_item(login->pamh, PAM_AUTHTOK, NULL);
    return r;
}

/* --- both steps ------------------------------------------------------------------------------- */

/* PAM_SUCCESS: this password is ours to change. */
static int look(struct login *login, bool as_root, bool expired_only)
{
    struct reply reply = {0};
    struct call call = login->call;

    call.method = CALL_ACCOUNT;
    if (login_ask(login, &call, &reply) != 0)
        return PAM_AUTHINFO_UNAVAIL;
    if (reply.password == REPLY_PASSWORD_NONE ||
        (expired_only && reply.password != REPLY_PASSWORD_EXPIRED))
        return PAM_IGNORE;
    if (reply.outcome.admit == ADMIT_YES || as_root)
        return PAM_SUCCESS;
    pam_syslog(login->pamh, LOG_NOTICE, "password not changed: the account is closed or locked");
    tell_outcome(login, &reply.outcome);
    return PAM_PERM_DENIED;
}

static int update(struct login *login, bool as_root)
{
    const struct proof *proof = as_root ? NULL : find_proof(login);

    if (as_root || proof != NULL)
        return set_new(login, proof);
    pam_syslog(login->pamh, LOG_NOTICE,
               "password not changed: old password and code were not shown, or too long ago");
    return PAM_PERM_DENIED;
}

int change_password(struct login *login, int flags)
{
    const bool expired_only = ((unsigned)flags & PAM_CHANGE_EXPIRED_AUTHTOK) != 0;
    const bool as_root = getuid() == 0 && !expired_only;

    if (geteuid() != 0) {
        pam_syslog(login->pamh, LOG_ERR, "password not changed: this process is not root's");
        return PAM_AUTHTOK_ERR;
    }
    int r = look(login, as_root, expired_only);
    if (r != PAM_SUCCESS)
        return r;
    if (((unsigned)flags & PAM_UPDATE_AUTHTOK) != 0)
        return update(login, as_root);
    if (((unsigned)flags & PAM_PRELIM_CHECK) == 0)
        return PAM_SYSTEM_ERR;
    if (expired_only)
        return prove_again(login);
    change_forget(login->pamh);
    return as_root ? PAM_SUCCESS : prove(login);
}
