/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "admin.h"

#include "mailcode.h"
#include "password.h"
#include "secret.h"
#include "text.h"

#include <string.h>

/* Records and commits: the end of every transaction here. */
static int finish(struct store *store, const char *action, const char *user,
                  const struct event_origin *origin, int64_t now, struct err *err)
{
    struct event event;

    event_init(&event, now, action, user, origin);
    int r = store_event(store, &event, err);
    return r == 0 ? store_commit(store, err) : r;
}

/* A change of one account: applied to a copy of what was loaded. 0 or an error that ends it. */
typedef int change_fn(struct account *account, const void *argument, struct err *err);

/* What has just been proved by a code does not outlive such a change. */
enum grace { GRACE_KEPT, GRACE_CLEARED };

static int apply(struct store *store, const char *user, change_fn *change, const void *argument,
                 enum grace grace, const char *action, const struct event_origin *origin,
                 int64_t now, struct err *err)
{
    struct account before CLEANUP(account_clear) = {0}, after CLEANUP(account_clear) = {0};

    int r = store_begin(store, STORE_WRITE, err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = store;
    r = store_find(open, user, &before, err);
    if (r != 0)
        return r;
    after = before;
    r = change(&after, argument, err);
    if (r == 0)
        r = store_save(open, &before, &after, err);
    if (r == 0 && grace == GRACE_CLEARED)
        r = store_ticket_clear(open, &after, err);
    return r == 0 ? finish(open, action, user, origin, now, err) : r;
}

/* Checked fields, the password hashed. */
struct checked {
    const struct admin_fields *fields;
    char hash[ACCOUNT_HASH_SIZE];
};

static void checked_clear(struct checked *checked)
{
    secret_wipe(checked, sizeof(*checked));
}

static int check(const struct admin_fields *fields, struct checked *checked, struct err *err)
{
    checked->fields = fields;
    if (fields->email != NULL && !account_email_valid(fields->email))
        return err_set(err, ERR_INVALID, "email",
                       "this is not one plain address local@domain: in ASCII, of at most 254 "
                       "characters, without blanks, quotes, commas and angle brackets");
    if (fields->full_name != NULL && !account_full_name_valid(fields->full_name))
        return err_set(err, ERR_INVALID, "full_name",
                       "a full name is at most 256 bytes of printable text");
    if (fields->password == NULL || fields->password[0] == '\0')
        return 0;
    if (fields->hash != NULL)
        return text_copy(checked->hash, sizeof(checked->hash), fields->hash) == 0
                   ? 0
                   : err_set(err, ERR_TOO_LONG, "password", NULL);
    int r = password_hash(fields->password, checked->hash);
    return r == 0 ? 0 : err_set(err, r, "password", NULL);
}

/* As long as all devices wait, whoever acted in a person's name could have made them; the role must
 * not fall to them. */
static void set_role(struct account *account, enum account_role role)
{
    if (role == ROLE_ADMIN && account->role != ROLE_ADMIN &&
        account_count(account, DEVICE_PENDING) == account->device_count)
        while (account->device_count > 0)
            account_remove_device(account, account->device_count - 1);
    account->role = role;
}

static bool has_email(const struct account *account)
{
    for (size_t i = 0; i < account->device_count; i++)
        if (account->devices[i].type == DEVICE_EMAIL)
            return true;
    return false;
}

static int change_fields(struct account *account, const void *argument, struct err *err)
{
    const struct checked *checked = argument;
    const struct admin_fields *fields = checked->fields;

    if (fields->email != NULL && strcmp(fields->email, account->email) != 0 && has_email(account))
        return err_set(err, ERR_CONFLICT, account->name,
                       "an e-mail device was made for the address there is: remove it first, and "
                       "enrol it anew");
    /* A code on its way to the old address, or for the old password, recovers nothing any more. */
    if (fields->password != NULL ||
        (fields->email != NULL && strcmp(fields->email, account->email) != 0))
        mailcode_void(account, MAIL_RECOVERY);
    if (fields->email != NULL)
        text_cut(account->email, sizeof(account->email), fields->email);
    if (fields->full_name != NULL)
        text_cut(account->full_name, sizeof(account->full_name), fields->full_name);
    if (fields->role != NULL)
        set_role(account, *fields->role);
    if (fields->password != NULL)
        text_cut(account->password, sizeof(account->password), checked->hash);
    if (fields->expire && account->password[0] == '\0')
        return err_set(err, ERR_CONFLICT, account->name,
                       "the account has no password in the store that could expire: set one");
    if (fields->password != NULL || fields->expire)
        account->password_expired = fields->expire;
    return 0;
}

int admin_add(struct store *store, const char *user, const struct admin_fields *fields,
              const struct event_origin *origin, int64_t now, struct err *err)
{
    struct account before CLEANUP(account_clear) = {0}, after CLEANUP(account_clear) = {0};
    struct checked checked CLEANUP(checked_clear) = {0};

    if (!account_name_valid(user))
        return err_set(err, ERR_INVALID, NULL, "this cannot be a user's name");
    int r = check(fields, &checked, err);
    if (r == 0)
        r = store_begin(store, STORE_WRITE, err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = store;
    account_init(&after, user);
    after.created = now;
    r = change_fields(&after, &checked, err);
    if (r == 0)
        r = store_save(open, &before, &after, err);
    return r == 0 ? finish(open, "add", user, origin, now, err) : r;
}

int admin_set(struct store *store, const char *user, const struct admin_fields *fields,
              const char *action, const struct event_origin *origin, int64_t now, struct err *err)
{
    struct checked checked CLEANUP(checked_clear) = {0};

    const bool clears =
        fields->clear_grace || fields->password != NULL || fields->expire || fields->role != NULL;

    int r = check(fields, &checked, err);
    return r == 0 ? apply(store, user, change_fields, &checked, clears ? GRACE_CLEARED : GRACE_KEPT,
                          action, origin, now, err)
                  : r;
}

/* Codes on their way are for the account as it was. */
static void void_codes(struct account *account)
{
    for (unsigned i = 0; i < MAIL_PURPOSES; i++)
        mailcode_void(account, i);
}

static int change_enabled(struct account *account, const void *argument, struct err *err)
{
    (void)err;
    account->enabled = *(const bool *)argument;
    void_codes(account);
    return 0;
}

int admin_enable(struct store *store, const char *user, bool enable,
                 const struct event_origin *origin, int64_t now, struct err *err)
{
    return apply(store, user, change_enabled, &enable, GRACE_CLEARED, enable ? "enable" : "disable",
                 origin, now, err);
}

static int change_closed(struct account *account, const void *argument, struct err *err)
{
    (void)err;
    account->closed = *(const bool *)argument;
    void_codes(account);
    if (account->closed)
        return 0;
    account->failures = 0;
    account->locked_until = 0;
    return 0;
}

int admin_lock(struct store *store, const char *user, bool lock, const struct event_origin *origin,
               int64_t now, struct err *err)
{
    return apply(store, user, change_closed, &lock, GRACE_CLEARED, lock ? "lock" : "unlock", origin,
                 now, err);
}

int admin_remove(struct store *store, const char *user, const struct event_origin *origin,
                 int64_t now, struct err *err)
{
    int r = store_begin(store, STORE_WRITE, err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = store;
    r = store_remove(open, user, err);
    return r == 0 ? finish(open, "remove", user, origin, now, err) : r;
}

int admin_show(struct store *store, const char *user, struct account *account, struct err *err)
{
    int r = store_begin(store, STORE_READ, err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = store;
    return store_find(open, user, account, err);
}
