/* SPDX-License-Identifier: BSD-2-Clause */
/* Codes that came by e-mail, where a login, a first code and a recovery are judged. */
#include "config.h"

#include "err.h"
#include "mailcode.h"
#include "match.h"
#include "policy.h"
#include "sample.h"
#include "secret.h"
#include "split.h"
#include "tap.h"
#include "token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS "alice@example.org"
#define NOW_STEP (SAMPLE_NOW / SAMPLE_STEP)
#define LIFETIME 600

static struct rules rules;
static struct account account, after;
static struct outcome result;
static char mailed[MAILCODE_SIZE];   /* the login code that was sent */
static char recovery[MAILCODE_SIZE]; /* the one to recover with */
static char token[CODE_TOKEN_SIZE];

static void must(bool good, const char *what)
{
    if (good)
        return;
    printf("Bail out! %s\n", what);
    exit(1);
}

static bool is_email(char letter)
{
    return strchr("epd", letter) != NULL;
}

/* e: e-mail, active; p: pending; d: disabled; 6, 8: an app of so many digits, active; w: one that
 * waits; b: a backup token. Each has its own label. The e-mail device has been sent a code. */
static void person(const char *devices)
{
    rules = sample_rules;
    rules.email_devices = true;
    rules.email_code_lifetime = LIFETIME;
    rules.email_interval = 60;
    account_init(&account, "alice");
    account.id = 1;
    (void)snprintf(account.email, sizeof(account.email), ADDRESS);
    for (const char *at = devices; *at != '\0'; at++) {
        if (*at == 'b') {
            must(token_new(&sample_ring, "alice", token, &account.tokens[0]) == 0, "token_new");
            account.token_count = account.tokens_issued = 1;
            continue;
        }
        struct device *device = &account.devices[account.device_count++];
        *device = sample_device(10 + at - devices, is_email(*at) ? DEVICE_EMAIL : DEVICE_TOTP,
                                *at == '6' ? 6 : 8);
        (void)snprintf(device->label, sizeof(device->label), "%c", *at);
        device->state = *at == 'p' || *at == 'w' ? DEVICE_PENDING
                        : *at == 'd'             ? DEVICE_DISABLED
                                                 : DEVICE_ACTIVE;
        if (!is_email(*at))
            continue;
        must(seal_fingerprint(ADDRESS, &device->secret) == 0 &&
                 mailcode_new(&rules, &sample_ring, MAIL_LOGIN, device->id, SAMPLE_NOW, &account,
                              mailed) == 0,
             "a code");
    }
    must(mailcode_new(&rules, &sample_ring, MAIL_RECOVERY, 0, SAMPLE_NOW, &account, recovery) == 0,
         "a code to recover");
}

/* The code with its last digit changed. */
static const char *wrong(const char *code)
{
    static char other[2][MAILCODE_SIZE];
    static unsigned turn;
    char *out = other[turn++ % 2];

    memcpy(out, code, MAILCODE_SIZE);
    char *last = &out[ACCOUNT_MAIL_DIGITS - 1];
    *last = *last == '9' ? '0' : (char)(*last + 1);
    return out;
}

/* What the app at index shows now, or so many steps later. */
static const char *app(size_t index, int later)
{
    return sample_code(&account.devices[index], NOW_STEP + later);
}

static enum verdict decide_at(int64_t now, const char *code, enum policy_password password)
{
    const struct policy_attempt attempt = {
        .now = now, .code = code, .password = password, .ring = &sample_ring};

    must(policy_decide(&rules, &account, &attempt, &after, &result) == 0, "policy_decide");
    return result.verdict;
}

static enum verdict decide(const char *code)
{
    return decide_at(SAMPLE_NOW, code, PASSWORD_NOT_ASKED);
}

static bool accepted(enum method method, const char *label)
{
    return result.verdict == VERDICT_ACCEPTED && result.admit == ADMIT_YES &&
           result.method == method && strcmp(result.device, label) == 0;
}

static bool denied(enum verdict verdict)
{
    return result.verdict == verdict && result.admit == ADMIT_NO;
}

static unsigned tries(void)
{
    return after.codes[MAIL_LOGIN].tries;
}

static bool is_unchanged(void)
{
    return memcmp(&account, &after, sizeof(account)) == 0;
}

/* --- a login ---------------------------------------------------------------------------------- */

static void test_accepted(void)
{
    person("e");
    account.failures = 2;
    (void)decide(mailed);
    const struct device *device = &after.devices[0];
    ok(accepted(METHOD_EMAIL, "e") && after.failures == 0 && device->last_used == SAMPLE_NOW &&
           device->last_step == ACCOUNT_NEVER && device->counter == 0 && device->drift == 0,
       "the code that was sent is accepted");
    ok(after.codes[MAIL_LOGIN].sent == 0 &&
           memcmp(&after.codes[MAIL_RECOVERY], &account.codes[MAIL_RECOVERY],
                  sizeof(account.codes[0])) == 0,
       "and used up, the one to recover with is not");
    account = after;
    (void)decide(mailed);
    ok(denied(VERDICT_WRONG) && after.failures == 1, "the second time it is wrong");
    person("e");
    char spaced[ACCOUNT_MAIL_DIGITS + 2];
    (void)snprintf(spaced, sizeof(spaced), "%.4s %s", mailed, mailed + 4);
    (void)decide_at(SAMPLE_NOW, spaced, PASSWORD_RIGHT);
    ok(accepted(METHOD_EMAIL, "e"), "with a blank in it, and a password that is right");
    person("e");
    (void)decide(recovery);
    ok(denied(VERDICT_WRONG) && tries() == ACCOUNT_MAIL_TRIES - 1,
       "the code to recover with is none for a login");
    (void)decide_at(SAMPLE_NOW + LIFETIME - 1, mailed, PASSWORD_NOT_ASKED);
    ok(accepted(METHOD_EMAIL, "e"), "in its last second it is good");
    (void)decide_at(SAMPLE_NOW + LIFETIME, mailed, PASSWORD_NOT_ASKED);
    ok(denied(VERDICT_WRONG) && after.failures == 1, "in the next it is wrong");
    (void)decide_at(SAMPLE_NOW - 1, mailed, PASSWORD_NOT_ASKED);
    ok(denied(VERDICT_WRONG), "and so it is before it was sent");
}

static void test_tries(void)
{
    person("e");
    for (unsigned i = 1; i <= ACCOUNT_MAIL_TRIES; i++) {
        (void)decide(wrong(mailed));
        ok(denied(VERDICT_WRONG) && after.failures == i && tries() == ACCOUNT_MAIL_TRIES - i,
           "of %u wrong ones %u tries are left", i, tries());
        account = after;
    }
    (void)decide(mailed);
    ok(denied(VERDICT_WRONG) && after.failures == ACCOUNT_MAIL_TRIES + 1,
       "then the right one is wrong too, and counts");
    account = after;
    must(mailcode_new(&rules, &sample_ring, MAIL_LOGIN, account.devices[0].id, SAMPLE_NOW + 60,
                      &account, mailed) == 0,
         "another code");
    (void)decide_at(SAMPLE_NOW + 60, mailed, PASSWORD_NOT_ASKED);
    ok(accepted(METHOD_EMAIL, "e"), "until there is another");
}

/* A try is lost by a guess at the code, and by nothing else. */
static void test_no_try(void)
{
    enum { CODE, GUESS, APP, APP_USED, TOKEN };
    static const struct {
        const char *devices, *code; /* or NULL: */
        int what;
        enum policy_password password;
        enum verdict verdict;
        unsigned tries, failures;
    } cases[] = {
        {"e", NULL, GUESS, PASSWORD_NOT_ASKED, VERDICT_WRONG, 2, 1},
        {"e", NULL, GUESS, PASSWORD_WRONG, VERDICT_WRONG, 2, 1},
        {"e", NULL, CODE, PASSWORD_WRONG, VERDICT_WRONG, 3, 1},
        {"e", "123456", 0, PASSWORD_NOT_ASKED, VERDICT_MALFORMED, 3, 1},
        {"e", "1234567", 0, PASSWORD_NOT_ASKED, VERDICT_MALFORMED, 3, 1},
        {"e", "123456789", 0, PASSWORD_NOT_ASKED, VERDICT_MALFORMED, 3, 1},
        {"e", "hunter2", 0, PASSWORD_NOT_ASKED, VERDICT_MALFORMED, 3, 1},
        {"e", "acde-fhjk-mnpq", 0, PASSWORD_NOT_ASKED, VERDICT_WRONG, 3, 1},
        {"e", "", 0, PASSWORD_NOT_ASKED, VERDICT_MALFORMED, 3, 0},
        {"e", " - ", 0, PASSWORD_WRONG, VERDICT_MALFORMED, 3, 0},
        {"6e", "123456", 0, PASSWORD_NOT_ASKED, VERDICT_WRONG, 3, 1},
        {"6e", NULL, APP, PASSWORD_NOT_ASKED, VERDICT_ACCEPTED, 3, 0},
        {"6e", NULL, GUESS, PASSWORD_NOT_ASKED, VERDICT_WRONG, 2, 1},
        {"8e", NULL, GUESS, PASSWORD_NOT_ASKED, VERDICT_WRONG, 2, 1},
        {"8e", NULL, APP, PASSWORD_NOT_ASKED, VERDICT_ACCEPTED, 3, 0},
        {"8e", NULL, APP, PASSWORD_WRONG, VERDICT_WRONG, 3, 1},
        {"8e", NULL, APP_USED, PASSWORD_NOT_ASKED, VERDICT_REPLAYED, 3, 0},
        {"8e", NULL, APP_USED, PASSWORD_WRONG, VERDICT_WRONG, 3, 1},
        {"8e", NULL, CODE, PASSWORD_WRONG, VERDICT_WRONG, 3, 1},
        {"be", NULL, TOKEN, PASSWORD_NOT_ASKED, VERDICT_ACCEPTED, 3, 0},
        {"be", NULL, TOKEN, PASSWORD_WRONG, VERDICT_WRONG, 3, 1},
        {"8d", NULL, CODE, PASSWORD_NOT_ASKED, VERDICT_WRONG, 3, 1},
        {"8p", NULL, CODE, PASSWORD_NOT_ASKED, VERDICT_WRONG, 3, 1},
        {"6d", NULL, CODE, PASSWORD_NOT_ASKED, VERDICT_MALFORMED, 3, 1},
        {"6p", NULL, CODE, PASSWORD_NOT_ASKED, VERDICT_MALFORMED, 3, 1},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        person(cases[i].devices);
        if (cases[i].what == APP_USED)
            account.devices[0].last_step = NOW_STEP;
        const char *code = cases[i].code != NULL    ? cases[i].code
                           : cases[i].what == CODE  ? mailed
                           : cases[i].what == GUESS ? wrong(mailed)
                           : cases[i].what == TOKEN ? token
                                                    : app(0, 0);
        (void)decide_at(SAMPLE_NOW, code, cases[i].password);
        ok(result.verdict == cases[i].verdict && tries() == cases[i].tries &&
               after.failures == cases[i].failures && after.codes[MAIL_LOGIN].sent == SAMPLE_NOW &&
               after.codes[MAIL_RECOVERY].tries == ACCOUNT_MAIL_TRIES,
           "row %zu of devices %s: %s, %u tries left", i, cases[i].devices,
           verdict_name(result.verdict), tries());
    }
}

/* Of an answer with a password in it every end was tried: how long the others' codes are must not
 * decide what is a guess. */
static void test_answers(void)
{
    static const struct {
        const char *devices, *answer;
        size_t code; /* where that is thought to begin */
        unsigned tries;
    } cases[] = {
        {"6e", "secret00123456", 8, 2},   {"e6", "secret00123456", 8, 2},
        {"6e", "secret001 234-56", 8, 2}, {"6e", "00123456", 2, 2},
        {"6e", "secret00123456", 6, 2},   {"6e", "secret-123456", 7, 3},
        {"6e", "secret1 123456", 8, 3},   {"6e", "00123456secret123456", 14, 3},
        {"6d", "secret00123456", 8, 3},   {"6p", "secret00123456", 8, 3},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        person(cases[i].devices);
        const struct policy_attempt attempt = {.now = SAMPLE_NOW,
                                               .code = cases[i].answer + cases[i].code,
                                               .answer = cases[i].answer,
                                               .password = PASSWORD_RIGHT,
                                               .ring = &sample_ring};
        must(policy_decide(&rules, &account, &attempt, &after, &result) == 0, "policy_decide");
        ok(denied(VERDICT_WRONG) && tries() == cases[i].tries && after.failures == 1,
           "row %zu: of the answer %s, devices %s, %u tries are left", i, cases[i].answer,
           cases[i].devices, tries());
    }
    char answer[32];
    person("6e");
    (void)snprintf(answer, sizeof(answer), "secret00%s", app(0, 0));
    const struct policy_attempt attempt = {.now = SAMPLE_NOW,
                                           .code = answer + 8,
                                           .answer = answer,
                                           .password = PASSWORD_WRONG,
                                           .ring = &sample_ring};
    must(policy_decide(&rules, &account, &attempt, &after, &result) == 0, "policy_decide");
    ok(denied(VERDICT_WRONG) && tries() == ACCOUNT_MAIL_TRIES,
       "a code that is right for another device is no guess");
}

/* A used code behind two digits of a password: its eight digits were tried as well. */
static void test_replayed_answers(void)
{
    static const struct {
        const char *password;
        unsigned tries;
    } cases[] = {{"secret00", 2}, {"secret", 3}, {"secret0", 3}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char answer[32];
        person("6e");
        account.devices[0].last_step = NOW_STEP;
        (void)snprintf(answer, sizeof(answer), "%s%s", cases[i].password, app(0, 0));
        const struct policy_attempt attempt = {.now = SAMPLE_NOW,
                                               .code = answer + strlen(cases[i].password),
                                               .answer = answer,
                                               .password = PASSWORD_RIGHT,
                                               .ring = &sample_ring};
        must(policy_decide(&rules, &account, &attempt, &after, &result) == 0, "policy_decide");
        ok(denied(VERDICT_REPLAYED) && tries() == cases[i].tries && after.failures == 0,
           "replayed behind %s: %u tries are left", cases[i].password, tries());
    }
}

/* What is switched off must not look like no enrolment at all: that could let everybody pass. */
static void test_switched_off(void)
{
    static const enum rules_unenrolled ways[] = {UNENROLLED_DENY, UNENROLLED_IGNORE,
                                                 UNENROLLED_PERMIT, UNENROLLED_ENROLL};
    static const char *const names[] = {"switched off", "of another address", "of none"};

    for (size_t i = 0; i < 3 * 2 * ARRAY_SIZE(ways); i++) {
        const size_t way = i % ARRAY_SIZE(ways), what = i / 2 / ARRAY_SIZE(ways);
        const struct policy_attempt bare = {.now = SAMPLE_NOW, .password = PASSWORD_NOT_ASKED};
        person(i / ARRAY_SIZE(ways) % 2 == 0 ? "e" : "p");
        rules.unenrolled = ways[way];
        rules.enroll_by = SAMPLE_NOW + 1;
        rules.email_devices = what != 0;
        if (what > 0)
            (void)snprintf(account.email, sizeof(account.email), "%s",
                           what == 1 ? "mallory@example.org" : "");
        const bool asked = policy_standing(&rules, &account, &bare, &result);
        const bool unasked = decide("") == VERDICT_MALFORMED && result.admit == ADMIT_NO;
        (void)decide(mailed);
        ok(asked && unasked && denied(VERDICT_WRONG) && after.failures == 1 &&
               after.codes[MAIL_LOGIN].sent == SAMPLE_NOW &&
               after.devices[0].state == account.devices[0].state,
           "a code of a device that is %s lets nobody pass, unenrolled=%d, %s", names[what],
           (int)ways[way], device_state_name(account.devices[0].state));
    }
    person("e");
    (void)snprintf(account.email, sizeof(account.email), "Alice@example.org");
    (void)decide(mailed);
    ok(denied(VERDICT_WRONG), "an address of other letters is another");
    person("e");
    account.devices[0].secret.length--;
    (void)decide(mailed);
    ok(denied(VERDICT_WRONG), "half a fingerprint is none");
    account.devices[0].secret.length = 0;
    (void)decide(mailed);
    ok(denied(VERDICT_WRONG), "nor is one that was not opened");
}

static void test_beside_app(void)
{
    static const char *const orders[] = {"8e", "e8", "6e", "e6", "68e", "e86"};

    for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
        person(orders[i]);
        bool good = true;
        for (size_t j = 0; j < account.device_count; j++) {
            const struct device *device = &account.devices[j];
            if (device->type == DEVICE_EMAIL)
                continue;
            (void)decide(app(j, 0));
            good = good && accepted(METHOD_TOTP, device->label) &&
                   after.devices[j].last_step == NOW_STEP && tries() == ACCOUNT_MAIL_TRIES &&
                   after.codes[MAIL_LOGIN].sent == SAMPLE_NOW;
        }
        (void)decide(mailed);
        good = good && accepted(METHOD_EMAIL, "e") && after.codes[MAIL_LOGIN].sent == 0;
        for (size_t j = 0; j < account.device_count; j++)
            good = good && after.devices[j].last_step == ACCOUNT_NEVER;
        ok(good, "devices %s: each code opens, and its own device moves", orders[i]);
    }
}

/* One that is not in use shows no code, and one that waits is activated by it. */
static void test_waiting(void)
{
    person("p");
    (void)decide(mailed);
    ok(accepted(METHOD_EMAIL, "p") && after.devices[0].state == DEVICE_ACTIVE &&
           after.codes[MAIL_LOGIN].sent == 0,
       "the first code activates a device that waits");
    person("wp");
    (void)decide(mailed);
    ok(accepted(METHOD_EMAIL, "p") && after.device_count == 1 &&
           after.devices[0].type == DEVICE_EMAIL && after.devices[0].state == DEVICE_ACTIVE,
       "others that wait beside it go");
    person("wp");
    (void)decide(app(0, 0));
    ok(accepted(METHOD_TOTP, "w") && after.device_count == 1 && tries() == 0 &&
           after.codes[MAIL_LOGIN].sent == SAMPLE_NOW,
       "where another is first it goes, and its code with it");
    person("p");
    (void)decide(wrong(mailed));
    ok(denied(VERDICT_WRONG) && after.devices[0].state == DEVICE_PENDING &&
           tries() == ACCOUNT_MAIL_TRIES - 1,
       "a wrong first code is a try");
    person("d");
    (void)decide(mailed);
    ok(denied(VERDICT_UNENROLLED) && is_unchanged(), "one that is switched off is none");
}

static void test_keys(void)
{
    const struct seal_ring other = {.count = 1, .keys = {{.id = "k2", .bytes = {9}}}};
    struct policy_attempt attempt = {
        .now = SAMPLE_NOW, .password = PASSWORD_NOT_ASKED, .ring = &other};

    person("e");
    attempt.code = mailed;
    ok(policy_decide(&rules, &account, &attempt, &after, &result) == 0 && denied(VERDICT_WRONG) &&
           tries() == ACCOUNT_MAIL_TRIES - 1,
       "without its key a code is wrong");
    person("8e");
    attempt.code = app(0, 0);
    ok(policy_decide(&rules, &account, &attempt, &after, &result) == 0 &&
           accepted(METHOD_TOTP, account.devices[0].label),
       "and keeps no other device's from being accepted");
}

static void test_locked(void)
{
    person("e");
    account.locked_until = SAMPLE_NOW + 1;
    (void)decide(mailed);
    ok(denied(VERDICT_LOCKED) && is_unchanged(), "while locked it is not judged");
    (void)decide(wrong(mailed));
    ok(denied(VERDICT_LOCKED) && is_unchanged(), "nor is a guess a try");
}

/* --- a first code ----------------------------------------------------------------------------- */

static bool confirm(size_t index, const char *code, bool guarded)
{
    const struct policy_attempt attempt = {
        .now = SAMPLE_NOW, .code = code, .guarded = guarded, .ring = &sample_ring};

    return policy_confirm(&rules, &account, index, &attempt, &after, &result) == 0;
}

static void test_confirm(void)
{
    person("6p");
    ok(confirm(1, mailed, false) && accepted(METHOD_EMAIL, "p") &&
           after.devices[1].state == DEVICE_ACTIVE && after.device_count == 2 &&
           after.codes[MAIL_LOGIN].sent == 0,
       "a first code activates the device, and is used up");
    ok(confirm(1, wrong(mailed), false) && denied(VERDICT_WRONG) && after.failures == 0 &&
           tries() == ACCOUNT_MAIL_TRIES - 1 && after.devices[1].state == DEVICE_PENDING,
       "a wrong one is a try, although an administrator's does not count");
    ok(confirm(1, wrong(mailed), true) && denied(VERDICT_WRONG) && after.failures == 1 &&
           tries() == ACCOUNT_MAIL_TRIES - 1,
       "one of the person's own counts");
    ok(confirm(1, "123456", true) && denied(VERDICT_MALFORMED) && tries() == ACCOUNT_MAIL_TRIES,
       "what has not its form is no try");
    for (unsigned i = 0; i < ACCOUNT_MAIL_TRIES; i++) {
        must(confirm(1, wrong(mailed), false), "policy_confirm");
        account = after;
    }
    ok(confirm(1, mailed, false) && denied(VERDICT_WRONG) && tries() == 0,
       "after three the right one is wrong");
    person("p");
    rules.email_devices = false;
    ok(confirm(0, mailed, false) && denied(VERDICT_WRONG) &&
           after.devices[0].state == DEVICE_PENDING,
       "where such devices are switched off it is wrong");
    person("p");
    (void)snprintf(account.email, sizeof(account.email), "mallory@example.org");
    ok(confirm(0, mailed, false) && denied(VERDICT_WRONG), "so it is where the address is another");
    person("p");
    ok(confirm(0, recovery, false) && denied(VERDICT_WRONG), "and one to recover with");
}

/* --- one answer of password and code ---------------------------------------------------------- */

static void test_split(void)
{
    static const struct {
        const char *devices;
        bool on, right;
        enum split_tail tail;
        size_t length;
    } cases[] = {
        {"e", true, true, TAIL_ACCEPTED, 6},  {"e", true, false, TAIL_FORM, 6},
        {"e", false, true, TAIL_FORM, 6},     {"p", true, true, TAIL_ACCEPTED, 6},
        {"6e", true, true, TAIL_ACCEPTED, 6}, {"6e", true, false, TAIL_FORM, 8},
        {"8e", true, true, TAIL_ACCEPTED, 6}, {"6d", true, true, TAIL_FORM, 8},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char answer[32];
        size_t length = 0;
        enum split_tail tail = TAIL_NONE;
        person(cases[i].devices);
        rules.email_devices = cases[i].on;
        (void)snprintf(answer, sizeof(answer), "secret%s", cases[i].right ? mailed : wrong(mailed));
        const struct policy_attempt attempt = {
            .now = SAMPLE_NOW, .code = answer, .ring = &sample_ring};
        ok(split_answer(&rules, &account, &attempt, &length, &tail) == 0 && tail == cases[i].tail &&
               length == cases[i].length,
           "row %zu: the code after a password is found, devices %s", i, cases[i].devices);
    }
}

/* --- recovery --------------------------------------------------------------------------------- */

static enum verdict recover_at(int64_t now, const char *first, const char *second)
{
    const struct policy_attempt attempt = {
        .now = now, .code = second, .password = PASSWORD_NOT_ASKED, .ring = &sample_ring};

    must(policy_recover(&rules, &account, first, &attempt, &after, &result) == 0, "policy_recover");
    return result.verdict;
}

static enum verdict recover(const char *first, const char *second)
{
    return recover_at(SAMPLE_NOW, first, second);
}

static unsigned recovery_tries(void)
{
    return after.codes[MAIL_RECOVERY].tries;
}

/* What is used up is used up by both together. */
static bool is_kept(void)
{
    return after.codes[MAIL_RECOVERY].sent == SAMPLE_NOW &&
           after.codes[MAIL_LOGIN].sent == account.codes[MAIL_LOGIN].sent &&
           after.token_count == account.token_count && after.device_count == account.device_count &&
           memcmp(after.devices, account.devices, sizeof(account.devices)) == 0;
}

static void test_recover(void)
{
    static const char *const sets[] = {"8", "6", "8e", "e6", "6b"};

    for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
        person(sets[i]);
        const size_t index = account.devices[0].type == DEVICE_EMAIL ? 1 : 0;
        account.failures = 3;
        (void)recover(recovery, app(index, 0));
        ok(accepted(METHOD_TOTP, account.devices[index].label) &&
               after.devices[index].last_step == NOW_STEP && after.codes[MAIL_RECOVERY].sent == 0 &&
               after.failures == 0 &&
               after.codes[MAIL_LOGIN].sent == account.codes[MAIL_LOGIN].sent &&
               after.token_count == account.token_count,
           "devices %s: the code that was sent and the app's are accepted, and used up", sets[i]);
        account = after;
        (void)recover(recovery, app(index, 1));
        ok(denied(VERDICT_WRONG) && after.failures == 1, "together once");
    }
    static const char *const alone[] = {"eb", "6b"};
    for (size_t i = 0; i < ARRAY_SIZE(alone); i++) {
        person(alone[i]);
        (void)recover(recovery, token);
        ok(accepted(METHOD_BACKUP, "") && after.token_count == 0 && result.tokens_left == 0 &&
               after.codes[MAIL_RECOVERY].sent == 0,
           "devices %s: a backup token is a second factor too, and used up", alone[i]);
    }
}

/* Both are needed, and nothing of what was right is lost where the other is wrong. */
static void test_recover_wrong(void)
{
    enum { RIGHT, WRONG, NONE, LOGIN, JUNK, USED, TOKEN, OTHER_TOKEN };
    static const struct {
        const char *devices;
        int mailed, second;
        enum verdict verdict;
        unsigned failures;
    } cases[] = {
        {"8", WRONG, RIGHT, VERDICT_WRONG, 1},  {"8", RIGHT, WRONG, VERDICT_WRONG, 1},
        {"8", WRONG, WRONG, VERDICT_WRONG, 1},  {"8", RIGHT, USED, VERDICT_WRONG, 1},
        {"8", WRONG, USED, VERDICT_WRONG, 1},   {"8", RIGHT, JUNK, VERDICT_WRONG, 1},
        {"8", JUNK, RIGHT, VERDICT_WRONG, 1},   {"8", RIGHT, NONE, VERDICT_WRONG, 0},
        {"8", WRONG, NONE, VERDICT_WRONG, 0},   {"8", NONE, RIGHT, VERDICT_WRONG, 0},
        {"8e", LOGIN, RIGHT, VERDICT_WRONG, 1}, {"8e", RIGHT, LOGIN, VERDICT_WRONG, 1},
        {"e", RIGHT, LOGIN, VERDICT_WRONG, 1},  {"eb", RIGHT, LOGIN, VERDICT_WRONG, 1},
        {"8b", WRONG, TOKEN, VERDICT_WRONG, 1}, {"8b", RIGHT, OTHER_TOKEN, VERDICT_WRONG, 1},
        {"8b", TOKEN, RIGHT, VERDICT_WRONG, 1},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        person(cases[i].devices);
        if (cases[i].second == USED)
            account.devices[0].last_step = NOW_STEP;
        const char *const first[] = {recovery,  wrong(recovery), "",    mailed,
                                     "hunter2", recovery,        token, NULL};
        const char *const second[] = {app(0, 0), "00000000", "",    mailed,
                                      "hunter2", app(0, 0),  token, "acde-fhjk-mnpq"};
        (void)recover(first[cases[i].mailed], second[cases[i].second]);
        ok(denied(cases[i].verdict) && after.failures == cases[i].failures && is_kept() &&
               recovery_tries() == ACCOUNT_MAIL_TRIES - cases[i].failures,
           "row %zu, devices %s: %s, %u counted, %u tries left", i, cases[i].devices,
           verdict_name(result.verdict), after.failures, recovery_tries());
    }
}

/* Tokens that came to the same address prove nothing more there; elsewhere they are tokens. */
static void test_recover_mailed_tokens(void)
{
    static const char *const sets[] = {"eb", "6b", "8eb"};

    for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
        person(sets[i]);
        account.tokens_mailed = true;
        (void)recover(recovery, token);
        ok(denied(VERDICT_WRONG) && result.method == METHOD_NONE && after.failures == 1 &&
               is_kept() && recovery_tries() == ACCOUNT_MAIL_TRIES - 1,
           "devices %s: a token that was mailed is wrong, and not used up", sets[i]);
        (void)decide(token);
        ok(accepted(METHOD_BACKUP, "") && after.token_count == 0, "devices %s: it logs in",
           sets[i]);
        account.tokens_mailed = false;
        (void)recover(recovery, token);
        ok(accepted(METHOD_BACKUP, ""), "devices %s: one that was shown recovers", sets[i]);
    }
    person("6b");
    account.tokens_mailed = true;
    (void)recover(recovery, app(0, 0));
    ok(accepted(METHOD_TOTP, "6") && after.tokens_mailed, "beside them the app's code does");
}

static void test_recover_tries(void)
{
    for (int second = 0; second < 2; second++) {
        person("8");
        for (unsigned i = 0; i < ACCOUNT_MAIL_TRIES; i++) {
            (void)recover(second ? recovery : wrong(recovery), second ? "00000000" : app(0, 0));
            account = after;
        }
        (void)recover(recovery, app(0, 0));
        ok(denied(VERDICT_WRONG) && recovery_tries() == 0 &&
               after.failures == ACCOUNT_MAIL_TRIES + 1 &&
               after.devices[0].last_step == ACCOUNT_NEVER,
           "after three wrong %s ones the right ones are wrong", second ? "second" : "first");
    }
    for (unsigned i = ACCOUNT_MAIL_TRIES + 1; i < rules.max_failures; i++) {
        account = after;
        (void)recover(recovery, app(0, 0));
    }
    ok(denied(VERDICT_WRONG) && after.locked_until == SAMPLE_NOW + rules.lock_time,
       "and failures lock, as a login's do");
    account = after;
    (void)recover(recovery, app(0, 0));
    ok(denied(VERDICT_LOCKED) && is_unchanged(), "while locked nothing is judged");
}

static void test_recover_life(void)
{
    static const struct {
        int64_t at;
        bool good;
    } cases[] = {{-1, false}, {0, true}, {LIFETIME - 1, true}, {LIFETIME, false}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const int64_t now = SAMPLE_NOW + cases[i].at;
        person("8");
        (void)recover_at(now, recovery, sample_code(&account.devices[0], now / SAMPLE_STEP));
        ok((result.verdict == VERDICT_ACCEPTED) == cases[i].good &&
               (result.admit == ADMIT_YES) == cases[i].good,
           "%d s after it was sent: %s", (int)cases[i].at, verdict_name(result.verdict));
    }
}

static void test_recover_standing(void)
{
    static const struct {
        const char *name, *devices;
        enum verdict verdict;
    } cases[] = {
        {"locked", "8b", VERDICT_LOCKED},
        {"locked for good", "8b", VERDICT_LOCKED},
        {"closed", "8b", VERDICT_LOCKED},
        {"switched off", "8b", VERDICT_DISABLED},
        {"of no device", "b", VERDICT_UNENROLLED},
        {"waiting", "wb", VERDICT_UNENROLLED},
        {"waiting for e-mail", "pb", VERDICT_UNENROLLED},
    };
    static const enum rules_unenrolled ways[] = {UNENROLLED_DENY, UNENROLLED_IGNORE,
                                                 UNENROLLED_PERMIT, UNENROLLED_ENROLL};

    for (size_t i = 0; i < ARRAY_SIZE(cases) * ARRAY_SIZE(ways) * 2; i++) {
        const size_t row = i / ARRAY_SIZE(ways) / 2;
        person(cases[row].devices);
        rules.unenrolled = ways[i / 2 % ARRAY_SIZE(ways)];
        rules.enroll_by = SAMPLE_NOW + 1;
        account.locked_until = row == 0 ? SAMPLE_NOW + 1 : 0;
        account.failures = row == 1 ? rules.failure_limit : 0;
        account.closed = row == 2;
        account.enabled = row != 3;
        (void)recover(recovery, i % 2 == 0 && account.device_count > 0 ? app(0, 0) : token);
        ok(denied(cases[row].verdict) && is_unchanged(),
           "an account that is %s recovers nothing, and nothing changes, unenrolled=%d",
           cases[row].name, (int)rules.unenrolled);
    }
}

/* What spares a code at a login spares none here. */
static void test_recover_spared(void)
{
    struct policy_attempt attempt = {.now = SAMPLE_NOW,
                                     .code = "",
                                     .password = PASSWORD_NOT_ASKED,
                                     .ticket = SAMPLE_NOW - 1,
                                     .ring = &sample_ring};

    person("8");
    rules.grace = 3600;
    ok(policy_recover(&rules, &account, "", &attempt, &after, &result) == 0 &&
           denied(VERDICT_WRONG) && is_kept(),
       "grace is for logins");
    attempt.exempt = true;
    ok(policy_recover(&rules, &account, "", &attempt, &after, &result) == 0 &&
           result.admit == ADMIT_NO && result.verdict != VERDICT_ACCEPTED && is_kept(),
       "and so are exemptions");
    rules.email_devices = false;
    (void)recover(recovery, app(0, 0));
    ok(accepted(METHOD_TOTP, "8"), "e-mail devices may be switched off: this is none");
}

static void test_recover_errors(void)
{
    struct seal_ring other = {.count = 1, .keys = {{.id = "k2", .bytes = {9}}}};
    struct policy_attempt attempt = {.now = SAMPLE_NOW, .password = PASSWORD_NOT_ASKED};

    person("8b");
    attempt.ring = &other;
    attempt.code = token;
    ok(policy_recover(&rules, &account, recovery, &attempt, &after, &result) == 0 &&
           denied(VERDICT_WRONG),
       "without its key the code is wrong");
    account.codes[MAIL_RECOVERY] = (struct mail_code){0};
    must(mailcode_new(&rules, &other, MAIL_RECOVERY, 0, SAMPLE_NOW, &account, recovery) == 0,
         "a code by another key");
    ok(policy_recover(&rules, &account, recovery, &attempt, &after, &result) == ERR_KEY_UNKNOWN &&
           denied(VERDICT_WRONG) && is_unchanged(),
       "nor without the token's");
    attempt.now = -1;
    ok(policy_recover(&rules, &account, recovery, &attempt, &after, &result) == ERR_CLOCK &&
           denied(VERDICT_WRONG) && is_unchanged(),
       "nor before 1970");
}

int main(void)
{
    test_accepted();
    test_tries();
    test_no_try();
    test_answers();
    test_replayed_answers();
    test_switched_off();
    test_beside_app();
    test_waiting();
    test_keys();
    test_locked();
    test_confirm();
    test_split();
    test_recover();
    test_recover_wrong();
    test_recover_mailed_tokens();
    test_recover_tries();
    test_recover_life();
    test_recover_standing();
    test_recover_spared();
    test_recover_errors();
    account_clear(&account);
    account_clear(&after);
    return tap_done();
}
