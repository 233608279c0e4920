/* SPDX-License-Identifier: BSD-2-Clause */
/* Test output: https://testanything.org, version 12. */
#ifndef TOTP_TAP_H
#define TOTP_TAP_H

#include "base.h"

#include <stdbool.h>

/* Counts and prints one test; returns condition. */
bool tap_ok(bool condition, const char *file, int line, const char *name, ...) PRINTF_LIKE(4, 5);
#define ok(condition, ...) tap_ok((condition), __FILE__, __LINE__, __VA_ARGS__)

/* One test that could not run here, with the reason. */
void tap_skip(const char *reason, ...) PRINTF_LIKE(1, 2);

/* A comment line. */
void tap_note(const char *text, ...) PRINTF_LIKE(1, 2);

/* Prints the plan; the exit status of the test program. */
int tap_done(void);

/* A fresh directory of mode 0700 below $TMPDIR or /tmp, removed with its contents by tap_done.
 * Never NULL. */
const char *tap_dir(void);

#endif
