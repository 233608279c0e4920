/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "split.h"

#include "err.h"
#include "match.h"

/* An account nobody knows, or without a device, is taken to have one of the usual length. */
static bool may_have_digits(const struct account *account, unsigned digits)
{
    const struct code shape = {.form = CODE_DIGITS, .length = digits};

    return account == NULL || !match_is_enrolled(account) ? digits == CODE_DIGITS_MIN
                                                          : match_is_candidate(account, &shape);
}

/* The best tail so far: the first that is accepted, else the first there was. */
struct split {
    enum split_tail tail;
    size_t start;
};

/* Tries one tail. Where no code is judged (account NULL) the work is the same and nothing matches.
 */
static int try_tail(const struct rules *rules, const struct account *account,
                    const struct policy_attempt *attempt, size_t start, struct split *best)
{
    struct code code CLEANUP(code_clear) = {0};
    struct match match = {0};

    if (best->tail == TAIL_ACCEPTED)
        return 0;
    code_parse(attempt->code + start, &code);
    int r = account == NULL
                ? policy_rehearse(rules, &(struct policy_attempt){.now = attempt->now,
                                                                  .ring = attempt->ring,
                                                                  .code = attempt->code + start})
                : match_code(rules, account, &code, attempt->ring, attempt->now, &match);
    if (r != 0)
        return r;
    if (match.accepted || best->tail == TAIL_NONE)
        *best = (struct split){.tail = match.accepted ? TAIL_ACCEPTED : TAIL_FORM, .start = start};
    return 0;
}

int split_answer(const struct rules *rules, const struct account *account,
                 const struct policy_attempt *attempt, size_t *password_length,
                 enum split_tail *tail)
{
    struct outcome standing = {0};
    struct split best = {0};
    const struct account *judged = account;
    size_t start = 0;

    *tail = TAIL_NONE;
    *password_length = 0;
    if (attempt->now < 0)
        return ERR_CLOCK;
    if (attempt->code == NULL)
        return 0;
    /* While locked, no code is tried here either. */
    const struct policy_attempt bare = {.now = attempt->now, .password = PASSWORD_NOT_ASKED};
    if (account != NULL && !policy_standing(rules, account, &bare, &standing))
        judged = NULL;
    for (unsigned digits = CODE_DIGITS_MIN; digits <= CODE_DIGITS_MAX; digits++) {
        if (!may_have_digits(account, digits) || !code_digits_tail(attempt->code, digits, &start))
            continue;
        int r = try_tail(rules, judged, attempt, start, &best);
        if (r != 0)
            return r;
    }
    if (code_token_tail(attempt->code, &start)) {
        int r = try_tail(rules, judged, attempt, start, &best);
        if (r != 0)
            return r;
    }
    *tail = best.tail;
    *password_length = best.start;
    return 0;
}
