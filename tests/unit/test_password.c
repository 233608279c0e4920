/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "password.h"
#include "tap.h"

#include <crypt.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define COST "$y$j9T$" /* what password_hash makes */

/* Of "Hello world!", made by openssl passwd; of "correct horse". */
#define SHA512                                                     \
    "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnI" \
    "FNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
#define YESCRYPT "$y$j9T$abcdefghijklmnop0123/.$5zYe8ITsqGG88pJCNhpj.0N9QS520SUyzc8wA4Fbp/."

/* Stands before libcrypt's own: how often it worked, and at which cost. */
static unsigned worked;
static char last_setting[CRYPT_OUTPUT_SIZE];

char *crypt_ra(const char *phrase, const char *setting, void **data, int *size)
{
    char *(*real)(const char *, const char *, void **, int *) = NULL;
    void *symbol = dlsym(RTLD_NEXT, "crypt_ra");

    if (symbol == NULL)
        abort();
    memcpy(&real, &symbol, sizeof(real));
    char *hash = real(phrase, setting, data, size);
    if (hash != NULL) {
        worked++;
        strncpy(last_setting, setting, sizeof(last_setting) - 1);
    }
    return hash;
}

static bool check(const char *password, const char *hash, bool *match)
{
    worked = 0;
    last_setting[0] = '\0';
    *match = true;
    return password_check(password, hash, match) == 0;
}

static void test_known(void)
{
    static const struct {
        const char *password, *hash;
        bool match;
    } rows[] = {
        {"Hello world!", SHA512, true},
        {"Hello world", SHA512, false},
        {"Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", true},
        {"U*U", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", true},
        {"correct horse", YESCRYPT, true},
        {"correct horsf", YESCRYPT, false},
        {"", YESCRYPT, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        bool match = false;
        bool done = check(rows[i].password, rows[i].hash, &match);
        ok(done && match == rows[i].match && worked == 1 && strcmp(last_setting, rows[i].hash) == 0,
           "\"%s\" and %.8s...: %s, by one crypt", rows[i].password, rows[i].hash,
           rows[i].match ? "equal" : "different");
    }
}

/* No hash, no match, and the work of one that password_hash made. */
static void test_nothing_to_check(void)
{
    static const char *const hashes[] = {
        NULL,
        "",
        "!",
        "*",
        "!!",
        "*0",
        "*1",
        "x",
        "!$6$saltstring$abc",
        "$",
        "$y$",
        "$6",
        "$zz$abc",
        "$y$j9T$!!$",
        "$2b$99$CCCCCCCCCCCCCCCCCCCCC.",
        "\n",
        "garbage: not a hash",
        "\xff\xfe",
    };
    char longest[ACCOUNT_HASH_SIZE] = "$6$rounds=1000$";
    bool match = false;

    for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
        bool done = check("correct horse", hashes[i], &match);
        ok(done && !match && worked == 1 && strncmp(last_setting, COST, strlen(COST)) == 0,
           "hash %zu matches nothing, by one crypt of the usual cost", i);
    }
    memset(longest + strlen(longest), 'a', sizeof(longest) - strlen(longest) - 1);
    ok(check("correct horse", longest, &match) && !match && worked == 1,
       "a hash of the greatest length matches nothing, by one crypt");
    ok(check("correct horse",
             "$y$j9T$abcdefghijklmnop0123/.$5zYe8ITsqGG88pJCNhpj.0N9QS520SUyzc8wA4Fbp/", &match) &&
           !match && worked == 1,
       "a hash without its last character matches nothing");
    ok(check("correct horse", "$y$j9T$abcdefghijklmnop0123/.", &match) && !match && worked == 1,
       "a setting alone matches nothing");
}

static void test_long_passwords(void)
{
    char password[1025] = "", hash[ACCOUNT_HASH_SIZE] = "x";
    bool match = false;

    for (size_t length = 511; length <= 1024; length += length < 513 ? 1 : 511) {
        memset(password, 'p', length);
        password[length] = '\0';
        bool fits = length < CRYPT_MAX_PASSPHRASE_SIZE;
        ok(password_hash(password, hash) == (fits ? 0 : ERR_TOO_LONG) && (hash[0] == '\0') == !fits,
           "a password of %zu bytes is %s", length, fits ? "hashed" : "refused");
        ok(check(password, fits ? hash : YESCRYPT, &match) && match == fits && worked == 1 &&
               strncmp(last_setting, COST, strlen(COST)) == 0,
           "a password of %zu bytes costs one crypt", length);
    }
}

static void test_hash(void)
{
    char first[ACCOUNT_HASH_SIZE] = "", second[ACCOUNT_HASH_SIZE] = "",
         none[ACCOUNT_HASH_SIZE] = "x";
    bool match = false;

    ok(password_hash("p\xc3\xa4ssword", first) == 0 &&
           password_hash("p\xc3\xa4ssword", second) == 0,
       "a password is hashed");
    ok(strncmp(first, COST, strlen(COST)) == 0, "by yescrypt of the usual cost");
    ok(strcmp(first, second) != 0, "with a fresh salt each time");
    ok(check("p\xc3\xa4ssword", first, &match) && match &&
           check("p\xc3\xa4ssword", second, &match) && match,
       "and matches");
    ok(check("p\xc3\xa4ssword ", first, &match) && !match, "but no other does");
    ok(password_hash("", none) == ERR_INVALID && none[0] == '\0', "an empty password is refused");
}

static void test_valid(void)
{
    static const struct {
        const char *hash;
        bool valid;
    } rows[] = {
        {YESCRYPT, true},
        {"$6$saltstring$abc", true},
        {"$1$abcdefgh$abc", true},
        {"", false},
        {"!", false},
        {"*", false},
        {"!$6$salt$a", false},
        {"$zz$abc", false},
        {"a b", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        ok(password_hash_valid(rows[i].hash) == rows[i].valid, "\"%.12s\" is %s", rows[i].hash,
           rows[i].valid ? "a hash" : "no hash");
}

int main(void)
{
    test_known();
    test_nothing_to_check();
    test_long_passwords();
    test_hash();
    test_valid();
    return tap_done();
}
