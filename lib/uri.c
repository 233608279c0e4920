/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "uri.h"

#include "encoding.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DIGITS_DEFAULT 6
#define PERIOD_DEFAULT 30
#define SCHEME "otpauth://"
#define SECRET_BYTES_READ_MIN 10 /* 80 bits: they exist */
#define BASE32_SIZE ENCODING_BASE32_SIZE(SECRET_BYTES_MAX)

struct value {
    char text[URI_TEXT_SIZE];
};

static void value_clear(struct value *value)
{
    secret_wipe(value, sizeof(*value));
}

void uri_clear(struct uri_key *key)
{
    secret_wipe(key, sizeof(*key));
}

/* length runs on past the end: too long is then seen once, at the end. */
struct writer {
    char *out;
    size_t size;
    size_t length;
};

static void write_char(struct writer *writer, char c)
{
    if (writer->length < writer->size)
        writer->out[writer->length] = c;
    writer->length++;
}

static void write_text(struct writer *writer, const char *text)
{
    for (; *text != '\0'; text++)
        write_char(writer, *text);
}

static bool is_alphanumeric(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Everything but the unreserved characters of RFC 3986 section 2.3. */
static void write_encoded(struct writer *writer, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (; *text != '\0'; text++) {
        if (is_alphanumeric(*text) || strchr("-._~", *text) != NULL) {
            write_char(writer, *text);
        } else {
            write_char(writer, '%');
            write_char(writer, hex[(unsigned char)*text >> 4]);
            write_char(writer, hex[(unsigned char)*text & 0x0f]);
        }
    }
}

static void write_number(struct writer *writer, const char *name, uint64_t number)
{
    char text[24] = "";

    snprintf(text, sizeof(text), "%" PRIu64, number);
    write_text(writer, name);
    write_text(writer, text);
}

/* Terminates; what did not fit is wiped. */
static int write_end(struct writer *writer)
{
    write_char(writer, '\0');
    if (writer->length <= writer->size)
        return 0;
    secret_wipe(writer->out, writer->size);
    return ERR_TOO_LONG;
}

/* A blank that leads the account would be lost in reading: there it is decoration. */
static bool key_is_writable(const struct uri_key *key)
{
    if (!text_is_printable(key->issuer, strlen(key->issuer)) ||
        !text_is_printable(key->account, strlen(key->account)) || key->account[0] == '\0' ||
        key->account[0] == ' ' || key->secret.length == 0 || key->secret.length > SECRET_BYTES_MAX)
        return false;
    if (key->digits < OTP_DIGITS_MIN || key->digits > OTP_DIGITS_MAX ||
        (unsigned)key->algorithm > OTP_SHA512)
        return false;
    switch (key->type) {
    case DEVICE_TOTP:
        return key->period >= OTP_PERIOD_MIN && key->period <= OTP_PERIOD_MAX;
    case DEVICE_HOTP:
        return key->counter <= OTP_COUNTER_MAX;
    case DEVICE_EMAIL: /* there is no key */
        break;
    }
    return false;
}

static void write_numbers(struct writer *writer, const struct uri_key *key, bool brief)
{
    if (!brief || key->algorithm != OTP_SHA1) {
        write_text(writer, "&algorithm=");
        write_text(writer, otp_algorithm_name(key->algorithm));
    }
    if (!brief || key->digits != DIGITS_DEFAULT)
        write_number(writer, "&digits=", key->digits);
    if (key->type == DEVICE_HOTP)
        write_number(writer, "&counter=", key->counter);
    else if (!brief || key->period != PERIOD_DEFAULT)
        write_number(writer, "&period=", key->period);
}

static int format(const struct uri_key *key, bool brief, char *out, size_t size)
{
    struct writer writer = {.out = out, .size = size};
    struct value base32 CLEANUP(value_clear) = {0};

    _Static_assert(BASE32_SIZE <= sizeof(base32.text), "a secret fits a value");
    if (size > 0)
        out[0] = '\0';
    if (!key_is_writable(key))
        return ERR_INVALID;
    int r =
        encoding_base32(key->secret.bytes, key->secret.length, base32.text, sizeof(base32.text));
    if (r != 0)
        return r;
    write_text(&writer, SCHEME);
    write_text(&writer, device_type_name(key->type));
    write_text(&writer, "/");
    if (key->issuer[0] != '\0') {
        write_encoded(&writer, key->issuer);
        write_text(&writer, ":");
    }
    write_encoded(&writer, key->account);
    write_text(&writer, "?secret=");
    write_text(&writer, base32.text);
    if (key->issuer[0] != '\0') {
        write_text(&writer, "&issuer=");
        write_encoded(&writer, key->issuer);
    }
    write_numbers(&writer, key, brief);
    return write_end(&writer);
}

int uri_format(const struct uri_key *key, char *out, size_t size)
{
    return format(key, false, out, size);
}

int uri_format_brief(const struct uri_key *key, char *out, size_t size)
{
    return format(key, true, out, size);
}

int uri_expand(const char *template, const char *user, const char *host, const char *service,
               char *out, size_t size)
{
    struct writer writer = {.out = out, .size = size};

    if (size > 0)
        out[0] = '\0';
    for (const char *p = template; *p != '\0'; p++) {
        if (*p != '%') {
            write_char(&writer, *p);
            continue;
        }
        p++;
        if (*p == 'u') {
            write_text(&writer, user);
        } else if (*p == 'h') {
            write_text(&writer, host);
        } else if (*p == 's') {
            write_text(&writer, service == NULL ? "" : service);
        } else if (*p == '%') {
            write_char(&writer, '%');
        } else {
            secret_wipe(out, size);
            return ERR_SYNTAX;
        }
    }
    return write_end(&writer);
}

/* A stretch of the text being read. */
struct span {
    const char *begin, *end;
};

static const char *span_find(struct span span, char c)
{
    const char *found = memchr(span.begin, c, (size_t)(span.end - span.begin));

    return found == NULL ? span.end : found;
}

/* Cuts *rest behind the next separator and returns what was before it. */
static struct span span_next(struct span *rest, char separator)
{
    struct span part = {rest->begin, span_find(*rest, separator)};

    rest->begin = part.end < rest->end ? part.end + 1 : part.end;
    return part;
}

static bool hex_pair(const char *text, uint8_t *byte)
{
    const char pair[] = {text[0], text[1], '\0'};
    size_t length = 0;

    return encoding_hex_parse(pair, byte, 1, &length) == 0 && length == 1;
}

/* Decodes percent signs, and nothing else: a plus is a plus. What comes out is printable, so that
 * no NUL cuts a text short. */
static int decode(struct span span, struct value *out)
{
    size_t length = 0;

    for (const char *p = span.begin; p < span.end; p++) {
        uint8_t byte = (uint8_t)*p;
        if (length + 1 == sizeof(out->text))
            return ERR_RANGE;
        if (*p == '%') {
            if (span.end - p < 3 || !hex_pair(p + 1, &byte))
                return ERR_SYNTAX;
            p += 2;
        }
        out->text[length++] = (char)byte;
    }
    out->text[length] = '\0';
    return text_is_printable(out->text, length) ? 0 : ERR_INVALID;
}

enum parameter { P_SECRET, P_ISSUER, P_ALGORITHM, P_DIGITS, P_PERIOD, P_COUNTER, P_COUNT };
static const char *const parameter_names[] = {"secret", "issuer", "algorithm",
                                              "digits", "period", "counter"};
_Static_assert(ARRAY_SIZE(parameter_names) == P_COUNT, "one name each");

static int read_number(const char *text, uint64_t min, uint64_t max, unsigned *number)
{
    uint64_t value = 0;
    int r = text_parse_uint(text, min, max, &value);

    if (r == 0)
        *number = (unsigned)value;
    return r;
}

static int read_secret(const char *text, struct secret *secret)
{
    int r = encoding_base32_tolerant(text, secret->bytes, sizeof(secret->bytes), &secret->length);

    if (r == 0 && secret->length < SECRET_BYTES_READ_MIN)
        return ERR_RANGE;
    return r == ERR_TOO_LONG ? ERR_RANGE : r;
}

/* A period means nothing to HOTP, a counter nothing to TOTP: like unknown parameters. */
static int read_value(enum parameter parameter, const char *text, struct uri_key *key)
{
    switch (parameter) {
    case P_SECRET:
        return read_secret(text, &key->secret);
    case P_ISSUER:
        return text_copy(key->issuer, sizeof(key->issuer), text);
    case P_ALGORITHM:
        return otp_algorithm_parse(text, &key->algorithm);
    case P_DIGITS:
        return read_number(text, OTP_DIGITS_MIN, OTP_DIGITS_MAX, &key->digits);
    case P_PERIOD:
        if (key->type == DEVICE_HOTP)
            return 0;
        return read_number(text, OTP_PERIOD_MIN, OTP_PERIOD_MAX, &key->period);
    case P_COUNTER:
        if (key->type == DEVICE_TOTP)
            return 0;
        return text_parse_uint(text, 0, OTP_COUNTER_MAX, &key->counter);
    case P_COUNT:
        break;
    }
    return ERR_INVALID;
}

static int wrong_parameter(struct err *err, int code, enum parameter parameter)
{
    static const char *const remedies[] = {
        [P_SECRET] = "the secret must be 16 to 103 base32 characters; copy the key URI again",
        [P_ISSUER] = "the issuer must be printable text of at most 256 bytes",
        [P_ALGORITHM] = "the algorithm must be SHA1, SHA256 or SHA512",
        [P_DIGITS] = "the number of digits must be 6, 7 or 8",
        [P_PERIOD] = "the period must be 15 to 300 seconds",
        [P_COUNTER] = "the counter must be a whole number below 2^63 - 1000",
    };

    return err_set(err, code, parameter_names[parameter], "%s", remedies[parameter]);
}

/* P_COUNT for one that is not known. */
static enum parameter find_parameter(const char *name)
{
    size_t i = 0;

    while (i < P_COUNT && strcmp(name, parameter_names[i]) != 0)
        i++;
    return (enum parameter)i;
}

static int parse_query(struct span query, struct uri_key *key, bool seen[static P_COUNT],
                       struct err *err)
{
    while (query.begin < query.end) {
        struct span text = span_next(&query, '&'), name = span_next(&text, '=');
        struct value value CLEANUP(value_clear) = {0};
        if (decode(name, &value) != 0)
            continue;
        enum parameter parameter = find_parameter(value.text);
        if (parameter == P_COUNT)
            continue;
        if (seen[parameter])
            return err_set(err, ERR_SYNTAX, parameter_names[parameter],
                           "the parameter stands twice in the key URI; remove one of them");
        seen[parameter] = true;
        int r = decode(text, &value);
        if (r == 0)
            r = read_value(parameter, value.text, key);
        if (r != 0)
            return wrong_parameter(err, r, parameter);
    }
    if (!seen[P_SECRET])
        return err_set(err, ERR_SYNTAX, "secret", "the key URI has no secret; copy it again");
    if (key->type == DEVICE_HOTP && !seen[P_COUNTER])
        return err_set(err, ERR_SYNTAX, "counter",
                       "a key URI of type hotp needs a counter; add counter=0 for a new device");
    return 0;
}

static int wrong_label(struct err *err, int code)
{
    return err_set(err, code, "label",
                   "the label must be an account name, or issuer:account, of printable text, each "
                   "at most 256 bytes");
}

static int parse_label(struct span label, struct uri_key *key, struct err *err)
{
    struct value prefix = {0}, account = {0};
    int r = 0;

    if (span_find(label, ':') < label.end)
        r = decode(span_next(&label, ':'), &prefix);
    if (r == 0)
        r = decode(label, &account);
    if (r != 0)
        return wrong_label(err, r);
    const char *name = account.text + strspn(account.text, " ");
    if (*name == '\0')
        return wrong_label(err, ERR_SYNTAX);
    if (key->issuer[0] == '\0')
        memcpy(key->issuer, prefix.text, sizeof(key->issuer));
    else if (prefix.text[0] != '\0' && strcmp(key->issuer, prefix.text) != 0)
        return err_set(err, ERR_INVALID, "issuer",
                       "the issuer differs from the one in the label; make them equal");
    r = text_copy(key->account, sizeof(key->account), name);
    return r == 0 ? 0 : wrong_label(err, r);
}

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Scheme and host are in either case (RFC 3986 sections 3.1 and 3.2.2). */
static bool read_type(struct span *rest, enum device_type *type)
{
    struct value name = {0};

    for (const char *p = SCHEME; *p != '\0'; p++)
        if (rest->begin == rest->end || to_lower(*rest->begin++) != *p)
            return false;
    return span_find(*rest, '/') < rest->end && decode(span_next(rest, '/'), &name) == 0 &&
           device_type_parse(name.text, type) == 0;
}

int uri_parse(const char *text, struct uri_key *key, struct err *err)
{
    struct span rest = {text, text + strlen(text)};
    struct uri_key read CLEANUP(uri_clear) = {
        .algorithm = OTP_SHA1, .digits = DIGITS_DEFAULT, .period = PERIOD_DEFAULT};
    bool seen[P_COUNT] = {false};

    if (strchr(text, '#') != NULL)
        return err_set(err, ERR_SYNTAX, "key URI",
                       "a key URI has no '#'; write it as %%23 within a name");
    if (!read_type(&rest, &read.type))
        return err_set(err, ERR_SYNTAX, "key URI",
                       "this does not begin with otpauth://totp/ or otpauth://hotp/");
    if (read.type == DEVICE_HOTP)
        read.period = 0;
    struct span label = span_next(&rest, '?');
    int r = parse_query(rest, &read, seen, err);
    if (r == 0)
        r = parse_label(label, &read, err);
    if (r == 0)
        *key = read;
    return r;
}
