/* SPDX-License-Identifier: BSD-2-Clause */
/* Codes sent by e-mail: for how long, how often and for what they are good. */
#include "config.h"

#include "err.h"
#include "mailcode.h"
#include "sample.h"
#include "secret.h"
#include "tap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define DEVICE 7
#define LIFETIME 600
#define INTERVAL 60

static struct rules rules;
static struct account account;
static char text[MAILCODE_SIZE];

/* --- in the place of the system's generator, and of the digest that takes the time -------------
 */

ssize_t __real_getrandom(void *memory, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *memory, size_t size, unsigned flags);
int __real_seal_digest(const struct seal_ring *ring, const char *key_id, const char *purpose,
                       const char *name, const char *value,
                       uint8_t digest[static ACCOUNT_DIGEST_SIZE]);
int __wrap_seal_digest(const struct seal_ring *ring, const char *key_id, const char *purpose,
                       const char *name, const char *value,
                       uint8_t digest[static ACCOUNT_DIGEST_SIZE]);

static const uint8_t *served; /* bytes that come in the place of random ones */
static size_t served_count;
static int broken_after = -1; /* bytes; none come after them */
static unsigned digests;

ssize_t __wrap_getrandom(void *memory, size_t size, unsigned flags)
{
    if (broken_after == 0) {
        errno = ENOSYS;
        return -1;
    }
    if (broken_after > 0)
        broken_after--;
    if (served_count == 0 || size != 1)
        return __real_getrandom(memory, size, flags);
    memcpy(memory, served++, 1);
    served_count--;
    return 1;
}

int __wrap_seal_digest(const struct seal_ring *ring, const char *key_id, const char *purpose,
                       const char *name, const char *value,
                       uint8_t digest[static ACCOUNT_DIGEST_SIZE])
{
    digests++;
    return __real_seal_digest(ring, key_id, purpose, name, value, digest);
}

/* --- shorthand -------------------------------------------------------------------------------- */

static void start(void)
{
    rules = sample_rules;
    rules.email_devices = true;
    rules.email_code_lifetime = LIFETIME;
    rules.email_interval = INTERVAL;
    account_init(&account, "alice");
    account.id = 1;
}

static bool make(enum mail_purpose purpose, int64_t device, int64_t now)
{
    return mailcode_new(&rules, &sample_ring, purpose, device, now, &account, text) == 0;
}

/* Whether what was typed is the code. */
static bool fits(const struct seal_ring *ring, enum mail_purpose purpose, int64_t device,
                 const char *typed, int64_t now)
{
    struct code code CLEANUP(code_clear) = {0};
    bool match = false;

    code_parse(typed, &code);
    return mailcode_match(&account, purpose, device, &code, ring, now, &match) == 0 && match;
}

static bool good(const char *typed, int64_t now)
{
    return fits(&sample_ring, MAIL_LOGIN, DEVICE, typed, now);
}

/* The code with its last digit changed. */
static const char *wrong(void)
{
    static char other[MAILCODE_SIZE];
    char *last = &other[ACCOUNT_MAIL_DIGITS - 1];

    memcpy(other, text, sizeof(other));
    *last = *last == '9' ? '0' : (char)(*last + 1);
    return other;
}

static bool is_wiped(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* --- tests ------------------------------------------------------------------------------------ */

static void test_new(void)
{
    start();
    ok(make(MAIL_LOGIN, DEVICE, SAMPLE_NOW) && strlen(text) == ACCOUNT_MAIL_DIGITS &&
           strspn(text, "0123456789") == ACCOUNT_MAIL_DIGITS,
       "a code is eight digits");
    const struct mail_code *code = &account.codes[MAIL_LOGIN];
    ok(code->sent == SAMPLE_NOW && code->expires == SAMPLE_NOW + LIFETIME &&
           code->device == DEVICE && code->tries == ACCOUNT_MAIL_TRIES &&
           strcmp(code->key_id, "k1") == 0,
       "it is known when it was sent, until when it is good, for what, and by which key");
    ok(memmem(&account, sizeof(account), text, ACCOUNT_MAIL_DIGITS) == NULL,
       "the code itself is not kept");
    ok(account.codes[MAIL_RECOVERY].sent == 0, "the other purpose has none");
    ok(good(text, SAMPLE_NOW), "it is good at once");
    ok(!good(wrong(), SAMPLE_NOW), "another is not");
    char typed[ACCOUNT_MAIL_DIGITS + 4];
    (void)snprintf(typed, sizeof(typed), " %.4s-%s", text, text + 4);
    ok(good(typed, SAMPLE_NOW), "blanks and a hyphen do not matter");
    char first[MAILCODE_SIZE];
    memcpy(first, text, sizeof(first));
    ok(make(MAIL_LOGIN, DEVICE, SAMPLE_NOW + 1) && good(text, SAMPLE_NOW + 1) &&
           (strcmp(first, text) == 0 || !good(first, SAMPLE_NOW + 1)),
       "the next one takes its place");
}

/* Also where the generator's bytes are the ends of what is taken, and what is thrown away. */
static void test_digits(void)
{
    static const struct {
        uint8_t bytes[12];
        const char *code;
    } cases[] = {
        {{0, 0, 0, 0, 0, 0, 0, 0}, "00000000"},
        {{9, 19, 29, 39, 249, 239, 9, 9}, "99999999"},
        {{240, 241, 242, 243, 244, 245, 246, 247}, "01234567"},
        {{0, 1, 2, 3, 4, 5, 6, 7}, "01234567"},
        {{250, 255, 8, 251, 8, 8, 8, 254, 8, 8, 8, 8}, "88888888"},
        {{0, 0, 0, 0, 0, 0, 0, 1}, "00000001"},
        {{1, 0, 0, 0, 0, 0, 0, 0}, "10000000"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        start();
        served = cases[i].bytes;
        served_count = sizeof(cases[i].bytes);
        bool made = make(MAIL_LOGIN, DEVICE, SAMPLE_NOW);
        served_count = 0;
        ok(made && strcmp(text, cases[i].code) == 0 && good(text, SAMPLE_NOW) &&
               !good(wrong(), SAMPLE_NOW),
           "a code of the bytes of row %zu: %s", i, text);
    }
}

/* Every digit at every place, and none much more often than another. */
static void test_spread(void)
{
    enum { MANY = 2000 };
    unsigned seen[ACCOUNT_MAIL_DIGITS][10] = {0};
    bool even = true, made = true;

    start();
    for (int i = 0; made && i < MANY; i++) {
        made = make(MAIL_LOGIN, DEVICE, SAMPLE_NOW);
        for (size_t place = 0; made && place < ACCOUNT_MAIL_DIGITS; place++)
            seen[place][text[place] - '0']++;
    }
    for (size_t place = 0; place < ACCOUNT_MAIL_DIGITS; place++)
        for (size_t digit = 0; digit < 10; digit++)
            even = even && seen[place][digit] > 100 && seen[place][digit] < 300;
    ok(made && even, "of %d codes each digit stands at each place about as often", MANY);
}

static void test_life(void)
{
    static const struct {
        int64_t at; /* seconds after it was sent */
        bool live;
        int64_t wait;
    } cases[] = {
        {-INTERVAL, false, 0},    {-1, false, 0},          {0, true, INTERVAL},
        {1, true, INTERVAL - 1},  {INTERVAL - 1, true, 1}, {INTERVAL, true, 0},
        {INTERVAL + 1, true, 0},  {LIFETIME - 1, true, 0}, {LIFETIME, false, 0},
        {LIFETIME + 1, false, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const int64_t now = SAMPLE_NOW + cases[i].at;
        start();
        ok(make(MAIL_LOGIN, DEVICE, SAMPLE_NOW) &&
               mailcode_is_live(&account, MAIL_LOGIN, DEVICE, now) == cases[i].live &&
               good(text, now) == cases[i].live &&
               mailcode_wait(&rules, &account, MAIL_LOGIN, now) == cases[i].wait,
           "%d s after it was sent: %s, and another can be sent in %d s", (int)cases[i].at,
           cases[i].live ? "good" : "not good", (int)cases[i].wait);
    }
    start();
    ok(mailcode_wait(&rules, &account, MAIL_LOGIN, SAMPLE_NOW) == 0 &&
           !mailcode_is_live(&account, MAIL_LOGIN, DEVICE, SAMPLE_NOW) &&
           !mailcode_is_live(&account, MAIL_LOGIN, 0, SAMPLE_NOW) &&
           !mailcode_is_live(&account, MAIL_RECOVERY, 0, 0),
       "where none was sent none is good, and none keeps one waiting");
    rules.email_interval = 2 * LIFETIME;
    ok(make(MAIL_LOGIN, DEVICE, SAMPLE_NOW) &&
           !mailcode_is_live(&account, MAIL_LOGIN, DEVICE, SAMPLE_NOW + LIFETIME) &&
           mailcode_wait(&rules, &account, MAIL_LOGIN, SAMPLE_NOW + LIFETIME) == LIFETIME,
       "one that has expired keeps waiting all the same");
    rules.email_interval = INTERVAL;
    ok(make(MAIL_LOGIN, DEVICE, SAMPLE_NOW) &&
           mailcode_wait(&rules, &account, MAIL_RECOVERY, SAMPLE_NOW) == 0,
       "but not for the other purpose");
}

static void test_clock(void)
{
    static const int64_t times[] = {
        0,         -1,       ACCOUNT_LOCKED_FOR_EVER, ACCOUNT_LOCKED_FOR_EVER - LIFETIME + 1,
        INT64_MIN, INT64_MAX};

    for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
        start();
        struct account before = account;
        ok(mailcode_new(&rules, &sample_ring, MAIL_LOGIN, DEVICE, times[i], &account, text) ==
                   ERR_CLOCK &&
               memcmp(&before, &account, sizeof(account)) == 0,
           "no code is sent at a time that cannot be kept: row %zu", i);
    }
    start();
    ok(make(MAIL_LOGIN, DEVICE, ACCOUNT_LOCKED_FOR_EVER - LIFETIME) &&
           account.codes[MAIL_LOGIN].expires == ACCOUNT_LOCKED_FOR_EVER,
       "the last that can is");
}

static void test_tries(void)
{
    start();
    ok(make(MAIL_LOGIN, DEVICE, SAMPLE_NOW), "a code");
    for (unsigned left = ACCOUNT_MAIL_TRIES; left > 0; left--) {
        ok(good(text, SAMPLE_NOW), "with %u tries left it is good", left);
        mailcode_miss(&account, MAIL_LOGIN, DEVICE, SAMPLE_NOW);
    }
    ok(!good(text, SAMPLE_NOW) && !mailcode_is_live(&account, MAIL_LOGIN, DEVICE, SAMPLE_NOW) &&
           account.codes[MAIL_LOGIN].tries == 0 &&
           is_wiped(account.codes[MAIL_LOGIN].digest, ACCOUNT_DIGEST_SIZE),
       "after the third it is not, and nothing of it is left");
    ok(account.codes[MAIL_LOGIN].sent == SAMPLE_NOW &&
           mailcode_wait(&rules, &account, MAIL_LOGIN, SAMPLE_NOW + 10) == INTERVAL - 10,
       "but when it was sent is still known");
    mailcode_miss(&account, MAIL_LOGIN, DEVICE, SAMPLE_NOW);
    ok(account.codes[MAIL_LOGIN].tries == 0, "there is no less than none");
    ok(make(MAIL_LOGIN, DEVICE, SAMPLE_NOW + INTERVAL) && good(text, SAMPLE_NOW + INTERVAL) &&
           account.codes[MAIL_LOGIN].tries == ACCOUNT_MAIL_TRIES,
       "the next one has three anew");
}

/* Tries are of one that is live, and of nothing else. */
static void test_misses_elsewhere(void)
{
    static const struct {
        enum mail_purpose purpose;
        int64_t device, at;
    } cases[] = {
        {MAIL_LOGIN, DEVICE + 1, 0},    {MAIL_LOGIN, 0, 0},
        {MAIL_RECOVERY, DEVICE, 0},     {MAIL_RECOVERY, 0, 0},
        {MAIL_LOGIN, DEVICE, LIFETIME}, {MAIL_LOGIN, DEVICE, -1},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        start();
        bool made = make(MAIL_LOGIN, DEVICE, SAMPLE_NOW);
        const struct account before = account;
        mailcode_miss(&account, cases[i].purpose, cases[i].device, SAMPLE_NOW + cases[i].at);
        ok(made && memcmp(&before, &account, sizeof(account)) == 0,
           "row %zu is no try of this code", i);
    }
}

static void test_use(void)
{
    start();
    ok(make(MAIL_LOGIN, DEVICE, SAMPLE_NOW) && good(text, SAMPLE_NOW), "a code is good");
    mailcode_use(&account, MAIL_LOGIN);
    ok(!good(text, SAMPLE_NOW) && !mailcode_is_live(&account, MAIL_LOGIN, DEVICE, SAMPLE_NOW) &&
           is_wiped((const uint8_t *)&account.codes[MAIL_LOGIN], sizeof(account.codes[MAIL_LOGIN])),
       "once it is used there is none");
    char login[MAILCODE_SIZE];
    ok(make(MAIL_LOGIN, DEVICE, SAMPLE_NOW), "another");
    memcpy(login, text, sizeof(login));
    ok(make(MAIL_RECOVERY, 0, SAMPLE_NOW), "and one to recover");
    mailcode_use(&account, MAIL_RECOVERY);
    ok(good(login, SAMPLE_NOW), "of which the use of one leaves the other");
}

static void test_binding(void)
{
    struct code code CLEANUP(code_clear) = {0};

    start();
    ok(make(MAIL_LOGIN, DEVICE, SAMPLE_NOW) &&
           !fits(&sample_ring, MAIL_RECOVERY, 0, text, SAMPLE_NOW) &&
           !fits(&sample_ring, MAIL_RECOVERY, DEVICE, text, SAMPLE_NOW),
       "a code for a login recovers nothing");
    ok(!fits(&sample_ring, MAIL_LOGIN, DEVICE + 1, text, SAMPLE_NOW) &&
           !fits(&sample_ring, MAIL_LOGIN, 0, text, SAMPLE_NOW),
       "nor is it another device's");
    account.codes[MAIL_RECOVERY] = account.codes[MAIL_LOGIN];
    ok(!fits(&sample_ring, MAIL_RECOVERY, DEVICE, text, SAMPLE_NOW),
       "not even where its record is moved to the other purpose");
    account.codes[MAIL_RECOVERY].device = 0;
    ok(!fits(&sample_ring, MAIL_RECOVERY, 0, text, SAMPLE_NOW), "and made to look like one there");
    account.codes[MAIL_LOGIN].device = DEVICE + 1;
    ok(!fits(&sample_ring, MAIL_LOGIN, DEVICE + 1, text, SAMPLE_NOW) && !good(text, SAMPLE_NOW),
       "or where it is moved to another device");
    account.codes[MAIL_LOGIN].device = DEVICE;
    ok(good(text, SAMPLE_NOW), "moved back it is good");
    (void)snprintf(account.name, sizeof(account.name), "bob");
    ok(!good(text, SAMPLE_NOW), "but not in another account");
    start();
    ok(make(MAIL_RECOVERY, 0, SAMPLE_NOW) &&
           fits(&sample_ring, MAIL_RECOVERY, 0, text, SAMPLE_NOW) && !good(text, SAMPLE_NOW) &&
           !fits(&sample_ring, MAIL_LOGIN, 0, text, SAMPLE_NOW),
       "one to recover is none for a login");
    start();
    ok(make(MAIL_LOGIN, DEVICE, SAMPLE_NOW), "a code");
    code_parse(text, &code);
    code.form = CODE_TOKEN;
    bool match = true;
    ok(mailcode_match(&account, MAIL_LOGIN, DEVICE, &code, &sample_ring, SAMPLE_NOW, &match) == 0 &&
           !match,
       "what has the form of a backup token is none");
}

static void test_keys(void)
{
    struct seal_ring rotated = {.count = 2, .keys = {{.id = "k2", .bytes = {9}}}};
    const struct seal_ring other = {.count = 1, .keys = {{.id = "k2", .bytes = {9}}}};
    const struct seal_ring forged = {.count = 1, .keys = {{.id = "k1", .bytes = {9}}}};
    const struct seal_ring none = {0};
    struct code code CLEANUP(code_clear) = {0};
    bool match = true;

    rotated.keys[1] = sample_ring.keys[0];
    start();
    ok(make(MAIL_LOGIN, DEVICE, SAMPLE_NOW) && fits(&rotated, MAIL_LOGIN, DEVICE, text, SAMPLE_NOW),
       "a newer key does not make a code bad");
    code_parse(text, &code);
    ok(mailcode_match(&account, MAIL_LOGIN, DEVICE, &code, &other, SAMPLE_NOW, &match) == 0 &&
           !match,
       "without the key it was made with it is wrong");
    match = true;
    ok(mailcode_match(&account, MAIL_LOGIN, DEVICE, &code, &other, SAMPLE_NOW + LIFETIME, &match) ==
               0 &&
           !match,
       "nor need it be when it is not good any more");
    ok(!fits(&forged, MAIL_LOGIN, DEVICE, text, SAMPLE_NOW),
       "another key of that name fits nothing");
    ok(mailcode_new(&rules, &rotated, MAIL_LOGIN, DEVICE, SAMPLE_NOW, &account, text) == 0 &&
           strcmp(account.codes[MAIL_LOGIN].key_id, "k2") == 0 &&
           fits(&rotated, MAIL_LOGIN, DEVICE, text, SAMPLE_NOW),
       "new ones are made with the newest");
    const struct account before = account;
    ok(mailcode_new(&rules, &none, MAIL_LOGIN, DEVICE, SAMPLE_NOW, &account, text) ==
               ERR_KEY_UNKNOWN &&
           memcmp(&before, &account, sizeof(account)) == 0,
       "without any key none is made, and what there was stays");
}

/* Each byte of the generator in turn fails. */
static void test_random(void)
{
    start();
    bool made = make(MAIL_LOGIN, DEVICE, SAMPLE_NOW);
    char kept[MAILCODE_SIZE];
    memcpy(kept, text, sizeof(kept));
    const struct account before = account;

    for (int i = 0; i < ACCOUNT_MAIL_DIGITS; i++) {
        static const uint8_t bytes[ACCOUNT_MAIL_DIGITS] = {1, 2, 3, 4, 5, 6, 7, 8};
        memset(text, 'x', sizeof(text));
        served = bytes;
        served_count = sizeof(bytes);
        broken_after = i;
        int r = mailcode_new(&rules, &sample_ring, MAIL_LOGIN, DEVICE, SAMPLE_NOW + INTERVAL,
                             &account, text);
        broken_after = -1;
        served_count = 0;
        ok(made && r == ERR_RANDOM && memcmp(&before, &account, sizeof(account)) == 0 &&
               is_wiped((const uint8_t *)text, sizeof(text)) && good(kept, SAMPLE_NOW + INTERVAL),
           "where the generator fails after %d bytes nothing changes, and none is shown", i);
    }
}

/* Whether one is live must not show in what a guess costs. */
static void test_work(void)
{
    static const char *const names[] = {"live",    "never sent",       "expired",
                                        "used up", "another device's", "from the future"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct code code CLEANUP(code_clear) = {0};
        bool match = false;
        start();
        bool made = i == 1 || make(MAIL_LOGIN, i == 4 ? DEVICE + 1 : DEVICE, SAMPLE_NOW);
        if (i == 3)
            account.codes[MAIL_LOGIN].tries = 0;
        code_parse("12345678", &code);
        digests = 0;
        int r = mailcode_match(&account, MAIL_LOGIN, DEVICE, &code, &sample_ring,
                               SAMPLE_NOW + (i == 2   ? LIFETIME
                                             : i == 5 ? -1
                                                      : 0),
                               &match);
        ok(made && r == 0 && digests == 1, "one digest is made of a guess at a code: %s", names[i]);
    }
}

int main(void)
{
    test_new();
    test_digits();
    test_spread();
    test_life();
    test_clock();
    test_tries();
    test_misses_elsewhere();
    test_use();
    test_binding();
    test_keys();
    test_random();
    test_work();
    account_clear(&account);
    return tap_done();
}
