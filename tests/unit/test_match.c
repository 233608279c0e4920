/* SPDX-License-Identifier: BSD-2-Clause */
/* Which devices a login tries, and what one code is to them. */
#include "config.h"

#include "match.h"
#include "otp.h"
#include "policy.h"
#include "sample.h"
#include "tap.h"
#include "token.h"

#include <stdio.h>
#include <string.h>

#define NOW_STEP (SAMPLE_NOW / SAMPLE_STEP)

/* A: active, P: pending, L: pending since a login, D: disabled. */
static struct account make(const char *devices)
{
    struct account account = sample_account(DEVICE_TOTP, 6);

    account.device_count = 0;
    for (const char *p = devices; *p != '\0'; p++) {
        struct device *device = &account.devices[account.device_count];
        *device = sample_device((int64_t)++account.device_count, DEVICE_TOTP, 6);
        device->secret.bytes[9] = (uint8_t)(4 + account.device_count);
        device->state = *p == 'A' ? DEVICE_ACTIVE : *p == 'D' ? DEVICE_DISABLED : DEVICE_PENDING;
        device->at_login = *p == 'L';
    }
    return account;
}

static void test_in_use(void)
{
    static const struct {
        const char *devices, *used; /* u: tried by a login */
        bool waiting;
    } cases[] = {
        {"", "", false},         {"A", "u", false},      {"P", "u", true},
        {"L", ".", false},       {"D", ".", false},      {"AP", "u.", false},
        {"PA", ".u", false},     {"PD", "u.", true},     {"LP", ".u", true},
        {"PL", "u.", true},      {"PP", "uu", true},     {"LL", "..", false},
        {"DL", "..", false},     {"AL", "u.", false},    {"DLP", "..u", true},
        {"PDL", "u..", true},    {"AA", "uu", false},    {"ADPL", "u...", false},
        {"LPDA", "...u", false}, {"PLPD", "u.u.", true},
    };
    const struct code six = {.form = CODE_DIGITS, .length = 6};
    const struct code seven = {.form = CODE_DIGITS, .length = 7};
    const struct code token = {.form = CODE_TOKEN, .length = CODE_TOKEN_SYMBOLS};
    const struct code nothing = {.form = CODE_EMPTY};
    const struct code junk = {.form = CODE_MALFORMED, .length = 6};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct account account = make(cases[i].devices);
        bool good = match_is_waiting(&account) == cases[i].waiting;
        for (size_t j = 0; j < account.device_count; j++)
            good =
                good && match_is_in_use(&account, &account.devices[j]) == (cases[i].used[j] == 'u');
        ok(good, "in use of %s: %s%s", cases[i].devices[0] != '\0' ? cases[i].devices : "none",
           cases[i].used, cases[i].waiting ? ", waiting" : "");
        ok(match_is_candidate(&account, &six) == (strchr(cases[i].used, 'u') != NULL) &&
               !match_is_candidate(&account, &seven) && match_is_candidate(&account, &token) &&
               !match_is_candidate(&account, &nothing) && !match_is_candidate(&account, &junk),
           "what may be a code there");
    }
}

/* The code of each device in turn against each account: only those in use accept theirs. */
static void test_code(void)
{
    static const char *const sets[] = {"A",  "P",  "L",  "D",  "AP",   "PA",  "PL",
                                       "LP", "PP", "DP", "DL", "ADPL", "PDLP"};

    for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
        const struct account account = make(sets[i]);
        bool good = true;
        for (size_t j = 0; j < account.device_count; j++) {
            struct code code = {0};
            struct match match = {0};
            code_parse(sample_code(&account.devices[j], NOW_STEP), &code);
            int r = match_code(&sample_rules, &account, &code, &sample_ring, SAMPLE_NOW, &match);
            const bool used = match_is_in_use(&account, &account.devices[j]);
            good = good && r == 0 && match.accepted == used && !match.replayed;
            for (size_t k = 0; k < ACCOUNT_DEVICES_MAX; k++)
                good = good && match.hits[k].accepted == (used && k == j);
            if (used)
                good = good && match.index == j && match.method == METHOD_TOTP &&
                       match.hits[j].moved == NOW_STEP;
        }
        ok(good, "devices %s: each code opens what is in use, and its own device", sets[i]);
    }
}

static void test_tokens(void)
{
    struct account account = make("A");
    char text[CODE_TOKEN_SIZE] = "";
    struct code code = {0};
    struct match match = {0};
    struct seal_ring other = {.count = 1, .keys = {{.id = "k2", .bytes = {9}}}};

    ok(token_new(&sample_ring, "alice", text, &account.tokens[1]) == 0, "a token");
    account.tokens[0] = account.tokens[1];
    account.tokens[0].digest[0] ^= 1;
    account.token_count = 2;
    code_parse(text, &code);
    ok(match_code(&sample_rules, &account, &code, &sample_ring, SAMPLE_NOW, &match) == 0 &&
           match.accepted && match.method == METHOD_BACKUP && match.index == 1,
       "is found where it stands");
    ok(match_code(&sample_rules, &account, &code, &other, SAMPLE_NOW, &match) == ERR_KEY_UNKNOWN &&
           !match.accepted,
       "not without its key");
    account.token_count = 1;
    ok(match_code(&sample_rules, &account, &code, &sample_ring, SAMPLE_NOW, &match) == 0 &&
           !match.accepted && !match.replayed,
       "nor behind the last one");
    code.form = CODE_MALFORMED;
    ok(match_code(&sample_rules, &account, &code, &sample_ring, SAMPLE_NOW, &match) == 0 &&
           !match.accepted,
       "what is no code matches nothing");
}

static void test_range(void)
{
    struct device device = sample_device(1, DEVICE_TOTP, 6);
    int64_t first = 0, fresh = 0;
    size_t count = 0;

    match_range(&sample_rules, &device, SAMPLE_NOW, &first, &count, &fresh);
    ok(first == NOW_STEP - 1 && count == 3 && fresh == 0, "a window on either side");
    device.last_step = NOW_STEP;
    device.offset = -100;
    device.drift = ACCOUNT_DRIFT_SCALE;
    match_range(&sample_rules, &device, SAMPLE_NOW, &first, &count, &fresh);
    ok(first == NOW_STEP - 100 && count == 3 && fresh == NOW_STEP + 1 &&
           match_drift(&sample_rules, &device) == -99,
       "lies around what was resynchronised and learned");
    device.drift = -50 * ACCOUNT_DRIFT_SCALE;
    ok(match_drift(&sample_rules, &device) == -100 - (int64_t)sample_rules.max_drift,
       "of which the learned is bounded");
    device.offset = -ACCOUNT_OFFSET_MAX;
    match_range(&sample_rules, &device, 0, &first, &count, &fresh);
    ok(first == 0 && count == 1, "no step before the first");
    device = sample_device(1, DEVICE_HOTP, 6);
    match_range(&sample_rules, &device, SAMPLE_NOW, &first, &count, &fresh);
    ok(first == 0 && count == sample_rules.look_ahead + 1 && fresh == 0, "counters from the first");
    device.counter = 7;
    match_range(&sample_rules, &device, SAMPLE_NOW, &first, &count, &fresh);
    ok(first == 6 && count == sample_rules.look_ahead + 2 && fresh == 7,
       "and from the last one used");
    struct rules wide = sample_rules;
    struct code code = {.form = CODE_DIGITS, .length = 6};
    struct hit hit = {0};
    wide.look_ahead = RULES_LOOK_AHEAD_MAX + 1;
    ok(match_device(&wide, &device, &code, SAMPLE_NOW, &hit) == ERR_RANGE && !hit.accepted,
       "more than there is room for is an error");
    wide = sample_rules;
    wide.window = RULES_WINDOW_MAX;
    wide.look_ahead = RULES_LOOK_AHEAD_MAX;
    ok(match_device(&wide, &device, &code, SAMPLE_NOW, &hit) == 0,
       "the widest there may be is not");
}

static void test_move(void)
{
    struct device device = sample_device(1, DEVICE_TOTP, 6);
    struct hit hit = {.accepted = true, .moved = NOW_STEP - 99};

    device.offset = -100;
    match_move(&sample_rules, &hit, SAMPLE_NOW, &device);
    ok(device.last_step == NOW_STEP - 99 && device.drift == ACCOUNT_DRIFT_SCALE / 4 &&
           device.offset == -100 && device.last_used == SAMPLE_NOW,
       "what is learned counts from what was resynchronised");
    hit.moved = NOW_STEP + 1000;
    match_move(&sample_rules, &hit, SAMPLE_NOW, &device);
    ok(device.drift == sample_rules.max_drift * ACCOUNT_DRIFT_SCALE, "and is bounded");
    device = sample_device(1, DEVICE_HOTP, 6);
    hit.moved = 41;
    match_move(&sample_rules, &hit, SAMPLE_NOW, &device);
    ok(device.counter == 42 && device.drift == 0 && device.last_step == ACCOUNT_NEVER &&
           device.last_used == SAMPLE_NOW,
       "a counter moves past the one used");
}

int main(void)
{
    test_in_use();
    test_code();
    test_tokens();
    test_range();
    test_move();
    return tap_done();
}
