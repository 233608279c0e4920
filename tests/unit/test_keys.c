/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "encoding.h"
#include "file.h"
#include "keys.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define A "00000000000000000000000000000000000000000000000000000000000000aa"
#define B "FFFFFFFFffffffffFFFFFFFFffffffff00000000000000000000000000000bBb"

static const char *in_dir(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % ARRAY_SIZE(paths)];

    snprintf(path, sizeof(paths[0]), "%s/%s", tap_dir(), name);
    return path;
}

static void put(const char *path, const char *text, size_t length, mode_t mode)
{
    struct err err = {0};

    if (file_write(path, mode, true, text, length, &err) != 0) {
        printf("Bail out! %s: %s\n", path, err.what);
        exit(1);
    }
}

static bool is_empty(const struct seal_ring *ring)
{
    static const struct seal_ring empty;

    return memcmp(ring, &empty, sizeof(empty)) == 0;
}

static void test_good(void)
{
    static const char two[] = "# old\n\n  \r\nnew " A "\n\told_1-X \t" B " \r\n";
    static const char one[] = "abcdefghijklmnop " A;
    struct seal_ring ring = {0};
    struct err err = {0};

    put(in_dir("key"), two, strlen(two), 0600);
    ok(keys_load(in_dir("key"), &ring, &err) == 0 && ring.count == 2, "two keys are read %s",
       err.what);
    ok(strcmp(ring.keys[0].id, "new") == 0 && ring.keys[0].bytes[31] == 0xaa &&
           strcmp(ring.keys[1].id, "old_1-X") == 0 && ring.keys[1].bytes[0] == 0xff &&
           ring.keys[1].bytes[31] == 0xbb,
       "in the order of the file");
    put(in_dir("key"), one, strlen(one), 0400);
    ok(keys_load(in_dir("key"), &ring, &err) == 0 && ring.count == 1 && ring.keys[1].bytes[31] == 0,
       "a ring is filled anew, without the last LF, mode 0400");
    seal_ring_clear(&ring);
}

static void test_text_faults(void)
{
    static const struct {
        const char *text;
        int result;
        const char *line; /* behind the path, or "" */
        const char *what;
    } rows[] = {
        {"", ERR_INVALID, "", "backup"},
        {"# nothing\n", ERR_INVALID, "", "backup"},
        {"k\n", ERR_SYNTAX, ":1", "64 hexadecimal digits"},
        {A "\n", ERR_SYNTAX, ":1", "name"},
        {"# x\nk " A "0\n", ERR_SYNTAX, ":2", "64 hexadecimal digits"},
        {"k " A "00\n", ERR_SYNTAX, ":1", "64 hexadecimal digits"},
        {"k aa\n", ERR_SYNTAX, ":1", "64 hexadecimal digits"},
        {"k zz" A "\n", ERR_SYNTAX, ":1", "64 hexadecimal digits"},
        {"k " A " x\n", ERR_SYNTAX, ":1", "more than"},
        {"k." A "\n", ERR_SYNTAX, ":1", "name"},
        {"k.x " A "\n", ERR_SYNTAX, ":1", "name"},
        {"k\xc3\xa4 " A "\n", ERR_SYNTAX, ":1", "name"},
        {"abcdefghijklmnopq " A "\n", ERR_SYNTAX, ":1", "name"},
        {"k " A "\nj " B "\nk " B "\n", ERR_EXISTS, ":3", "k stands twice"},
        {"1 " A "\n2 " A "\n3 " A "\n4 " A "\n5 " A "\n6 " A "\n7 " A "\n8 " A "\n9 " A "\n",
         ERR_LIMIT, ":9", "more than 8 keys"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct seal_ring ring = {.count = 1, .keys = {{.id = "x"}}};
        struct err err = {0};
        char where[600];

        put(in_dir("key"), rows[i].text, strlen(rows[i].text), 0600);
        snprintf(where, sizeof(where), "%s%s", in_dir("key"), rows[i].line);
        ok(keys_load(in_dir("key"), &ring, &err) == rows[i].result && is_empty(&ring) &&
               strcmp(err.where, where) == 0 && strstr(err.what, rows[i].what) != NULL &&
               strstr(err.what, "0000") == NULL,
           "%s: %s", rows[i].line, err.what);
    }
}

static void test_bytes(void)
{
    static const char nul[] = "k " A "\n\0\n";
    char text[2000];
    struct seal_ring ring = {0};
    struct err err = {0};

    memset(text, 'a', sizeof(text));
    put(in_dir("key"), text, sizeof(text), 0600);
    ok(keys_load(in_dir("key"), &ring, &err) == ERR_SYNTAX && is_empty(&ring), "one long line");
    put(in_dir("key"), nul, sizeof(nul) - 1, 0600);
    ok(keys_load(in_dir("key"), &ring, &err) == ERR_SYNTAX && is_empty(&ring) &&
           strstr(err.where, ":2") != NULL,
       "a NUL byte behind a good key");
}

static void test_files(void)
{
    static const char good[] = "k " A "\n";
    static const struct {
        const char *name;
        int result;
        const char *what;
    } rows[] = {
        {"missing", ERR_FILE_MISSING, "totpctl init"},
        {"open", ERR_FILE_MODE, "chmod 600"},
        {"link", ERR_FILE_LINK, "symbolic link"},
        {"directory", ERR_FILE_TYPE, "regular"},
        {"fifo", ERR_FILE_TYPE, "regular"},
        {"theirs", ERR_FILE_OWNER, "chown root"},
    };

    put(in_dir("open"), good, strlen(good), 0640);
    put(in_dir("good"), good, strlen(good), 0600);
    put(in_dir("theirs"), good, strlen(good), 0600);
    (void)!symlink("good", in_dir("link"));
    mkdir(in_dir("directory"), 0700);
    mkfifo(in_dir("fifo"), 0600);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct seal_ring ring = {.count = 1};
        struct err err = {0};

        if (rows[i].result == ERR_FILE_OWNER && chown(in_dir("theirs"), 12345, 0) != 0) {
            tap_skip("only root can give a file away");
            continue;
        }
        ok(keys_load(in_dir(rows[i].name), &ring, &err) == rows[i].result && is_empty(&ring) &&
               strcmp(err.where, in_dir(rows[i].name)) == 0 &&
               strstr(err.what, rows[i].what) != NULL,
           "%s: %s", rows[i].name, err.what);
    }
}

static void test_create(void)
{
    struct seal_ring first = {0}, second = {0};
    struct err err = {0};
    struct stat status = {0};
    bool created = false;

    umask(0);
    ok(keys_create(in_dir("new/key"), &created, &err) == 0 && created, "a key file is made %s",
       err.what);
    umask(022);
    ok(stat(in_dir("new/key"), &status) == 0 && (status.st_mode & 07777) == 0600 &&
           stat(in_dir("new"), &status) == 0 && (status.st_mode & 07777) == 0755,
       "of mode 0600, in a directory of mode 0755");
    ok(keys_load(in_dir("new/key"), &first, &err) == 0 && first.count == 1 &&
           strlen(first.keys[0].id) == 8 && strspn(first.keys[0].id, "0123456789abcdef") == 8,
       "its one key is named by 8 digits");
    ok(keys_create(in_dir("new/key"), &created, &err) == 0 && !created &&
           keys_load(in_dir("new/key"), &second, &err) == 0 &&
           memcmp(&first, &second, sizeof(first)) == 0,
       "it stays the second time");
    ok(keys_create(in_dir("new/other"), &created, &err) == 0 && created &&
           keys_load(in_dir("new/other"), &second, &err) == 0 &&
           strcmp(first.keys[0].id, second.keys[0].id) != 0 &&
           memcmp(first.keys[0].bytes, second.keys[0].bytes, SEAL_KEY_BYTES) != 0,
       "another file gets another key");
    created = true;
    put(in_dir("new/key"), "", 0, 0600);
    ok(keys_create(in_dir("new/key"), &created, &err) == ERR_INVALID && created &&
           stat(in_dir("new/key"), &status) == 0 && status.st_size == 0,
       "one that is unusable is told, not overwritten: %s", err.what);
    put(in_dir("new/file"), "", 0, 0600);
    ok(keys_create(in_dir("new/file/key"), &created, &err) != 0, "below a file: %s", err.what);
    (void)!symlink("nowhere", in_dir("new/dangling"));
    ok(keys_create(in_dir("new/dangling"), &created, &err) == ERR_FILE_LINK &&
           access(in_dir("new/nowhere"), F_OK) != 0,
       "never through a link: %s", err.what);
    seal_ring_clear(&first);
    seal_ring_clear(&second);
}

int main(void)
{
    alarm(60);
    test_good();
    test_text_faults();
    test_bytes();
    test_files();
    test_create();
    return tap_done();
}
