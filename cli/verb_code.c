/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs about the codes of a device in use. */
#include "config.h"

#include "ask.h"
#include "language.h"
#include "resync.h"
#include "text.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>

void lock_explain(const struct run *run, int64_t locked_until)
{
    char until[TEXT_TIME_SIZE];

    text_format_time(locked_until, until);
    const char *by = run->remote ? _("an administrator unlocks it") : _("'totpctl unlock'");
    if (locked_until > 0 && locked_until < ACCOUNT_LOCKED_FOR_EVER)
        run_remark(run, "the account is locked until %s, or until %s", until, by);
    else
        run_remark(run, "the account is locked until %s", by);
}

/* --- one code --------------------------------------------------------------------------------- */

/* What a verdict alone does not tell. */
static void explain_verdict(const struct run *run, const char *user, const struct reply *reply)
{
    const struct outcome *result = &reply->outcome;

    if (result->method == METHOD_BACKUP)
        run_remark(run,
                   language_plural("%u backup token is left", "%u backup tokens are left",
                                   result->tokens_left),
                   result->tokens_left);
    if (reply->tokens_due)
        run_remark(run,
                   "this code has activated the first device of %s, who has no backup tokens yet: "
                   "'totpctl backup new' makes them",
                   user);
    if (result->verdict == VERDICT_LOCKED)
        lock_explain(run, result->locked_until);
}

static int print_verdict(const struct run *run, const char *user, const struct outcome *result,
                         struct err *err)
{
    const char *method = method_name(result->method);
    char label[4 * ACCOUNT_LABEL_SIZE];
    struct out out CLEANUP(out_clear) = {0};

    if (!run->json) {
        out_safe(label, sizeof(label), result->device);
        printf("%s%s%s%s%s\n", verdict_name(result->verdict), method[0] != '\0' ? " " : "", method,
               label[0] != '\0' ? " " : "", label);
        return 0;
    }
    out_text(&out, "user", user);
    out_text(&out, "verdict", verdict_name(result->verdict));
    out_word(&out, "method", method);
    out_word(&out, "device", result->device);
    return out_print(&out, err);
}

int verb_verify(struct run *run, struct err *err)
{
    struct answer code CLEANUP(answer_clear) = {0};
    struct account account CLEANUP(account_clear) = {0};
    struct call show = {.method = CALL_SHOW}, call = {.method = CALL_CHECK, .code = code.text};
    struct reply reply = {.account = &account};

    int r = run_user(run, 1, &show.user, err);
    call.user = show.user;
    /* To somebody who may read the record anyway, "there is no such user" can be told. */
    if (r == 0)
        r = run_ask(run, &show, &reply, err);
    if (r == 0)
        r = ask_secret("Code: ", &code, err);
    if (r == 0)
        r = run_ask(run, &call, &reply, err);
    if (r != 0)
        return r;
    explain_verdict(run, call.user, &reply);
    r = print_verdict(run, call.user, &reply.outcome, err);
    return r == 0 ? (int)run_verdict(reply.outcome.verdict) : r;
}

/* --- two in a row ----------------------------------------------------------------------------- */

/* Nobody waits for a second code of a device that is not there. The service tells without. */
static int require_device(struct run *run, const struct call *call, struct err *err)
{
    struct account account CLEANUP(account_clear) = {0};
    struct call show = {.method = CALL_SHOW, .user = call->user};
    struct reply reply = {.account = &account};

    int r = run->remote ? 0 : run_ask(run, &show, &reply, err);
    if (r != 0 || run->remote)
        return r;
    const bool there = call->device != NULL ? account_device_any(&account, call->device) != NULL
                                            : account.device_count > 0;
    return there ? 0 : err_set(err, ERR_NOT_FOUND, call->user, "there is no such device");
}

static int ask_codes(const struct run *run, struct answer *code, struct answer *next,
                     struct err *err)
{
    int r = ask_secret("Code: ", code, err);

    if (r == 0 && ask_is_terminal())
        run_remark(run, "now wait until the device shows another code, or press its button again");
    return r == 0 ? ask_secret("The next code: ", next, err) : r;
}

static void explain_resync(const struct run *run, enum verdict verdict)
{
    if (verdict == VERDICT_ACCEPTED)
        run_remark(run, "the device is found again; both codes are used up: log in with the next");
    else if (verdict == VERDICT_REPLAYED)
        run_remark(run, "these codes are not later than the last one accepted: wait for the next "
                        "two and try again; if its clock was set back, enrol the device anew with "
                        "'totpctl enroll --replace'");
    else if (verdict == VERDICT_MALFORMED)
        run_remark(run, "these are not two codes: each has as many digits as the device shows");
    else
        run_remark(run,
                   "these are not two codes in a row of this device, within a day of this host's "
                   "clock or %d of its counter: see that the clock is right, wait for the next "
                   "code and try again",
                   RESYNC_COUNTERS);
}

static int print_resync(const struct run *run, const char *user, const struct outcome *result,
                        struct err *err)
{
    char label[4 * ACCOUNT_LABEL_SIZE];
    struct out out CLEANUP(out_clear) = {0};

    if (!run->json) {
        printf("%s %s\n", verdict_name(result->verdict),
               out_safe(label, sizeof(label), result->device));
        return 0;
    }
    out_text(&out, "user", user);
    out_text(&out, "verdict", verdict_name(result->verdict));
    out_word(&out, "device", result->device);
    return out_print(&out, err);
}

int verb_resync(struct run *run, struct err *err)
{
    struct answer code CLEANUP(answer_clear) = {0}, next CLEANUP(answer_clear) = {0};
    struct call call = {.method = CALL_RESYNC, .code = code.text, .next_code = next.text};
    struct reply reply = {0};

    int r = run_user(run, 1, &call.user, err);
    if (r == 0)
        r = run_device(run, 2, &call.device, err);
    if (r == 0)
        r = require_device(run, &call, err);
    if (r == 0)
        r = ask_codes(run, &code, &next, err);
    if (r == 0)
        r = run_ask(run, &call, &reply, err);
    if (r != 0)
        return r;
    explain_resync(run, reply.outcome.verdict);
    r = print_resync(run, call.user, &reply.outcome, err);
    return r == 0 ? (int)run_verdict(reply.outcome.verdict) : r;
}
