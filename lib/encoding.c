/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "encoding.h"

#include "err.h"

#include <stdbool.h>
#include <string.h>

static const char base32_symbols[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
static const char hex_symbols[] = "0123456789abcdef";

int encoding_base32(const uint8_t *bytes, size_t length, char *out, size_t size)
{
    uint32_t buffer = 0;
    unsigned bits = 0;
    size_t used = 0;

    if (length > (SIZE_MAX - 4) / 8 || size < ENCODING_BASE32_SIZE(length))
        return ERR_TOO_LONG;
    for (size_t i = 0; i < length; i++) {
        buffer = buffer << 8 | bytes[i];
        for (bits += 8; bits >= 5; bits -= 5)
            out[used++] = base32_symbols[buffer >> (bits - 5) & 31];
    }
    if (bits > 0)
        out[used++] = base32_symbols[buffer << (5 - bits) & 31];
    out[used] = '\0';
    return 0;
}

/* 0 to 31, or -1. */
static int base32_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= '2' && c <= '7')
        return c - '2' + 26;
    return -1;
}

/* The symbol a person meant. */
static char base32_meant(char c)
{
    if (c >= 'a' && c <= 'z')
        return (char)(c - 'a' + 'A');
    return c == '0' ? 'O' : c == '1' ? 'L' : c == '8' ? 'B' : c;
}

/* Decodes the symbols of text that is known to be well formed; what is no symbol is skipped. Bits
 * that do not fill a byte are dropped. */
static void base32_decode(const char *text, uint8_t *out)
{
    uint32_t buffer = 0;
    unsigned bits = 0;

    for (; *text != '\0'; text++) {
        int value = base32_value(base32_meant(*text));

        if (value < 0)
            continue;
        buffer = buffer << 5 | (uint32_t)value;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            *out++ = (uint8_t)(buffer >> bits);
        }
    }
}

int encoding_base32_strict(const char *text, uint8_t *out, size_t size, size_t *length)
{
    size_t symbols = strspn(text, base32_symbols);
    size_t padding = strspn(text + symbols, "=");
    size_t left = symbols % 8; /* of the last, incomplete group: 2, 4, 5 or 7 make whole bytes */
    unsigned unused = (unsigned)(symbols * 5 % 8);

    if (text[symbols + padding] != '\0' || left == 1 || left == 3 || left == 6)
        return ERR_SYNTAX;
    if (padding > 0 && (left == 0 || left + padding != 8))
        return ERR_SYNTAX;
    if (unused > 0 && (base32_value(text[symbols - 1]) & ((1 << unused) - 1)) != 0)
        return ERR_SYNTAX;
    if (symbols * 5 / 8 > size)
        return ERR_TOO_LONG;
    base32_decode(text, out);
    *length = symbols * 5 / 8;
    return 0;
}

int encoding_base32_tolerant(const char *text, uint8_t *out, size_t size, size_t *length)
{
    size_t symbols = 0;

    for (const char *p = text; *p != '\0'; p++) {
        if (base32_value(base32_meant(*p)) >= 0)
            symbols++;
        else if (strchr(" \t-=", *p) == NULL)
            return ERR_SYNTAX;
    }
    if (symbols * 5 / 8 == 0)
        return ERR_SYNTAX;
    if (symbols * 5 / 8 > size)
        return ERR_TOO_LONG;
    base32_decode(text, out);
    *length = symbols * 5 / 8;
    return 0;
}

int encoding_hex(const uint8_t *bytes, size_t length, char *out, size_t size)
{
    if (length > (SIZE_MAX - 1) / 2 || size < ENCODING_HEX_SIZE(length))
        return ERR_TOO_LONG;
    for (size_t i = 0; i < length; i++) {
        out[2 * i] = hex_symbols[bytes[i] >> 4];
        out[2 * i + 1] = hex_symbols[bytes[i] & 15];
    }
    out[2 * length] = '\0';
    return 0;
}

/* 0 to 15, of a character that is known to be hexadecimal. */
static unsigned hex_value(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

int encoding_hex_parse(const char *text, uint8_t *out, size_t size, size_t *length)
{
    size_t digits = strspn(text, "0123456789abcdefABCDEF");

    if (text[digits] != '\0' || digits % 2 != 0)
        return ERR_SYNTAX;
    if (digits / 2 > size)
        return ERR_TOO_LONG;
    for (size_t i = 0; i < digits / 2; i++)
        out[i] = (uint8_t)(hex_value(text[2 * i]) << 4 | hex_value(text[2 * i + 1]));
    *length = digits / 2;
    return 0;
}
