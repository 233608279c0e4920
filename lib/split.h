/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the code begins in one answer of password and code; floor 3. Pure. */
#ifndef TOTP_SPLIT_H
#define TOTP_SPLIT_H

#include "policy.h"

enum split_tail { TAIL_NONE = 0, TAIL_FORM, TAIL_ACCEPTED };

/* Where the code begins in "password followed by code" (attempt->code): *password_length for the
 * tail that this account's devices or backup tokens accept now (TAIL_ACCEPTED), else for the first
 * tail that has the form of one (TAIL_FORM). account NULL: nobody of that name, taken to have a
 * device of six digits. TAIL_NONE: no tail can be a code. Errors as policy_decide's. */
int split_answer(const struct rules *rules, const struct account *account,
                 const struct policy_attempt *attempt, size_t *password_length,
                 enum split_tail *tail) MUST_CHECK;

#endif
