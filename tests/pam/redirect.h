/* SPDX-License-Identifier: BSD-2-Clause */
/* The module loads its engine from where it is installed; in a test, that is the build. The program
 * that links this is asked for dlopen before the C library is. */
#ifndef TOTP_TESTS_REDIRECT_H
#define TOTP_TESTS_REDIRECT_H

#include "base.h"

#include <stdbool.h>

/* While there is no engine, no login goes past the service unnoticed. */
void redirect_forbid(bool forbidden);

/* How often this process was given the engine, and how often it asked in vain. */
unsigned redirect_given(void);
unsigned redirect_refused(void);

#endif
