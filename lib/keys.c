/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "keys.h"

#include "encoding.h"
#include "file.h"
#include "text.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define KEY_MODE 0600
#define KEY_ID_BYTES 4
#define BLANKS " \t\r"

static const char notice[] =
    "# The keys that seal the secrets of the two-factor login store, newest first:\n"
    "# ID and 256 bits in hexadecimal. Without this file the store cannot be opened, and whoever\n"
    "# has both can make everybody's codes: back it up, and apart from the store.\n";

#define KEYS_TEXT_SIZE (sizeof(notice) + ENCODING_HEX_SIZE(KEY_ID_BYTES + SEAL_KEY_BYTES) + 2)

/* "ID HEX64", or nothing but blanks or a comment. */
static int read_key(struct seal_ring *ring, char *line, struct err *err)
{
    struct seal_key *key = &ring->keys[ring->count];
    char *id = line + strspn(line, BLANKS), *digits, *rest;
    size_t length = 0;

    if (*id == '\0' || *id == '#')
        return 0;
    digits = id + strcspn(id, BLANKS);
    if (*digits != '\0')
        *digits++ = '\0';
    digits += strspn(digits, BLANKS);
    rest = digits + strcspn(digits, BLANKS);
    if (rest[strspn(rest, BLANKS)] != '\0')
        return err_set(err, ERR_SYNTAX, NULL, "there is more than a key's name and its digits");
    *rest = '\0';
    if (!seal_key_id_valid(id))
        return err_set(err, ERR_SYNTAX, NULL,
                       "a key's name is 1 to 16 letters, digits, '_' and '-'");
    for (size_t i = 0; i < ring->count; i++)
        if (strcmp(ring->keys[i].id, id) == 0)
            return err_set(err, ERR_EXISTS, NULL, "the key %s stands twice: remove one of them",
                           id);
    if (ring->count == SEAL_KEYS_MAX)
        return err_set(err, ERR_LIMIT, NULL,
                       "there are more than %d keys: remove those that seal nothing any more",
                       SEAL_KEYS_MAX);
    if (encoding_hex_parse(digits, key->bytes, sizeof(key->bytes), &length) != 0 ||
        length != sizeof(key->bytes))
        return err_set(err, ERR_SYNTAX, NULL, "a key is its name and %d hexadecimal digits",
                       2 * SEAL_KEY_BYTES);
    ring->count++;
    return text_copy(key->id, sizeof(key->id), id);
}

static int read_keys(const char *path, struct seal_ring *ring, struct err *err)
{
    int fd CLEANUP(file_close) = -1;
    int got = 1, result = file_open(path, FILE_PRIVATE, &fd, err);
    struct file_lines lines CLEANUP(file_lines_clear) = FILE_LINES_INIT(fd);
    char *line;

    if (result == ERR_FILE_MISSING)
        return err_set(err, result, path,
                       "it does not exist: on a new host run 'totpctl init', else put it "
                       "back from your copy");
    if (result != 0)
        return result;
    while (result == 0 && (got = file_next_line(&lines, &line)) > 0)
        result = read_key(ring, line, err);
    if (got == ERR_SYSTEM)
        return err_set(err, got, path, "it cannot be read");
    if (got < 0)
        result = err_set(err, ERR_SYNTAX, NULL, "this is no line of a key file");
    if (result != 0)
        snprintf(err->where, sizeof(err->where), "%s:%u", path, lines.number);
    else if (ring->count == 0)
        result =
            err_set(err, ERR_INVALID, path, "it holds no key: restore it from your backup of it");
    return result;
}

int keys_load(const char *path, struct seal_ring *ring, struct err *err)
{
    struct seal_ring read CLEANUP(seal_ring_clear) = {0};
    struct err fault = {0};
    int result = read_keys(path, &read, &fault);

    seal_ring_clear(ring);
    if (result == 0)
        *ring = read;
    else if (err != NULL)
        *err = fault;
    return result;
}

/* A file's text with one fresh key. */
static int make_text(char text[static KEYS_TEXT_SIZE])
{
    uint8_t id[KEY_ID_BYTES], key[SEAL_KEY_BYTES];
    char id_text[ENCODING_HEX_SIZE(sizeof(id))], key_text[ENCODING_HEX_SIZE(sizeof(key))];
    int result = secret_random(id, sizeof(id));

    if (result == 0)
        result = secret_random(key, sizeof(key));
    if (result == 0)
        result = encoding_hex(id, sizeof(id), id_text, sizeof(id_text));
    if (result == 0)
        result = encoding_hex(key, sizeof(key), key_text, sizeof(key_text));
    if (result == 0)
        snprintf(text, KEYS_TEXT_SIZE, "%s%s %s\n", notice, id_text, key_text);
    secret_wipe(key, sizeof(key));
    secret_wipe(key_text, sizeof(key_text));
    return result;
}

int keys_create(const char *path, bool *created, struct err *err)
{
    struct seal_ring ring CLEANUP(seal_ring_clear) = {0};
    char directory[PATH_MAX], text[KEYS_TEXT_SIZE] = "";
    int result = keys_load(path, &ring, err);

    if (result != ERR_FILE_MISSING) {
        if (result == 0)
            *created = false;
        return result;
    }
    if (file_dirname(path, directory, sizeof(directory)) != 0)
        return err_set(err, ERR_TOO_LONG, path, "the path is too long");
    result = file_make_dir(directory, 0755, NULL, err);
    if (result != 0)
        return result;
    result = make_text(text);
    if (result == 0)
        result = file_write(path, KEY_MODE, false, text, strlen(text), err);
    else
        (void)err_set(err, result, NULL, NULL);
    secret_wipe(text, sizeof(text));
    if (result == 0)
        *created = true;
    else if (result == ERR_EXISTS) { /* another one was faster */
        result = keys_load(path, &ring, err);
        if (result == 0)
            *created = false;
    }
    return result;
}
