/* SPDX-License-Identifier: BSD-2-Clause */
/* Backup tokens: made, shown once, kept as digests; floor 3. */
#ifndef TOTP_TOKEN_H
#define TOTP_TOKEN_H

#include "reply.h"
#include "seal.h"

/* A new backup token for people's eyes, and the digest to keep. ERR_RANDOM, ERR_CRYPTO,
 * ERR_KEY_UNKNOWN. */
int token_new(const struct seal_ring *ring, const char *name, char text[static CODE_TOKEN_SIZE],
              struct token *token) MUST_CHECK;

/* count new ones in the place of all the account has; at most ACCOUNT_TOKENS_MAX. Errors as
 * token_new, and the account is not to be kept then. */
int token_renew(const struct seal_ring *ring, unsigned count, struct account *account,
                struct reply_tokens *tokens) MUST_CHECK;

#endif
