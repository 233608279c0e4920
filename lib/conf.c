/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "conf.h"

#include "file.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CODE_LIFE_MAX (60 * 60) /* seconds on either side of now; no sane clock is further off */
#define SERVICE_SIZE 65
#define SECTIONS_MAX 64 /* in one file */
#define SHOWN_SIZE 65   /* of a name that is not ours, in a message */
#define BLANKS " \t"

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
    enum level levels[OPTIONS_MAX];
};

/* One file being read. */
struct reader {
    struct loader *loader;
    enum level level;
    bool seen[OPTIONS_MAX]; /* in this section */
    size_t section_count;
    char sections[SECTIONS_MAX][SERVICE_SIZE];
};

static size_t index_of(const struct conf_option *option)
{
    size_t count = 0;

    return (size_t)(option - option_table(&count));
}

static int assign(struct loader *loader, enum level level, const struct conf_option *option,
                  const char *value, struct err *err)
{
    enum level *set_by = &loader->levels[index_of(option)];
    bool counts = level >= *set_by;
    int result = option_set(counts ? &loader->conf : &loader->unused, option, value, err);

    if (result == 0 && counts)
        *set_by = level;
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
    size_t count = 0;
    const struct conf_option *options = option_table(&count);

    memset(conf, 0, sizeof(*conf));
    for (size_t i = 0; i < count; i++) {
        char value[CONF_TEXT_SIZE + 2] = "";

        /* A test sees that every default is one. */
        if (text_copy(value, sizeof(value), options[i].fallback) != 0 || unquote(value) != 0 ||
            option_set(conf, &options[i], value, NULL) != 0)
            continue;
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
    const struct conf_option *option;

    if (equals == NULL)
        return err_set(err, ERR_CONFIG, NULL,
                       "this line has no '=': write key = value, or # before a comment");
    *equals = '\0';
    name = trim(text);
    value = trim(equals + 1);
    if (*name == '\0')
        return err_set(err, ERR_CONFIG, NULL, "there is no key before the '='");
    option = option_find(name);
    if (option == NULL)
        return refuse_unknown(name, "", err);
    if (reader->seen[index_of(option)])
        return err_set(err, ERR_CONFIG, NULL, "%s: stands twice in one section: remove one of them",
                       name);
    reader->seen[index_of(option)] = true;
    if (unquote(value) != 0)
        return err_set(err, ERR_CONFIG, NULL,
                       "%s: a quoted value ends with its '\"'; inside write \\\" and \\\\", name);
    return assign(reader->loader, reader->level, option, value, err);
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

static int read_word(struct loader *loader, const char *word, bool seen[static OPTIONS_MAX],
                     struct err *err)
{
    char name[SHOWN_SIZE];
    const struct conf_option *option;
    size_t length = strcspn(word, "=");
    bool bare = word[length] == '\0';

    if (length == 0) {
        text_escape(name, sizeof(name), word);
        return err_set(err, ERR_CONFIG, NULL, "%s: has no name: write NAME=VALUE", name);
    }
    text_cut(name, length < sizeof(name) ? length + 1 : sizeof(name), word);
    option = option_find(name);
    if (option == NULL && !bare && strcmp(name, "config") == 0)
        return 0;
    if (option == NULL)
        return refuse_unknown(name, bare ? "; a value with blanks is written [name=two words]" : "",
                              err);
    if (seen[index_of(option)])
        return err_set(err, ERR_CONFIG, NULL, "%s: stands twice: remove one of them", name);
    seen[index_of(option)] = true;
    if (bare && option->type != CONF_BOOL)
        return err_set(err, ERR_CONFIG, NULL, "%s: has no value: write %s=VALUE", name, name);
    return assign(loader, LEVEL_MODULE, option, bare ? "yes" : word + length + 1, err);
}

/* What no single option can tell. */
static int check_together(const struct conf *conf, const char *path, struct err *err)
{
    const struct rules *rules = &conf->rules;

    if (rules->lock_time > rules->lock_time_max)
        return err_set(err, ERR_CONFIG, path,
                       "lock_time is longer than lock_time_max: shorten it, or raise that");
    if (rules->max_failures > rules->failure_limit)
        return err_set(err, ERR_CONFIG, path,
                       "max_failures, %u, is more than failure_limit, %u: lower the one or raise "
                       "the other",
                       rules->max_failures, rules->failure_limit);
    if (rules->email_interval > rules->email_code_lifetime)
        return err_set(err, ERR_CONFIG, path,
                       "email_interval is longer than email_code_lifetime: shorten it, or raise "
                       "that");
    if (conf->password == PASSWORD_STORE && conf->mode == MODE_PROMPT)
        return err_set(err, ERR_CONFIG, path,
                       "password=store checks a password in mode=combined or auto: set the mode "
                       "too");
    if ((rules->window + rules->max_drift) * conf->period > CODE_LIFE_MAX)
        return err_set(err, ERR_CONFIG, path,
                       "window and max_drift, times period, are more than an hour: lower one");
    return 0;
}

static int load(struct loader *loader, int argc, const char **argv, struct err *err)
{
    bool seen[OPTIONS_MAX] = {false};
    const char *named;
    int result = find_file(argc, argv, &named, err);
    const char *path = named != NULL ? named : CONF_DEFAULT_FILE;

    if (result != 0)
        return result;
    text_cut(loader->conf.file, sizeof(loader->conf.file), path);
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

static void free_loader(struct loader **loader)
{
    free(*loader);
}

int conf_load(struct conf *conf, const char *service, int argc, const char **argv, struct err *err)
{
    /* Some of the module's hosts give it little stack. */
    struct loader *loader CLEANUP(free_loader) = calloc(1, sizeof(*loader));
    struct err fault = {0};
    int result;

    conf_init(conf);
    if (loader == NULL)
        return err_set(err, ERR_NOMEM, NULL, NULL);
    loader->service = service;
    loader->conf = loader->unused = *conf;
    result = load(loader, argc, argv, &fault);
    if (result == 0)
        *conf = loader->conf;
    else if (err != NULL)
        *err = fault;
    return result;
}
