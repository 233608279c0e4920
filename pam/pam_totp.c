/* SPDX-License-Identifier: BSD-2-Clause */
/* The module's entry points. It decides nothing; what it must never do in its host's process is
 * listed in CONTRIBUTING.md. */
#include "config.h"

#include "authenticate.h"
#include "change.h"
#include "enrollment.h"
#include "login.h"
#include "tell.h"

#include <syslog.h>

/* Linux-PAM declares the entry points; -fvisibility=hidden must not reach them. */
#pragma GCC visibility push(default)
#include <security/pam_modules.h>
#pragma GCC visibility pop
#include <security/pam_ext.h>

/* Whoever only looks on has no say, whatever came of it; a question that is still open stays so. */
static int result(const struct login *login, int r)
{
    return login->conf.audit_only && r != PAM_INCOMPLETE ? PAM_IGNORE : r;
}

int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct login login CLEANUP(login_clear) = {0};

    /* In a handle used twice it may be somebody else's. */
    tell_forget(pamh);
    enrollment_forget(pamh);
    change_forget(pamh);
    int r = login_start(&login, pamh, flags, argc, argv);
    if (r != PAM_SUCCESS)
        return result(&login, r);
    r = result(&login, authenticate(&login));
    if (r != PAM_SUCCESS && r != PAM_IGNORE && login.conf.fail_delay > 0)
        (void)pam_fail_delay(pamh, (unsigned)login.conf.fail_delay * 1000000U);
    return r;
}

/* What waited for the whole of the stack to let the person in. */
static int catch_up(struct login *login)
{
    int r = enrollment_finish(login);

    if (r == PAM_SUCCESS)
        tell_kept(login);
    return r;
}

static int manage_account(struct login *login)
{
    struct call call = login->call;
    struct reply reply = {0};

    call.method = CALL_ACCOUNT;
    if (login_ask(login, &call, &reply) != 0)
        return PAM_AUTHINFO_UNAVAIL;
    if (reply.password != REPLY_PASSWORD_EXPIRED)
        change_forget(login->pamh);
    /* Somebody may have removed the account since its device showed the first code. */
    if (reply.outcome.verdict == VERDICT_UNENROLLED) {
        const int r = catch_up(login);
        return r == PAM_SUCCESS ? PAM_IGNORE : r;
    }
    if (reply.outcome.admit != ADMIT_YES) {
        pam_syslog(login->pamh, LOG_NOTICE, "account refused: it is closed or locked");
        tell_outcome(login, &reply.outcome);
        return PAM_PERM_DENIED;
    }
    int r = catch_up(login);
    if (r != PAM_SUCCESS)
        return r;
    return reply.password == REPLY_PASSWORD_EXPIRED ? PAM_NEW_AUTHTOK_REQD : PAM_SUCCESS;
}

int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct login login CLEANUP(login_clear) = {0};

    int r = login_start(&login, pamh, flags, argc, argv);
    if (r == PAM_SUCCESS)
        r = manage_account(&login);
    return result(&login, r);
}

/* Where the stack has no account management of ours, this comes after the whole of it too, and does
 * what is due in its place. */
static int catch_up_late(struct login *login)
{
    if (!enrollment_is_due(login->pamh))
        return catch_up(login);
    const int r = manage_account(login);
    return r == PAM_IGNORE || r == PAM_NEW_AUTHTOK_REQD ? PAM_SUCCESS : r;
}

int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct login login CLEANUP(login_clear) = {0};

    if (((unsigned)flags & (PAM_DELETE_CRED | PAM_REFRESH_CRED)) != 0 ||
        (!enrollment_is_due(pamh) && !tell_is_due(pamh)))
        return PAM_SUCCESS;
    int r = login_start(&login, pamh, flags, argc, argv);
    if (r == PAM_SUCCESS)
        r = catch_up_late(&login);
    return r == PAM_SUCCESS || login.conf.audit_only ? PAM_SUCCESS : PAM_CRED_ERR;
}

int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct login login CLEANUP(login_clear) = {0};

    int r = login_start(&login, pamh, flags, argc, argv);
    if (r == PAM_SUCCESS && !login.conf.audit_only)
        r = change_password(&login, flags);
    return result(&login, r);
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
