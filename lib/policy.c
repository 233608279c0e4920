/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "policy.h"

#include "err.h"
#include "match.h"
#include "secret.h"

#include <limits.h>
#include <string.h>

/* Stands in for an account nobody knows, or without a device: the same arithmetic, and no answer.
 */
static int rehearse(const struct rules *rules, const struct policy_attempt *attempt)
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
        return seal_digest(attempt->ring, NULL, MATCH_TOKEN_PURPOSE, "", code.text, digest);
    if (code.form == CODE_DIGITS)
        return match_device(rules, &nobody, &code, attempt->now, &hit);
    return 0;
}

static enum admit admit_unenrolled(const struct rules *rules)
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

int64_t policy_locked_until(const struct rules *rules, const struct account *account, int64_t now)
{
    if (account->failures >= rules->failure_limit)
        return ACCOUNT_LOCKED_FOR_EVER;
    return now < account->locked_until ? account->locked_until : 0;
}

/* The account is neither closed nor locked: is there a device to ask? */
static bool is_asked(const struct rules *rules, const struct account *account,
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

bool policy_standing(const struct rules *rules, const struct account *account, int64_t now,
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
static void count_failure(const struct rules *rules, int64_t now, struct account *after)
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

/* Consumes what was accepted and forgets the failures. */
static void consume(const struct rules *rules, const struct match *match, int64_t now,
                    struct account *after, struct outcome *result)
{
    if (match->method == METHOD_BACKUP) {
        account_remove_token(after, match->index);
    } else {
        for (size_t i = 0; i < after->device_count; i++)
            if (match->hits[i].accepted)
                match_move(rules, &match->hits[i], now, &after->devices[i]);
        memcpy(result->device, after->devices[match->index].label, sizeof(result->device));
    }
    after->failures = 0;
    after->locked_until = 0;
    result->method = match->method;
    result->tokens_left = (unsigned)after->token_count;
    result->verdict = VERDICT_ACCEPTED;
    result->admit = ADMIT_YES;
}

static void refuse(const struct rules *rules, const struct policy_attempt *attempt,
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
static int judge(const struct rules *rules, const struct account *before,
                 const struct policy_attempt *attempt, struct account *after,
                 struct outcome *result)
{
    struct code code CLEANUP(code_clear) = {0};
    struct match match = {0};

    code_parse(attempt->code, &code);
    if (!match_is_candidate(before, &code)) {
        bool counts = code.form != CODE_EMPTY && !code_is_sshd_refusal(attempt->code);
        refuse(rules, attempt, VERDICT_MALFORMED, counts, after, result);
        return 0;
    }
    int r = match_code(rules, before, &code, attempt->ring, attempt->now, &match);
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

int policy_decide(const struct rules *rules, const struct account *before,
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
static bool is_kept_out(const struct rules *rules, const struct account *account, int64_t now,
                        struct outcome *result)
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
static void activate(const struct rules *rules, const struct hit *hit, size_t index, int64_t now,
                     struct account *after, struct outcome *result)
{
    struct device *device = &after->devices[index];
    const bool first = is_first(after);
    char label[ACCOUNT_LABEL_SIZE];

    match_move(rules, hit, now, device);
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

int policy_confirm(const struct rules *rules, const struct account *before, size_t index,
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
               : match_is_candidate(account, &shape);
}

/* Tries one tail; best keeps the first that is accepted, else the first there was. Where no code is
 * judged (account NULL) the work is the same and nothing matches. */
static int try_tail(const struct rules *rules, const struct account *account,
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
                : match_code(rules, account, &code, attempt->ring, attempt->now, &match);
    if (r != 0)
        return r;
    if (match.accepted || !*found)
        *best = start;
    *found = true;
    *accepted = match.accepted;
    return 0;
}

int policy_split(const struct rules *rules, const struct account *account,
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
    r = seal_digest(ring, made.key_id, MATCH_TOKEN_PURPOSE, name, code.text, made.digest);
    if (r != 0) {
        secret_wipe(text, CODE_TOKEN_SIZE);
        return r;
    }
    *token = made;
    return 0;
}
