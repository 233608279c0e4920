/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "engine.h"

#include "keys.h"
#include "mail.h"
#include "perform.h"
#include "qr.h"
#include "store.h"

#include <string.h>
#include <unistd.h>

#define LOCALHOST "localhost"

static int open_and_perform(const struct conf *conf, const char *host, const struct call *call,
                            int64_t now, struct outbox *outbox, struct reply *reply,
                            struct err *err)
{
    struct seal_ring ring CLEANUP(seal_ring_clear) = {0};
    struct store *store CLEANUP(store_close) = NULL;

    int r = keys_load(conf->key_file, &ring, err);
    if (r == 0)
        r = store_open(conf->store, &ring, false, NULL, &store, err);
    if (r != 0)
        return r;
    store_keep_events(store, conf->event_retention);
    store_set_outbox(store, outbox);
    return perform(store, conf, host, call, now, reply, err);
}

/* The store is closed when others are started. What an error has left in the outbox has happened
 * all the same. */
static int engine_perform(const struct conf *conf, const struct call *call, int64_t now,
                          struct reply *reply, struct err *err)
{
    struct outbox outbox CLEANUP(outbox_clear) = {0};
    struct err unsent = {0};
    char host[MAIL_HOST_SIZE] = "";

    if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
        memcpy(host, LOCALHOST, sizeof(LOCALHOST));
    /* A refusal that is worth telling must not take more than an acceptance: who starts a setuid
     * program chooses its limits. */
    int r = outbox_reserve(&outbox);
    if (r != 0)
        return err_set(err, r, NULL, NULL);
    r = open_and_perform(conf, host, call, now, &outbox, reply, err);
    reply->unsent = outbox.count > 0 && mail_send(conf, host, &outbox, &unsent) != 0;
    if (r == 0 && reply->unsent)
        *err = unsent;
    return r;
}

struct page {
    char *out;
    size_t size, length;
};

static int put(void *context, const char *text, size_t length)
{
    struct page *page = context;

    if (length >= page->size - page->length)
        return ERR_TOO_LONG;
    memcpy(page->out + page->length, text, length);
    page->length += length;
    page->out[page->length] = '\0';
    return 0;
}

static int engine_draw(const char *text, enum conf_qr style, char *out, size_t size,
                       struct err *err)
{
    struct qr *qr CLEANUP(qr_clear) = NULL;
    struct page page = {.out = out, .size = size};

    int r = qr_encode_small(text, &qr);
    if (r == 0)
        r = style == ENROLL_QR_ASCII ? qr_draw_ascii(qr, true, put, &page)
                                     : qr_draw_utf8(qr, true, put, &page);
    return r == 0 ? 0 : err_set(err, r, NULL, NULL);
}

__attribute__((visibility("default"))) extern const struct engine totp_engine;
const struct engine totp_engine = ENGINE_INIT(engine_perform, engine_draw);
