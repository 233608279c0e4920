/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "enroll.h"

#include "otp.h"
#include "policy.h"
#include "secret.h"
#include "text.h"
#include "token.h"

#include <stdio.h>
#include <string.h>

/* --- choosing a device ------------------------------------------------------------------------ */

/* The first of "phone", "phone-2", ... that no device has. */
static void free_label(const struct account *account, enum device_type type, char *label,
                       size_t size)
{
    const char *word = type == DEVICE_HOTP ? "token" : "phone";

    snprintf(label, size, "%s", word);
    for (unsigned n = 2; account_device_any(account, label) != NULL; n++)
        snprintf(label, size, "%s-%u", word, n);
}

/* --- a new device ----------------------------------------------------------------------------- */

static int check_request(const struct enroll_request *request, struct err *err)
{
    if (!account_name_valid(request->user))
        return err_set(err, ERR_INVALID, NULL, "this cannot be a user's name");
    if (request->label != NULL && !account_label_valid(request->label))
        return err_set(err, ERR_INVALID, NULL,
                       "a device's label is 1 to 64 printable characters, not beginning with '-'");
    if (request->digits < OTP_DIGITS_MIN || request->digits > OTP_DIGITS_MAX)
        return err_set(err, ERR_RANGE, NULL, "a code has %d to %d digits", OTP_DIGITS_MIN,
                       OTP_DIGITS_MAX);
    if (request->type == DEVICE_TOTP &&
        (request->period < OTP_PERIOD_MIN || request->period > OTP_PERIOD_MAX))
        return err_set(err, ERR_RANGE, NULL, "a time step lasts %d to %d seconds", OTP_PERIOD_MIN,
                       OTP_PERIOD_MAX);
    return 0;
}

static int make_device(const struct enroll_request *request, const struct account *account,
                       int64_t now, struct device *device)
{
    uint64_t id = 0;

    int r = secret_random(&id, sizeof(id));
    if (r != 0)
        return r;
    *device = (struct device){.id = (int64_t)(id >> 1) | 1,
                              .type = request->type,
                              .state = DEVICE_PENDING,
                              .algorithm = request->algorithm,
                              .digits = request->digits,
                              .period = request->type == DEVICE_TOTP ? request->period : 0,
                              .counter = (int64_t)request->counter,
                              .at_login = request->at_login,
                              .last_step = ACCOUNT_NEVER,
                              .created = now,
                              .last_used = ACCOUNT_NEVER};
    if (request->label != NULL)
        text_cut(device->label, sizeof(device->label), request->label);
    else
        free_label(account, request->type, device->label, sizeof(device->label));
    if (request->secret != NULL) {
        device->secret = *request->secret;
        return 0;
    }
    device->secret.length = SECRET_BYTES_DEFAULT;
    return secret_random(device->secret.bytes, device->secret.length);
}

/* A pending device of the label gives way at once, one in use only when the new one is confirmed.
 */
static int add_device(const struct conf *conf, const struct enroll_request *request,
                      const struct device *device, struct account *after, struct err *err)
{
    size_t others = 0;

    for (size_t i = after->device_count; i-- > 0;) {
        if (strcmp(after->devices[i].label, device->label) != 0)
            others++;
        else if (after->devices[i].state == DEVICE_PENDING)
            account_remove_device(after, i);
        else if (!request->replace)
            return err_set(err, ERR_EXISTS, after->name,
                           "there is a device of this label already: choose another, or replace "
                           "it");
    }
    if (others >= conf->max_devices || account_add_device(after, device) != 0)
        return err_set(err, ERR_LIMIT, after->name,
                       "the account has as many devices as max_devices allows: remove one first");
    return 0;
}

/* What a login has begun and not ended goes: it must be in nobody's way, least of all in an
 * administrator's. */
static int clear_way(const struct enroll_request *request, struct account *after, struct err *err)
{
    for (size_t i = after->device_count; i-- > 0;)
        if (after->devices[i].state == DEVICE_PENDING && after->devices[i].at_login)
            account_remove_device(after, i);
    if (request->at_login && (after->device_count > 0 || after->role == ROLE_ADMIN))
        return err_set(err, ERR_CONFLICT, after->name,
                       "a login adds an account's first device only, and none for an admin");
    return 0;
}

static bool has_secret(const struct account *account, const struct secret *secret)
{
    bool found = false;

    for (size_t i = 0; i < account->device_count; i++) {
        const struct secret *other = &account->devices[i].secret;
        found |= other->length == secret->length &&
                 secret_equal(other->bytes, secret->bytes, sizeof(secret->bytes));
    }
    return found;
}

static int fill_uri(const struct conf *conf, const char *host, const char *user,
                    const char *service, const struct device *device, char *uri, struct err *err)
{
    struct uri_key key CLEANUP(uri_clear) = {.type = device->type,
                                             .secret = device->secret,
                                             .algorithm = device->algorithm,
                                             .digits = device->digits,
                                             .period = device->period,
                                             .counter = (uint64_t)device->counter};

    int r = text_copy(key.issuer, sizeof(key.issuer), conf->issuer[0] ? conf->issuer : host);
    if (r == 0)
        r = uri_expand(conf->label, user, host, service, key.account, sizeof(key.account));
    if (r == 0)
        r = uri_format(&key, uri, URI_SIZE);
    if (r != 0)
        return err_set(err, r, "label",
                       "'issuer' and 'label' do not make a key URI for this user: shorten them");
    return 0;
}

int enroll_start(struct store *store, const struct conf *conf, const char *host,
                 const struct enroll_request *request, int64_t now, struct reply_device *reply,
                 struct err *err)
{
    struct account before CLEANUP(account_clear) = {0}, after CLEANUP(account_clear) = {0};
    struct reply_device made CLEANUP(reply_device_clear) = {0};

    int r = check_request(request, err);
    if (r == 0)
        r = store_begin(store, STORE_WRITE, err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = store;
    r = request->secret != NULL ? store_load(open, request->user, &before, err)
                                : store_find(open, request->user, &before, err);
    if (r != 0 && r != ERR_NOT_FOUND)
        return r;
    if (r == 0 && request->secret != NULL && has_secret(&before, request->secret))
        return err_set(err, ERR_EXISTS, before.name,
                       "a device of this account has this secret already: one code would be two");
    if (r == ERR_NOT_FOUND) {
        account_init(&after, request->user);
        after.created = now;
    } else {
        after = before;
    }
    r = clear_way(request, &after, err);
    if (r != 0)
        return r;
    r = make_device(request, &after, now, &made.device);
    if (r != 0)
        return err_set(err, r, NULL, NULL);
    r = add_device(conf, request, &made.device, &after, err);
    if (r == 0)
        r = fill_uri(conf, host, after.name, request->at_login ? request->origin.service : NULL,
                     &made.device, made.uri, err);
    if (r == 0)
        r = store_save(open, &before, &after, err);
    if (r == 0)
        r = store_record(open, "enroll", after.name, made.device.label, NULL, &request->origin, now,
                         err);
    if (r == 0)
        r = store_commit(open, err);
    if (r == 0)
        *reply = made;
    return r;
}

int enroll_again(struct store *store, const struct conf *conf, const char *host, const char *user,
                 const char *label, const struct event_origin *origin, int64_t now,
                 struct reply_device *reply, struct err *err)
{
    struct account account CLEANUP(account_clear) = {0};
    struct reply_device made CLEANUP(reply_device_clear) = {0};
    size_t index = 0;

    int r = store_begin(store, STORE_WRITE, err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = store;
    r = store_load(open, user, &account, err);
    if (r == 0)
        r = account_choose(&account, label, CHOOSE_PENDING_FIRST, &index, err);
    if (r != 0)
        return r;
    made.device = account.devices[index];
    r = fill_uri(conf, host, account.name, NULL, &made.device, made.uri, err);
    if (r == 0)
        r = store_record(open, "qr", account.name, made.device.label, NULL, origin, now, err);
    if (r == 0)
        r = store_commit(open, err);
    if (r == 0)
        *reply = made;
    return r;
}

/* --- the first code --------------------------------------------------------------------------- */

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
    r = save_first(open, first, &before, &after, &decided, now, err);
    if (r == 0) {
        *result = decided;
        *tokens = made;
    }
    return r;
}
