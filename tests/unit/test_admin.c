/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "admin.h"
#include "device.h"
#include "enroll.h"
#include "fixture.h"
#include "password.h"
#include "tap.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

static struct conf conf;
static struct seal_ring ring;
static struct store *store;
static struct account account;
static struct err err;

static const struct event_origin origin = {.service = "totpctl", .actor = "root"};

static bool show(const char *user)
{
    return admin_show(store, user, &account, &err) == 0;
}

/* Behind the store's back. */
static bool meddle(const char *sql)
{
    sqlite3 *db = NULL;
    bool good = sqlite3_open(strchr(conf.store, ':') + 1, &db) == SQLITE_OK &&
                sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;

    sqlite3_close(db);
    return good;
}

static bool recorded(const char *action)
{
    struct event last = {0};

    (void)fixture_events(store, &last);
    return strcmp(last.action, action) == 0 && strcmp(last.actor, "root") == 0;
}

static void test_add(void)
{
    const enum account_role role = ROLE_ADMIN;
    const struct admin_fields fields = {.email = "alice@example.org",
                                        .full_name = "Alice Liddell",
                                        .role = &role,
                                        .password = "secret"};
    bool match = false;

    ok(admin_add(store, "alice", &fields, &origin, FIXTURE_NOW, &err) == 0 && show("alice") &&
           strcmp(account.email, "alice@example.org") == 0 &&
           strcmp(account.full_name, "Alice Liddell") == 0 && account.role == ROLE_ADMIN &&
           account.enabled && !account.closed && account.device_count == 0 && recorded("add"),
       "an account is added");
    ok(password_check("secret", account.password, &match) == 0 && match, "with its password");
    ok(admin_add(store, "alice", &fields, &origin, FIXTURE_NOW, &err) == ERR_EXISTS, "once");
}

static void test_set(void)
{
    struct admin_fields fields = {.email = "a@example.org"};

    ok(admin_set(store, "alice", &fields, "set", &origin, FIXTURE_NOW, &err) == 0 &&
           show("alice") && strcmp(account.email, "a@example.org") == 0 &&
           strcmp(account.full_name, "Alice Liddell") == 0 && account.password[0] != '\0' &&
           recorded("set"),
       "one field changes and the others stay");
    fields = (struct admin_fields){.email = "", .password = ""};
    ok(admin_set(store, "alice", &fields, "passwd", &origin, FIXTURE_NOW, &err) == 0 &&
           show("alice") && account.email[0] == '\0' && account.password[0] == '\0' &&
           recorded("passwd"),
       "fields are cleared");
    fields = (struct admin_fields){.email = "a\nBcc: x@y"};
    ok(admin_set(store, "alice", &fields, "set", &origin, FIXTURE_NOW, &err) == ERR_INVALID &&
           strcmp(err.where, "email") == 0,
       "an address that is none is refused by name");
    fields = (struct admin_fields){.full_name = "\x1b[31m"};
    ok(admin_set(store, "alice", &fields, "set", &origin, FIXTURE_NOW, &err) == ERR_INVALID &&
           strcmp(err.where, "full_name") == 0,
       "so is a name that paints");
    ok(admin_set(store, "bob", &fields, "set", &origin, FIXTURE_NOW, &err) != 0 && !show("bob"),
       "nobody is set by mistake");
}

/* The slow crypt(3) may have been done before. */
static void test_hash(void)
{
    static const char hash[] = "$y$j9T$salt$made-by-somebody-else";
    char long_hash[ACCOUNT_HASH_SIZE + 1];
    struct admin_fields fields = {.password = "secret", .hash = hash};

    ok(admin_set(store, "alice", &fields, "passwd", &origin, FIXTURE_NOW, &err) == 0 &&
           show("alice") && strcmp(account.password, hash) == 0 && recorded("passwd"),
       "a hash that was made before is taken as it is");
    fields = (struct admin_fields){.full_name = "A. L.", .hash = "$y$other"};
    ok(admin_set(store, "alice", &fields, "set", &origin, FIXTURE_NOW, &err) == 0 &&
           show("alice") && strcmp(account.password, hash) == 0,
       "but not without its password");
    memset(long_hash, 'x', sizeof(long_hash) - 1);
    long_hash[sizeof(long_hash) - 1] = '\0';
    fields = (struct admin_fields){.password = "secret", .hash = long_hash};
    ok(admin_set(store, "alice", &fields, "passwd", &origin, FIXTURE_NOW, &err) == ERR_TOO_LONG &&
           show("alice") && strcmp(account.password, hash) == 0,
       "nor where it does not fit");
    fields = (struct admin_fields){.password = "", .hash = "$y$other"};
    ok(admin_set(store, "alice", &fields, "passwd", &origin, FIXTURE_NOW, &err) == 0 &&
           show("alice") && account.password[0] == '\0',
       "an empty password clears, whatever the hash");
    fields = (struct admin_fields){.password = "secret", .hash = hash};
    ok(admin_add(store, "carol", &fields, &origin, FIXTURE_NOW, &err) == 0 && show("carol") &&
           strcmp(account.password, hash) == 0,
       "the same for a new account");
}

/* A password expires until there is another. */
static void test_expire(void)
{
    struct admin_fields fields = {.expire = true};

    ok(admin_set(store, "carol", &fields, "expire", &origin, FIXTURE_NOW, &err) == 0 &&
           show("carol") && account.password_expired && account.password[0] != '\0' &&
           recorded("expire"),
       "a password is to be replaced, and stays");
    ok(admin_set(store, "carol", &fields, "expire", &origin, FIXTURE_NOW, &err) == 0 &&
           show("carol") && account.password_expired,
       "that may be said twice");
    fields = (struct admin_fields){.email = "c@example.org", .clear_grace = true};
    ok(admin_set(store, "carol", &fields, "set", &origin, FIXTURE_NOW, &err) == 0 &&
           show("carol") && account.password_expired,
       "another field does not change it");
    fields = (struct admin_fields){.password = "new", .hash = "$y$new"};
    ok(admin_set(store, "carol", &fields, "passwd", &origin, FIXTURE_NOW, &err) == 0 &&
           show("carol") && !account.password_expired && strcmp(account.password, "$y$new") == 0,
       "a new one does");
    fields = (struct admin_fields){.password = "next", .hash = "$y$next", .expire = true};
    ok(admin_set(store, "carol", &fields, "passwd", &origin, FIXTURE_NOW, &err) == 0 &&
           show("carol") && account.password_expired && strcmp(account.password, "$y$next") == 0,
       "one that is given only to be replaced is marked with it");
    fields = (struct admin_fields){.password = ""};
    ok(admin_set(store, "carol", &fields, "passwd", &origin, FIXTURE_NOW, &err) == 0 &&
           show("carol") && !account.password_expired && account.password[0] == '\0',
       "where there is none, none has expired");
    size_t events = fixture_events(store, NULL);
    fields = (struct admin_fields){.email = "x@example.org", .expire = true};
    ok(admin_set(store, "carol", &fields, "expire", &origin, FIXTURE_NOW, &err) == ERR_CONFLICT &&
           strcmp(err.where, "carol") == 0 && show("carol") && !account.password_expired &&
           strcmp(account.email, "c@example.org") == 0 && fixture_events(store, NULL) == events,
       "nor can it, and nothing else is done: %s", err.what);
    fields = (struct admin_fields){.password = "", .expire = true};
    ok(admin_set(store, "carol", &fields, "expire", &origin, FIXTURE_NOW, &err) == ERR_CONFLICT,
       "nor one that is cleared at once");
    fields = (struct admin_fields){.expire = true};
    ok(admin_set(store, "bob", &fields, "expire", &origin, FIXTURE_NOW, &err) == ERR_NOT_FOUND,
       "nor nobody's");
}

static void test_states(void)
{
    ok(admin_enable(store, "alice", false, &origin, FIXTURE_NOW, &err) == 0 && show("alice") &&
           !account.enabled && recorded("disable"),
       "disabled");
    ok(admin_enable(store, "alice", true, &origin, FIXTURE_NOW, &err) == 0 && show("alice") &&
           account.enabled && recorded("enable"),
       "enabled");
    ok(admin_lock(store, "alice", true, &origin, FIXTURE_NOW, &err) == 0 && show("alice") &&
           account.closed && recorded("lock"),
       "closed");
    ok(admin_lock(store, "alice", false, &origin, FIXTURE_NOW, &err) == 0 && show("alice") &&
           !account.closed && account.failures == 0 && recorded("unlock"),
       "opened");
    ok(admin_lock(store, "bob", false, &origin, FIXTURE_NOW, &err) == ERR_NOT_FOUND &&
           admin_enable(store, "a/b", false, &origin, FIXTURE_NOW, &err) == ERR_NOT_FOUND,
       "nobody is nobody");
}

/* An e-mail device was made for the address there is. */
static void test_address(void)
{
    const struct enroll_request request = {
        .user = "alice", .type = DEVICE_EMAIL, .digits = ACCOUNT_MAIL_DIGITS};
    struct reply_device made CLEANUP(reply_device_clear) = {0};
    struct admin_fields fields = {.email = "alice@example.org"};

    conf.rules.email_devices = true;
    ok(admin_set(store, "alice", &fields, "set", &origin, FIXTURE_NOW, &err) == 0 &&
           enroll_start(store, &conf, "host", &request, FIXTURE_NOW, &made, &err) == 0,
       "an e-mail device that waits");
    for (int i = 0; i < 3; i++) {
        static const char *const states[] = {"pending", "active", "disabled"};
        char sql[100];
        snprintf(sql, sizeof(sql), "UPDATE device SET state='%s' WHERE type='email'", states[i]);
        const bool done = meddle(sql);
        const size_t events = fixture_events(store, NULL);
        fields = (struct admin_fields){.email = "mallory@example.org", .full_name = "Mallory"};
        int r = admin_set(store, "alice", &fields, "set", &origin, FIXTURE_NOW, &err);
        fields.email = "";
        int cleared = admin_set(store, "alice", &fields, "set", &origin, FIXTURE_NOW, &err);
        ok(done && r == ERR_CONFLICT && cleared == ERR_CONFLICT && err.what[0] != '\0' &&
               show("alice") && strcmp(account.email, "alice@example.org") == 0 &&
               strcmp(account.full_name, "Mallory") != 0 && fixture_events(store, NULL) == events,
           "while it is %s the address is neither changed nor cleared, nor anything with it",
           states[i]);
        fields = (struct admin_fields){.email = "alice@example.org", .full_name = states[i]};
        ok(admin_set(store, "alice", &fields, "set", &origin, FIXTURE_NOW, &err) == 0 &&
               show("alice") && strcmp(account.full_name, states[i]) == 0,
           "the same address may be said again");
    }
    fields = (struct admin_fields){.email = "new@example.org"};
    ok(device_remove(store, "alice", "email", &origin, FIXTURE_NOW, &err) == 0 &&
           admin_set(store, "alice", &fields, "set", &origin, FIXTURE_NOW, &err) == 0 &&
           show("alice") && strcmp(account.email, "new@example.org") == 0,
       "without the device it is");
}

/* Codes that were sent are for the account as it was. */
static void test_codes(void)
{
    enum {
        FULL_NAME,
        EXPIRE,
        PASSWORD,
        CLEAR,
        OTHER_ADDRESS,
        SAME_ADDRESS,
        LOCK,
        UNLOCK,
        DISABLE,
        ENABLE,
        DEVICE_OFF,
        DEVICE_ON,
        APP_OFF
    };
    static const struct {
        const char *name;
        int what;
        unsigned login, recovery; /* tries left */
    } cases[] = {
        {"another full name", FULL_NAME, 3, 3},
        {"a password that is to be replaced", EXPIRE, 3, 3},
        {"the same address", SAME_ADDRESS, 3, 3},
        {"another address", OTHER_ADDRESS, 3, 0},
        {"another password", PASSWORD, 3, 0},
        {"no password", CLEAR, 3, 0},
        {"a closed account", LOCK, 0, 0},
        {"an opened one", UNLOCK, 0, 0},
        {"one that is switched off", DISABLE, 0, 0},
        {"one that is switched on", ENABLE, 0, 0},
        {"an e-mail device that is switched off", DEVICE_OFF, 0, 3},
        {"one that is switched on", DEVICE_ON, 0, 3},
        {"an app that is", APP_OFF, 3, 3},
    };
    static const char people[] =
        "UPDATE account SET password = '$y$old', email = 'dora@example.org', enabled = 1 WHERE"
        " name = 'dora';"
        "DELETE FROM mail_code;"
        "INSERT INTO mail_code SELECT account.id, purpose, device.id, 300000, 300600, 3, 'k1',"
        " randomblob(32) FROM account, device, (SELECT 'login' AS purpose UNION SELECT 'recovery')"
        " WHERE account.name = 'dora' AND device.account = account.id AND label = 'phone';"
        "UPDATE mail_code SET device = 0 WHERE purpose = 'recovery';"
        "UPDATE device SET type = 'email', digits = 8, period = 0 WHERE label = 'phone' AND account"
        " = (SELECT id FROM account WHERE name = 'dora')";

    (void)fixture_enroll(store, &conf, "dora", "phone");
    (void)fixture_enroll(store, &conf, "dora", "app");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        static const uint8_t none[ACCOUNT_DIGEST_SIZE];
        const int what = cases[i].what;
        const struct admin_fields fields = {.full_name = what == FULL_NAME ? "Dora" : NULL,
                                            .expire = what == EXPIRE,
                                            .password = what == PASSWORD ? "new"
                                                        : what == CLEAR  ? ""
                                                                         : NULL,
                                            .hash = "$y$new",
                                            .email = what == OTHER_ADDRESS  ? "d@example.org"
                                                     : what == SAME_ADDRESS ? "dora@example.org"
                                                                            : NULL};
        const char *label = what == APP_OFF ? "app" : "phone";
        bool good = meddle(people);
        if (what == OTHER_ADDRESS)
            good = good && meddle("UPDATE device SET type = 'totp', digits = 6, period = 30");
        int r =
            what >= DEVICE_OFF
                ? device_enable(store, "dora", label, what == DEVICE_ON, &origin, FIXTURE_NOW, &err)
            : what >= DISABLE
                ? admin_enable(store, "dora", what == ENABLE, &origin, FIXTURE_NOW, &err)
            : what >= LOCK ? admin_lock(store, "dora", what == LOCK, &origin, FIXTURE_NOW, &err)
                           : admin_set(store, "dora", &fields, "set", &origin, FIXTURE_NOW, &err);
        good = good && r == 0 && show("dora");
        ok(good && account.codes[MAIL_LOGIN].tries == cases[i].login &&
               account.codes[MAIL_RECOVERY].tries == cases[i].recovery,
           "%s: %u and %u tries are left", cases[i].name, account.codes[MAIL_LOGIN].tries,
           account.codes[MAIL_RECOVERY].tries);
        for (unsigned j = 0; j < MAIL_PURPOSES; j++)
            good = good && account.codes[j].sent == FIXTURE_NOW &&
                   (memcmp(account.codes[j].digest, none, sizeof(none)) == 0) ==
                       (account.codes[j].tries == 0);
        ok(good, "%s: of a void one is kept when it was sent, and no more", cases[i].name);
    }
}

static void test_remove(void)
{
    struct device device = fixture_enroll(store, &conf, "alice", "phone");

    ok(device.id != 0 && show("alice") && account.device_count == 1 && account.token_count == 10,
       "an account with a device and tokens");
    ok(admin_remove(store, "alice", &origin, FIXTURE_NOW, &err) == 0 && !show("alice") &&
           recorded("remove"),
       "is removed whole");
    ok(admin_add(store, "alice", &(struct admin_fields){0}, &origin, FIXTURE_NOW, &err) == 0 &&
           show("alice") && account.device_count == 0 && account.token_count == 0,
       "and nothing of it comes back under the same name");
    ok(admin_remove(store, "bob", &origin, FIXTURE_NOW, &err) == ERR_NOT_FOUND, "once");
}

int main(void)
{
    store = fixture_open("admin", &conf, &ring);
    test_add();
    test_set();
    test_hash();
    test_expire();
    test_states();
    test_address();
    test_codes();
    test_remove();
    store_close(&store);
    account_clear(&account);
    return tap_done();
}
