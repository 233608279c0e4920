/* SPDX-License-Identifier: BSD-2-Clause */
/* Does what a call asks, with an open store: the use cases behind one door, for whoever has no
 * service to ask, and for the service; floor 5. */
#ifndef TOTP_PERFORM_H
#define TOTP_PERFORM_H

#include "conf.h"
#include "reply.h"
#include "store.h"

/* conf: as it holds for call->service and call->options, which are not read here, nor are proof and
 * what tells which store is meant: whether the caller may is settled. host names this host in key
 * URIs. now: the time after the person answered. Errors are the use cases'; the outcome is a denial
 * then. */
int perform(struct store *store, const struct conf *conf, const char *host, const struct call *call,
            int64_t now, struct reply *reply, struct err *err) MUST_CHECK;

#endif
