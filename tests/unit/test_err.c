/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "err.h"
#include "tap.h"

#include <errno.h>
#include <string.h>

#define ROW(name, number, sentence) {name, number, #name},
static const struct {
    int code;
    int number;
    const char *name;
} list[] = {ERR_LIST(ROW)};

static void test_list(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
        bool distinct = true;

        for (size_t j = 0; j < i; j++)
            distinct = distinct && list[j].number != list[i].number &&
                       strcmp(err_sentence(list[j].code), err_sentence(list[i].code)) != 0;
        ok(list[i].code == -list[i].number && list[i].code < 0 && distinct &&
               err_sentence(list[i].code)[0] != '\0',
           "%s has a negative code and a sentence of its own", list[i].name);
    }
    ok(err_sentence(-9999)[0] != '\0' && err_sentence(7)[0] != '\0',
       "a number that is no code has a sentence");
}

/* Numbers travel between processes of different versions: these stay as they are. */
static void test_numbers(void)
{
    static const int numbers[] = {
        ERR_NOMEM,       ERR_SYSTEM,     ERR_RANDOM,         ERR_CLOCK,         ERR_CRYPTO,
        ERR_INVALID,     ERR_RANGE,      ERR_TOO_LONG,       ERR_SYNTAX,        ERR_NOT_FOUND,
        ERR_EXISTS,      ERR_LIMIT,      ERR_CONFLICT,       ERR_FILE_MISSING,  ERR_FILE_OWNER,
        ERR_FILE_MODE,   ERR_FILE_TYPE,  ERR_FILE_LINK,      ERR_CONFIG,        ERR_STORE,
        ERR_STORE_BUSY,  ERR_STORE_FULL, ERR_STORE_READONLY, ERR_STORE_CORRUPT, ERR_STORE_SCHEMA,
        ERR_KEY_UNKNOWN, ERR_SEAL,       ERR_CONVERSATION,   ERR_USAGE,         ERR_REFUSED,
        ERR_PERMISSION,  ERR_PROOF,      ERR_NO_SERVICE,     ERR_SERVICE,       ERR_NOT_SERVED,
        ERR_UNTRUSTED,   ERR_BUSY,       ERR_STORE_NEWER,
    };
    size_t same = 0;

    while (same < ARRAY_SIZE(numbers) && numbers[same] == -(int)(same + 1))
        same++;
    ok(same == ARRAY_SIZE(numbers) && same <= ARRAY_SIZE(list),
       "the numbers from 1 to %zu mean what they meant", ARRAY_SIZE(numbers));
}

static void test_set(void)
{
    struct err err = {0};
    char out[64], long_text[1024];

    ok(err_set(NULL, ERR_CONFIG, "x", "y") == ERR_CONFIG, "err_set takes no err");
    ok(err_set_errno(NULL, ERR_SYSTEM, ENOENT, "x", NULL) == ERR_SYSTEM, "nor does err_set_errno");
    err_format(&(struct err){.code = ERR_CLOCK}, out, sizeof(out));
    ok(strcmp(out, err_sentence(ERR_CLOCK)) == 0, "without place and reason: the sentence");
    ok(err_set(&err, ERR_CLOCK, "here", NULL) == ERR_CLOCK && err.code == ERR_CLOCK,
       "err_set returns and keeps the code");
    err_format(&err, out, sizeof(out));
    ok(strncmp(out, "here: the system's clock", 24) == 0, "place and sentence: %s", out);
    (void)err_set(&err, ERR_CONFIG, "file:3", "%s is %d", "it", 7);
    err_format(&err, out, sizeof(out));
    ok(strcmp(out, "file:3: it is 7") == 0, "place and reason: %s", out);
    (void)err_set_errno(&err, ERR_SYSTEM, EACCES, "f", "cannot %s it");
    err_format(&err, out, sizeof(out));
    ok(strcmp(out, "f: cannot %s it: Permission denied") == 0, "errno's text comes last: %s", out);
    (void)err_set_errno(&err, ERR_SYSTEM, EACCES, NULL, NULL);
    err_format(&err, out, sizeof(out));
    ok(strcmp(out, "Permission denied") == 0, "or stands alone: %s", out);

    memset(long_text, 'x', sizeof(long_text));
    long_text[sizeof(long_text) - 1] = '\0';
    (void)err_set(&err, ERR_CONFIG, long_text, "%s", long_text);
    ok(strlen(err.where) == ERR_WHERE_SIZE - 1 && strlen(err.what) == ERR_WHAT_SIZE - 1,
       "long texts are cut");
    memset(out, 'y', sizeof(out));
    err_format(&err, out, 8);
    ok(strcmp(out, "xxxxxxx") == 0 && out[8] == 'y', "err_format keeps to its size");
}

int main(void)
{
    test_list();
    test_numbers();
    test_set();
    return tap_done();
}
