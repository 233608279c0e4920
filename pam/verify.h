/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the module's answers come from: the service, else, in a process of root's, the engine;
 * floor 6.
 *
 * 1. The engine is loaded at the moment it is needed, and unloaded with the login.
 * 2. What the service has been asked and has not answered is not done again here: it may have been
 * done. */
#ifndef TOTP_VERIFY_H
#define TOTP_VERIFY_H

#include "conf.h"
#include "reply.h"

#include <security/pam_appl.h>

/* One login's way; starts as {.pamh = , .conf = }. */
struct verify {
    pam_handle_t *pamh;
    const struct conf *conf;
    void *engine; /* its handle, once loaded */
};

/* For CLEANUP. */
void verify_clear(struct verify *verify);

/* Asks. The clock is read here, after the person has answered. Says in the log why there is no
 * answer, and under debug which way it came. */
int verify_ask(struct verify *verify, const struct call *call, struct reply *reply) MUST_CHECK;

/* Draws a QR code of text into out, lines that end in newlines; an empty text where it cannot be
 * drawn, which the log explains. Only root's processes can. */
void verify_draw(struct verify *verify, const char *text, enum conf_qr style, char *out,
                 size_t size);

/* "what: where: reason", one line whatever is in it. */
void verify_log_err(pam_handle_t *pamh, const char *what, const struct err *err);

#endif
