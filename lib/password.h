/* SPDX-License-Identifier: BSD-2-Clause */
/* The store's own passwords: crypt(3), yescrypt for new ones; floor 2. libcrypt. */
#ifndef TOTP_PASSWORD_H
#define TOTP_PASSWORD_H

#include "account.h"

/* Hashes password with a fresh salt and the system's default cost. ERR_CRYPTO, ERR_RANDOM,
 * ERR_NOMEM, ERR_INVALID (empty), ERR_TOO_LONG (libcrypt's limit of 511 bytes). hash is empty then.
 */
int password_hash(const char *password, char hash[static ACCOUNT_HASH_SIZE]) MUST_CHECK;

/* One crypt(3), always: where hash is NULL, empty, locked ("!", "*") or not one libcrypt knows,
 * password is hashed against a fixed value of the default cost and *match is false. ERR_NOMEM.
 * *match is set to false first. */
int password_check(const char *password, const char *hash, bool *match) MUST_CHECK;

/* Whether libcrypt can check this hash (crypt_checksalt). */
bool password_hash_valid(const char *hash) MUST_CHECK;

#endif
