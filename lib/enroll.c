/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "enroll.h"

#include "mailcode.h"
#include "post.h"
#include "secret.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

/* --- choosing a device ------------------------------------------------------------------------ */

/* The first of "phone", "phone-2", ... that no device has. */
static void free_label(const struct account *account, enum device_type type, char *label,
                       size_t size)
{
    static const char *const words[] = {
        [DEVICE_TOTP] = "phone", [DEVICE_HOTP] = "token", [DEVICE_EMAIL] = "email"};
    const char *word = words[type];

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
    if (request->type == DEVICE_EMAIL && (request->secret != NULL || request->at_login))
        return err_set(err, ERR_INVALID, NULL,
                       "an e-mail device has no secret, and no login enrols one");
    if (request->digits < OTP_DIGITS_MIN || request->digits > OTP_DIGITS_MAX)
        return err_set(err, ERR_RANGE, NULL, "a code has %d to %d digits", OTP_DIGITS_MIN,
                       OTP_DIGITS_MAX);
    if (request->type == DEVICE_TOTP &&
        (request->period < OTP_PERIOD_MIN || request->period > OTP_PERIOD_MAX))
        return err_set(err, ERR_RANGE, NULL, "a time step lasts %d to %d seconds", OTP_PERIOD_MIN,
                       OTP_PERIOD_MAX);
    return 0;
}

/* Whose place is taken where no label says it: the only device of that type, one in use before one
 * that waits. NULL: there is none; *several: nobody can tell. */
static const struct device *find_replaced(const struct account *account, enum device_type type,
                                          bool *several)
{
    const struct device *found = NULL;

    *several = false;
    for (size_t i = 0; i < account->device_count; i++) {
        const struct device *device = &account->devices[i];
        const bool waits = device->state == DEVICE_PENDING;
        if (device->type != type || device->at_login)
            continue;
        const bool found_waits = found != NULL && found->state == DEVICE_PENDING;
        if (found == NULL || (found_waits && !waits)) {
            *several = false;
            found = device;
        } else if (waits == found_waits && strcmp(found->label, device->label) != 0) {
            *several = true;
        }
    }
    return found;
}

static int check_replaced(const struct enroll_request *request, const struct account *account,
                          struct err *err)
{
    bool several = false;

    if (request->replace && request->label == NULL)
        (void)find_replaced(account, request->type, &several);
    return several ? err_set(err, ERR_CONFLICT, account->name,
                             "there are several devices: name the one whose place it takes")
                   : 0;
}

static void set_label(const struct enroll_request *request, const struct account *account,
                      char *label, size_t size)
{
    bool several = false;
    const struct device *replaced =
        request->replace ? find_replaced(account, request->type, &several) : NULL;

    if (request->label != NULL)
        text_cut(label, size, request->label);
    else if (replaced != NULL)
        text_cut(label, size, replaced->label);
    else
        free_label(account, request->type, label, size);
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
    set_label(request, account, device->label, sizeof(device->label));
    if (request->type == DEVICE_EMAIL)
        return seal_fingerprint(account->email, &device->secret);
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

/* --- one whose codes are sent ----------------------------------------------------------------- */

/* Before it is made: may the account have one, and may its code be sent now? */
static int check_email(const struct conf *conf, const struct enroll_request *request,
                       const struct account *account, int64_t now, struct err *err)
{
    if (!conf->rules.email_devices)
        return err_set(
            err, ERR_CONFLICT, "email_devices",
            "e-mail devices are switched off: an administrator may set email_devices=yes "
            "in totp.conf");
    if (conf->sendmail[0] == '\0')
        return err_set(err, ERR_CONFLICT, "sendmail",
                       "no mail is sent: an administrator may set 'sendmail' in totp.conf");
    if (account->id == 0)
        return err_set(
            err, ERR_CONFLICT, account->name,
            "there is no account with an address yet: 'totpctl add USER --email ADDRESS' "
            "makes one, as root");
    if (account->email[0] == '\0')
        return err_set(err, ERR_CONFLICT, account->name,
                       "the account has no e-mail address: set one with 'totpctl set USER "
                       "email=ADDRESS'");
    for (size_t i = 0; i < account->device_count; i++)
        if (account->devices[i].type == DEVICE_EMAIL &&
            account->devices[i].state != DEVICE_PENDING &&
            (request->label == NULL ? !request->replace
                                    : strcmp(request->label, account->devices[i].label) != 0))
            return err_set(err, ERR_EXISTS, account->name,
                           "the account has an e-mail device already: remove it first, or replace "
                           "it");
    if (mailcode_wait(&conf->rules, account, MAIL_LOGIN, now) > 0)
        return err_set(err, ERR_LIMIT, account->name,
                       "a code was sent a short while ago: type that one, or try again when "
                       "email_interval is over");
    return 0;
}

/* One that waits goes, under whatever label: there is one address, and one code under way. */
static void clear_email(struct account *after)
{
    for (size_t i = after->device_count; i-- > 0;)
        if (after->devices[i].type == DEVICE_EMAIL && after->devices[i].state == DEVICE_PENDING)
            account_remove_device(after, i);
}

static int make_code(struct store *store, const struct conf *conf,
                     const struct enroll_request *request, int64_t now, struct account *after,
                     struct reply_device *made, struct err *err)
{
    char text[MAILCODE_SIZE] = "";

    int r = mailcode_new(&conf->rules, store_ring(store), MAIL_LOGIN, made->device.id, now, after,
                         text);
    if (r != 0)
        return err_set(err, r, NULL, NULL);
    r = post_code(store, after, MAIL_LOGIN, made->device.label, text, &request->origin, now, err);
    secret_wipe(text, sizeof(text));
    account_email_mask(after->email, made->address);
    return r;
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
    const bool mails = request->type == DEVICE_EMAIL;

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
    if (r == 0)
        r = check_replaced(request, &after, err);
    if (r == 0 && mails && (r = check_email(conf, request, &after, now, err)) == 0)
        clear_email(&after);
    if (r != 0)
        return r;
    r = make_device(request, &after, now, &made.device);
    if (r != 0)
        return err_set(err, r, NULL, NULL);
    r = add_device(conf, request, &made.device, &after, err);
    if (r == 0 && mails)
        r = make_code(open, conf, request, now, &after, &made, err);
    else if (r == 0)
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
    if (made.device.type == DEVICE_EMAIL)
        return err_set(err, ERR_CONFLICT, account.name,
                       "an e-mail device has no QR code: its codes are sent to the account's "
                       "address");
    r = fill_uri(conf, host, account.name, NULL, &made.device, made.uri, err);
    if (r == 0)
        r = store_record(open, "qr", account.name, made.device.label, NULL, origin, now, err);
    if (r == 0)
        r = store_commit(open, err);
    if (r == 0)
        *reply = made;
    return r;
}
