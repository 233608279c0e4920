/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "err.h"
#include "secret.h"
#include "tap.h"

#include <string.h>

static bool all_zero(const void *memory, size_t size)
{
    const uint8_t *bytes = memory;
    uint8_t sum = 0;

    for (size_t i = 0; i < size; i++)
        sum |= bytes[i];
    return sum == 0;
}

static void test_wipe(void)
{
    struct secret secret = {.bytes = {1, 2, 3}, .length = 3};
    struct answer answer = {.text = "hello", .length = 5};
    uint8_t bytes[8] = {9, 9, 9, 9, 9, 9, 9, 9};

    secret_wipe(NULL, 0);
    secret_wipe(bytes, 4);
    ok(all_zero(bytes, 4) && bytes[4] == 9, "secret_wipe wipes what it is told, and no more");
    secret_clear(&secret);
    ok(all_zero(&secret, sizeof(secret)), "secret_clear leaves nothing");
    secret_clear(&secret);
    answer_clear(&answer);
    ok(all_zero(&answer, sizeof(answer)), "answer_clear leaves nothing");
}

static void test_answer(void)
{
    struct answer answer = {0};
    char text[ANSWER_SIZE + 1];

    ok(answer_set(&answer, "secret") == 0 && answer.length == 6 &&
           strcmp(answer.text, "secret") == 0,
       "an answer is copied");
    ok(answer_set(&answer, "abc") == 0 && all_zero(answer.text + 3, sizeof(answer.text) - 3),
       "a shorter one leaves nothing of the longer");
    memset(text, 'x', sizeof(text));
    text[ANSWER_SIZE - 1] = '\0';
    ok(answer_set(&answer, text) == 0 && answer.length == 512, "512 bytes fit");
    text[ANSWER_SIZE - 1] = 'x';
    text[ANSWER_SIZE] = '\0';
    ok(answer_set(&answer, text) == ERR_TOO_LONG && all_zero(&answer, sizeof(answer)),
       "513 do not, and leave it empty");
    ok(answer_set_bytes(&answer, "abcdef", 3) == 0 && strcmp(answer.text, "abc") == 0,
       "bytes are terminated");
    ok(answer_set_bytes(&answer, NULL, 0) == 0 && answer.length == 0, "no bytes are an answer");
    ok(answer_set_bytes(&answer, text, SIZE_MAX) == ERR_TOO_LONG, "a huge length is refused");
}

static void test_equal(void)
{
    uint8_t a[32] = {0}, b[32] = {0};
    unsigned missed = 0;

    ok(secret_equal(a, b, sizeof(a)), "equal values are equal");
    for (size_t bit = 0; bit < 8 * sizeof(a); bit++) {
        b[bit / 8] ^= (uint8_t)(1U << bit % 8);
        missed += secret_equal(a, b, sizeof(a));
        b[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    ok(missed == 0, "every flipped bit is seen");
    missed = secret_equal_bit(0, 0) != 1 || secret_equal_bit(UINT32_MAX, UINT32_MAX) != 1;
    for (unsigned bit = 0; bit < 32; bit++)
        missed += secret_equal_bit(999999, 999999 ^ (UINT32_C(1) << bit));
    ok(missed == 0, "in numbers too");
    b[31] = 1;
    ok(secret_equal(a, b, 31), "what lies behind the size does not matter");
}

static void test_random(void)
{
    uint8_t a[300] = {0}, b[300] = {0}; /* more than getrandom promises to fill in one call */
    uint8_t seen = 0;

    ok(secret_random(a, sizeof(a)) == 0 && secret_random(b, sizeof(b)) == 0, "random bytes come");
    ok(memcmp(a, b, sizeof(a)) != 0, "and differ");
    for (size_t i = 256; i < sizeof(a); i++)
        seen |= a[i];
    ok(seen != 0, "to the end");
    ok(secret_random(NULL, 0) == 0, "none are easy");
}

int main(void)
{
    test_wipe();
    test_answer();
    test_equal();
    test_random();
    return tap_done();
}
