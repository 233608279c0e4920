/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "store.h"

#include "rules.h"
#include "secret.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PRUNED_AT_ONCE 2

struct store {
    const struct backend *backend;
    void *handle;
    struct seal_ring ring;
    bool group, marked;      /* a group is open, and a part of it */
    int64_t retention;       /* of events, seconds; 0: for ever */
    struct outbox *outbox;   /* of whoever has opened it; NULL: nobody is told */
    size_t group_mark, mark; /* what stands before them was put there by what has happened */
};

static const struct backend *const backends[] = {&backend_sqlite};

static const struct backend *find_backend(const char *uri, const char **address)
{
    for (size_t i = 0; i < ARRAY_SIZE(backends); i++) {
        size_t length = strlen(backends[i]->scheme);
        if (strncmp(uri, backends[i]->scheme, length) == 0 && uri[length] == ':') {
            *address = uri + length + 1;
            return backends[i];
        }
    }
    return NULL;
}

int store_open(const char *uri, const struct seal_ring *ring, bool create, bool *created,
               struct store **store, struct err *err)
{
    const char *address = "";
    const struct backend *backend = find_backend(uri, &address);

    if (backend == NULL)
        return err_set(err, ERR_INVALID, uri,
                       "no such kind of store: 'store' must read 'sqlite:/PATH'");
    struct store *opened = calloc(1, sizeof(*opened));
    if (opened == NULL)
        return err_set(err, ERR_NOMEM, uri, NULL);
    opened->backend = backend;
    opened->ring = *ring;
    int r = backend->open(address, create ? BACKEND_CREATE : BACKEND_EXISTING, created,
                          &opened->handle, err);
    if (r != 0) {
        store_close(&opened);
        return r;
    }
    *store = opened;
    return 0;
}

void store_close(struct store **store)
{
    struct store *closing = *store;

    *store = NULL;
    if (closing == NULL)
        return;
    closing->backend->close(closing->handle);
    seal_ring_clear(&closing->ring);
    free(closing);
}

const struct seal_ring *store_ring(const struct store *store)
{
    return &store->ring;
}

void store_set_outbox(struct store *store, struct outbox *outbox)
{
    store->outbox = outbox;
    store->mark = store->group_mark = outbox != NULL ? outbox->count : 0;
}

static size_t count_posted(const struct store *store)
{
    return store->outbox != NULL ? store->outbox->count : 0;
}

int store_post(struct store *store, const struct notice *notice, struct err *err)
{
    int r = store->outbox != NULL ? outbox_add(store->outbox, notice) : 0;

    return r == 0 ? 0 : err_set(err, r, NULL, NULL);
}

int store_begin(struct store *store, enum store_access access, struct err *err)
{
    store->mark = count_posted(store);
    if (!store->group)
        return store->backend->begin(store->handle, access == STORE_WRITE, err);
    int r = store->backend->mark(store->handle, err);
    store->marked = r == 0;
    return r;
}

int store_commit(struct store *store, struct err *err)
{
    int r = store->group ? store->backend->keep(store->handle, err)
                         : store->backend->commit(store->handle, err);

    if (r == 0)
        store->mark = count_posted(store);
    else if (store->group)
        store_rollback(store);
    store->marked = false;
    return r;
}

void store_rollback(struct store *store)
{
    if (store->outbox != NULL)
        outbox_cut(store->outbox, store->mark);
    if (!store->group)
        store->backend->rollback(store->handle);
    else if (store->marked)
        store->backend->undo(store->handle);
    store->marked = false;
}

int store_group_begin(struct store *store, struct err *err)
{
    int r = store->backend->begin(store->handle, true, err);

    store->group = r == 0;
    store->mark = store->group_mark = count_posted(store);
    return r;
}

int store_group_commit(struct store *store, struct err *err)
{
    /* A part that was neither kept nor undone has not happened. */
    store_rollback(store);
    int r = store->backend->commit(store->handle, err);

    store->group = false;
    if (r == 0)
        store->mark = store->group_mark = count_posted(store);
    return r;
}

void store_group_end(struct store **store)
{
    (*store)->group = false;
    (*store)->marked = false;
    (*store)->mark = (*store)->group_mark;
    store_rollback(*store);
}

void store_end(struct store **store)
{
    store_rollback(*store);
}

void store_settle(struct store *store)
{
    store->backend->settle(store->handle);
}

static int open_devices(struct store *store, struct account *account, struct err *err)
{
    for (size_t i = 0; i < account->device_count; i++) {
        int r = seal_open_device(&store->ring, account->name, &account->devices[i]);
        if (r == ERR_KEY_UNKNOWN)
            return err_set(err, r, account->name,
                           "the secret of device '%s' was sealed with the key '%s', which the key "
                           "file lacks: put that key back",
                           account->devices[i].label, account->devices[i].sealed.key_id);
        if (r != 0)
            return err_set(err, r, account->name,
                           "the secret of device '%s' does not open: the record was altered, or "
                           "the key file is another store's",
                           account->devices[i].label);
    }
    return 0;
}

int store_find(struct store *store, const char *name, struct account *account, struct err *err)
{
    /* A name that cannot have been stored is nobody's, and the back end need not see it. */
    if (!account_name_valid(name)) {
        account_init(account, "");
        return err_set(err, ERR_NOT_FOUND, NULL, NULL);
    }
    return store->backend->account_find(store->handle, name, account, err);
}

int store_load(struct store *store, const char *name, struct account *account, struct err *err)
{
    int r = store_find(store, name, account, err);

    if (r == 0)
        r = open_devices(store, account, err);
    if (r != 0)
        account_clear(account);
    return r;
}

/* What may change in a device once it is made. */
static bool device_differs(const struct device *a, const struct device *b)
{
    return strcmp(a->label, b->label) != 0 || a->state != b->state ||
           a->last_step != b->last_step || a->counter != b->counter || a->drift != b->drift ||
           a->offset != b->offset || a->at_login != b->at_login || a->last_used != b->last_used;
}

static const struct device *find_device(const struct account *account, int64_t id)
{
    for (size_t i = 0; i < account->device_count; i++)
        if (account->devices[i].id == id)
            return &account->devices[i];
    return NULL;
}

static bool has_token(const struct account *account, const struct token *token)
{
    for (size_t i = 0; i < account->token_count; i++)
        if (memcmp(account->tokens[i].digest, token->digest, sizeof(token->digest)) == 0 &&
            strcmp(account->tokens[i].key_id, token->key_id) == 0)
            return true;
    return false;
}

static int save_devices(struct store *store, const struct account *before, struct account *after,
                        struct err *err)
{
    const struct backend *backend = store->backend;
    int r = 0;

    for (size_t i = 0; r == 0 && i < before->device_count; i++)
        if (find_device(after, before->devices[i].id) == NULL)
            r = backend->device_delete(store->handle, after->id, before->devices[i].id, err);
    for (size_t i = 0; r == 0 && i < after->device_count; i++) {
        struct device *device = &after->devices[i];
        const struct device *old = find_device(before, device->id);
        if (old == NULL) {
            r = seal_device(&store->ring, after->name, device);
            if (r != 0)
                return err_set(err, r, after->name, NULL);
            r = backend->device_insert(store->handle, after->id, device, err);
        } else if (device_differs(old, device)) {
            r = backend->device_update(store->handle, after->id, device, err);
        }
    }
    return r;
}

static int save_tokens(struct store *store, const struct account *before,
                       const struct account *after, struct err *err)
{
    const struct backend *backend = store->backend;
    int r = 0;

    for (size_t i = 0; r == 0 && i < before->token_count; i++)
        if (!has_token(after, &before->tokens[i]))
            r = backend->token_delete(store->handle, after->id, &before->tokens[i], err);
    for (size_t i = 0; r == 0 && i < after->token_count; i++)
        if (!has_token(before, &after->tokens[i]))
            r = backend->token_insert(store->handle, after->id, &after->tokens[i], err);
    return r;
}

static bool is_same_code(const struct mail_code *a, const struct mail_code *b)
{
    return a->sent == b->sent && a->expires == b->expires && a->device == b->device &&
           a->tries == b->tries && strcmp(a->key_id, b->key_id) == 0 &&
           memcmp(a->digest, b->digest, sizeof(a->digest)) == 0;
}

static int save_codes(struct store *store, const struct account *before,
                      const struct account *after, struct err *err)
{
    const struct backend *backend = store->backend;
    int r = 0;

    for (unsigned i = 0; r == 0 && i < MAIL_PURPOSES; i++) {
        const struct mail_code *code = &after->codes[i];
        if (is_same_code(&before->codes[i], code))
            continue;
        /* Also what goes is written first: see store_save about limits. */
        const struct mail_code *written = code->sent != 0 ? code : &before->codes[i];
        r = backend->code_put(store->handle, after->id, i, written, err);
        if (r == 0 && code->sent == 0)
            r = backend->code_delete(store->handle, after->id, i, err);
    }
    return r;
}

/* What cannot be told for want of memory must not undo what is to be told. */
static void post_change(struct store *store, const struct account *before,
                        const struct account *after)
{
    const size_t count = count_posted(store);

    if (store->outbox != NULL && notice_of_change(before, after, store->outbox) != 0)
        outbox_cut(store->outbox, count);
}

int store_save(struct store *store, const struct account *before, struct account *after,
               struct err *err)
{
    int r = 0;

    /* Written whether it differs or not: a login that is accepted takes everything that a refused
     * one takes, and more. Who starts a setuid program with limits on what it may write or allocate
     * must find none under which a refusal fails before it is counted and an acceptance does not.
     */
    if (before->id == 0)
        r = store->backend->account_insert(store->handle, after, err);
    else
        r = store->backend->account_update(store->handle, after, err);
    if (r == 0)
        r = save_devices(store, before, after, err);
    if (r == 0)
        r = save_tokens(store, before, after, err);
    if (r == 0)
        r = save_codes(store, before, after, err);
    if (r == 0)
        post_change(store, before, after);
    return r;
}

/* Of a record that cannot be read nobody is told. */
static int post_removal(struct store *store, const char *name, struct err *err)
{
    struct account account CLEANUP(account_clear) = {0};
    struct notice notice = {0};

    if (store->backend->account_find(store->handle, name, &account, NULL) != 0 ||
        !notice_start(&notice, NOTICE_ACCOUNT_REMOVED, &account))
        return 0;
    return store_post(store, &notice, err);
}

int store_remove(struct store *store, const char *name, struct err *err)
{
    if (!account_name_valid(name))
        return err_set(err, ERR_NOT_FOUND, NULL, NULL);
    int r = store->outbox != NULL ? post_removal(store, name, err) : 0;
    return r == 0 ? store->backend->account_delete(store->handle, name, err) : r;
}

int store_each(struct store *store, backend_account_visitor *visit, void *context, struct err *err)
{
    return store->backend->account_each(store->handle, visit, context, err);
}

int store_ticket_find(struct store *store, const struct account *account, const char *service,
                      const char *origin, int64_t *time, struct err *err)
{
    return store->backend->ticket_find(store->handle, account->id, service, origin, time, err);
}

int store_ticket_put(struct store *store, const struct account *account, const char *service,
                     const char *origin, int64_t time, struct err *err)
{
    return store->backend->ticket_put(store->handle, account->id, service, origin, time,
                                      time - RULES_GRACE_MAX, err);
}

int store_ticket_clear(struct store *store, const struct account *account, struct err *err)
{
    return store->backend->ticket_clear(store->handle, account->id, err);
}

void store_keep_events(struct store *store, int64_t seconds)
{
    store->retention = seconds;
}

/* Who did it, and from where, is what the transaction's own event says. */
static void sign_posted(const struct store *store, const struct event *event)
{
    for (size_t i = store->mark; i < count_posted(store); i++) {
        struct notice *notice = &store->outbox->notices[i];
        notice->time = event->time;
        text_cut(notice->service, sizeof(notice->service), event->service);
        text_cut(notice->rhost, sizeof(notice->rhost), event->rhost);
        text_cut(notice->actor, sizeof(notice->actor), event->actor);
    }
}

int store_event(struct store *store, const struct event *event, struct err *err)
{
    int r = store->backend->event_insert(store->handle, event, err);

    if (r == 0)
        sign_posted(store, event);

    if (r != 0 || store->retention == 0 || event->time <= store->retention)
        return r;
    return store->backend->event_prune(store->handle, event->time - store->retention,
                                       PRUNED_AT_ONCE, err);
}

int store_record(struct store *store, const char *action, const char *user, const char *device,
                 const char *verdict, const struct event_origin *origin, int64_t now,
                 struct err *err)
{
    struct event event;

    event_init(&event, now, action, user, origin);
    text_cut(event.device, sizeof(event.device), device);
    text_cut(event.verdict, sizeof(event.verdict), verdict);
    return store_event(store, &event, err);
}

int store_events(struct store *store, const struct backend_filter *filter,
                 backend_event_visitor *visit, void *context, struct err *err)
{
    return store->backend->event_each(store->handle, filter, visit, context, err);
}
