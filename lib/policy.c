/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "policy.h"

#include "err.h"
#include "otp.h"
#include "secret.h"

#include <limits.h>
#include <string.h>

#define TOKEN_PURPOSE "backup-token"

/* The widest row of codes: a window on both sides, or the look-ahead with the counter used last. */
#define CODES_MAX (POLICY_LOOK_AHEAD_MAX + 2)
_Static_assert(2 * POLICY_WINDOW_MAX + 1 <= CODES_MAX, "a window fits the row of codes");

/* What one code is to one device. */
struct hit {
    bool accepted;
    bool replayed;
    int64_t moved; /* accepted time step or counter */
};

/* What one code is to an account. */
struct match {
    bool accepted;
    bool replayed;
    enum method method;
    size_t index; /* of the first device, or of the token */
    struct hit hits[ACCOUNT_DEVICES_MAX];
};

/* 1 when equal, else 0, without a branch. */
static uint32_t equal_bit(uint32_t a, uint32_t b)
{
    return (uint32_t)(((uint64_t)(a ^ b) - 1) >> 63);
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* The learned offset, in whole steps, never beyond what the rules allow today. */
static int64_t drift_steps(const struct policy_rules *rules, const struct device *device)
{
    int64_t half = device->drift < 0 ? -ACCOUNT_DRIFT_SCALE / 2 : ACCOUNT_DRIFT_SCALE / 2;

    return clamp((device->drift + half) / ACCOUNT_DRIFT_SCALE, -(int64_t)rules->max_drift,
                 rules->max_drift);
}

/* A quarter of the way towards the offset just seen: one late answer moves nothing, a clock that is
 * off every time is followed (RFC 6238 section 6). */
static int32_t drift_learn(const struct policy_rules *rules, const struct device *device,
                           int64_t offset)
{
    int64_t bound = (int64_t)rules->max_drift * ACCOUNT_DRIFT_SCALE;
    int64_t drift = clamp(device->drift, -bound, bound);

    drift += (offset * ACCOUNT_DRIFT_SCALE - drift) / 4;
    return (int32_t)clamp(drift, -bound, bound);
}

/* The moving factors that are looked at, and the first of them that has not been used. */
static void device_range(const struct policy_rules *rules, const struct device *device, int64_t now,
                         int64_t *first, size_t *count, int64_t *fresh)
{
    int64_t last;

    if (device->type == DEVICE_HOTP) {
        *first = device->counter > 0 ? device->counter - 1 : 0;
        last = clamp(device->counter + rules->look_ahead, 0, OTP_COUNTER_MAX - 1);
        *fresh = device->counter;
    } else {
        int64_t centre = otp_step(now, device->period) + drift_steps(rules, device);
        *first = clamp(centre - rules->window, 0, INT64_MAX);
        last = clamp(centre + rules->window, 0, INT64_MAX);
        *fresh = device->last_step + 1;
    }
    *count = (size_t)(last - *first + 1);
}

/* Computes the whole row and looks at all of it. */
static int match_device(const struct policy_rules *rules, const struct device *device,
                        const struct code *code, int64_t now, struct hit *result)
{
    uint32_t codes[CODES_MAX] = {0};
    int64_t first = 0, fresh = 0;
    size_t count = 0;

    device_range(rules, device, now, &first, &count, &fresh);
    if (count > ARRAY_SIZE(codes))
        return ERR_RANGE;
    int r = otp_codes(&device->secret, device->algorithm, device->digits, (uint64_t)first, count,
                      codes);
    if (r != 0)
        return r;
    uint64_t found = 0, used = 0, moved = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t hit = equal_bit(codes[i], code->value);
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

/* Every active device of the code's length, all of them, whatever the first says. A code that one
 * device has used is used: another that holds the same secret does not make it good again. */
static int match_devices(const struct policy_rules *rules, const struct account *account,
                         const struct code *code, int64_t now, struct match *match)
{
    bool any = false;

    for (size_t i = 0; i < account->device_count; i++) {
        const struct device *device = &account->devices[i];
        struct hit *hit = &match->hits[i];
        if (device->state != DEVICE_ACTIVE || device->digits != code->length)
            continue;
        int r = match_device(rules, device, code, now, hit);
        if (r != 0)
            return r;
        bool first = (hit->replayed && !match->replayed) || (hit->accepted && !any);
        any = any || hit->accepted;
        match->replayed = match->replayed || hit->replayed;
        if (first) {
            match->index = i;
            match->method = device->type == DEVICE_HOTP ? METHOD_HOTP : METHOD_TOTP;
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
            int r =
                seal_digest(ring, token->key_id, TOKEN_PURPOSE, account->name, code->text, digest);
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

static int match_code(const struct policy_rules *rules, const struct account *account,
                      const struct code *code, const struct policy_attempt *attempt,
                      struct match *match)
{
    *match = (struct match){0};
    if (code->form == CODE_DIGITS)
        return match_devices(rules, account, code, attempt->now, match);
    if (code->form == CODE_TOKEN)
        return match_tokens(account, code, attempt->ring, match);
    return 0;
}

/* Digits are a code only where a device shows that many. */
static bool is_candidate(const struct account *account, const struct code *code)
{
    if (code->form != CODE_DIGITS)
        return code->form == CODE_TOKEN;
    for (size_t i = 0; i < account->device_count; i++)
        if (account->devices[i].state == DEVICE_ACTIVE &&
            account->devices[i].digits == code->length)
            return true;
    return false;
}

/* Stands in for an account nobody knows, or without a device: the same arithmetic, and no answer.
 */
static int rehearse(const struct policy_rules *rules, const struct policy_attempt *attempt)
{
    const struct device nobody = {.type = DEVICE_TOTP,
                                  .state = DEVICE_ACTIVE,
                                  .digits = CODE_DIGITS_MIN,
                                  .period = 30,
                                  .last_step = ACCOUNT_NEVER,
                                  .secret.length = SECRET_BYTES_DEFAULT};
    struct code code CLEANUP(code_clear) = {0};
    struct hit hit = {0};
    uint8_t digest[ACCOUNT_DIGEST_SIZE] = {0};

    code_parse(attempt->code, &code);
    if (code.form == CODE_TOKEN)
        return seal_digest(attempt->ring, NULL, TOKEN_PURPOSE, "", code.text, digest);
    if (code.form == CODE_DIGITS)
        return match_device(rules, &nobody, &code, attempt->now, &hit);
    return 0;
}

static enum admit admit_unenrolled(const struct policy_rules *rules)
{
    switch (rules->unenrolled) {
    case UNENROLLED_IGNORE:
        return ADMIT_IGNORE;
    case UNENROLLED_PERMIT:
        return ADMIT_YES;
    case UNENROLLED_DENY:
        break;
    }
    return ADMIT_NO;
}

int64_t policy_locked_until(const struct policy_rules *rules, const struct account *account,
                            int64_t now)
{
    if (account->failures >= rules->failure_limit)
        return ACCOUNT_LOCKED_FOR_EVER;
    return now < account->locked_until ? account->locked_until : 0;
}

/* The account is neither closed nor locked: is there a device to ask? */
static bool is_asked(const struct policy_rules *rules, const struct account *account,
                     struct outcome *result)
{
    result->locked_until = 0;
    if (!account->enabled || account_count(account, DEVICE_ACTIVE) == 0) {
        result->verdict = account->enabled ? VERDICT_UNENROLLED : VERDICT_DISABLED;
        result->admit = admit_unenrolled(rules);
        return false;
    }
    result->verdict = VERDICT_WRONG;
    return true;
}

bool policy_standing(const struct policy_rules *rules, const struct account *account, int64_t now,
                     struct outcome *result)
{
    *result = (struct outcome){.verdict = VERDICT_UNENROLLED, .admit = ADMIT_NO};
    if (account == NULL) {
        result->admit = admit_unenrolled(rules);
        return false;
    }
    result->failures = account->failures;
    result->tokens_left = (unsigned)account->token_count;
    result->locked_until =
        account->closed ? ACCOUNT_LOCKED_FOR_EVER : policy_locked_until(rules, account, now);
    if (result->locked_until != 0) {
        result->verdict = VERDICT_LOCKED;
        return false;
    }
    return is_asked(rules, account, result);
}

/* The lock doubles with every failure beyond max_failures; at failure_limit it stays. */
static void count_failure(const struct policy_rules *rules, int64_t now, struct account *after)
{
    if (after->failures < UINT_MAX)
        after->failures++;
    if (after->failures >= rules->failure_limit) {
        after->locked_until = ACCOUNT_LOCKED_FOR_EVER;
    } else if (after->failures >= rules->max_failures) {
        int64_t seconds = rules->lock_time;
        for (unsigned n = rules->max_failures; n < after->failures; n++)
            if (seconds < rules->lock_time_max)
                seconds *= 2;
        seconds = clamp(seconds, 0, rules->lock_time_max);
        after->locked_until = clamp(now, 0, ACCOUNT_LOCKED_FOR_EVER - seconds) + seconds;
    }
}

static void move_device(const struct policy_rules *rules, const struct hit *hit, int64_t now,
                        struct device *device)
{
    if (device->type == DEVICE_HOTP) {
        device->counter = hit->moved + 1;
    } else {
        int64_t offset = hit->moved - otp_step(now, device->period);
        device->last_step = hit->moved;
        device->drift = drift_learn(rules, device, offset);
    }
    device->last_used = now;
}

/* Consumes what was accepted and forgets the failures. */
static void consume(const struct policy_rules *rules, const struct match *match, int64_t now,
                    struct account *after, struct outcome *result)
{
    if (match->method == METHOD_BACKUP) {
        account_remove_token(after, match->index);
    } else {
        for (size_t i = 0; i < after->device_count; i++)
            if (match->hits[i].accepted)
                move_device(rules, &match->hits[i], now, &after->devices[i]);
        memcpy(result->device, after->devices[match->index].label, sizeof(result->device));
    }
    after->failures = 0;
    after->locked_until = 0;
    result->method = match->method;
    result->tokens_left = (unsigned)after->token_count;
    result->verdict = VERDICT_ACCEPTED;
    result->admit = ADMIT_YES;
}

static void refuse(const struct policy_rules *rules, const struct policy_attempt *attempt,
                   enum verdict verdict, bool counts, struct account *after, struct outcome *result)
{
    result->verdict = verdict;
    result->admit = ADMIT_NO;
    if (counts)
        count_failure(rules, attempt->now, after);
    result->failures = after->failures;
    result->locked_until = after->locked_until;
}

/* The account is enrolled, open and not locked: the code decides. */
static int judge(const struct policy_rules *rules, const struct account *before,
                 const struct policy_attempt *attempt, struct account *after,
                 struct outcome *result)
{
    struct code code CLEANUP(code_clear) = {0};
    struct match match = {0};

    code_parse(attempt->code, &code);
    if (!is_candidate(before, &code)) {
        bool counts = code.form != CODE_EMPTY && !code_is_sshd_refusal(attempt->code);
        refuse(rules, attempt, VERDICT_MALFORMED, counts, after, result);
        return 0;
    }
    int r = match_code(rules, before, &code, attempt, &match);
    if (r != 0)
        return r;
    bool password_fits =
        attempt->password == PASSWORD_RIGHT || attempt->password == PASSWORD_NOT_ASKED;
    if (match.accepted && password_fits) {
        consume(rules, &match, attempt->now, after, result);
        result->failures = 0;
    } else if (match.replayed && password_fits) {
        memcpy(result->device, before->devices[match.index].label, sizeof(result->device));
        result->method = match.method;
        refuse(rules, attempt, VERDICT_REPLAYED, false, after, result);
    } else {
        refuse(rules, attempt, VERDICT_WRONG, true, after, result);
    }
    return 0;
}

/* The person answers twice in one login, and the first answer has just brought this very lock: see
 * policy_attempt. */
static bool is_own_lock(const struct account *before, const struct policy_attempt *attempt,
                        const struct outcome *standing)
{
    return before != NULL && !before->closed && attempt->own_lock != 0 &&
           standing->verdict == VERDICT_LOCKED && standing->locked_until == attempt->own_lock &&
           attempt->own_lock != ACCOUNT_LOCKED_FOR_EVER;
}

int policy_decide(const struct policy_rules *rules, const struct account *before,
                  const struct policy_attempt *attempt, struct account *after,
                  struct outcome *result)
{
    struct outcome decided = {0};

    *result = (struct outcome){.verdict = VERDICT_WRONG, .admit = ADMIT_NO};
    if (before != NULL)
        *after = *before;
    else
        account_init(after, "");
    if (attempt->now < 0)
        return ERR_CLOCK;
    bool open = policy_standing(rules, before, attempt->now, &decided);
    if (!open && is_own_lock(before, attempt, &decided))
        open = is_asked(rules, before, &decided);
    int r = open ? judge(rules, before, attempt, after, &decided) : rehearse(rules, attempt);
    if (r != 0) {
        /* Half a decision is none. */
        if (before != NULL)
            *after = *before;
        return r;
    }
    *result = decided;
    return 0;
}

/* A closed or locked account's devices wait. */
static bool is_kept_out(const struct policy_rules *rules, const struct account *account,
                        int64_t now, struct outcome *result)
{
    result->locked_until =
        account->closed ? ACCOUNT_LOCKED_FOR_EVER : policy_locked_until(rules, account, now);
    if (result->locked_until != 0)
        result->verdict = VERDICT_LOCKED;
    return result->locked_until != 0;
}

/* No device of the account but those that wait. */
static bool is_first(const struct account *account)
{
    return account_count(account, DEVICE_PENDING) == account->device_count;
}

/* The code was the device's: it takes its place. With an account's first one go all that wait
 * beside it: until now whoever acted in this person's name could have made them. */
static void activate(const struct policy_rules *rules, const struct hit *hit, size_t index,
                     int64_t now, struct account *after, struct outcome *result)
{
    struct device *device = &after->devices[index];
    const bool first = is_first(after);
    char label[ACCOUNT_LABEL_SIZE];

    move_device(rules, hit, now, device);
    device->state = DEVICE_ACTIVE;
    result->method = device->type == DEVICE_HOTP ? METHOD_HOTP : METHOD_TOTP;
    memcpy(label, device->label, sizeof(label));
    memcpy(result->device, label, sizeof(label));
    for (size_t i = after->device_count; i-- > 0;)
        if (i != index && (first || strcmp(after->devices[i].label, label) == 0))
            account_remove_device(after, i);
    result->verdict = VERDICT_ACCEPTED;
    result->admit = ADMIT_YES;
    result->tokens_left = (unsigned)after->token_count;
}

int policy_confirm(const struct policy_rules *rules, const struct account *before, size_t index,
                   const struct policy_attempt *attempt, struct account *after,
                   struct outcome *result)
{
    struct code code CLEANUP(code_clear) = {0};
    struct hit hit = {0};

    *result = (struct outcome){.verdict = VERDICT_WRONG, .admit = ADMIT_NO};
    *after = *before;
    if (attempt->now < 0)
        return ERR_CLOCK;
    if (index >= before->device_count || before->devices[index].state != DEVICE_PENDING)
        return ERR_CONFLICT;
    if (attempt->guarded && is_kept_out(rules, before, attempt->now, result))
        return 0;
    code_parse(attempt->code, &code);
    if (code.form != CODE_DIGITS || code.length != before->devices[index].digits) {
        refuse(rules, attempt, VERDICT_MALFORMED, attempt->guarded && code.form != CODE_EMPTY,
               after, result);
        return 0;
    }
    int r = match_device(rules, &before->devices[index], &code, attempt->now, &hit);
    if (r != 0)
        return r;
    if (hit.accepted)
        activate(rules, &hit, index, attempt->now, after, result);
    else
        refuse(rules, attempt, VERDICT_WRONG, attempt->guarded, after, result);
    return 0;
}

/* An account nobody knows, or without a device, is taken to have one of the usual length. */
static bool may_have_digits(const struct account *account, unsigned digits)
{
    const struct code shape = {.form = CODE_DIGITS, .length = digits};

    return account == NULL || account_count(account, DEVICE_ACTIVE) == 0
               ? digits == CODE_DIGITS_MIN
               : is_candidate(account, &shape);
}

/* Tries one tail; best keeps the first that is accepted, else the first there was. Where no code is
 * judged (account NULL) the work is the same and nothing matches. */
static int try_tail(const struct policy_rules *rules, const struct account *account,
                    const struct policy_attempt *attempt, size_t start, size_t *best, bool *found,
                    bool *accepted)
{
    struct code code CLEANUP(code_clear) = {0};
    struct match match = {0};

    if (*accepted)
        return 0;
    code_parse(attempt->code + start, &code);
    int r = account == NULL
                ? rehearse(rules, &(struct policy_attempt){.now = attempt->now,
                                                           .ring = attempt->ring,
                                                           .code = attempt->code + start})
                : match_code(rules, account, &code, attempt, &match);
    if (r != 0)
        return r;
    if (match.accepted || !*found)
        *best = start;
    *found = true;
    *accepted = match.accepted;
    return 0;
}

int policy_split(const struct policy_rules *rules, const struct account *account,
                 const struct policy_attempt *attempt, size_t *password_length, bool *found)
{
    struct outcome standing = {0};
    const struct account *judged = account;
    bool any = false, accepted = false;
    size_t start = 0, best = 0;

    *found = false;
    *password_length = 0;
    if (attempt->now < 0)
        return ERR_CLOCK;
    if (attempt->code == NULL)
        return 0;
    /* While locked, no code is tried here either. */
    if (account != NULL && !policy_standing(rules, account, attempt->now, &standing))
        judged = NULL;
    for (unsigned digits = CODE_DIGITS_MIN; digits <= CODE_DIGITS_MAX; digits++) {
        if (!may_have_digits(account, digits) || !code_digits_tail(attempt->code, digits, &start))
            continue;
        int r = try_tail(rules, judged, attempt, start, &best, &any, &accepted);
        if (r != 0)
            return r;
    }
    if (code_token_tail(attempt->code, &start)) {
        int r = try_tail(rules, judged, attempt, start, &best, &any, &accepted);
        if (r != 0)
            return r;
    }
    *found = any;
    *password_length = best;
    return 0;
}

int policy_token_new(const struct seal_ring *ring, const char *name,
                     char text[static CODE_TOKEN_SIZE], struct token *token)
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
    r = seal_digest(ring, made.key_id, TOKEN_PURPOSE, name, code.text, made.digest);
    if (r != 0) {
        secret_wipe(text, CODE_TOKEN_SIZE);
        return r;
    }
    *token = made;
    return 0;
}
