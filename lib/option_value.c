/* SPDX-License-Identifier: BSD-2-Clause */
/* The values of options: what they may be, and how they are written. */
#include "config.h"

#include "option.h"

#include "language.h"
#include "network.h"
#include "text.h"
#include "uri.h"

#include <stdio.h>
#include <string.h>

#define DAY (24 * 60 * 60)
#define BLANKS " \t"
#define SOCKET_PATH_MAX 107 /* of sun_path */
#define DATE_LENGTH 10      /* YYYY-MM-DD */
#define SHOWN_SIZE 65       /* of an item, in a message */

#define AT(field) offsetof(struct conf, field)

static int set_bool(bool *field, const struct conf_option *option, const char *value,
                    struct err *err)
{
    if (text_parse_bool(value, field) != 0)
        return err_set(err, ERR_CONFIG, NULL, "%s: must be yes or no", option->name);
    return 0;
}

static int set_uint(unsigned *field, const struct conf_option *option, const char *value,
                    struct err *err)
{
    uint64_t number = 0;

    if (text_parse_uint(value, (uint64_t)option->min, (uint64_t)option->max, &number) != 0)
        return err_set(err, ERR_CONFIG, NULL, "%s: must be a whole number from %d to %d",
                       option->name, (int)option->min, (int)option->max);
    *field = (unsigned)number;
    return 0;
}

static int set_duration(int64_t *field, const struct conf_option *option, const char *value,
                        struct err *err)
{
    char min[24], max[24];
    int64_t seconds = 0;

    if (text_parse_duration(value, option->max, &seconds) == 0 && seconds >= option->min) {
        *field = seconds;
        return 0;
    }
    text_format_duration(option->min, min, sizeof(min));
    text_format_duration(option->max, max, sizeof(max));
    return err_set(err, ERR_CONFIG, NULL, "%s: must be a time from %s to %s, such as 2s, 5m or 1h",
                   option->name, min, max);
}

/* The day itself still counts, wherever the host's clock is set to be. */
static int set_date(int64_t *field, const struct conf_option *option, const char *value,
                    struct err *err)
{
    int64_t begins = -DAY;

    if (value[0] != '\0' && (strlen(value) != DATE_LENGTH || text_parse_time(value, &begins) != 0))
        return err_set(err, ERR_CONFIG, NULL, "%s: must be a date such as 2026-12-31, or empty",
                       option->name);
    *field = begins + DAY;
    return 0;
}

static int set_enum(unsigned *field, const struct conf_option *option, const char *value,
                    struct err *err)
{
    size_t length = strlen(value);
    const char *word = option->words;

    for (unsigned i = 0;; i++) {
        size_t word_length = strcspn(word, "|");

        if (word_length == length && memcmp(word, value, length) == 0) {
            *field = i;
            return 0;
        }
        if (word[word_length] == '\0')
            return err_set(err, ERR_CONFIG, NULL, "%s: must be one of %s", option->name,
                           option->words);
        word += word_length + 1;
    }
}

/* The bit of a word among those named, or 0. */
static unsigned find_word(const char *words, const char *item)
{
    const size_t length = strlen(item);

    for (unsigned bit = 1;; bit <<= 1) {
        const size_t word_length = strcspn(words, "|");

        if (word_length == length && memcmp(words, item, length) == 0)
            return bit;
        if (words[word_length] == '\0')
            return 0;
        words += word_length + 1;
    }
}

/* Nothing is a set too. */
static int set_words(unsigned *field, const struct conf_option *option, const char *value,
                     struct err *err)
{
    char item[CONF_ITEM_SIZE];
    unsigned set = 0;
    int got = 0;

    if (value[strspn(value, BLANKS)] == '\0')
        value = NULL;
    while ((got = option_next_item(&value, item, sizeof(item))) > 0) {
        const unsigned bit = find_word(option->words, item);

        if (bit == 0 || (set & bit) != 0)
            break;
        set |= bit;
    }
    if (got != 0)
        return err_set(err, ERR_CONFIG, NULL,
                       "%s: must be words of %s, each once, separated by commas, or nothing",
                       option->name, option->words);
    *field = set;
    return 0;
}

static const char *uri_fault(const char *value)
{
    static const char sqlite[] = "sqlite:";
    size_t scheme = strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789+.-");

    if (scheme == 0 || value[scheme] != ':' || value[scheme + 1] == '\0')
        return "must be a URI such as " CONF_DEFAULT_STORE;
    if (strncmp(value, sqlite, sizeof(sqlite) - 1) == 0 && value[sizeof(sqlite) - 1] != '/')
        return N_("the path after sqlite: must begin with '/'");
    return NULL;
}

/* What is wrong with a text as the value of option, or NULL. */
static const char *text_fault(const struct conf_option *option, const char *value)
{
    char expanded[CONF_TEXT_SIZE];

    if (strlen(value) >= CONF_TEXT_SIZE)
        return N_("is too long: 256 bytes are the limit");
    if (value[0] == '\0' && option->min > 0)
        return N_("must not be empty");
    if (!text_is_printable(value, strlen(value)))
        return N_("must be UTF-8 without control characters");
    if (option->type == CONF_PATH && value[0] != '\0' && value[0] != '/')
        return N_("must be a path that begins with '/'");
    if (option->offset == AT(socket) && strlen(value) > SOCKET_PATH_MAX)
        return N_("is too long for a socket: 107 bytes are the limit");
    if (option->type == CONF_COMMAND && value[0] != '\0' && value[0] != '/')
        return N_("must be a command that begins with '/'");
    if (option->type == CONF_ADDRESS && !account_email_valid(value))
        return N_("must be one plain address local@domain, or empty");
    if (option->offset == AT(mail_languages) &&
        value[strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.@:-")])
        return N_("must be languages such as de or pt_BR, separated by colons");
    if (option->type == CONF_URI)
        return uri_fault(value);
    if (option->offset == AT(issuer) && strchr(value, ':') != NULL)
        return N_("must not hold a ':', which ends the issuer in a key URI");
    if (option->offset == AT(label) &&
        uri_expand(value, "u", "h", "s", expanded, sizeof(expanded)) != 0)
        return N_("knows %u, %h, %s and %% only");
    return NULL;
}

static int set_text(char *field, const struct conf_option *option, const char *value,
                    struct err *err)
{
    const char *fault = text_fault(option, value);

    if (fault == NULL && text_copy(field, CONF_TEXT_SIZE, value) == 0)
        return 0;
    return err_set(err, ERR_CONFIG, NULL, "%s: %s", option->name, err_translate(fault));
}

int option_next_item(const char **list, char *item, size_t size)
{
    const char *start = *list, *comma;
    size_t length;

    if (start == NULL)
        return 0;
    start += strspn(start, BLANKS);
    length = strcspn(start, ",");
    comma = start[length] == ',' ? start + length : NULL;
    while (length > 0 && strchr(BLANKS, start[length - 1]) != NULL)
        length--;
    if (length >= size)
        return ERR_TOO_LONG;
    memcpy(item, start, length);
    item[length] = '\0';
    *list = comma != NULL ? comma + 1 : NULL;
    return 1;
}

/* "domain users" is a group. */
static bool is_group(const char *item)
{
    char joined[CONF_ITEM_SIZE];

    text_cut(joined, sizeof(joined), item);
    for (char *p = joined; *p != '\0'; p++)
        if (*p == ' ')
            *p = '_';
    return account_name_valid(joined);
}

/* What is wrong with an item, or NULL. */
static const char *item_fault(enum conf_type type, const char *item)
{
    struct network network;
    int result = 0;

    if (item[0] == '\0')
        return N_("is empty: remove a comma");
    /* It would be a name that nobody has. */
    if (strchr(item, '"') != NULL)
        return N_("has a quotation mark, which stands around the whole list or not at all");
    if (type == CONF_NETWORKS)
        result = network_parse(item, &network);
    else if (type == CONF_GROUPS ? !is_group(item) : !account_name_valid(item))
        return type == CONF_GROUPS ? "cannot be a group's name" : "cannot be a user's name";
    if (result == ERR_RANGE)
        return N_("has bits after its prefix, or too long a prefix: write the network's first "
                  "address and /0 to /32, for IPv6 to /128");
    return result == 0 ? NULL
                       : "is no numeric address or network, such as 192.0.2.0/24 or "
                         "2001:db8::/32; names are not looked up";
}

static int check_list(const struct conf_option *option, const char *list, struct err *err)
{
    char item[CONF_ITEM_SIZE], shown[SHOWN_SIZE];
    int got;

    while ((got = option_next_item(&list, item, sizeof(item))) > 0) {
        const char *fault = item_fault(option->type, item);

        text_escape(shown, sizeof(shown), item);
        if (fault != NULL)
            return err_set(err, ERR_CONFIG, NULL, "%s: the item \"%s\" %s", option->name, shown,
                           err_translate(fault));
    }
    if (got < 0)
        return err_set(err, ERR_CONFIG, NULL, "%s: an item is too long: %d bytes are the limit",
                       option->name, CONF_ITEM_SIZE - 1);
    return 0;
}

static int set_list(char *field, const struct conf_option *option, const char *value,
                    struct err *err)
{
    char list[CONF_LIST_MAX + 1] = "";
    size_t length;
    int result;

    value += strspn(value, BLANKS);
    for (length = strlen(value); length > 0 && strchr(BLANKS, value[length - 1]) != NULL; length--)
        continue;
    if (length > CONF_LIST_MAX)
        return err_set(err, ERR_CONFIG, NULL, "%s: is too long: %d bytes are the limit",
                       option->name, CONF_LIST_MAX);
    memcpy(list, value, length);
    result = length == 0 ? 0 : check_list(option, list, err);
    if (result == 0)
        memcpy(field, list, length + 1);
    return result;
}

int option_set(struct conf *conf, const struct conf_option *option, const char *value,
               struct err *err)
{
    void *field = (char *)conf + option->offset;

    switch (option->type) {
    case CONF_BOOL:
        return set_bool(field, option, value, err);
    case CONF_UINT:
        return set_uint(field, option, value, err);
    case CONF_DURATION:
        return set_duration(field, option, value, err);
    case CONF_DATE:
        return set_date(field, option, value, err);
    case CONF_USERS:
    case CONF_GROUPS:
    case CONF_NETWORKS:
        return set_list(field, option, value, err);
    case CONF_ENUM:
        return set_enum(field, option, value, err);
    case CONF_SET:
        return set_words(field, option, value, err);
    case CONF_TEXT:
    case CONF_PATH:
    case CONF_URI:
    case CONF_COMMAND:
    case CONF_ADDRESS:
        break;
    }
    return set_text(field, option, value, err);
}

static int put(char *out, size_t size, const char *before, const char *text, const char *after)
{
    int length = snprintf(out, size, "%s%s%s", before, text, after);

    return length < 0 || (size_t)length >= size ? ERR_TOO_LONG : 0;
}

static int format_words(unsigned set, const char *words, char *out, size_t size)
{
    size_t at = 0;

    for (; set != 0; set >>= 1) {
        const size_t length = strcspn(words, "|");

        if ((set & 1) != 0 && length + 1 < size - at) {
            if (at > 0)
                out[at++] = ',';
            memcpy(out + at, words, length);
            at += length;
        } else if ((set & 1) != 0)
            return ERR_TOO_LONG;
        words += length + 1;
    }
    out[at] = '\0';
    return 0;
}

static int format_text(const char *text, char *out, size_t size)
{
    char escaped[2 * CONF_TEXT_SIZE];
    size_t length = strlen(text);

    if (length == 0 || (text[0] != '"' && strchr(BLANKS, text[0]) == NULL &&
                        strchr(BLANKS, text[length - 1]) == NULL))
        return put(out, size, "", text, "");
    text_escape(escaped, sizeof(escaped), text);
    return put(out, size, "\"", escaped, "\"");
}

int option_format(const struct conf *conf, const struct conf_option *option, char *out, size_t size)
{
    const void *field = (const char *)conf + option->offset;
    char text[24];
    const char *word = option->words;

    switch (option->type) {
    case CONF_BOOL:
        return put(out, size, "", *(const bool *)field ? "yes" : "no", "");
    case CONF_UINT:
        snprintf(text, sizeof(text), "%u", *(const unsigned *)field);
        return put(out, size, "", text, "");
    case CONF_DURATION:
        text_format_duration(*(const int64_t *)field, text, sizeof(text));
        return put(out, size, "", text, "");
    case CONF_DATE:
        text_format_time(*(const int64_t *)field - 1, text);
        text[*(const int64_t *)field > 0 ? DATE_LENGTH : 0] = '\0';
        return put(out, size, "", text, "");
    case CONF_USERS:
    case CONF_GROUPS:
    case CONF_NETWORKS:
        return put(out, size, "", field, "");
    case CONF_ENUM:
        for (unsigned i = *(const unsigned *)field; i > 0; i--)
            word = strchr(word, '|') + 1;
        snprintf(text, sizeof(text), "%.*s", (int)strcspn(word, "|"), word);
        return put(out, size, "", text, "");
    case CONF_SET:
        return format_words(*(const unsigned *)field, word, out, size);
    case CONF_TEXT:
    case CONF_PATH:
    case CONF_URI:
    case CONF_COMMAND:
    case CONF_ADDRESS:
        break;
    }
    return format_text(field, out, size);
}
