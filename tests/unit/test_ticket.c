/* SPDX-License-Identifier: BSD-2-Clause */
/* Grace in the store: what is kept of a success, and what ends it. */
#include "config.h"

#include "admin.h"
#include "confirm.h"
#include "device.h"
#include "enroll.h"
#include "fixture.h"
#include "rules.h"
#include "tap.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

static struct conf conf;
static struct seal_ring ring;
static struct store *store;
static struct err err;

static const struct event_origin origin = {.service = "totpctl", .actor = "root"};

static struct account account_of(const char *user)
{
    struct account account = {0};

    if (admin_show(store, user, &account, &err) != 0)
        ok(false, "no account %s: %s", user, err.what);
    return account;
}

static int put(const char *user, const char *service, const char *from, int64_t time)
{
    const struct account account = account_of(user);

    int r = store_begin(store, STORE_WRITE, &err);
    if (r == 0)
        r = store_ticket_put(store, &account, service, from, time, &err);
    if (r == 0)
        return store_commit(store, &err);
    store_rollback(store);
    return r;
}

/* The time, or what went wrong. */
static int64_t find(const char *user, const char *service, const char *from)
{
    const struct account account = account_of(user);
    int64_t time = -99;

    int r = store_begin(store, STORE_READ, &err);
    if (r == 0)
        r = store_ticket_find(store, &account, service, from, &time, &err);
    store_rollback(store);
    return r == 0 ? time : r;
}

static bool meddle(const char *sql)
{
    sqlite3 *db = NULL;
    bool good = sqlite3_open(strchr(conf.store, ':') + 1, &db) == SQLITE_OK &&
                sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;

    sqlite3_close(db);
    return good;
}

static int64_t count(void)
{
    sqlite3_stmt *stmt = NULL;
    sqlite3 *db = NULL;
    int64_t value = -1;

    if (sqlite3_open(strchr(conf.store, ':') + 1, &db) == SQLITE_OK &&
        sqlite3_prepare_v2(db, "SELECT count(*) FROM ticket", -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return value;
}

static void test_one(void)
{
    ok(find("alice", "sshd", "192.0.2.1") == 0, "nothing was kept");
    ok(put("alice", "sshd", "192.0.2.1", 1000) == 0 && find("alice", "sshd", "192.0.2.1") == 1000,
       "a success is kept");
    ok(put("alice", "sshd", "192.0.2.1", 1001) == 0 && find("alice", "sshd", "192.0.2.1") == 1001 &&
           count() == 1,
       "the next takes its place");
    ok(find("alice", "sudo", "192.0.2.1") == 0 && find("alice", "ssh", "192.0.2.1") == 0 &&
           find("alice", "SSHD", "192.0.2.1") == 0,
       "it is of that service");
    ok(find("alice", "sshd", "192.0.2.2") == 0 && find("alice", "sshd", "192.0.2.10") == 0 &&
           find("alice", "sshd", "") == 0 && find("alice", "sshd", "tty:192.0.2.1") == 0,
       "from that place");
    ok(find("bob", "sshd", "192.0.2.1") == 0, "and that person's");
    ok(put("alice", "sshd", "2001:db8::1", 1002) == 0 &&
           put("alice", "su", "tty:pts/3", 1003) == 0 &&
           put("bob", "sshd", "192.0.2.1", 1004) == 0 && count() == 4 &&
           find("alice", "sshd", "192.0.2.1") == 1001 && find("alice", "su", "tty:pts/3") == 1003 &&
           find("bob", "sshd", "192.0.2.1") == 1004,
       "others stand beside it");
    ok(put("alice", "s' OR '1'='1", "\"; DROP TABLE ticket; --", 1005) == 0 &&
           find("alice", "s' OR '1'='1", "\"; DROP TABLE ticket; --") == 1005 && count() == 5,
       "whatever it is called");
    const struct account alice = account_of("alice");
    ok(store_begin(store, STORE_WRITE, &err) == 0 &&
           store_ticket_put(store, &alice, "sshd", "192.0.2.1", 2000, &err) == 0 &&
           store_ticket_clear(store, &alice, &err) == 0,
       "all of one person's go");
    store_rollback(store);
    ok(count() == 5 && find("alice", "sshd", "192.0.2.1") == 1001, "unless that is undone");
    ok(store_begin(store, STORE_WRITE, &err) == 0 && store_ticket_clear(store, &alice, &err) == 0 &&
           store_commit(store, &err) == 0 && count() == 1 &&
           find("alice", "sshd", "192.0.2.1") == 0 && find("bob", "sshd", "192.0.2.1") == 1004,
       "and stay away once it is done, others' remain");
    struct account nobody = {.id = 999};
    ok(store_begin(store, STORE_WRITE, &err) == 0 &&
           store_ticket_put(store, &nobody, "sshd", "x", 1, &err) != 0,
       "nobody has none: %s", err_sentence(err.code));
    store_rollback(store);
}

/* What is too old to count goes, and what a wrong clock has stamped. */
static void test_pruned(void)
{
    const int64_t now = INT64_C(2000000000);

    ok(put("alice", "sshd", "old", now - RULES_GRACE_MAX - 1) == 0 &&
           put("alice", "sshd", "not so old", now - RULES_GRACE_MAX) == 0 &&
           put("bob", "sshd", "old", now - RULES_GRACE_MAX - 1) == 0 &&
           put("alice", "sshd", "new", now) == 0,
       "four successes");
    ok(find("alice", "sshd", "old") == 0 &&
           find("alice", "sshd", "not so old") == now - RULES_GRACE_MAX &&
           find("alice", "sshd", "new") == now,
       "what is older than any grace goes");
    ok(find("bob", "sshd", "old") == now - RULES_GRACE_MAX - 1, "another's does not");
    ok(put("alice", "sshd", "future", now + 1000) == 0 &&
           find("alice", "sshd", "future") == now + 1000,
       "a clock that is ahead");
    ok(put("alice", "sshd", "new", now) == 0 && find("alice", "sshd", "new") == now &&
           find("alice", "sshd", "future") == 0,
       "set right again, its stamps go before their time comes");
    ok(put("alice", "sshd", "new", now + 5) == 0 && put("alice", "sshd", "new", now + 4) == 0 &&
           find("alice", "sshd", "new") == now + 4,
       "the same place too");
    ok(put("alice", "sshd", "first", 0) == 0 && put("alice", "sshd", "first", 5) == 0 &&
           find("alice", "sshd", "first") == 5,
       "a clock at its beginning does no harm");
}

static void test_hostile(void)
{
    static const char *const values[] = {"-1",     "253402300800", "9223372036854775807",
                                         "'soon'", "x'01'",        "1.5"};
    char sql[128];

    ok(put("alice", "sshd", "192.0.2.1", 1000) == 0, "a success");
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        snprintf(sql, sizeof(sql), "UPDATE ticket SET time = %s WHERE origin = '192.0.2.1'",
                 values[i]);
        ok(meddle(sql) && find("alice", "sshd", "192.0.2.1") == ERR_STORE_CORRUPT, "no time: %s",
           values[i]);
    }
    ok(put("alice", "sshd", "192.0.2.1", 1000) == 0 && find("alice", "sshd", "192.0.2.1") == 1000,
       "the next success mends it");
}

/* --- what ends it ----------------------------------------------------------------------------- */

static struct reply_device made;
static struct reply_tokens tokens;
static struct outcome outcome;

static int set(const struct admin_fields *fields)
{
    return admin_set(store, "carol", fields, "set", &origin, FIXTURE_NOW, &err);
}

static int set_email(void)
{
    return set(&(struct admin_fields){.email = "c@example.org"});
}

static int set_name(void)
{
    return set(&(struct admin_fields){.full_name = "Carol"});
}

static int set_role(void)
{
    static const enum account_role role = ROLE_USER;

    return set(&(struct admin_fields){.role = &role});
}

static int set_password(void)
{
    return set(&(struct admin_fields){.password = "secret", .hash = "$y$hash"});
}

static int clear_password(void)
{
    return set(&(struct admin_fields){.password = ""});
}

static int expire(void)
{
    int r = set_password();

    if (r == 0)
        r = put("carol", "sshd", "192.0.2.1", FIXTURE_NOW);
    return r == 0 ? set(&(struct admin_fields){.expire = true}) : r;
}

static int clear_grace(void)
{
    return set(&(struct admin_fields){.clear_grace = true});
}

static int lock(void)
{
    return admin_lock(store, "carol", true, &origin, FIXTURE_NOW, &err);
}

static int unlock(void)
{
    return admin_lock(store, "carol", false, &origin, FIXTURE_NOW, &err);
}

static int disable(void)
{
    return admin_enable(store, "carol", false, &origin, FIXTURE_NOW, &err);
}

static int enable(void)
{
    return admin_enable(store, "carol", true, &origin, FIXTURE_NOW, &err);
}

static int disable_device(void)
{
    return device_enable(store, "carol", "phone", false, &origin, FIXTURE_NOW, &err);
}

static int enable_device(void)
{
    return device_enable(store, "carol", "phone", true, &origin, FIXTURE_NOW, &err);
}

static int remove_device(void)
{
    return device_remove(store, "carol", "phone", &origin, FIXTURE_NOW, &err);
}

static int enroll(void)
{
    const struct enroll_request request = {
        .user = "carol", .origin = origin, .label = "next", .digits = 6, .period = 30};

    return enroll_start(store, &conf, "host", &request, FIXTURE_NOW, &made, &err);
}

static int confirm_with(const char *code, bool trial)
{
    struct enroll_code first = {.user = "carol", .label = "next", .origin = origin, .trial = trial};

    int r = enroll();
    if (r != 0)
        return r;
    first.code = code != NULL ? code : fixture_code(&made.device, FIXTURE_NOW / 30);
    return enroll_confirm(store, &conf, &first, FIXTURE_NOW, &outcome, &tokens, &err);
}

static int confirm(void)
{
    return confirm_with(NULL, false);
}

static int confirm_wrong(void)
{
    return confirm_with("000000", false);
}

static int guess(unsigned times)
{
    const struct enroll_code first = {
        .user = "carol", .label = "next", .origin = origin, .code = "000000", .guarded = true};

    int r = enroll();
    for (unsigned i = 0; i < times && r == 0; i++)
        r = enroll_confirm(store, &conf, &first, FIXTURE_NOW, &outcome, &tokens, &err);
    return r;
}

static int guess_some(void)
{
    return guess(conf.rules.max_failures - 1);
}

static int guess_all(void)
{
    int r = guess(conf.rules.max_failures);

    return r == 0 && outcome.locked_until <= FIXTURE_NOW ? -1 : r;
}

static int try_first(void)
{
    return confirm_with(NULL, true);
}

static int resync_wrong(void)
{
    return device_resync(store, "carol", "phone", "000000", "000000", &origin, FIXTURE_NOW,
                         &outcome, &err);
}

static int refuse_expiry(void)
{
    return set(&(struct admin_fields){.expire = true}) == ERR_CONFLICT ? 0 : -1;
}

static int refuse_device(void)
{
    return device_remove(store, "carol", "other", &origin, FIXTURE_NOW, &err) == ERR_NOT_FOUND ? 0
                                                                                               : -1;
}

static void test_ends(void)
{
    static const struct {
        const char *name;
        int (*act)(void);
        bool stays;
    } rows[] = {
        {"an address is set", set_email, true},
        {"a name is set", set_name, true},
        {"a role is set", set_role, false},
        {"a password is set", set_password, false},
        {"a password is cleared", clear_password, false},
        {"a password expires", expire, false},
        {"grace is cleared", clear_grace, false},
        {"the account is closed", lock, false},
        {"the account is opened", unlock, false},
        {"two-factor login is switched off", disable, false},
        {"and on", enable, false},
        {"the device is switched off", disable_device, false},
        {"and on", enable_device, false},
        {"the device is removed", remove_device, false},
        {"another device is begun", enroll, true},
        {"a first code is wrong", confirm_wrong, true},
        {"a first code is tried", try_first, true},
        {"guesses at a first code do not lock", guess_some, true},
        {"but then they do", guess_all, false},
        {"another device is confirmed", confirm, false},
        {"resynchronisation fails", resync_wrong, true},
        {"no password can expire", refuse_expiry, true},
        {"what is not there is removed", refuse_device, true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (admin_remove(store, "carol", &origin, FIXTURE_NOW, &err) != 0 &&
            err.code != ERR_NOT_FOUND)
            ok(false, "carol stays: %s", err.what);
        (void)fixture_enroll(store, &conf, "carol", "phone");
        bool before = put("carol", "sshd", "192.0.2.1", FIXTURE_NOW) == 0 &&
                      put("carol", "su", "tty:pts/1", FIXTURE_NOW) == 0 &&
                      put("bob", "sshd", "192.0.2.1", FIXTURE_NOW) == 0;
        int r = rows[i].act();
        const int64_t stays = rows[i].stays ? FIXTURE_NOW : 0;
        ok(before && r == 0 && find("carol", "sshd", "192.0.2.1") == stays &&
               find("carol", "su", "tty:pts/1") == stays &&
               find("bob", "sshd", "192.0.2.1") == FIXTURE_NOW,
           "%s: grace %s %s", rows[i].name, rows[i].stays ? "stays" : "ends",
           r == 0 ? "" : err.what);
    }
}

static void test_removed(void)
{
    (void)put("carol", "sshd", "192.0.2.1", FIXTURE_NOW);
    const int64_t before = count();
    ok(admin_remove(store, "carol", &origin, FIXTURE_NOW, &err) == 0 && count() < before &&
           admin_add(store, "carol", &(struct admin_fields){0}, &origin, FIXTURE_NOW, &err) == 0 &&
           find("carol", "sshd", "192.0.2.1") == 0,
       "grace goes with its account, and does not come back with the name");
}

int main(void)
{
    store = fixture_open("ticket", &conf, &ring);
    (void)fixture_enroll(store, &conf, "alice", "phone");
    (void)fixture_enroll(store, &conf, "bob", "phone");
    test_one();
    test_pruned();
    test_hostile();
    test_ends();
    test_removed();
    store_close(&store);
    return tap_done();
}
