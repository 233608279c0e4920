/* SPDX-License-Identifier: BSD-2-Clause */
/* What a code is to a device and to an account; floor 3. Pure.
 *
 * 1. All of a device's window is computed, whatever matches; comparisons are in constant time; a
 * code of n digits is tried on devices of n digits only.
 * 2. A TOTP step must be greater than the last accepted one (RFC 6238 section 5.2), an HOTP counter
 * not less than the next. */
#ifndef TOTP_MATCH_H
#define TOTP_MATCH_H

#include "account.h"
#include "code.h"
#include "outcome.h"
#include "rules.h"
#include "seal.h"

#define MATCH_TOKEN_PURPOSE "backup-token" /* see seal_digest */

/* What one code is to one device. */
struct hit {
    bool accepted;
    bool replayed;
    int64_t moved; /* accepted time step or counter */
};

/* What one code is to an account. */
struct match {
    bool accepted;
    bool replayed;
    enum method method;
    size_t index; /* of the first device, or of the token */
    struct hit hits[ACCOUNT_DEVICES_MAX];
};

/* Digits are a code only where a device in use shows that many. */
bool match_is_candidate(const struct account *account, const struct code *code);

/* Whether the TOTP or HOTP device would show the code now, and whether it has been used. Its state
 * is the caller's business. ERR_CRYPTO, ERR_RANGE. */
int match_device(const struct rules *rules, const struct device *device, const struct code *code,
                 int64_t now, struct hit *hit) MUST_CHECK;

/* The same of the device at index of an account, of whatever type. Of one whose codes are sent by
 * e-mail it is the last that was sent, while that is good. ERR_KEY_UNKNOWN too. */
int match_one(const struct rules *rules, const struct account *account, size_t index,
              const struct code *code, const struct seal_ring *ring, int64_t now,
              struct hit *hit) MUST_CHECK;

/* Whether codes of this device may be sent to the account's address now: it is an e-mail device
 * made for that address, and the rules have such. Needs its secret opened. */
bool match_may_mail(const struct rules *rules, const struct account *account,
                    const struct device *device) MUST_CHECK;

/* How a code of the device is told of. */
enum method match_method(const struct device *device);

/* Whether the account's first code is still to come: no device is active, but one is pending that
 * somebody was given before this login. */
bool match_is_waiting(const struct account *account);

/* Whether logins ask this account for a code: it is switched on, and has a device in use. */
bool match_is_enrolled(const struct account *account);

/* Whether a login tries the device of this account: it is active, or one that waits. */
bool match_is_in_use(const struct account *account, const struct device *device);

/* The code against all devices in use (active; of a waiting account those that are pending, unless
 * a login has made them) or, where one is active, all backup tokens. ERR_CRYPTO, ERR_KEY_UNKNOWN.
 */
int match_code(const struct rules *rules, const struct account *account, const struct code *code,
               const struct seal_ring *ring, int64_t now, struct match *match) MUST_CHECK;

/* The device after a code it showed was accepted: moved on, its drift learned. */
void match_move(const struct rules *rules, const struct hit *hit, int64_t now,
                struct device *device);

/* The moving factors that are looked at, from *first on, and the first of them that has not been
 * used. */
void match_range(const struct rules *rules, const struct device *device, int64_t now,
                 int64_t *first, size_t *count, int64_t *fresh);

/* How far the device's clock is taken to be from ours, in whole time steps. */
int64_t match_drift(const struct rules *rules, const struct device *device);

#endif
