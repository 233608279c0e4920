/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "password.h"

#include "text.h"

#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define METHOD "$y$"
#define SALT_BYTES 16

/* crypt(3) works in 32 KiB: too much for the stack of a thread in somebody else's process. */
struct work {
    void *data;
    int size;
};

static void work_clear(struct work *work)
{
    if (work->data != NULL)
        secret_wipe(work->data, (size_t)work->size);
    free(work->data);
}

/* libcrypt refuses 512 bytes and more before it does any work. */
static bool is_too_long(const char *password)
{
    return strnlen(password, CRYPT_MAX_PASSPHRASE_SIZE) == CRYPT_MAX_PASSPHRASE_SIZE;
}

static int setting_make(const char salt[static SALT_BYTES],
                        char setting[static CRYPT_GENSALT_OUTPUT_SIZE])
{
    if (crypt_gensalt_rn(METHOD, 0, salt, SALT_BYTES, setting, CRYPT_GENSALT_OUTPUT_SIZE) == NULL)
        return ERR_CRYPTO;
    return 0;
}

/* Sets *hash to a text inside work. */
static int hash_with(struct work *work, const char *password, const char *setting,
                     const char **hash)
{
    const char *text = crypt_ra(password, setting, &work->data, &work->size);

    if (text == NULL)
        return errno == ENOMEM ? ERR_NOMEM : ERR_CRYPTO;
    *hash = text;
    return 0;
}

int password_hash(const char *password, char hash[static ACCOUNT_HASH_SIZE])
{
    struct work work CLEANUP(work_clear) = {0};
    char setting[CRYPT_GENSALT_OUTPUT_SIZE] = "", salt[SALT_BYTES] = "";
    const char *made = NULL;

    hash[0] = '\0';
    if (password[0] == '\0')
        return ERR_INVALID;
    if (is_too_long(password))
        return ERR_TOO_LONG;
    int r = secret_random(salt, sizeof(salt));
    if (r == 0)
        r = setting_make(salt, setting);
    if (r == 0)
        r = hash_with(&work, password, setting, &made);
    if (r != 0)
        return r;
    return text_copy(hash, ACCOUNT_HASH_SIZE, made);
}

bool password_hash_valid(const char *hash)
{
    switch (crypt_checksalt(hash)) {
    case CRYPT_SALT_OK:
    case CRYPT_SALT_METHOD_LEGACY:
    case CRYPT_SALT_TOO_CHEAP:
        return true;
    default:
        return false;
    }
}

/* The work of a check, for nothing: its time must not tell that there was nothing to check. A
 * setting made as password_hash makes them has the same cost whatever libcrypt's default is. */
static int spend(struct work *work, const char *password)
{
    static const char no_salt[SALT_BYTES];
    char setting[CRYPT_GENSALT_OUTPUT_SIZE] = "";
    const char *made = NULL;
    int r = setting_make(no_salt, setting);

    if (r == 0)
        r = hash_with(work, password, setting, &made);
    return r;
}

int password_check(const char *password, const char *hash, bool *match)
{
    struct work work CLEANUP(work_clear) = {0};
    const char *made = NULL;

    *match = false;
    if (is_too_long(password))
        return spend(&work, "");
    if (hash == NULL || !password_hash_valid(hash))
        return spend(&work, password);
    int r = hash_with(&work, password, hash, &made);
    if (r == ERR_CRYPTO) /* only the beginning of the hash was good: no work was done */
        return spend(&work, password);
    if (r != 0)
        return r;
    size_t length = strlen(made);
    *match = length == strlen(hash) && secret_equal(made, hash, length);
    return 0;
}
