/* SPDX-License-Identifier: BSD-2-Clause */
/* Authentication in its three modes; floor 6. */
#ifndef TOTP_AUTHENTICATE_H
#define TOTP_AUTHENTICATE_H

#include "login.h"

/* What the module returns. */
int authenticate(struct login *login) MUST_CHECK;

#endif
