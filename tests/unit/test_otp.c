/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "otp.h"
#include "tap.h"

#include <string.h>

#define DIGITS_8 100000000u

static struct secret secret_of(const char *text, size_t length)
{
    struct secret secret = {.length = length};

    for (size_t i = 0; i < length; i++)
        secret.bytes[i] = (uint8_t)text[i % strlen(text)];
    return secret;
}

/* RFC 4226 appendix D. */
static void test_hotp(void)
{
    static const uint32_t expected[] = {755224, 287082, 359152, 969429, 338314,
                                        254676, 287922, 162583, 399871, 520489};
    const struct secret secret = secret_of("1234567890", 20);
    uint32_t codes[ARRAY_SIZE(expected)] = {0}, one = 0;

    ok(otp_codes(&secret, OTP_SHA1, 6, 0, ARRAY_SIZE(expected), codes) == 0, "RFC 4226 codes");
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        ok(codes[i] == expected[i], "RFC 4226 counter %zu", i);
        ok(otp_codes(&secret, OTP_SHA1, 6, i, 1, &one) == 0 && one == expected[i],
           "RFC 4226 counter %zu alone", i);
    }
}

/* RFC 6238 appendix B: secrets of 20, 32 and 64 bytes (its erratum 2866). */
static void test_totp(void)
{
    static const struct {
        int64_t time;
        uint32_t expected[3];
    } rows[] = {
        {59, {94287082, 46119246, 90693936}},         {1111111109, {7081804, 68084774, 25091201}},
        {1111111111, {14050471, 67062674, 99943326}}, {1234567890, {89005924, 91819424, 93441116}},
        {2000000000, {69279037, 90698825, 38618901}}, {20000000000, {65353130, 77737706, 47863826}},
    };
    static const size_t lengths[] = {20, 32, 64};

    for (size_t row = 0; row < ARRAY_SIZE(rows); row++) {
        for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
            const struct secret secret = secret_of("1234567890", lengths[i]);
            const enum otp_algorithm algorithm = (enum otp_algorithm)i;
            uint64_t step = (uint64_t)otp_step(rows[row].time, 30);
            uint32_t code = 0;
            ok(otp_codes(&secret, algorithm, 8, step, 1, &code) == 0 &&
                   code == rows[row].expected[i],
               "RFC 6238 %s at %lld", otp_algorithm_name(algorithm), (long long)rows[row].time);
        }
    }
}

/* RFC 2202 and RFC 4231, case 1: the message "Hi There" is a moving factor too. */
static void test_hmac(void)
{
    static const uint32_t expected[] = {7489670, 98581423, 36445085};
    const struct secret secret = secret_of("\x0b", 20);

    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        uint32_t code = 0;
        ok(otp_codes(&secret, (enum otp_algorithm)i, 8, UINT64_C(0x4869205468657265), 1, &code) ==
                   0 &&
               code == expected[i],
           "the published HMAC with %s", otp_algorithm_name((enum otp_algorithm)i));
    }
}

static void test_digits(void)
{
    const struct secret secret = secret_of("another secret", 64);
    uint32_t six[50] = {0}, seven[50] = {0}, eight[50] = {0};
    bool same = true;

    ok(otp_codes(&secret, OTP_SHA512, 6, 1000, 50, six) == 0 &&
           otp_codes(&secret, OTP_SHA512, 7, 1000, 50, seven) == 0 &&
           otp_codes(&secret, OTP_SHA512, 8, 1000, 50, eight) == 0,
       "6, 7 and 8 digits");
    for (size_t i = 0; i < 50; i++)
        same = same && eight[i] < DIGITS_8 && seven[i] == eight[i] % 10000000 &&
               six[i] == seven[i] % 1000000;
    ok(same, "fewer digits are the last of more");
}

static void test_refusals(void)
{
    const struct secret good = secret_of("1234567890", 20), empty = {.length = 0};
    struct secret huge = good;
    huge.length = SECRET_BYTES_MAX + 1;
    const struct {
        const char *name;
        const struct secret *secret;
        unsigned algorithm, digits;
        uint64_t first;
    } rows[] = {
        {"an empty secret", &empty, OTP_SHA1, 6, 0},
        {"a secret that is too long", &huge, OTP_SHA1, 6, 0},
        {"an unknown algorithm", &good, OTP_SHA512 + 1, 6, 0},
        {"5 digits", &good, OTP_SHA1, 5, 0},
        {"9 digits", &good, OTP_SHA1, 9, 0},
        {"no digits", &good, OTP_SHA1, 0, 0},
        {"a range past the end", &good, OTP_SHA1, 6, UINT64_MAX},
    };
    uint32_t codes[2] = {0}, zero[2] = {0};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        memset(codes, 0xff, sizeof(codes));
        ok(otp_codes(rows[i].secret, (enum otp_algorithm)rows[i].algorithm, rows[i].digits,
                     rows[i].first, 2, codes) == ERR_INVALID &&
               memcmp(codes, zero, sizeof(zero)) == 0,
           "%s is refused and leaves no codes", rows[i].name);
    }
    ok(otp_codes(&good, OTP_SHA1, 6, UINT64_MAX - 1, 2, codes) == 0, "the last two counters");
    ok(otp_codes(&good, OTP_SHA1, 6, UINT64_MAX, 0, codes) == 0, "no codes at all");
}

static void test_step_and_format(void)
{
    static const struct {
        int64_t time;
        unsigned period;
        int64_t step;
    } steps[] = {{0, 30, 0},  {29, 30, 0},   {30, 30, 1},
                 {59, 60, 0}, {300, 15, 20}, {253402300799, 15, 16893486719}};
    static const struct {
        uint32_t code;
        unsigned digits;
        const char *text;
    } formats[] = {{0, 6, "000000"},  {42, 6, "000042"},        {999999, 6, "999999"},
                   {7, 7, "0000007"}, {7081804, 8, "07081804"}, {99999999, 8, "99999999"}};
    char text[OTP_DIGITS_MAX + 1] = "";

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
        ok(otp_step(steps[i].time, steps[i].period) == steps[i].step, "step %lld",
           (long long)steps[i].step);
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        otp_format(formats[i].code, formats[i].digits, text);
        ok(strcmp(text, formats[i].text) == 0, "%s with its leading zeros", formats[i].text);
    }
}

int main(void)
{
    test_hotp();
    test_totp();
    test_hmac();
    test_digits();
    test_refusals();
    test_step_and_format();
    return tap_done();
}
