/* SPDX-License-Identifier: BSD-2-Clause */
/* Base32 (RFC 4648 section 6) and hexadecimal (section 8); floor 1. OpenSSL and libc have no
 * base32. */
#ifndef TOTP_ENCODING_H
#define TOTP_ENCODING_H

#include "base.h"

#include <stdint.h>

/* Characters with terminator for length bytes, without padding. */
#define ENCODING_BASE32_SIZE(length) (((length)*8 + 4) / 5 + 1)
#define ENCODING_HEX_SIZE(length) ((length)*2 + 1)

/* Upper case, no padding, as key URIs want it. ERR_TOO_LONG when out is too small. */
int encoding_base32(const uint8_t *bytes, size_t length, char *out, size_t size) MUST_CHECK;

/* Strict: RFC 4648 upper case, padding either complete or absent, unused trailing bits zero.
 * ERR_SYNTAX, ERR_TOO_LONG; *length and out are set only on success. */
int encoding_base32_strict(const char *text, uint8_t *out, size_t size, size_t *length) MUST_CHECK;

/* As people type it: either case, blanks, tabs, hyphens and '=' ignored, 0 read as O, 1 as L, 8 as
 * B, trailing bits dropped. ERR_SYNTAX (also for an empty value), ERR_TOO_LONG. */
int encoding_base32_tolerant(const char *text, uint8_t *out, size_t size,
                             size_t *length) MUST_CHECK;

/* Lower-case hexadecimal both ways; reading takes either case. ERR_SYNTAX, ERR_TOO_LONG. */
int encoding_hex(const uint8_t *bytes, size_t length, char *out, size_t size) MUST_CHECK;
int encoding_hex_parse(const char *text, uint8_t *out, size_t size, size_t *length) MUST_CHECK;

#endif
