/* SPDX-License-Identifier: BSD-2-Clause */
/* Why a code was refused, in words for an administrator's log; floor 3. Pure. Decides nothing, and
 * is asked only under debug: it looks further than a login may. */
#ifndef TOTP_EXPLAIN_H
#define TOTP_EXPLAIN_H

#include "account.h"
#include "outcome.h"
#include "rules.h"
#include "seal.h"

#define EXPLAIN_SIZE 257

/* Fills text with what can be said about code, as typed, which result refused on this account as it
 * was before: "outside the window by 3 steps: ...", "code of device \"old phone\", which is
 * disabled", "replayed: ...". Labels are escaped; never a code, a secret or a value that leads to
 * one. Empty where nothing can be said, or on any error. account NULL: nobody of that name, which
 * takes the time of one that has a device; what the words are does not show in the time. */
void explain_refusal(const struct rules *rules, const struct account *account, const char *code,
                     const struct seal_ring *ring, int64_t now, const struct outcome *result,
                     char text[static EXPLAIN_SIZE]);

#endif
