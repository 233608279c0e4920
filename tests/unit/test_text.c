/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "err.h"
#include "tap.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void test_copy(void)
{
    char out[4] = "zzz";

    ok(text_copy(out, sizeof(out), "abc") == 0 && strcmp(out, "abc") == 0, "a text that fits");
    ok(text_copy(out, sizeof(out), "abcd") == ERR_TOO_LONG && out[0] == '\0', "one that does not");
    ok(text_copy(out, 0, "") == ERR_TOO_LONG, "nothing fits into nothing");
}

static void test_cut(void)
{
    static const struct {
        const char *text;
        size_t size;
        const char *cut;
    } rows[] = {
        {"abc", 4, "abc"},
        {"abcd", 4, "abc"},
        {NULL, 4, ""},
        {"", 1, ""},
        {"abc", 1, ""},
        {"a\xc3\xa4", 4, "a\xc3\xa4"},
        {"a\xc3\xa4", 3, "a"},
        {"a\xe2\x82\xac", 4, "a"},
        {"a\xe2\x82\xac", 3, "a"},
        {"\xf0\x9f\x98\x80x", 5, "\xf0\x9f\x98\x80"},
        {"\xf0\x9f\x98\x80x", 4, ""},
        {"\x80\x80\x80\x80\x80\x80", 5, "\x80\x80\x80\x80"}, /* no UTF-8: cut anywhere */
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char out[16] = "zzzzzzzzzzzzzzz";

        text_cut(out, rows[i].size, rows[i].text);
        ok(strcmp(out, rows[i].cut) == 0 && out[rows[i].size] == 'z', "cut %zu", i);
    }
}

static void test_numbers(void)
{
    static const struct {
        const char *text;
        uint64_t min, max, value;
        int result;
    } rows[] = {
        {"0", 0, 9, 0, 0},
        {"7", 0, 9, 7, 0},
        {"010", 0, 99, 10, 0},
        {"18446744073709551615", 0, UINT64_MAX, UINT64_MAX, 0},
        {"18446744073709551616", 0, UINT64_MAX, 0, ERR_RANGE},
        {"99999999999999999999999", 0, UINT64_MAX, 0, ERR_RANGE},
        {"5", 6, 9, 0, ERR_RANGE},
        {"10", 6, 9, 0, ERR_RANGE},
        {"", 0, 9, 0, ERR_INVALID},
        {" 1", 0, 9, 0, ERR_INVALID},
        {"1 ", 0, 9, 0, ERR_INVALID},
        {"+1", 0, 9, 0, ERR_INVALID},
        {"-1", 0, UINT64_MAX, 0, ERR_INVALID},
        {"1\n", 0, 9, 0, ERR_INVALID},
        {"0x1", 0, 9, 0, ERR_INVALID},
        {"1e1", 0, 99, 0, ERR_INVALID},
        {"1.0", 0, 9, 0, ERR_INVALID},
        {"\xd9\xa1", 0, 9, 0, ERR_INVALID}, /* an Arabic digit */
        {"99999999999999999999999x", 0, 9, 0, ERR_INVALID},
    };
    bool truth = false;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t value = 4711;
        int result = text_parse_uint(rows[i].text, rows[i].min, rows[i].max, &value);

        ok(result == rows[i].result && value == (result == 0 ? rows[i].value : 4711), "number '%s'",
           rows[i].text);
    }
    ok(text_parse_bool("yes", &truth) == 0 && truth, "yes");
    ok(text_parse_bool("no", &truth) == 0 && !truth, "no");
    ok(text_parse_bool("true", &truth) == ERR_INVALID && text_parse_bool("", &truth) != 0 &&
           text_parse_bool("Yes", &truth) != 0 && text_parse_bool("yes ", &truth) != 0 && !truth,
       "nothing else is yes or no");
}

static void test_durations(void)
{
    static const struct {
        const char *text;
        int64_t max, seconds;
        int result;
        const char *written;
    } rows[] = {
        {"0", 10, 0, 0, "0"},
        {"0d", 10, 0, 0, "0"},
        {"90", 100, 90, 0, "90s"},
        {"90s", 100, 90, 0, "90s"},
        {"60s", 100, 60, 0, "1m"},
        {"5m", 300, 300, 0, "5m"},
        {"90m", 10000, 5400, 0, "90m"},
        {"10h", 36000, 36000, 0, "10h"},
        {"24h", 86400, 86400, 0, "1d"},
        {"7d", 604800, 604800, 0, "7d"},
        {"2w", 1209600, 1209600, 0, "14d"},
        {"9223372036854775807", INT64_MAX, INT64_MAX, 0, "9223372036854775807s"},
        {"15250284452472w", INT64_MAX, 0, ERR_RANGE, NULL},
        {"9223372036854775808", INT64_MAX, 0, ERR_RANGE, NULL},
        {"99999999999999999999", INT64_MAX, 0, ERR_RANGE, NULL},
        {"6m", 300, 0, ERR_RANGE, NULL},
        {"1", -1, 0, ERR_RANGE, NULL},
        {"", 10, 0, ERR_INVALID, NULL},
        {"m", 10, 0, ERR_INVALID, NULL},
        {"-1s", 10, 0, ERR_INVALID, NULL},
        {" 1s", 10, 0, ERR_INVALID, NULL},
        {"1 s", 10, 0, ERR_INVALID, NULL},
        {"1S", 10, 0, ERR_INVALID, NULL},
        {"1min", 100, 0, ERR_INVALID, NULL},
        {"1m30s", 100, 0, ERR_INVALID, NULL},
        {"1.5h", 10000, 0, ERR_INVALID, NULL},
        {"1y", INT64_MAX, 0, ERR_INVALID, NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t seconds = 4711;
        int result = text_parse_duration(rows[i].text, rows[i].max, &seconds);
        char out[24] = "";

        ok(result == rows[i].result && seconds == (result == 0 ? rows[i].seconds : 4711),
           "duration '%s'", rows[i].text);
        if (rows[i].written == NULL)
            continue;
        text_format_duration(rows[i].seconds, out, sizeof(out));
        ok(strcmp(out, rows[i].written) == 0, "is written '%s'", out);
    }
}

static void test_times(void)
{
    static const struct {
        const char *text;
        int64_t time;
        int result;
    } rows[] = {
        {"1970-01-01", 0, 0},
        {"1970-01-01T00:00:01Z", 1, 0},
        {"2000-02-29", 951782400, 0},
        {"2024-02-29T23:59:59Z", 1709251199, 0},
        {"2038-01-19T03:14:08Z", 2147483648, 0},
        {"2026-01-31T12:00:00Z", 1769860800, 0},
        {"9999-12-31T23:59:59Z", 253402300799, 0},
        {"1969-12-31", 0, ERR_RANGE},
        {"1900-02-29", 0, ERR_RANGE},
        {"2100-02-29", 0, ERR_RANGE},
        {"2023-02-29", 0, ERR_RANGE},
        {"2024-04-31", 0, ERR_RANGE},
        {"2024-00-10", 0, ERR_RANGE},
        {"2024-13-10", 0, ERR_RANGE},
        {"2024-10-00", 0, ERR_RANGE},
        {"2024-10-10T24:00:00Z", 0, ERR_RANGE},
        {"2024-10-10T00:60:00Z", 0, ERR_RANGE},
        {"2024-10-10T00:00:60Z", 0, ERR_RANGE},
        {"", 0, ERR_INVALID},
        {"2024", 0, ERR_INVALID},
        {"2024-1-10", 0, ERR_INVALID},
        {"2024-10-10T00:00:00", 0, ERR_INVALID},
        {"2024-10-10 00:00:00Z", 0, ERR_INVALID},
        {"2024-10-10T00:00:00+01:00", 0, ERR_INVALID},
        {"2024-10-10x", 0, ERR_INVALID},
        {" 2024-10-10", 0, ERR_INVALID},
        {"-024-10-10", 0, ERR_INVALID},
    };
    char out[TEXT_TIME_SIZE];

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t time = 4711;
        int result = text_parse_time(rows[i].text, &time);

        ok(result == rows[i].result && time == (result == 0 ? rows[i].time : 4711), "time '%s'",
           rows[i].text);
    }
    text_format_time(-1, out);
    ok(strcmp(out, "1970-01-01T00:00:00Z") == 0, "a time before 1970 is clamped");
    text_format_time(INT64_MAX, out);
    ok(strcmp(out, "9999-12-31T23:59:59Z") == 0, "a time after 9999 is clamped");
}

/* Against libc's calendar, and back. */
static void test_calendar(void)
{
    unsigned wrong = 0;

    for (int64_t t = 0; t < 253402300800; t += 86400 * 97 + 12345) {
        time_t moment = (time_t)t;
        char ours[TEXT_TIME_SIZE], theirs[64];
        int64_t back = -1;
        struct tm tm;

        text_format_time(t, ours);
        strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&moment, &tm));
        wrong +=
            strcmp(ours, theirs) != 0 || text_parse_time(ours, &back) != 0 || back != (int64_t)t;
    }
    ok(wrong == 0, "the calendar is libc's from 1970 to 9999, both ways");
}

static void test_printable(void)
{
    static const struct {
        const char *text;
        bool printable;
        const char *escaped;
    } rows[] = {
        {"plain text ~!", true, "plain text ~!"},
        {"", true, ""},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", true, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"a\\b\"c", true, "a\\\\b\\\"c"},
        {"\t", false, "\\x09"},
        {"a\nb\r", false, "a\\x0ab\\x0d"},
        {"\x1b[31m", false, "\\x1b[31m"},
        {"\x7f", false, "\\x7f"},
        {"\xc2\x9b", false, "\\xc2\\x9b"},          /* C1: CSI */
        {"\xe2\x80\xa8", false, "\\xe2\\x80\\xa8"}, /* line separator */
        {"\xe2\x80\xa9", false, "\\xe2\\x80\\xa9"},
        {"\xe2\x80\xae", false, "\\xe2\\x80\\xae"}, /* right-to-left override */
        {"\xe2\x81\xa6", false, "\\xe2\\x81\\xa6"}, /* isolate */
        {"\xc0\xaf", false, "\\xc0\\xaf"},          /* overlong '/' */
        {"\xe0\x80\xaf", false, "\\xe0\\x80\\xaf"},
        {"\xf0\x80\x80\xaf", false, "\\xf0\\x80\\x80\\xaf"},
        {"\xed\xa0\x80", false, "\\xed\\xa0\\x80"},          /* surrogate */
        {"\xf4\x90\x80\x80", false, "\\xf4\\x90\\x80\\x80"}, /* beyond U+10FFFF */
        {"\xff", false, "\\xff"},
        {"\x80", false, "\\x80"},
        {"a\xe2\x82", false, "a\\xe2\\x82"}, /* cut off */
        {"\xe2(\xa1", false, "\\xe2(\\xa1"},
    };
    char out[8];

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char escaped[64];

        text_escape(escaped, sizeof(escaped), rows[i].text);
        ok(text_is_printable(rows[i].text, strlen(rows[i].text)) == rows[i].printable &&
               strcmp(escaped, rows[i].escaped) == 0,
           "printed %s", escaped);
    }
    ok(!text_is_printable("a\0b", 3), "a NUL byte is not printable");
    text_escape(out, sizeof(out), NULL);
    ok(out[0] == '\0', "no text is empty");
    text_escape(out, sizeof(out), "abcde\n");
    ok(strcmp(out, "abcde") == 0, "what does not fit whole is left out");
    text_escape(out, sizeof(out), "abcdef\xc3\xa4");
    ok(strcmp(out, "abcdef") == 0, "so is a character");
    text_escape(out, 1, "a");
    ok(out[0] == '\0', "one byte holds the terminator");
}

/* Whatever the bytes, what is printed is printable. */
static void test_hostile(void)
{
    unsigned wrong = 0, state = 1;

    for (int round = 0; round < 20000; round++) {
        char text[24], out[48];

        for (size_t i = 0; i < sizeof(text) - 1; i++) {
            state = state * 1103515245 + 12345;
            text[i] = (char)(1 + (state >> 16) % 255);
        }
        text[sizeof(text) - 1] = '\0';
        text_escape(out, sizeof(out), text);
        wrong += !text_is_printable(out, strlen(out));
        text_cut(out, 12, text);
        wrong += strlen(out) > 11 || strlen(out) < 8;
    }
    ok(wrong == 0, "20000 texts of random bytes are printed safely");
}

static void test_words(void)
{
    const char *list = " ,alice, bob\tcarol ,,";
    char word[6];

    ok(text_next_word(&list, word, sizeof(word)) == 1 && strcmp(word, "alice") == 0, "first word");
    ok(text_next_word(&list, word, sizeof(word)) == 1 && strcmp(word, "bob") == 0, "second word");
    ok(text_next_word(&list, word, sizeof(word)) == 1 && strcmp(word, "carol") == 0, "third word");
    ok(text_next_word(&list, word, sizeof(word)) == 0, "the end");
    list = "abcdef";
    ok(text_next_word(&list, word, sizeof(word)) == ERR_TOO_LONG, "a word that is too long");
}

int main(void)
{
    test_copy();
    test_cut();
    test_numbers();
    test_durations();
    test_times();
    test_calendar();
    test_printable();
    test_hostile();
    test_words();
    return tap_done();
}
