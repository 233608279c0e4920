/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "notice.h"

#include "err.h"
#include "secret.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 4 /* a change is seldom worth more */

static const struct {
    const char *name, *wish;
} kinds[NOTICE_COUNT] = {
#define NOTICE_ROW(identifier, kind_name, notify) [NOTICE_##identifier] = {kind_name, notify},
    NOTICE_KINDS(NOTICE_ROW)
#undef NOTICE_ROW
};

const char *notice_name(enum notice_kind kind)
{
    return kinds[kind].name;
}

const char *notice_wish(enum notice_kind kind)
{
    return kinds[kind].wish;
}

void notice_clear(struct notice *notice)
{
    secret_wipe(notice, sizeof(*notice));
}

/* --- outbox ----------------------------------------------------------------------------------- */

void outbox_cut(struct outbox *outbox, size_t count)
{
    while (outbox->count > count)
        secret_wipe(&outbox->notices[--outbox->count], sizeof(outbox->notices[0]));
}

void outbox_clear(struct outbox *outbox)
{
    outbox_cut(outbox, 0);
    free(outbox->notices);
    *outbox = (struct outbox){0};
}

/* Not by realloc, which would leave a copy of what is secret behind. */
static int make_room(struct outbox *outbox)
{
    const size_t room = outbox->room == 0 ? ROOM_FIRST : 2 * outbox->room;

    if (outbox->count < outbox->room)
        return 0;
    struct notice *notices = calloc(room, sizeof(*notices));
    if (notices == NULL)
        return ERR_NOMEM;
    if (outbox->count > 0) {
        memcpy(notices, outbox->notices, outbox->count * sizeof(*notices));
        secret_wipe(outbox->notices, outbox->count * sizeof(*notices));
    }
    free(outbox->notices);
    outbox->notices = notices;
    outbox->room = room;
    return 0;
}

int outbox_reserve(struct outbox *outbox)
{
    return make_room(outbox);
}

int outbox_add(struct outbox *outbox, const struct notice *notice)
{
    int r = make_room(outbox);

    if (r == 0)
        outbox->notices[outbox->count++] = *notice;
    return r;
}

/* --- what a change is worth telling ----------------------------------------------------------- */

bool notice_start(struct notice *notice, enum notice_kind kind, const struct account *account)
{
    *notice = (struct notice){.kind = kind};
    if (account->email[0] == '\0' || !account_email_valid(account->email))
        return false;
    text_cut(notice->to, sizeof(notice->to), account->email);
    text_cut(notice->full_name, sizeof(notice->full_name), account->full_name);
    text_cut(notice->user, sizeof(notice->user), account->name);
    return true;
}

/* One change: from before to after, told to the address there was, or else to the one there is. */
struct change {
    const struct account *before, *after;
    struct outbox *outbox;
};

static int tell(const struct change *change, enum notice_kind kind, const char *device,
                int64_t until, int64_t left)
{
    struct notice notice;

    if (!notice_start(&notice, kind,
                      change->before->email[0] != '\0' ? change->before : change->after))
        return 0;
    text_cut(notice.device, sizeof(notice.device), device);
    notice.until = until;
    notice.left = left;
    return outbox_add(change->outbox, &notice);
}

static const struct device *find_device(const struct account *account, int64_t id)
{
    for (size_t i = 0; i < account->device_count; i++)
        if (account->devices[i].id == id)
            return &account->devices[i];
    return NULL;
}

static bool is_active(const struct device *device)
{
    return device != NULL && device->state == DEVICE_ACTIVE;
}

static bool has_active(const struct account *account, const char *label)
{
    for (size_t i = 0; i < account->device_count; i++)
        if (is_active(&account->devices[i]) && strcmp(account->devices[i].label, label) == 0)
            return true;
    return false;
}

/* *added: a device has become active. */
static int tell_added(const struct change *change, bool *added)
{
    int r = 0;

    *added = false;
    for (size_t i = 0; r == 0 && i < change->after->device_count; i++) {
        const struct device *device = &change->after->devices[i];
        const struct device *old = find_device(change->before, device->id);
        if (!is_active(device) || (old != NULL && old->state != DEVICE_PENDING))
            continue;
        *added = true;
        r = tell(change, NOTICE_DEVICE_ADDED, device->label, 0, 0);
    }
    return r;
}

/* What is left where a device has gone. */
static int64_t count_left(const struct change *change)
{
    const size_t active = account_count(change->after, DEVICE_ACTIVE);

    if (active == 0 && change->before->token_count > 0 && change->after->token_count == 0)
        return NOTICE_NO_TOKENS;
    return (int64_t)active;
}

static int tell_removed(const struct change *change)
{
    const int64_t left = count_left(change);
    int r = 0;

    for (size_t i = 0; r == 0 && i < change->before->device_count; i++) {
        const struct device *device = &change->before->devices[i];
        const struct device *now = find_device(change->after, device->id);
        if (now == NULL && device->state != DEVICE_PENDING &&
            !has_active(change->after, device->label))
            r = tell(change, NOTICE_DEVICE_REMOVED, device->label, 0, left);
        else if (is_active(device) && now != NULL && now->state == DEVICE_DISABLED)
            r = tell(change, NOTICE_DEVICE_DISABLED, device->label, 0, left);
    }
    if (r == 0 && change->before->enabled && !change->after->enabled)
        r = tell(change, NOTICE_ACCOUNT_DISABLED, NULL, 0, 0);
    return r;
}

static bool has_token(const struct account *account, const struct token *token)
{
    for (size_t i = 0; i < account->token_count; i++)
        if (memcmp(account->tokens[i].digest, token->digest, sizeof(token->digest)) == 0)
            return true;
    return false;
}

static int tell_tokens(const struct change *change)
{
    const struct account *before = change->before, *after = change->after;
    size_t fresh = 0;

    for (size_t i = 0; i < after->token_count; i++)
        fresh += !has_token(before, &after->tokens[i]);
    if (fresh > 0 || (after->token_count == 0 && before->token_count > 1) ||
        (before->tokens_issued != 0 && after->tokens_issued == 0))
        return tell(change, NOTICE_TOKENS_RENEWED, NULL, 0, (int64_t)after->token_count);
    if (after->token_count < before->token_count)
        return tell(change, NOTICE_TOKEN_USED, NULL, 0, (int64_t)after->token_count);
    return 0;
}

/* Of a row of locks the first is told, and the one that stays. */
static int tell_lock(const struct change *change)
{
    const struct account *before = change->before, *after = change->after;
    const bool stays = after->locked_until == ACCOUNT_LOCKED_FOR_EVER;

    if (after->closed)
        return before->closed ? 0 : tell(change, NOTICE_LOCKED, NULL, ACCOUNT_LOCKED_FOR_EVER, 0);
    if (after->locked_until > before->locked_until && (before->locked_until == 0 || stays))
        return tell(change, NOTICE_LOCKED, NULL, after->locked_until, 0);
    return 0;
}

int notice_of_change(const struct account *before, const struct account *after,
                     struct outbox *outbox)
{
    const struct change change = {.before = before, .after = after, .outbox = outbox};
    const size_t first = outbox->count;
    bool added = false;

    if (before->id == 0)
        return 0;
    int r = tell_added(&change, &added);
    if (r == 0)
        r = tell_removed(&change);
    /* Tokens that go with the last device are told of with it. */
    if (r == 0 && !added && outbox->count == first)
        r = tell_tokens(&change);
    if (r == 0)
        r = tell_lock(&change);
    if (r == 0 && strcmp(before->password, after->password) != 0)
        r = tell(&change, NOTICE_PASSWORD, NULL, 0, after->password[0] != '\0');
    /* Who is not to hear of it is whoever has set it. Before there is anything to protect, whoever
     * acts in a person's name could have others written to. */
    if (r == 0 && before->email[0] != '\0' && strcmp(before->email, after->email) != 0 &&
        (before->password[0] != '\0' ||
         account_count(before, DEVICE_PENDING) < before->device_count))
        r = tell(&change, NOTICE_ADDRESS, NULL, 0, 0);
    return r;
}
