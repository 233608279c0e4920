/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "code.h"
#include "tap.h"

#include <stdio.h>
#include <string.h>

static void test_parse(void)
{
    static const struct {
        const char *typed;
        enum code_form form;
        const char *text;
    } cases[] = {
        {NULL, CODE_EMPTY, ""},
        {"", CODE_EMPTY, ""},
        {" - ", CODE_EMPTY, ""},
        {"050548", CODE_DIGITS, "050548"},
        {"123 456", CODE_DIGITS, "123456"},
        {" 123-456 ", CODE_DIGITS, "123456"},
        {"12345678", CODE_DIGITS, "12345678"},
        {"12345", CODE_MALFORMED, NULL},
        {"123456789", CODE_MALFORMED, NULL},
        {"12345a", CODE_MALFORMED, NULL},
        {"123456\n", CODE_MALFORMED, NULL},
        {"123\t456", CODE_MALFORMED, NULL},
        {"+12345", CODE_MALFORMED, NULL},
        {"\xef\xbc\x91\xef\xbc\x92\xef\xbc\x93\xef\xbc\x94\xef\xbc\x95\xef\xbc\x96", CODE_MALFORMED,
         NULL}, /* full-width digits */
        {"acde-fhjk-mnpq", CODE_TOKEN, "acdefhjkmnpq"},
        {"ACDE FHJK MNPQ", CODE_TOKEN, "acdefhjkmnpq"},
        {"acdefhjkmnpq", CODE_TOKEN, "acdefhjkmnpq"},
        {"acde-fhjk-mnp0", CODE_MALFORMED, NULL}, /* 0 is no symbol */
        {"acde-fhjk-mnp", CODE_MALFORMED, NULL},
        {"acde-fhjk-mnpqr", CODE_MALFORMED, NULL},
        {"\b\n\r\177INCORRECT", CODE_MALFORMED, NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct code code CLEANUP(code_clear) = {0};
        code_parse(cases[i].typed, &code);
        ok(code.form == cases[i].form &&
               (cases[i].text == NULL || strcmp(code.text, cases[i].text) == 0),
           "what is typed has its form (row %zu)", i);
    }
    struct code code CLEANUP(code_clear) = {0};
    code_parse("012 345", &code);
    ok(code.value == 12345 && code.length == 6, "digits have a value");
}

static void test_sshd(void)
{
    static const char junk[] = "\b\n\r\177INCORRECT\b\n\r\177INCORRECT\b\n\r\177INCORRECT";
    char text[sizeof(junk)];

    ok(!code_is_sshd_refusal(""), "an empty answer is not sshd's");
    for (size_t length = 1; length < sizeof(junk); length++) {
        memcpy(text, junk, length);
        text[length] = '\0';
        if (!code_is_sshd_refusal(text)) {
            ok(false, "sshd's answer of %zu bytes is known", length);
            return;
        }
    }
    ok(true, "sshd's answer is known at every length");
    ok(!code_is_sshd_refusal("123456") && !code_is_sshd_refusal("\b\n\r\177INCORRECT!"),
       "nothing else is taken for it");
}

static void test_tails(void)
{
    static const struct {
        const char *text;
        unsigned digits;
        bool found;
        size_t start;
    } digits[] = {
        {"secret123456", 6, true, 6}, {"secret 123456", 6, true, 7}, {"pw123 456", 6, true, 2},
        {"pw-123456", 6, true, 3},    {"123456", 6, true, 0},        {"pw123456 ", 6, true, 2},
        {"pw12345", 6, false, 0},     {"pw12x3456", 6, false, 0},    {"", 6, false, 0},
        {"pw12345678", 8, true, 2},   {"pw12345678", 6, true, 4},    {"123456x", 6, false, 0},
    };
    static const struct {
        const char *text;
        bool found;
        size_t start;
    } tokens[] = {
        {"pwacde-fhjk-mnpq", true, 2},
        {"pw-acde-fhjk-mnpq", true, 3},
        {"acde-fhjk-mnpq", true, 0},
        {"pwACDE-FHJK-MNPQ ", true, 2},
        {"pwacdefhjkmnpq", false, 0},
        {"pwacde-fhjkmnpq", false, 0},
        {"cde-fhjk-mnpq", false, 0},
        {"pwacde-fhjk-mnp0", false, 0},
        {"", false, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(digits); i++) {
        size_t start = 0;
        bool found = code_digits_tail(digits[i].text, digits[i].digits, &start);
        ok(found == digits[i].found && start == digits[i].start, "digits at the end of '%s'",
           digits[i].text);
    }
    for (size_t i = 0; i < ARRAY_SIZE(tokens); i++) {
        size_t start = 0;
        bool found = code_token_tail(tokens[i].text, &start);
        ok(found == tokens[i].found && start == tokens[i].start, "a token at the end of '%s'",
           tokens[i].text);
    }
}

static void test_new(void)
{
    unsigned seen[256] = {0}, symbols = 0, tokens = 2000;
    bool formed = true;

    for (unsigned i = 0; i < tokens; i++) {
        char text[CODE_TOKEN_SIZE] = "";
        struct code code CLEANUP(code_clear) = {0};
        if (code_token_new(text) != 0)
            formed = false;
        code_parse(text, &code);
        formed = formed && code.form == CODE_TOKEN && text[4] == '-' && text[9] == '-' &&
                 strlen(text) == CODE_TOKEN_SIZE - 1;
        for (size_t at = 0; code.text[at] != '\0'; at++)
            seen[(unsigned char)code.text[at]]++;
    }
    ok(formed, "a new token reads back as one");
    /* 24000 symbols of 24: each is expected 1000 times, with a standard deviation of 31. */
    bool even = true;
    for (unsigned i = 0; i < 256; i++) {
        symbols += seen[i] != 0;
        even = even && (seen[i] == 0 || (seen[i] > 800 && seen[i] < 1200));
    }
    ok(symbols == 24 && even, "every symbol is equally likely");
}

int main(void)
{
    test_parse();
    test_sshd();
    test_tails();
    test_new();
    return tap_done();
}
