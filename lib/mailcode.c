/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mailcode.h"

#include "err.h"
#include "secret.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PURPOSE_SIZE 64

/* What its digest is made with beside the account's name. */
static void name_purpose(enum mail_purpose purpose, int64_t device, char out[static PURPOSE_SIZE])
{
    snprintf(out, PURPOSE_SIZE, "mail-code %s %" PRId64,
             purpose == MAIL_RECOVERY ? "recovery" : "login", device);
}

/* Bytes at or above the greatest multiple of 10 are thrown away: every digit is equally likely. */
static int random_digits(char text[static MAILCODE_SIZE])
{
    size_t at = 0;

    while (at < ACCOUNT_MAIL_DIGITS) {
        uint8_t byte = 0;
        int r = secret_random(&byte, sizeof(byte));
        if (r != 0) {
            secret_wipe(text, MAILCODE_SIZE);
            return r;
        }
        if (byte < 250)
            text[at++] = (char)('0' + byte % 10);
        secret_wipe(&byte, sizeof(byte));
    }
    text[at] = '\0';
    return 0;
}

int mailcode_new(const struct rules *rules, const struct seal_ring *ring, enum mail_purpose purpose,
                 int64_t device, int64_t now, struct account *account,
                 char text[static MAILCODE_SIZE])
{
    struct mail_code made = {.sent = now, .device = device, .tries = ACCOUNT_MAIL_TRIES};
    char label[PURPOSE_SIZE];

    if (ring->count == 0)
        return ERR_KEY_UNKNOWN;
    if (now <= 0 || now > ACCOUNT_LOCKED_FOR_EVER - rules->email_code_lifetime)
        return ERR_CLOCK;
    made.expires = now + rules->email_code_lifetime;
    int r = random_digits(text);
    if (r != 0)
        return r;
    memcpy(made.key_id, ring->keys[0].id, sizeof(made.key_id));
    name_purpose(purpose, device, label);
    r = seal_digest(ring, made.key_id, label, account->name, text, made.digest);
    if (r == 0)
        account->codes[purpose] = made;
    else
        secret_wipe(text, MAILCODE_SIZE);
    return r;
}

bool mailcode_is_live(const struct account *account, enum mail_purpose purpose, int64_t device,
                      int64_t now)
{
    const struct mail_code *code = &account->codes[purpose];

    return code->sent != 0 && code->tries > 0 && code->device == device && code->sent <= now &&
           now < code->expires;
}

int64_t mailcode_wait(const struct rules *rules, const struct account *account,
                      enum mail_purpose purpose, int64_t now)
{
    const int64_t sent = account->codes[purpose].sent;

    /* What was sent in the future was sent by a clock that has been set: it keeps nobody waiting.
     */
    if (sent == 0 || sent > now || now - sent >= rules->email_interval)
        return 0;
    return rules->email_interval - (now - sent);
}

int mailcode_match(const struct account *account, enum mail_purpose purpose, int64_t device,
                   const struct code *code, const struct seal_ring *ring, int64_t now, bool *match)
{
    const struct mail_code *sent = &account->codes[purpose];
    const bool live = mailcode_is_live(account, purpose, device, now);
    uint8_t digest[ACCOUNT_DIGEST_SIZE] = {0};
    char label[PURPOSE_SIZE];

    *match = false;
    name_purpose(purpose, device, label);
    int r = seal_digest(ring, live ? sent->key_id : NULL, label, account->name, code->text, digest);
    /* A key that has gone takes the code along, and no other device's. */
    if (r == ERR_KEY_UNKNOWN && live)
        return 0;
    if (r != 0)
        return r;
    const bool equal = secret_equal(digest, sent->digest, sizeof(digest));
    secret_wipe(digest, sizeof(digest));
    *match = live && equal && code->form == CODE_DIGITS && code->length == ACCOUNT_MAIL_DIGITS;
    return 0;
}

void mailcode_void(struct account *account, enum mail_purpose purpose)
{
    struct mail_code *code = &account->codes[purpose];

    code->tries = 0;
    secret_wipe(code->digest, sizeof(code->digest));
}

void mailcode_miss(struct account *account, enum mail_purpose purpose, int64_t device, int64_t now)
{
    struct mail_code *code = &account->codes[purpose];

    if (!mailcode_is_live(account, purpose, device, now))
        return;
    if (--code->tries == 0)
        mailcode_void(account, purpose);
}

void mailcode_use(struct account *account, enum mail_purpose purpose)
{
    secret_wipe(&account->codes[purpose], sizeof(account->codes[purpose]));
}
