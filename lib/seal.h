/* SPDX-License-Identifier: BSD-2-Clause */
/* Secrets at rest; floor 2. OpenSSL's AES-256-GCM, HKDF-SHA-256 (RFC 5869), HMAC-SHA-256.
 *
 * 1. From each sealing key two keys are derived: one seals, the other digests.
 * 2. The associated data names key id, account, device and the device's fixed parameters: a record
 * moved to another account or device, or altered, does not open.
 * 3. New records use the ring's first key; older keys open what they sealed.
 * 4. A nonce is 96 random bits, fresh for every seal. */
#ifndef TOTP_SEAL_H
#define TOTP_SEAL_H

#include "account.h"

#define SEAL_KEY_BYTES 32
#define SEAL_KEYS_MAX 8

struct seal_key {
    char id[ACCOUNT_KEY_ID_SIZE]; /* 1 to 16 of A-Z a-z 0-9 _ - */
    uint8_t bytes[SEAL_KEY_BYTES];
};

/* Newest first. */
struct seal_ring {
    size_t count;
    struct seal_key keys[SEAL_KEYS_MAX];
};

/* For CLEANUP. */
void seal_ring_clear(struct seal_ring *ring);

bool seal_key_id_valid(const char *id) MUST_CHECK;

/* Seals device->secret into device->sealed, bound to name and to device's id, type, algorithm,
 * digits and period. ERR_CRYPTO, ERR_RANDOM, ERR_KEY_UNKNOWN (empty ring), ERR_INVALID (empty
 * secret). */
int seal_device(const struct seal_ring *ring, const char *name, struct device *device) MUST_CHECK;

/* Opens device->sealed into device->secret. ERR_KEY_UNKNOWN, ERR_SEAL (altered, moved, or another
 * key), ERR_CRYPTO. secret is empty then. */
int seal_open_device(const struct seal_ring *ring, const char *name,
                     struct device *device) MUST_CHECK;

/* What an e-mail device has in the place of a secret: the address it was made for, as a SHA-256.
 * Whoever can write the store and has no key cannot send its codes elsewhere. ERR_CRYPTO. */
int seal_fingerprint(const char *address, struct secret *secret) MUST_CHECK;

/* Digest of a one-time value (a normalised backup token, a code that is sent) of one account, under
 * the key key_id, or the newest when key_id is NULL. ERR_KEY_UNKNOWN, ERR_CRYPTO; the digest is
 * zeroed then. */
int seal_digest(const struct seal_ring *ring, const char *key_id, const char *purpose,
                const char *name, const char *text,
                uint8_t digest[static ACCOUNT_DIGEST_SIZE]) MUST_CHECK;

#endif
