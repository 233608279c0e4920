/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "policy.h"

#include "err.h"
#include "mailcode.h"
#include "match.h"
#include "secret.h"

#include <limits.h>
#include <string.h>

int policy_rehearse(const struct rules *rules, const struct policy_attempt *attempt)
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

/* Until the day by which everybody must have enrolled, those who have not may pass. */
static enum admit admit_unenrolled(const struct rules *rules, int64_t now)
{
    if (now >= 0 && now < rules->enroll_by)
        return ADMIT_YES;
    switch (rules->unenrolled) {
    case UNENROLLED_IGNORE:
        return ADMIT_IGNORE;
    case UNENROLLED_PERMIT:
        return ADMIT_YES;
    case UNENROLLED_ENROLL:
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

/* A stamp of the future is none: somebody has set the clock. A lock beats it even where it is the
 * person's own (policy_attempt) and keeps no code from being judged. */
static bool is_within_grace(const struct rules *rules, const struct account *account,
                            const struct policy_attempt *attempt)
{
    return policy_locked_until(rules, account, attempt->now) == 0 && rules->grace > 0 &&
           attempt->ticket > 0 && attempt->ticket <= attempt->now &&
           attempt->now - attempt->ticket < rules->grace;
}

/* The account is neither closed nor locked: is a code to be asked for? */
static bool is_asked(const struct rules *rules, const struct account *account,
                     const struct policy_attempt *attempt, struct outcome *result)
{
    result->locked_until = 0;
    if (!match_is_enrolled(account)) {
        result->verdict = account->enabled ? VERDICT_UNENROLLED : VERDICT_DISABLED;
        result->admit = admit_unenrolled(rules, attempt->now);
        return false;
    }
    if (is_within_grace(rules, account, attempt)) {
        result->verdict = VERDICT_GRACE;
        result->admit = ADMIT_YES;
        return false;
    }
    result->verdict = VERDICT_WRONG;
    return true;
}

/* Where the password is checked here, the module has a say although it asks for no code. */
static bool is_exempt(const struct policy_attempt *attempt, struct outcome *result)
{
    if (!attempt->exempt)
        return false;
    result->verdict = VERDICT_EXEMPT;
    result->admit = attempt->password == PASSWORD_NOT_ASKED ? ADMIT_IGNORE : ADMIT_YES;
    result->locked_until = 0;
    return true;
}

bool policy_standing(const struct rules *rules, const struct account *account,
                     const struct policy_attempt *attempt, struct outcome *result)
{
    const bool asks_password = attempt->password != PASSWORD_NOT_ASKED;

    *result = (struct outcome){.verdict = VERDICT_UNENROLLED, .admit = ADMIT_NO};
    if (account == NULL) {
        if (!is_exempt(attempt, result))
            result->admit = admit_unenrolled(rules, attempt->now);
        return false;
    }
    result->failures = account->failures;
    result->tokens_left = (unsigned)account->token_count;
    result->tokens_issued = account->tokens_issued;
    result->locked_until = account->closed ? ACCOUNT_LOCKED_FOR_EVER
                                           : policy_locked_until(rules, account, attempt->now);
    /* Others' wrong codes do not lock out who is asked for none; guesses of a password, they do. */
    if (!account->closed && !(asks_password && result->locked_until != 0) &&
        is_exempt(attempt, result))
        return false;
    if (result->locked_until != 0) {
        result->verdict = VERDICT_LOCKED;
        return false;
    }
    return is_asked(rules, account, attempt, result);
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

/* No device of the account but those that wait. */
static bool is_first(const struct account *account)
{
    return account_count(account, DEVICE_PENDING) == account->device_count;
}

/* The pending device has shown its first code: it takes its place. With an account's first one go
 * all that wait beside it: until now whoever acted in this person's name could have made them. */
static void activate(size_t index, struct account *after)
{
    const bool first = is_first(after);
    char label[ACCOUNT_LABEL_SIZE];

    after->devices[index].state = DEVICE_ACTIVE;
    after->devices[index].at_login = false;
    memcpy(label, after->devices[index].label, sizeof(label));
    for (size_t i = after->device_count; i-- > 0;)
        if (i != index && (first || strcmp(after->devices[i].label, label) == 0))
            account_remove_device(after, i);
}

static void consume_code(const struct rules *rules, const struct match *match, int64_t now,
                         struct account *after, struct outcome *result)
{
    memcpy(result->device, after->devices[match->index].label, sizeof(result->device));
    for (size_t i = 0; i < after->device_count; i++) {
        if (!match->hits[i].accepted)
            continue;
        match_move(rules, &match->hits[i], now, &after->devices[i]);
        if (after->devices[i].type == DEVICE_EMAIL)
            mailcode_use(after, MAIL_LOGIN);
    }
    if (after->devices[match->index].state == DEVICE_PENDING)
        activate(match->index, after);
}

/* Consumes what was accepted and forgets the failures. */
static void consume(const struct rules *rules, const struct match *match, int64_t now,
                    struct account *after, struct outcome *result)
{
    if (match->method == METHOD_BACKUP)
        account_remove_token(after, match->index);
    else
        consume_code(rules, match, now, after, result);
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

static bool password_fits(const struct policy_attempt *attempt)
{
    return attempt->password == PASSWORD_RIGHT || attempt->password == PASSWORD_NOT_ASKED;
}

/* A guess at a code that was sent by e-mail is one of its three tries. */
static void miss_mailed(const struct account *before, const struct policy_attempt *attempt,
                        const struct code *code, struct account *after)
{
    size_t start = 0;

    for (size_t i = 0; i < before->device_count; i++) {
        const struct device *device = &before->devices[i];
        if (device->type != DEVICE_EMAIL || !match_is_in_use(before, device))
            continue;
        /* Of an answer with a password every end was tried, this one's too. */
        if (attempt->answer != NULL ? code_digits_tail(attempt->answer, device->digits, &start)
                                    : code->form == CODE_DIGITS && code->length == device->digits)
            mailcode_miss(after, MAIL_LOGIN, device->id, attempt->now);
    }
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
    if (attempt->no_tokens && match.method == METHOD_BACKUP)
        match.accepted = false;
    if (match.accepted && password_fits(attempt)) {
        consume(rules, &match, attempt->now, after, result);
        result->failures = 0;
    } else if (match.replayed && password_fits(attempt)) {
        memcpy(result->device, before->devices[match.index].label, sizeof(result->device));
        result->method = match.method;
        /* A longer end of the answer was tried too. */
        if (attempt->answer != NULL)
            miss_mailed(before, attempt, &code, after);
        refuse(rules, attempt, VERDICT_REPLAYED, false, after, result);
    } else {
        /* What is right for one device and came with a wrong password is no guess at another. */
        if (!match.accepted && !match.replayed)
            miss_mailed(before, attempt, &code, after);
        refuse(rules, attempt, VERDICT_WRONG, true, after, result);
    }
    return 0;
}

/* No code is asked for, or none decides: then the password does, where one is checked here. In
 * an answer without a code, what sshd sends for a user it has refused is nobody's guess at it. */
static void judge_password(const struct rules *rules, const struct account *before,
                           const struct policy_attempt *attempt, struct account *after,
                           struct outcome *result)
{
    const bool goes_on = result->admit == ADMIT_YES || (rules->unenrolled == UNENROLLED_ENROLL &&
                                                        result->verdict == VERDICT_UNENROLLED);

    if (goes_on && !password_fits(attempt)) {
        const bool guessed =
            !attempt->codeless || attempt->code == NULL || !code_is_sshd_refusal(attempt->code);
        refuse(rules, attempt, VERDICT_WRONG, before != NULL && guessed, after, result);
    }
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
    bool open = policy_standing(rules, before, attempt, &decided);
    if (!open && is_own_lock(before, attempt, &decided))
        open = is_asked(rules, before, attempt, &decided);
    int r = 0;
    if (open && attempt->codeless)
        refuse(rules, attempt, VERDICT_MALFORMED, false, after, &decided);
    else if (open)
        r = judge(rules, before, attempt, after, &decided);
    else if (!attempt->codeless)
        r = policy_rehearse(rules, attempt);
    if (!open)
        judge_password(rules, before, attempt, after, &decided);
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

static void confirm(const struct rules *rules, const struct hit *hit, size_t index, int64_t now,
                    struct account *after, struct outcome *result)
{
    struct device *device = &after->devices[index];

    match_move(rules, hit, now, device);
    if (device->type == DEVICE_EMAIL)
        mailcode_use(after, MAIL_LOGIN);
    result->method = match_method(device);
    memcpy(result->device, device->label, sizeof(result->device));
    activate(index, after);
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
    if ((attempt->guarded || attempt->heeds_lock) &&
        is_kept_out(rules, before, attempt->now, result))
        return 0;
    code_parse(attempt->code, &code);
    if (code.form != CODE_DIGITS || code.length != before->devices[index].digits) {
        refuse(rules, attempt, VERDICT_MALFORMED, attempt->guarded && code.form != CODE_EMPTY,
               after, result);
        return 0;
    }
    int r = match_one(rules, before, index, &code, attempt->ring, attempt->now, &hit);
    if (r != 0)
        return r;
    if (hit.accepted) {
        confirm(rules, &hit, index, attempt->now, after, result);
        return 0;
    }
    if (before->devices[index].type == DEVICE_EMAIL)
        mailcode_miss(after, MAIL_LOGIN, before->devices[index].id, attempt->now);
    refuse(rules, attempt, VERDICT_WRONG, attempt->guarded, after, result);
    return 0;
}

/* Both are right together, or nothing is used up. */
static int recover(const struct rules *rules, const struct account *before, const char *mailed,
                   const struct policy_attempt *attempt, struct account *after,
                   struct outcome *result)
{
    struct code code CLEANUP(code_clear) = {0}, own CLEANUP(code_clear) = {0};
    bool match = false;

    code_parse(mailed, &code);
    code_parse(attempt->code, &own);
    if (code.form == CODE_EMPTY || own.form == CODE_EMPTY) {
        refuse(rules, attempt, VERDICT_WRONG, false, after, result);
        return 0;
    }
    int r = mailcode_match(before, MAIL_RECOVERY, 0, &code, attempt->ring, attempt->now, &match);
    if (r != 0)
        return r;
    if (match) {
        r = judge(rules, before, attempt, after, result);
        if (r != 0)
            return r;
        if (result->verdict == VERDICT_ACCEPTED) {
            mailcode_use(after, MAIL_RECOVERY);
            return 0;
        }
    }
    /* Which of the two was wrong is nobody's business: one that was used before counts here too. */
    *after = *before;
    refuse(rules, attempt, VERDICT_WRONG, true, after, result);
    result->method = METHOD_NONE;
    result->device[0] = '\0';
    mailcode_miss(after, MAIL_RECOVERY, 0, attempt->now);
    return 0;
}

int policy_recover(const struct rules *rules, const struct account *before, const char *mailed,
                   const struct policy_attempt *attempt, struct account *after,
                   struct outcome *result)
{
    /* What else came to the same address proves nothing more; nor does what spares a code. */
    struct rules strict = *rules;
    struct policy_attempt apart = *attempt;
    struct outcome decided = {0};

    apart.no_tokens = before->tokens_mailed;
    strict.email_devices = false;
    strict.grace = 0;
    *result = (struct outcome){.verdict = VERDICT_WRONG, .admit = ADMIT_NO};
    *after = *before;
    if (attempt->now < 0)
        return ERR_CLOCK;
    if (!policy_standing(&strict, before, attempt, &decided)) {
        *result = decided;
        result->admit = ADMIT_NO;
        return 0;
    }
    if (match_is_waiting(before)) {
        result->verdict = VERDICT_UNENROLLED;
        return 0;
    }
    int r = recover(&strict, before, mailed, &apart, after, &decided);
    if (r != 0) {
        *after = *before;
        return r;
    }
    *result = decided;
    return 0;
}
