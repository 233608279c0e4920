/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine: everything below the edges, with OpenSSL and SQLite, as a shared object that the
 * module loads where there is no service to ask; floor 7. Both come from one build. */
#ifndef TOTP_ENGINE_H
#define TOTP_ENGINE_H

#include "conf.h"
#include "reply.h"

/* Opens what conf names, performs the call, closes everything, has e-mail sent of what came of it.
 * Errors as perform(). Where that is 0 and reply->unsent is set, *err says why. */
typedef int engine_perform_fn(const struct conf *conf, const struct call *call, int64_t now,
                              struct reply *reply, struct err *err);

/* A QR code of text as lines of text. ERR_TOO_LONG, ERR_NOMEM. */
typedef int engine_draw_fn(const char *text, enum conf_qr style, char *out, size_t size,
                           struct err *err);

struct engine {
    const char *version;
    size_t conf_size, call_size, reply_size; /* another build's are other structs */
    engine_perform_fn *perform;
    engine_draw_fn *draw;
};

#define ENGINE_SYMBOL "totp_engine"
#define ENGINE_INIT(performer, drawer)                                        \
    {                                                                         \
        .version = PACKAGE_VERSION, .conf_size = sizeof(struct conf),         \
        .call_size = sizeof(struct call), .reply_size = sizeof(struct reply), \
        .perform = (performer), .draw = (drawer)                              \
    }

#endif
