/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "match.h"

#include "err.h"
#include "mailcode.h"
#include "otp.h"
#include "secret.h"

#include <string.h>

/* The widest row of codes: a window on both sides, or the look-ahead with the counter used last. */
#define CODES_MAX (RULES_LOOK_AHEAD_MAX + 2)
_Static_assert(2 * RULES_WINDOW_MAX + 1 <= CODES_MAX, "a window fits the row of codes");

/* What was learned counts in whole steps, never beyond what the rules allow today. */
int64_t match_drift(const struct rules *rules, const struct device *device)
{
    int64_t half = device->drift < 0 ? -ACCOUNT_DRIFT_SCALE / 2 : ACCOUNT_DRIFT_SCALE / 2;
    int64_t learned = clamp((device->drift + half) / ACCOUNT_DRIFT_SCALE,
                            -(int64_t)rules->max_drift, rules->max_drift);

    return device->offset + learned;
}

/* A quarter of the way towards the offset just seen: one late answer moves nothing, a clock that is
 * off every time is followed (RFC 6238 section 6). */
static int64_t drift_learn(const struct rules *rules, const struct device *device, int64_t offset)
{
    int64_t bound = (int64_t)rules->max_drift * ACCOUNT_DRIFT_SCALE;
    int64_t drift = clamp(device->drift, -bound, bound);

    drift += (offset * ACCOUNT_DRIFT_SCALE - drift) / 4;
    return clamp(drift, -bound, bound);
}

/* The moving factors that are looked at, and the first of them that has not been used. */
void match_range(const struct rules *rules, const struct device *device, int64_t now,
                 int64_t *first, size_t *count, int64_t *fresh)
{
    int64_t last;

    if (device->type == DEVICE_HOTP) {
        *first = device->counter > 0 ? device->counter - 1 : 0;
        last = clamp(device->counter + rules->look_ahead, 0, OTP_COUNTER_MAX - 1);
        *fresh = device->counter;
    } else {
        int64_t centre = otp_step(now, device->period) + match_drift(rules, device);
        *first = clamp(centre - rules->window, 0, INT64_MAX);
        last = clamp(centre + rules->window, 0, INT64_MAX);
        *fresh = device->last_step + 1;
    }
    *count = (size_t)(last - *first + 1);
}

/* Computes the whole row and looks at all of it. */
int match_device(const struct rules *rules, const struct device *device, const struct code *code,
                 int64_t now, struct hit *result)
{
    uint32_t codes[CODES_MAX] = {0};
    int64_t first = 0, fresh = 0;
    size_t count = 0;

    match_range(rules, device, now, &first, &count, &fresh);
    if (count > ARRAY_SIZE(codes))
        return ERR_RANGE;
    int r = otp_codes(&device->secret, device->algorithm, device->digits, (uint64_t)first, count,
                      codes);
    if (r != 0)
        return r;
    uint64_t found = 0, used = 0, moved = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t hit = secret_equal_bit(codes[i], code->value);
        uint64_t is_fresh = (first + (int64_t)i >= fresh) ? 1 : 0;
        uint64_t take = hit & is_fresh & (found ^ 1);
        moved |= (0 - take) & (uint64_t)(first + (int64_t)i);
        found |= take;
        used |= hit & (is_fresh ^ 1);
    }
    secret_wipe(codes, sizeof(codes));
    *result = (struct hit){.accepted = found != 0, .replayed = used != 0, .moved = (int64_t)moved};
    return 0;
}

bool match_is_waiting(const struct account *account)
{
    if (account_count(account, DEVICE_ACTIVE) > 0)
        return false;
    for (size_t i = 0; i < account->device_count; i++)
        if (account->devices[i].state == DEVICE_PENDING && !account->devices[i].at_login)
            return true;
    return false;
}

bool match_is_enrolled(const struct account *account)
{
    return account->enabled &&
           (account_count(account, DEVICE_ACTIVE) > 0 || match_is_waiting(account));
}

bool match_is_in_use(const struct account *account, const struct device *device)
{
    if (device->state == DEVICE_PENDING)
        return !device->at_login && match_is_waiting(account);
    return device->state == DEVICE_ACTIVE;
}

bool match_may_mail(const struct rules *rules, const struct account *account,
                    const struct device *device)
{
    struct secret fingerprint CLEANUP(secret_clear) = {0};

    return rules->email_devices && device->type == DEVICE_EMAIL && account->email[0] != '\0' &&
           seal_fingerprint(account->email, &fingerprint) == 0 &&
           device->secret.length == fingerprint.length &&
           secret_equal(device->secret.bytes, fingerprint.bytes, fingerprint.length);
}

/* Where e-mail devices are switched off, or the address is not the one it was made for, the device
 * is in use all the same: what it shows is wrong, and lets nobody pass. */
static int match_mailed(const struct rules *rules, const struct account *account,
                        const struct device *device, const struct code *code,
                        const struct seal_ring *ring, int64_t now, struct hit *hit)
{
    bool match = false;

    int r = mailcode_match(account, MAIL_LOGIN, device->id, code, ring, now, &match);
    *hit = (struct hit){.accepted = match && match_may_mail(rules, account, device)};
    return r;
}

int match_one(const struct rules *rules, const struct account *account, size_t index,
              const struct code *code, const struct seal_ring *ring, int64_t now, struct hit *hit)
{
    const struct device *device = &account->devices[index];

    return device->type == DEVICE_EMAIL ? match_mailed(rules, account, device, code, ring, now, hit)
                                        : match_device(rules, device, code, now, hit);
}

enum method match_method(const struct device *device)
{
    switch (device->type) {
    case DEVICE_TOTP:
        return METHOD_TOTP;
    case DEVICE_HOTP:
        return METHOD_HOTP;
    case DEVICE_EMAIL:
        return METHOD_EMAIL;
    }
    return METHOD_NONE;
}

/* Every device in use of the code's length, all of them, whatever the first says. A code that one
 * device has used is used: another that holds the same secret does not make it good again. */
static int match_devices(const struct rules *rules, const struct account *account,
                         const struct code *code, const struct seal_ring *ring, int64_t now,
                         struct match *match)
{
    bool any = false;

    for (size_t i = 0; i < account->device_count; i++) {
        const struct device *device = &account->devices[i];
        struct hit *hit = &match->hits[i];
        if (!match_is_in_use(account, device) || device->digits != code->length)
            continue;
        int r = match_one(rules, account, i, code, ring, now, hit);
        if (r != 0)
            return r;
        bool first = (hit->replayed && !match->replayed) || (hit->accepted && !any);
        any = any || hit->accepted;
        match->replayed = match->replayed || hit->replayed;
        if (first) {
            match->index = i;
            match->method = match_method(device);
        }
    }
    match->accepted = any && !match->replayed;
    return 0;
}

static int match_tokens(const struct account *account, const struct code *code,
                        const struct seal_ring *ring, struct match *match)
{
    uint8_t digest[ACCOUNT_DIGEST_SIZE] = {0};
    const char *key_id = "";

    for (size_t i = 0; i < account->token_count; i++) {
        const struct token *token = &account->tokens[i];
        if (strcmp(key_id, token->key_id) != 0) {
            int r = seal_digest(ring, token->key_id, MATCH_TOKEN_PURPOSE, account->name, code->text,
                                digest);
            if (r != 0)
                return r;
            key_id = token->key_id;
        }
        if (secret_equal(digest, token->digest, sizeof(digest)))
            *match = (struct match){.accepted = true, .method = METHOD_BACKUP, .index = i};
    }
    secret_wipe(digest, sizeof(digest));
    return 0;
}

int match_code(const struct rules *rules, const struct account *account, const struct code *code,
               const struct seal_ring *ring, int64_t now, struct match *match)
{
    *match = (struct match){0};
    if (code->form == CODE_DIGITS)
        return match_devices(rules, account, code, ring, now, match);
    /* They stand in for a device in use, not for one that waits. */
    if (code->form == CODE_TOKEN && account_count(account, DEVICE_ACTIVE) > 0)
        return match_tokens(account, code, ring, match);
    return 0;
}

/* Digits are a code only where a device shows that many. */
bool match_is_candidate(const struct account *account, const struct code *code)
{
    if (code->form != CODE_DIGITS)
        return code->form == CODE_TOKEN;
    for (size_t i = 0; i < account->device_count; i++)
        if (match_is_in_use(account, &account->devices[i]) &&
            account->devices[i].digits == code->length)
            return true;
    return false;
}

void match_move(const struct rules *rules, const struct hit *hit, int64_t now,
                struct device *device)
{
    if (device->type == DEVICE_HOTP) {
        device->counter = hit->moved + 1;
    } else if (device->type == DEVICE_TOTP) {
        int64_t offset = hit->moved - otp_step(now, device->period) - device->offset;
        device->last_step = hit->moved;
        device->drift = drift_learn(rules, device, offset);
    }
    device->last_used = now;
}
