/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "confirm.h"

#include "policy.h"
#include "secret.h"
#include "text.h"
#include "token.h"

#include <string.h>

/* Judges, and makes the tokens that come with the first device. */
static int judge_first(struct store *store, const struct conf *conf,
                       const struct enroll_code *first, const struct account *before, size_t index,
                       int64_t now, struct account *after, struct outcome *result,
                       struct reply_tokens *tokens)
{
    const struct policy_attempt attempt = {.now = now,
                                           .code = first->code,
                                           .guarded = first->guarded,
                                           .heeds_lock = first->at_login,
                                           .ring = store_ring(store)};

    int r = policy_confirm(&conf->rules, before, index, &attempt, after, result);
    /* Tokens of an earlier enrolment that is over would be forgotten paper; those beside a device
     * that is only switched off are not. */
    if (r == 0 && result->verdict == VERDICT_ACCEPTED && !first->trial &&
        account_count(before, DEVICE_PENDING) == before->device_count)
        r = token_renew(store_ring(store), conf->backup_tokens, after, tokens);
    text_cut(result->device, sizeof(result->device), before->devices[index].label);
    result->tokens_left = (unsigned)after->token_count;
    result->tokens_issued = after->tokens_issued;
    return r;
}

/* The login that has enrolled is one, like those that will be asked for a code. */
static int record_login(struct store *store, const struct enroll_code *first,
                        const struct outcome *result, int64_t now, struct err *err)
{
    struct event event;

    if (!first->at_login || result->verdict != VERDICT_ACCEPTED)
        return 0;
    event_init(&event, now, "login", first->user, &first->origin);
    text_cut(event.device, sizeof(event.device), result->device);
    text_cut(event.verdict, sizeof(event.verdict), verdict_name(result->verdict));
    text_cut(event.method, sizeof(event.method), "enroll");
    return store_event(store, &event, err);
}

/* A trial that succeeds leaves no trace: what counts is the confirmation after it. One that fails
 * is a guess like any other. */
static int save_first(struct store *store, const struct enroll_code *first,
                      const struct account *before, struct account *after,
                      const struct outcome *result, int64_t now, struct err *err)
{
    const bool accepted = result->verdict == VERDICT_ACCEPTED;

    if (first->trial && accepted)
        return 0;
    int r = store_save(store, before, after, err);
    /* Guesses that lock end grace, as at a login. */
    if (r == 0 && (accepted || after->locked_until > before->locked_until))
        r = store_ticket_clear(store, after, err);
    if (r == 0)
        r = store_record(store, "confirm", first->user, result->device,
                         verdict_name(result->verdict), &first->origin, now, err);
    if (r == 0)
        r = record_login(store, first, result, now, err);
    return r == 0 ? store_commit(store, err) : r;
}

/* They go out with the commit, and nowhere else. */
static int mail_tokens(struct store *store, const struct conf *conf, struct account *account,
                       struct reply_tokens *tokens, struct err *err)
{
    struct notice notice CLEANUP(notice_clear) = {0};
    size_t at = 0;

    if (conf->sendmail[0] == '\0')
        return err_set(err, ERR_CONFLICT, "sendmail",
                       "no mail is sent: have the backup tokens shown, or an administrator may set "
                       "'sendmail' in totp.conf");
    if (!notice_start(&notice, NOTICE_TOKENS, account))
        return err_set(err, ERR_CONFLICT, account->name,
                       "the account has no e-mail address to send backup tokens to: set one, or "
                       "have them shown");
    _Static_assert(ACCOUNT_TOKENS_MAX * CODE_TOKEN_SIZE < NOTICE_TEXT_SIZE, "all of them fit");
    for (size_t i = 0; i < tokens->count; i++) {
        memcpy(notice.text + at, tokens->text[i], CODE_TOKEN_SIZE - 1);
        at += CODE_TOKEN_SIZE - 1;
        notice.text[at++] = i + 1 < tokens->count ? '\n' : '\0';
    }
    notice.left = (int64_t)tokens->count;
    account->tokens_mailed = true;
    reply_tokens_clear(tokens);
    account_email_mask(account->email, tokens->address);
    return store_post(store, &notice, err);
}

/* The device that this login has made, while it is the account's only one. */
static int choose_own(const struct account *account, const struct enroll_code *first, size_t *index,
                      struct err *err)
{
    const struct device *device = &account->devices[0];

    if (account->device_count != 1 || !device->at_login || device->state != DEVICE_PENDING ||
        account->role == ROLE_ADMIN || !account->enabled ||
        (first->device_id != 0 && device->id != first->device_id))
        return err_set(err, ERR_CONFLICT, account->name,
                       "the device this login has made is not wanted any more: log in anew");
    *index = 0;
    return 0;
}

int enroll_confirm(struct store *store, const struct conf *conf, const struct enroll_code *first,
                   int64_t now, struct outcome *result, struct reply_tokens *tokens,
                   struct err *err)
{
    struct account before CLEANUP(account_clear) = {0}, after CLEANUP(account_clear) = {0};
    struct reply_tokens made CLEANUP(reply_tokens_clear) = {0};
    struct outcome decided = {0};
    size_t index = 0;

    *result = (struct outcome){0};
    *tokens = (struct reply_tokens){0};
    int r = store_begin(store, STORE_WRITE, err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = store;
    r = store_load(open, first->user, &before, err);
    if (r == 0)
        r = first->at_login ? choose_own(&before, first, &index, err)
                            : account_choose(&before, first->label, CHOOSE_PENDING, &index, err);
    if (r != 0)
        return r;
    r = judge_first(open, conf, first, &before, index, now, &after, &decided, &made);
    if (r != 0)
        return err_set(err, r, NULL, NULL);
    if (first->mail_tokens && made.count > 0)
        r = mail_tokens(open, conf, &after, &made, err);
    if (r == 0)
        r = save_first(open, first, &before, &after, &decided, now, err);
    if (r == 0) {
        *result = decided;
        *tokens = made;
    }
    return r;
}
