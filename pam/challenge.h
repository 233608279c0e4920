/* SPDX-License-Identifier: BSD-2-Clause */
/* The question for a code, where a person may have one sent by e-mail; floor 6.
 *
 * 1. Where e-mail devices are off, and for who only looks on, nothing is sent and nothing differs.
 * 2. Whatever becomes of sending, the question is asked: other devices go on working.
 * 3. Who may have none, whatever the reason, is asked what everybody is asked. */
#ifndef TOTP_CHALLENGE_H
#define TOTP_CHALLENGE_H

#include "login.h"

/* Has a code sent to whom e-mail is all they have, and asks for one, naming the masked address.
 * Whoever answers "email" gets one sent and is asked again, three times at most. PAM codes of
 * login_ask_code; the answer is in login->code. */
int challenge_ask(struct login *login) MUST_CHECK;

/* For who has answered without a code where nothing more is asked: has one sent in the same way.
 * They are told so, and the same whoever they are, unless the answer itself might be taken for one
 * with a code. */
void challenge_refer(struct login *login);

#endif
