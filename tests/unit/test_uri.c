/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tap.h"
#include "uri.h"

#include <stdio.h>
#include <string.h>

#define REPEAT_16(s) s s s s s s s s s s s s s s s s
#define REPEAT_256(s) REPEAT_16(REPEAT_16(s))
#define SECRET "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP" /* 20 bytes */
#define TOTP "otpauth://totp/"
#define HOTP "otpauth://hotp/"

static struct uri_key totp_key(const char *issuer, const char *account)
{
    struct uri_key key = {
        .type = DEVICE_TOTP,
        .secret = {.bytes = "Hello!\xde\xad\xbe\xefHello!\xde\xad\xbe\xef", .length = 20},
        .algorithm = OTP_SHA1,
        .digits = 6,
        .period = 30};

    snprintf(key.issuer, sizeof(key.issuer), "%s", issuer);
    snprintf(key.account, sizeof(key.account), "%s", account);
    return key;
}

static struct uri_key hotp_key(uint64_t counter)
{
    struct uri_key key = totp_key("Example", "alice");

    key.type = DEVICE_HOTP;
    key.period = 0;
    key.counter = counter;
    return key;
}

static bool same(const struct uri_key *a, const struct uri_key *b)
{
    return a->type == b->type && strcmp(a->issuer, b->issuer) == 0 &&
           strcmp(a->account, b->account) == 0 && a->secret.length == b->secret.length &&
           memcmp(a->secret.bytes, b->secret.bytes, a->secret.length) == 0 &&
           a->algorithm == b->algorithm && a->digits == b->digits && a->period == b->period &&
           a->counter == b->counter;
}

static void test_format(void)
{
    char out[URI_SIZE] = "";
    struct uri_key key = totp_key("Example Org", "alice@host.example");

    ok(uri_format(&key, out, sizeof(out)) == 0 &&
           strcmp(out, TOTP "Example%20Org:alice%40host.example?secret=" SECRET
                            "&issuer=Example%20Org&algorithm=SHA1&digits=6&period=30") == 0,
       "a TOTP key with every parameter");
    key = hotp_key(7);
    key.digits = 8;
    key.algorithm = OTP_SHA256;
    ok(uri_format(&key, out, sizeof(out)) == 0 &&
           strcmp(out, HOTP "Example:alice?secret=" SECRET
                            "&issuer=Example&algorithm=SHA256&digits=8&counter=7") == 0,
       "an HOTP key");
    key = totp_key("", "a+b");
    ok(uri_format(&key, out, sizeof(out)) == 0 &&
           strcmp(out, TOTP "a%2Bb?secret=" SECRET "&algorithm=SHA1&digits=6&period=30") == 0,
       "without an issuer");
}

static void test_brief(void)
{
    char out[URI_SIZE] = "";
    struct uri_key key = totp_key("", "a+b"), read = {0};

    ok(uri_format_brief(&key, out, sizeof(out)) == 0 &&
           strcmp(out, TOTP "a%2Bb?secret=" SECRET) == 0 && uri_parse(out, &read, NULL) == 0 &&
           same(&key, &read),
       "in brief what is taken for granted is left out");
    key.algorithm = OTP_SHA512;
    key.digits = 8;
    key.period = 60;
    ok(uri_format_brief(&key, out, sizeof(out)) == 0 &&
           strcmp(out, TOTP "a%2Bb?secret=" SECRET "&algorithm=SHA512&digits=8&period=60") == 0,
       "and nothing else");
    key = hotp_key(0);
    ok(uri_format_brief(&key, out, sizeof(out)) == 0 && strstr(out, "&counter=0") != NULL &&
           uri_parse(out, &read, NULL) == 0 && same(&key, &read),
       "not a counter either");
}

static void test_round_trips(void)
{
    static const char *const names[] = {
        "alice",
        "a b",
        "a:b",
        "a%b",
        "a+b",
        "a&b=c",
        "a/b?c#d",
        "J\xc3\xb6rg \xf0\x9f\x94\x91",
        "DOM\\user",
        "a;b\"c'<d>",
        "trailing ",
        "%3A",
        REPEAT_256("\xc3\xa4"),
    };
    static const unsigned periods[] = {15, 30, 60, 300};
    char out[URI_SIZE] = "", name[URI_TEXT_SIZE] = "";

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        snprintf(name, sizeof(name), "%s", names[i]);
        struct uri_key keys[] = {totp_key("", name), totp_key(name, "alice"), totp_key(name, name),
                                 hotp_key(OTP_COUNTER_MAX)};
        for (size_t j = 0; j < ARRAY_SIZE(keys); j++) {
            struct uri_key read = {0};
            keys[j].digits = OTP_DIGITS_MIN + (unsigned)i % 3;
            keys[j].algorithm = (enum otp_algorithm)(i % 3);
            keys[j].period = keys[j].type == DEVICE_HOTP ? 0 : periods[i % 4];
            keys[j].secret.length = i == 0 ? 64 : 10 + i;
            ok(uri_format(&keys[j], out, sizeof(out)) == 0 && uri_parse(out, &read, NULL) == 0 &&
                   same(&keys[j], &read),
               "name %zu, place %zu comes back", i, j);
        }
    }
}

static void test_good(void)
{
    const struct uri_key plain = totp_key("", "alice"), named = totp_key("Example", "alice"),
                         blank = totp_key("Example", "alice b"), counter = hotp_key(0);
    struct uri_key full = totp_key("Example", "alice");
    full.algorithm = OTP_SHA512;
    full.digits = 8;
    full.period = 60;
    struct uri_key colon = totp_key("", "a:alice");
    const struct {
        const char *text;
        const struct uri_key *expected;
    } rows[] = {
        {TOTP "alice?secret=" SECRET, &plain},
        {"OTPAUTH://TOTP/alice?secret=" SECRET, &plain},
        {TOTP "alice?secret=jbsw%20y3dp-ehpk3pxpjbswy3dpehpk3pxp==", &plain},
        {TOTP "alice?&&secret=" SECRET "&", &plain},
        {TOTP "alice?issuer=&secret=" SECRET, &plain},
        {TOTP "%61lice?%73ecret=" SECRET, &plain},
        {TOTP "alice?secret=" SECRET "&image=https%3A%2F%2Fx%2F" REPEAT_256("y"), &plain},
        {TOTP "alice?secret=" SECRET "&color=%zz&%zz=1&novalue&=", &plain},
        {TOTP "alice?secret=" SECRET "&counter=x", &plain},
        {TOTP "a%3Aalice?secret=" SECRET, &colon},
        {TOTP "Example:alice?secret=" SECRET, &named},
        {TOTP "Example:%20%20alice?secret=" SECRET, &named},
        {TOTP "Example: alice?secret=" SECRET, &named},
        {TOTP "alice?secret=" SECRET "&issuer=Example", &named},
        {TOTP "Example:alice?issuer=Example&secret=" SECRET, &named},
        {TOTP ":alice?issuer=Example&secret=" SECRET, &named},
        {TOTP "Exampl%65:alice?issuer=E%78ample&secret=" SECRET, &named},
        {TOTP "Example:alice%20b?secret=" SECRET, &blank},
        {TOTP "Example:alice?secret=" SECRET "&algorithm=sha512&digits=8&period=60", &full},
        {HOTP "Example:alice?secret=" SECRET "&counter=0", &counter},
        {HOTP "Example:alice?secret=" SECRET "&counter=0&period=soon", &counter},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct uri_key read = {0};
        struct err err = {0};
        ok(uri_parse(rows[i].text, &read, &err) == 0 && same(&read, rows[i].expected), "%s",
           rows[i].text);
    }
}

#define S "secret=" SECRET

static void test_hostile(void)
{
    static const struct {
        const char *where, *text;
        int code;
    } rows[] = {
        {"key URI", "", ERR_SYNTAX},
        {"key URI", "otpauth", ERR_SYNTAX},
        {"key URI", "otpauth://", ERR_SYNTAX},
        {"key URI", "otpauth://totp", ERR_SYNTAX},
        {"key URI", "otpauth://totp?" S, ERR_SYNTAX},
        {"key URI", "otpauth:/totp/a?" S, ERR_SYNTAX},
        {"key URI", "otpauth\x1a//totp/a?" S, ERR_SYNTAX},
        {"key URI", "https://totp/a?" S, ERR_SYNTAX},
        {"key URI", " otpauth://totp/a?" S, ERR_SYNTAX},
        {"key URI", "otpauth://steam/a?" S, ERR_SYNTAX},
        {"key URI", "otpauth://x@totp/a?" S, ERR_SYNTAX},
        {"key URI", "otpauth://totp:1/a?" S, ERR_SYNTAX},
        {"key URI", "otpauth-migration://offline?data=x", ERR_SYNTAX},
        {"key URI", TOTP "a?" S "#f", ERR_SYNTAX},
        {"label", TOTP "?" S, ERR_SYNTAX},
        {"label", TOTP "Example:?" S, ERR_SYNTAX},
        {"label", TOTP "Example:%20?" S, ERR_SYNTAX},
        {"label", TOTP "a%?" S, ERR_SYNTAX},
        {"label", TOTP "a%4?" S, ERR_SYNTAX},
        {"label", TOTP "a%4g?" S, ERR_SYNTAX},
        {"label", TOTP "a%-1?" S, ERR_SYNTAX},
        {"label", TOTP "a%00b?" S, ERR_INVALID},
        {"label", TOTP "a%0Ab?" S, ERR_INVALID},
        {"label", TOTP "%1b[2Ja?" S, ERR_INVALID},
        {"label", TOTP "%ff?" S, ERR_INVALID},
        {"label", TOTP "\xc3?" S, ERR_INVALID},
        {"label", TOTP "%00:a?" S, ERR_INVALID},
        {"label", TOTP REPEAT_256("a") "a?" S, ERR_RANGE},
        {"label", TOTP REPEAT_256("a") "a:b?" S, ERR_RANGE},
        {"secret", TOTP "a", ERR_SYNTAX},
        {"secret", TOTP "a?", ERR_SYNTAX},
        {"secret", TOTP "a?secret", ERR_SYNTAX},
        {"secret", TOTP "a?secret=", ERR_SYNTAX},
        {"secret", TOTP "a?SECRET=" SECRET, ERR_SYNTAX},
        {"secret", TOTP "a?secret=" SECRET "!", ERR_SYNTAX},
        {"secret", TOTP "a?secret=" SECRET "%00", ERR_INVALID},
        {"secret", TOTP "a?secret=" SECRET "%", ERR_SYNTAX},
        {"secret", TOTP "a?secret=JBSWY3DPEHPK3PX", ERR_RANGE},
        {"secret", TOTP "a?secret=" SECRET SECRET SECRET SECRET, ERR_RANGE},
        {"secret", TOTP "a?secret=" REPEAT_256("A") "A", ERR_RANGE},
        {"secret", TOTP "a?" S "&" S, ERR_SYNTAX},
        {"secret", TOTP "a?" S "&%73ecret=", ERR_SYNTAX},
        {"issuer", TOTP "Example:a?issuer=Other&" S, ERR_INVALID},
        {"issuer", TOTP "Example:a?issuer=example&" S, ERR_INVALID},
        {"issuer", TOTP "a?issuer=%0a&" S, ERR_INVALID},
        {"issuer", TOTP "a?issuer=" REPEAT_256("i") "i&" S, ERR_RANGE},
        {"issuer", TOTP "a?issuer=b&issuer=b&" S, ERR_SYNTAX},
        {"algorithm", TOTP "a?algorithm=MD5&" S, ERR_INVALID},
        {"algorithm", TOTP "a?algorithm=&" S, ERR_INVALID},
        {"algorithm", TOTP "a?algorithm=SHA1&algorithm=SHA1&" S, ERR_SYNTAX},
        {"digits", TOTP "a?digits=5&" S, ERR_RANGE},
        {"digits", TOTP "a?digits=9&" S, ERR_RANGE},
        {"digits", TOTP "a?digits=-6&" S, ERR_INVALID},
        {"digits", TOTP "a?digits=+6&" S, ERR_INVALID},
        {"digits", TOTP "a?digits=6%20&" S, ERR_INVALID},
        {"digits", TOTP "a?digits=&" S, ERR_INVALID},
        {"digits", TOTP "a?digits=0x6&" S, ERR_INVALID},
        {"digits", TOTP "a?digits=4294967302&" S, ERR_RANGE},
        {"digits", TOTP "a?digits=18446744073709551622&" S, ERR_RANGE},
        {"digits", TOTP "a?digits=6&%64igits=8&" S, ERR_SYNTAX},
        {"period", TOTP "a?period=0&" S, ERR_RANGE},
        {"period", TOTP "a?period=14&" S, ERR_RANGE},
        {"period", TOTP "a?period=301&" S, ERR_RANGE},
        {"period", TOTP "a?period=30s&" S, ERR_INVALID},
        {"counter", HOTP "a?" S, ERR_SYNTAX},
        {"counter", HOTP "a?counter=&" S, ERR_INVALID},
        {"counter", HOTP "a?counter=-1&" S, ERR_INVALID},
        {"counter", HOTP "a?counter=9223372036854774808&" S, ERR_RANGE},
        {"counter", HOTP "a?counter=1&counter=2&" S, ERR_SYNTAX},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct uri_key before = totp_key("untouched", "untouched");
        struct uri_key key = before;
        struct err err = {0};
        int r = uri_parse(rows[i].text, &key, &err);
        ok(r == rows[i].code && err.code == r && strcmp(err.where, rows[i].where) == 0 &&
               strstr(err.what, "JBSW") == NULL && err.what[0] != '\0' && same(&before, &key),
           "hostile URI %zu is refused for its %s", i, rows[i].where);
    }
}

static void test_not_writable(void)
{
    struct uri_key keys[12];
    char out[URI_SIZE] = "", whole[URI_SIZE] = "";

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        keys[i] = i < 9 ? totp_key("Example", "alice") : hotp_key(0);
    keys[0].account[0] = '\0';
    keys[1].account[0] = ' ';
    keys[2].account[1] = '\n';
    keys[3].issuer[1] = '\xff';
    keys[4].secret.length = 0;
    keys[5].secret.length = SECRET_BYTES_MAX + 1;
    keys[6].digits = 9;
    keys[7].algorithm = (enum otp_algorithm)3;
    keys[8].period = 0;
    keys[9].counter = UINT64_MAX;
    keys[10].type = (enum device_type)2;
    keys[11].digits = 5;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        strcpy(out, "x");
        ok(uri_format(&keys[i], out, sizeof(out)) == ERR_INVALID && out[0] == '\0',
           "wrong key %zu is not written", i);
    }

    const struct uri_key key = totp_key("Example", "alice");
    bool good = uri_format(&key, whole, sizeof(whole)) == 0;
    for (size_t size = 0; size <= strlen(whole); size++) {
        memset(out, '~', sizeof(out));
        good = good && uri_format(&key, out, size) == ERR_TOO_LONG && out[size] == '~' &&
               (size == 0 || (out[0] == '\0' && memmem(out, size, "JBSW", 4) == NULL));
    }
    ok(good, "where it does not fit, nothing is left");
    ok(uri_format(&key, out, strlen(whole) + 1) == 0 && strcmp(out, whole) == 0, "where it does");
    struct uri_key gone = key;
    uri_clear(&gone);
    ok(gone.secret.length == 0 && gone.secret.bytes[0] == 0 && gone.account[0] == '\0',
       "a cleared key is empty");
}

static void test_expand(void)
{
    static const struct {
        const char *template, *service, *expected;
        int code;
    } rows[] = {
        {"%u@%h", "sshd", "alice@web.example", 0},
        {"%h", NULL, "web.example", 0},
        {"%s/%u", "sshd", "sshd/alice", 0},
        {"%s%u", NULL, "alice", 0},
        {"100%%", NULL, "100%", 0},
        {"%%u", NULL, "%u", 0},
        {"", NULL, "", 0},
        {"%", NULL, "", ERR_SYNTAX},
        {"a%", NULL, "", ERR_SYNTAX},
        {"%U", NULL, "", ERR_SYNTAX},
        {"%n%n", NULL, "", ERR_SYNTAX},
        {"%u%x", NULL, "", ERR_SYNTAX},
        {"%u%u%u%u%u", NULL, "", ERR_TOO_LONG},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char out[20] = "x";
        ok(uri_expand(rows[i].template, "alice", "web.example", rows[i].service, out,
                      sizeof(out)) == rows[i].code &&
               strcmp(out, rows[i].expected) == 0,
           "\"%s\"", rows[i].template);
    }
    char out[20] = "";
    ok(uri_expand("%u", "%h%u", "h", NULL, out, sizeof(out)) == 0 && strcmp(out, "%h%u") == 0,
       "a name is not expanded again");
    char small[5] = "xxxx";
    ok(uri_expand("%u", "alice", "h", NULL, small, sizeof(small)) == ERR_TOO_LONG &&
           small[0] == '\0',
       "what is one byte too long is refused");
}

int main(void)
{
    test_format();
    test_brief();
    test_round_trips();
    test_good();
    test_hostile();
    test_not_writable();
    test_expand();
    return tap_done();
}
