/* SPDX-License-Identifier: BSD-2-Clause */
/* What is installed as totp-mail is, in a test, that of the build: of the program that links this
 * and of whoever preloads it; $builddir says where. */
#ifndef TOTP_TESTS_SPAWN_H
#define TOTP_TESTS_SPAWN_H

#include <stdbool.h>

/* From now on this process finds no totp-mail. */
void spawn_forbid(bool forbidden);

/* How often this process has started, or tried to start, one. */
unsigned spawn_count(void);

#endif
