/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's groups; floor 4. */
#ifndef TOTP_GROUP_H
#define TOTP_GROUP_H

#include "option.h"

#define GROUP_NAME_SIZE 257

/* The first group of the list (separated by commas) that the user database counts user to, primary
 * or not; *name is empty when there is none, or when anything that has to be looked up fails. */
void group_find(const char *list, const char *user, char name[static GROUP_NAME_SIZE]);

#endif
