/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "text.h"

#include "err.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DAY INT64_C(86400)
#define TIME_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

int text_copy(char *dst, size_t size, const char *src)
{
    size_t length = strnlen(src, size);

    if (length >= size) {
        if (size > 0)
            dst[0] = '\0';
        return ERR_TOO_LONG;
    }
    memcpy(dst, src, length + 1);
    return 0;
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

void text_cut(char *dst, size_t size, const char *src)
{
    size_t length;

    if (size == 0)
        return;
    length = src == NULL ? 0 : strnlen(src, size);
    if (length == size) {
        size_t whole = --length;

        /* A character has three continuation bytes at most; more is no UTF-8 to take care of. */
        while (whole > 0 && length - whole < 3 && is_continuation(src[whole]))
            whole--;
        if (!is_continuation(src[whole]))
            length = whole;
    }
    if (length > 0)
        memcpy(dst, src, length);
    dst[length] = '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits from *text on, which moves past them. */
static int read_digits(const char **text, uint64_t *value)
{
    uint64_t sum = 0;
    const char *p = *text;

    if (!is_digit(*p))
        return ERR_INVALID;
    for (; is_digit(*p); p++) {
        unsigned digit = (unsigned)(*p - '0');

        if (sum > (UINT64_MAX - digit) / 10)
            return ERR_RANGE;
        sum = sum * 10 + digit;
    }
    *text = p;
    *value = sum;
    return 0;
}

int text_parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
    uint64_t number = 0;
    int result;

    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0')
        return ERR_INVALID;
    result = read_digits(&text, &number);
    if (result != 0)
        return result;
    if (number < min || number > max)
        return ERR_RANGE;
    *value = number;
    return 0;
}

int text_parse_bool(const char *text, bool *value)
{
    if (strcmp(text, "yes") == 0)
        *value = true;
    else if (strcmp(text, "no") == 0)
        *value = false;
    else
        return ERR_INVALID;
    return 0;
}

int text_parse_duration(const char *text, int64_t max, int64_t *seconds)
{
    static const struct {
        const char *unit;
        int64_t seconds;
    } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", DAY}, {"w", 7 * DAY}};
    uint64_t number = 0;
    int result = read_digits(&text, &number);

    if (result != 0)
        return result;
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        if (strcmp(text, units[i].unit) != 0)
            continue;
        if (max < 0 || number > (uint64_t)(max / units[i].seconds))
            return ERR_RANGE;
        *seconds = (int64_t)number * units[i].seconds;
        return 0;
    }
    return ERR_INVALID;
}

void text_format_duration(int64_t seconds, char *out, size_t size)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'d', DAY}, {'h', 3600}, {'m', 60}, {'s', 1}};

    for (size_t i = 0; seconds > 0 && i < ARRAY_SIZE(units); i++)
        if (seconds % units[i].seconds == 0) {
            snprintf(out, size, "%" PRId64 "%c", seconds / units[i].seconds, units[i].unit);
            return;
        }
    snprintf(out, size, "0");
}

/* The calendar by hand: libc's functions read TZ and may load a time zone. Years are counted from
 * 1 March, so that the leap day is the last; 719468 days lie between 0000-03-01 and 1970-01-01. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t m = month > 2 ? month - 3 : month + 9;

    return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static void date_from_days(int64_t days, int *year, int *month, int *day)
{
    int64_t d = days + 719468;
    int64_t era = d / 146097, of_era = d % 146097; /* 400 years are 146097 days */
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * of_year + 2) / 153;

    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(era * 400 + y + (*month <= 2 ? 1 : 0));
}

static int64_t month_days(int64_t year, int64_t month)
{
    static const int64_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Reads text of the shape pattern, where '#' is a digit, into the numbers between the rest. */
static bool match_shape(const char *text, const char *pattern, int64_t *fields)
{
    if (strlen(text) != strlen(pattern))
        return false;
    for (size_t i = 0, field = 0; pattern[i] != '\0'; i++) {
        if (pattern[i] != '#') {
            if (text[i] != pattern[i])
                return false;
            field++;
            continue;
        }
        if (!is_digit(text[i]))
            return false;
        fields[field] = fields[field] * 10 + (text[i] - '0');
    }
    return true;
}

int text_parse_time(const char *text, int64_t *time)
{
    enum { YEAR, MONTH, DAY_OF_MONTH, HOUR, MINUTE, SECOND, FIELDS };
    int64_t date[FIELDS + 1] = {0}, moment[FIELDS + 1] = {0};
    const int64_t *f = date;

    if (!match_shape(text, "####-##-##", date)) {
        if (!match_shape(text, "####-##-##T##:##:##Z", moment))
            return ERR_INVALID;
        f = moment;
    }
    if (f[YEAR] < 1970 || f[MONTH] < 1 || f[MONTH] > 12 || f[DAY_OF_MONTH] < 1 ||
        f[DAY_OF_MONTH] > month_days(f[YEAR], f[MONTH]) || f[HOUR] > 23 || f[MINUTE] > 59 ||
        f[SECOND] > 59)
        return ERR_RANGE;
    *time = days_from_date(f[YEAR], f[MONTH], f[DAY_OF_MONTH]) * DAY + f[HOUR] * 3600 +
            f[MINUTE] * 60 + f[SECOND];
    return 0;
}

void text_format_time(int64_t time, char out[static TEXT_TIME_SIZE])
{
    int64_t clamped = time < 0 ? 0 : time > TIME_MAX ? TIME_MAX : time;
    int second = (int)(clamped % DAY), year = 0, month = 0, day = 0;
    char buffer[80]; /* room for any int, which the compiler cannot know are small */

    date_from_days(clamped / DAY, &year, &month, &day);
    snprintf(buffer, sizeof(buffer), "%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, day,
             second / 3600, second / 60 % 60, second % 60);
    memcpy(out, buffer, TEXT_TIME_SIZE - 1);
    out[TEXT_TIME_SIZE - 1] = '\0';
}

/* The bytes of the character at text, or 0 where there is none (RFC 3629 section 4). */
size_t text_next_character(const char *text, size_t length, uint32_t *character)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char lead = (unsigned char)text[0];
    size_t size = lead < 0x80 ? 1 : lead < 0xC0 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    uint32_t c;

    if (size == 0 || size > length || lead > 0xF4)
        return 0;
    c = size == 1 ? lead : lead & (0x7FU >> size);
    for (size_t i = 1; i < size; i++) {
        if (!is_continuation(text[i]))
            return 0;
        c = c << 6 | ((unsigned char)text[i] & 0x3F);
    }
    if (c < smallest[size] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        return 0;
    *character = c;
    return size;
}

/* The bytes of the character at text if it may be shown as it is, else 0. */
static size_t printable_next(const char *text, size_t length)
{
    uint32_t c = 0;
    size_t size = text_next_character(text, length, &c);

    if (c < 0x20 || (c >= 0x7F && c <= 0x9F))
        return 0;
    if (c == 0x2028 || c == 0x2029) /* separators of lines and paragraphs */
        return 0;
    if ((c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069)) /* reorder what follows */
        return 0;
    return size;
}

bool text_is_printable(const char *text, size_t length)
{
    while (length > 0) {
        size_t size = printable_next(text, length);

        if (size == 0)
            return false;
        text += size;
        length -= size;
    }
    return true;
}

void text_escape(char *out, size_t size, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    size_t used = 0, length = text == NULL ? 0 : strlen(text);

    if (size == 0)
        return;
    for (size_t i = 0, taken; i < length; i += taken) {
        size_t whole = printable_next(text + i, length - i);
        char unit[4];
        size_t unit_size;

        taken = whole > 0 ? whole : 1;
        if (whole == 0) {
            unsigned char byte = (unsigned char)text[i];

            memcpy(unit, (char[]){'\\', 'x', hex[byte >> 4], hex[byte & 15]}, 4);
            unit_size = 4;
        } else if (text[i] == '\\' || text[i] == '"') {
            memcpy(unit, (char[]){'\\', text[i]}, 2);
            unit_size = 2;
        } else {
            memcpy(unit, text + i, whole);
            unit_size = whole;
        }
        if (used + unit_size >= size)
            break;
        memcpy(out + used, unit, unit_size);
        used += unit_size;
    }
    out[used] = '\0';
}

int text_next_word(const char **list, char *word, size_t size)
{
    static const char separators[] = ", \t";
    const char *start = *list + strspn(*list, separators);
    size_t length = strcspn(start, separators);

    if (length == 0)
        return 0;
    if (length >= size)
        return ERR_TOO_LONG;
    memcpy(word, start, length);
    word[length] = '\0';
    *list = start + length;
    return 1;
}
