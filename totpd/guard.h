/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may ask what; floor 6.
 *
 * 1. Root may ask everything. Everybody else is known by the number the kernel gives (SO_PEERCRED)
 * and the user database's name for it; what they say of themselves is not used.
 * 2. Own record, or another's with the role admin in the store and a fresh code of one's own in the
 * same call; never the record of a user who is root; nobody changes a role.
 * 3. Who has proved a device before adds, shows, removes and replaces with a fresh code only: what
 * runs in somebody's name must not make itself a second factor.
 * 4. Proving and acting are one transaction; a wrong proof counts as a wrong code at a login does.
 */
#ifndef TOTP_GUARD_H
#define TOTP_GUARD_H

#include "served.h"

#include "reply.h"

#include <sys/types.h>

/* Performs what uid, which is not root's, may ask, with conf for the service it names; changes
 * *call so that it says what is true. ERR_PERMISSION; ERR_PROOF: the same with a code of the
 * caller's own may go; ERR_REFUSED: that code was not accepted, reply->outcome says why. */
int guard_perform(struct served *served, const struct conf *conf, const char *host, uid_t uid,
                  struct call *call, int64_t now, struct reply *reply, struct err *err) MUST_CHECK;

/* Whether this is one of the three questions of a login. */
bool guard_is_login(enum call_method method);

#endif
