/* SPDX-License-Identifier: BSD-2-Clause */
/* The way back to a password that was forgotten. */
#include "config.h"

#include "ask.h"
#include "language.h"
#include "verbs.h"

#include <string.h>

/* To somebody who may read the record anyway, "there is no such user" can be told. Others' the
 * service shows for a code, and sends nothing for them. */
static int require_account(struct run *run, const char *user, struct err *err)
{
    struct account account CLEANUP(account_clear) = {0};
    struct call call = {.method = CALL_SHOW, .user = user};
    struct reply reply = {.account = &account};

    if (run->remote && strcmp(user, run->actor) != 0)
        return 0;
    return run_ask(run, &call, &reply, err);
}

static int send_code(struct run *run, const char *user, struct err *err)
{
    struct call call = {.method = CALL_SEND, .user = user, .recovery = true};
    struct reply reply = {0};

    int r = run_ask(run, &call, &reply, err);
    if (r != 0)
        return r;
    if (reply.wait > 0)
        return err_set(err, ERR_REFUSED, user,
                       _("the code that was sent last is used up: another can be sent in %lld s"),
                       (long long)reply.wait);
    if (reply.address[0] == '\0')
        return err_set(err, ERR_REFUSED, user,
                       "no code can be sent: this takes an e-mail address, a password and a device "
                       "in use in the store, and an account that is neither locked nor closed; see "
                       "'totpctl show'");
    if (run->unsent)
        return err_set(err, ERR_REFUSED, user,
                       "the code was not sent: see to it that e-mail is, and try again in a while");
    sent_explain(run, reply.address);
    return 0;
}

static int ask_codes(struct answer *mailed, struct answer *own, struct err *err)
{
    int r = ask_secret("Code from the e-mail: ", mailed, err);

    if (r == 0)
        r = ask_secret("A code of your own, or a backup token: ", own, err);
    if (r == ERR_INVALID && !ask_is_terminal())
        return err_set(err, r, _("standard input"),
                       "three lines are needed: the code from the e-mail, a code of one's own or a "
                       "backup token, and the new password");
    return r;
}

/* Which of the two codes was wrong is nobody's business: it would tell a guess by its half. */
static void veil(struct outcome *result)
{
    if (result->verdict == VERDICT_REPLAYED || result->verdict == VERDICT_MALFORMED)
        *result = (struct outcome){.verdict = VERDICT_WRONG};
}

static void explain(const struct run *run, const char *user, const struct reply *reply)
{
    verdict_explain(run, user, reply);
    if (reply->outcome.verdict == VERDICT_WRONG)
        run_remark(run, "the two codes do not both hold: take the e-mail that came last, and a "
                        "code of a device of another kind that has not been used, or a backup "
                        "token");
    else if (reply->outcome.verdict == VERDICT_ACCEPTED)
        run_remark(run, "the password is changed");
}

int verb_recover(struct run *run, struct err *err)
{
    struct answer mailed CLEANUP(answer_clear) = {0}, own CLEANUP(answer_clear) = {0};
    struct answer password CLEANUP(answer_clear) = {0};
    struct call call = {.method = CALL_RECOVER,
                        .code = mailed.text,
                        .proof = own.text,
                        .new_password = password.text};
    struct reply reply = {0};

    int r = run_user(run, 1, &call.user, err);
    if (r == 0)
        r = require_account(run, call.user, err);
    if (r == 0)
        r = send_code(run, call.user, err);
    if (r == 0)
        r = ask_codes(&mailed, &own, err);
    if (r == 0)
        r = ask_new_password(&password, err);
    if (r == 0)
        r = run_ask(run, &call, &reply, err);
    if (r != 0)
        return r;
    veil(&reply.outcome);
    explain(run, call.user, &reply);
    return verdict_print(run, call.user, &reply.outcome, err);
}
