/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs about the codes of a device in use. */
#include "config.h"

#include "ask.h"
#include "language.h"
#include "match.h"
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

void verdict_explain(const struct run *run, const char *user, const struct reply *reply)
{
    const struct outcome *result = &reply->outcome;
    char argument[RUN_ARGUMENT_SIZE];

    if (result->method == METHOD_BACKUP)
        run_remark(run,
                   language_plural("%u backup token is left", "%u backup tokens are left",
                                   result->tokens_left),
                   result->tokens_left);
    if (reply->tokens_due)
        run_remark(run,
                   "this code has activated the first device of %s, who has no backup tokens yet: "
                   "'totpctl backup new%s' makes them",
                   user, run_argument(run, user, argument));
    if (result->verdict == VERDICT_LOCKED)
        lock_explain(run, result->locked_until);
}

int verdict_print(const struct run *run, const char *user, const struct outcome *result,
                  struct err *err)
{
    const char *method = method_name(result->method);
    char label[4 * ACCOUNT_LABEL_SIZE];
    struct out out CLEANUP(out_clear) = {0};

    if (!run->json) {
        out_safe(label, sizeof(label), result->device);
        printf("%s%s%s%s%s\n", verdict_name(result->verdict), method[0] != '\0' ? " " : "", method,
               label[0] != '\0' ? " " : "", label);
        return (int)run_verdict(result->verdict);
    }
    out_text(&out, "user", user);
    out_text(&out, "verdict", verdict_name(result->verdict));
    out_word(&out, "method", method);
    out_word(&out, "device", result->device);
    int r = out_print(&out, err);
    return r == 0 ? (int)run_verdict(result->verdict) : r;
}

/* Whether a code can be sent for a login, as far as can be seen. */
static enum run_code find_kind(const struct run *run, const struct account *account)
{
    struct err ignored = {0};

    if (!run->conf.rules.email_devices || run_check_mail(run, &ignored) != 0)
        return RUN_CODE;
    for (size_t i = 0; i < account->device_count; i++)
        if (account->devices[i].type == DEVICE_EMAIL &&
            match_is_in_use(account, &account->devices[i]))
            return RUN_CODE_OFFERED;
    return RUN_CODE;
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
        r = run_ask_code(run, call.user, find_kind(run, &account), &code, err);
    if (r == 0)
        r = run_ask(run, &call, &reply, err);
    if (r != 0)
        return r;
    verdict_explain(run, call.user, &reply);
    return verdict_print(run, call.user, &reply.outcome, err);
}

/* --- two in a row ----------------------------------------------------------------------------- */

/* What is known of the device meanwhile: the service does not tell without a code of one's own. */
enum kind { KIND_UNKNOWN = 0, KIND_CLOCK, KIND_COUNTER };

/* The device that is meant, one in use before one that is to take its place; or NULL. */
static const struct device *choose(const struct account *account, const char *label,
                                   struct err *err)
{
    const struct device *found = NULL;

    for (size_t i = 0; i < account->device_count; i++) {
        const struct device *device = &account->devices[i];
        if (label != NULL && strcmp(label, device->label) != 0)
            continue;
        if (found != NULL && strcmp(found->label, device->label) != 0) {
            (void)err_set(err, ERR_CONFLICT, account->name,
                          "there are several devices: name the one you mean");
            return NULL;
        }
        if (found == NULL || device->state != DEVICE_PENDING)
            found = device;
    }
    if (found == NULL)
        (void)err_set(err, ERR_NOT_FOUND, account->name, "there is no such device");
    return found;
}

static int require_active(const struct account *account, const struct device *device,
                          struct err *err)
{
    switch (device->state) {
    case DEVICE_ACTIVE:
        return 0;
    case DEVICE_PENDING:
        return err_set(err, ERR_CONFLICT, account->name,
                       "this device is pending, and only an active one can be resynchronised: "
                       "'totpctl confirm' activates it with its first code");
    case DEVICE_DISABLED:
        return err_set(err, ERR_CONFLICT, account->name,
                       "this device is disabled, and only an active one can be resynchronised: "
                       "'totpctl enable' switches it on again");
    }
    return err_set(err, ERR_STORE_CORRUPT, account->name, NULL);
}

/* Nobody waits for a second code of a device that is not there, or is not in use. */
static int require_device(struct run *run, const struct call *call, enum kind *kind,
                          struct err *err)
{
    struct account account CLEANUP(account_clear) = {0};
    struct call show = {.method = CALL_SHOW, .user = call->user};
    struct reply reply = {.account = &account};

    if (run->remote)
        return 0;
    int r = run_ask(run, &show, &reply, err);
    if (r != 0)
        return r;
    const struct device *device = choose(&account, call->device, err);
    if (device == NULL)
        return err->code;
    if (device->type == DEVICE_EMAIL)
        return err_set(err, ERR_CONFLICT, account.name,
                       "the codes of an e-mail device are sent: it has no clock or counter that "
                       "could be off");
    *kind = device->type == DEVICE_HOTP ? KIND_COUNTER : KIND_CLOCK;
    return require_active(&account, device, err);
}

static int ask_codes(const struct run *run, struct answer *code, struct answer *next,
                     struct err *err)
{
    int r = ask_secret("Code: ", code, err);

    if (r == 0 && ask_is_terminal())
        run_remark(run, "now wait until the device shows another code, or press its button again");
    if (r == 0)
        r = ask_secret("The next code: ", next, err);
    if (r == ERR_INVALID && !ask_is_terminal())
        return err_set(err, r, _("standard input"),
                       "two codes in a row are needed: give each as a line of its own");
    return r;
}

static void explain_replayed(const struct run *run, const char *user, const char *device,
                             enum kind kind)
{
    char argument[RUN_ARGUMENT_SIZE];

    run_argument(run, user, argument);
    if (kind == KIND_COUNTER)
        run_remark(run,
                   "these codes are not later than the last one accepted: press the button for the "
                   "next two and try again; if its counter was set back, enrol the device anew "
                   "with 'totpctl enroll%s --type hotp --device %s --replace'",
                   argument, device);
    else if (kind == KIND_CLOCK)
        run_remark(run,
                   "these codes are not later than the last one accepted: wait for the next two "
                   "and try again; if its clock was set back, enrol the device anew with 'totpctl "
                   "enroll%s --device %s --replace'",
                   argument, device);
    else
        run_remark(run,
                   "these codes are not later than the last one accepted: take the next two and "
                   "try again; if its clock or counter was set back, enrol the device anew with "
                   "'totpctl enroll%s --device %s --replace', with --type hotp if it counts",
                   argument, device);
}

static void explain_wrong(const struct run *run, enum kind kind)
{
    if (kind == KIND_COUNTER)
        run_remark(run,
                   "these are not two codes in a row of this device, among the next %d of its "
                   "counter: press its button twice, and give the two codes in that order",
                   RESYNC_COUNTERS);
    else if (kind == KIND_CLOCK)
        run_remark(run, "these are not two codes in a row of this device, within a day of this "
                        "host's clock: see that the clock is right, wait for the next code and "
                        "try again");
    else
        run_remark(run,
                   "these are not two codes in a row of this device, within a day of this host's "
                   "clock or %d of its counter: see that the clock is right, take the next two "
                   "and try again",
                   RESYNC_COUNTERS);
}

static void explain_resync(const struct run *run, const char *user, const struct outcome *result,
                           enum kind kind)
{
    const enum verdict verdict = result->verdict;

    if (verdict == VERDICT_ACCEPTED)
        run_remark(run, "the device is found again; both codes are used up: log in with the next");
    else if (verdict == VERDICT_REPLAYED)
        explain_replayed(run, user, result->device, kind);
    else if (verdict == VERDICT_MALFORMED)
        run_remark(run, "these are not two codes: each has as many digits as the device shows");
    else
        explain_wrong(run, kind);
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
    enum kind kind = KIND_UNKNOWN;

    int r = run_user(run, 1, &call.user, err);
    if (r == 0)
        r = run_device(run, 2, &call.device, err);
    if (r == 0)
        r = require_device(run, &call, &kind, err);
    if (r == 0)
        r = ask_codes(run, &code, &next, err);
    if (r == 0)
        r = run_ask(run, &call, &reply, err);
    if (r != 0)
        return r;
    explain_resync(run, call.user, &reply.outcome, kind);
    r = print_resync(run, call.user, &reply.outcome, err);
    return r == 0 ? (int)run_verdict(reply.outcome.verdict) : r;
}
