/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "option.h"

#include "text.h"
#include "uri.h"

#include <stdio.h>
#include <string.h>

#define DAY (24 * 60 * 60)
#define BLANKS " \t"
#define SOCKET_PATH_MAX 107 /* of sun_path */

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
    {"unenrolled", CONF_ENUM, AT(rules.unenrolled), 0, 0, "deny|ignore|permit", "deny",
     "an account without an active device: deny, ignore (no say) or permit"},
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
                   sizeof(enum rules_unenrolled) == sizeof(unsigned),
               "enumerations are stored as unsigned numbers");

_Static_assert(OPTIONS <= OPTIONS_MAX, "there is room for every option");

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
        return "the path after sqlite: must begin with '/'";
    return NULL;
}

/* What is wrong with a text as the value of option, or NULL. */
static const char *text_fault(const struct conf_option *option, const char *value)
{
    char expanded[CONF_TEXT_SIZE];

    if (strlen(value) >= CONF_TEXT_SIZE)
        return "is too long: 256 bytes are the limit";
    if (value[0] == '\0' && option->min > 0)
        return "must not be empty";
    if (!text_is_printable(value, strlen(value)))
        return "must be UTF-8 without control characters";
    if (option->type == CONF_PATH && value[0] != '\0' && value[0] != '/')
        return "must be a path that begins with '/'";
    if (option->offset == AT(socket) && strlen(value) > SOCKET_PATH_MAX)
        return "is too long for a socket: 107 bytes are the limit";
    if (option->type == CONF_URI)
        return uri_fault(value);
    if (option->offset == AT(issuer) && strchr(value, ':') != NULL)
        return "must not hold a ':', which ends the issuer in a key URI";
    if (option->offset == AT(label) &&
        uri_expand(value, "u", "h", "s", expanded, sizeof(expanded)) != 0)
        return "knows %u, %h, %s and %% only";
    return NULL;
}

static int set_text(char *field, const struct conf_option *option, const char *value,
                    struct err *err)
{
    const char *fault = text_fault(option, value);

    if (fault == NULL && text_copy(field, CONF_TEXT_SIZE, value) == 0)
        return 0;
    return err_set(err, ERR_CONFIG, NULL, "%s: %s", option->name, fault);
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
