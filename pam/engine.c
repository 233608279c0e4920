/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "engine.h"

#include "keys.h"
#include "perform.h"
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

__attribute__((visibility("default"))) extern const struct engine totp_engine;
const struct engine totp_engine = ENGINE_INIT(engine_perform);
