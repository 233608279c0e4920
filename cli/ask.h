/* SPDX-License-Identifier: BSD-2-Clause */
/* Codes, passwords and secrets, from the terminal without echo or from standard input; floor 6. */
#ifndef TOTP_ASK_H
#define TOTP_ASK_H

#include "err.h"
#include "secret.h"

/* Whether there is somebody to ask: standard input is a terminal. */
bool ask_is_terminal(void);

/* Shows prompt and reads a line from the terminal, without echo; where standard input is none, the
 * line is read from it, not a byte more, and nothing is shown. The line end is not part of *answer.
 * ERR_INVALID (no line, more than 512 bytes, a NUL byte), ERR_SYSTEM. */
int ask_secret(const char *prompt, struct answer *answer, struct err *err) MUST_CHECK;

/* A new password: typed twice on a terminal. ERR_INVALID when it is empty, ERR_REFUSED when the two
 * differ. */
int ask_new_password(struct answer *answer, struct err *err) MUST_CHECK;

#endif
