/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "conf.h"
#include "file.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORDS_MAX 32
#define DUMP_SIZE 8192
#define LIST_MAX 1000 /* bytes */
#define VALUE_SIZE 1200

static const char *in_dir(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % ARRAY_SIZE(paths)];

    snprintf(path, sizeof(paths[0]), "%s/%s", tap_dir(), name);
    return path;
}

static void put_bytes(const char *name, const char *text, size_t length, mode_t mode)
{
    struct err err = {0};

    if (file_write(in_dir(name), mode, true, text, length, &err) != 0) {
        printf("Bail out! %s: %s\n", name, err.what);
        exit(1);
    }
}

static void put(const char *name, const char *text)
{
    put_bytes(name, text, strlen(text), 0644);
}

/* Loads the file of that name in the test's directory, with one more word unless it is NULL. */
static int load(struct conf *conf, const char *name, const char *service, const char *word,
                struct err *err)
{
    char config[600];
    const char *argv[] = {config, word};

    snprintf(config, sizeof(config), "config=%s", in_dir(name));
    *err = (struct err){0};
    return conf_load(conf, service, word == NULL ? 1 : 2, argv, err);
}

static const struct conf_option *option_of(const char *name)
{
    size_t count = 0;
    const struct conf_option *options = option_table(&count);

    for (size_t i = 0; i < count; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

/* Every option as a line of a file; without is left out. */
static const char *dump(const struct conf *conf, const char *without)
{
    static char texts[2][DUMP_SIZE];
    static unsigned next;
    char *text = texts[next++ % 2], value[VALUE_SIZE];
    size_t count = 0, used = 0;
    const struct conf_option *options = option_table(&count);

    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        if (without != NULL && strcmp(options[i].name, without) == 0)
            continue;
        if (option_format(conf, &options[i], value, sizeof(value)) != 0)
            return "option_format failed";
        used +=
            (size_t)snprintf(text + used, DUMP_SIZE - used, "%s = %s\n", options[i].name, value);
    }
    return text;
}

static const char *value_of(const struct conf *conf, const char *name)
{
    static char value[VALUE_SIZE];

    if (option_format(conf, option_of(name), value, sizeof(value)) != 0)
        return "option_format failed";
    return value;
}

/* Another value of every option, and some that are refused. */
static const struct {
    const char *name, *word, *written; /* written: in a file, when it is not the same */
    const char *bad[16];
} rows[] = {
    {"store",
     "sqlite:/srv/other.db",
     NULL,
     {"", "/srv/totp.db", "sqlite:", "sqlite:totp.db", ":/x", "SQLITE:/x", "sqlite:/a\tb"}},
    {"key_file", "/srv/key", NULL, {"", "key", "./key", "/srv/\x01key", "/srv/\xff"}},
    {"mode", "combined", NULL, {"", "Prompt", "prompt|combined", "prompt ", "1", "promp"}},
    {"password", "store", NULL, {"", "forwards", "no", "|"}},
    {"use_authtok", "yes", NULL, {"", "true"}},
    {"unenrolled", "enroll", NULL, {"", "allow", "enrol", "enroll,deny", "yes"}},
    {"enroll_by",
     "2026-12-31",
     NULL,
     {"never", "0", "tomorrow", "2026-12-32", "2026-02-29", "2026-1-1", "26-12-31", "31.12.2026",
      "2026-12-31T12:00:00Z", "2026-12-31 ", "1969-12-31", "2026/12/31", "20261231", "10000-01-01",
      "+026-12-31"}},
    {"enroll_qr", "none", NULL, {"", "png", "UTF8", "utf-8"}},
    {"grace", "12h", NULL, {"", "31d", "2592001", "-1", "1y", "yes"}},
    {"exempt_users",
     "root, backup,DOM\\carol",
     NULL,
     {",", "a,,b", "a, ,b", "a,", ",a", "a b", "-a", "a/b", "a:b", "a,\"b\"", "..", "a\x01", "a\tb",
      "\xff"}},
    {"exempt_groups",
     "wheel, domain users",
     NULL,
     {",", "a,,b", "a,", "-wheel", "domain\tusers", "a/b", "\"domain users\", a", "a\x01", "\xff"}},
    {"exempt_networks",
     "192.0.2.0/24 ,198.51.100.7, 2001:db8::/32",
     NULL,
     {",", "::/0,", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/8,2001:db8::1/32", "localhost",
      "gate.example.net", "10.0.0.0/8 10.0.0.0/8", "fe80::1%eth0", "010.0.0.1", "10.0.0.0/08",
      "10.0.0.0/255.0.0.0", "10.", "*"}},
    {"audit_only", "yes", NULL, {"", "no no"}},
    {"window", "0", NULL, {"", "-1", "21", "1s", "1.5", "0x1", "18446744073709551617", "a"}},
    {"look_ahead", "100", NULL, {"", "101", "-1"}},
    {"max_drift", "20", NULL, {"", "21", "two"}},
    {"max_failures", "1", NULL, {"", "0", "101", "00"}},
    {"lock_time", "45s", NULL, {"", "0", "31d", "1y", "-1s", "9999999999999999999999s"}},
    {"lock_time_max", "30d", NULL, {"", "0s", "31d", "2592001", "1 h"}},
    {"failure_limit", "99", NULL, {"", "0", "101", "5d"}},
    {"fail_delay", "0", NULL, {"", "61s", "2m", "1.5s"}},
    {"max_devices", "16", NULL, {"", "0", "17"}},
    {"prompt", "Code? ", "\"Code? \"", {"", "a\nb", "\x1b[1m", "\xe2\x80\xae", "caf\xe9"}},
    {"echo", "yes", NULL, {"", "true", "1", "YES"}},
    {"issuer", "Example AG", NULL, {"a:b", ":", "\t\x07"}},
    {"label", "%s-%u 100%%", NULL, {"", "%", "%x", "%u@%", "% u", "%U"}},
    {"digits", "8", NULL, {"", "5", "9", "six"}},
    {"algorithm", "SHA512", NULL, {"", "MD5", "SHA-1", "sha1"}},
    {"period", "300", NULL, {"", "14", "301", "1m", "30s"}},
    {"backup_tokens", "50", NULL, {"", "51", "-0"}},
    {"email_devices", "yes", NULL, {"", "true", "1"}},
    {"email_code_lifetime", "5m", NULL, {"", "59s", "25h", "0", "-1m", "10 m"}},
    {"email_interval", "30s", NULL, {"", "0", "25h", "-1s", "1x"}},
    {"notify",
     "lock,enroll",
     "enroll,lock",
     {",", "lock,", ",lock", "lock,,enroll", "lock,lock", "enroll,remove,enroll", "login", "Lock",
      "lock enroll", "lock|enroll", "all", "none", "enrol", "\"lock\"", "lock\x01"}},
    {"sendmail",
     "/usr/lib/mail -t -f x",
     NULL,
     {"sendmail", "./sendmail", "sendmail -t", "usr/sbin/sendmail", "~/mail", " /usr/sbin/sendmail",
      "|/bin/sh", "/bin/mail\t-t", "/bin/mail\n-t", "/bin/mail\xff"}},
    {"mail_from",
     "totp@example.org",
     NULL,
     {"totp", "totp@", "@example.org", "a@b,c@d", "Totp <totp@example.org>", "<totp@example.org>",
      "\"totp\"@example.org", "totp @example.org", "totp@example.org\nBcc: a@b", "a@b\r",
      "t\xc3\xb6tp@example.org", "a@b@c", "-", " "}},
    {"mail_languages",
     "de_AT.UTF-8@euro:fr",
     NULL,
     {"de fr", "de,fr", "../de", "de/x", "de;fr", "de\nfr", "de$x", "d\xc3\xa9", "*", "%s",
      "\"de\""}},
    {"event_retention", "30d", NULL, {"", "0", "23h", "3651d"}},
    {"socket", "/srv/totpd", NULL, {"run/totpd", "./totpd", "@totpd", "/run/\x7ftotpd"}},
    {"quiet", "yes", NULL, {"", "on", "2"}},
    {"debug", "yes", NULL, {"", "off", "y"}},
};

static void test_table(void)
{
    size_t count = 0;
    const struct conf_option *options = option_table(&count);
    struct conf conf;

    conf_init(&conf);
    ok(count == ARRAY_SIZE(rows), "the table here is as long as the one there");
    for (size_t i = 0; i < count && i < ARRAY_SIZE(rows); i++)
        ok(strcmp(options[i].name, rows[i].name) == 0 && options[i].help[0] != '\0' &&
               strcmp(value_of(&conf, options[i].name), options[i].fallback) == 0,
           "%s is in both, has help, and its default is %s", options[i].name, options[i].fallback);
}

/* In a file and as a word: this option changes, every other one stays. */
static void test_flips(void)
{
    struct conf conf, defaults;
    struct err err;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *name = rows[i].name;
        /* A password is checked where one is asked for. */
        const char *with = strcmp(name, "password") == 0 ? "mode=combined\n" : "";
        const char *written = rows[i].written != NULL ? rows[i].written : rows[i].word;
        char text[600];

        if (option_of(name) == NULL)
            continue;
        put("flip.conf", with);
        if (load(&defaults, "flip.conf", "sshd", NULL, &err) != 0)
            ok(false, "what %s needs", name);
        snprintf(text, sizeof(text), "%s%s=%s\n", with, name, written);
        put("flip.conf", text);
        ok(load(&conf, "flip.conf", "sshd", NULL, &err) == 0 &&
               strcmp(value_of(&conf, name), written) == 0 &&
               strcmp(value_of(&defaults, name), written) != 0 &&
               strcmp(dump(&conf, name), dump(&defaults, name)) == 0,
           "a file sets %s = %s, and that alone %s", name, written, err.what);
        put("flip.conf", with);
        snprintf(text, sizeof(text), "%s=%s", name, rows[i].word);
        ok(load(&conf, "flip.conf", NULL, text, &err) == 0 &&
               strcmp(value_of(&conf, name), written) == 0 &&
               strcmp(dump(&conf, name), dump(&defaults, name)) == 0,
           "so does a word on the module line %s", err.what);
    }
}

static void test_bad_values(void)
{
    struct conf conf, defaults;
    struct err err;

    conf_init(&defaults);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        for (size_t j = 0; j < ARRAY_SIZE(rows[i].bad) && rows[i].bad[j] != NULL; j++) {
            char text[600], where[600];
            size_t length = strlen(rows[i].name);
            bool in_file, in_section, on_line;

            snprintf(text, sizeof(text), "%s=%s", rows[i].name, rows[i].bad[j]);
            put("bad.conf", "# good\n");
            on_line = load(&conf, "bad.conf", NULL, text, &err) == ERR_CONFIG &&
                      strncmp(err.what, rows[i].name, length) == 0 && err.what[length] == ':' &&
                      strcmp(dump(&conf, NULL), dump(&defaults, NULL)) == 0;
            snprintf(text, sizeof(text), "debug = yes\n%s = \"%s\"\n", rows[i].name,
                     rows[i].bad[j]);
            if (strcmp(rows[i].name, "debug") == 0)
                memcpy(text, "quiet", 5);
            put("bad.conf", text);
            snprintf(where, sizeof(where), "%s:2", in_dir("bad.conf"));
            in_file = load(&conf, "bad.conf", NULL, NULL, &err) == ERR_CONFIG &&
                      strncmp(err.what, rows[i].name, length) == 0 &&
                      (strcmp(err.where, where) == 0 || strchr(rows[i].bad[j], '\n') != NULL) &&
                      strcmp(dump(&conf, NULL), dump(&defaults, NULL)) == 0;
            memcpy(text, "[service x]", 11);
            put("bad.conf", text);
            in_section = load(&conf, "bad.conf", "sshd", NULL, &err) == ERR_CONFIG &&
                         strncmp(err.what, rows[i].name, length) == 0;
            ok(on_line && in_file && in_section, "bad value %zu: %s", j, err.what);
        }
}

/* The ends of every range, from the table itself. */
static void test_ranges(void)
{
    size_t count = 0;
    const struct conf_option *options = option_table(&count);

    put("empty.conf", "");
    for (size_t i = 0; i < count; i++) {
        const long long at[] = {options[i].min - 1, options[i].min, options[i].max,
                                options[i].max + 1};
        unsigned wrong = 0;

        if (options[i].type != CONF_UINT && options[i].type != CONF_DURATION)
            continue;
        for (size_t j = 0; j < ARRAY_SIZE(at); j++) {
            struct conf conf;
            struct err err;
            char word[64], own[64];

            snprintf(word, sizeof(word), "%s=%lld", options[i].name, at[j]);
            snprintf(own, sizeof(own), "%s: must be", options[i].name);
            wrong += (load(&conf, "empty.conf", NULL, word, &err) != 0 &&
                      strncmp(err.what, own, strlen(own)) == 0) != (j == 0 || j == 3);
        }
        ok(wrong == 0, "%s accepts both ends of its range, and nothing beyond", options[i].name);
    }
}

/* The day itself still passes. */
static void test_dates(void)
{
    static const struct {
        const char *word;
        int64_t after;
    } dates[] = {
        {"1970-01-01", 86400},
        {"2024-02-29", 1709251200},
        {"2026-12-31", 1798761600},
        {"9999-12-31", INT64_C(253402300800)},
        {"", 0},
    };
    struct conf conf = {.rules = {.enroll_by = 7}};

    for (size_t i = 0; i < ARRAY_SIZE(dates); i++)
        ok(option_set(&conf, option_of("enroll_by"), dates[i].word, NULL) == 0 &&
               conf.rules.enroll_by == dates[i].after &&
               strcmp(value_of(&conf, "enroll_by"), dates[i].word) == 0,
           "\"%s\" ends at %lld", dates[i].word, (long long)conf.rules.enroll_by);
}

/* Any words of them, in any order, once; nothing too. */
static void test_sets(void)
{
    static const struct {
        const char *word, *kept;
        unsigned bits;
    } sets[] = {
        {"", "", 0},
        {"  ", "", 0},
        {"enroll", "enroll", 1},
        {"address", "address", 32},
        {" lock\t,  remove ", "remove,lock", 2 | 8},
        {"address,password,lock,backup,remove,enroll", "enroll,remove,backup,lock,password,address",
         63},
    };
    struct conf conf, back;
    struct err err;

    put("set.conf", "");
    for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
        char word[300];
        snprintf(word, sizeof(word), "notify=%s", sets[i].word);
        ok(load(&conf, "set.conf", "sshd", word, &err) == 0 && conf.notify == sets[i].bits &&
               strcmp(value_of(&conf, "notify"), sets[i].kept) == 0,
           "the set '%s' %s", sets[i].kept, err.what);
        put("set-back.conf", dump(&conf, NULL));
        ok(load(&back, "set-back.conf", NULL, NULL, &err) == 0 && back.notify == sets[i].bits,
           "it is printed so that it reads back %s", err.what);
    }
    conf_init(&conf);
    for (unsigned bits = 0; bits < 64; bits++) {
        char text[VALUE_SIZE];
        conf.notify = bits;
        if (option_format(&conf, option_of("notify"), text, sizeof(text)) != 0 ||
            option_set(&back, option_of("notify"), text, &err) != 0 || back.notify != bits)
            ok(false, "the set of bits %u", bits);
    }
    conf.notify = 63;
    char small[42];
    for (size_t size = 1; size <= sizeof(small); size++)
        if (option_format(&conf, option_of("notify"), small, size) != ERR_TOO_LONG)
            ok(false, "a set in %zu bytes", size);
    char enough[43];
    ok(option_format(&conf, option_of("notify"), enough, sizeof(enough)) == 0 &&
           strlen(enough) == 42,
       "a set is written whole or not at all");
}

/* Every way to write a list. */
static void test_lists(void)
{
    static const struct {
        const char *name, *word, *kept; /* kept: when it is not the same */
    } lists[] = {
        {"exempt_users", "root,backup", NULL},
        {"exempt_users", "root, backup", NULL}, /* as PAM passes [exempt_users=root, backup] */
        {"exempt_users", " \troot\t,  backup\t ", "root\t,  backup"},
        {"exempt_users", "", NULL},
        {"exempt_users", "  ", ""},
        {"exempt_users", "\xc3\xa4nne,user@realm,a.b_c-d$,%x,#y", NULL},
        {"exempt_groups", "domain users,DOM\\domain  admins , wheel", NULL},
        {"exempt_networks", "0.0.0.0/0,::/0", NULL},
        {"exempt_networks", "::ffff:192.0.2.0/120 , 10.0.0.1/32,::1/128", NULL},
    };
    struct conf conf, back;
    struct err err;

    put("list.conf", "");
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        const char *kept = lists[i].kept != NULL ? lists[i].kept : lists[i].word;
        char word[300];

        snprintf(word, sizeof(word), "%s=%s", lists[i].name, lists[i].word);
        ok(load(&conf, "list.conf", "sshd", word, &err) == 0 &&
               strcmp(value_of(&conf, lists[i].name), kept) == 0,
           "the list \"%s\" %s", kept, err.what);
        put("back.conf", dump(&conf, NULL));
        ok(load(&back, "back.conf", NULL, NULL, &err) == 0 &&
               strcmp(dump(&conf, NULL), dump(&back, NULL)) == 0,
           "it is printed so that it reads back %s", err.what);
    }
}

/* The longest of each is one that can be printed and read again. */
static void test_long_lists(void)
{
    static const char *const names[] = {"exempt_users", "exempt_groups", "exempt_networks"};
    char list[LIST_MAX + 2], item[300], word[LIST_MAX + 32];
    struct conf conf, back;
    struct err err;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        for (size_t at = 0; at < LIST_MAX; at += 4)
            memcpy(list + at, i < 2 ? "a\\b," : "::1,", 4);
        memcpy(list + LIST_MAX - 4, " ::1", 4);
        if (i < 2)
            list[LIST_MAX - 3] = list[LIST_MAX - 2] = 'c';
        list[LIST_MAX] = '\0';
        snprintf(word, sizeof(word), "%s=%s", names[i], list);
        put("list.conf", "");
        ok(load(&conf, "list.conf", NULL, word, &err) == 0 &&
               strcmp(value_of(&conf, names[i]), list) == 0,
           "%s takes %zu bytes %s", names[i], strlen(list), err.what);
        put("back.conf", dump(&conf, NULL));
        ok(load(&back, "back.conf", NULL, NULL, &err) == 0 &&
               strcmp(dump(&conf, NULL), dump(&back, NULL)) == 0,
           "which read back %s", err.what);
        strcat(word, "0");
        ok(load(&conf, "list.conf", NULL, word, &err) == ERR_CONFIG &&
               strstr(err.what, "is too long: 1000 bytes") != NULL,
           "and no more: %s", err.what);
    }
    memset(item, 'x', 257);
    item[257] = '\0';
    snprintf(word, sizeof(word), "exempt_users=root,%s", item);
    ok(load(&conf, "list.conf", NULL, word, &err) == ERR_CONFIG &&
           strstr(err.what, "an item is too long: 256 bytes") != NULL,
       "an item of 257 bytes: %s", err.what);
    word[strlen(word) - 1] = '\0';
    ok(load(&conf, "list.conf", NULL, word, &err) == 0, "one of 256 %s", err.what);
}

/* A later list, or one of a higher level, replaces the earlier one. */
static void test_list_levels(void)
{
    static const struct {
        const char *service, *word, *users, *networks;
    } cases[] = {
        {NULL, NULL, "carol", "::1"},
        {"su", NULL, "carol", "::1"},
        {"sshd", NULL, "dave, erin", "::1"},
        {"sudo", NULL, "", "::1"},
        {"sshd", "exempt_users=root,backup", "root,backup", "::1"},
        {"sshd", "exempt_users=root, backup", "root, backup", "::1"},
        {"sshd", "exempt_users=", "", "::1"},
        {"sshd", "exempt_networks=10.0.0.0/8", "dave, erin", "10.0.0.0/8"},
    };
    struct conf conf;
    struct err err;

    mkdir(in_dir("lists.conf.d"), 0755);
    put("lists.conf", "exempt_users = alice, bob\nexempt_networks = ::1\n"
                      "[service sshd]\nexempt_users = dave, erin\n"
                      "[service sudo]\nexempt_users = dave\n");
    put("lists.conf.d/a.conf", "exempt_users = carol\n[service sudo]\nexempt_users =\n");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        ok(load(&conf, "lists.conf", cases[i].service, cases[i].word, &err) == 0 &&
               strcmp(conf.exempt_users, cases[i].users) == 0 &&
               strcmp(conf.exempt_networks, cases[i].networks) == 0,
           "case %zu: users \"%s\", networks \"%s\" %s", i, conf.exempt_users, conf.exempt_networks,
           err.what);
    put("lists.conf.d/b.conf", "[service login]\nexempt_networks = gate\n");
    ok(load(&conf, "lists.conf", "sshd", NULL, &err) == ERR_CONFIG &&
           strstr(err.where, "b.conf:2") != NULL && conf.exempt_users[0] == '\0' &&
           conf.exempt_networks[0] == '\0',
       "a fault in any section exempts nobody: %s", err.what);
}

static void test_items(void)
{
    const char *list = " a b ,\tc\t,, d";
    char item[4];

    ok(option_next_item(&list, item, sizeof(item)) == 1 && strcmp(item, "a b") == 0 &&
           option_next_item(&list, item, sizeof(item)) == 1 && strcmp(item, "c") == 0 &&
           option_next_item(&list, item, sizeof(item)) == 1 && item[0] == '\0' &&
           option_next_item(&list, item, sizeof(item)) == 1 && strcmp(item, "d") == 0 &&
           option_next_item(&list, item, sizeof(item)) == 0,
       "the items of a list, one after the other");
    list = "abcd";
    ok(option_next_item(&list, item, sizeof(item)) == ERR_TOO_LONG, "one that does not fit");
    list = "abc,";
    ok(option_next_item(&list, item, sizeof(item)) == 1 &&
           option_next_item(&list, item, sizeof(item)) == 1 && item[0] == '\0' &&
           option_next_item(&list, item, sizeof(item)) == 0,
       "one that does, and the empty one after a comma at the end");
}

static bool no_memory;

/* The linker puts it in the place of the C library's. */
void *__wrap_calloc(size_t count, size_t size);
void *__real_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
    return no_memory ? NULL : __real_calloc(count, size);
}

static void test_no_memory(void)
{
    struct conf conf, defaults;
    struct err err = {0};
    int result;

    conf_init(&defaults);
    put("memory.conf", "exempt_users = root\nunenrolled = permit\n");
    memset(&conf, 0xff, sizeof(conf));
    no_memory = true;
    result = load(&conf, "memory.conf", NULL, NULL, &err);
    no_memory = false;
    ok(result == ERR_NOMEM && err.code == ERR_NOMEM && memcmp(&conf, &defaults, sizeof(conf)) == 0,
       "without memory there are the defaults, and an error");
}

static void test_dump(void)
{
    static const char *const prompts[] = {
        " ",   "  x",    "x  ", "\"",  "\"quoted\"", "a\"b",        "\\",        "a\\",
        "\\ ", "\" \\ ", "#1",  "; x", "= =",        "[service x]", "\xc3\xa4 ", "\xe2\x82\xac",
    };
    struct conf conf, back;
    struct err err;
    char text[DUMP_SIZE], tiny[8];

    conf_init(&conf);
    text[0] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s = %s\n", rows[i].name,
                 rows[i].written != NULL ? rows[i].written : rows[i].word);
    put("all.conf", text);
    ok(load(&conf, "all.conf", NULL, "window=2", &err) == ERR_CONFIG,
       "all of them at once are too much: %s", err.what);
    ok(load(&conf, "all.conf", NULL, "period=60", &err) == 0, "but for the period %s", err.what);
    put("back.conf", dump(&conf, NULL));
    ok(load(&back, "back.conf", NULL, NULL, &err) == 0 &&
           strcmp(dump(&conf, NULL), dump(&back, NULL)) == 0,
       "a dump parses back to itself %s", err.what);
    for (size_t i = 0; i < ARRAY_SIZE(prompts); i++) {
        conf_init(&conf);
        snprintf(conf.prompt, sizeof(conf.prompt), "%s", prompts[i]);
        snprintf(conf.issuer, sizeof(conf.issuer), "%s", prompts[i]);
        put("back.conf", dump(&conf, NULL));
        ok(load(&back, "back.conf", NULL, NULL, &err) == 0 &&
               strcmp(back.prompt, prompts[i]) == 0 && strcmp(back.issuer, prompts[i]) == 0,
           "so does the prompt %s %s", value_of(&conf, "prompt"), err.what);
    }
    memset(conf.prompt, '"', sizeof(conf.prompt) - 1);
    put("back.conf", dump(&conf, NULL));
    ok(load(&back, "back.conf", NULL, NULL, &err) == 0 && strcmp(back.prompt, conf.prompt) == 0,
       "and the worst of 256 bytes %s", err.what);
    ok(option_format(&conf, option_of("prompt"), tiny, sizeof(tiny)) == ERR_TOO_LONG &&
           option_format(&conf, option_of("mode"), tiny, 7) == 0 &&
           option_format(&conf, option_of("mode"), tiny, 6) == ERR_TOO_LONG,
       "what does not fit is refused");
}

static const struct {
    const char *text;
    unsigned line; /* 0: it is right */
    const char *what;
} syntax[] = {
    {"", 0, ""},
    {"\n\n# a comment\n  ; another\n\t\n", 0, ""},
    {"\r\nwindow = 3\r\n[service sshd]\r\nwindow=3\r\n", 0, ""},
    {"window=3", 0, ""},
    {"  window\t=\t3  \n", 0, ""},
    {"window = \"3\"\n", 0, ""},
    {"[service a]\nwindow=1\n[service b]\nwindow=1\n\t[service  c.d-e_f@g ] \n", 0, ""},
    {"window=1\n[service a]\nwindow=1\n", 0, ""},
    {"windo = 3\n", 1, "windo: there is no such option"},
    {"\nWINDOW = 3\n", 2, "WINDOW: there is no such option"},
    {"\nwindow 3\n", 2, "no '='"},
    {"window\n", 1, "no '='"},
    {"= 3\n", 1, "no key"},
    {"window = 3 # steps\n", 1, "window: must be"},
    {"window = 1\n\nwindow = 1\n", 3, "window: stands twice"},
    {"[service a]\nwindow=1\nwindow=1\n", 3, "window: stands twice"},
    {"[service a]\n[service b]\n[service a]\n", 3, "service a stands twice"},
    {"config = /x\n", 1, "config: there is no such option"},
    {"exempt_users =\nexempt_groups = \"\"\nexempt_networks = \" \"\nenroll_by =\n", 0, ""},
    {"exempt_users = \" root , backup \"\n", 0, ""},
    {"exempt_users = \"root\", backup\n", 1, "exempt_users: a quoted value"},
    {"exempt_users = root\nexempt_users = backup\n", 2, "exempt_users: stands twice"},
    {"exempt_users = root,, backup\n", 1, "exempt_users: the item \"\" is empty"},
    {"exempt_users = root, \"backup\"\n", 1, "a quotation mark"},
    {"\nexempt_networks = ::/0, 10.1.2.3/8, ::1\n", 2,
     "exempt_networks: the item \"10.1.2.3/8\" has"},
    {"exempt_networks = ::1, gate\n", 1, "exempt_networks: the item \"gate\" is no numeric"},
    {"exempt_groups = a, b\x1b[1mc\n", 1, "exempt_groups: the item \"b\\x1b[1mc\" cannot"},
    {"socket =\n[service sudo]\nsocket = /x\n[service su]\nsocket = \"\"\n", 0, ""},
    {"socket = x\n", 1, "socket: must be"},
    {"w\x1b[1m\xff = 3\n", 1, "w\\x1b[1m\\xff: there is no such option"},
    {"prompt = \"abc\n", 1, "prompt: a quoted value"},
    {"prompt = \"abc\" x\n", 1, "prompt: a quoted value"},
    {"prompt = \"a\"b\"\n", 1, "prompt: a quoted value"},
    {"prompt = \"a\\n\"\n", 1, "prompt: a quoted value"},
    {"prompt = \"a\\\"\n", 1, "prompt: a quoted value"},
    {"prompt = \"\n", 1, "prompt: a quoted value"},
    {"prompt = \"\"\n", 1, "prompt: must not be empty"},
    {"[\n", 1, "[service NAME]"},
    {"[]\n", 1, "[service NAME]"},
    {"[sshd]\n", 1, "[service NAME]"},
    {"[service]\n", 1, "[service NAME]"},
    {"[service ]\n", 1, "[service NAME]"},
    {"[services a]\n", 1, "[service NAME]"},
    {"[service a b]\n", 1, "[service NAME]"},
    {"[service a/b]\n", 1, "[service NAME]"},
    {"[service a] # x\n", 1, "[service NAME]"},
    {"[service a\n", 1, "[service NAME]"},
    {"[service a]]\n", 1, "[service NAME]"},
    {"[service \xff]\n", 1, "[service NAME]"},
    {"[service SSHD]\n", 1, "lower-case"},
    {"[Service a]\n", 1, "[service NAME]"},
    {"\xef\xbb\xbfwindow = 3\n", 1, "there is no such option"},
};

static void test_syntax(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(syntax); i++) {
        struct conf conf;
        struct err err;
        char where[600] = "";
        int result;

        put("syntax.conf", syntax[i].text);
        if (syntax[i].line > 0)
            snprintf(where, sizeof(where), "%s:%u", in_dir("syntax.conf"), syntax[i].line);
        result = load(&conf, "syntax.conf", "sshd", NULL, &err);
        ok(result == (syntax[i].line > 0 ? ERR_CONFIG : 0) && strcmp(err.where, where) == 0 &&
               strstr(err.what, syntax[i].what) != NULL,
           "text %zu: %s", i, result == 0 ? "accepted" : err.what);
    }
}

static void test_bytes(void)
{
    struct conf conf;
    struct err err;
    char text[8192], shown[64];

    put_bytes("bytes.conf", "window=1\nquiet=no\0\n", 19, 0644);
    ok(load(&conf, "bytes.conf", NULL, NULL, &err) == ERR_CONFIG &&
           strstr(err.where, ":2") != NULL && strstr(err.what, "NUL") != NULL,
       "a NUL byte: %s", err.what);
    memset(text, '#', 1024);
    put_bytes("bytes.conf", text, 1023, 0644);
    ok(load(&conf, "bytes.conf", NULL, NULL, &err) == 0, "a line of 1023 bytes");
    put_bytes("bytes.conf", text, 1024, 0644);
    ok(load(&conf, "bytes.conf", NULL, NULL, &err) == ERR_CONFIG &&
           strstr(err.where, ":1") != NULL && strstr(err.what, "1023") != NULL,
       "one of 1024: %s", err.what);
    memset(text, 'x', 1000);
    memcpy(text, "prompt=", 7);
    put_bytes("bytes.conf", text, 7 + 256, 0644);
    ok(load(&conf, "bytes.conf", NULL, NULL, &err) == 0 && strlen(conf.prompt) == 256,
       "a value of 256 bytes");
    put_bytes("bytes.conf", text, 7 + 257, 0644);
    ok(load(&conf, "bytes.conf", NULL, NULL, &err) == ERR_CONFIG &&
           strstr(err.what, "prompt: is too long") != NULL,
       "one of 257: %s", err.what);
    put_bytes("bytes.conf", text + 10, 900, 0644);
    ok(load(&conf, "bytes.conf", NULL, NULL, &err) == ERR_CONFIG, "a long line without '='");
    text[0] = '\0';
    for (unsigned i = 0; i < 65; i++) {
        snprintf(shown, sizeof(shown), "[service s%u]\n", i);
        strcat(text, shown);
    }
    put("bytes.conf", text);
    ok(load(&conf, "bytes.conf", NULL, NULL, &err) == ERR_CONFIG &&
           strstr(err.where, ":65") != NULL,
       "65 sections: %s", err.what);
}

static void test_words(void)
{
    static const struct {
        const char *words[4];
        const char *what; /* NULL: accepted */
    } lines[] = {
        {{"debug", "quiet", "echo"}, NULL},
        {{"audit_only", "use_authtok"}, NULL},
        {{"exempt_users=root,backup", "exempt_groups=domain users"}, NULL},
        {{"exempt_users=root,", "backup"}, "exempt_users: the item"},
        {{"exempt_users"}, "exempt_users: has no value"},
        {{"exempt_users=a", "exempt_users=b"}, "exempt_users: stands twice"},
        {{"enroll_by"}, "enroll_by: has no value"},
        {{"debug=no", "prompt=a = \"b\" "}, NULL},
        {{"debug", "debug"}, "debug: stands twice"},
        {{"window=1", "window=1"}, "window: stands twice"},
        {{"windo=1"}, "windo: there is no such option"},
        {{"Debug"}, "Debug: there is no such option"},
        {{"no\x1bpe"}, "no\\x1bpe: there is no such option"},
        {{"window"}, "window: has no value"},
        {{"prompt"}, "prompt: has no value"},
        {{"=1"}, "=1: has no name"},
        {{"="}, "=: has no name"},
        {{""}, ": has no name"},
        {{"config"}, "config: there is no such option"},
        {{"config=/x"}, "config: stands twice"},
        {{" window=1"}, "there is no such option"},
        {{"use_first_pass"}, "use_first_pass: there is no such option"},
        {{"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz=1"},
         "there is no such option"},
    };
    char config[600];
    struct conf conf;
    struct err err;

    put("words.conf", "window = 4\n");
    snprintf(config, sizeof(config), "config=%s", in_dir("words.conf"));
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        const char *argv[5] = {config};
        int argc = 1, result;

        for (size_t j = 0; j < 4 && lines[i].words[j] != NULL; j++)
            argv[argc++] = lines[i].words[j];
        err = (struct err){0};
        result = conf_load(&conf, NULL, argc, argv, &err);
        ok(lines[i].what == NULL ? result == 0
                                 : result == ERR_CONFIG && strstr(err.what, lines[i].what) != NULL,
           "words %zu: %s", i, result == 0 ? "accepted" : err.what);
        ok(conf_load(&conf, NULL, argc, argv, NULL) == result, "the same without err");
    }
    ok(conf_load(&conf, NULL, 1, (const char *[]){"config=words.conf"}, &err) == ERR_CONFIG,
       "a relative path: %s", err.what);
    ok(conf_load(&conf, NULL, 1, (const char *[]){"config="}, &err) == ERR_CONFIG, "an empty one");
    ok(load(&conf, "words.conf", NULL, "prompt=a \"b\" \\\" ", &err) == 0 &&
           strcmp(conf.prompt, "a \"b\" \\\" ") == 0,
       "a word is taken as it stands");
}

static void test_together(void)
{
    static const char *const texts[] = {
        "lock_time = 2h\n",
        "max_failures = 50\nfailure_limit = 49\n",
        "window = 20\nmax_drift = 20\nperiod = 91\n",
        "email_interval = 11m\n",
        "password = store\n",
        "mode = prompt\npassword = store\nunenrolled = permit\n",
    };
    static const char *const names[] = {"lock_time_max",       "failure_limit",  "max_drift",
                                        "email_code_lifetime", "password=store", "password=store"};
    static const char *const ways[] = {"unenrolled = permit", "unenrolled = ignore",
                                       "unenrolled = enroll", "enroll_by = 2030-01-01",
                                       "unenrolled = permit\nenroll_by = 2030-01-01"};
    struct conf conf;
    struct err err;

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        put("together.conf", texts[i]);
        ok(load(&conf, "together.conf", NULL, NULL, &err) == ERR_CONFIG &&
               strstr(err.what, names[i]) != NULL,
           "these do not go together: %s", err.what);
    }
    put("together.conf",
        "email_interval=10m\nlock_time=1h\nmax_failures=100\nwindow=20\nmax_drift=20\nperiod=90\n");
    ok(load(&conf, "together.conf", NULL, NULL, &err) == 0, "these just do %s", err.what);
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        char text[200];

        snprintf(text, sizeof(text), "mode = combined\npassword = store\n%s", ways[i]);
        put("together.conf", text);
        ok(load(&conf, "together.conf", NULL, NULL, &err) == 0,
           "the store's password, and accounts without a device: %s %s", ways[i], err.what);
    }
}

/* Module line, service section, top of the file, default; a later file over an earlier one. */
static void test_levels(void)
{
    static const struct {
        const char *main, *first, *second, *word, *service;
        unsigned window;
    } cases[] = {
        {"", "", "", NULL, "sshd", 1},
        {"window=2", "", "", NULL, "sshd", 2},
        {"window=2\n[service sshd]\nwindow=3", "", "", NULL, "sshd", 3},
        {"window=2\n[service sshd]\nwindow=3", "", "", NULL, "sudo", 2},
        {"window=2\n[service sshd]\nwindow=3", "", "", NULL, NULL, 2},
        {"[service sshd]\nwindow=3", "", "", NULL, "sudo", 1},
        {"window=2\n[service sshd]\nwindow=3", "", "", "window=4", "sshd", 4},
        {"window=2", "window=5", "", NULL, "sshd", 5},
        {"window=2", "window=5", "window=6", NULL, "sshd", 6},
        {"window=2\n[service sshd]\nwindow=3", "window=5", "window=6", NULL, "sshd", 3},
        {"window=2\n[service sshd]\nwindow=3", "[service sshd]\nwindow=7", "window=6", NULL, "sshd",
         7},
        {"window=2", "[service sshd]\nwindow=7", "[service sshd]\nwindow=8", NULL, "sshd", 8},
        {"[service sshd]\nwindow=3\n[service sudo]\nwindow=9", "", "", NULL, "sshd", 3},
        {"window=2", "window=5", "[service sshd]\nwindow=8", "window=0", "sshd", 0},
    };
    struct conf conf;
    struct err err;
    int result;

    mkdir(in_dir("levels.conf.d"), 0755);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        put("levels.conf", cases[i].main);
        put("levels.conf.d/10.conf", cases[i].first);
        put("levels.conf.d/9.conf", cases[i].second); /* byte order: after 10 */
        result = load(&conf, "levels.conf", cases[i].service, cases[i].word, &err);
        ok(result == 0 && conf.rules.window == cases[i].window, "case %zu: window is %u %s", i,
           conf.rules.window, err.what);
    }
}

/* Whoever asks the service says which configuration is meant. */
static void test_where(void)
{
    struct conf conf;
    struct err err;

    put("where.conf", "socket =\n");
    ok(load(&conf, "where.conf", "sshd", NULL, &err) == 0 &&
           strcmp(conf.file, in_dir("where.conf")) == 0 && conf.socket[0] == '\0',
       "the file that was read is kept, and the socket may be none %s", err.what);
    ok(load(&conf, "where.conf", "sshd", "socket=/srv/x", &err) == 0 &&
           strcmp(conf.socket, "/srv/x") == 0 &&
           load(&conf, "where.conf", "sshd", "socket=", &err) == 0 && conf.socket[0] == '\0',
       "the same on the module line %s", err.what);
    ok(load(&conf, "where.conf", "sshd", "windo=1", &err) == ERR_CONFIG &&
           strcmp(conf.socket, CONF_DEFAULT_SOCKET) == 0,
       "after a failure it is the default");
    put("where2.conf", "");
    mkdir(in_dir("where2.conf.d"), 0755);
    put("where2.conf.d/a.conf", "socket = /srv/a\n");
    ok(load(&conf, "where2.conf", NULL, NULL, &err) == 0 &&
           strcmp(conf.file, in_dir("where2.conf")) == 0 && strcmp(conf.socket, "/srv/a") == 0,
       "a drop-in is no other configuration %s", err.what);
}

static void test_dropins(void)
{
    struct conf conf;
    struct err err;

    put("d.conf", "");
    mkdir(in_dir("d.conf.d"), 0755);
    put("d.conf.d/.hidden.conf", "rubbish");
    put("d.conf.d/a.conf~", "rubbish");
    put("d.conf.d/a.CONF", "rubbish");
    put("d.conf.d/README", "rubbish");
    put("d.conf.d/.conf", "rubbish");
    put("d.conf.d/b.conf", "window=3\nquiet=yes");
    put("d.conf.d/Z.conf", "window=4\necho=yes");
    put("d.conf.d/b.conf.conf", "look_ahead=7");
    ok(load(&conf, "d.conf", NULL, NULL, &err) == 0 && conf.rules.window == 3 && conf.quiet &&
           conf.echo && conf.rules.look_ahead == 7,
       "files named *.conf are read in byte order, others are not %s", err.what);
    put("d.conf.d/c.conf", "\nwindow=x\n");
    ok(load(&conf, "d.conf", NULL, NULL, &err) == ERR_CONFIG &&
           strstr(err.where, "d.conf.d/c.conf:2") != NULL && conf.rules.window == 1,
       "a fault in one names it: %s: %s", err.where, err.what);
    put_bytes("d.conf.d/c.conf", "", 0, 0664);
    ok(load(&conf, "d.conf", NULL, NULL, &err) == ERR_FILE_MODE &&
           strstr(err.where, "d.conf.d/c.conf") != NULL,
       "so does a wrong mode: %s", err.what);
    unlink(in_dir("d.conf.d/c.conf"));
    (void)!symlink("b.conf", in_dir("d.conf.d/c.conf"));
    ok(load(&conf, "d.conf", NULL, NULL, &err) == ERR_FILE_LINK, "and a link: %s", err.what);
    unlink(in_dir("d.conf.d/c.conf"));
    mkfifo(in_dir("d.conf.d/c.conf"), 0644);
    ok(load(&conf, "d.conf", NULL, NULL, &err) == ERR_FILE_TYPE, "and a FIFO: %s", err.what);
    unlink(in_dir("d.conf.d/c.conf"));
    chmod(in_dir("d.conf.d"), 0775);
    ok(load(&conf, "d.conf", NULL, NULL, &err) == ERR_FILE_MODE &&
           strcmp(err.where, in_dir("d.conf.d")) == 0,
       "a directory that others may write: %s", err.what);
    put("e.conf", "");
    put("e.conf.d", "");
    ok(load(&conf, "e.conf", NULL, NULL, &err) == ERR_FILE_TYPE, "a file in its place: %s",
       err.what);
}

static void test_files(void)
{
    static const struct {
        const char *name;
        int result;
    } files[] = {
        {"missing.conf", ERR_FILE_MISSING}, {"writable.conf", ERR_FILE_MODE},
        {"link.conf", ERR_FILE_LINK},       {"directory.conf", ERR_FILE_TYPE},
        {"fifo.conf", ERR_FILE_TYPE},       {"theirs.conf", ERR_FILE_OWNER},
    };
    struct conf conf;
    struct err err;

    put_bytes("writable.conf", "", 0, 0666);
    put("theirs.conf", "");
    (void)!symlink("d.conf", in_dir("link.conf"));
    mkdir(in_dir("directory.conf"), 0755);
    mkfifo(in_dir("fifo.conf"), 0644);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        if (files[i].result == ERR_FILE_OWNER && chown(in_dir("theirs.conf"), 12345, 0) != 0) {
            tap_skip("only root can give a file away");
            continue;
        }
        ok(load(&conf, files[i].name, NULL, NULL, &err) == files[i].result &&
               strcmp(err.where, in_dir(files[i].name)) == 0 && err.what[0] != '\0',
           "%s: %s", files[i].name, err.what);
    }
    ok(load(&conf, "missing.conf", NULL, NULL, &err) != 0 && strstr(err.what, "make it") != NULL,
       "a missing one is told what to do: %s", err.what);
    if (access(CONF_DEFAULT_FILE, F_OK) == 0 || access(CONF_DEFAULT_FILE ".d", F_OK) == 0)
        tap_skip("this host has a %s", CONF_DEFAULT_FILE);
    else
        ok(conf_load(&conf, "sshd", 0, NULL, &err) == 0 && conf.rules.window == 1,
           "the default file may be absent");
}

/* The example has each option with its default and its help, and is itself a configuration. */
static void test_example(void)
{
    const char *source = getenv("srcdir");
    static char text[32768], uncommented[32768];
    char path[600], line[600];
    size_t count = 0, length = 0;
    const struct conf_option *options = option_table(&count);
    struct conf conf, defaults;
    struct err err;
    FILE *file;

    snprintf(path, sizeof(path), "%s/examples/totp.conf", source != NULL ? source : ".");
    file = fopen(path, "r");
    if (file != NULL) {
        length = fread(text, 1, sizeof(text) - 1, file);
        fclose(file);
    }
    ok(length > 0, "%s can be read", path);
    put("example.conf", text);
    conf_init(&defaults);
    ok(load(&conf, "example.conf", "sshd", NULL, &err) == 0 &&
           strcmp(dump(&conf, NULL), dump(&defaults, NULL)) == 0,
       "as it stands it changes nothing %s", err.what);
    for (size_t i = 0; i < count; i++) {
        /* Where this build keeps its files is not for the example. */
        const char *value = strcmp(options[i].name, "store") == 0 ? "sqlite:/var/lib/totp/totp.db"
                            : strcmp(options[i].name, "key_file") == 0 ? "/etc/totp/key"
                            : strcmp(options[i].name, "socket") == 0   ? "/run/totp/totpd"
                                                                       : options[i].fallback;

        snprintf(line, sizeof(line), "\n# %s\n#%s =%s%s\n", options[i].help, options[i].name,
                 value[0] != '\0' ? " " : "", value);
        ok(strstr(text, line) != NULL, "it has %s with help and default", options[i].name);
        snprintf(uncommented + strlen(uncommented), sizeof(uncommented) - strlen(uncommented),
                 "%s = %s\n", options[i].name, value);
    }
    put("example.conf", uncommented);
    ok(load(&conf, "example.conf", NULL, NULL, &err) == 0, "without the '#' it loads %s", err.what);
}

int main(void)
{
    alarm(60);
    umask(022);
    test_table();
    test_flips();
    test_bad_values();
    test_ranges();
    test_dates();
    test_sets();
    test_lists();
    test_long_lists();
    test_list_levels();
    test_items();
    test_no_memory();
    test_dump();
    test_syntax();
    test_bytes();
    test_words();
    test_together();
    test_levels();
    test_where();
    test_dropins();
    test_files();
    test_example();
    return tap_done();
}
