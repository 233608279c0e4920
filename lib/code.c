/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "code.h"

#include "err.h"
#include "secret.h"

#include <string.h>

/* Without 0 1 2 5 8 b g i l o s z: nothing here is taken for another when read aloud or off paper.
 */
static const char token_symbols[] = "acdefhjkmnpqrtuvwxy34679";
#define TOKEN_SYMBOL_COUNT (sizeof(token_symbols) - 1)

void code_clear(struct code *code)
{
    secret_wipe(code, sizeof(*code));
}

static bool is_separator(char c)
{
    return c == ' ' || c == '-';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_token_symbol(char c)
{
    return c != '\0' && strchr(token_symbols, to_lower(c)) != NULL;
}

bool code_is_sshd_refusal(const char *typed)
{
    static const char junk[] = "\b\n\r\177INCORRECT";

    if (typed[0] == '\0')
        return false;
    for (size_t i = 0; typed[i] != '\0'; i++)
        if (typed[i] != junk[i % (sizeof(junk) - 1)])
            return false;
    return true;
}

void code_parse(const char *typed, struct code *code)
{
    size_t digits = 0, symbols = 0;

    *code = (struct code){.form = CODE_MALFORMED};
    for (const char *p = typed == NULL ? "" : typed; *p != '\0'; p++) {
        if (is_separator(*p))
            continue;
        if (code->length == CODE_TOKEN_SYMBOLS) {
            code_clear(code);
            return;
        }
        digits += is_digit(*p);
        symbols += is_token_symbol(*p);
        code->text[code->length++] = to_lower(*p);
    }
    if (code->length == 0) {
        code->form = CODE_EMPTY;
    } else if (digits == code->length && digits >= CODE_DIGITS_MIN && digits <= CODE_DIGITS_MAX) {
        code->form = CODE_DIGITS;
        for (size_t i = 0; i < code->length; i++)
            code->value = code->value * 10 + (uint32_t)(code->text[i] - '0');
    } else if (symbols == code->length && symbols == CODE_TOKEN_SYMBOLS) {
        code->form = CODE_TOKEN;
    }
}

bool code_digits_tail(const char *text, unsigned digits, size_t *start)
{
    for (size_t at = strlen(text); at > 0; at--) {
        char c = text[at - 1];
        if (is_digit(c) && --digits == 0) {
            *start = at - 1;
            return true;
        }
        if (!is_digit(c) && !is_separator(c))
            return false;
    }
    return false;
}

bool code_token_tail(const char *text, size_t *start)
{
    size_t length = strlen(text);
    const size_t shown = CODE_TOKEN_SIZE - 1;

    while (length > 0 && text[length - 1] == ' ')
        length--;
    if (length < shown)
        return false;
    for (size_t i = 0; i < shown; i++) {
        char c = text[length - shown + i];
        if (i % 5 == 4 ? !is_separator(c) : !is_token_symbol(c))
            return false;
    }
    *start = length - shown;
    return true;
}

int code_token_new(char text[static CODE_TOKEN_SIZE])
{
    /* Bytes at or above the greatest multiple of 24 are thrown away: every symbol is equally
     * likely. */
    const unsigned limit = 256 - 256 % TOKEN_SYMBOL_COUNT;
    size_t at = 0;

    while (at < CODE_TOKEN_SIZE - 1) {
        uint8_t byte = 0;
        if (at % 5 == 4) {
            text[at++] = '-';
            continue;
        }
        int r = secret_random(&byte, sizeof(byte));
        if (r != 0) {
            secret_wipe(text, CODE_TOKEN_SIZE);
            return r;
        }
        if (byte < limit)
            text[at++] = token_symbols[byte % TOKEN_SYMBOL_COUNT];
        secret_wipe(&byte, sizeof(byte));
    }
    text[at] = '\0';
    return 0;
}
