/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks the service over its socket; floor 4.
 *
 * 1. The service is believed only if root owns the socket and its directory, nobody else may write
 * there, and the process that listens is root's.
 * 2. Nothing that was sent is sent again: what became of it is not known. */
#ifndef TOTP_CLIENT_H
#define TOTP_CLIENT_H

#include "reply.h"

/* Asks, and waits for the answer, 20 s at most between two parts of it. What the service refuses is
 * the result, as the use case would have returned it. ERR_NO_SERVICE (nobody listens at path),
 * ERR_UNTRUSTED, ERR_NOT_SERVED: nothing was done, and whoever may can do it without the service.
 * ERR_SERVICE, ERR_TOO_LONG: it cannot be said, or cannot be asked. */
int client_ask(const char *path, const struct call *call, struct reply *reply,
               struct err *err) MUST_CHECK;

/* A connection to the socket at path, by the first rule, within seconds (0: at once, and it does
 * not block): *fd, which the caller closes. Descriptors 0 to 2 are taken. ERR_NO_SERVICE,
 * ERR_UNTRUSTED; ERR_SERVICE: not now. */
int client_connect(const char *path, unsigned seconds, int *fd, struct err *err) MUST_CHECK;

/* Whether there is something to read, or the end, within milliseconds. */
bool client_wait(int fd, unsigned milliseconds) MUST_CHECK;

#endif
