/* SPDX-License-Identifier: BSD-2-Clause */
/* The first code of a device, and what comes with it. */
#include "config.h"

#include "ask.h"
#include "language.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>

/* --- backup tokens ---------------------------------------------------------------------------- */

static bool has_mail_device(struct run *run, const char *user)
{
    struct account account CLEANUP(account_clear) = {0};
    struct err ignored = {0};
    bool known = false;

    if (run_look(run, user, &account, &known, &ignored) != 0)
        return false;
    for (size_t i = 0; i < account.device_count; i++)
        if (account.devices[i].type == DEVICE_EMAIL)
            return true;
    return false;
}

void tokens_show(struct run *run, const char *user, const struct reply_tokens *tokens)
{
    if (tokens->count == 0)
        return;
    if (has_mail_device(run, user))
        run_remark(run, "each of these backup tokens replaces a code once; they are shown this one "
                        "time: keep them in a safe place, and not in the mailbox");
    else
        run_remark(run, "each of these backup tokens replaces a code once; they are shown this one "
                        "time: keep them where the phone is not");
    for (size_t i = 0; i < tokens->count; i++)
        printf("%s\n", tokens->text[i]);
}

void tokens_put(struct out *out, const struct reply_tokens *tokens)
{
    out_array(out, "backup_tokens");
    for (size_t i = 0; i < tokens->count; i++)
        out_text(out, NULL, tokens->text[i]);
    out_end(out);
}

static void explain_mailed(const struct run *run, const char *user, const char *address)
{
    char argument[RUN_ARGUMENT_SIZE];

    if (address[0] != '\0' && run->unsent)
        out_message("the backup tokens were not sent, and nobody has seen them: 'totpctl backup "
                    "new%s' makes others",
                    run_argument(run, user, argument));
    else if (address[0] != '\0')
        run_remark(run, "backup tokens have been sent to %s: each replaces a code once", address);
    else
        run_remark(run, "there are no new backup tokens to send: they come with an account's first "
                        "device");
}

/* --- the first code --------------------------------------------------------------------------- */

static int print_confirmed(struct run *run, const struct first *first, const struct reply *reply,
                           struct err *err)
{
    struct out out CLEANUP(out_clear) = {0};

    const bool unsent = run->unsent;

    if (first->mail_tokens)
        explain_mailed(run, first->user, reply->address);
    if (!run->json) {
        run_remark(run, "the device '%s' of %s is active", reply->outcome.device, first->user);
        tokens_show(run, first->user, reply->tokens);
        return STATUS_DONE;
    }
    out_text(&out, "user", first->user);
    out_text(&out, "device", reply->outcome.device);
    out_text(&out, "state", device_state_name(DEVICE_ACTIVE));
    tokens_put(&out, reply->tokens);
    if (reply->address[0] != '\0' && !unsent)
        out_text(&out, "backup_tokens_mailed_to", reply->address);
    return out_print(&out, err);
}

/* How its owner has the code of the pending device of that label. The service does not tell of
 * others' devices without another code. */
static enum first_source find_source(struct run *run, const char *user, const char *label)
{
    struct account account CLEANUP(account_clear) = {0};
    struct err err = {0};
    bool known = false;

    if (run_look(run, user, &account, &known, &err) != 0 || !known)
        return FIRST_UNKNOWN;
    const struct device *device = account_device(&account, label, DEVICE_PENDING);
    if (device == NULL)
        return FIRST_UNKNOWN;
    return device->type == DEVICE_EMAIL ? FIRST_MAILED : FIRST_SHOWN;
}

static void explain_wrong(const struct run *run, const char *user, enum first_source source)
{
    char argument[RUN_ARGUMENT_SIZE];

    run_argument(run, user, argument);
    if (source == FIRST_SHOWN)
        out_message("the code is wrong: take the one shown now, and see that both clocks are "
                    "right");
    else if (source == FIRST_MAILED)
        out_message("the code is wrong, or not good any more: take the one that was sent last; "
                    "'totpctl enroll%s --type email' sends another, not sooner than email_interval "
                    "after it",
                    argument);
    else
        out_message("the code is wrong: take the one shown now, and see that both clocks are "
                    "right; of an e-mail device it may be good no more: 'totpctl enroll%s "
                    "--type email' sends another",
                    argument);
}

static void explain_refused(struct run *run, const struct first *first,
                            const struct outcome *outcome)
{
    enum first_source source = first->source;

    if (outcome->verdict == VERDICT_LOCKED) {
        lock_explain(run, outcome->locked_until);
        return;
    }
    if (source == FIRST_UNKNOWN)
        source = find_source(run, first->user, outcome->device);
    if (outcome->verdict != VERDICT_MALFORMED)
        explain_wrong(run, first->user, source);
    else if (source == FIRST_MAILED)
        out_message("this is not a code: the one that was sent has %d digits", ACCOUNT_MAIL_DIGITS);
    else
        out_message("this is not a code: it has as many digits as the device shows");
}

/* STATUS_REFUSED, having said so, when the code is not the device's. */
static int ask_once(struct run *run, const struct first *first, struct err *err)
{
    struct answer code CLEANUP(answer_clear) = {0};
    struct reply_tokens tokens CLEANUP(reply_tokens_clear) = {0};
    struct call call = {.method = CALL_CONFIRM,
                        .user = first->user,
                        .device = first->label,
                        .code = code.text,
                        .mail_tokens = first->mail_tokens};
    struct reply reply = {.tokens = &tokens};

    int r = ask_secret("First code: ", &code, err);
    if (r == 0)
        r = run_ask(run, &call, &reply, err);
    if (r != 0)
        return r;
    if (reply.outcome.verdict == VERDICT_ACCEPTED)
        return print_confirmed(run, first, &reply, err);
    explain_refused(run, first, &reply.outcome);
    return (int)run_verdict(reply.outcome.verdict);
}

int first_ask(struct run *run, const struct first *first, unsigned tries, struct err *err)
{
    int r = STATUS_REFUSED;

    for (unsigned i = 0; i < tries && r == STATUS_REFUSED; i++)
        r = ask_once(run, first, err);
    return r;
}

int verb_confirm(struct run *run, struct err *err)
{
    struct first first = {.mail_tokens = run_option(run, OPTION_MAIL_BACKUP_TOKENS) != NULL};

    int r = run_user(run, 1, &first.user, err);
    if (r == 0)
        r = run_device(run, 2, &first.label, err);
    return r == 0 ? run_hint_device(run, first_ask(run, &first, 1, err), err) : r;
}
