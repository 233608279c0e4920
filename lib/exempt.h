/* SPDX-License-Identifier: BSD-2-Clause */
/* Who need not show a code, by the configuration; floor 3. Pure. */
#ifndef TOTP_EXEMPT_H
#define TOTP_EXEMPT_H

#include "option.h"

/* The list that names them: "user", "group" or "network"; NULL: none. group: one the user is in, or
 * NULL or empty; it counts only if it is in the list. rhost: counts only if it is a numeric
 * address; NULL or empty: a local login, which has no network. */
const char *exempt_find(const struct conf *conf, const char *user, const char *group,
                        const char *rhost) MUST_CHECK;

#endif
