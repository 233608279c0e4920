/* SPDX-License-Identifier: BSD-2-Clause */
/* Changing the store's password; floor 6.
 *
 * 1. The new password is set for whom, in this handle, the old one and a code have been judged
 * right, a short while ago and by the same store; and for root.
 * 2. Exemption and grace spare no code here; for whom there is none to ask for, unenrolled rules. A
 * code that has been used is used up, whatever becomes of the change.
 * 3. What a stack does with the answer of the preliminary check is not relied upon: the update
 * looks again. */
#ifndef TOTP_CHANGE_H
#define TOTP_CHANGE_H

#include "login.h"

/* What the module returns for pam_chauthtok with these flags: the old password and a code are asked
 * for and judged in the preliminary check, the new password is set in the update. Root's own call
 * needs neither. An account that has no password in the store is left to the other modules. */
int change_password(struct login *login, int flags) MUST_CHECK;

/* The first length bytes of login->password are the store's password, and it and a code have been
 * accepted in this handle: who must have a new one at once is not asked for them again. PAM_SUCCESS
 * or PAM_BUF_ERR. */
int change_keep_proof(const struct login *login, size_t length);
void change_forget(pam_handle_t *pamh);

#endif
