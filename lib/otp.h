/* SPDX-License-Identifier: BSD-2-Clause */
/* One-time passwords: HOTP (RFC 4226), TOTP (RFC 6238); floor 2. OpenSSL's HMAC. */
#ifndef TOTP_OTP_H
#define TOTP_OTP_H

#include "account.h"

/* The codes for count moving factors from first on (RFC 4226 section 5.3), each below 10^digits.
 * All are computed. ERR_CRYPTO, ERR_INVALID (digits, algorithm, an empty secret, an overflowing
 * range); codes is then zeroed. */
int otp_codes(const struct secret *secret, enum otp_algorithm algorithm, unsigned digits,
              uint64_t first, size_t count, uint32_t *codes) MUST_CHECK;

/* The time step of a time (RFC 6238 section 4.2, T0 = 0). time >= 0, period > 0. */
int64_t otp_step(int64_t time, unsigned period);

/* The code as it is shown, with leading zeros. */
void otp_format(uint32_t code, unsigned digits, char out[static OTP_DIGITS_MAX + 1]);

#endif
