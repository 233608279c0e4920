/* SPDX-License-Identifier: BSD-2-Clause */
/* The way back to a password that was forgotten. */
#include "config.h"

#include "ask.h"
#include "language.h"
#include "verbs.h"

#include <string.h>

/* --- who can ---------------------------------------------------------------------------------- */

/* What a login would say before any code; VERDICT_ACCEPTED: it asks for one. The first code of a
 * device that waits is none that recovers. */
static enum verdict find_standing(const struct account *account)
{
    if (account->closed || account->locked_until != 0)
        return VERDICT_LOCKED;
    if (!account->enabled)
        return VERDICT_DISABLED;
    return account_count(account, DEVICE_ACTIVE) == 0 ? VERDICT_UNENROLLED : VERDICT_ACCEPTED;
}

static void explain_closed(const struct run *run, const char *argument)
{
    if (run->remote)
        run_remark(run, "the account is closed: an administrator opens it");
    else
        run_remark(run, "the account is closed: 'totpctl unlock%s' opens it", argument);
}

static void explain_disabled(const struct run *run, const char *argument)
{
    if (run->remote)
        run_remark(run, "two-factor login is switched off for this account: an administrator "
                        "switches it on");
    else
        run_remark(run,
                   "two-factor login is switched off for this account: 'totpctl enable%s' switches "
                   "it on",
                   argument);
}

static void explain_standing(const struct run *run, const struct account *account,
                             enum verdict verdict)
{
    char argument[RUN_ARGUMENT_SIZE];

    run_argument(run, account->name, argument);
    if (account->closed)
        explain_closed(run, argument);
    else if (verdict == VERDICT_LOCKED)
        lock_explain(run, account->locked_until);
    else if (verdict == VERDICT_DISABLED)
        explain_disabled(run, argument);
    else if (account_count(account, DEVICE_PENDING) > 0)
        run_remark(run,
                   "no device of the account is in use: one is pending until 'totpctl confirm%s' "
                   "has its first code",
                   argument);
    else
        run_remark(run,
                   "no device of the account is in use: 'totpctl enroll%s' makes one, and "
                   "'totpctl show%s' tells of those that are switched off",
                   argument, argument);
}

static bool has_mail_only(const struct account *account)
{
    for (size_t i = 0; i < account->device_count; i++)
        if (account->devices[i].state == DEVICE_ACTIVE && account->devices[i].type != DEVICE_EMAIL)
            return false;
    return true;
}

/* Says what is missing before a code is sent that leads nowhere. */
static int check_account(const struct run *run, const struct account *account, struct err *err)
{
    char argument[RUN_ARGUMENT_SIZE];

    run_argument(run, account->name, argument);
    if (account->email[0] == '\0')
        return err_set(err, ERR_REFUSED, account->name,
                       _("no code can be sent: the account has no e-mail address; 'totpctl set%s "
                         "email=ADDRESS' sets one"),
                       argument);
    if (account->password[0] == '\0')
        return err_set(err, ERR_REFUSED, account->name,
                       _("there is no password in the store to recover: 'totpctl passwd%s' sets "
                         "one"),
                       argument);
    if (has_mail_only(account) && account->token_count == 0)
        return err_set(err, ERR_REFUSED, account->name,
                       _("there is no second code: the only device is e-mail, and no backup token "
                         "is left; 'totpctl passwd%s' sets a password"),
                       argument);
    return 0;
}

/* --- the codes -------------------------------------------------------------------------------- */

static int send_code(struct run *run, const char *user, struct err *err)
{
    struct call call = {.method = CALL_SEND, .user = user, .recovery = true};
    struct reply reply = {0};

    int r = run_ask(run, &call, &reply, err);
    if (r != 0)
        return r;
    if (reply.address[0] == '\0' && reply.wait > 0)
        return err_set(err, ERR_REFUSED, user,
                       _("the code that was sent last is used up: another can be sent in %lld s"),
                       (long long)reply.wait);
    if (reply.address[0] == '\0')
        return err_set(err, ERR_REFUSED, user,
                       "no code can be sent: this takes an e-mail address, a password in the "
                       "store, a device in use or backup tokens that do not come by e-mail too, "
                       "two-factor login switched on, and an account that is neither locked nor "
                       "closed; see 'totpctl show'");
    if (run->unsent)
        return err_set(err, ERR_REFUSED, user,
                       "the code was not sent: see to it that e-mail is, and try again in a while");
    run_explain_sent(run, &reply);
    return 0;
}

static int ask_codes(bool token_only, struct answer *mailed, struct answer *own, struct err *err)
{
    int r = ask_secret("Code from the e-mail: ", mailed, err);

    if (r == 0)
        r = token_only ? ask_secret("A backup token: ", own, err)
                       : ask_secret("A code of another device, or a backup token: ", own, err);
    if (r == ERR_INVALID && !ask_is_terminal())
        return err_set(err, r, _("standard input"),
                       "three lines are needed: the code from the e-mail, a code of another device "
                       "or a backup token, and the new password");
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

static int recover(struct run *run, const char *user, bool token_only, struct err *err)
{
    struct answer mailed CLEANUP(answer_clear) = {0}, own CLEANUP(answer_clear) = {0};
    struct answer password CLEANUP(answer_clear) = {0};
    struct call call = {.method = CALL_RECOVER,
                        .user = user,
                        .code = mailed.text,
                        .proof = own.text,
                        .new_password = password.text};
    struct reply reply = {0};

    int r = send_code(run, user, err);
    if (r == 0)
        r = ask_codes(token_only, &mailed, &own, err);
    if (r == 0)
        r = ask_new_password(&password, err);
    if (r == 0)
        r = run_ask(run, &call, &reply, err);
    if (r != 0)
        return r;
    veil(&reply.outcome);
    explain(run, user, &reply);
    return verdict_print(run, user, &reply.outcome, err);
}

int verb_recover(struct run *run, struct err *err)
{
    struct account account CLEANUP(account_clear) = {0};
    struct outcome standing = {.verdict = VERDICT_ACCEPTED};
    const char *user = NULL;
    bool known = false;

    int r = run_user(run, 1, &user, err);
    if (r == 0)
        r = run_look(run, user, &account, &known, err);
    if (r == 0 && known)
        standing.verdict = find_standing(&account);
    if (r == 0 && standing.verdict != VERDICT_ACCEPTED) {
        explain_standing(run, &account, standing.verdict);
        return verdict_print(run, user, &standing, err);
    }
    if (r == 0)
        r = run_check_mail(run, err);
    if (r == 0 && known)
        r = check_account(run, &account, err);
    return r == 0 ? recover(run, user, known && has_mail_only(&account), err) : r;
}
