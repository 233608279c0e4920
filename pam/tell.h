/* SPDX-License-Identifier: BSD-2-Clause */
/* What a person is told at a login, in their language; floor 6. */
#ifndef TOTP_TELL_H
#define TOTP_TELL_H

#include "login.h"

#define TELL_DURATION_SIZE 64

/* One piece of text, unless this login is silent. PAM_SUCCESS or what the conversation returned. */
int tell_text(const struct login *login, int style, const char *text);

/* How long something takes yet, in words, after "in": rounded up, so that who comes back when it
 * says does not come too early. */
void tell_duration(int64_t seconds, char *out, size_t size);

/* What follows from a judgement: until when the account is locked, how many backup tokens are left,
 * by when a device must have been set up. What must wait until another module has checked the
 * password is kept in the handle. */
void tell_outcome(const struct login *login, const struct outcome *outcome);

/* What was kept; and forgets it. */
void tell_kept(const struct login *login);
void tell_forget(pam_handle_t *pamh);
bool tell_is_due(pam_handle_t *pamh);

#endif
