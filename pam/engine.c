/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "engine.h"

#include "keys.h"
#include "perform.h"
#include "qr.h"
#include "store.h"

#include <string.h>
#include <unistd.h>

#define LOCALHOST "localhost"

static int engine_perform(const struct conf *conf, const struct call *call, int64_t now,
                          struct reply *reply, struct err *err)
{
    struct seal_ring ring CLEANUP(seal_ring_clear) = {0};
    struct store *store CLEANUP(store_close) = NULL;
    char host[256] = "";

    if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
        memcpy(host, LOCALHOST, sizeof(LOCALHOST));
    int r = keys_load(conf->key_file, &ring, err);
    if (r == 0)
        r = store_open(conf->store, &ring, false, NULL, &store, err);
    if (r != 0)
        return r;
    store_keep_events(store, conf->event_retention);
    return perform(store, conf, host, call, now, reply, err);
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
