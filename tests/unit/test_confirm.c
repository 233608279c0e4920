/* SPDX-License-Identifier: BSD-2-Clause */
/* The first code of a device, and where a code begins in an answer. */
#include "config.h"

#include "policy.h"
#include "sample.h"
#include "secret.h"
#include "split.h"
#include "tap.h"

#include <stdio.h>
#include <string.h>

/* Judges and puts the outcome in the place of *account. */
static struct outcome decide(const struct rules *with, struct account *account, int64_t now,
                             const char *code)
{
    struct account after CLEANUP(account_clear) = {0};
    struct outcome result = {0};
    const struct policy_attempt attempt = {
        .now = now, .code = code, .password = PASSWORD_NOT_ASKED, .ring = &sample_ring};

    if (policy_decide(with, account, &attempt, &after, &result) != 0)
        result.verdict = VERDICT_WRONG;
    else
        *account = after;
    return result;
}

static bool denied(struct outcome result, enum verdict verdict)
{
    return result.verdict == verdict && result.admit == ADMIT_NO;
}

static bool accepted(struct outcome result)
{
    return result.verdict == VERDICT_ACCEPTED && result.admit == ADMIT_YES;
}

static void test_confirm(void)
{
    struct account account = sample_account(DEVICE_TOTP, 6), after;
    struct outcome result = {0};
    struct policy_attempt attempt = {.now = SAMPLE_NOW, .code = "123456", .ring = &sample_ring};

    account.devices[0].state = DEVICE_PENDING;
    account.devices[0].at_login = true;
    ok(policy_confirm(&sample_rules, &account, 0, &attempt, &after, &result) == 0 &&
           denied(result, VERDICT_WRONG) && after.devices[0].state == DEVICE_PENDING &&
           after.failures == 0,
       "a wrong first code leaves the device pending");
    attempt.code = "";
    ok(policy_confirm(&sample_rules, &account, 0, &attempt, &after, &result) == 0 &&
           denied(result, VERDICT_MALFORMED),
       "so does an empty one");
    attempt.code = "050548";
    ok(policy_confirm(&sample_rules, &account, 0, &attempt, &after, &result) == 0 &&
           accepted(result) && after.devices[0].state == DEVICE_ACTIVE &&
           !after.devices[0].at_login,
       "the right one activates it, also one that was made at a login");
    ok(denied(decide(&sample_rules, &after, SAMPLE_NOW, "050548"), VERDICT_REPLAYED),
       "and is used up");
    ok(policy_confirm(&sample_rules, &after, 0, &attempt, &account, &result) == ERR_CONFLICT &&
           policy_confirm(&sample_rules, &after, 5, &attempt, &account, &result) == ERR_CONFLICT,
       "an active device, or none, is not confirmed");
    account = sample_account(DEVICE_TOTP, 6);
    account.device_count = 2;
    account.devices[1] = sample_device(9, DEVICE_TOTP, 6);
    account.devices[1].state = DEVICE_PENDING;
    account.devices[0].secret.bytes[0] ^= 1;
    ok(policy_confirm(&sample_rules, &account, 1, &attempt, &after, &result) == 0 &&
           accepted(result) && after.device_count == 1 && after.devices[0].id == 9 &&
           after.devices[0].state == DEVICE_ACTIVE,
       "it takes the place of the device of its label");
}

/* Before the first device is proved, whoever acts in somebody's name can have made the others. */
static void test_confirm_first(void)
{
    static const struct {
        enum device_state other; /* of the device "other" */
        size_t left;
    } cases[] = {{DEVICE_PENDING, 1}, {DEVICE_ACTIVE, 4}, {DEVICE_DISABLED, 4}};
    const struct policy_attempt attempt = {
        .now = SAMPLE_NOW, .code = "050548", .ring = &sample_ring};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        for (size_t index = 0; index < 4; index++) {
            struct account account = sample_account(DEVICE_TOTP, 6), after;
            struct outcome result = {0};
            account.device_count = 4;
            for (size_t j = 0; j < 4; j++) {
                account.devices[j] = sample_device((int64_t)j + 1, DEVICE_TOTP, 6);
                account.devices[j].state = DEVICE_PENDING;
                snprintf(account.devices[j].label, ACCOUNT_LABEL_SIZE, "d%zu", j);
                account.devices[j].secret.bytes[0] ^= j == index ? 0 : 1;
            }
            account.devices[(index + 1) % 4].state = cases[i].other;
            int r = policy_confirm(&sample_rules, &account, index, &attempt, &after, &result);
            const struct device *device = account_device_any(&after, account.devices[index].label);
            ok(r == 0 && accepted(result) && after.device_count == cases[i].left &&
                   device != NULL && device->id == (int64_t)index + 1 &&
                   device->state == DEVICE_ACTIVE &&
                   account_count(&after, DEVICE_PENDING) == (cases[i].left == 1 ? 0 : 2),
               "confirmed at %zu beside one that is %s: %zu left", index,
               device_state_name(cases[i].other), after.device_count);
        }
}

/* Whoever is not root confirms guarded: a first code must not be guessed either. */
static void test_guarded(void)
{
    static const struct {
        const char *code;
        enum verdict verdict;
        unsigned counted; /* when guarded */
    } cases[] = {
        {"123456", VERDICT_WRONG, 1},       {"12345", VERDICT_MALFORMED, 1},
        {"12345678", VERDICT_MALFORMED, 1}, {"hunter2", VERDICT_MALFORMED, 1},
        {"", VERDICT_MALFORMED, 0},         {" - ", VERDICT_MALFORMED, 0},
        {NULL, VERDICT_MALFORMED, 0},       {"050548", VERDICT_ACCEPTED, 0},
    };

    for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
        const bool guarded = i < ARRAY_SIZE(cases);
        const size_t row = i % ARRAY_SIZE(cases);
        struct account account = sample_account(DEVICE_TOTP, 6), after;
        const struct policy_attempt attempt = {
            .now = SAMPLE_NOW, .code = cases[row].code, .guarded = guarded, .ring = &sample_ring};
        struct outcome result = {0};
        account.devices[0].state = DEVICE_PENDING;
        account.failures = 2;
        ok(policy_confirm(&sample_rules, &account, 0, &attempt, &after, &result) == 0 &&
               result.verdict == cases[row].verdict &&
               after.failures == 2 + (guarded ? cases[row].counted : 0) &&
               (after.devices[0].state == DEVICE_ACTIVE) == accepted(result),
           "a first code%s: %s is %s", guarded ? ", guarded" : "",
           cases[row].code != NULL ? cases[row].code : "none", verdict_name(cases[row].verdict));
    }
}

static void test_guarded_locks(void)
{
    struct account account = sample_account(DEVICE_TOTP, 6), after;
    struct policy_attempt attempt = {
        .now = SAMPLE_NOW, .code = "123456", .guarded = true, .ring = &sample_ring};
    struct outcome result = {0};

    account.devices[0].state = DEVICE_PENDING;
    for (unsigned i = 0; i < 5; i++, account = after)
        if (policy_confirm(&sample_rules, &account, 0, &attempt, &after, &result) != 0)
            ok(false, "failure %u", i);
    ok(denied(result, VERDICT_WRONG) && account.failures == 5 &&
           account.locked_until == SAMPLE_NOW + 60 && result.locked_until == SAMPLE_NOW + 60 &&
           result.failures == 5,
       "the fifth wrong one locks");
    attempt.code = "050548";
    attempt.now = SAMPLE_NOW + 29;
    ok(policy_confirm(&sample_rules, &account, 0, &attempt, &after, &result) == 0 &&
           denied(result, VERDICT_LOCKED) && result.locked_until == SAMPLE_NOW + 60 &&
           memcmp(&after, &account, sizeof(after)) == 0,
       "while locked, the right one is neither judged nor counted");
    attempt.guarded = false;
    ok(policy_confirm(&sample_rules, &account, 0, &attempt, &after, &result) == 0 &&
           accepted(result),
       "but by an administrator it is");
    attempt.guarded = true;
    attempt.now = SAMPLE_NOW + 60;
    attempt.code = sample_code(&account.devices[0], 10002);
    ok(policy_confirm(&sample_rules, &account, 0, &attempt, &after, &result) == 0 &&
           accepted(result),
       "and when the lock is over");
    for (int i = 0; i < 2; i++) {
        struct account kept = account;
        kept.locked_until = 0;
        kept.closed = i == 0;
        kept.failures = i == 0 ? 0 : 100;
        attempt.own_lock = ACCOUNT_LOCKED_FOR_EVER;
        ok(policy_confirm(&sample_rules, &kept, 0, &attempt, &after, &result) == 0 &&
               denied(result, VERDICT_LOCKED) && result.locked_until == ACCOUNT_LOCKED_FOR_EVER &&
               memcmp(&after, &kept, sizeof(after)) == 0,
           "not where the account %s", i == 0 ? "is closed" : "stays locked");
    }
}

/* A login that enrols is root's word: its wrong codes do not count, but a lock holds. */
static void test_heeds_lock(void)
{
    static const char *const names[] = {"open", "closed", "locked", "locked for good"};
    static const char *const codes[] = {"050548", "123456", "12345"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        for (size_t j = 0; j < ARRAY_SIZE(codes); j++) {
            struct account account = sample_account(DEVICE_TOTP, 6), after;
            const struct policy_attempt attempt = {
                .now = SAMPLE_NOW, .code = codes[j], .heeds_lock = true, .ring = &sample_ring};
            struct outcome result = {0};
            account.devices[0].state = DEVICE_PENDING;
            account.closed = i == 1;
            account.locked_until = i == 2 ? SAMPLE_NOW + 1 : 0;
            account.failures = i == 3 ? sample_rules.failure_limit : 2;
            const enum verdict judged = j == 0   ? VERDICT_ACCEPTED
                                        : j == 1 ? VERDICT_WRONG
                                                 : VERDICT_MALFORMED;
            const enum verdict wanted = i == 0 ? judged : VERDICT_LOCKED;
            ok(policy_confirm(&sample_rules, &account, 0, &attempt, &after, &result) == 0 &&
                   result.verdict == wanted && accepted(result) == (wanted == VERDICT_ACCEPTED) &&
                   (accepted(result) || memcmp(&after, &account, sizeof(after)) == 0),
               "%s: %s is %s, and not counted", names[i], codes[j], verdict_name(wanted));
        }
}

static void test_split(void)
{
    static const struct {
        const char *answer;
        enum split_tail tail;
        size_t length;
    } cases[] = {
        {"secret050548", TAIL_ACCEPTED, 6},
        {"secret123456", TAIL_FORM, 6},
        {"050548", TAIL_ACCEPTED, 0},
        {"secret", TAIL_NONE, 0},
        {"secret12345", TAIL_NONE, 0},
        {"se cret050 548", TAIL_ACCEPTED, 7},
        {"99050548", TAIL_ACCEPTED, 2},
        {"secretacde-fhjk-mnpq", TAIL_FORM, 6},
        {"", TAIL_NONE, 0},
        {NULL, TAIL_NONE, 0},
    };
    const struct account account = sample_account(DEVICE_TOTP, 6);
    size_t length = 0;
    enum split_tail tail = TAIL_NONE;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct policy_attempt attempt = {
            .now = SAMPLE_NOW, .code = cases[i].answer, .ring = &sample_ring};
        const char *shown = cases[i].answer == NULL ? "no answer" : cases[i].answer;
        const enum split_tail form = cases[i].tail == TAIL_NONE ? TAIL_NONE : TAIL_FORM;
        ok(split_answer(&sample_rules, &account, &attempt, &length, &tail) == 0 &&
               tail == cases[i].tail && length == cases[i].length,
           "the code in '%s'", shown);
        ok(split_answer(&sample_rules, NULL, &attempt, &length, &tail) == 0 && tail == form &&
               length == cases[i].length,
           "the same place for somebody nobody knows, and never accepted");
    }
    const struct policy_attempt early = {.now = -1, .code = "050548", .ring = &sample_ring};
    ok(split_answer(&sample_rules, &account, &early, &length, &tail) == ERR_CLOCK &&
           tail == TAIL_NONE && length == 0,
       "a clock before 1970 is an error");
}

/* Where codes are judged; elsewhere the first tail there is, of whatever it is. */
static void test_split_state(void)
{
    struct account account = sample_account(DEVICE_TOTP, 6);
    size_t length = 0;
    enum split_tail tail = TAIL_NONE;
    char answer[64];

    account.device_count = 2;
    account.devices[1] = sample_device(8, DEVICE_TOTP, 8);
    /* The last six of eight digits are the six otherwise. */
    account.devices[1].secret.bytes[0] ^= 1;
    snprintf(answer, sizeof(answer), "pw%s", sample_code(&account.devices[1], 10000));
    const struct policy_attempt attempt = {.now = SAMPLE_NOW, .code = answer, .ring = &sample_ring};
    ok(split_answer(&sample_rules, &account, &attempt, &length, &tail) == 0 &&
           tail == TAIL_ACCEPTED && length == 2,
       "where two lengths are possible, the tail that is accepted");
    const struct account copy = account;
    for (unsigned i = 0; i < 4; i++) {
        static const char *const names[] = {"locked", "closed", "locked for good", "switched off"};
        account = copy;
        account.locked_until = i == 0 ? SAMPLE_NOW + 1 : 0;
        account.closed = i == 1;
        account.failures = i == 2 ? sample_rules.failure_limit : 0;
        account.enabled = i != 3;
        ok(split_answer(&sample_rules, &account, &attempt, &length, &tail) == 0 &&
               tail == TAIL_FORM && length == 4,
           "but where the account is %s none is tried", names[i]);
    }
    for (int at_login = 0; at_login < 2; at_login++) {
        account = copy;
        for (size_t i = 0; i < 2; i++) {
            account.devices[i].state = DEVICE_PENDING;
            account.devices[i].at_login = at_login != 0;
        }
        ok(split_answer(&sample_rules, &account, &attempt, &length, &tail) == 0 &&
               tail == (at_login ? TAIL_FORM : TAIL_ACCEPTED) && length == (at_login ? 4 : 2),
           "the code of a pending device %s", at_login ? "made at a login is none" : "is one");
    }
}

int main(void)
{
    test_confirm();
    test_confirm_first();
    test_guarded();
    test_guarded_locks();
    test_heeds_lock();
    test_split();
    test_split_state();
    return tap_done();
}
