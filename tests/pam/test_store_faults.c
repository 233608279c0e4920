/* SPDX-License-Identifier: BSD-2-Clause */
/* A store, a key file or a configuration that cannot be used: "unavailable", one line in the log
 * that names the file, and never "not enrolled" (unenrolled=ignore would let everybody in). */
#include "config.h"

#include "login.h"
#include "redirect.h"
#include "service.h"

#include "backend.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEWER "PRAGMA user_version = 9999"

static char store[512], key[512], spare[512];

static void alice(void)
{
    struct account account = {0};

    person_init(&account, "alice", SECRET_GA);
    person_save(&account, 1);
}

static bool put(const char *path, mode_t mode, const char *text, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool fine = fd >= 0 && write(fd, text, length) == (ssize_t)length && fchmod(fd, mode) == 0;

    close(fd);
    return fine;
}

/* Each makes one thing wrong at path; the good file is at spare. */
static bool make_missing(const char *path)
{
    return access(path, F_OK) != 0;
}

static bool make_empty(const char *path)
{
    return put(path, 0600, "", 0);
}

static bool make_text(const char *path)
{
    static const char text[] = "This is neither a database nor a key, but it is long enough to be "
                               "looked at twice before it is thrown away.\n";

    return put(path, 0600, text, sizeof(text) - 1);
}

static bool make_directory(const char *path)
{
    return mkdir(path, 0700) == 0;
}

static bool make_fifo(const char *path)
{
    return mkfifo(path, 0600) == 0;
}

static bool make_link(const char *path)
{
    return symlink(spare, path) == 0;
}

static bool make_readable(const char *path)
{
    return link(spare, path) == 0 && chmod(path, 0644) == 0;
}

static bool make_foreign(const char *path)
{
    return link(spare, path) == 0 && chown(path, 12345, 12345) == 0;
}

static bool make_truncated(const char *path)
{
    return link(spare, path) == 0 && truncate(path, 700) == 0;
}

static const struct damage {
    const char *name;
    bool (*make)(const char *path);
    bool root, changes; /* needs root; alters the good file itself */
} damages[] = {
    {"missing", make_missing, false, false},
    {"empty", make_empty, false, false},
    {"not what it should be", make_text, false, false},
    {"a directory", make_directory, false, false},
    {"a FIFO", make_fifo, false, false},
    {"a symbolic link", make_link, false, false},
    {"readable by others", make_readable, false, false},
    {"owned by somebody else", make_foreign, true, false},
    {"truncated", make_truncated, false, true},
};

static void expect_unavailable(const char *what, const char *file)
{
    static const char *const options[] = {"", "unenrolled=ignore", "unenrolled=permit",
                                          "mode=combined password=store"};

    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        struct login login = {.user = "alice", .answers = {CODE_GA, CODE_GA}};
        host_service("test", options[i], NULL);
        login_run(&login);
        bool fine = login.result == PAM_AUTHINFO_UNAVAIL && login_logs() == 1 && !login.leaked;
        if (!ok(fine && *login_log(file) != '\0', "%s (%s): unavailable", what, options[i]))
            tap_note("result %d, %u lines: %s", login.result, login_logs(), log_line(0));
        login_account(&login);
        ok(login.result == PAM_AUTHINFO_UNAVAIL, "%s (%s): account too", what, options[i]);
    }
    host_service("test", "", NULL);
}

/* The service has the files open, and lets go of them at the next use. */
static void warm_up(void)
{
    struct login login = {.user = "alice"};

    login_account(&login);
    if (login.result != PAM_SUCCESS)
        ok(false, "the store in use: result %d", login.result);
}

static void remove_siblings(void)
{
    char path[520];

    snprintf(path, sizeof(path), "%s-wal", store);
    unlink(path);
    snprintf(path, sizeof(path), "%s-shm", store);
    unlink(path);
}

/* A store that can be moved about: all of it in one file. */
static void settle(void)
{
    sqlite3 *db = NULL;

    service_rest();
    /* A worker of the service may be opening it anew. */
    if (sqlite3_open(store, &db) != SQLITE_OK || sqlite3_busy_timeout(db, 5000) != SQLITE_OK ||
        sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL) != SQLITE_OK)
        ok(false, "checkpoint");
    sqlite3_close(db);
    remove_siblings();
    service_wake();
}

static void test_files(const char *path, const char *name)
{
    char what[128];

    for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
        if (damages[i].root && !host_has_people()) {
            tap_skip("%s %s needs root", name, damages[i].name);
            continue;
        }
        settle();
        warm_up();
        bool fine = rename(path, spare) == 0;
        if (damages[i].changes) {
            char copy[640];
            snprintf(copy, sizeof(copy), "cp -p '%.200s' '%.200s.good'", spare, spare);
            fine = fine && system(copy) == 0;
        }
        snprintf(what, sizeof(what), "%s %s", name, damages[i].name);
        ok(fine && damages[i].make(path), "%s: made", what);
        expect_unavailable(what, strrchr(path, '/') + 1);
        remove_siblings();
        remove(path);
        if (damages[i].changes) {
            snprintf(what, sizeof(what), "%.100s.good", spare);
            rename(what, spare);
        }
        fine = chmod(spare, 0600) == 0 && chown(spare, 0, 0) == 0 && rename(spare, path) == 0;
        struct login login = {.user = "alice", .answers = {CODE_GA}};
        alice();
        login_run(&login);
        ok(fine && login.result == PAM_SUCCESS, "mended: a login");
    }
}

static void run_sql(const char *statement)
{
    sqlite3 *db = NULL;
    char *message = NULL;

    /* A worker of the service may be opening it anew. */
    if (sqlite3_open(store, &db) != SQLITE_OK || sqlite3_busy_timeout(db, 5000) != SQLITE_OK ||
        sqlite3_exec(db, statement, NULL, NULL, &message) != SQLITE_OK) {
        ok(false, "%s: %s", statement, message != NULL ? message : "cannot open");
        sqlite3_free(message);
    }
    sqlite3_close(db);
}

/* Records no version of this program has written. */
static void test_records(void)
{
    static const char *const statements[] = {
        "UPDATE device SET digits = 0",
        "UPDATE device SET digits = 600",
        "UPDATE device SET digits = 'six'",
        "UPDATE device SET period = 0",
        "UPDATE device SET period = -30",
        "UPDATE device SET type = 'xotp'",
        "UPDATE device SET state = 'ACTIVE '",
        "UPDATE device SET algorithm = 'MD5'",
        "UPDATE device SET last_step = -5",
        "UPDATE device SET last_step = 'x '",
        "UPDATE device SET drift = 9223372036854775807",
        "UPDATE device SET label = ''",
        "UPDATE device SET label = x'ff00ff'",
        "UPDATE device SET label = printf('%.*c', 5000, 'x')",
        "UPDATE device SET sealed = x''",
        "UPDATE device SET sealed = zeroblob(5000000)",
        "UPDATE device SET sealed = substr(sealed, 1, length(sealed) - 1)",
        "UPDATE device SET sealed = 'text'",
        "UPDATE device SET key_id = 'unknown'",
        "UPDATE device SET key_id = ''",
        "UPDATE device SET id = id + 1",
        "UPDATE device SET algorithm = 'SHA256'",
        "UPDATE account SET failures = -1",
        "UPDATE account SET failures = 9223372036854775807",
        "UPDATE account SET locked_until = 'tomorrow'",
        "UPDATE account SET enabled = 2",
        "UPDATE account SET closed = -1",
        "UPDATE account SET role = 'root'",
        "UPDATE account SET password = printf('%.*c', 5000, 'x')",
        "UPDATE account SET email = x'c3'",
        NEWER,
        "PRAGMA user_version = -1",
        "PRAGMA application_id = 1",
        "DROP TABLE device",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i + 1 FROM n WHERE i < 500)"
        " INSERT INTO backup_token (account, key_id, digest)"
        " SELECT account.id, 'k', randomblob(32) FROM account, n",
        "INSERT INTO backup_token (account, key_id, digest) SELECT id, 'k', x'00' FROM account",
    };
    char good[600], copy[1300];

    settle();
    snprintf(good, sizeof(good), "%s.good", store);
    snprintf(copy, sizeof(copy), "cp -p '%s' '%s'", store, good);
    ok(system(copy) == 0, "a copy");
    for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
        alice();
        settle();
        warm_up();
        run_sql(statements[i]);
        /* A program of that version may be there: the service is not the one to say. */
        redirect_forbid(service_is_way() && strcmp(statements[i], NEWER) != 0);
        expect_unavailable(statements[i], "");
        redirect_forbid(service_is_way());
        service_rest();
        remove_siblings();
        snprintf(copy, sizeof(copy), "cp -p '%s' '%s'", good, store);
        if (system(copy) != 0)
            ok(false, "restored");
        service_wake();
    }
}

/* A copy put in the place of the store by hand, while it is in use: what is used up from now on is
 * used up there. */
static void test_put_back(void)
{
    struct account account CLEANUP(account_clear) = {0};
    struct login login = {.user = "alice", .answers = {CODE_GA}};
    char code[9], good[600], copy[1300];
    int64_t step = STEP_GA;

    alice();
    settle();
    snprintf(good, sizeof(good), "%s.good", store);
    snprintf(copy, sizeof(copy), "cp -p '%s' '%s'", store, good);
    ok(system(copy) == 0, "a copy");
    login_expect(&login, PAM_SUCCESS, 1, "a login after it was made");
    remove_siblings();
    snprintf(copy, sizeof(copy), "cp -p '%s' '%s'", good, store);
    ok(system(copy) == 0, "put back beside a store in use");
    ok(person_load("alice", &account) && account.devices[0].last_step == ACCOUNT_NEVER,
       "it knows nothing of that login");
    person_next_code(&account, &step, code);
    login.answers[0] = code;
    login_expect(&login, PAM_SUCCESS, 1, "the next login");
    ok(person_load("alice", &account) && account.devices[0].last_step == step,
       "is in the store that everybody sees");
    clock_set(TIME_GA);
}

/* What cannot be recorded does not happen. */
static void test_no_event(void)
{
    struct login login = {.user = "alice", .answers = {CODE_GA}};

    alice();
    run_sql("ALTER TABLE event RENAME TO elsewhere");
    login_expect(&login, PAM_AUTHINFO_UNAVAIL, 1, "no table of events");
    run_sql("ALTER TABLE elsewhere RENAME TO event");
    login_expect(&login, PAM_SUCCESS, 1, "nothing of that attempt was kept");
}

/* A device's record put in the place of another's does not open. */
static void test_moved(void)
{
    struct account two[2] = {{0}};
    struct login login = {.user = "bob", .answers = {CODE_GA}};

    person_init(&two[0], "bob", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
    person_init(&two[1], "mallory", SECRET_GA);
    person_save(two, 2);
    run_sql("UPDATE device SET sealed = (SELECT sealed FROM device JOIN account ON account = "
            "account.id WHERE name = 'mallory') WHERE account = (SELECT id FROM account WHERE "
            "name = 'bob')");
    login_run(&login);
    ok(login.result == PAM_AUTHINFO_UNAVAIL, "a secret copied to another account");
    person_save(two, 2);
    run_sql("DELETE FROM device WHERE account = (SELECT id FROM account WHERE name = 'bob')");
    run_sql("UPDATE device SET account = (SELECT id FROM account WHERE name = 'bob') WHERE "
            "account = (SELECT id FROM account WHERE name = 'mallory')");
    login_run(&login);
    ok(login.result == PAM_AUTHINFO_UNAVAIL, "a device moved to another account");
}

static void test_directory(void)
{
    char directory[512];

    host_path("store", directory, sizeof(directory));
    warm_up();
    if (host_has_people()) {
        ok(chown(directory, 12345, 0) == 0, "the store's directory owned by somebody else");
        expect_unavailable("directory's owner", "store");
        ok(chown(directory, 0, 0) == 0, "mended");
    }
    ok(chmod(directory, 0777) == 0, "the store's directory writable by all");
    expect_unavailable("directory's mode", "store");
    ok(chmod(directory, 0700) == 0, "mended");
}

/* With another key nothing opens, and nobody is "not enrolled". */
static void test_other_key(void)
{
    static const char other[] =
        "k9 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";

    alice();
    warm_up();
    ok(rename(key, spare) == 0 && put(key, 0600, other, sizeof(other) - 1), "another key file");
    expect_unavailable("another key", "");
    ok(rename(spare, key) == 0, "mended");
}

int main(void)
{
    host_make(NULL);
    host_path("store/totp.db", store, sizeof(store));
    host_path("key", key, sizeof(key));
    host_path("spare", spare, sizeof(spare));
    alice();
    test_files(store, "store");
    test_files(key, "key file");
    test_records();
    test_put_back();
    test_no_event();
    test_moved();
    test_directory();
    test_other_key();
    return host_done();
}
