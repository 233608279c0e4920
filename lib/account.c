/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "account.h"

#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define EMAIL_MAX 254
#define FAILURES_MAX 1000000
#define DRIFT_STEPS_MAX 20
#define SEALED_SIZE_MIN (12 + 1 + 16)

void account_init(struct account *account, const char *name)
{
    *account = (struct account){.role = ROLE_USER, .enabled = true};
    /* Cut, it might be somebody else's. */
    if (text_copy(account->name, sizeof(account->name), name) != 0)
        account->name[0] = '\0';
}

void account_clear(struct account *account)
{
    secret_wipe(account, sizeof(*account));
}

bool account_name_valid(const char *name)
{
    size_t length = strlen(name);

    return length > 0 && length < ACCOUNT_NAME_SIZE && text_is_printable(name, length) &&
           strpbrk(name, " :/,") == NULL && name[0] != '-' && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

bool account_label_valid(const char *label)
{
    size_t length = strlen(label);

    return length > 0 && length < ACCOUNT_LABEL_SIZE && text_is_printable(label, length) &&
           label[0] != '-' && label[0] != ' ' && label[length - 1] != ' ';
}

/* Printable ASCII without the blank. */
static bool is_graphic(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

bool account_email_valid(const char *email)
{
    const char *at = strchr(email, '@');

    if (email[0] == '\0')
        return true;
    return strlen(email) <= EMAIL_MAX && is_graphic(email) && strpbrk(email, "\",<>") == NULL &&
           at != NULL && at != email && at[1] != '\0' && strchr(at + 1, '@') == NULL;
}

/* The first character of what stands between two marks, and that there is more. */
static size_t mask_part(const char *part, size_t length, char *out)
{
    size_t at = 0;

    if (length > 0)
        out[at++] = part[0];
    memset(out + at, '*', 3);
    return at + 3;
}

void account_email_mask(const char *email, char out[static ACCOUNT_TEXT_SIZE])
{
    const char *at = strchr(email, '@');
    size_t length = 0;

    out[0] = '\0';
    if (at == NULL || !account_email_valid(email))
        return;
    const char *dot = strrchr(at, '.');
    if (dot == NULL || dot == at + 1)
        dot = at + strlen(at);
    length = mask_part(email, (size_t)(at - email), out);
    out[length++] = '@';
    length += mask_part(at + 1, (size_t)(dot - at - 1), out + length);
    /* Of a name without a dot nothing but its beginning is shown. */
    text_cut(out + length, ACCOUNT_TEXT_SIZE - length, dot);
}

bool account_full_name_valid(const char *full_name)
{
    size_t length = strlen(full_name);

    return length < ACCOUNT_TEXT_SIZE && text_is_printable(full_name, length);
}

static bool is_terminated(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static bool is_key_id(const char id[static ACCOUNT_KEY_ID_SIZE])
{
    return is_terminated(id, ACCOUNT_KEY_ID_SIZE) && id[0] != '\0' && is_graphic(id);
}

static bool is_time(int64_t time, int64_t min)
{
    return time >= min && time <= ACCOUNT_LOCKED_FOR_EVER;
}

static bool is_period(const struct device *device)
{
    if (device->type != DEVICE_TOTP)
        return device->period == 0;
    return device->period >= OTP_PERIOD_MIN && device->period <= OTP_PERIOD_MAX;
}

/* The first field that is out of bounds, or NULL. An enumeration the store has read may hold any
 * number. */
static const char *device_wrong_field(const struct device *device)
{
    const int64_t drift_max = DRIFT_STEPS_MAX * ACCOUNT_DRIFT_SCALE;

    if (device->id <= 0)
        return "id";
    if (!is_terminated(device->label, sizeof(device->label)) || !account_label_valid(device->label))
        return "label";
    if ((size_t)device->type > DEVICE_EMAIL)
        return "type";
    if ((size_t)device->state > DEVICE_DISABLED)
        return "state";
    if ((size_t)device->algorithm > OTP_SHA512)
        return "algorithm";
    if (device->digits < OTP_DIGITS_MIN || device->digits > OTP_DIGITS_MAX)
        return "digits";
    if (!is_period(device))
        return "period";
    if (!is_time(device->last_step, ACCOUNT_NEVER)) /* no step is greater than its time */
        return "last_step";
    if (device->counter < 0 || device->counter > OTP_COUNTER_MAX)
        return "counter";
    if (device->drift < -drift_max || device->drift > drift_max)
        return "drift";
    if (device->offset < -ACCOUNT_OFFSET_MAX || device->offset > ACCOUNT_OFFSET_MAX)
        return "offset";
    if (!is_time(device->created, 0))
        return "created";
    if (!is_time(device->last_used, ACCOUNT_NEVER))
        return "last_used";
    if (device->secret.length > sizeof(device->secret.bytes))
        return "secret";
    if (!is_key_id(device->sealed.key_id))
        return "key_id";
    if (device->sealed.length < SEALED_SIZE_MIN ||
        device->sealed.length > sizeof(device->sealed.bytes))
        return "sealed";
    return NULL;
}

static bool is_mail_code(const struct mail_code *code)
{
    if (code->sent == 0)
        return true;
    return is_time(code->sent, 0) && is_time(code->expires, 0) && code->device >= 0 &&
           code->tries <= ACCOUNT_MAIL_TRIES && is_key_id(code->key_id);
}

static const char *account_wrong_field(const struct account *account)
{
    if (account->id <= 0)
        return "id";
    if (!is_terminated(account->name, sizeof(account->name)) || !account_name_valid(account->name))
        return "name";
    if (!is_terminated(account->email, sizeof(account->email)) ||
        !account_email_valid(account->email))
        return "email";
    if (!is_terminated(account->full_name, sizeof(account->full_name)) ||
        !account_full_name_valid(account->full_name))
        return "full_name";
    if (!is_terminated(account->password, sizeof(account->password)) ||
        !is_graphic(account->password))
        return "password";
    if ((size_t)account->role > ROLE_ADMIN)
        return "role";
    if (account->failures > FAILURES_MAX)
        return "failures";
    if (!is_time(account->locked_until, 0))
        return "locked_until";
    if (!is_time(account->created, 0))
        return "created";
    if (account->tokens_issued > ACCOUNT_TOKENS_MAX)
        return "tokens_issued";
    if (account->device_count > ACCOUNT_DEVICES_MAX)
        return "device_count";
    if (account->token_count > ACCOUNT_TOKENS_MAX)
        return "token_count";
    for (size_t i = 0; i < MAIL_PURPOSES; i++)
        if (!is_mail_code(&account->codes[i]))
            return "mail_code";
    return NULL;
}

static bool device_id_repeats(const struct account *account, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (account->devices[i].id == account->devices[index].id)
            return true;
    return false;
}

static int corrupt(struct err *err, const struct account *account, const char *record,
                   const char *field)
{
    char where[64] = "";

    snprintf(where, sizeof(where), "account %" PRId64 "%s", account->id, record);
    return err_set(err, ERR_STORE_CORRUPT, where,
                   "its %s in the store cannot be right; restore a copy of the store, or remove "
                   "the account and enrol it again",
                   field);
}

int account_validate(const struct account *account, struct err *err)
{
    const char *field = account_wrong_field(account);

    if (field != NULL)
        return corrupt(err, account, "", field);
    for (size_t i = 0; i < account->device_count; i++) {
        field = device_wrong_field(&account->devices[i]);
        if (field == NULL && device_id_repeats(account, i))
            field = "id";
        if (field != NULL)
            return corrupt(err, account, ", device", field);
    }
    for (size_t i = 0; i < account->token_count; i++)
        if (!is_key_id(account->tokens[i].key_id))
            return corrupt(err, account, ", backup token", "key_id");
    return 0;
}

struct device *account_device(struct account *account, const char *label, enum device_state state)
{
    for (size_t i = 0; i < account->device_count; i++)
        if (account->devices[i].state == state && strcmp(account->devices[i].label, label) == 0)
            return &account->devices[i];
    return NULL;
}

const struct device *account_device_any(const struct account *account, const char *label)
{
    for (size_t i = 0; i < account->device_count; i++)
        if (strcmp(account->devices[i].label, label) == 0)
            return &account->devices[i];
    return NULL;
}

size_t account_count(const struct account *account, enum device_state state)
{
    size_t count = 0;

    for (size_t i = 0; i < account->device_count; i++)
        count += account->devices[i].state == state;
    return count;
}

int account_add_device(struct account *account, const struct device *device)
{
    if (account->device_count >= ACCOUNT_DEVICES_MAX)
        return ERR_LIMIT;
    account->devices[account->device_count++] = *device;
    return 0;
}

void account_remove_device(struct account *account, size_t index)
{
    if (index >= account->device_count)
        return;
    struct mail_code *code = &account->codes[MAIL_LOGIN];
    if (code->device == account->devices[index].id) {
        code->tries = 0;
        secret_wipe(code->digest, sizeof(code->digest));
    }
    account->device_count--;
    memmove(&account->devices[index], &account->devices[index + 1],
            (account->device_count - index) * sizeof(account->devices[0]));
    secret_wipe(&account->devices[account->device_count], sizeof(account->devices[0]));
}

void account_remove_token(struct account *account, size_t index)
{
    if (index >= account->token_count)
        return;
    account->token_count--;
    memmove(&account->tokens[index], &account->tokens[index + 1],
            (account->token_count - index) * sizeof(account->tokens[0]));
    secret_wipe(&account->tokens[account->token_count], sizeof(account->tokens[0]));
}

static int refuse_several(const struct account *account, enum account_choice choice,
                          struct err *err)
{
    if (choice == CHOOSE_PENDING)
        return err_set(err, ERR_CONFLICT, account->name,
                       "there are several pending devices: name the one you mean");
    return err_set(err, ERR_CONFLICT, account->name,
                   "there are several devices: name the one you mean");
}

static int refuse_none(const struct account *account, enum account_choice choice, struct err *err)
{
    if (choice == CHOOSE_PENDING)
        return err_set(err, ERR_NOT_FOUND, account->name, "there is no such pending device");
    return err_set(err, ERR_NOT_FOUND, account->name, "there is no such device");
}

int account_choose(const struct account *account, const char *label, enum account_choice choice,
                   size_t *index, struct err *err)
{
    const struct device *found = NULL;

    for (size_t i = 0; i < account->device_count; i++) {
        const struct device *device = &account->devices[i];
        bool waits = device->state == DEVICE_PENDING;
        if ((choice == CHOOSE_PENDING && (!waits || device->at_login)) ||
            (label != NULL && strcmp(label, device->label) != 0))
            continue;
        if (found != NULL && strcmp(found->label, device->label) != 0)
            return refuse_several(account, choice, err);
        if (found == NULL || waits == (choice == CHOOSE_PENDING_FIRST))
            found = device;
    }
    if (found == NULL)
        return refuse_none(account, choice, err);
    *index = (size_t)(found - account->devices);
    return 0;
}
