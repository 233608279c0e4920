/* SPDX-License-Identifier: BSD-2-Clause */
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
#define LIST_MAX 1000       /* bytes; the line in which it is printed can be read again */
#define DATE_LENGTH 10      /* YYYY-MM-DD */
#define SHOWN_SIZE 65       /* of an item, in a message */

#define AT(field) offsetof(struct conf, field)
static const struct conf_option options[] = {
    {"store", CONF_URI, AT(store), 1, 0, NULL, CONF_DEFAULT_STORE,
     "where accounts and devices are kept: sqlite: and a path"},
    {"key_file", CONF_PATH, AT(key_file), 1, 0, NULL, CONF_DEFAULT_KEY_FILE,
     "the keys that seal the store's secrets"},
    {"mode", CONF_ENUM, AT(mode), 0, 0, "prompt|combined|auto", "prompt",
     "prompt asks for the code apart, combined takes it from the end of the password, auto tries "
     "both"},
    {"password", CONF_ENUM, AT(password), 0, 0, "forward|store", "forward",
     "forward hands the password before the code on, store checks it against the store's own"},
    {"use_authtok", CONF_BOOL, AT(use_authtok), 0, 0, NULL, "no",
     "a new password is the one an earlier module has obtained, and is not asked for"},
    {"unenrolled", CONF_ENUM, AT(rules.unenrolled), 0, 0, "deny|ignore|permit|enroll", "deny",
     "an account without an active device: deny, ignore (no say), permit, or enroll it at login"},
    {"enroll_by", CONF_DATE, AT(rules.enroll_by), 0, 0, NULL, "",
     "until the end of this day, such as 2026-12-31, accounts without a device pass"},
    {"enroll_qr", CONF_ENUM, AT(enroll_qr), 0, 0, "utf8|ascii|none", "utf8",
     "how the QR code is drawn at a login that enrolls: utf8, ascii or none"},
    {"grace", CONF_DURATION, AT(rules.grace), 0, 30 * DAY, NULL, "0",
     "how long a success spares the code, for the same user, service and remote host"},
    {"exempt_users", CONF_USERS, AT(exempt_users), 0, 0, NULL, "",
     "who need not show a code: users, separated by commas"},
    {"exempt_groups", CONF_GROUPS, AT(exempt_groups), 0, 0, NULL, "",
     "groups whose members need not show a code"},
    {"exempt_networks", CONF_NETWORKS, AT(exempt_networks), 0, 0, NULL, "",
     "networks from which nobody need show one, such as 192.0.2.0/24, 2001:db8::/32"},
    {"audit_only", CONF_BOOL, AT(audit_only), 0, 0, NULL, "no",
     "judge and log only: no login is let in or refused, no code used up"},
    {"window", CONF_UINT, AT(rules.window), 0, RULES_WINDOW_MAX, NULL, "1",
     "time steps accepted on either side of now"},
    {"look_ahead", CONF_UINT, AT(rules.look_ahead), 0, RULES_LOOK_AHEAD_MAX, NULL, "10",
     "HOTP counters accepted ahead"},
    {"max_drift", CONF_UINT, AT(rules.max_drift), 0, RULES_DRIFT_MAX, NULL, "2",
     "time steps of a device's drift that are learned at most"},
    {"max_failures", CONF_UINT, AT(rules.max_failures), 1, 100, NULL, "5",
     "wrong codes after which an account locks"},
    {"lock_time", CONF_DURATION, AT(rules.lock_time), 1, 30 * DAY, NULL, "1m",
     "how long the first lock lasts; each further failure doubles it"},
    {"lock_time_max", CONF_DURATION, AT(rules.lock_time_max), 1, 30 * DAY, NULL, "1h",
     "how long a lock lasts at most"},
    {"failure_limit", CONF_UINT, AT(rules.failure_limit), 1, 100, NULL, "100",
     "wrong codes after which an account stays locked until it is unlocked"},
    {"fail_delay", CONF_DURATION, AT(fail_delay), 0, 60, NULL, "2s",
     "how long a refusal is held back"},
    {"max_devices", CONF_UINT, AT(max_devices), 1, ACCOUNT_DEVICES_MAX, NULL, "5",
     "devices an account may have"},
    {"prompt", CONF_TEXT, AT(prompt), 1, 0, NULL, "\"" CONF_DEFAULT_PROMPT "\"",
     "what the person is asked"},
    {"echo", CONF_BOOL, AT(echo), 0, 0, NULL, "no", "show the code while it is typed"},
    {"issuer", CONF_TEXT, AT(issuer), 0, 0, NULL, "",
     "whose code it is, in the authenticator app; empty is the host's name"},
    {"label", CONF_TEXT, AT(label), 1, 0, NULL, "%u@%h",
     "the account's name in the authenticator app: %u user, %h host, %s service, %% a %"},
    {"digits", CONF_UINT, AT(digits), OTP_DIGITS_MIN, OTP_DIGITS_MAX, NULL, "6",
     "digits of a new device's codes"},
    {"algorithm", CONF_ENUM, AT(algorithm), 0, 0, "SHA1|SHA256|SHA512", "SHA1",
     "SHA1, SHA256 or SHA512, for a new device; many apps know SHA1 alone"},
    {"period", CONF_UINT, AT(period), 15, 300, NULL, "30", "seconds of a new device's time step"},
    {"backup_tokens", CONF_UINT, AT(backup_tokens), 0, ACCOUNT_TOKENS_MAX, NULL, "10",
     "backup tokens issued with an account's first device"},
    {"event_retention", CONF_DURATION, AT(event_retention), DAY, 3650 * DAY, NULL, "90d",
     "how long the record of logins and changes is kept"},
    {"socket", CONF_PATH, AT(socket), 0, 0, NULL, CONF_DEFAULT_SOCKET,
     "where the service totpd listens; empty: none is asked"},
    {"quiet", CONF_BOOL, AT(quiet), 0, 0, NULL, "no", "tell the person nothing"},
    {"debug", CONF_BOOL, AT(debug), 0, 0, NULL, "no",
     "explain refusals in the log; never a code, a password or a secret"},
};
#define OPTIONS ARRAY_SIZE(options)

_Static_assert(sizeof(enum conf_mode) == sizeof(unsigned) &&
                   sizeof(enum rules_unenrolled) == sizeof(unsigned) &&
                   sizeof(enum conf_qr) == sizeof(unsigned),
               "enumerations are stored as unsigned numbers");

_Static_assert(OPTIONS <= OPTIONS_MAX && LIST_MAX < CONF_LIST_SIZE,
               "there is room for every option and every list");

const struct conf_option *option_table(size_t *count)
{
    *count = OPTIONS;
    return options;
}

const struct conf_option *option_find(const char *name)
{
    for (size_t i = 0; i < OPTIONS; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

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
    char list[LIST_MAX + 1] = "";
    size_t length;
    int result;

    value += strspn(value, BLANKS);
    for (length = strlen(value); length > 0 && strchr(BLANKS, value[length - 1]) != NULL; length--)
        continue;
    if (length > LIST_MAX)
        return err_set(err, ERR_CONFIG, NULL, "%s: is too long: %d bytes are the limit",
                       option->name, LIST_MAX);
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
    case CONF_TEXT:
    case CONF_PATH:
    case CONF_URI:
        break;
    }
    return set_text(field, option, value, err);
}

static int put(char *out, size_t size, const char *before, const char *text, const char *after)
{
    int length = snprintf(out, size, "%s%s%s", before, text, after);

    return length < 0 || (size_t)length >= size ? ERR_TOO_LONG : 0;
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
    case CONF_TEXT:
    case CONF_PATH:
    case CONF_URI:
        break;
    }
    return format_text(field, out, size);
}
