/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "encoding.h"
#include "err.h"
#include "secret.h"
#include "tap.h"

#include <string.h>

/* RFC 4648 section 10. */
static void test_vectors(void)
{
    static const struct {
        const char *text, *base32, *padded, *hex;
    } rows[] = {
        {"", "", "", ""},
        {"f", "MY", "MY======", "66"},
        {"fo", "MZXQ", "MZXQ====", "666f"},
        {"foo", "MZXW6", "MZXW6===", "666f6f"},
        {"foob", "MZXW6YQ", "MZXW6YQ=", "666f6f62"},
        {"fooba", "MZXW6YTB", "MZXW6YTB", "666f6f6261"},
        {"foobar", "MZXW6YTBOI", "MZXW6YTBOI======", "666f6f626172"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const uint8_t *bytes = (const uint8_t *)rows[i].text;
        size_t size = strlen(rows[i].text), length = 99;
        char out[32] = "";
        uint8_t back[16] = {0};

        ok(encoding_base32(bytes, size, out, sizeof(out)) == 0 && strcmp(out, rows[i].base32) == 0,
           "base32 of '%s' is %s", rows[i].text, out);
        ok(encoding_base32_strict(rows[i].base32, back, sizeof(back), &length) == 0 &&
               length == size && memcmp(back, bytes, size) == 0,
           "and back");
        memset(back, 0, sizeof(back));
        ok(encoding_base32_strict(rows[i].padded, back, sizeof(back), &length) == 0 &&
               length == size && memcmp(back, bytes, size) == 0,
           "and back from %s", rows[i].padded);
        ok(encoding_hex(bytes, size, out, sizeof(out)) == 0 && strcmp(out, rows[i].hex) == 0,
           "hexadecimal of it is %s", out);
        memset(back, 0, sizeof(back));
        ok(encoding_hex_parse(rows[i].hex, back, sizeof(back), &length) == 0 && length == size &&
               memcmp(back, bytes, size) == 0,
           "and back");
    }
}

static void test_strict(void)
{
    static const char *const wrong[] = {
        "A",          "MZA", "MZXW6A",  "M",         "MZX",      "MZXW6Y", "my======",
        "mzxw6",      "MY=", "MY=====", "MY=======", "========", "=",      "MZXW6YTB========",
        "MY======MY", "MZ",  "MZXR",    "MZXW7",     "MZXW6YR",  "M0",     "M1",
        "M8",         "M9",  "MZXW 6",  " MZXW6",    "MZXW6\n",  "MZ-XW6", "MZXW6\xc3\xa4",
        "M=Y=====",
    };
    uint8_t out[16] = {7, 7};
    size_t length = 99;

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        ok(encoding_base32_strict(wrong[i], out, sizeof(out), &length) == ERR_SYNTAX &&
               length == 99 && out[0] == 7,
           "strict refuses %zu and sets nothing", i);
    ok(encoding_base32_strict("MZXW6YTB", out, 4, &length) == ERR_TOO_LONG && length == 99 &&
           out[0] == 7,
       "five bytes do not fit into four");
    ok(encoding_base32_strict("MZXW6YTB", out, 5, &length) == 0 && length == 5, "but into five");
}

static void test_tolerant(void)
{
    static const struct {
        const char *text;
        int result;
        const char *bytes;
    } rows[] = {
        {"mzxw 6ytb-oi", 0, "foobar"},
        {"MZXW6YTBOI======", 0, "foobar"},
        {"\tMzXw6yTb oI ", 0, "foobar"},
        {"MZXW6Y", 0, "foo"},      /* six symbols: trailing bits dropped */
        {"MZXW7", 0, "foo"},       /* trailing bits not zero */
        {"01 8 01 8 01", 0, NULL}, /* O L B O L B O L */
        {"M", ERR_SYNTAX, NULL},
        {"", ERR_SYNTAX, NULL},
        {" - = ", ERR_SYNTAX, NULL},
        {"MZXW9", ERR_SYNTAX, NULL},
        {"MZXW6\n", ERR_SYNTAX, NULL},
        {"MZXW_6", ERR_SYNTAX, NULL},
        {"MZXW6\xc3\xa4", ERR_SYNTAX, NULL},
        {"MZXW\xc2\xa0"
         "6",
         ERR_SYNTAX, NULL}, /* no-break space */
    };
    uint8_t meant[16], out[16];
    size_t length = 0, meant_length = 0;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int result;

        length = 99;
        result = encoding_base32_tolerant(rows[i].text, out, sizeof(out), &length);
        ok(result == rows[i].result && (result == 0) == (length != 99) &&
               (rows[i].bytes == NULL ||
                (length == strlen(rows[i].bytes) && memcmp(out, rows[i].bytes, length) == 0)),
           "as typed %zu", i);
    }
    ok(encoding_base32_tolerant("01801801", out, sizeof(out), &length) == 0 &&
           encoding_base32_strict("OLBOLBOL", meant, sizeof(meant), &meant_length) == 0 &&
           length == meant_length && memcmp(out, meant, length) == 0,
       "0, 1 and 8 are read as O, L and B");
    ok(encoding_base32_tolerant("MZXW6YTB", out, 4, &length) == ERR_TOO_LONG,
       "what does not fit is refused");
}

static void test_hex(void)
{
    static const char *const wrong[] = {"0", "abc", "0g", "0x00", " 00", "00 ", "00:11", "-1"};
    uint8_t out[4] = {7};
    size_t length = 99;

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        ok(encoding_hex_parse(wrong[i], out, sizeof(out), &length) == ERR_SYNTAX && length == 99 &&
               out[0] == 7,
           "hexadecimal refuses '%s'", wrong[i]);
    ok(encoding_hex_parse("0123456789", out, sizeof(out), &length) == ERR_TOO_LONG && out[0] == 7,
       "five bytes do not fit into four");
    ok(encoding_hex_parse("aFFf09Ab", out, sizeof(out), &length) == 0 && length == 4 &&
           memcmp(out, "\xaf\xff\x09\xab", 4) == 0,
       "either case is read");
}

static void test_small_buffers(void)
{
    uint8_t bytes[20] = {0};
    char out[64];
    unsigned wrong = 0;

    for (size_t length = 0; length <= sizeof(bytes); length++) {
        size_t base32 = ENCODING_BASE32_SIZE(length), hex = ENCODING_HEX_SIZE(length);

        memset(out, 'z', sizeof(out));
        wrong += encoding_base32(bytes, length, out, base32 - 1) != ERR_TOO_LONG || out[0] != 'z';
        wrong += encoding_hex(bytes, length, out, hex - 1) != ERR_TOO_LONG || out[0] != 'z';
        wrong += encoding_base32(bytes, length, out, base32) != 0 || strlen(out) != base32 - 1 ||
                 out[base32] != 'z';
        wrong +=
            encoding_hex(bytes, length, out, hex) != 0 || strlen(out) != hex - 1 || out[hex] != 'z';
    }
    ok(wrong == 0, "the sizes of the header are exact, one byte less is refused");
    ok(encoding_base32(bytes, SIZE_MAX, out, sizeof(out)) == ERR_TOO_LONG &&
           encoding_hex(bytes, SIZE_MAX, out, sizeof(out)) == ERR_TOO_LONG,
       "an absurd length is refused");
}

static void test_round_trips(void)
{
    unsigned wrong = 0;

    for (int round = 0; round < 150; round++) {
        uint8_t bytes[65], back[65] = {0}, size = 0;
        char out[132];
        size_t length = 0;

        if (secret_random(bytes, sizeof(bytes)) != 0 || secret_random(&size, 1) != 0)
            wrong++;
        size %= sizeof(bytes) + 1;
        wrong += encoding_base32(bytes, size, out, sizeof(out)) != 0 ||
                 encoding_base32_strict(out, back, sizeof(back), &length) != 0 || length != size ||
                 memcmp(bytes, back, size) != 0;
        wrong += encoding_hex(bytes, size, out, sizeof(out)) != 0 ||
                 encoding_hex_parse(out, back, sizeof(back), &length) != 0 || length != size ||
                 memcmp(bytes, back, size) != 0;
    }
    ok(wrong == 0, "150 random values of random length come back");
}

int main(void)
{
    test_vectors();
    test_strict();
    test_tolerant();
    test_hex();
    test_small_buffers();
    test_round_trips();
    return tap_done();
}
