/* SPDX-License-Identifier: BSD-2-Clause */
/* The decision, rule by rule, with the clock as an argument. */
#include "config.h"

#include "policy.h"
#include "sample.h"
#include "secret.h"
#include "tap.h"
#include "token.h"

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

static void test_forms(void)
{
    static const struct {
        const char *typed;
        enum verdict verdict;
        unsigned failures;
    } cases[] = {
        {"050548", VERDICT_ACCEPTED, 0},
        {"050 548", VERDICT_ACCEPTED, 0},
        {" 050-548 ", VERDICT_ACCEPTED, 0},
        {"123456", VERDICT_WRONG, 1},
        {"50548", VERDICT_MALFORMED, 1},
        {"0050548", VERDICT_MALFORMED, 1},
        {"00050548", VERDICT_MALFORMED, 1},
        {"", VERDICT_MALFORMED, 0},
        {"  -", VERDICT_MALFORMED, 0},
        {"\b\n\r\177IN", VERDICT_MALFORMED, 0},
        {"\b\n\r\177INCORRECT\b", VERDICT_MALFORMED, 0},
        {"hunter2", VERDICT_MALFORMED, 1},
        {"acde-fhjk-mnpq", VERDICT_WRONG, 1},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct account account = sample_account(DEVICE_TOTP, 6);
        struct outcome result = decide(&sample_rules, &account, SAMPLE_NOW, cases[i].typed);
        ok(result.verdict == cases[i].verdict && account.failures == cases[i].failures &&
               (result.admit == ADMIT_YES) == (cases[i].verdict == VERDICT_ACCEPTED),
           "form %zu: %s, %u counted", i, verdict_name(cases[i].verdict), cases[i].failures);
    }
    struct account account = sample_account(DEVICE_TOTP, 6);
    ok(denied(decide(&sample_rules, &account, SAMPLE_NOW, NULL), VERDICT_MALFORMED),
       "no answer is empty");
}

static void test_window(void)
{
    for (unsigned window = 0; window <= 3; window++) {
        for (int offset = -5; offset <= 5; offset++) {
            struct rules with = sample_rules;
            with.window = window;
            struct account account = sample_account(DEVICE_TOTP, 6);
            const char *code = sample_code(&account.devices[0], 10000 + offset);
            bool inside = offset >= -(int)window && offset <= (int)window;
            bool got = accepted(decide(&with, &account, SAMPLE_NOW, code));
            if (got != inside || (got && account.devices[0].last_step != 10000 + offset)) {
                ok(false, "window %u, offset %d", window, offset);
                return;
            }
        }
    }
    ok(true, "windows of 0 to 3 steps accept exactly their own codes");
    struct account account = sample_account(DEVICE_TOTP, 6);
    account.devices[0].period = 60;
    ok(accepted(
           decide(&sample_rules, &account, SAMPLE_NOW, sample_code(&account.devices[0], 5001))) &&
           account.devices[0].last_step == 5001,
       "steps of 60 seconds");
    account = sample_account(DEVICE_TOTP, 6);
    ok(accepted(decide(&sample_rules, &account, 0, sample_code(&account.devices[0], 0))) &&
           account.devices[0].last_step == 0,
       "the first step there was");
}

static void test_once(void)
{
    struct account account = sample_account(DEVICE_TOTP, 6);
    const struct device *device = &account.devices[0];

    ok(accepted(decide(&sample_rules, &account, SAMPLE_NOW, "050548")), "the first time");
    ok(denied(decide(&sample_rules, &account, SAMPLE_NOW, "050548"), VERDICT_REPLAYED),
       "not the second");
    ok(account.failures == 0, "which does not count");
    ok(denied(decide(&sample_rules, &account, SAMPLE_NOW, sample_code(device, 9999)),
              VERDICT_REPLAYED),
       "nor an older code of the window");
    ok(accepted(decide(&sample_rules, &account, SAMPLE_NOW, sample_code(device, 10001))),
       "the next step's does");
    for (int64_t step = 10002; step <= 10007; step++)
        if (!accepted(
                decide(&sample_rules, &account, step * SAMPLE_STEP, sample_code(device, step)))) {
            ok(false, "step %d", (int)step);
            return;
        }
    ok(device->last_step == 10007 && device->last_used == 10007 * SAMPLE_STEP,
       "one after the other");
    ok(denied(decide(&sample_rules, &account, SAMPLE_NOW, "050548"), VERDICT_WRONG) ||
           denied(decide(&sample_rules, &account, SAMPLE_NOW, "050548"), VERDICT_REPLAYED),
       "a clock set back brings no code back");
    account = sample_account(DEVICE_TOTP, 6);
    account.devices[0].last_step = INT64_MAX - 1;
    ok(denied(decide(&sample_rules, &account, SAMPLE_NOW, "050548"), VERDICT_REPLAYED),
       "a last step from the future grants nothing");
}

static void test_hotp(void)
{
    struct account account = sample_account(DEVICE_HOTP, 6);
    struct device *device = &account.devices[0];

    device->counter = 1;
    ok(accepted(decide(&sample_rules, &account, SAMPLE_NOW, "293240")) && device->counter == 2,
       "counter 1 moves to 2");
    ok(denied(decide(&sample_rules, &account, SAMPLE_NOW, "293240"), VERDICT_REPLAYED) &&
           device->counter == 2,
       "its code again is replayed and moves nothing");
    ok(accepted(decide(&sample_rules, &account, SAMPLE_NOW, "932068")) && device->counter == 6,
       "counter 5 is within the look-ahead and moves to 6");
    ok(denied(decide(&sample_rules, &account, SAMPLE_NOW, sample_code(device, 10)),
              VERDICT_WRONG) &&
           device->counter == 6 && account.failures == 1,
       "one beyond the look-ahead is wrong");
    ok(accepted(decide(&sample_rules, &account, SAMPLE_NOW, sample_code(device, 9))) &&
           device->counter == 10 && account.failures == 0,
       "the last of the look-ahead is right, and clears the count");
}

static void test_digits_and_devices(void)
{
    struct account account = sample_account(DEVICE_TOTP, 6);

    account.device_count = 2;
    account.devices[1] = sample_device(8, DEVICE_TOTP, 8);
    snprintf(account.devices[1].label, sizeof(account.devices[1].label), "key");
    account.devices[1].secret.bytes[0] ^= 1;
    struct account copy = account;
    struct outcome result =
        decide(&sample_rules, &account, SAMPLE_NOW, sample_code(&account.devices[1], 10000));
    ok(accepted(result) && strcmp(result.device, "key") == 0 &&
           account.devices[1].last_step == 10000 && account.devices[0].last_step == ACCOUNT_NEVER,
       "a code moves its own device alone");
    account = copy;
    ok(denied(decide(&sample_rules, &account, SAMPLE_NOW, "1234567"), VERDICT_MALFORMED),
       "seven digits where devices have six and eight");
    for (int state = DEVICE_PENDING; state <= DEVICE_DISABLED; state++) {
        account = copy;
        account.devices[0].state = (enum device_state)state;
        ok(accepted(decide(&sample_rules, &account, SAMPLE_NOW, "050548")) ==
               (state == DEVICE_ACTIVE),
           "a device that is %s", device_state_name((enum device_state)state));
    }
}

/* An administrator may have given two devices one secret: its code is still one code. */
static void test_shared_secret(void)
{
    struct account account = sample_account(DEVICE_TOTP, 6);

    account.device_count = 2;
    account.devices[1] = sample_device(8, DEVICE_TOTP, 6);
    snprintf(account.devices[1].label, sizeof(account.devices[1].label), "other");
    struct account copy = account;
    ok(accepted(decide(&sample_rules, &account, SAMPLE_NOW, "050548")) &&
           account.devices[0].last_step == 10000 && account.devices[1].last_step == 10000,
       "a code that fits two devices is used up on both");
    ok(denied(decide(&sample_rules, &account, SAMPLE_NOW, "050548"), VERDICT_REPLAYED),
       "and accepted once");
    for (size_t i = 0; i < 2; i++) {
        account = copy;
        account.devices[i].last_step = 10000;
        ok(denied(decide(&sample_rules, &account, SAMPLE_NOW, "050548"), VERDICT_REPLAYED),
           "used on one, it is used on the other");
    }
}

static void test_tokens(void)
{
    struct account account = sample_account(DEVICE_TOTP, 6);
    char text[3][CODE_TOKEN_SIZE] = {""};

    for (size_t i = 0; i < 3; i++)
        if (token_new(&sample_ring, "alice", text[i], &account.tokens[i]) == 0)
            account.token_count++;
    struct account copy = account;
    struct outcome result = decide(&sample_rules, &account, SAMPLE_NOW, text[1]);
    ok(accepted(result) && result.method == METHOD_BACKUP && result.tokens_left == 2 &&
           account.token_count == 2,
       "a backup token is accepted and gone");
    ok(denied(decide(&sample_rules, &account, SAMPLE_NOW, text[1]), VERDICT_WRONG) &&
           account.failures == 1,
       "once only");
    ok(accepted(decide(&sample_rules, &account, SAMPLE_NOW, text[2])) &&
           accepted(decide(&sample_rules, &account, SAMPLE_NOW, text[0])) &&
           account.token_count == 0,
       "the others still are");
    account = copy;
    memcpy(account.name, "bobby", 6);
    ok(denied(decide(&sample_rules, &account, SAMPLE_NOW, text[0]), VERDICT_WRONG),
       "a token moved to another account opens nothing");
    account = copy;
    account.devices[0].state = DEVICE_DISABLED;
    ok(denied(decide(&sample_rules, &account, SAMPLE_NOW, text[0]), VERDICT_UNENROLLED),
       "nor without an active device");
    account = copy;
    memcpy(account.tokens[0].key_id, "k9", 3);
    const struct policy_attempt attempt = {
        .now = SAMPLE_NOW, .code = text[2], .password = PASSWORD_NOT_ASKED, .ring = &sample_ring};
    struct account after;
    ok(policy_decide(&sample_rules, &account, &attempt, &after, &result) == ERR_KEY_UNKNOWN &&
           result.admit == ADMIT_NO,
       "a digest of an unknown key is an error, not a wrong code");
}

static void test_lock(void)
{
    struct account account = sample_account(DEVICE_TOTP, 6);
    struct outcome result = {0};

    for (unsigned i = 1; i <= 5; i++) {
        result = decide(&sample_rules, &account, SAMPLE_NOW, "123456");
        if (!denied(result, VERDICT_WRONG) || account.failures != i)
            ok(false, "failure %u", i);
    }
    ok(account.locked_until == SAMPLE_NOW + 60 && result.locked_until == SAMPLE_NOW + 60,
       "the fifth failure locks for a minute");
    struct account locked = account;
    result = decide(&sample_rules, &account, SAMPLE_NOW + 59, "050548");
    ok(denied(result, VERDICT_LOCKED) && result.locked_until == SAMPLE_NOW + 60 &&
           memcmp(&account, &locked, sizeof(account)) == 0,
       "while locked, the right code is neither judged nor consumed");
    for (int i = 0; i < 10; i++)
        (void)decide(&sample_rules, &account, SAMPLE_NOW + 30, "123456");
    ok(memcmp(&account, &locked, sizeof(account)) == 0, "nor does a wrong one make it longer");
    ok(accepted(decide(&sample_rules, &account, SAMPLE_NOW + 60,
                       sample_code(&account.devices[0], 10002))) &&
           account.failures == 0 && account.locked_until == 0,
       "it ends on the second, and a success clears the count");
    account = locked;
    int64_t now = SAMPLE_NOW + 60;
    static const int64_t lengths[] = {120, 240, 480, 960, 1920, 3600, 3600};
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        (void)decide(&sample_rules, &account, now, "123456");
        if (account.locked_until != now + lengths[i])
            ok(false, "lock %zu lasts %d s", i, (int)lengths[i]);
        now = account.locked_until;
    }
    ok(account.failures == 12, "it doubles up to the longest");
    account.failures = 99;
    account.locked_until = 0;
    (void)decide(&sample_rules, &account, now, "123456");
    ok(account.locked_until == ACCOUNT_LOCKED_FOR_EVER &&
           denied(decide(&sample_rules, &account, now + 100000000, "050548"), VERDICT_LOCKED),
       "at the limit it stays locked");
    account.locked_until = 0;
    ok(denied(decide(&sample_rules, &account, now, "050548"), VERDICT_LOCKED),
       "even where the stamp is lost");
}

/* mode=auto judges the end of the password, and then what the prompt brings. */
static void test_own_lock(void)
{
    struct account account = sample_account(DEVICE_TOTP, 6), after;
    struct outcome result = {0};
    struct policy_attempt attempt = {.now = SAMPLE_NOW,
                                     .code = "050548",
                                     .password = PASSWORD_NOT_ASKED,
                                     .ring = &sample_ring,
                                     .own_lock = SAMPLE_NOW + 60};

    account.failures = 5;
    account.locked_until = SAMPLE_NOW + 60;
    ok(policy_decide(&sample_rules, &account, &attempt, &after, &result) == 0 && accepted(result) &&
           after.failures == 0 && after.locked_until == 0,
       "the lock of one's own first answer does not bar the second");
    attempt.code = "123456";
    ok(policy_decide(&sample_rules, &account, &attempt, &after, &result) == 0 &&
           denied(result, VERDICT_WRONG) && after.failures == 6 &&
           after.locked_until == SAMPLE_NOW + 120,
       "which counts like any other");
    attempt.code = "";
    ok(policy_decide(&sample_rules, &account, &attempt, &after, &result) == 0 &&
           denied(result, VERDICT_MALFORMED) && memcmp(&after, &account, sizeof(after)) == 0,
       "and takes no lock off");
    attempt.code = "050548";
    attempt.own_lock = SAMPLE_NOW + 61;
    ok(policy_decide(&sample_rules, &account, &attempt, &after, &result) == 0 &&
           denied(result, VERDICT_LOCKED),
       "somebody else's lock does");
    attempt.own_lock = SAMPLE_NOW + 60;
    attempt.code = "123456";
    attempt.ticket = SAMPLE_NOW - 1;
    struct rules with = sample_rules;
    with.grace = 3600;
    ok(policy_decide(&with, &account, &attempt, &after, &result) == 0 &&
           denied(result, VERDICT_WRONG) && after.failures == 6,
       "one's own lock beats grace too: the code is judged");
    attempt.code = "050548";
    account.failures = 100;
    account.locked_until = attempt.own_lock = ACCOUNT_LOCKED_FOR_EVER;
    ok(policy_decide(&sample_rules, &account, &attempt, &after, &result) == 0 &&
           denied(result, VERDICT_LOCKED),
       "so does one that stays");
    account = sample_account(DEVICE_TOTP, 6);
    account.closed = true;
    ok(policy_decide(&sample_rules, &account, &attempt, &after, &result) == 0 &&
           denied(result, VERDICT_LOCKED),
       "and a closed account");
}

static void test_order(void)
{
    static const enum rules_unenrolled settings[] = {UNENROLLED_DENY, UNENROLLED_IGNORE,
                                                     UNENROLLED_PERMIT, UNENROLLED_ENROLL};
    static const enum admit admits[] = {ADMIT_NO, ADMIT_IGNORE, ADMIT_YES, ADMIT_NO};

    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        struct rules with = sample_rules;
        struct account account = sample_account(DEVICE_TOTP, 6), after;
        struct outcome result = {0};
        const struct policy_attempt attempt = {.now = SAMPLE_NOW,
                                               .code = "050548",
                                               .password = PASSWORD_NOT_ASKED,
                                               .ring = &sample_ring};
        with.unenrolled = settings[i];
        ok(policy_decide(&with, NULL, &attempt, &after, &result) == 0 &&
               result.verdict == VERDICT_UNENROLLED && result.admit == admits[i],
           "nobody of that name, rule %zu", i);
        account.devices[0].state = DEVICE_PENDING;
        ok(policy_standing(&with, &account, &attempt, &result) && result.admit == ADMIT_NO,
           "a pending device that waits for its first code is asked for it, rule %zu", i);
        account.devices[0].at_login = true;
        ok(!policy_standing(&with, &account, &attempt, &result) &&
               result.verdict == VERDICT_UNENROLLED && result.admit == admits[i],
           "a device that a login left pending is none, rule %zu", i);
        account.locked_until = SAMPLE_NOW + 1;
        ok(!policy_standing(&with, &account, &attempt, &result) && denied(result, VERDICT_LOCKED),
           "locked and without a device, rule %zu", i);
        account.locked_until = 0;
        account.closed = true;
        ok(!policy_standing(&with, &account, &attempt, &result) && denied(result, VERDICT_LOCKED),
           "closed and without a device, rule %zu", i);
        account = sample_account(DEVICE_TOTP, 6);
        account.enabled = false;
        ok(!policy_standing(&with, &account, &attempt, &result) &&
               result.verdict == VERDICT_DISABLED && result.admit == admits[i],
           "two-factor login switched off, rule %zu", i);
        account = sample_account(DEVICE_TOTP, 6);
        account.closed = true;
        ok(denied(decide(&with, &account, SAMPLE_NOW, "050548"), VERDICT_LOCKED),
           "a closed account refuses the right code, rule %zu", i);
        account = sample_account(DEVICE_TOTP, 6);
        ok(policy_standing(&with, &account, &attempt, &result) && result.admit == ADMIT_NO,
           "an enrolled account is asked, rule %zu", i);
    }
}

static void test_password(void)
{
    static const struct {
        enum policy_password password;
        const char *code;
        enum verdict verdict;
    } cases[] = {
        {PASSWORD_RIGHT, "050548", VERDICT_ACCEPTED},
        {PASSWORD_NOT_ASKED, "050548", VERDICT_ACCEPTED},
        {PASSWORD_WRONG, "050548", VERDICT_WRONG},
        {PASSWORD_RIGHT, "123456", VERDICT_WRONG},
        {PASSWORD_WRONG, "123456", VERDICT_WRONG},
        {(enum policy_password)7, "050548", VERDICT_WRONG},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct account account = sample_account(DEVICE_TOTP, 6), after;
        struct outcome result = {0};
        const struct policy_attempt attempt = {.now = SAMPLE_NOW,
                                               .code = cases[i].code,
                                               .password = cases[i].password,
                                               .ring = &sample_ring};
        bool good = policy_decide(&sample_rules, &account, &attempt, &after, &result) == 0 &&
                    result.verdict == cases[i].verdict;
        if (cases[i].verdict == VERDICT_WRONG)
            good = good && after.failures == 1 && after.devices[0].last_step == ACCOUNT_NEVER;
        ok(good, "password %d, code %s", (int)cases[i].password, cases[i].code);
    }
}

/* Where no code is asked for. What sshd sends in the place of a password is no guess; in the place
 * of a code it says nothing about the password beside it. */
static void test_password_alone(void)
{
    static const char junk[] = "\b\n\r\177INCORRECT";
    struct rules with = sample_rules;

    with.unenrolled = UNENROLLED_PERMIT;
    for (int codeless = 0; codeless < 2; codeless++) {
        struct account account = sample_account(DEVICE_TOTP, 6), after;
        struct outcome result = {0};
        const struct policy_attempt attempt = {.now = SAMPLE_NOW,
                                               .code = junk,
                                               .password = PASSWORD_WRONG,
                                               .codeless = codeless != 0,
                                               .ring = &sample_ring};
        account.device_count = 0;
        ok(policy_decide(&with, &account, &attempt, &after, &result) == 0 &&
               denied(result, VERDICT_WRONG) && after.failures == (codeless ? 0 : 1),
           "a wrong password %s counts%s", codeless ? "of sshd's own" : "beside such a code",
           codeless ? " as no failure" : "");
    }
}

static void test_drift(void)
{
    struct account account = sample_account(DEVICE_TOTP, 6);
    struct device *device = &account.devices[0];
    int64_t step = 10000;

    (void)decide(&sample_rules, &account, step * SAMPLE_STEP, sample_code(device, step - 1));
    (void)decide(&sample_rules, &account, (step + 2) * SAMPLE_STEP, sample_code(device, step + 3));
    ok(device->last_step == step + 3, "one late answer does not move the window");
    for (int i = 0; i < 6; i++) {
        step += 10;
        (void)decide(&sample_rules, &account, step * SAMPLE_STEP, sample_code(device, step + 1));
    }
    ok(device->drift > ACCOUNT_DRIFT_SCALE / 2 && device->drift <= ACCOUNT_DRIFT_SCALE,
       "a clock that is always one step ahead is learned");
    step += 10;
    struct account copy = account;
    ok(accepted(decide(&sample_rules, &account, step * SAMPLE_STEP, sample_code(device, step + 2))),
       "the window lies around it");
    account = copy;
    ok(!accepted(
           decide(&sample_rules, &account, step * SAMPLE_STEP, sample_code(device, step - 1))) &&
           device->drift == copy.devices[0].drift,
       "and no longer behind; what is refused teaches nothing");
    for (int i = 0; i < 200; i++) {
        step += 10;
        for (int offset = 5; offset > 0; offset--)
            if (accepted(decide(&sample_rules, &account, step * SAMPLE_STEP,
                                sample_code(device, step + offset))))
                break;
        account.failures = 0;
        account.locked_until = 0;
    }
    ok(device->drift <= 2 * ACCOUNT_DRIFT_SCALE, "it never leaves max_drift");
    step += 10;
    ok(!accepted(
           decide(&sample_rules, &account, step * SAMPLE_STEP, sample_code(device, step + 4))),
       "so that four steps ahead never pass");
    struct rules none = sample_rules;
    none.max_drift = 0;
    account = sample_account(DEVICE_TOTP, 6);
    account.devices[0].drift = 20 * ACCOUNT_DRIFT_SCALE;
    ok(accepted(decide(&none, &account, SAMPLE_NOW, "050548")) && account.devices[0].drift == 0,
       "max_drift 0 learns nothing and forgets what was learned");
}

static void test_faults(void)
{
    struct account account = sample_account(DEVICE_TOTP, 6), after;
    struct outcome result = {0};
    struct policy_attempt attempt = {
        .now = -1, .code = "050548", .password = PASSWORD_NOT_ASKED, .ring = &sample_ring};

    ok(policy_decide(&sample_rules, &account, &attempt, &after, &result) == ERR_CLOCK &&
           result.admit == ADMIT_NO,
       "a clock before 1970 is an error");
    attempt.now = SAMPLE_NOW;
    account.devices[0].secret.length = 0;
    ok(policy_decide(&sample_rules, &account, &attempt, &after, &result) != 0 &&
           result.admit == ADMIT_NO,
       "an empty secret is an error");
    account = sample_account(DEVICE_HOTP, 6);
    account.devices[0].counter = INT64_MAX - 1000;
    ok(denied(decide(&sample_rules, &account, SAMPLE_NOW, "123456"), VERDICT_WRONG),
       "the last counters");
    account = sample_account(DEVICE_HOTP, 6);
    account.devices[0].counter = OTP_COUNTER_MAX - 1;
    ok(accepted(decide(&sample_rules, &account, SAMPLE_NOW,
                       sample_code(&account.devices[0], OTP_COUNTER_MAX - 1))) &&
           account.devices[0].counter == OTP_COUNTER_MAX &&
           !accepted(decide(&sample_rules, &account, SAMPLE_NOW,
                            sample_code(&account.devices[0], OTP_COUNTER_MAX))),
       "none is accepted that could not be kept");
    for (int64_t now = 0; now < INT64_C(1) << 50; now = now * 3 + 7) {
        account = sample_account(DEVICE_TOTP, 6);
        struct outcome got = decide(&sample_rules, &account, now, "000000");
        if (got.admit == ADMIT_YES && account.devices[0].last_step == ACCOUNT_NEVER)
            ok(false, "time %lld", (long long)now);
    }
    ok(true, "every time to come is decided");
    struct outcome zero = {0};
    ok(zero.verdict == VERDICT_WRONG && zero.admit == ADMIT_NO, "nothing is a denial");
}

int main(void)
{
    test_forms();
    test_window();
    test_once();
    test_hotp();
    test_digits_and_devices();
    test_shared_secret();
    test_tokens();
    test_lock();
    test_own_lock();
    test_order();
    test_password();
    test_password_alone();
    test_drift();
    test_faults();
    return tap_done();
}
