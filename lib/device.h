/* SPDX-License-Identifier: BSD-2-Clause */
/* Use cases: the devices and backup tokens a person has; floor 5. Each is one transaction with its
 * event. */
#ifndef TOTP_DEVICE_H
#define TOTP_DEVICE_H

#include "event.h"
#include "outcome.h"
#include "reply.h"
#include "store.h"

/* Finds an active device's clock or counter anew by two consecutive codes; see resync.h.
 * result->verdict is VERDICT_ACCEPTED only after the commit. ERR_CONFLICT: label NULL and several
 * devices, or the device is pending or disabled. */
int device_resync(struct store *store, const char *user, const char *label, const char *code,
                  const char *next_code, const struct event_origin *origin, int64_t now,
                  struct outcome *result, struct err *err) MUST_CHECK;

/* Removes one device, pending or not. ERR_NOT_FOUND. */
int device_remove(struct store *store, const char *user, const char *label,
                  const struct event_origin *origin, int64_t now, struct err *err) MUST_CHECK;

/* Switches one device on or off. A pending device cannot be switched on: ERR_CONFLICT. */
int device_enable(struct store *store, const char *user, const char *label, bool enable,
                  const struct event_origin *origin, int64_t now, struct err *err) MUST_CHECK;

/* count new tokens in the place of all old ones; 0 revokes. ERR_RANGE, ERR_NOT_FOUND. */
int device_renew_tokens(struct store *store, const char *user, unsigned count,
                        const struct event_origin *origin, int64_t now, struct reply_tokens *tokens,
                        struct err *err) MUST_CHECK;

#endif
