/* SPDX-License-Identifier: BSD-2-Clause */
/* The SQLite back end: what is kept, what is refused, and a file whose bytes are hostile. */
#include "config.h"

#include "enroll.h"
#include "file.h"
#include "fixture.h"
#include "notice.h"
#include "tap.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct conf conf;
static struct seal_ring ring;
static struct store *store;
static struct err err;

static const char *path_of(const struct conf *of)
{
    return strchr(of->store, ':') + 1;
}

static const char *faulty; /* the command that fails the next time */
static sqlite3 *writer;    /* whose transaction began last */
static bool reads_only;    /* the file system */

/* In the place of the library's, which does the work. */
int sqlite3_exec(sqlite3 *db, const char *sql, sqlite3_callback callback, void *context,
                 char **message)
{
    static int (*real)(sqlite3 *, const char *, sqlite3_callback, void *, char **);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "sqlite3_exec");
    if (strcmp(sql, "BEGIN IMMEDIATE") == 0)
        writer = db;
    if (faulty != NULL && strcmp(sql, faulty) == 0) {
        faulty = NULL;
        return SQLITE_IOERR;
    }
    return real(db, sql, callback, context, message);
}

int sqlite3_db_readonly(sqlite3 *db, const char *name)
{
    (void)db, (void)name;
    return reads_only;
}

static bool untold; /* of the next change only half can be told */

int __real_notice_of_change(const struct account *before, const struct account *after,
                            struct outbox *outbox);
int __wrap_notice_of_change(const struct account *before, const struct account *after,
                            struct outbox *outbox);

int __wrap_notice_of_change(const struct account *before, const struct account *after,
                            struct outbox *outbox)
{
    const struct notice half = {.kind = NOTICE_LOCKED};

    if (!untold)
        return __real_notice_of_change(before, after, outbox);
    untold = false;
    return outbox_add(outbox, &half) == 0 ? ERR_NOMEM : ERR_SYSTEM;
}

/* Runs SQL behind the store's back. */
static bool meddle(const char *sql)
{
    sqlite3 *db = NULL;
    bool good = sqlite3_open(path_of(&conf), &db) == SQLITE_OK &&
                sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;

    if (!good)
        tap_note("%s: %s", sql, db != NULL ? sqlite3_errmsg(db) : "cannot open");
    sqlite3_close(db);
    return good;
}

static int load(const char *user, struct account *account)
{
    int r = store_begin(store, STORE_READ, &err);

    if (r == 0)
        r = store_load(store, user, account, &err);
    store_rollback(store);
    return r;
}

static int reopen(const char *uri)
{
    struct store *other CLEANUP(store_close) = NULL;

    return store_open(uri, &ring, false, NULL, &other, &err);
}

static void test_round_trip(void)
{
    struct account before CLEANUP(account_clear) = {0}, after CLEANUP(account_clear) = {0},
                          got CLEANUP(account_clear) = {0};

    account_init(&after, "alice");
    after.created = FIXTURE_NOW;
    (void)snprintf(after.email, sizeof(after.email), "a@example.org");
    (void)snprintf(after.full_name, sizeof(after.full_name), "\xc3\x84lice 'x'; --");
    (void)snprintf(after.password, sizeof(after.password), "$y$j9T$abc$def");
    after.role = ROLE_ADMIN;
    after.password_expired = true;
    after.tokens_mailed = true;
    after.failures = 3;
    after.locked_until = FIXTURE_NOW + 60;
    after.device_count = 2;
    for (size_t i = 0; i < 2; i++) {
        after.devices[i] = (struct device){.id = 100 + (int64_t)i,
                                           .type = i == 0 ? DEVICE_TOTP : DEVICE_HOTP,
                                           .state = DEVICE_ACTIVE,
                                           .algorithm = OTP_SHA512,
                                           .digits = 8,
                                           .period = i == 0 ? 60 : 0,
                                           .last_step = i == 0 ? 77 : ACCOUNT_NEVER,
                                           .counter = i == 0 ? 0 : 99,
                                           .drift = i == 0 ? -16 : 0,
                                           .offset = i == 0 ? -ACCOUNT_OFFSET_MAX : 0,
                                           .created = FIXTURE_NOW + (int64_t)i,
                                           .last_used = ACCOUNT_NEVER,
                                           .secret = {.bytes = {1, 2, 3}, .length = 64}};
        (void)snprintf(after.devices[i].label, ACCOUNT_LABEL_SIZE, "d%zu", i);
    }
    after.codes[MAIL_LOGIN] = (struct mail_code){.sent = FIXTURE_NOW,
                                                 .expires = FIXTURE_NOW + 600,
                                                 .device = 101,
                                                 .tries = 3,
                                                 .key_id = "k1",
                                                 .digest = {1, 2, 3}};
    ok(store_begin(store, STORE_WRITE, &err) == 0 &&
           store_save(store, &before, &after, &err) == 0 && store_commit(store, &err) == 0,
       "an account is saved");
    ok(after.id > 0 && load("alice", &got) == 0 && memcmp(&after, &got, sizeof(got)) == 0 &&
           got.tokens_mailed,
       "and comes back as it was");
    before = after;
    after.devices[0].last_step = 78;
    after.devices[0].offset = ACCOUNT_OFFSET_MAX;
    after.devices[0].at_login = true;
    after.password_expired = false;
    after.tokens_mailed = false;
    after.failures = 0;
    after.codes[MAIL_RECOVERY] = after.codes[MAIL_LOGIN];
    after.codes[MAIL_RECOVERY].device = 0;
    account_remove_device(&after, 1);
    ok(store_begin(store, STORE_WRITE, &err) == 0 && store_save(store, &before, &after, &err) == 0,
       "a change is saved");
    store_rollback(store);
    ok(load("alice", &got) == 0 && memcmp(&before, &got, sizeof(got)) == 0,
       "and gone when rolled back");
    ok(store_begin(store, STORE_WRITE, &err) == 0 &&
           store_save(store, &before, &after, &err) == 0 && store_commit(store, &err) == 0 &&
           load("alice", &got) == 0 && got.device_count == 1 && got.devices[0].last_step == 78 &&
           got.devices[0].offset == ACCOUNT_OFFSET_MAX && got.devices[0].at_login &&
           !got.password_expired && !got.tokens_mailed && got.failures == 0 &&
           memcmp(got.codes, after.codes, sizeof(got.codes)) == 0 &&
           got.codes[MAIL_LOGIN].tries == 0 && got.codes[MAIL_RECOVERY].tries == 3,
       "and there when committed");
    before = after;
    after.codes[MAIL_LOGIN] = (struct mail_code){0};
    after.codes[MAIL_RECOVERY].tries--;
    ok(store_begin(store, STORE_WRITE, &err) == 0 &&
           store_save(store, &before, &after, &err) == 0 && store_commit(store, &err) == 0 &&
           load("alice", &got) == 0 && memcmp(&after, &got, sizeof(got)) == 0,
       "a code that was used is gone, and one that was guessed at has lost a try");
    ok(load("Alice", &got) == ERR_NOT_FOUND && load("", &got) == ERR_NOT_FOUND &&
           load("x' OR '1'='1", &got) == ERR_NOT_FOUND,
       "other names are other names");
}

static void test_hostile_rows(void)
{
    static const struct {
        const char *sql, *undo;
    } cases[] = {
        {"UPDATE account SET role='root'", "UPDATE account SET role='user'"},
        {"UPDATE account SET failures=-1", "UPDATE account SET failures=0"},
        {"UPDATE account SET failures='x'", "UPDATE account SET failures=0"},
        {"UPDATE account SET enabled=2", "UPDATE account SET enabled=1"},
        {"UPDATE account SET locked_until=1e300", "UPDATE account SET locked_until=0"},
        {"UPDATE account SET email=x'00'", "UPDATE account SET email=''"},
        {"UPDATE account SET full_name=char(27)||'[1m'", "UPDATE account SET full_name=''"},
        {"UPDATE device SET digits=5", "UPDATE device SET digits=6"},
        {"UPDATE device SET digits=9999999999", "UPDATE device SET digits=6"},
        {"UPDATE device SET period=0", "UPDATE device SET period=30"},
        {"UPDATE device SET type='sms'", "UPDATE device SET type='totp'"},
        {"UPDATE device SET type='email'", "UPDATE device SET type='totp'"},
        {"UPDATE device SET state='on'", "UPDATE device SET state='active'"},
        {"UPDATE device SET algorithm='MD5'", "UPDATE device SET algorithm='SHA1'"},
        {"UPDATE device SET last_step=-2", "UPDATE device SET last_step=-1"},
        {"UPDATE device SET drift=4000000000", "UPDATE device SET drift=0"},
        {"UPDATE device SET label=''", "UPDATE device SET label='phone'"},
        {"UPDATE device SET label=zeroblob(500)", "UPDATE device SET label='phone'"},
        {"UPDATE device SET key_id='other'", "UPDATE device SET key_id=(SELECT key_id FROM kept)"},
        {"UPDATE device SET sealed=x'0102'", "UPDATE device SET sealed=(SELECT sealed FROM kept)"},
        {"UPDATE device SET sealed=zeroblob(48)",
         "UPDATE device SET sealed=(SELECT sealed FROM kept)"},
        {"UPDATE device SET sealed=zeroblob(5000)",
         "UPDATE device SET sealed=(SELECT sealed FROM kept)"},
        {"UPDATE device SET id=id+1", "UPDATE device SET id=id-1"},
        {"UPDATE account SET name='mallory'", "UPDATE account SET name='alice'"},
    };
    struct account got CLEANUP(account_clear) = {0};

    (void)fixture_enroll(store, &conf, "alice", "phone");
    ok(meddle("CREATE TABLE kept AS SELECT key_id, sealed FROM device"), "a store to meddle with");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *user = strstr(cases[i].sql, "mallory") ? "mallory" : "alice";
        bool done = meddle(cases[i].sql);
        int r = load(user, &got);
        ok(done && r != 0 && r != ERR_NOT_FOUND && got.device_count == 0 && err.what[0] != '\0' &&
               meddle(cases[i].undo) && load("alice", &got) == 0,
           "%s: %s", cases[i].sql, err_sentence(r));
    }
    ok(meddle("UPDATE backup_token SET digest=x'00' WHERE digest IN"
              " (SELECT digest FROM backup_token LIMIT 1)") &&
           load("alice", &got) == ERR_STORE_CORRUPT,
       "a digest of the wrong length");
    ok(meddle("DELETE FROM backup_token; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM"
              " n WHERE i<60) INSERT INTO backup_token SELECT account.id, "
              "randomblob(32), 'k' FROM n, account") &&
           load("alice", &got) == ERR_STORE_CORRUPT,
       "more tokens than there can be");
    ok(meddle("DELETE FROM backup_token; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM"
              " n WHERE i<20) INSERT INTO device SELECT 1000+i, account, label||i, type, state,"
              " algorithm, digits, period, last_step, counter, drift, created, last_used, key_id,"
              " sealed, time_offset, at_login FROM n, device") &&
           load("alice", &got) == ERR_STORE_CORRUPT,
       "more devices than there can be");
    ok(meddle("DELETE FROM device WHERE id BETWEEN 1001 AND 1020") && load("alice", &got) == 0,
       "the store is whole again");
}

/* A code that cannot be right is no reason to take the account for one without. */
static void test_hostile_codes(void)
{
    static const char *const cases[] = {
        "purpose='Login'",
        "purpose=''",
        "purpose='login '",
        "purpose='password'",
        "purpose=zeroblob(5)",
        "purpose='a purpose that is longer than any'",
        "device=-1",
        "device='x'",
        "device=1e300",
        "sent=0",
        "sent=-1",
        "sent='now'",
        "sent=9223372036854775807",
        "expires=-1",
        "expires='never'",
        "expires=9223372036854775807",
        "tries=4",
        "tries=-1",
        "tries=4294967297",
        "tries='3x'",
        "key_id=''",
        "key_id='k 1'",
        "key_id='a key id that is too long'",
        "key_id=x'6b31'",
        "digest=x''",
        "digest=x'00'",
        "digest=zeroblob(31)",
        "digest=zeroblob(33)",
        "digest=zeroblob(5000)",
        "digest=7",
    };
    struct account got CLEANUP(account_clear) = {0};

    (void)fixture_enroll(store, &conf, "carla", "phone");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char sql[256];
        snprintf(sql, sizeof(sql),
                 "UPDATE mail_code SET %s WHERE account IN"
                 " (SELECT id FROM account WHERE name='carla')",
                 cases[i]);
        bool done =
            meddle("DELETE FROM mail_code; INSERT INTO mail_code SELECT id, 'login', 7, 300000,"
                   " 300600, 3, 'k1', zeroblob(32) FROM account WHERE name='carla'") &&
            load("carla", &got) == 0 && got.codes[MAIL_LOGIN].sent == 300000 && meddle(sql);
        err = (struct err){0};
        int r = load("carla", &got);
        ok(done && r == ERR_STORE_CORRUPT && got.device_count == 0 && err.what[0] != '\0', "%s: %s",
           cases[i], err.what);
    }
    ok(meddle("DELETE FROM mail_code") && load("carla", &got) == 0 && got.device_count == 1 &&
           got.codes[MAIL_LOGIN].sent == 0,
       "without it the account is whole");
}

static void test_swap(void)
{
    struct account got CLEANUP(account_clear) = {0};

    (void)fixture_enroll(store, &conf, "mallory", "phone");
    ok(load("alice", &got) == 0 && load("mallory", &got) == 0, "two accounts");
    ok(meddle("UPDATE device SET account=(SELECT id FROM account WHERE name='alice')"
              " WHERE account=(SELECT id FROM account WHERE name='mallory')") &&
           load("alice", &got) == ERR_SEAL,
       "a device moved to another account does not open");
    ok(meddle(
           "DELETE FROM device WHERE id IN (SELECT id FROM device ORDER BY created, id LIMIT 1)"),
       "nor when it is the only one");
    ok(meddle("DELETE FROM device") && load("alice", &got) == 0, "the devices are gone");
    (void)fixture_enroll(store, &conf, "alice", "a");
    (void)fixture_enroll(store, &conf, "alice", "b");
    ok(meddle("UPDATE device SET sealed=(SELECT d.sealed FROM device d WHERE d.label='b')"
              " WHERE label='a'") &&
           load("alice", &got) == ERR_SEAL,
       "a secret moved to another device does not open");
    ok(meddle("UPDATE account SET name='old' WHERE name='alice';"
              "UPDATE account SET name='alice' WHERE name='mallory'") &&
           load("alice", &got) == 0 && got.device_count == 0 && load("old", &got) == ERR_SEAL,
       "renaming the rows does not bring a device along");
}

static bool write_file(const char *path, const char *text, mode_t mode)
{
    return file_write(path, mode, true, text, strlen(text), &err) == 0;
}

static void test_hostile_files(void)
{
    char directory[256], path[300], uri[320];
    const char *base = tap_dir();

    snprintf(directory, sizeof(directory), "%s/bad", base);
    snprintf(path, sizeof(path), "%s/totp.db", directory);
    snprintf(uri, sizeof(uri), "sqlite:%s", path);
    ok(reopen(uri) != 0, "no directory");
    ok(mkdir(directory, 0700) == 0 && reopen(uri) == ERR_FILE_MISSING, "no file");
    ok(write_file(path, "", 0600) && reopen(uri) == ERR_STORE_SCHEMA &&
           strstr(err.what, "totpctl init") != NULL,
       "an empty file");
    ok(write_file(path,
                  "SQLite format 3 is what this is not, for more than a hundred bytes, so"
                  " that the header is there to be looked at ..........",
                  0600) &&
           reopen(uri) == ERR_STORE_CORRUPT,
       "a file of something else");
    ok(write_file(path, "", 0644) && reopen(uri) == ERR_FILE_MODE &&
           strstr(err.where, path) != NULL,
       "a mode too open");
    ok(chmod(path, 0600) == 0 && chmod(directory, 0755) == 0 && reopen(uri) == ERR_FILE_MODE,
       "a directory too open");
    ok(chmod(directory, 0700) == 0 && unlink(path) == 0 && mkdir(path, 0700) == 0 &&
           reopen(uri) == ERR_FILE_TYPE && rmdir(path) == 0,
       "a directory in its place");
    ok(mkfifo(path, 0600) == 0 && reopen(uri) == ERR_FILE_TYPE && unlink(path) == 0,
       "a FIFO, without waiting for it");
    ok(symlink(path_of(&conf), path) == 0 && reopen(uri) == ERR_FILE_LINK && unlink(path) == 0,
       "a symbolic link");
    if (geteuid() == 0)
        ok(write_file(path, "", 0600) && chown(path, 1234, 0) == 0 &&
               reopen(uri) == ERR_FILE_OWNER && unlink(path) == 0,
           "another owner");
    ok(reopen("postgresql://x") == ERR_INVALID && reopen("sqlite") == ERR_INVALID &&
           reopen("sqlite:relative.db") == ERR_INVALID && reopen("") == ERR_INVALID,
       "other URIs");
    ok(meddle("PRAGMA user_version=99") && reopen(conf.store) == ERR_STORE_NEWER &&
           meddle("PRAGMA user_version=3") && reopen(conf.store) == 0,
       "a newer schema");
    ok(meddle("PRAGMA application_id=1") && reopen(conf.store) == ERR_STORE_SCHEMA &&
           meddle("PRAGMA application_id=0x546f7470"),
       "another program's database");
}

static void test_truncated(void)
{
    struct conf other = conf;
    struct seal_ring keys = {0};
    struct store *small = fixture_open("truncated", &other, &keys);
    sqlite3 *db = NULL;
    struct stat status;

    (void)fixture_enroll(small, &other, "alice", "phone");
    store_close(&small);
    if (sqlite3_open(path_of(&other), &db) == SQLITE_OK)
        (void)sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
    sqlite3_close(db);
    ok(stat(path_of(&other), &status) == 0 && status.st_size > 8192, "a store in one file");
    struct seal_ring saved = ring;
    ring = keys;
    struct store *mine = store;
    for (off_t size = status.st_size - 1000; size > 0; size -= status.st_size / 7) {
        struct account got CLEANUP(account_clear) = {0};
        store = NULL;
        int r = truncate(path_of(&other), size);
        if (r == 0)
            r = store_open(other.store, &ring, false, NULL, &store, &err);
        if (r == 0)
            r = load("alice", &got);
        /* What the cut spared is still right; what it took is an error, never "no such user". */
        ok(r != ERR_NOT_FOUND && (r != 0 || got.device_count == 1), "cut to %ld bytes: %s",
           (long)size, err_sentence(r));
        store_close(&store);
    }
    store = mine;
    ring = saved;
}

static void test_busy(void)
{
    int ready[2];

    if (pipe(ready) != 0)
        return;
    pid_t child = fork();
    if (child == 0) {
        struct store *other = NULL;
        char byte = 'x';
        bool good = store_open(conf.store, &ring, false, NULL, &other, &err) == 0 &&
                    store_begin(other, STORE_WRITE, &err) == 0;
        good = write(ready[1], &byte, 1) == 1 && good;
        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
        good = good && store_commit(other, &err) == 0;
        store_close(&other);
        _exit(good ? 0 : 1);
    }
    char byte;
    int status = -1;
    ok(read(ready[0], &byte, 1) == 1 && store_begin(store, STORE_WRITE, &err) == 0,
       "a writer waits for the other");
    store_rollback(store);
    ok(waitpid(child, &status, 0) == child && status == 0, "which finished first");
}

/* Whoever starts a setuid program chooses its limits: see sql.h. */
static void test_limits(void)
{
    struct rlimit before, small;

    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){.rlim_cur = 1 << 20, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    ok(reopen(conf.store) == ERR_STORE_READONLY && strstr(err.what, "ulimit") != NULL,
       "under a limit on file sizes nothing is opened");
    setrlimit(RLIMIT_FSIZE, &before);
    ok(reopen(conf.store) == 0, "without one it is");
}

static void test_signals(void)
{
    sigset_t before, within, after;

    pthread_sigmask(SIG_SETMASK, NULL, &before);
    int r = store_begin(store, STORE_WRITE, &err);
    pthread_sigmask(SIG_SETMASK, NULL, &within);
    store_rollback(store);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    ok(r == 0 && sigismember(&within, SIGTSTP) == 1 && sigismember(&within, SIGINT) == 1 &&
           sigismember(&within, SIGKILL) == 0,
       "no key stops a process in the middle of a write");
    ok(sigismember(&before, SIGTSTP) == 0 && sigismember(&after, SIGTSTP) == 0 &&
           sigismember(&after, SIGINT) == 0,
       "after it they do again");
}

/* totp.db alone, without its log, is what a careless copy takes. */
static void test_settle(void)
{
    char copy[300], uri[320];

    snprintf(copy, sizeof(copy), "%s/copy", tap_dir());
    snprintf(uri, sizeof(uri), "sqlite:%s/totp.db", copy);
    (void)fixture_enroll(store, &conf, "zoe", "phone");
    store_settle(store);
    char command[700];
    snprintf(command, sizeof(command), "mkdir -m 700 %s && cp -p %s %s/totp.db", copy,
             path_of(&conf), copy);
    ok(system(command) == 0 && reopen(uri) == 0, "a copy of the main file is a store");
    struct store *mine = store;
    struct account got CLEANUP(account_clear) = {0};
    store = NULL;
    ok(store_open(uri, &ring, false, NULL, &store, &err) == 0 && load("zoe", &got) == 0 &&
           got.device_count == 1,
       "with what was done last");
    store_close(&store);
    store = mine;
}

/* One use case in its own transaction, as far as it knows. */
static int add(const char *name, bool keep)
{
    struct account before CLEANUP(account_clear) = {0}, after CLEANUP(account_clear) = {0};

    int r = store_begin(store, STORE_WRITE, &err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = store;
    account_init(&after, name);
    after.created = FIXTURE_NOW;
    r = store_save(open, &before, &after, &err);
    return r == 0 && keep ? store_commit(open, &err) : r;
}

static bool has(const char *name)
{
    struct account got CLEANUP(account_clear) = {0};

    return load(name, &got) == 0;
}

/* Seen by somebody else. */
static bool is_kept(const char *name)
{
    struct store *mine = store;
    bool found = false;

    store = NULL;
    if (store_open(conf.store, &ring, false, NULL, &store, &err) == 0)
        found = has(name);
    store_close(&store);
    store = mine;
    return found;
}

static void test_group(void)
{
    ok(store_group_begin(store, &err) == 0 && add("g1", true) == 0 && add("g2", false) == 0 &&
           add("g1", true) == ERR_EXISTS && add("g3", true) == 0,
       "parts are kept, undone or fail");
    ok(has("g1") && !has("g2") && has("g3"), "each alone");
    ok(!is_kept("g1") && !is_kept("g3"), "others see none of them yet");
    ok(store_group_commit(store, &err) == 0 && is_kept("g1") && !is_kept("g2") && is_kept("g3"),
       "then those that were kept");
    ok(store_group_begin(store, &err) == 0 && add("g4", true) == 0, "a part that was kept");
    struct store *open = store;
    store_group_end(&open);
    ok(open == store && !is_kept("g4"), "goes with its group");
    ok(add("g5", true) == 0 && is_kept("g5"), "after it transactions are their own again");
    open = store;
    store_group_end(&open);
    ok(is_kept("g5"), "without a group there is nothing to end");
    ok(store_group_begin(store, &err) == 0 && store_begin(store, STORE_WRITE, &err) == 0,
       "a part that nobody ends");
    open = store;
    store_group_end(&open);
    ok(add("g6", true) == 0 && is_kept("g6"), "ends with its group too");
}

/* Whose group ends that way has not happened. */
static void test_group_faults(void)
{
    static const char *const commands[] = {"BEGIN IMMEDIATE", "SAVEPOINT part", "RELEASE part",
                                           "ROLLBACK TO part; RELEASE part", "COMMIT"};

    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        sigset_t set;
        int r[5] = {0};
        faulty = commands[i];
        r[0] = store_group_begin(store, &err);
        if (r[0] == 0) {
            struct store *open CLEANUP(store_group_end) = store;
            r[1] = add("f1", true);
            r[2] = add("f2", false);
            r[3] = add("f3", true);
            r[4] = store_group_commit(open, &err);
        }
        pthread_sigmask(SIG_SETMASK, NULL, &set);
        ok(faulty == NULL && (r[0] != 0 || r[1] != 0 || r[3] != 0 || r[4] != 0) &&
               is_kept("f1") == (r[0] == 0 && r[1] == 0 && r[4] == 0) && !is_kept("f2") &&
               is_kept("f3") == (r[0] == 0 && r[3] == 0 && r[4] == 0) &&
               sigismember(&set, SIGINT) == 0,
           "%s fails: %d %d %d %d %d, and nothing else is kept", commands[i], r[0], r[1], r[2],
           r[3], r[4]);
        faulty = NULL;
        (void)meddle("DELETE FROM account WHERE name IN ('f1', 'f3')");
    }
    ok(add("f4", true) == 0 && is_kept("f4"), "the store is as usual after it");
}

/* A full disk ends SQLite's transaction in the middle: what comes after must not be one of its own.
 */
static void test_group_given_up(void)
{
    ok(store_group_begin(store, &err) == 0 && add("u1", true) == 0 &&
           sqlite3_exec(writer, "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK,
       "SQLite gives up a group");
    ok(store_begin(store, STORE_WRITE, &err) == ERR_STORE && strstr(err.what, "given up") != NULL &&
           add("u2", true) == ERR_STORE,
       "no part begins any more");
    ok(sqlite3_get_autocommit(writer) != 0, "and none has begun on its own");
    ok(store_group_commit(store, &err) != 0 && !is_kept("u1") && !is_kept("u2"),
       "nothing of it is kept");
    ok(store_group_begin(store, &err) == 0 && store_begin(store, STORE_WRITE, &err) == 0 &&
           sqlite3_exec(writer, "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK,
       "SQLite gives up a part");
    ok(store_commit(store, &err) == ERR_STORE && store_begin(store, STORE_READ, &err) == ERR_STORE,
       "which cannot be kept");
    ok(store_group_commit(store, &err) != 0, "nor can its group");
    ok(add("u3", true) == 0 && is_kept("u3"), "the next transaction can");
}

/* What an earlier one left behind is no part of the next. */
static void test_rollback_fails(void)
{
    int r = store_begin(store, STORE_WRITE, &err);
    struct account before CLEANUP(account_clear) = {0}, after CLEANUP(account_clear) = {0};

    account_init(&after, "left");
    after.created = FIXTURE_NOW;
    if (r == 0)
        r = store_save(store, &before, &after, &err);
    faulty = "ROLLBACK";
    store_rollback(store);
    ok(r == 0 && faulty == NULL && sqlite3_get_autocommit(writer) == 0, "a rollback fails");
    ok(add("next", true) == 0 && is_kept("next") && !is_kept("left"),
       "the next transaction begins without what it left");
}

/* SQLite would make do with reading, also when the file can be written again. */
/* Somebody whose memory is limited must not have what they did undone by what it is worth telling:
 * a wrong code counts all the same. */
static void test_untold(void)
{
    struct account before CLEANUP(account_clear) = {0}, after CLEANUP(account_clear) = {0},
                          got CLEANUP(account_clear) = {0};
    struct outbox outbox CLEANUP(outbox_clear) = {0};
    const struct notice earlier = {.kind = NOTICE_TOKENS};

    account_init(&after, "ulla");
    ok(store_begin(store, STORE_WRITE, &err) == 0 &&
           store_save(store, &before, &after, &err) == 0 && store_commit(store, &err) == 0 &&
           outbox_add(&outbox, &earlier) == 0,
       "somebody");
    store_set_outbox(store, &outbox);
    before = after;
    after.failures = 5;
    after.locked_until = FIXTURE_NOW;
    untold = true;
    ok(store_begin(store, STORE_WRITE, &err) == 0 &&
           store_save(store, &before, &after, &err) == 0 && store_commit(store, &err) == 0 &&
           !untold,
       "what cannot be told of is saved");
    ok(load("ulla", &got) == 0 && got.failures == 5 && got.locked_until == FIXTURE_NOW, "and kept");
    ok(outbox.count == 1 && outbox.notices[0].kind == NOTICE_TOKENS,
       "half of what was to be told goes, and nothing else");
    store_set_outbox(store, NULL);
}

static void test_read_only(void)
{
    reads_only = true;
    ok(reopen(conf.store) == ERR_STORE_READONLY && err.what[0] != '\0',
       "a store that cannot be written is not opened: %s", err.what);
    reads_only = false;
    ok(reopen(conf.store) == 0, "later it is");
}

/* The limit comes after the store was opened: the system refuses the write itself. */
static void test_group_full(void)
{
    struct rlimit before, none;

    getrlimit(RLIMIT_FSIZE, &before);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    bool begun =
        store_group_begin(store, &err) == 0 && add("w1", true) == 0 && add("w2", true) == 0;
    setrlimit(RLIMIT_FSIZE, &none);
    int r = store_group_commit(store, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    (void)signal(SIGXFSZ, SIG_DFL);
    ok(begun && r != 0 && !has("w1") && !is_kept("w1") && !is_kept("w2"),
       "what the disk does not take has not happened: %s", err_sentence(r));
    ok(add("w3", true) == 0 && is_kept("w3"), "and the store lives on");
}

static int count_event(void *context, const struct event *event)
{
    (void)event;
    ++*(size_t *)context;
    return 0;
}

/* The oldest go, two for each that comes, and only those that are too old. */
static void test_retention(void)
{
    struct conf other = conf;
    struct seal_ring keys = {0};
    struct store *mine CLEANUP(store_close) = fixture_open("retention", &other, &keys);
    const int64_t day = 24 * 60 * 60, times[] = {1, 2, 3, 90 * day, 200 * day, 200 * day};
    static const size_t left[] = {1, 2, 3, 4, 3, 2};
    const struct event_origin origin = {.service = "sshd"};
    const struct backend_filter filter = {.user = NULL};

    for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
        struct event event;
        size_t count = 0;
        event_init(&event, times[i], "login", "ret", &origin);
        store_keep_events(mine, i == 0 ? 0 : 90 * day);
        if (store_begin(mine, STORE_WRITE, &err) != 0 || store_event(mine, &event, &err) != 0 ||
            store_events(mine, &filter, count_event, &count, &err) != 0 ||
            store_commit(mine, &err) != 0)
            ok(false, "%s", err.what);
        ok(count == left[i], "%zu of %zu events are left", count, i + 1);
    }
}

int main(void)
{
    store = fixture_open("store", &conf, &ring);
    test_round_trip();
    test_retention();
    ok(store_begin(store, STORE_WRITE, &err) == 0 && store_remove(store, "alice", &err) == 0 &&
           store_commit(store, &err) == 0,
       "the account is removed");
    test_hostile_rows();
    test_hostile_codes();
    test_swap();
    test_hostile_files();
    test_truncated();
    test_busy();
    test_limits();
    test_signals();
    test_settle();
    test_group();
    test_group_faults();
    test_group_given_up();
    test_rollback_fails();
    test_untold();
    test_read_only();
    test_group_full();
    store_close(&store);
    return tap_done();
}
