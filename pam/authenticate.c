/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "authenticate.h"

#include "challenge.h"
#include "change.h"
#include "enrollment.h"
#include "tell.h"

#include <security/pam_modules.h>

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

/* Both have been right: an expired password can be changed at once. Without memory for that they
 * are asked for again. */
static void keep_proof(const struct login *login, size_t password_length)
{
    if (login_checks_password(login))
        (void)change_keep_proof(login, password_length);
}

static int answer(const struct login *login, const struct reply *reply, size_t password_length)
{
    tell_outcome(login, &reply->outcome);
    if (reply->tokens_due)
        enrollment_owe_tokens(login);
    if (reply->outcome.verdict == VERDICT_ACCEPTED && reply->outcome.admit == ADMIT_YES)
        keep_proof(login, password_length);
    return pam_code(&reply->outcome);
}

/* Who is nobody to this host gets no device, and who only looks on makes none: they are asked, and
 * denied, like anybody. */
static bool may_enroll(const struct login *login)
{
    return login->is_known && !login->conf.audit_only;
}

/* An answer that was asked for is handed on first. */
static int forward_and_answer(struct login *login, struct reply *reply)
{
    const size_t length = reply->password_length;

    int r = login_forward(login, length);

    if (r != PAM_SUCCESS)
        return r;
    if (!reply->enroll)
        return answer(login, reply, length);
    if (may_enroll(login)) {
        r = enrollment_start(login);
        if (r == PAM_SUCCESS)
            keep_proof(login, length);
        return r;
    }
    /* Nothing was judged yet: what has no code in it is, as such, and recorded. */
    if (login_judge(login, CALL_CHECK, AUTH_CODE, reply) != 0)
        return PAM_AUTHINFO_UNAVAIL;
    return answer(login, reply, length);
}

static int by_prompt(struct login *login)
{
    struct reply reply = {0};

    int r = challenge_ask(login);
    if (r != PAM_SUCCESS)
        return r;
    if (login_judge(login, CALL_CHECK, AUTH_CODE, &reply) != 0)
        return PAM_AUTHINFO_UNAVAIL;
    return answer(login, &reply, login->password.length);
}

static int by_combined(struct login *login)
{
    struct reply reply = {0};

    int r = login_get_password(login, true);
    if (r != PAM_SUCCESS)
        return r;
    if (login_judge(login, CALL_CHECK, AUTH_COMBINED, &reply) != 0)
        return PAM_AUTHINFO_UNAVAIL;
    const bool codeless = reply.password_length == login->password.length;
    const bool enrolls = reply.enroll && may_enroll(login);
    r = forward_and_answer(login, &reply);
    /* Nothing more is asked here: the code that is sent is for the next login. */
    if (r == PAM_AUTH_ERR && codeless && !enrolls)
        challenge_refer(login);
    return r;
}

static int by_auto(struct login *login)
{
    struct reply reply = {0};

    int r = login_get_password(login, login->conf.password == PASSWORD_STORE);
    if (r != PAM_SUCCESS)
        return r;
    if (login->has_password) {
        if (login_judge(login, CALL_CHECK, AUTH_TAIL, &reply) != 0)
            return PAM_AUTHINFO_UNAVAIL;
        if (reply.enroll ? may_enroll(login) : !reply.ask && reply.outcome.admit != ADMIT_NO)
            return forward_and_answer(login, &reply);
        /* Digits at the end of a password, taken for a wrong code, must not keep its owner out. */
        if (reply.outcome.verdict != VERDICT_LOCKED)
            login->call.own_lock = reply.outcome.locked_until;
    }
    return by_prompt(login);
}

/* Whether an answer that may hold a code is looked at whatever the rules spare. */
static bool has_answer(const struct login *login)
{
    switch (login->conf.mode) {
    case MODE_PROMPT:
        return false;
    case MODE_COMBINED:
        return true;
    case MODE_AUTO:
        break;
    }
    return login->conf.password == PASSWORD_STORE || login_item(login, PAM_AUTHTOK) != NULL;
}

static bool may_spare(const struct conf *conf)
{
    return conf->rules.unenrolled != UNENROLLED_DENY || conf->rules.enroll_by != 0 ||
           conf->rules.grace != 0 || conf->exempt_users[0] != '\0' ||
           conf->exempt_groups[0] != '\0' || conf->exempt_networks[0] != '\0';
}

/* The modules that follow are to have their password although this one asks for no code. */
static int enroll(struct login *login)
{
    int r = PAM_SUCCESS;

    if (login->conf.mode == MODE_COMBINED) {
        r = login_get_password(login, true);
        if (r == PAM_SUCCESS)
            r = login_forward(login, login->password.length);
    }
    return r == PAM_SUCCESS ? enrollment_start(login) : r;
}

int authenticate(struct login *login)
{
    struct reply reply = {0};

    if (may_spare(&login->conf)) {
        const enum auth_shape shape = has_answer(login) ? AUTH_COMBINED : AUTH_CODE;
        if (login_judge(login, CALL_BEGIN, shape, &reply) != 0)
            return PAM_AUTHINFO_UNAVAIL;
        if (reply.enroll && may_enroll(login))
            return enroll(login);
        if (!reply.ask && !reply.enroll)
            return answer(login, &reply, 0);
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
