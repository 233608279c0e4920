/* SPDX-License-Identifier: BSD-2-Clause */
/* With the secret of RFC 4226 appendix D, whose codes were computed by another implementation. */
#include "config.h"

#include "otp.h"
#include "search.h"
#include "tap.h"

#include <string.h>

#define LENGTH INT64_C(800) /* some rows of 256 codes */

static struct device make_device(void)
{
    struct device device = {.type = DEVICE_HOTP, .algorithm = OTP_SHA1, .digits = 6};

    memcpy(device.secret.bytes, "12345678901234567890", 20);
    device.secret.length = 20;
    return device;
}

static uint32_t code_at(const struct device *device, int64_t factor)
{
    uint32_t code = UINT32_MAX;

    return otp_codes(&device->secret, device->algorithm, device->digits, (uint64_t)factor, 1,
                     &code) == 0
               ? code
               : UINT32_MAX;
}

/* Where the code or pair that ends at factor is found among first to last; -2 on an error. */
static int64_t find(size_t count, int64_t factor, int64_t first, int64_t last, int64_t near)
{
    const struct device device = make_device();
    const struct search search = {.first = first, .last = last, .near = near};
    uint32_t codes[SEARCH_CODES_MAX] = {0};
    int64_t at = -3;

    for (size_t i = 0; i < count; i++)
        codes[i] = code_at(&device, factor - (int64_t)(count - 1 - i));
    return search_codes(&device, codes, count, &search, &at) == 0 ? at : -2;
}

static void test_known(void)
{
    const struct device device = make_device();
    const uint32_t pair[] = {399871, 520489}, swapped[] = {520489, 399871},
                   apart[] = {162583, 520489};
    const struct search search = {.first = 0, .last = 1000, .near = 0};
    int64_t at = 0;

    ok(search_codes(&device, pair, 1, &search, &at) == 0 && at == 8, "one code, counter 8");
    ok(search_codes(&device, pair, 2, &search, &at) == 0 && at == 9, "two, counters 8 and 9");
    ok(search_codes(&device, swapped, 2, &search, &at) == 0 && at == SEARCH_NOWHERE,
       "not the other way round");
    ok(search_codes(&device, apart, 2, &search, &at) == 0 && at == SEARCH_NOWHERE,
       "nor with one between them");
}

/* Each place there is, so that one lies on each edge of a row. */
static void test_everywhere(void)
{
    int64_t missed[SEARCH_CODES_MAX + 1] = {0};

    for (size_t count = 1; count <= SEARCH_CODES_MAX; count++)
        for (int64_t factor = 50000 + (int64_t)count - 1; factor < 50000 + LENGTH; factor++)
            if (find(count, factor, 50000, 50000 + LENGTH - 1, factor) != factor)
                missed[count] = factor;
    ok(missed[1] == 0, "a code at each place of %lld", (long long)LENGTH);
    ok(missed[2] == 0, "a pair at each place of %lld", (long long)LENGTH);
}

static void test_ends(void)
{
    static const struct {
        const char *name;
        size_t count;
        int64_t factor, first, last, at;
    } rows[] = {
        {"the first", 1, 100, 100, 400, 100},
        {"before the first", 1, 99, 100, 400, SEARCH_NOWHERE},
        {"the last", 1, 400, 100, 400, 400},
        {"after the last", 1, 401, 100, 400, SEARCH_NOWHERE},
        {"the first pair", 2, 101, 100, 400, 101},
        {"half before the first", 2, 100, 100, 400, SEARCH_NOWHERE},
        {"the last pair", 2, 400, 100, 400, 400},
        {"half after the last", 2, 401, 100, 400, SEARCH_NOWHERE},
        {"a range of one", 1, 100, 100, 100, 100},
        {"a pair in a range of one", 2, 100, 100, 100, SEARCH_NOWHERE},
        {"a pair in a range of two", 2, 101, 100, 101, 101},
        {"an empty range", 1, 100, 100, 99, SEARCH_NOWHERE},
        {"a pair that ends a whole row", 2, 255, 0, 255, 255},
        {"a pair over its end", 2, 256, 0, 256, 256},
        {"the greatest counters", 2, OTP_COUNTER_MAX, OTP_COUNTER_MAX - 700, OTP_COUNTER_MAX,
         OTP_COUNTER_MAX},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        ok(find(rows[i].count, rows[i].factor, rows[i].first, rows[i].last, rows[i].first) ==
               rows[i].at,
           "%s", rows[i].name);
}

/* Counters 2386 and 2394 have one code, as have 558 and 2790, and 910737 and 910738. */
static void test_nearest(void)
{
    static const struct {
        uint32_t code;
        int64_t near, at;
    } rows[] = {
        {709847, 0, 2386},    {709847, 2386, 2386}, {709847, 2389, 2386}, {709847, 2390, 2394},
        {709847, 2391, 2394}, {709847, 5000, 2394}, {338397, 558, 558},   {338397, 1673, 558},
        {338397, 1674, 2790}, {338397, 1675, 2790},
    };
    const struct device device = make_device();
    const uint32_t twice[] = {911617, 911617};
    struct search search = {.first = 0, .last = 5000};
    int64_t at = 0;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        search.near = rows[i].near;
        ok(search_codes(&device, &rows[i].code, 1, &search, &at) == 0 && at == rows[i].at,
           "of two the one nearest to %lld, or the later", (long long)rows[i].near);
    }
    search = (struct search){.first = 910500, .last = 911000, .near = 910700};
    ok(search_codes(&device, twice, 2, &search, &at) == 0 && at == 910738,
       "a code that is shown twice in a row");
    ok(search_codes(&device, twice, 1, &search, &at) == 0 && at == 910737, "the nearer of them");
}

static void test_refusals(void)
{
    struct device device = make_device();
    const struct search search = {.first = 0, .last = 9, .near = 0};
    const uint32_t codes[SEARCH_CODES_MAX + 1] = {755224, 287082, 359152};
    int64_t at = 77;

    ok(search_codes(&device, codes, 0, &search, &at) == ERR_INVALID && at == 77, "no codes");
    ok(search_codes(&device, codes, SEARCH_CODES_MAX + 1, &search, &at) == ERR_INVALID && at == 77,
       "too many");
    device.secret.length = 0;
    ok(search_codes(&device, codes, 1, &search, &at) == ERR_INVALID && at == 77, "no secret");
}

int main(void)
{
    test_known();
    test_everywhere();
    test_ends();
    test_nearest();
    test_refusals();
    return tap_done();
}
