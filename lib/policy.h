/* SPDX-License-Identifier: BSD-2-Clause */
/* The decision: may this attempt pass, and what changes; floor 3. Pure: no I/O, no clock, no
 * globals.
 *
 * 1. One code is accepted once (RFC 6238 section 5.2): a TOTP step must be greater than the last
 * accepted one, an HOTP counter moves past the one used, a backup token is removed, as is a code
 * that was sent by e-mail.
 * 2. Order: closed, exempt, locked, enrolled, grace, the code. What spares the code spares no
 * password that is checked here, and an account that is locked never passes for want of a device.
 * 3. What cannot be a code is refused before any cryptography.
 * 4. While locked, nothing is judged, consumed or counted.
 * 5. A refused attempt changes the failure count, the lock and the tries of a mailed code alone.
 * 6. All of a device's window is computed, whatever matches; comparisons are in constant time; a
 * code of n digits is tried on devices of n digits only.
 * 7. An account nobody knows costs the work of one that has a device. */
#ifndef TOTP_POLICY_H
#define TOTP_POLICY_H

#include "account.h"
#include "code.h"
#include "outcome.h"
#include "rules.h"
#include "seal.h"

/* Whether a password had to be right too, and was. */
enum policy_password { PASSWORD_WRONG = 0, PASSWORD_NOT_ASKED, PASSWORD_RIGHT };

struct policy_attempt {
    int64_t now;
    const char *code;   /* as typed */
    const char *answer; /* all of it, where the code was found in its end; NULL: it is the code */
    enum policy_password password;
    bool exempt;                  /* one of the lists has this person, or where they are */
    int64_t ticket;               /* their last success from there, where grace is kept; 0: none */
    bool codeless;                /* no code was given: only what spares it may let them pass */
    bool guarded;                 /* policy_confirm: failures count, and locks hold */
    bool no_tokens;               /* backup tokens are wrong */
    bool heeds_lock;              /* policy_confirm: locks hold */
    const struct seal_ring *ring; /* digests backup tokens */
    int64_t own_lock; /* the lock that the first of two answers in this login has brought, or 0: it
                       * does not keep the second from being judged. Both count, and where it stays
                       * until unlocked it stays. */
};

/* What holds before any code is asked for. Returns true when a code must be judged; otherwise
 * *result says what the answer is, as if the password, where one is checked, were right. account
 * NULL: nobody of that name. Of attempt the code is not looked at. */
bool policy_standing(const struct rules *rules, const struct account *account,
                     const struct policy_attempt *attempt, struct outcome *result) MUST_CHECK;

/* The work of judging an attempt at an account that nobody knows, or that has no device: the same
 * arithmetic, and no answer. ERR_CRYPTO, ERR_KEY_UNKNOWN. */
int policy_rehearse(const struct rules *rules, const struct policy_attempt *attempt) MUST_CHECK;

/* When the lock that wrong codes have brought ends: 0 when there is none now,
 * ACCOUNT_LOCKED_FOR_EVER when it stays until it is taken off. A closed account is another matter.
 */
int64_t policy_locked_until(const struct rules *rules, const struct account *account, int64_t now);

/* Judges one attempt. *after (never NULL, may not be before) becomes before with the changes to
 * save; for an unknown account (before NULL) it is empty. ERR_CRYPTO, ERR_KEY_UNKNOWN, ERR_CLOCK (a
 * time before 1970): the answer is then "unavailable", and *result stays a denial. */
int policy_decide(const struct rules *rules, const struct account *before,
                  const struct policy_attempt *attempt, struct account *after,
                  struct outcome *result) MUST_CHECK;

/* Judges the first code of the pending device at index, within the same window (RFC 6238
 * section 5.2), and on success makes it active in *after, in the place of another device of its
 * label. Failures are counted, and a closed or locked account's device refused, only when guarded:
 * an administrator may try as often as they like, others must not guess. */
int policy_confirm(const struct rules *rules, const struct account *before, size_t index,
                   const struct policy_attempt *attempt, struct account *after,
                   struct outcome *result) MUST_CHECK;

/* Judges a recovery of the password: mailed is the code that was sent for it, attempt->code one of
 * another device in use, or a backup token. Both must be right, in this order, and are used up
 * then; of what is wrong a failure is counted, and one of the mailed code's tries. A code that came
 * by e-mail too is no second one, be it a device's or a token that was mailed, nor is the first
 * code of a device that waits. Which of the two was wrong is not told; without one of them nothing
 * is judged. */
int policy_recover(const struct rules *rules, const struct account *before, const char *mailed,
                   const struct policy_attempt *attempt, struct account *after,
                   struct outcome *result) MUST_CHECK;

#endif
