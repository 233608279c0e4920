/* SPDX-License-Identifier: BSD-2-Clause */
/* Where, far and wide, a device shows a code, or several in a row; floor 3. Pure. Nothing is let in
 * by it: a login looks no further than match.h. */
#ifndef TOTP_SEARCH_H
#define TOTP_SEARCH_H

#include "account.h"

#define SEARCH_CODES_MAX 2
#define SEARCH_NOWHERE INT64_C(-1)

/* Moving factors, the last included. */
struct search {
    int64_t first, last; /* first >= 0; none when last < first */
    int64_t near;        /* of several places the nearest to this one, of two as near the later */
};

/* Looks for count codes of consecutive moving factors; *at is the factor of the last of them, or
 * SEARCH_NOWHERE. The whole range is computed, whatever matches; comparisons are in constant time.
 * ERR_CRYPTO, ERR_INVALID (count, or as otp_codes). */
int search_codes(const struct device *device, const uint32_t *codes, size_t count,
                 const struct search *search, int64_t *at) MUST_CHECK;

#endif
