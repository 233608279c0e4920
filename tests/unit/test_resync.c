/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "otp.h"
#include "policy.h"
#include "resync.h"
#include "tap.h"

#include <stdio.h>
#include <string.h>

#define NOW INT64_C(1700000000)

static const struct rules rules = {.window = 1,
                                   .look_ahead = 3,
                                   .max_drift = 2,
                                   .max_failures = 1000,
                                   .failure_limit = 2000,
                                   .lock_time = 60,
                                   .lock_time_max = 3600};

static const struct seal_ring ring = {.count = 1, .keys = {{.id = "k1", .bytes = {1}}}};

/* RFC 4226 appendix D, RFC 6238 appendix B: 20, 32 and 64 bytes. */
static struct device make_device(enum device_type type, enum otp_algorithm algorithm,
                                 unsigned digits, unsigned period)
{
    static const size_t lengths[] = {20, 32, 64};
    struct device device = {.id = 7,
                            .label = "phone",
                            .type = type,
                            .state = DEVICE_ACTIVE,
                            .algorithm = algorithm,
                            .digits = digits,
                            .period = type == DEVICE_TOTP ? period : 0,
                            .last_step = ACCOUNT_NEVER,
                            .last_used = ACCOUNT_NEVER};

    device.secret.length = lengths[algorithm];
    for (size_t i = 0; i < device.secret.length; i++)
        device.secret.bytes[i] = (uint8_t)("1234567890"[i % 10]);
    return device;
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

/* The codes of second - 1 and second. */
static enum resync_result resync(struct device *device, int64_t second, int64_t now)
{
    enum resync_result result = RESYNC_MALFORMED;
    const char *one = code_at(device, second - 1), *two = code_at(device, second);

    return resync_device(one, two, now, device, &result) == 0 ? result : RESYNC_MALFORMED;
}

static bool is_unchanged(const struct device *before, const struct device *after)
{
    return memcmp(before, after, sizeof(*before)) == 0;
}

static void test_published(void)
{
    struct device hotp = make_device(DEVICE_HOTP, OTP_SHA1, 6, 0);
    struct device totp = make_device(DEVICE_TOTP, OTP_SHA1, 8, 30);
    enum resync_result result = RESYNC_NOT_FOUND;

    ok(resync_device("399 871", "520-489", NOW, &hotp, &result) == 0 && result == RESYNC_FOUND &&
           hotp.counter == 10 && hotp.last_used == NOW && hotp.last_step == ACCOUNT_NEVER &&
           hotp.offset == 0,
       "counters 8 and 9 of RFC 4226");
    ok(resync_device("07081804", "14050471", 1111111111 + 7200, &totp, &result) == 0 &&
           result == RESYNC_FOUND && totp.last_step == 37037037 && totp.offset == -240 &&
           totp.last_used == 1111111111 + 7200 && totp.counter == 0,
       "1111111109 and 1111111111 of RFC 6238, two hours later");
}

/* How far off a clock may be, for each kind of device: a day exactly, both codes within it. */
static void test_reach(void)
{
    static const struct {
        unsigned period, digits;
        enum otp_algorithm algorithm;
    } kinds[] = {{15, 6, OTP_SHA1},   {30, 6, OTP_SHA256}, {30, 7, OTP_SHA1},   {60, 8, OTP_SHA512},
                 {77, 7, OTP_SHA256}, {300, 6, OTP_SHA1},  {300, 8, OTP_SHA512}};

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        const struct device fresh =
            make_device(DEVICE_TOTP, kinds[i].algorithm, kinds[i].digits, kinds[i].period);
        const int64_t day = 86400 / kinds[i].period, step = NOW / kinds[i].period;
        const int64_t offsets[] = {-day - 1, -day, -day + 1, -256, -255, -1,     0,
                                   1,        2,    255,      256,  day,  day + 1};
        int64_t wrong = INT64_MAX;
        for (size_t j = 0; j < ARRAY_SIZE(offsets); j++) {
            struct device device = fresh;
            bool inside = offsets[j] > -day && offsets[j] <= day;
            enum resync_result result = resync(&device, step + offsets[j], NOW);
            bool moved = device.offset == offsets[j] && device.last_used == NOW &&
                         device.last_step == step + offsets[j] && device.drift == 0;
            if (inside ? result != RESYNC_FOUND || !moved
                       : result != RESYNC_NOT_FOUND || !is_unchanged(&fresh, &device))
                wrong = offsets[j];
        }
        ok(wrong == INT64_MAX, "%s, %u digits, %u seconds: a day and not a step more",
           otp_algorithm_name(fresh.algorithm), fresh.digits, fresh.period);
    }
}

/* What was learned or ruled before does not move the search, and is replaced. */
static void test_from_now(void)
{
    struct device device = make_device(DEVICE_TOTP, OTP_SHA1, 6, 15);
    const int64_t step = NOW / 15, day = 5760;

    device.offset = day;
    device.drift = 2 * ACCOUNT_DRIFT_SCALE;
    struct device copy = device;
    ok(resync(&device, step + day + 1, NOW) == RESYNC_NOT_FOUND && is_unchanged(&copy, &device),
       "a day is counted from now, not from the offset known before");
    ok(resync(&device, step - day + 1, NOW) == RESYNC_FOUND && device.offset == -day + 1 &&
           device.drift == 0,
       "nor is the other side cut");
}

static void test_counters(void)
{
    static const struct {
        const char *name;
        int64_t counter, second;
        enum resync_result result;
    } rows[] = {
        {"the very next two", 0, 1, RESYNC_FOUND},
        {"the next two", 50, 51, RESYNC_FOUND},
        {"1000 ahead", 50, 1050, RESYNC_FOUND},
        {"1001 ahead", 50, 1051, RESYNC_NOT_FOUND},
        {"the end of a row", 50, 50 - 20 + 255, RESYNC_FOUND},
        {"over the edge of a row", 50, 50 - 20 + 256, RESYNC_FOUND},
        {"the first of them used", 50, 50, RESYNC_REPLAYED},
        {"both used", 50, 49, RESYNC_REPLAYED},
        {"both used, long ago", 50, 31, RESYNC_REPLAYED},
        {"longer than looked at", 50, 30, RESYNC_NOT_FOUND},
        {"the first counter, used", 1, 1, RESYNC_REPLAYED},
        {"the last counters", OTP_COUNTER_MAX - 5, OTP_COUNTER_MAX - 1, RESYNC_FOUND},
        {"beyond them", OTP_COUNTER_MAX - 5, OTP_COUNTER_MAX, RESYNC_NOT_FOUND},
        {"no counter left", OTP_COUNTER_MAX, OTP_COUNTER_MAX + 1, RESYNC_NOT_FOUND},
        {"no counter left, used", OTP_COUNTER_MAX, OTP_COUNTER_MAX - 1, RESYNC_REPLAYED},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct device device =
            make_device(DEVICE_HOTP, (enum otp_algorithm)(i % 3), (unsigned)(6 + i % 3), 0);
        device.counter = rows[i].counter;
        struct device expected = device;
        if (rows[i].result == RESYNC_FOUND) {
            expected.counter = rows[i].second + 1;
            expected.last_used = NOW;
        }
        ok(resync(&device, rows[i].second, NOW) == rows[i].result &&
               is_unchanged(&expected, &device) && device.counter <= OTP_COUNTER_MAX,
           "%s", rows[i].name);
    }
}

static void test_once(void)
{
    static const struct {
        const char *name;
        int64_t last, second; /* from now on */
        enum resync_result result;
    } rows[] = {
        {"the two after the last", 10, 12, RESYNC_FOUND},
        {"the last and the next", 10, 11, RESYNC_REPLAYED},
        {"the last two", 10, 10, RESYNC_REPLAYED},
        {"two before the last", 10, 3, RESYNC_REPLAYED},
        {"two long before the last", 2000, -2000, RESYNC_REPLAYED},
        {"after a last one long ago", -2000, -1000, RESYNC_FOUND},
        {"a last one of the future", INT64_C(1) << 35, 5, RESYNC_REPLAYED},
    };
    const int64_t step = NOW / 30;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct device device = make_device(DEVICE_TOTP, OTP_SHA1, 6, 30);
        device.last_step = step + rows[i].last;
        device.offset = -3;
        device.drift = 17;
        struct device copy = device;
        ok(resync(&device, step + rows[i].second, NOW) == rows[i].result &&
               (rows[i].result == RESYNC_FOUND ? device.last_step == step + rows[i].second
                                               : is_unchanged(&copy, &device)),
           "%s", rows[i].name);
    }
    struct device device = make_device(DEVICE_TOTP, OTP_SHA1, 6, 30);
    ok(resync(&device, step + 100, NOW) == RESYNC_FOUND &&
           resync(&device, step + 100, NOW) == RESYNC_REPLAYED &&
           resync(&device, step + 101, NOW) == RESYNC_REPLAYED &&
           resync(&device, step + 50, NOW) == RESYNC_REPLAYED && device.last_step == step + 100 &&
           device.offset == 100,
       "neither again, nor one of them, nor back");
    ok(resync(&device, step + 102, NOW) == RESYNC_FOUND && device.offset == 102, "but on");
}

/* Counters 910737 and 910738 have one code; time steps 1300575 and 1300576 as well. */
static void test_twice(void)
{
    struct device hotp = make_device(DEVICE_HOTP, OTP_SHA1, 6, 0);
    struct device totp = make_device(DEVICE_TOTP, OTP_SHA1, 6, 30);
    enum resync_result result = RESYNC_NOT_FOUND;

    hotp.counter = 910400;
    ok(resync_device("911617", "911617", NOW, &hotp, &result) == 0 && result == RESYNC_FOUND &&
           hotp.counter == 910739,
       "one code twice in a row, by counter");
    ok(resync_device("761737", "761737", INT64_C(1300000) * 30, &totp, &result) == 0 &&
           result == RESYNC_FOUND && totp.last_step == 1300576,
       "and by time");
    ok(resync_device("755224", "755224", NOW, &totp, &result) == 0 && result == RESYNC_NOT_FOUND,
       "typed twice, it is not shown twice");
}

/* Steps 175808837 and 175808838 show what 1566 steps later is shown again. */
static void test_nearest(void)
{
    static const struct {
        int64_t now, last, at; /* from the first of the two on */
    } rows[] = {
        {-100, -2000, 0},   {0, -2000, 0},       {782, -2000, 0}, {783, -2000, 1566},
        {784, -2000, 1566}, {1600, -2000, 1566}, {700, 0, -1}, /* the nearest is used: the other is
                                                                  not taken in its place */
        {800, 0, 1566},
    };
    const int64_t first = 175808838;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct device device = make_device(DEVICE_TOTP, OTP_SHA1, 6, 15);
        enum resync_result result = RESYNC_NOT_FOUND;
        device.last_step = first + rows[i].last;
        struct device copy = device;
        ok(resync_device("809718", "113761", (first + rows[i].now) * 15, &device, &result) == 0 &&
               (rows[i].at < 0 ? result == RESYNC_REPLAYED && is_unchanged(&copy, &device)
                               : result == RESYNC_FOUND && device.last_step == first + rows[i].at),
           "of two such pairs the nearest, or the later: %lld", (long long)rows[i].now);
    }
}

static void test_malformed(void)
{
    static const char *const wrong[] = {NULL,
                                        "",
                                        " - ",
                                        "12345",
                                        "1234567",
                                        "12345678",
                                        "1234567890",
                                        "12345a",
                                        "abcdef",
                                        "123456\n",
                                        "acdefhjkmnpq",
                                        "acde-fhjk-mnpq",
                                        "\b\n\r\177INCORRECT"};
    const struct device fresh = make_device(DEVICE_TOTP, OTP_SHA1, 6, 30);
    const int64_t step = NOW / 30;

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct device device = fresh;
        enum resync_result one = RESYNC_FOUND, two = RESYNC_FOUND;
        ok(resync_device(wrong[i], code_at(&fresh, step), NOW, &device, &one) == 0 &&
               resync_device(code_at(&fresh, step), wrong[i], NOW, &device, &two) == 0 &&
               one == RESYNC_MALFORMED && two == RESYNC_MALFORMED && is_unchanged(&fresh, &device),
           "no code of six digits, %zu", i);
    }
    struct device device = fresh;
    enum resync_result result = RESYNC_FOUND;
    ok(resync_device(code_at(&fresh, step), code_at(&fresh, step - 1), NOW, &device, &result) ==
               0 &&
           result == RESYNC_NOT_FOUND && is_unchanged(&fresh, &device),
       "in the wrong order");
    ok(resync_device(code_at(&fresh, step - 1), code_at(&fresh, step + 1), NOW, &device, &result) ==
               0 &&
           result == RESYNC_NOT_FOUND && is_unchanged(&fresh, &device),
       "with one left out");
}

static void test_clocks(void)
{
    static const int64_t none[] = {-1, -86400, INT64_MIN, ACCOUNT_LOCKED_FOR_EVER + 1, INT64_MAX};
    const struct device fresh = make_device(DEVICE_TOTP, OTP_SHA1, 6, 30);
    const struct device hotp = make_device(DEVICE_HOTP, OTP_SHA1, 6, 0);
    struct device device = fresh;

    for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
        enum resync_result result = RESYNC_REPLAYED;
        struct device counter = hotp;
        ok(resync_device("755224", "287082", none[i], &device, &result) == ERR_CLOCK &&
               resync_device("755224", "287082", none[i], &counter, &result) == ERR_CLOCK &&
               result == RESYNC_REPLAYED && is_unchanged(&fresh, &device) &&
               is_unchanged(&hotp, &counter),
           "no clock: %lld", (long long)none[i]);
    }
    ok(resync(&device, 1, 0) == RESYNC_FOUND && device.offset == 1 && device.last_step == 1,
       "the first two steps there were, at the beginning of time");
    device = fresh;
    ok(resync(&device, 1, 3600) == RESYNC_FOUND && device.offset == -119 && device.last_step == 1,
       "and an hour later");
    device = fresh;
    ok(resync(&device, 2881, 0) == RESYNC_NOT_FOUND && resync(&device, 2880, 0) == RESYNC_FOUND,
       "a day ahead of it");
    device = fresh;
    const int64_t end = ACCOUNT_LOCKED_FOR_EVER / 30;
    ok(resync(&device, end, ACCOUNT_LOCKED_FOR_EVER) == RESYNC_FOUND && device.last_step == end,
       "the last step there will be");
    device.secret.length = 0;
    struct device copy = device;
    enum resync_result result = RESYNC_REPLAYED;
    ok(resync_device("755224", "287082", NOW, &device, &result) == ERR_INVALID &&
           result == RESYNC_REPLAYED && is_unchanged(&copy, &device),
       "a device without a secret");
}

static enum verdict decide(struct account *account, int64_t now, const char *code)
{
    struct account after CLEANUP(account_clear) = {0};
    struct outcome result = {0};
    const struct policy_attempt attempt = {
        .now = now, .code = code, .password = PASSWORD_NOT_ASKED, .ring = &ring};

    if (policy_decide(&rules, account, &attempt, &after, &result) != 0)
        return VERDICTS;
    *account = after;
    return result.verdict;
}

/* The login after it: what the device shows next is right, what it has shown is not. */
static void test_login(enum device_type type, unsigned period, int64_t offset)
{
    struct account account CLEANUP(account_clear) = {0};
    struct device *device = &account.devices[0];

    account_init(&account, "alice");
    account.device_count = 1;
    *device = make_device(type, OTP_SHA1, 6, period);
    device->counter = 10;
    const int64_t seconds = period > 0 ? period : 30;
    const int64_t shown = type == DEVICE_TOTP ? NOW / seconds + offset : offset;
    ok(decide(&account, NOW, code_at(device, shown)) == VERDICT_WRONG &&
           resync(device, shown, NOW) == RESYNC_FOUND,
       "%s of %u seconds, off by %lld, is lost and found", device_type_name(type), period,
       (long long)offset);
    ok(decide(&account, NOW + 1, code_at(device, shown)) == VERDICT_REPLAYED &&
           decide(&account, NOW + 1, code_at(device, shown - 1)) != VERDICT_ACCEPTED,
       "both codes are used up");
    struct account copy CLEANUP(account_clear) = account;
    ok(decide(&copy, NOW + 1, code_at(device, shown + 1)) == VERDICT_ACCEPTED,
       "the next one is within the window");
    copy = account;
    ok(decide(&copy, NOW + 2 * seconds, code_at(device, shown + 2)) == VERDICT_ACCEPTED &&
           copy.devices[0].drift == 0 && copy.devices[0].offset == device->offset,
       "the one after it as well, later, and nothing more is learned from it");
    if (type == DEVICE_TOTP)
        ok(decide(&account, NOW, code_at(device, NOW / seconds)) != VERDICT_ACCEPTED &&
               decide(&account, NOW, code_at(device, shown + 2)) == VERDICT_WRONG,
           "a clock that is right is not, now, nor is one beyond the window");
}

static void test_logins(void)
{
    static const unsigned periods[] = {15, 30, 300};

    for (size_t i = 0; i < ARRAY_SIZE(periods); i++) {
        const int64_t day = 86400 / periods[i];
        const int64_t offsets[] = {day, 40, -40, -day + 1};
        for (size_t j = 0; j < ARRAY_SIZE(offsets); j++)
            test_login(DEVICE_TOTP, periods[i], offsets[j]);
    }
    test_login(DEVICE_HOTP, 0, 600);
}

int main(void)
{
    test_published();
    test_reach();
    test_from_now();
    test_counters();
    test_once();
    test_twice();
    test_nearest();
    test_malformed();
    test_clocks();
    test_logins();
    return tap_done();
}
