/* SPDX-License-Identifier: BSD-2-Clause */
/* Enrolment in the conversation of a login; floor 6.
 *
 * 1. A module cannot see whether those before it have refused, nor what those after it will say.
 * So authentication shows the QR code and has the first code tried, and the device stays pending;
 * it becomes active in account management (without it, when credentials are set), which comes only
 * after the whole stack has let the person in.
 * 2. Broken off before that, nothing has become of it: the next login makes another device. */
#ifndef TOTP_ENROLLMENT_H
#define TOTP_ENROLLMENT_H

#include "login.h"

/* Shows a new device and asks for its first code, three times at most. What the module returns. */
int enrollment_start(struct login *login) MUST_CHECK;

/* The account's first device has become active by its first code; its backup tokens are to come. */
void enrollment_owe_tokens(const struct login *login);

/* After authentication: makes the device active, shows the backup tokens that are owed. PAM_SUCCESS
 * where there is nothing to do; else the login is to be refused. */
int enrollment_finish(struct login *login) MUST_CHECK;

/* Whether there is anything for it. */
bool enrollment_is_due(pam_handle_t *pamh);

/* In a handle used twice it may be somebody else's. */
void enrollment_forget(pam_handle_t *pamh);

#endif
