/* SPDX-License-Identifier: BSD-2-Clause */
/* Each refusal is the decision's own: what is explained is what policy_decide has refused. */
#include "config.h"

#include "code.h"
#include "explain.h"
#include "otp.h"
#include "policy.h"
#include "tap.h"
#include "text.h"
#include "token.h"

#include <stdio.h>
#include <string.h>

#define NOW INT64_C(1700000010) /* the middle of a step of 30 seconds */
#define STEP (NOW / 30)

static const struct rules rules = {.window = 1,
                                   .look_ahead = 10,
                                   .max_drift = 2,
                                   .max_failures = 5,
                                   .failure_limit = 100,
                                   .lock_time = 60,
                                   .lock_time_max = 3600};

static const struct seal_ring ring = {.count = 1, .keys = {{.id = "k1", .bytes = {1}}}};

/* The secret of RFC 4226 appendix D, another for each device. */
static struct device *add_device(struct account *account, const char *label, enum device_type type,
                                 unsigned digits)
{
    struct device *device = &account->devices[account->device_count++];

    *device = (struct device){.id = (int64_t)account->device_count,
                              .type = type,
                              .state = DEVICE_ACTIVE,
                              .algorithm = OTP_SHA1,
                              .digits = digits,
                              .period = type == DEVICE_TOTP ? 30 : 0,
                              .last_step = ACCOUNT_NEVER,
                              .counter = type == DEVICE_HOTP ? 100 : 0,
                              .last_used = ACCOUNT_NEVER};
    snprintf(device->label, sizeof(device->label), "%s", label);
    memcpy(device->secret.bytes, "12345678901234567890", 20);
    device->secret.bytes[0] = (uint8_t)('0' + account->device_count);
    device->secret.length = 20;
    return device;
}

static void make_account(struct account *account)
{
    account_init(account, "alice");
    account->id = 1;
    add_device(account, "phone", DEVICE_TOTP, 6);
}

static const char *code_at(const struct device *device, int64_t factor)
{
    static char text[4][OTP_DIGITS_MAX + 1];
    static unsigned turn;
    uint32_t code = 0;
    char *out = text[turn++ % 4];

    if (otp_codes(&device->secret, device->algorithm, device->digits, (uint64_t)factor, 1, &code) !=
        0)
        return "";
    otp_format(code, device->digits, out);
    return out;
}

/* What the code was typed as, or was meant to be, and any three digits of it in a row. */
static bool tells(const char *text, const char *typed)
{
    struct code code CLEANUP(code_clear) = {0};

    code_parse(typed, &code);
    if (strlen(typed) > 2 && strstr(text, typed) != NULL)
        return true;
    for (size_t i = 0; i + 3 <= code.length; i++) {
        char part[4] = "";
        memcpy(part, code.text + i, 3);
        if (strspn(part, "0123456789") == 3 && strstr(text, part) != NULL)
            return true;
    }
    return false;
}

/* Decides, and explains as the decision went. */
static const char *explain_with(const struct rules *with, const struct account *account,
                                enum policy_password password, const char *typed, int64_t now,
                                enum verdict *verdict)
{
    static char text[EXPLAIN_SIZE];
    struct account after CLEANUP(account_clear) = {0};
    struct outcome result = {0};
    const struct policy_attempt attempt = {
        .now = now, .code = typed, .password = password, .ring = &ring};

    memset(text, 'x', sizeof(text));
    if (policy_decide(with, account, &attempt, &after, &result) != 0)
        return "not decided";
    *verdict = result.verdict;
    explain_refusal(with, account, typed, &ring, now, &result, text);
    if (memchr(text, '\0', sizeof(text)) == NULL || !text_is_printable(text, strlen(text)))
        return "not text";
    return text;
}

static void says(const struct account *account, const char *typed, int64_t now,
                 enum verdict verdict, const char *expected)
{
    enum verdict got = VERDICT_ACCEPTED;
    const char *text = explain_with(&rules, account, PASSWORD_NOT_ASKED, typed, now, &got);

    if (!ok(strcmp(text, expected) == 0 && got == verdict && (typed == NULL || !tells(text, typed)),
            "%s: %s", verdict_name(verdict), expected))
        tap_note("%s: %s", verdict_name(got), text);
}

static void test_malformed(void)
{
    static const struct {
        const char *typed, *text;
    } rows[] = {
        {NULL, "no code was given"},
        {"", "no code was given"},
        {" - ", "no code was given"},
        {"7", "cannot be a code: 1 digit where this account's devices show 6 or 8"},
        {"75 31-9", "cannot be a code: 5 digits where this account's devices show 6 or 8"},
        {"7531902", "cannot be a code: 7 digits where this account's devices show 6 or 8"},
        {"753190275", "cannot be a code: 9 digits where this account's devices show 6 or 8"},
        {"75319027531902", "cannot be a code: 14 digits where this account's devices show 6 or 8"},
        {"hunter2", "cannot be a code: neither digits alone nor of a backup token's form"},
        {"75319x", "cannot be a code: neither digits alone nor of a backup token's form"},
        {"correct horse battery staple",
         "cannot be a code: neither digits alone nor of a backup token's form"},
        {"\xff\x1b[2J", "cannot be a code: neither digits alone nor of a backup token's form"},
        {"\b\n\r\177INCORRECT\b",
         "not typed by anybody: sshd sends this for a user it has already refused"},
    };
    struct account account CLEANUP(account_clear) = {0};

    make_account(&account);
    add_device(&account, "tablet", DEVICE_TOTP, 8);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        says(&account, rows[i].typed, NOW, VERDICT_MALFORMED, rows[i].text);
    struct device *old = add_device(&account, "old", DEVICE_TOTP, 7);
    old->state = DEVICE_DISABLED;
    says(&account, "7531902", NOW, VERDICT_MALFORMED,
         "cannot be a code: 7 digits where this account's devices show 6 or 8");
    says(&account, code_at(old, STEP), NOW, VERDICT_MALFORMED,
         "code of device \"old\", which is disabled");
}

static void test_tokens(void)
{
    struct account account CLEANUP(account_clear) = {0};
    char token[CODE_TOKEN_SIZE] = "";

    make_account(&account);
    says(&account, "acde-fhjk-mnpq", NOW, VERDICT_WRONG,
         "a backup token, and the account has none left");
    if (token_new(&ring, "alice", token, &account.tokens[0]) == 0)
        account.token_count = account.tokens_issued = 1;
    says(&account, "acde-fhjk-mnpq", NOW, VERDICT_WRONG, "a backup token that is unknown or used");
    says(&account, token, NOW, VERDICT_ACCEPTED, "");
    enum verdict got = VERDICT_ACCEPTED;
    const char *text = explain_with(&rules, &account, PASSWORD_WRONG, token, NOW, &got);
    ok(got == VERDICT_WRONG && strcmp(text, "the password was wrong, the code was not") == 0,
       "a token and a wrong password");
    account.tokens[0].key_id[0] = 'x';
    struct outcome result = {.verdict = VERDICT_WRONG};
    char out[EXPLAIN_SIZE] = "x";
    explain_refusal(&rules, &account, token, &ring, NOW, &result, out);
    ok(out[0] == '\0', "a key that is missing: nothing");
}

/* A clock that is off by offset steps, with a window of 1. */
static void test_window(void)
{
    static const struct {
        int offset;
        enum verdict verdict;
        const char *text;
    } rows[] = {
        {0, VERDICT_ACCEPTED, ""},
        {1, VERDICT_ACCEPTED, ""},
        {2, VERDICT_WRONG, "outside the window by 1 step: the clock of device \"phone\" is ahead"},
        {-2, VERDICT_WRONG,
         "outside the window by 1 step: the clock of device \"phone\" is behind"},
        {4, VERDICT_WRONG, "outside the window by 3 steps: the clock of device \"phone\" is ahead"},
        {-4, VERDICT_WRONG,
         "outside the window by 3 steps: the clock of device \"phone\" is behind"},
        {121, VERDICT_WRONG,
         "outside the window by 120 steps: the clock of device \"phone\" is ahead"},
        {-121, VERDICT_WRONG,
         "outside the window by 120 steps: the clock of device \"phone\" is behind"},
        {122, VERDICT_WRONG, "a code that no device of the account shows now or nearly"},
        {-122, VERDICT_WRONG, "a code that no device of the account shows now or nearly"},
    };
    struct account account CLEANUP(account_clear) = {0};
    struct device *device = &account.devices[0];

    make_account(&account);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        says(&account, code_at(device, STEP + rows[i].offset), NOW, rows[i].verdict, rows[i].text);
    /* Around what resynchronisation and logins have taught. */
    device->offset = 50;
    device->drift = 2 * ACCOUNT_DRIFT_SCALE;
    says(&account, code_at(device, STEP), NOW, VERDICT_WRONG,
         "outside the window by 51 steps: the clock of device \"phone\" is behind");
    says(&account, code_at(device, STEP + 54), NOW, VERDICT_WRONG,
         "outside the window by 1 step: the clock of device \"phone\" is ahead");
    device->offset = device->drift = 0;
    says(&account, code_at(device, 5), 0, VERDICT_WRONG,
         "outside the window by 4 steps: the clock of device \"phone\" is ahead");
    device->period = 300;
    says(&account, code_at(device, NOW / 300 + 13), NOW, VERDICT_WRONG,
         "outside the window by 12 steps: the clock of device \"phone\" is ahead");
    says(&account, code_at(device, NOW / 300 + 14), NOW, VERDICT_WRONG,
         "a code that no device of the account shows now or nearly");
    device->period = 15;
    says(&account, code_at(device, NOW / 15 - 241), NOW, VERDICT_WRONG,
         "outside the window by 240 steps: the clock of device \"phone\" is behind");
}

static void test_replayed(void)
{
    struct account account CLEANUP(account_clear) = {0};
    struct device *device = &account.devices[0];

    make_account(&account);
    device->last_step = STEP;
    says(&account, code_at(device, STEP), NOW, VERDICT_REPLAYED,
         "replayed: this code of device \"phone\" was used before");
    says(&account, code_at(device, STEP - 1), NOW, VERDICT_REPLAYED,
         "replayed: this code of device \"phone\" is older than the last one used");
    says(&account, code_at(device, STEP + 1), NOW, VERDICT_ACCEPTED, "");
    says(&account, code_at(device, STEP - 5), NOW, VERDICT_WRONG,
         "outside the window by 4 steps: an old code of device \"phone\", no newer than the last "
         "one used");
    says(&account, code_at(device, STEP + 5), NOW, VERDICT_WRONG,
         "outside the window by 4 steps: the clock of device \"phone\" is ahead");
    device->last_step = STEP - 5;
    says(&account, code_at(device, STEP - 5), NOW, VERDICT_WRONG,
         "outside the window by 4 steps: an old code of device \"phone\", no newer than the last "
         "one used");
    says(&account, code_at(device, STEP - 4), NOW, VERDICT_WRONG,
         "outside the window by 3 steps: the clock of device \"phone\" is behind");
    struct device *key = add_device(&account, "key", DEVICE_HOTP, 6);
    says(&account, code_at(key, 99), NOW, VERDICT_REPLAYED,
         "replayed: this code of device \"key\" was used before");
}

static void test_counters(void)
{
    static const struct {
        int64_t counter;
        enum verdict verdict;
        const char *text;
    } rows[] = {
        {100, VERDICT_ACCEPTED, ""},
        {110, VERDICT_ACCEPTED, ""},
        {111, VERDICT_WRONG,
         "outside the look-ahead by 1 counter: device \"key\" is ahead of the store"},
        {310, VERDICT_WRONG,
         "outside the look-ahead by 200 counters: device \"key\" is ahead of the store"},
        {311, VERDICT_WRONG, "a code that no device of the account shows now or nearly"},
        {99, VERDICT_REPLAYED, "replayed: this code of device \"key\" was used before"},
        {98, VERDICT_WRONG, "an old code of device \"key\", 2 counters behind"},
        {80, VERDICT_WRONG, "an old code of device \"key\", 20 counters behind"},
        {79, VERDICT_WRONG, "a code that no device of the account shows now or nearly"},
    };
    struct account account CLEANUP(account_clear) = {0};

    account_init(&account, "alice");
    struct device *key = add_device(&account, "key", DEVICE_HOTP, 6);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        says(&account, code_at(key, rows[i].counter), NOW, rows[i].verdict, rows[i].text);
    key->counter = OTP_COUNTER_MAX - 3;
    says(&account, code_at(key, OTP_COUNTER_MAX - 5), NOW, VERDICT_WRONG,
         "an old code of device \"key\", 2 counters behind");
    key->counter = 0;
    says(&account, code_at(key, 11), NOW, VERDICT_WRONG,
         "outside the look-ahead by 1 counter: device \"key\" is ahead of the store");
}

static void test_states(void)
{
    struct account account CLEANUP(account_clear) = {0};

    make_account(&account);
    struct device *old = add_device(&account, "old phone", DEVICE_TOTP, 6);
    old->state = DEVICE_DISABLED;
    struct device *new = add_device(&account, "new phone", DEVICE_TOTP, 6);
    new->state = DEVICE_PENDING;
    says(&account, code_at(old, STEP), NOW, VERDICT_WRONG,
         "code of device \"old phone\", which is disabled");
    says(&account, code_at(new, STEP + 1), NOW, VERDICT_WRONG,
         "code of device \"new phone\", which is pending");
    says(&account, code_at(old, STEP + 2), NOW, VERDICT_WRONG,
         "a code that no device of the account shows now or nearly");
    old->last_step = STEP;
    says(&account, code_at(old, STEP), NOW, VERDICT_WRONG,
         "code of device \"old phone\", which is disabled");
    account.devices[0].state = DEVICE_DISABLED;
    new->at_login = true;
    says(&account, "753190", NOW, VERDICT_UNENROLLED,
         "the account has no device in use: 1 pending, 2 disabled");
    says(&account, code_at(new, STEP), NOW, VERDICT_UNENROLLED,
         "code of device \"new phone\", which is pending");
    new->at_login = false; /* the account waits for it */
    says(&account, code_at(new, STEP - 3), NOW, VERDICT_WRONG,
         "outside the window by 2 steps: the clock of device \"new phone\" is behind");
    account.device_count = 0;
    says(&account, "753190", NOW, VERDICT_UNENROLLED, "the account has no device");
    says(NULL, "753190", NOW, VERDICT_UNENROLLED, "nobody of this name has an account");
    says(NULL, "", NOW, VERDICT_UNENROLLED, "nobody of this name has an account");
    make_account(&account);
    account.enabled = false;
    says(&account, "753190", NOW, VERDICT_DISABLED, "two-factor login is off for the account");
}

static void test_locked(void)
{
    struct account account CLEANUP(account_clear) = {0};

    make_account(&account);
    account.failures = 1;
    account.locked_until = INT64_C(1700000040);
    says(&account, code_at(&account.devices[0], STEP), NOW, VERDICT_LOCKED,
         "locked until 2023-11-14T22:14:00Z, after 1 failure");
    account.failures = 100;
    says(&account, code_at(&account.devices[0], STEP + 9), NOW, VERDICT_LOCKED,
         "locked until it is unlocked, after 100 failures");
    account.closed = true;
    says(&account, code_at(&account.devices[0], STEP), NOW, VERDICT_LOCKED,
         "the account is closed");
}

static void test_passwords(void)
{
    struct account account CLEANUP(account_clear) = {0};
    struct rules permit = rules;
    enum verdict got[5] = {VERDICT_ACCEPTED};
    const char *text;

    make_account(&account);
    struct device *device = &account.devices[0];
    const char *code = code_at(device, STEP);
    text = explain_with(&rules, &account, PASSWORD_WRONG, code, NOW, &got[0]);
    ok(strcmp(text, "the password was wrong, the code was not") == 0, "a right code");
    device->last_step = STEP;
    text = explain_with(&rules, &account, PASSWORD_WRONG, code, NOW, &got[1]);
    ok(strcmp(text, "the password was wrong, and the code was used before") == 0, "a used code");
    text = explain_with(&rules, &account, PASSWORD_WRONG, code_at(device, STEP + 3), NOW, &got[2]);
    ok(strcmp(text, "outside the window by 2 steps: the clock of device \"phone\" is ahead") == 0,
       "a wrong code is what is said, with either password");
    permit.unenrolled = UNENROLLED_PERMIT;
    text = explain_with(&permit, NULL, PASSWORD_WRONG, code, NOW, &got[3]);
    ok(strcmp(text, "the password was wrong") == 0, "no account");
    account.enabled = false;
    text = explain_with(&permit, &account, PASSWORD_WRONG, code, NOW, &got[4]);
    ok(strcmp(text, "the password was wrong") == 0, "no second factor");
    for (size_t i = 0; i < ARRAY_SIZE(got); i++)
        ok(got[i] == VERDICT_WRONG, "which is what was decided, %zu", i);
}

/* The longest label of characters that are escaped, and one that should not be in the store. */
static void test_labels(void)
{
    struct account account CLEANUP(account_clear) = {0};
    char label[ACCOUNT_LABEL_SIZE], shown[2 * ACCOUNT_LABEL_SIZE] = "", expected[300] = "";

    make_account(&account);
    struct device *device = &account.devices[0];
    memset(label, '"', sizeof(label));
    label[sizeof(label) - 1] = '\0';
    memcpy(device->label, label, sizeof(label));
    text_escape(shown, sizeof(shown), label);
    ok(strlen(shown) == 128, "each character is escaped");
    device->last_step = STEP;
    snprintf(
        expected, sizeof(expected),
        "outside the window by 100 steps: an old code of device \"%s\", no newer than the last "
        "one used",
        shown);
    says(&account, code_at(device, STEP - 101), NOW, VERDICT_WRONG, expected);
    snprintf(expected, sizeof(expected), "replayed: this code of device \"%s\" was used before",
             shown);
    says(&account, code_at(device, STEP), NOW, VERDICT_REPLAYED, expected);
    snprintf(device->label, sizeof(device->label), "a\nb\x1b[0m\\");
    says(&account, code_at(device, STEP), NOW, VERDICT_REPLAYED,
         "replayed: this code of device \"a\\x0ab\\x1b[0m\\\\\" was used before");
}

/* The end of a longer code is none, although it is the same number. */
static void test_lengths(void)
{
    struct account account CLEANUP(account_clear) = {0};
    int64_t factor = 0;

    make_account(&account);
    struct device *key = add_device(&account, "key", DEVICE_HOTP, 8);
    while (factor < 10000 && strncmp(code_at(key, factor), "00", 2) != 0)
        factor++;
    for (int64_t ahead = 0; ahead < 20; ahead += 19) {
        key->counter = factor - ahead;
        key->state = DEVICE_ACTIVE;
        says(&account, code_at(key, factor) + 2, NOW, VERDICT_WRONG,
             "a code that no device of the account shows now or nearly");
        key->state = DEVICE_DISABLED;
        says(&account, code_at(key, factor) + 2, NOW, VERDICT_WRONG,
             "a code that no device of the account shows now or nearly");
    }
    says(&account, code_at(key, factor), NOW, VERDICT_MALFORMED,
         "cannot be a code: 8 digits where this account's devices show 6");
    key->counter = factor;
    says(&account, code_at(key, factor), NOW, VERDICT_MALFORMED,
         "code of device \"key\", which is disabled");
}

/* Devices are tried in their order, each by its own length, and one in the window tells more than
 * one far off. */
static void test_several(void)
{
    struct account account CLEANUP(account_clear) = {0};

    make_account(&account);
    struct device *tablet = add_device(&account, "tablet", DEVICE_TOTP, 8);
    struct device *same = add_device(&account, "same", DEVICE_TOTP, 8);
    same->secret = tablet->secret;
    says(&account, code_at(tablet, STEP + 2), NOW, VERDICT_WRONG,
         "outside the window by 1 step: the clock of device \"tablet\" is ahead");
    tablet->digits = 6;
    says(&account, code_at(tablet, STEP + 2), NOW, VERDICT_WRONG,
         "outside the window by 1 step: the clock of device \"tablet\" is ahead");
    says(&account, code_at(same, STEP + 2), NOW, VERDICT_WRONG,
         "outside the window by 1 step: the clock of device \"same\" is ahead");
    tablet->offset = 10;
    tablet->state = DEVICE_DISABLED;
    same->digits = 6;
    says(&account, code_at(tablet, STEP + 10), NOW, VERDICT_WRONG,
         "code of device \"tablet\", which is disabled");
    same->state = DEVICE_PENDING;
    same->offset = 10;
    says(&account, code_at(same, STEP + 10), NOW, VERDICT_WRONG,
         "code of device \"tablet\", which is disabled");
}

static void test_nothing(void)
{
    struct account account CLEANUP(account_clear) = {0};
    char text[EXPLAIN_SIZE] = "";
    struct outcome result = {0};

    make_account(&account);
    for (int verdict = 0; verdict < VERDICTS; verdict++) {
        result.verdict = (enum verdict)verdict;
        memset(text, 'x', sizeof(text));
        explain_refusal(&rules, &account, "753190", &ring, -1, &result, text);
        ok(text[0] == '\0', "%s before 1970: nothing", verdict_name(result.verdict));
        bool passed =
            verdict == VERDICT_ACCEPTED || verdict == VERDICT_EXEMPT || verdict == VERDICT_GRACE;
        explain_refusal(&rules, &account, "753190", &ring, NOW, &result, text);
        ok((text[0] == '\0') == passed, "%s: %s", verdict_name(result.verdict),
           passed ? "nothing was refused" : "something");
    }
    account.devices[0].secret.length = 0;
    result.verdict = VERDICT_WRONG;
    explain_refusal(&rules, &account, "753190", &ring, NOW, &result, text);
    ok(text[0] == '\0', "a device without a secret: nothing");
}

int main(void)
{
    test_malformed();
    test_tokens();
    test_window();
    test_replayed();
    test_counters();
    test_states();
    test_locked();
    test_passwords();
    test_labels();
    test_lengths();
    test_several();
    test_nothing();
    return tap_done();
}
