/* SPDX-License-Identifier: BSD-2-Clause */
/* Each call reaches its use case with what it says, and brings back what came of it. */
#include "config.h"

#include "encoding.h"
#include "fixture.h"
#include "password.h"
#include "perform.h"
#include "tap.h"

#include <stdio.h>
#include <string.h>

#define STEP (FIXTURE_NOW / 30)

static struct conf conf;
static struct seal_ring ring;
static struct store *store;
static struct reply reply;
static struct account account;
static struct reply_device enrolled;
static struct reply_tokens tokens;
static struct event last;
static struct err err;

/* What visitors saw. */
static struct {
    unsigned count, stop_at;
    char names[512];
    int64_t first_id, last_id;
} seen;

static int see_account(void *context, const struct account *visited)
{
    (void)context;
    account = *visited;
    snprintf(seen.names + strlen(seen.names), sizeof(seen.names) - strlen(seen.names), "%s ",
             visited->name);
    return ++seen.count == seen.stop_at ? 99 : 0;
}

static int see_event(void *context, const struct event *visited)
{
    (void)context;
    if (seen.count == 0)
        seen.first_id = visited->id;
    else if (visited->id <= seen.last_id)
        ok(false, "events come in their order");
    seen.last_id = visited->id;
    last = *visited;
    return ++seen.count == seen.stop_at ? 99 : 0;
}

static int ask_at(const struct call *call, int64_t now)
{
    seen.count = 0;
    seen.names[0] = '\0';
    reply = (struct reply){.outcome = {.verdict = VERDICT_ACCEPTED, .admit = ADMIT_YES},
                           .account = &account,
                           .enrolled = &enrolled,
                           .tokens = &tokens,
                           .each_account = see_account,
                           .each_event = see_event};
    err = (struct err){0};
    int r = perform(store, &conf, "host.example", call, now, &reply, &err);
    /* Whatever went wrong, it is no acceptance. */
    if (r != 0 && (reply.outcome.verdict == VERDICT_ACCEPTED || reply.outcome.admit != ADMIT_NO))
        ok(false, "%s failed and admits", call_method_name(call->method));
    return r;
}

static int ask(const struct call *call)
{
    return ask_at(call, FIXTURE_NOW);
}

static bool show(const char *user)
{
    return ask(&(struct call){.method = CALL_SHOW, .user = user}) == 0;
}

/* The last event is this one, by who asked. */
static bool recorded(const char *action, const char *user)
{
    (void)fixture_events(store, &last);
    return strcmp(last.action, action) == 0 && strcmp(last.user, user) == 0 &&
           strcmp(last.actor, "carol") == 0 && strcmp(last.service, "here") == 0 &&
           strcmp(last.rhost, "192.0.2.7") == 0 && strcmp(last.tty, "tty1") == 0;
}

static struct call by_carol(enum call_method method, const char *user)
{
    return (struct call){.method = method,
                         .user = user,
                         .service = "here",
                         .rhost = "192.0.2.7",
                         .tty = "tty1",
                         .actor = "carol"};
}

static void test_door(void)
{
    unsigned refused = 0;

    for (unsigned m = 0; m < CALL_METHOD_COUNT; m++) {
        const struct call call = {.method = m};
        int r = ask(&call);
        bool whose = m != CALL_LIST && m != CALL_LOG;
        refused += (r == ERR_INVALID) == whose;
    }
    ok(refused == CALL_METHOD_COUNT, "whose record is meant must be said, but for lists");
    for (unsigned m = CALL_INFO; m <= CALL_DESCRIBE; m++)
        ok(ask(&(struct call){.method = m, .user = "alice"}) == ERR_INVALID, "%s is no use case",
           call_method_name(m));
    ok(fixture_events(store, NULL) == 0, "nothing was recorded");
}

/* Of an account that has a password. */
static void test_password_calls(void)
{
    struct call call = by_carol(CALL_PASSWD, "alice");

    ok(ask(&call) == ERR_INVALID && strcmp(err.where, "new_password") == 0,
       "which password must be said");
    call.expire = true;
    ok(ask(&call) == 0 && recorded("expire", "alice") && show("alice") &&
           account.password_expired && strcmp(account.password, "*") == 0,
       "or that the old one expires");
    call.new_password = "other";
    ok(ask(&call) == ERR_INVALID && show("alice") && account.password_expired,
       "not both: the new one would be the user's already");
    call.expire = false;
    ok(ask(&call) == 0 && recorded("passwd", "alice") && show("alice") && !account.password_expired,
       "a new one is good");
    call = by_carol(CALL_SET, "alice");
    ok(ask(&call) == ERR_INVALID, "what is set must be said");
    call.clear_grace = true;
    ok(ask(&call) == 0 && recorded("clear-grace", "alice"), "grace is cleared");
    call.email = "c@example.org";
    ok(ask(&call) == 0 && recorded("set-email", "alice") && show("alice") &&
           strcmp(account.email, "c@example.org") == 0,
       "with an address, that weighs more");
}

static void test_accounts(void)
{
    struct call call = by_carol(CALL_ADD, "alice");
    char hash[ACCOUNT_HASH_SIZE];

    call.email = "a@example.org";
    call.full_name = "Alice";
    call.role = "admin";
    call.new_password = "secret";
    ok(ask(&call) == 0 && recorded("add", "alice"), "an account is added");
    ok(show("alice") && strcmp(account.email, "a@example.org") == 0 &&
           strcmp(account.full_name, "Alice") == 0 && account.role == ROLE_ADMIN && account.enabled,
       "with what the call says");
    ok(strcmp(account.password, "*") == 0, "its hash is not shown");
    ok(ask(&call) == ERR_EXISTS, "once");
    call = by_carol(CALL_SET, "alice");
    call.role = "user";
    ok(ask(&call) == 0 && recorded("role-user", "alice") && show("alice") &&
           account.role == ROLE_USER && strcmp(account.email, "a@example.org") == 0,
       "one member is set");
    call.role = "admin";
    call.email = "b@example.org";
    ok(ask(&call) == 0 && recorded("role-admin", "alice") && show("alice") &&
           account.role == ROLE_ADMIN && strcmp(account.email, "b@example.org") == 0,
       "or two: the event says which weighs more");
    call.role = NULL;
    ok(ask(&call) == 0 && recorded("set-email", "alice"), "then the address");
    call.email = NULL;
    call.full_name = "A.";
    ok(ask(&call) == 0 && recorded("set", "alice"), "then anything else");
    static const char *const roles[] = {"", "root", "administrator", "users"};
    for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
        call.role = roles[i];
        ok(ask(&call) == ERR_INVALID && strcmp(err.where, "role") == 0, "no role: '%s'", roles[i]);
    }
    test_password_calls();
    call = by_carol(CALL_PASSWD, "alice");
    call.new_password = "";
    ok(ask(&call) == 0 && recorded("passwd", "alice") && show("alice") &&
           account.password[0] == '\0',
       "a password is taken away");
    call.new_password = "another";
    call.new_hash = hash;
    ok(password_hash("not-this", hash) == 0 && ask(&call) == 0 && show("alice") &&
           strcmp(account.password, "*") == 0,
       "and given");
    ok(store_begin(store, STORE_READ, &err) == 0 &&
           store_find(store, "alice", &account, &err) == 0 && strcmp(account.password, hash) == 0,
       "with the hash that was made before");
    store_rollback(store);
}

static void test_switches(void)
{
    struct call call = by_carol(CALL_DISABLE, "alice");

    ok(ask(&call) == 0 && recorded("disable", "alice") && show("alice") && !account.enabled,
       "an account is switched off");
    call.method = CALL_ENABLE;
    ok(ask(&call) == 0 && recorded("enable", "alice") && show("alice") && account.enabled,
       "and on");
    call.method = CALL_LOCK;
    ok(ask(&call) == 0 && recorded("lock", "alice") && show("alice") && account.closed, "closed");
    call.method = CALL_UNLOCK;
    ok(ask(&call) == 0 && recorded("unlock", "alice") && show("alice") && !account.closed,
       "and opened");
    (void)fixture_enroll(store, &conf, "alice", "phone");
    call.method = CALL_DISABLE;
    call.device = "phone";
    ok(ask(&call) == 0 && recorded("disable", "alice") && strcmp(last.device, "phone") == 0 &&
           show("alice") && account.enabled && account.devices[0].state == DEVICE_DISABLED,
       "one device is switched off");
    call.method = CALL_ENABLE;
    ok(ask(&call) == 0 && show("alice") && account.devices[0].state == DEVICE_ACTIVE, "and on");
    call.method = CALL_REMOVE;
    ok(ask(&call) == 0 && recorded("remove", "alice") && show("alice") && account.device_count == 0,
       "and removed");
    call.device = NULL;
    ok(ask(&call) == 0 && recorded("remove", "alice") && !show("alice"), "so is the account");
    for (unsigned m = CALL_SHOW; m <= CALL_RESYNC; m++)
        if (m != CALL_LIST && m != CALL_LOG && m != CALL_ADD && m != CALL_ENROLL)
            ok(ask(&(struct call){.method = m,
                                  .user = "alice",
                                  .device = "phone",
                                  .code = "1",
                                  .email = "",
                                  .new_password = ""}) == ERR_NOT_FOUND,
               "%s: nobody of that name", call_method_name(m));
}

static void test_enroll(void)
{
    struct call call = by_carol(CALL_ENROLL, "bob");

    ok(ask(&call) == 0 && recorded("enroll", "bob") &&
           strcmp(enrolled.device.label, "phone") == 0 && enrolled.device.type == DEVICE_TOTP &&
           enrolled.device.digits == conf.digits && enrolled.device.period == conf.period &&
           enrolled.device.algorithm == conf.algorithm && strstr(enrolled.uri, "host.example"),
       "what the call leaves open is as configured");
    const struct device first = enrolled.device;
    call.method = CALL_QR;
    ok(ask(&call) == 0 && recorded("qr", "bob") && enrolled.device.id == first.id &&
           strstr(enrolled.uri, "secret=") != NULL,
       "it is shown again");
    call.method = CALL_CONFIRM;
    call.code = "000000";
    ok(ask(&call) == 0 && reply.outcome.verdict == VERDICT_WRONG && show("bob") &&
           account.failures == 0,
       "a wrong first code does not count");
    call.guarded = true;
    ok(ask(&call) == 0 && reply.outcome.verdict == VERDICT_WRONG && show("bob") &&
           account.failures == 1,
       "guarded, it does");
    call.code = fixture_code(&first, STEP);
    ok(ask(&call) == 0 && recorded("confirm", "bob") && reply.outcome.verdict == VERDICT_ACCEPTED &&
           tokens.count == conf.backup_tokens,
       "the right one brings tokens");
    call = by_carol(CALL_ENROLL, "bob");
    call.device = "key";
    call.type = "hotp";
    call.algorithm = "SHA512";
    call.digits = 8;
    call.counter = 5;
    call.secret = "gezd gnbv-GY3TQOJQ=";
    ok(ask(&call) == 0 && strcmp(enrolled.device.label, "key") == 0 &&
           enrolled.device.type == DEVICE_HOTP && enrolled.device.algorithm == OTP_SHA512 &&
           enrolled.device.digits == 8 && enrolled.device.counter == 5 &&
           enrolled.device.period == 0 && enrolled.device.secret.length == 10 &&
           memcmp(enrolled.device.secret.bytes, "1234567890", 10) == 0,
       "what it says is taken");
    call = by_carol(CALL_ENROLL, "bob");
    call.device = "phone";
    ok(ask(&call) == ERR_EXISTS, "a label stands once");
    call.replace = true;
    ok(ask(&call) == 0, "unless it is replaced");
}

/* What a login asks for is a login's alone. */
static void test_login_devices(void)
{
    struct call call = by_carol(CALL_ENROLL, "fay");

    call.at_login = true;
    ok(ask(&call) == 0 && recorded("enroll", "fay") && enrolled.device.at_login, "at a login");
    const struct device first = enrolled.device;
    ok(ask(&call) == 0 && enrolled.device.id != first.id && show("fay") &&
           account.device_count == 1,
       "the next one takes its place");
    const struct device device = enrolled.device;
    call = by_carol(CALL_CONFIRM, "fay");
    call.trial = true;
    call.code = fixture_code(&device, STEP);
    ok(ask(&call) == ERR_NOT_FOUND, "its device is nobody else's");
    call.at_login = true;
    call.device_id = first.id;
    ok(ask(&call) == ERR_CONFLICT && show("fay") && account.failures == 0,
       "nor that of the login before");
    call.device_id = device.id;
    ok(ask(&call) == 0 && reply.outcome.verdict == VERDICT_ACCEPTED && tokens.count == 0 &&
           show("fay") && account.devices[0].state == DEVICE_PENDING,
       "a first code is tried");
    call.trial = false;
    ok(ask(&call) == 0 && reply.outcome.verdict == VERDICT_ACCEPTED &&
           tokens.count == conf.backup_tokens && show("fay") &&
           account.devices[0].state == DEVICE_ACTIVE,
       "and counts");
    call = by_carol(CALL_ENROLL, "fay");
    call.at_login = true;
    ok(ask(&call) == ERR_CONFLICT, "then no login adds one");
    call = by_carol(CALL_RESYNC, "fay");
    call.code = fixture_code(&device, STEP + 200);
    call.next_code = fixture_code(&device, STEP + 201);
    ok(ask(&call) == 0 && recorded("resync", "fay") && reply.outcome.verdict == VERDICT_ACCEPTED &&
           reply.outcome.admit == ADMIT_YES && show("fay") && account.devices[0].offset == 201,
       "its clock is found anew, and told");
    call.service = "there";
    ok(ask(&call) == 0 && reply.outcome.verdict == VERDICT_REPLAYED &&
           reply.outcome.admit == ADMIT_NO,
       "once");
    const struct call swapped = {.method = CALL_RESYNC,
                                 .user = "fay",
                                 .code = fixture_code(&device, STEP + 301),
                                 .next_code = fixture_code(&device, STEP + 300)};
    ok(ask(&swapped) == 0 && reply.outcome.verdict == VERDICT_WRONG, "by two codes in their order");
    ok(ask(&(struct call){.method = CALL_REMOVE, .user = "fay"}) == 0, "done with");
}

/* Each rule reaches a login with what the call says, and no proof. */
static void test_rules(void)
{
    struct device device = fixture_enroll(store, &conf, "gil", "phone");
    struct call call = by_carol(CALL_BEGIN, "gil"), proof = by_carol(CALL_CHECK, "gil");

    proof.action = "proof";
    proof.code = "000000";
    snprintf(conf.exempt_groups, sizeof(conf.exempt_groups), "wheel");
    ok(ask(&call) == 0 && reply.ask, "who is in no group is asked");
    call.group = proof.group = "wheel";
    ok(ask(&call) == 0 && !reply.ask && reply.outcome.verdict == VERDICT_EXEMPT &&
           reply.outcome.admit == ADMIT_IGNORE && strcmp(reply.recorded, "group") == 0,
       "who is, is not");
    ok(ask(&proof) == 0 && reply.outcome.verdict == VERDICT_WRONG &&
           reply.outcome.admit == ADMIT_NO,
       "which proves nothing");
    conf.exempt_groups[0] = '\0';
    conf.audit_only = true;
    ok(ask(&proof) == 0 && recorded("proof", "gil") && show("gil") && account.failures == 2,
       "nor is a proof audited only: it counts");
    call = by_carol(CALL_CHECK, "gil");
    call.code = "000000";
    ok(ask(&call) == 0 && recorded("audit", "gil") && show("gil") && account.failures == 2,
       "a login is");
    conf.audit_only = false;
    conf.rules.grace = 600;
    proof.code = fixture_code(&device, STEP);
    ok(ask(&proof) == 0 && reply.outcome.verdict == VERDICT_ACCEPTED, "a proof");
    call = by_carol(CALL_BEGIN, "gil");
    ok(ask(&call) == 0 && reply.ask, "is no login: no grace comes of it");
    call = by_carol(CALL_CHECK, "gil");
    call.code = fixture_code(&device, STEP + 1);
    ok(ask(&call) == 0 && reply.outcome.verdict == VERDICT_ACCEPTED, "a login");
    call = by_carol(CALL_BEGIN, "gil");
    ok(ask(&call) == 0 && !reply.ask && reply.outcome.verdict == VERDICT_GRACE &&
           reply.outcome.admit == ADMIT_YES,
       "is one");
    proof.code = "";
    ok(ask(&proof) == 0 && reply.outcome.verdict == VERDICT_MALFORMED &&
           reply.outcome.admit == ADMIT_NO,
       "grace proves nothing either");
    conf.rules.grace = 0;
    conf.debug = true;
    call = by_carol(CALL_CHECK, "gil");
    call.code = fixture_code(&device, STEP - 3);
    ok(ask(&call) == 0 && reply.explanation[0] != '\0' &&
           strstr(reply.explanation, call.code) == NULL,
       "what is wrong is explained where that is wanted: %s", reply.explanation);
    conf.debug = false;
    ok(ask(&call) == 0 && reply.explanation[0] == '\0', "and not where it is not");
    ok(ask(&(struct call){.method = CALL_REMOVE, .user = "gil"}) == 0, "done with");
}

/* A password's state is account management's to tell. */
static void test_password_state(void)
{
    const struct call state = {.method = CALL_ACCOUNT, .user = "hal"};
    struct call call = by_carol(CALL_ADD, "hal");

    ok(ask(&call) == 0 && ask(&state) == 0 && reply.password == REPLY_PASSWORD_NONE, "none");
    call.method = CALL_PASSWD;
    call.new_password = "secret";
    ok(ask(&call) == 0 && ask(&state) == 0 && reply.password == REPLY_PASSWORD_SET, "one");
    call.new_password = NULL;
    call.expire = true;
    ok(ask(&call) == 0 && ask(&state) == 0 && reply.password == REPLY_PASSWORD_EXPIRED &&
           reply.outcome.admit == ADMIT_YES,
       "one that has expired");
    ok(ask(&(struct call){.method = CALL_LOCK, .user = "hal"}) == 0 && ask(&state) == 0 &&
           reply.outcome.verdict == VERDICT_LOCKED && reply.outcome.admit == ADMIT_NO,
       "which lets nobody into a closed account");
    ok(ask(&(struct call){.method = CALL_REMOVE, .user = "hal"}) == 0, "done with");
}

static void test_requests(void)
{
    const struct {
        struct call call;
        int result;
    } cases[] = {
        {{.type = "sms"}, ERR_INVALID},
        {{.type = "e-mail"}, ERR_INVALID},
        {{.type = "email"}, ERR_CONFLICT}, /* none is switched on */
        {{.type = "email", .digits = 8}, ERR_INVALID},
        {{.type = "email", .period = 30}, ERR_INVALID},
        {{.type = "email", .counter = 1}, ERR_INVALID},
        {{.type = "email", .algorithm = "SHA1"}, ERR_INVALID},
        {{.type = "email", .secret = "GEZDGNBVGY3TQOJQ"}, ERR_INVALID},
        {{.type = "email", .at_login = true}, ERR_INVALID},
        {{.type = ""}, ERR_INVALID},
        {{.algorithm = "MD5"}, ERR_INVALID},
        {{.digits = 5}, ERR_RANGE},
        {{.digits = 9}, ERR_RANGE},
        {{.digits = (INT64_C(1) << 32) + 6}, ERR_RANGE},
        {{.period = 14}, ERR_RANGE},
        {{.period = (INT64_C(1) << 32) + 30}, ERR_RANGE},
        {{.type = "hotp", .counter = OTP_COUNTER_MAX + 1}, ERR_RANGE},
        {{.type = "hotp", .counter = INT64_MAX}, ERR_RANGE},
        {{.secret = "0189"}, ERR_INVALID},
        {{.secret = ""}, ERR_INVALID},
        {{.secret = "GEZDGNBVGY3TQOI"}, ERR_RANGE}, /* nine bytes */
        {{.device = "-x"}, ERR_INVALID},
        {{.user = "a b"}, ERR_INVALID},
    };
    char long_secret[ENCODING_BASE32_SIZE(SECRET_BYTES_MAX + 5)];

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct call call = cases[i].call;
        call.method = CALL_ENROLL;
        call.user = call.user != NULL ? call.user : "erin";
        int r = ask(&call);
        ok((r == cases[i].result || (cases[i].result == ERR_INVALID && r == ERR_SYNTAX)) &&
               err.what[0] != '\0',
           "request %zu is refused: %s", i, err.what);
    }
    memset(long_secret, 'A', sizeof(long_secret) - 1);
    long_secret[sizeof(long_secret) - 1] = '\0';
    const struct call call = {.method = CALL_ENROLL, .user = "erin", .secret = long_secret};
    ok(ask(&call) == ERR_TOO_LONG && strstr(err.what, "AAAA") == NULL, "so is too long a secret");
    ok(!show("erin"), "and none of them leaves an account");
}

static void test_tokens(void)
{
    struct call call = by_carol(CALL_BACKUP, "bob");
    static const struct {
        int64_t count;
        unsigned made;
    } cases[] = {{0, 10}, {1, 1}, {50, 50}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        call.count = cases[i].count;
        ok(ask(&call) == 0 && tokens.count == cases[i].made && recorded("backup-new", "bob") &&
               show("bob") && account.token_count == cases[i].made,
           "%u new tokens", cases[i].made);
    }
    call.count = 51;
    ok(ask(&call) == ERR_RANGE, "not 51");
    call.count = INT64_MAX;
    ok(ask(&call) == ERR_RANGE, "nor more than a number holds");
    conf.backup_tokens = 0;
    call.count = 0;
    ok(ask(&call) == ERR_RANGE && strcmp(err.where, "backup_tokens") == 0,
       "where none are configured, how many must be said");
    conf.backup_tokens = 10;
    call.method = CALL_REVOKE;
    ok(ask(&call) == 0 && tokens.count == 0 && recorded("backup-revoke", "bob") && show("bob") &&
           account.token_count == 0,
       "none after revoking");
}

static void test_logins(void)
{
    struct device device = fixture_enroll(store, &conf, "dave", "phone");
    struct call call = by_carol(CALL_CHECK, "dave");

    call.code = fixture_code(&device, STEP);
    ok(ask(&call) == 0 && reply.outcome.verdict == VERDICT_ACCEPTED &&
           reply.outcome.admit == ADMIT_YES && strcmp(reply.recorded, "totp") == 0 &&
           strcmp(reply.outcome.device, "phone") == 0 && recorded("login", "dave"),
       "a login");
    call.action = "proof";
    ok(ask(&call) == 0 && reply.outcome.verdict == VERDICT_REPLAYED && recorded("proof", "dave"),
       "or another proof");
    call =
        (struct call){.method = CALL_CHECK, .user = "dave", .shape = AUTH_TAIL, .password = "pw"};
    ok(ask(&call) == 0 && reply.ask && reply.outcome.admit == ADMIT_NO, "a code must be asked for");
    call.shape = AUTH_COMBINED;
    call.password = "pw123456";
    ok(ask(&call) == 0 && !reply.ask && reply.password_length == 2 &&
           reply.outcome.verdict == VERDICT_WRONG,
       "where the password ends is told");
    for (unsigned i = 1; i < conf.rules.max_failures; i++)
        (void)ask(&call);
    ok(reply.outcome.locked_until == FIXTURE_NOW + conf.rules.lock_time, "a lock");
    call = (struct call){.method = CALL_CHECK,
                         .user = "dave",
                         .code = fixture_code(&device, STEP + 1),
                         .own_lock = FIXTURE_NOW + conf.rules.lock_time};
    ok(show("dave") && account.locked_until == FIXTURE_NOW + conf.rules.lock_time,
       "is shown while it is in force");
    ok(ask_at(&(struct call){.method = CALL_SHOW, .user = "dave"},
              FIXTURE_NOW + conf.rules.lock_time) == 0 &&
           account.locked_until == 0 && account.failures == conf.rules.max_failures,
       "and not when it is over");
    ok(ask(&(struct call){.method = CALL_ACCOUNT, .user = "dave"}) == 0 &&
           reply.outcome.verdict == VERDICT_LOCKED,
       "account management sees it");
    ok(ask(&call) == 0 && reply.outcome.verdict == VERDICT_ACCEPTED,
       "one's own does not keep the second answer out");
    ok(ask(&(struct call){.method = CALL_ACCOUNT, .user = "dave"}) == 0 &&
           reply.outcome.admit == ADMIT_YES,
       "and is gone");
    conf.rules.unenrolled = UNENROLLED_PERMIT;
    ok(ask(&(struct call){.method = CALL_BEGIN, .user = "zoe"}) == 0 &&
           reply.outcome.admit == ADMIT_YES && strcmp(reply.recorded, "permit") == 0 && !reply.ask,
       "who passes without a code");
    conf.rules.unenrolled = UNENROLLED_DENY;
    ok(ask(&(struct call){.method = CALL_BEGIN, .user = "zoe"}) == 0 && reply.ask &&
           reply.outcome.admit == ADMIT_NO,
       "and who does not");
}

/* What is asked for, and what is left alone by whoever has not asked. */
static void test_send(void)
{
    static const struct {
        const char *name;
        bool unasked, keep, recovery;
        size_t login, recoveries; /* codes that are sent, 60 s after the last */
    } cases[] = {
        {"asked for", false, false, false, 1, 0}, {"asked for, and kept", false, true, false, 0, 0},
        {"unasked", true, false, false, 0, 0},    {"unasked, and kept", true, true, false, 0, 0},
        {"to recover", false, false, true, 0, 1}, {"to recover, and kept", false, true, true, 0, 0},
    };
    struct outbox outbox CLEANUP(outbox_clear) = {0};
    struct call call = by_carol(CALL_ADD, "emil");
    int64_t now = FIXTURE_NOW;

    conf.rules.email_devices = true;
    call.email = "emil@example.org";
    call.new_password = "secret";
    ok(ask(&call) == 0, "a person with an address");
    (void)fixture_enroll(store, &conf, "emil", "phone");
    store_set_outbox(store, &outbox);
    call = by_carol(CALL_ENROLL, "emil");
    call.type = "email";
    ok(ask(&call) == 0 && outbox.count == 1, "and an e-mail device");
    call = by_carol(CALL_CONFIRM, "emil");
    call.device = "email";
    call.code = outbox.notices[0].text;
    ok(ask(&call) == 0 && reply.outcome.verdict == VERDICT_ACCEPTED, "which is confirmed");
    call = by_carol(CALL_DISABLE, "emil");
    call.device = "phone";
    ok(ask(&call) == 0, "and is the only one in use");
    call.method = CALL_ENABLE;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        size_t sent[2] = {0};
        struct call send = by_carol(CALL_SEND, "emil");
        if (cases[i].recovery && (i == 0 || !cases[i - 1].recovery)) {
            ok(ask_at(&call, now) == 0, "the app is back");
            send.recovery = true;
            ok(ask_at(&send, now) == 0 && reply.address[0] != '\0', "a first code to recover");
        } else if (i == 0) {
            ok(ask_at(&send, now) == 0 && reply.address[0] != '\0', "a first code");
        }
        now += conf.rules.email_interval;
        outbox_cut(&outbox, 0);
        send.unasked = cases[i].unasked;
        send.keep = cases[i].keep;
        send.recovery = cases[i].recovery;
        ok(ask_at(&send, now) == 0 && strcmp(reply.address, "e***@e***.org") == 0,
           "%s: where a code is is told", cases[i].name);
        for (size_t j = 0; j < outbox.count; j++)
            sent[outbox.notices[j].kind == NOTICE_RECOVERY]++;
        ok(sent[0] == cases[i].login && sent[1] == cases[i].recoveries, "%s: %zu and %zu are sent",
           cases[i].name, sent[0], sent[1]);
    }
    store_set_outbox(store, NULL);
    conf.rules.email_devices = false;
}

static void test_list(void)
{
    const struct call call = {.method = CALL_LIST};

    ok(ask(&(struct call){.method = CALL_PASSWD, .user = "dave", .new_password = "x"}) == 0 &&
           ask(&call) == 0 && seen.count == 2 && strcmp(seen.names, "bob dave ") == 0,
       "all accounts in order of name");
    ok(strcmp(account.password, "*") == 0 && account.device_count == 1 &&
           account.devices[0].secret.length == 0,
       "without hash and secret");
    seen.stop_at = 1;
    ok(ask(&call) == 99 && seen.count == 1, "as far as is wanted");
    seen.stop_at = 0;
    ok(ask(&(struct call){.method = CALL_DISABLE, .user = "bob"}) == 0,
       "which leaves no transaction open");
}

/* Events are read in batches of sixteen. */
static void test_log(void)
{
    struct call call = {.method = CALL_LOG};
    const size_t before = fixture_events(store, NULL);
    const struct call wrong = {.method = CALL_CHECK, .user = "frank", .code = "123456"};

    ok(ask(&call) == 0 && seen.count == before && before > 16, "all %zu events", before);
    for (unsigned i = 0; i < 48; i++)
        if (ask_at(&wrong, FIXTURE_NOW + 100 + i) != 0)
            ok(false, "event %u", i);
    call.user = "frank";
    ok(ask(&call) == 0 && seen.count == 48 && seen.last_id == (int64_t)before + 48,
       "one person's, three full batches");
    call.since = FIXTURE_NOW + 132;
    ok(ask(&call) == 0 && seen.count == 16 && seen.first_id == (int64_t)before + 33, "since then");
    call.after_id = seen.first_id;
    ok(ask(&call) == 0 && seen.count == 15, "after that one");
    call = (struct call){.method = CALL_LOG, .after_id = seen.last_id};
    ok(ask(&call) == 0 && seen.count == 0, "none after the last");
    call = (struct call){.method = CALL_LOG, .of_service = "here", .of_verdict = "replayed"};
    ok(ask(&call) == 0 && seen.count == 1 && strcmp(last.verdict, "replayed") == 0 &&
           strcmp(last.service, "here") == 0,
       "of that service, with that verdict");
    call = (struct call){.method = CALL_LOG, .of_verdict = "unenrolled"};
    ok(ask(&call) == 0 && seen.count == 49 && strcmp(last.verdict, "unenrolled") == 0,
       "of any service");
    call.of_service = "her";
    ok(ask(&call) == 0 && seen.count == 0, "of no other");
    seen.stop_at = 20;
    call = (struct call){.method = CALL_LOG};
    ok(ask(&call) == 99 && seen.count == 20, "as far as is wanted");
    seen.stop_at = 0;
}

int main(void)
{
    store = fixture_open("perform", &conf, &ring);
    test_door();
    test_accounts();
    test_switches();
    test_enroll();
    test_login_devices();
    test_rules();
    test_password_state();
    test_requests();
    test_tokens();
    test_logins();
    test_list();
    test_log();
    test_send();
    store_close(&store);
    account_clear(&account);
    return tap_done();
}
