/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "device.h"

#include "mailcode.h"
#include "resync.h"
#include "secret.h"
#include "text.h"
#include "token.h"

#include <string.h>

/* --- backup tokens ---------------------------------------------------------------------------- */

int device_renew_tokens(struct store *store, const char *user, unsigned count,
                        const struct event_origin *origin, int64_t now, struct reply_tokens *tokens,
                        struct err *err)
{
    struct account before CLEANUP(account_clear) = {0}, after CLEANUP(account_clear) = {0};
    struct reply_tokens made CLEANUP(reply_tokens_clear) = {0};

    if (count > ACCOUNT_TOKENS_MAX)
        return err_set(err, ERR_RANGE, NULL, "an account has at most %d backup tokens",
                       ACCOUNT_TOKENS_MAX);
    int r = store_begin(store, STORE_WRITE, err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = store;
    r = store_find(open, user, &before, err);
    if (r != 0)
        return r;
    after = before;
    r = token_renew(store_ring(open), count, &after, &made);
    if (r != 0)
        return err_set(err, r, NULL, NULL);
    r = store_save(open, &before, &after, err);
    /* What a token of the old ones has proved ends with them. */
    if (r == 0)
        r = store_ticket_clear(open, &after, err);
    if (r == 0)
        r = store_record(open, count > 0 ? "backup-new" : "backup-revoke", user, NULL, NULL, origin,
                         now, err);
    if (r == 0)
        r = store_commit(open, err);
    if (r == 0)
        *tokens = made;
    return r;
}

/* --- a device that is far off ----------------------------------------------------------------- */

static enum verdict resync_verdict(enum resync_result result)
{
    switch (result) {
    case RESYNC_FOUND:
        return VERDICT_ACCEPTED;
    case RESYNC_REPLAYED:
        return VERDICT_REPLAYED;
    case RESYNC_MALFORMED:
        return VERDICT_MALFORMED;
    case RESYNC_NOT_FOUND:
        break;
    }
    return VERDICT_WRONG;
}

int device_resync(struct store *store, const char *user, const char *label, const char *code,
                  const char *next_code, const struct event_origin *origin, int64_t now,
                  struct outcome *result, struct err *err)
{
    struct account before CLEANUP(account_clear) = {0}, after CLEANUP(account_clear) = {0};
    enum resync_result found = RESYNC_NOT_FOUND;
    size_t index = 0;

    *result = (struct outcome){0};
    int r = store_begin(store, STORE_WRITE, err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = store;
    r = store_load(open, user, &before, err);
    if (r == 0)
        r = account_choose(&before, label, CHOOSE_IN_USE_FIRST, &index, err);
    if (r != 0)
        return r;
    after = before;
    struct device *device = &after.devices[index];
    if (device->state != DEVICE_ACTIVE)
        return err_set(err, ERR_CONFLICT, user,
                       "the device is pending or disabled: only an active one can be "
                       "resynchronised");
    if (device->type == DEVICE_EMAIL)
        return err_set(err, ERR_CONFLICT, user,
                       "the codes of an e-mail device are sent: it has no clock or counter that "
                       "could be off");
    r = resync_device(code, next_code, now, device, &found);
    if (r != 0)
        return err_set(err, r, NULL, NULL);
    const enum verdict verdict = resync_verdict(found);
    if (found == RESYNC_FOUND)
        r = store_save(open, &before, &after, err);
    if (r == 0)
        r = store_record(open, "resync", user, device->label, verdict_name(verdict), origin, now,
                         err);
    if (r == 0)
        r = store_commit(open, err);
    if (r == 0) {
        *result = (struct outcome){.verdict = verdict,
                                   .admit = found == RESYNC_FOUND ? ADMIT_YES : ADMIT_NO};
        text_cut(result->device, sizeof(result->device), device->label);
    }
    return r;
}

/* --- devices in use --------------------------------------------------------------------------- */

/* A change of one device, applied to a copy of the account. 0 or an error that ends it. */
typedef int change_fn(struct account *account, size_t index, struct err *err);

static int change_device(struct store *store, const char *user, const char *label,
                         change_fn *change, const char *action, const struct event_origin *origin,
                         int64_t now, struct err *err)
{
    struct account before CLEANUP(account_clear) = {0}, after CLEANUP(account_clear) = {0};
    size_t index = 0;

    int r = store_begin(store, STORE_WRITE, err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = store;
    r = store_find(open, user, &before, err);
    if (r == 0)
        r = account_choose(&before, label, CHOOSE_IN_USE_FIRST, &index, err);
    if (r != 0)
        return r;
    after = before;
    r = change(&after, index, err);
    if (r == 0)
        r = store_save(open, &before, &after, err);
    if (r == 0)
        r = store_ticket_clear(open, &after, err);
    if (r == 0)
        r = store_record(open, action, user, before.devices[index].label, NULL, origin, now, err);
    return r == 0 ? store_commit(open, err) : r;
}

/* A device that waits to take its place goes along. */
static int remove_device(struct account *account, size_t index, struct err *err)
{
    char label[ACCOUNT_LABEL_SIZE] = "";

    (void)err;
    text_cut(label, sizeof(label), account->devices[index].label);
    for (size_t i = account->device_count; i-- > 0;)
        if (strcmp(account->devices[i].label, label) == 0)
            account_remove_device(account, i);
    if (account_count(account, DEVICE_PENDING) == account->device_count) {
        /* Without a device the tokens open nothing, and beside one that waits for its first code
         * they would; the next enrolment comes with its own. */
        secret_wipe(account->tokens, sizeof(account->tokens));
        account->token_count = 0;
        account->tokens_issued = 0;
        account->tokens_mailed = false;
    }
    return 0;
}

static int switch_device(struct account *account, size_t index, enum device_state state,
                         struct err *err)
{
    struct device *device = &account->devices[index];

    if (device->state == DEVICE_PENDING)
        return err_set(err, ERR_CONFLICT, account->name,
                       "the device '%s' is pending: confirm it with its first code", device->label);
    device->state = state;
    /* A code on its way is for the device as it was. */
    if (device->type == DEVICE_EMAIL)
        mailcode_void(account, MAIL_LOGIN);
    return 0;
}

static int activate_device(struct account *account, size_t index, struct err *err)
{
    return switch_device(account, index, DEVICE_ACTIVE, err);
}

static int disable_device(struct account *account, size_t index, struct err *err)
{
    return switch_device(account, index, DEVICE_DISABLED, err);
}

int device_remove(struct store *store, const char *user, const char *label,
                  const struct event_origin *origin, int64_t now, struct err *err)
{
    return change_device(store, user, label, remove_device, "remove", origin, now, err);
}

int device_enable(struct store *store, const char *user, const char *label, bool enable,
                  const struct event_origin *origin, int64_t now, struct err *err)
{
    return change_device(store, user, label, enable ? activate_device : disable_device,
                         enable ? "enable" : "disable", origin, now, err);
}
