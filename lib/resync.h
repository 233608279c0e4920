/* SPDX-License-Identifier: BSD-2-Clause */
/* Resynchronisation: finding a device whose clock or counter has gone far off by two consecutive
 * codes, RFC 4226 section 7.4, RFC 6238 section 6; floor 3. Pure. Only an administrator asks for
 * it: a wide search at logins would make guessing easy. */
#ifndef TOTP_RESYNC_H
#define TOTP_RESYNC_H

#include "account.h"

#define RESYNC_TIME (24 * 60 * 60) /* seconds on either side */
#define RESYNC_COUNTERS 1000       /* ahead */
#define RESYNC_COUNTERS_BEHIND 20  /* looked at to tell that they are used, no more */

enum resync_result {
    RESYNC_NOT_FOUND = 0, /* no two consecutive codes in reach */
    RESYNC_FOUND,
    RESYNC_REPLAYED,  /* found, but not after the last accepted code: nothing is used twice */
    RESYNC_MALFORMED, /* one of them cannot be a code of this device */
};

/* Looks for first and second, as typed, as codes of consecutive moving factors of a device: TOTP
 * with both of them within RESYNC_TIME of now, the pair nearest to now; HOTP with both at most
 * RESYNC_COUNTERS beyond its counter. When found, both are used up in *device, and its offset makes
 * the next window lie around its clock, the second code taken to be the one it shows now; else
 * *device is as it was. Its state is the caller's business. The whole range is computed, whatever
 * matches. ERR_CRYPTO, ERR_CLOCK (now before 1970 or after 9999), ERR_INVALID (no secret). */
int resync_device(const char *first, const char *second, int64_t now, struct device *device,
                  enum resync_result *result) MUST_CHECK;

#endif
