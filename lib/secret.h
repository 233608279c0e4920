/* SPDX-License-Identifier: BSD-2-Clause */
/* Values that must not outlive their use, constant-time comparison, randomness; floor 1.
 *
 * Secrets live in fixed-size values with a wiping scope:
 *     struct secret key CLEANUP(secret_clear) = {0};
 */
#ifndef TOTP_SECRET_H
#define TOTP_SECRET_H

#include "base.h"

#include <stdbool.h>
#include <stdint.h>

#define SECRET_BYTES_MAX 64 /* 512 bits, the block size of SHA-1 and the output of SHA-512 */
#define SECRET_BYTES_MIN 16 /* 128 bits, RFC 4226 section 4, R6 */
#define SECRET_BYTES_DEFAULT 20

struct secret {
    uint8_t bytes[SECRET_BYTES_MAX];
    size_t length;
};

/* What a person typed: libpam lets 512 bytes through. Always terminated. */
#define ANSWER_SIZE 513

struct answer {
    char text[ANSWER_SIZE];
    size_t length;
};

/* Overwrites size bytes in a way the compiler keeps. memory may be NULL when size is 0. */
void secret_wipe(void *memory, size_t size);

/* Destructors for CLEANUP. */
void secret_clear(struct secret *secret);
void answer_clear(struct answer *answer);

/* Copies text into *answer. ERR_TOO_LONG leaves it empty. */
int answer_set(struct answer *answer, const char *text) MUST_CHECK;
int answer_set_bytes(struct answer *answer, const char *text, size_t length) MUST_CHECK;

/* Whether two values of size bytes are equal, in time that depends on size alone. */
bool secret_equal(const void *a, const void *b, size_t size) MUST_CHECK;

/* 1 when two numbers are equal, else 0, without a branch. */
static inline uint32_t secret_equal_bit(uint32_t a, uint32_t b)
{
    return (uint32_t)(((uint64_t)(a ^ b) - 1) >> 63);
}

/* Fills memory from the system's generator (getrandom). ERR_RANDOM; memory is then zeroed. */
int secret_random(void *memory, size_t size) MUST_CHECK;

#endif
