/* SPDX-License-Identifier: BSD-2-Clause */
/* A store of an earlier version: it becomes one of this, whole or not at all, whoever opens it. */
#include "config.h"

#include "fixture.h"
#include "match.h"
#include "seal.h"
#include "tap.h"

#include <dlfcn.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Version 1 as it was released. */
static const char version_1[] =
    "CREATE TABLE account ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
    " email TEXT NOT NULL, full_name TEXT NOT NULL, password TEXT NOT NULL, role TEXT NOT NULL,"
    " enabled INTEGER NOT NULL, closed INTEGER NOT NULL, failures INTEGER NOT NULL,"
    " locked_until INTEGER NOT NULL, tokens_issued INTEGER NOT NULL, created INTEGER NOT NULL);"
    "CREATE TABLE device ("
    " id INTEGER PRIMARY KEY, account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,"
    " label TEXT NOT NULL, type TEXT NOT NULL, state TEXT NOT NULL, algorithm TEXT NOT NULL,"
    " digits INTEGER NOT NULL, period INTEGER NOT NULL, last_step INTEGER NOT NULL,"
    " counter INTEGER NOT NULL, drift INTEGER NOT NULL, created INTEGER NOT NULL,"
    " last_used INTEGER NOT NULL, key_id TEXT NOT NULL, sealed BLOB NOT NULL);"
    "CREATE INDEX device_account ON device (account);"
    "CREATE TABLE backup_token ("
    " account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,"
    " digest BLOB NOT NULL, key_id TEXT NOT NULL, PRIMARY KEY (account, digest)) WITHOUT ROWID;"
    "CREATE TABLE event ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, action TEXT NOT NULL,"
    " user TEXT NOT NULL, service TEXT NOT NULL, rhost TEXT NOT NULL, tty TEXT NOT NULL,"
    " verdict TEXT NOT NULL, method TEXT NOT NULL, device TEXT NOT NULL, actor TEXT NOT NULL);"
    "PRAGMA application_id = 0x546f7470; PRAGMA user_version = 1";

/* What version 2 added. */
static const char version_2[] =
    "ALTER TABLE account ADD COLUMN password_expired INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE device ADD COLUMN time_offset INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE device ADD COLUMN at_login INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE ticket ("
    " account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,"
    " service TEXT NOT NULL, origin TEXT NOT NULL, time INTEGER NOT NULL,"
    " PRIMARY KEY (account, service, origin)) WITHOUT ROWID;"
    "PRAGMA user_version = 2;"
    "UPDATE account SET password_expired = 1;"
    "UPDATE device SET time_offset = -12, at_login = 1;"
    "INSERT INTO ticket VALUES (41, 'sshd', '192.0.2.1', 299999)";

static struct conf conf;
static struct seal_ring ring;
static struct err err;
static const char *faulty; /* the command that fails the next time, by how it begins */
static unsigned versions;  /* how often one was set */
static unsigned begun;     /* write transactions */

/* In the place of the library's, which does the work. */
int sqlite3_exec(sqlite3 *db, const char *sql, sqlite3_callback callback, void *context,
                 char **message)
{
    static int (*real)(sqlite3 *, const char *, sqlite3_callback, void *, char **);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "sqlite3_exec");
    begun += strcmp(sql, "BEGIN IMMEDIATE") == 0;
    if (faulty != NULL && strncmp(sql, faulty, strlen(faulty)) == 0) {
        faulty = NULL;
        return SQLITE_IOERR;
    }
    versions += strstr(sql, "PRAGMA user_version =") != NULL;
    return real(db, sql, callback, context, message);
}

static const char *path(void)
{
    return strchr(conf.store, ':') + 1;
}

/* Behind the store's back. */
static bool run(const char *sql)
{
    sqlite3 *db = NULL;
    bool good = sqlite3_open(path(), &db) == SQLITE_OK &&
                sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;

    if (!good)
        tap_note("%s: %s", sql, db != NULL ? sqlite3_errmsg(db) : "cannot open");
    sqlite3_close(db);
    return good;
}

/* The first value of a query, or -1. */
static int64_t number(const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    sqlite3 *db = NULL;
    int64_t value = -1;

    if (sqlite3_open(path(), &db) == SQLITE_OK &&
        sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return value;
}

static struct device phone; /* alice's, with what it was sealed from */

/* One account with a device, two tokens and an event, sealed as ever. */
static bool make_old(const char *name)
{
    char directory[300], sql[4096], sealed[2 * ACCOUNT_SEALED_SIZE + 1] = "";
    struct conf own = conf;
    struct store *store = fixture_open(name, &own, &ring);
    struct account got CLEANUP(account_clear) = {0};

    conf = own;
    phone = fixture_enroll(store, &conf, "alice", "phone");
    bool good = store_begin(store, STORE_READ, &err) == 0 &&
                store_load(store, "alice", &got, &err) == 0 && got.device_count == 1;
    store_rollback(store);
    store_close(&store);
    const struct device *device = &got.devices[0];
    for (size_t i = 0; i < device->sealed.length; i++)
        snprintf(sealed + 2 * i, 3, "%02x", device->sealed.bytes[i]);
    snprintf(directory, sizeof(directory), "%s", path());
    good = good && unlink(path()) == 0;
    strcat(directory, "-wal");
    (void)unlink(directory);
    memcpy(directory + strlen(directory) - 4, "-shm", 4);
    (void)unlink(directory);
    const mode_t mask = umask(077);
    good = good && run("PRAGMA journal_mode = WAL") && run(version_1);
    umask(mask);
    snprintf(sql, sizeof(sql),
             "INSERT INTO account VALUES (41, 'alice', 'a@example.org', 'Alice', '$y$j9T$a$b',"
             " 'admin', 1, 0, 3, 77, 10, 300000);"
             "INSERT INTO device VALUES (%lld, 41, 'phone', 'totp', 'active', 'SHA1', 6, 30, 9999,"
             " 0, -7, 300000, 300001, '%s', x'%s');"
             "INSERT INTO backup_token VALUES (41, randomblob(32), '%s'),"
             " (41, randomblob(32), '%s');"
             "INSERT INTO event VALUES (5, 300000, 'login', 'alice', 'sshd', '192.0.2.1', '',"
             " 'accepted', 'totp', 'phone', '')",
             (long long)device->id, device->sealed.key_id, sealed, device->sealed.key_id,
             device->sealed.key_id);
    return good && run(sql);
}

static int open_store(struct store **store)
{
    return store_open(conf.store, &ring, false, NULL, store, &err);
}

static int load(struct store *store, const char *user, struct account *account)
{
    int r = store_begin(store, STORE_READ, &err);

    if (r == 0)
        r = store_load(store, user, account, &err);
    store_rollback(store);
    return r;
}

static bool is_intact(const struct account *got)
{
    const struct device *device = &got->devices[0];

    return got->id == 41 && strcmp(got->email, "a@example.org") == 0 &&
           strcmp(got->full_name, "Alice") == 0 && strcmp(got->password, "$y$j9T$a$b") == 0 &&
           got->role == ROLE_ADMIN && got->enabled && !got->closed && got->failures == 3 &&
           got->locked_until == 77 && got->tokens_issued == 10 && got->created == 300000 &&
           got->token_count == 2 && got->device_count == 1 && device->id == phone.id &&
           device->state == DEVICE_ACTIVE && device->last_step == 9999 && device->drift == -7 &&
           device->last_used == 300001 && device->secret.length == phone.secret.length &&
           memcmp(device->secret.bytes, phone.secret.bytes, phone.secret.length) == 0;
}

static void test_upgrade(void)
{
    struct account got CLEANUP(account_clear) = {0};
    struct store *store CLEANUP(store_close) = NULL;
    struct event last = {0};
    int64_t time = -1;

    ok(make_old("upgrade") && number("PRAGMA user_version") == 1, "a store of version 1");
    begun = versions = 0;
    ok(open_store(&store) == 0 && number("PRAGMA user_version") == 3 && begun == 1 && versions == 1,
       "opening brings it to version 3, in one transaction: %s", err.what);
    ok(number("PRAGMA application_id") == 0x546f7470, "it is still a store");
    ok(load(store, "alice", &got) == 0 && is_intact(&got), "all that was in it is: %s", err.what);
    ok(!got.password_expired && got.devices[0].offset == 0 && !got.devices[0].at_login &&
           !got.tokens_mailed,
       "what is new is as if it had never been used");
    ok(store_begin(store, STORE_READ, &err) == 0 &&
           store_ticket_find(store, &got, "sshd", "192.0.2.1", &time, &err) == 0 && time == 0,
       "and nobody has grace");
    store_rollback(store);
    ok(fixture_events(store, &last) == 1 && last.id == 5 && strcmp(last.rhost, "192.0.2.1") == 0,
       "the record too");
    store_close(&store);
    begun = 0;
    ok(open_store(&store) == 0 && begun == 0, "the next time there is nothing to do");
}

static void test_upgrade_of_2(void)
{
    static const struct mail_code none[MAIL_PURPOSES];
    struct account got CLEANUP(account_clear) = {0};
    struct store *store CLEANUP(store_close) = NULL;
    struct event last = {0};
    int64_t time = -1;

    ok(make_old("second") && run(version_2) && number("PRAGMA user_version") == 2,
       "a store of version 2");
    begun = versions = 0;
    ok(open_store(&store) == 0 && number("PRAGMA user_version") == 3 && begun == 1 && versions == 1,
       "opening brings it to version 3, in one transaction: %s", err.what);
    ok(load(store, "alice", &got) == 0 && is_intact(&got) && got.password_expired &&
           got.devices[0].offset == -12 && got.devices[0].at_login && !got.tokens_mailed,
       "all that was in it is: %s", err.what);
    ok(store_begin(store, STORE_READ, &err) == 0 &&
           store_ticket_find(store, &got, "sshd", "192.0.2.1", &time, &err) == 0 && time == 299999,
       "and when the last success was");
    store_rollback(store);
    ok(memcmp(got.codes, none, sizeof(none)) == 0 && number("SELECT count(*) FROM mail_code") == 0,
       "no code has been sent");
    ok(fixture_events(store, &last) == 1 && last.id == 5, "the record too");
}

static int keep(struct store *store, const struct account *before, struct account *after)
{
    int r = store_begin(store, STORE_WRITE, &err);

    if (r == 0)
        r = store_save(store, before, after, &err);
    if (r == 0)
        r = store_ticket_put(store, after, "sshd", "192.0.2.1", 300000, &err);
    return r == 0 ? store_commit(store, &err) : r;
}

/* A store that grew is as one that was made so. */
static void test_use(void)
{
    struct account got CLEANUP(account_clear) = {0}, after CLEANUP(account_clear) = {0},
                       again CLEANUP(account_clear) = {0};
    struct store *store CLEANUP(store_close) = NULL;

    ok(make_old("use") && open_store(&store) == 0 && load(store, "alice", &got) == 0,
       "a store that was of version 1");
    after = got;
    after.password_expired = true;
    after.tokens_mailed = true;
    after.devices[0].offset = -12;
    after.devices[0].at_login = true;
    after.codes[MAIL_RECOVERY] =
        (struct mail_code){.sent = 300000, .expires = 300600, .tries = 2, .key_id = "k1"};
    ok(keep(store, &got, &after) == 0 && load(store, "alice", &again) == 0 &&
           memcmp(&again, &after, sizeof(again)) == 0 && again.devices[0].offset == -12 &&
           again.tokens_mailed,
       "keeps what is new");
    ok(number("SELECT count(*) FROM ticket") == 1 &&
           number("SELECT count(*) FROM mail_code") == 1 &&
           store_begin(store, STORE_WRITE, &err) == 0 && store_remove(store, "alice", &err) == 0 &&
           store_commit(store, &err) == 0 && number("SELECT count(*) FROM ticket") == 0 &&
           number("SELECT count(*) FROM mail_code") == 0 &&
           number("SELECT count(*) FROM device") == 0,
       "and loses it with the account");
}

/* Half of a version is none. */
static void test_faults(void)
{
    static const char *const commands[] = {"BEGIN IMMEDIATE", "ALTER TABLE account",
                                           "CREATE TABLE mail_code",
                                           "PRAGMA application_id =", "COMMIT"};

    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        struct account got CLEANUP(account_clear) = {0};
        struct store *store CLEANUP(store_close) = NULL;
        char name[32];
        snprintf(name, sizeof(name), "fault-%zu", i);
        bool made = make_old(name);
        faulty = commands[i];
        int r = open_store(&store);
        ok(made && faulty == NULL && r != 0 && store == NULL &&
               number("PRAGMA user_version") == 1 &&
               number("SELECT count(*) FROM sqlite_master WHERE name IN ('ticket', 'mail_code')") ==
                   0 &&
               number("SELECT count(*) FROM pragma_table_info('account')") == 12 &&
               number("SELECT count(*) FROM pragma_table_info('device')") == 15,
           "%s fails: %s, and it is of version 1 as before", commands[i], err_sentence(r));
        faulty = NULL;
        ok(open_store(&store) == 0 && load(store, "alice", &got) == 0 && is_intact(&got),
           "later it is brought up to date");
    }
}

/* Waits for the start, opens, and says whether all is well. */
static void open_apart(int start)
{
    struct account got CLEANUP(account_clear) = {0};
    struct store *store = NULL;
    char byte;

    while (read(start, &byte, 1) > 0)
        continue;
    bool good = open_store(&store) == 0 && load(store, "alice", &got) == 0 && is_intact(&got);
    store_close(&store);
    _exit(good ? 0 : 1);
}

static void test_together(void)
{
    for (unsigned round = 0; round < 10; round++) {
        int start[2], status;
        char name[32];
        unsigned good = 0;
        snprintf(name, sizeof(name), "together-%u", round);
        if (!make_old(name) || pipe(start) != 0) {
            ok(false, "round %u cannot begin", round);
            return;
        }
        for (unsigned i = 0; i < 4; i++)
            if (fork() == 0) {
                close(start[1]);
                open_apart(start[0]);
            }
        close(start[0]);
        close(start[1]);
        while (wait(&status) > 0)
            good += status == 0;
        ok(good == 4 && number("PRAGMA user_version") == 3,
           "round %u: of four processes at once each has the whole store", round);
    }
}

/* What the new columns may hold. */
static void test_hostile(void)
{
    static const struct {
        const char *column, *bad, *good;
    } cases[] = {
        {"account SET password_expired", "2", "0"},
        {"account SET password_expired", "-1", "1"},
        {"account SET password_expired", "'yes'", "0"},
        {"account SET password_expired", "x'01'", "0"},
        {"account SET password_expired", "0.5", "0"},
        {"account SET tokens_mailed", "2", "1"},
        {"account SET tokens_mailed", "-1", "0"},
        {"account SET tokens_mailed", "'yes'", "0"},
        {"device SET time_offset", "9999999", "5760"},
        {"device SET time_offset", "5761", "-5760"},
        {"device SET time_offset", "-5761", "0"},
        {"device SET time_offset", "1e300", "0"},
        {"device SET time_offset", "'x'", "0"},
        {"device SET at_login", "7", "1"},
        {"device SET at_login", "-1", "0"},
        {"device SET at_login", "'true'", "0"},
        {"device SET drift", "1000000000", "0"},
    };
    struct store *store CLEANUP(store_close) = NULL;

    ok(make_old("hostile") && open_store(&store) == 0, "a store to meddle with");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct account got CLEANUP(account_clear) = {0};
        char bad[128], good[128];
        snprintf(bad, sizeof(bad), "UPDATE %s = %s", cases[i].column, cases[i].bad);
        snprintf(good, sizeof(good), "UPDATE %s = %s", cases[i].column, cases[i].good);
        bool done = run(bad);
        int r = load(store, "alice", &got);
        ok(done && r == ERR_STORE_CORRUPT && got.device_count == 0 && err.what[0] != '\0', "%s: %s",
           bad, err.what);
        ok(run(good) && load(store, "alice", &got) == 0, "%s is fine", good);
    }
}

static void test_others(void)
{
    static const int64_t refused[] = {4, 99, 0, -1};
    struct store *store CLEANUP(store_close) = NULL;
    char sql[64];

    ok(make_old("others"), "a store of version 1");
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        snprintf(sql, sizeof(sql), "PRAGMA user_version = %lld", (long long)refused[i]);
        const int expected = refused[i] > 0 ? ERR_STORE_NEWER : ERR_STORE_SCHEMA;
        ok(run(sql) && open_store(&store) == expected && store == NULL &&
               number("PRAGMA user_version") == refused[i] &&
               number("SELECT count(*) FROM pragma_table_info('device')") == 15,
           "version %lld is none of ours, and is left alone", (long long)refused[i]);
    }
    ok(run("PRAGMA user_version = 1; PRAGMA application_id = 1") &&
           open_store(&store) == ERR_STORE_SCHEMA && number("PRAGMA user_version") == 1,
       "nor is another program's version 1");
}

int main(void)
{
    test_upgrade();
    test_upgrade_of_2();
    test_use();
    test_faults();
    test_together();
    test_hostile();
    test_others();
    return tap_done();
}
