/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "conf.h"

#include "file.h"
#include "text.h"
#include "uri.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define DAY (24 * 60 * 60)
#define CODE_LIFE_MAX (60 * 60) /* seconds on either side of now; no sane clock is further off */
#define SERVICE_SIZE 65
#define SECTIONS_MAX 64 /* in one file */
#define SHOWN_SIZE 65   /* of a name that is not ours, in a message */
#define BLANKS " \t"

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
    {"window", CONF_UINT, AT(rules.window), 0, POLICY_WINDOW_MAX, NULL, "1",
     "time steps accepted on either side of now"},
    {"look_ahead", CONF_UINT, AT(rules.look_ahead), 0, POLICY_LOOK_AHEAD_MAX, NULL, "10",
     "HOTP counters accepted ahead"},
    {"max_drift", CONF_UINT, AT(rules.max_drift), 0, POLICY_DRIFT_MAX, NULL, "2",
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
    {"digits", CONF_UINT, AT(digits), CODE_DIGITS_MIN, CODE_DIGITS_MAX, NULL, "6",
     "digits of a new device's codes"},
    {"algorithm", CONF_ENUM, AT(algorithm), 0, 0, "SHA1|SHA256|SHA512", "SHA1",
     "SHA1, SHA256 or SHA512, for a new device; many apps know SHA1 alone"},
    {"period", CONF_UINT, AT(period), 15, 300, NULL, "30", "seconds of a new device's time step"},
    {"backup_tokens", CONF_UINT, AT(backup_tokens), 0, ACCOUNT_TOKENS_MAX, NULL, "10",
     "backup tokens issued with an account's first device"},
    {"quiet", CONF_BOOL, AT(quiet), 0, 0, NULL, "no", "tell the person nothing"},
    {"debug", CONF_BOOL, AT(debug), 0, 0, NULL, "no",
     "explain refusals in the log; never a code, a password or a secret"},
};
#define OPTIONS ARRAY_SIZE(options)

_Static_assert(sizeof(enum conf_mode) == sizeof(unsigned) &&
                   sizeof(enum policy_unenrolled) == sizeof(unsigned),
               "enumerations are stored as unsigned numbers");

/* Who set an option; a later setting of the same or a higher level wins. */
enum level {
    LEVEL_ELSEWHERE = -1, /* a section of another service: judged, not used */
    LEVEL_DEFAULT = 0,
    LEVEL_TOP,
    LEVEL_SERVICE,
    LEVEL_MODULE,
};

struct loader {
    const char *service;
    struct conf conf;
    struct conf unused; /* takes settings that do not count */
    enum level levels[OPTIONS];
};

/* One file being read. */
struct reader {
    struct loader *loader;
    enum level level;
    bool seen[OPTIONS]; /* in this section */
    size_t section_count;
    char sections[SECTIONS_MAX][SERVICE_SIZE];
};

const struct conf_option *conf_options(size_t *count)
{
    *count = OPTIONS;
    return options;
}

/* The row of that name, or OPTIONS. */
static size_t option_find(const char *name)
{
    size_t i = 0;

    while (i < OPTIONS && strcmp(options[i].name, name) != 0)
        i++;
    return i;
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
    if (option->type == CONF_PATH && value[0] != '/')
        return "must be a path that begins with '/'";
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

static int option_set(struct conf *conf, const struct conf_option *option, const char *value,
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

static int assign(struct loader *loader, enum level level, size_t index, const char *value,
                  struct err *err)
{
    bool counts = level >= loader->levels[index];
    int result = option_set(counts ? &loader->conf : &loader->unused, &options[index], value, err);

    if (result == 0 && counts)
        loader->levels[index] = level;
    return result;
}

/* Cuts blanks off both ends, in place. */
static char *trim(char *text)
{
    size_t length;

    text += strspn(text, BLANKS);
    for (length = strlen(text); length > 0 && strchr(BLANKS, text[length - 1]) != NULL; length--)
        continue;
    text[length] = '\0';
    return text;
}

/* Takes the quotation marks off a quoted value, in place. */
static int unquote(char *value)
{
    char *in = value + 1, *out = value;

    if (value[0] != '"')
        return 0;
    for (; *in != '"'; in++) {
        if (*in == '\\' && (in[1] == '"' || in[1] == '\\'))
            in++;
        else if (*in == '\\' || *in == '\0')
            return ERR_SYNTAX;
        *out++ = *in;
    }
    *out = '\0';
    return in[1] == '\0' ? 0 : ERR_SYNTAX;
}

void conf_init(struct conf *conf)
{
    memset(conf, 0, sizeof(*conf));
    for (size_t i = 0; i < OPTIONS; i++) {
        char value[CONF_TEXT_SIZE + 2] = "";

        if (text_copy(value, sizeof(value), options[i].fallback) == 0 && unquote(value) == 0)
            (void)option_set(conf, &options[i], value, NULL);
    }
}

static int refuse_unknown(const char *name, const char *hint, struct err *err)
{
    char shown[SHOWN_SIZE];

    text_escape(shown, sizeof(shown), name);
    return err_set(err, ERR_CONFIG, NULL, "%s: there is no such option: see totp.conf(5)%s", shown,
                   hint);
}

/* "[service NAME]" */
static int read_section(struct reader *reader, char *text, struct err *err)
{
    static const char word[] = "[service", grammar[] = "a section is written [service NAME]";
    size_t length = strlen(text);
    char *name = text + sizeof(word) - 1;

    if (strncmp(text, word, sizeof(word) - 1) != 0 || text[length - 1] != ']')
        return err_set(err, ERR_CONFIG, NULL, grammar);
    text[length - 1] = '\0';
    if (*name == '\0' || strchr(BLANKS, *name) == NULL)
        return err_set(err, ERR_CONFIG, NULL, grammar);
    name = trim(name);
    length = strlen(name);
    if (length == 0 || length >= SERVICE_SIZE || strpbrk(name, BLANKS "/[]\"") != NULL ||
        !text_is_printable(name, length))
        return err_set(err, ERR_CONFIG, NULL, grammar);
    if (strpbrk(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL)
        return err_set(err, ERR_CONFIG, NULL,
                       "%s: PAM knows services by lower-case names: write it so", name);
    for (size_t i = 0; i < reader->section_count; i++)
        if (strcmp(reader->sections[i], name) == 0)
            return err_set(err, ERR_CONFIG, NULL,
                           "the section of service %s stands twice: join them", name);
    if (reader->section_count == SECTIONS_MAX)
        return err_set(err, ERR_CONFIG, NULL,
                       "there are more than %d sections: move some to a file of their own",
                       SECTIONS_MAX);
    memcpy(reader->sections[reader->section_count++], name, length + 1);
    memset(reader->seen, 0, sizeof(reader->seen));
    reader->level = reader->loader->service != NULL && strcmp(reader->loader->service, name) == 0
                        ? LEVEL_SERVICE
                        : LEVEL_ELSEWHERE;
    return 0;
}

/* "key = value" */
static int read_setting(struct reader *reader, char *text, struct err *err)
{
    char *equals = strchr(text, '='), *name, *value;
    size_t index;

    if (equals == NULL)
        return err_set(err, ERR_CONFIG, NULL,
                       "this line has no '=': write key = value, or # before a comment");
    *equals = '\0';
    name = trim(text);
    value = trim(equals + 1);
    if (*name == '\0')
        return err_set(err, ERR_CONFIG, NULL, "there is no key before the '='");
    index = option_find(name);
    if (index == OPTIONS)
        return refuse_unknown(name, "", err);
    if (reader->seen[index])
        return err_set(err, ERR_CONFIG, NULL, "%s: stands twice in one section: remove one of them",
                       name);
    reader->seen[index] = true;
    if (unquote(value) != 0)
        return err_set(err, ERR_CONFIG, NULL,
                       "%s: a quoted value ends with its '\"'; inside write \\\" and \\\\", name);
    return assign(reader->loader, reader->level, index, value, err);
}

static int read_line(struct reader *reader, char *line, struct err *err)
{
    size_t length = strlen(line);
    char *text;

    if (length > 0 && line[length - 1] == '\r')
        line[length - 1] = '\0';
    text = trim(line);
    if (*text == '\0' || *text == '#' || *text == ';')
        return 0;
    return *text == '[' ? read_section(reader, text, err) : read_setting(reader, text, err);
}

static int read_file(struct loader *loader, const char *path, struct err *err)
{
    struct reader reader = {.loader = loader, .level = LEVEL_TOP};
    int fd CLEANUP(file_close) = -1;
    int got = 1, result = file_open(path, FILE_PUBLIC, &fd, err);
    struct file_lines lines = FILE_LINES_INIT(fd);
    char *line;

    if (result != 0)
        return result;
    while (result == 0 && (got = file_next_line(&lines, &line)) > 0)
        result = read_line(&reader, line, err);
    if (got == ERR_SYSTEM)
        return err_set(err, got, path, "it cannot be read");
    if (got < 0)
        result = err_set(err, ERR_CONFIG, NULL,
                         got == ERR_SYNTAX ? "there is a NUL byte in this line: the file is damaged"
                                           : "this line is longer than 1023 bytes: shorten it");
    if (result != 0)
        snprintf(err->where, sizeof(err->where), "%s:%u", path, lines.number);
    return result;
}

static void close_directory(DIR **directory)
{
    if (*directory != NULL)
        closedir(*directory);
}

/* The first drop-in after a name, in byte order. 1, 0 or ERR_SYSTEM. */
static int next_dropin(DIR *directory, char name[static NAME_MAX + 1])
{
    static const char suffix[] = ".conf";
    char next[NAME_MAX + 1] = "";
    const struct dirent *entry;

    rewinddir(directory);
    while (errno = 0, (entry = readdir(directory)) != NULL) {
        size_t length = strlen(entry->d_name);

        if (length < sizeof(suffix) || entry->d_name[0] == '.' ||
            strcmp(entry->d_name + length - sizeof(suffix) + 1, suffix) != 0)
            continue;
        if (strcmp(entry->d_name, name) > 0 && (!next[0] || strcmp(entry->d_name, next) < 0))
            memcpy(next, entry->d_name, length + 1);
    }
    if (errno != 0)
        return ERR_SYSTEM;
    memcpy(name, next, sizeof(next));
    return next[0] != '\0';
}

/* The directory is read again for each file: there are few, and no list of names has to fit. */
static int read_dropins(struct loader *loader, const char *path, struct err *err)
{
    char place[CONF_TEXT_SIZE + 2 + 1 + NAME_MAX], name[NAME_MAX + 1] = "";
    DIR *directory CLEANUP(close_directory) = NULL;
    int more, result;

    snprintf(place, sizeof(place), "%s.d", path);
    result = file_check_dir(place, FILE_PUBLIC, err);
    if (result == ERR_FILE_MISSING)
        return 0;
    if (result != 0)
        return result;
    directory = opendir(place);
    if (directory == NULL)
        return err_set_errno(err, ERR_SYSTEM, errno, place, NULL);
    while ((more = next_dropin(directory, name)) > 0) {
        snprintf(place, sizeof(place), "%s.d/%s", path, name);
        result = read_file(loader, place, err);
        if (result != 0)
            return result;
    }
    return more == 0 ? 0 : err_set_errno(err, more, errno, path, "its drop-ins cannot be listed");
}

/* The file that config=FILE names on the module line, or NULL. */
static int find_file(int argc, const char **argv, const char **path, struct err *err)
{
    static const char word[] = "config=";

    *path = NULL;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], word, sizeof(word) - 1) != 0)
            continue;
        if (*path != NULL)
            return err_set(err, ERR_CONFIG, NULL, "config: stands twice: remove one of them");
        *path = argv[i] + sizeof(word) - 1;
        /* A path from the working directory would be chosen by whoever calls sudo. */
        if ((*path)[0] != '/' || strlen(*path) >= CONF_TEXT_SIZE)
            return err_set(err, ERR_CONFIG, NULL,
                           "config: must be a path that begins with '/', of 256 bytes at most");
    }
    return 0;
}

static int read_word(struct loader *loader, const char *word, bool seen[static OPTIONS],
                     struct err *err)
{
    char name[SHOWN_SIZE];
    size_t length = strcspn(word, "="), index;
    bool bare = word[length] == '\0';

    if (length == 0) {
        text_escape(name, sizeof(name), word);
        return err_set(err, ERR_CONFIG, NULL, "%s: has no name: write NAME=VALUE", name);
    }
    text_cut(name, length < sizeof(name) ? length + 1 : sizeof(name), word);
    index = option_find(name);
    if (index == OPTIONS && !bare && strcmp(name, "config") == 0)
        return 0;
    if (index == OPTIONS)
        return refuse_unknown(name, bare ? "; a value with blanks is written [name=two words]" : "",
                              err);
    if (seen[index])
        return err_set(err, ERR_CONFIG, NULL, "%s: stands twice: remove one of them", name);
    seen[index] = true;
    if (bare && options[index].type != CONF_BOOL)
        return err_set(err, ERR_CONFIG, NULL, "%s: has no value: write %s=VALUE", name, name);
    return assign(loader, LEVEL_MODULE, index, bare ? "yes" : word + length + 1, err);
}

/* What no single option can tell. */
static int check_together(const struct conf *conf, const char *path, struct err *err)
{
    const struct policy_rules *rules = &conf->rules;

    if (rules->lock_time > rules->lock_time_max)
        return err_set(err, ERR_CONFIG, path,
                       "lock_time is longer than lock_time_max: shorten it, or raise that");
    if (rules->max_failures > rules->failure_limit)
        return err_set(err, ERR_CONFIG, path,
                       "max_failures, %u, is more than failure_limit, %u: lower the one or raise "
                       "the other",
                       rules->max_failures, rules->failure_limit);
    if (conf->password == PASSWORD_STORE && conf->mode == MODE_PROMPT)
        return err_set(err, ERR_CONFIG, path,
                       "password=store checks a password in mode=combined or auto: set the mode "
                       "too");
    if (conf->password == PASSWORD_STORE && rules->unenrolled == UNENROLLED_PERMIT)
        return err_set(err, ERR_CONFIG, path,
                       "unenrolled=permit would let people in without the password that "
                       "password=store is to check: use deny or ignore");
    if ((rules->window + rules->max_drift) * conf->period > CODE_LIFE_MAX)
        return err_set(err, ERR_CONFIG, path,
                       "window and max_drift, times period, are more than an hour: lower one");
    return 0;
}

static int load(struct loader *loader, int argc, const char **argv, struct err *err)
{
    bool seen[OPTIONS] = {false};
    const char *named;
    int result = find_file(argc, argv, &named, err);
    const char *path = named != NULL ? named : CONF_DEFAULT_FILE;

    if (result != 0)
        return result;
    result = read_file(loader, path, err);
    if (result == ERR_FILE_MISSING && named != NULL)
        return err_set(err, result, path,
                       "it does not exist: make it, or name another configuration file");
    if (result != 0 && result != ERR_FILE_MISSING)
        return result;
    result = read_dropins(loader, path, err);
    for (int i = 0; i < argc && result == 0; i++)
        result = read_word(loader, argv[i], seen, err);
    return result != 0 ? result : check_together(&loader->conf, path, err);
}

int conf_load(struct conf *conf, const char *service, int argc, const char **argv, struct err *err)
{
    struct loader loader = {.service = service};
    struct err fault = {0};
    int result;

    conf_init(conf);
    loader.conf = loader.unused = *conf;
    result = load(&loader, argc, argv, &fault);
    if (result == 0)
        *conf = loader.conf;
    else if (err != NULL)
        *err = fault;
    return result;
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

int conf_format(const struct conf *conf, const struct conf_option *option, char *out, size_t size)
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
