/* SPDX-License-Identifier: BSD-2-Clause */
/* Use cases: a person's devices and backup tokens; floor 5. Each is one transaction with its event.
 */
#ifndef TOTP_ENROLL_H
#define TOTP_ENROLL_H

#include "conf.h"
#include "event.h"
#include "outcome.h"
#include "reply.h"
#include "store.h"
#include "uri.h"

struct enroll_request {
    const char *user;
    struct event_origin origin;
    const char *label; /* NULL: "phone", "phone-2", ... the first that is free */
    enum device_type type;
    enum otp_algorithm algorithm;
    unsigned digits, period;
    const struct secret *secret; /* NULL: a fresh one of SECRET_BYTES_DEFAULT */
    uint64_t counter;            /* HOTP: the next moving factor */
    bool replace; /* the label may be taken: the old device goes when the new one is confirmed */
};

/* A pending device; the account is made when there is none. A pending device of the same label is
 * replaced. host names this host for conf->issuer and conf->label. ERR_INVALID (name, label),
 * ERR_EXISTS, ERR_LIMIT (conf->max_devices), ERR_RANGE. */
int enroll_start(struct store *store, const struct conf *conf, const char *host,
                 const struct enroll_request *request, int64_t now, struct reply_device *reply,
                 struct err *err) MUST_CHECK;

/* A device's URI again; of two with one label the pending one's. label NULL: the only label there
 * is, else ERR_CONFLICT. */
int enroll_again(struct store *store, const struct conf *conf, const char *host, const char *user,
                 const char *label, const struct event_origin *origin, int64_t now,
                 struct reply_device *reply, struct err *err) MUST_CHECK;

/* Judges the first code of the pending device (label NULL: the only pending one, else ERR_CONFLICT)
 * and activates it. The account's first device comes with conf->backup_tokens new tokens, and
 * others that are pending go. guarded: a wrong code counts as one at a login does, and a closed or
 * locked account is refused. result->verdict is VERDICT_ACCEPTED only after the commit. */
int enroll_confirm(struct store *store, const struct conf *conf, const char *user,
                   const char *label, const char *code, bool guarded,
                   const struct event_origin *origin, int64_t now, struct outcome *result,
                   struct reply_tokens *tokens, struct err *err) MUST_CHECK;

/* Removes one device, pending or not. ERR_NOT_FOUND. */
int enroll_remove(struct store *store, const char *user, const char *label,
                  const struct event_origin *origin, int64_t now, struct err *err) MUST_CHECK;

/* Switches one device on or off. A pending device cannot be switched on: ERR_CONFLICT. */
int enroll_enable(struct store *store, const char *user, const char *label, bool enable,
                  const struct event_origin *origin, int64_t now, struct err *err) MUST_CHECK;

/* count new tokens in the place of all old ones; 0 revokes. ERR_RANGE, ERR_NOT_FOUND. */
int enroll_renew_tokens(struct store *store, const char *user, unsigned count,
                        const struct event_origin *origin, int64_t now, struct reply_tokens *tokens,
                        struct err *err) MUST_CHECK;

#endif
