/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "token.h"

#include "match.h"
#include "secret.h"

#include <string.h>

int token_new(const struct seal_ring *ring, const char *name, char text[static CODE_TOKEN_SIZE],
              struct token *token)
{
    struct code code CLEANUP(code_clear) = {0};
    struct token made = {0};

    int r = code_token_new(text);
    if (r != 0)
        return r;
    if (ring->count == 0)
        return ERR_KEY_UNKNOWN;
    code_parse(text, &code);
    memcpy(made.key_id, ring->keys[0].id, sizeof(made.key_id));
    r = seal_digest(ring, made.key_id, MATCH_TOKEN_PURPOSE, name, code.text, made.digest);
    if (r != 0) {
        secret_wipe(text, CODE_TOKEN_SIZE);
        return r;
    }
    *token = made;
    return 0;
}

int token_renew(const struct seal_ring *ring, unsigned count, struct account *account,
                struct reply_tokens *tokens)
{
    secret_wipe(account->tokens, sizeof(account->tokens));
    account->token_count = 0;
    account->tokens_issued = count;
    account->tokens_mailed = false;
    for (unsigned i = 0; i < count; i++) {
        int r = token_new(ring, account->name, tokens->text[i], &account->tokens[i]);
        if (r != 0)
            return r;
        account->token_count++;
    }
    tokens->count = count;
    return 0;
}
