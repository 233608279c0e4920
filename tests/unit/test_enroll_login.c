/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices of logins that enrol: one at a time, and an administrator's word goes before theirs. */
#include "config.h"

#include "admin.h"
#include "confirm.h"
#include "device.h"
#include "enroll.h"
#include "fixture.h"
#include "tap.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define STEP (FIXTURE_NOW / 30)

static struct conf conf;
static struct seal_ring ring;
static struct store *store;
static struct reply_device reply;
static struct reply_tokens tokens;
static struct outcome result;
static struct account account;
static struct event last;
static struct err err;

static const struct event_origin origin = {.service = "sshd", .rhost = "192.0.2.1"};

static int start(const char *user, const char *label, bool at_login)
{
    const struct enroll_request request = {.user = user,
                                           .origin = origin,
                                           .label = label,
                                           .type = DEVICE_TOTP,
                                           .digits = 6,
                                           .period = 30,
                                           .at_login = at_login};

    return enroll_start(store, &conf, "host.example", &request, FIXTURE_NOW, &reply, &err);
}

static int judge(struct enroll_code first)
{
    first.origin = origin;
    result = (struct outcome){.verdict = VERDICT_ACCEPTED, .admit = ADMIT_YES};
    tokens = (struct reply_tokens){.count = 99};
    int r = enroll_confirm(store, &conf, &first, FIXTURE_NOW, &result, &tokens, &err);
    if (r != 0 &&
        (result.admit != ADMIT_NO || result.verdict == VERDICT_ACCEPTED || tokens.count != 0))
        ok(false, "what fails admits, or brings tokens");
    return r;
}

/* A login's trial of a code, and its confirmation. */
static int try_at_login(const char *user, const char *code)
{
    return judge((struct enroll_code){.user = user, .code = code, .at_login = true, .trial = true});
}

static int confirm_at_login(const char *user, const char *code)
{
    return judge((struct enroll_code){.user = user, .code = code, .at_login = true});
}

/* An administrator's. */
static int confirm(const char *user, const char *label, const char *code)
{
    return judge((struct enroll_code){.user = user, .label = label, .code = code});
}

static bool accepted(int r)
{
    return r == 0 && result.verdict == VERDICT_ACCEPTED && result.admit == ADMIT_YES;
}

static bool load(const char *user)
{
    if (store_begin(store, STORE_READ, &err) != 0)
        return false;
    int r = store_load(store, user, &account, &err);
    store_rollback(store);
    return r == 0;
}

/* One device, which waits. */
static bool waits(const char *user, int64_t id, bool at_login)
{
    return load(user) && account.device_count == 1 && account.devices[0].id == id &&
           account.devices[0].state == DEVICE_PENDING && account.devices[0].at_login == at_login &&
           account.devices[0].last_step == ACCOUNT_NEVER && account.token_count == 0;
}

/* --- the device ------------------------------------------------------------------------------- */

static void test_start(void)
{
    int64_t first;

    ok(start("ivan", NULL, true) == 0 && waits("ivan", reply.device.id, true),
       "a login makes an account and a device");
    first = reply.device.id;
    ok(start("ivan", NULL, true) == 0 && strcmp(reply.device.label, "phone") == 0 &&
           reply.device.id != first && waits("ivan", reply.device.id, true),
       "the next one another, in its place");
    ok(start("ivan", "mine", true) == 0 && waits("ivan", reply.device.id, true) &&
           strcmp(account.devices[0].label, "mine") == 0,
       "whatever its label");
    ok(start("ivan", NULL, false) == 0 && waits("ivan", reply.device.id, false) &&
           strcmp(account.devices[0].label, "phone") == 0,
       "an administrator's takes its place");
    const struct device mine = reply.device;
    ok(start("ivan", NULL, true) == ERR_CONFLICT && strcmp(err.where, "ivan") == 0 &&
           start("ivan", "other", true) == ERR_CONFLICT && waits("ivan", mine.id, false),
       "and is not pushed aside by a login: %s", err.what);
    ok(accepted(confirm("ivan", NULL, fixture_code(&mine, STEP))) &&
           tokens.count == conf.backup_tokens && load("ivan") && account.device_count == 1,
       "it is confirmed");
    ok(start("ivan", NULL, true) == ERR_CONFLICT, "a login does not add a second one");
    ok(device_enable(store, "ivan", NULL, false, &origin, FIXTURE_NOW, &err) == 0 &&
           start("ivan", NULL, true) == ERR_CONFLICT && load("ivan") && account.device_count == 1,
       "nor beside one that is switched off");
    ok(device_remove(store, "ivan", NULL, &origin, FIXTURE_NOW, &err) == 0 &&
           start("ivan", NULL, true) == 0 &&
           accepted(confirm_at_login("ivan", fixture_code(&reply.device, STEP))) &&
           tokens.count == conf.backup_tokens && load("ivan") && account.device_count == 1 &&
           !account.devices[0].at_login && account.devices[0].state == DEVICE_ACTIVE &&
           account.token_count == 10,
       "without any it does, and then it is as any other");
}

/* What nobody goes on with does not fill the account. */
static void test_limit(void)
{
    const unsigned before = conf.max_devices;

    conf.max_devices = 1;
    ok(start("jim", "left over", true) == 0 && start("jim", "phone", false) == 0 &&
           waits("jim", reply.device.id, false),
       "what a login has left takes nobody's place, where there is one");
    ok(start("jim", "another", false) == ERR_LIMIT && waits("jim", account.devices[0].id, false),
       "what an administrator has begun does");
    ok(start("jack", "left over", true) == 0 && start("jack", "again", true) == 0 &&
           waits("jack", reply.device.id, true),
       "the next login has it too");
    conf.max_devices = before;
}

/* --- its first code --------------------------------------------------------------------------- */

/* The tokens are shown, and kept, before anything counts. */
static void test_trial(void)
{
    struct account before;

    ok(start("judy", NULL, true) == 0 && load("judy"), "a device that waits");
    before = account;
    const size_t events = fixture_events(store, NULL);
    const char *code = fixture_code(&reply.device, STEP);
    ok(accepted(try_at_login("judy", code)) && tokens.count == 0 &&
           strcmp(result.device, "phone") == 0,
       "its first code is tried, and is right");
    ok(load("judy") && memcmp(&before, &account, sizeof(account)) == 0 &&
           waits("judy", reply.device.id, true) && fixture_events(store, NULL) == events,
       "nothing has come of it");
    ok(accepted(try_at_login("judy", code)), "nor is it used up");
    ok(try_at_login("judy", "000000") == 0 && result.verdict == VERDICT_WRONG && load("judy") &&
           memcmp(&before, &account, sizeof(account)) == 0 &&
           fixture_events(store, &last) == events + 1 && strcmp(last.action, "confirm") == 0 &&
           strcmp(last.verdict, "wrong") == 0 && strcmp(last.device, "phone") == 0,
       "a wrong one is on record, and changes nothing else");
    ok(try_at_login("judy", "12345") == 0 && result.verdict == VERDICT_MALFORMED &&
           fixture_events(store, &last) == events + 2 && strcmp(last.verdict, "malformed") == 0,
       "so is what is none");
    ok(judge((struct enroll_code){
           .user = "judy", .code = "000000", .guarded = true, .at_login = true, .trial = true}) ==
               0 &&
           result.verdict == VERDICT_WRONG && load("judy") && account.failures == 1,
       "where guesses count, it does too");
    ok(accepted(confirm_at_login("judy", code)) && tokens.count == conf.backup_tokens &&
           load("judy") && account.devices[0].state == DEVICE_ACTIVE &&
           account.devices[0].last_step == STEP && account.token_count == 10,
       "what counts is the confirmation, with the same code");
    ok(fixture_events(store, &last) == events + 5 && strcmp(last.action, "login") == 0 &&
           strcmp(last.verdict, "accepted") == 0 && strcmp(last.method, "enroll") == 0 &&
           strcmp(last.device, "phone") == 0 && strcmp(last.rhost, origin.rhost) == 0,
       "and this was a login");
    ok(try_at_login("judy", code) == ERR_CONFLICT && confirm_at_login("judy", code) == ERR_CONFLICT,
       "then there is nothing to try");
    ok(try_at_login("nobody", code) == ERR_NOT_FOUND, "nor where there is nobody");
}

/* Whose it is not sees none. */
static void test_whose(void)
{
    ok(start("kate", NULL, true) == 0, "a login's device");
    const struct device hers = reply.device;
    const char *code = fixture_code(&hers, STEP);
    ok(confirm("kate", NULL, code) == ERR_NOT_FOUND &&
           confirm("kate", "phone", code) == ERR_NOT_FOUND &&
           judge((struct enroll_code){.user = "kate", .code = code, .trial = true}) ==
               ERR_NOT_FOUND &&
           waits("kate", hers.id, true),
       "is nobody else's to confirm");
    ok(judge((struct enroll_code){
           .user = "kate", .code = code, .at_login = true, .device_id = hers.id + 1}) ==
               ERR_CONFLICT &&
           waits("kate", hers.id, true),
       "nor another login's, which has made one of its own: %s", err.what);
    ok(start("kate", NULL, true) == 0 &&
           judge((struct enroll_code){.user = "kate",
                                      .code = code,
                                      .at_login = true,
                                      .trial = true,
                                      .device_id = hers.id}) == ERR_CONFLICT &&
           waits("kate", reply.device.id, true),
       "so the first of two gives way");
    ok(accepted(judge((struct enroll_code){.user = "kate",
                                           .code = fixture_code(&reply.device, STEP),
                                           .at_login = true,
                                           .device_id = reply.device.id})),
       "and the second is in");
}

/* As a store of an older version may have it. */
static bool put_beside(const char *user, const struct device *device)
{
    struct account before = {0}, after = {0};

    int r = store_begin(store, STORE_WRITE, &err);
    if (r == 0)
        r = store_load(store, user, &before, &err);
    after = before;
    if (r == 0)
        r = account_add_device(&after, device);
    if (r == 0)
        r = store_save(store, &before, &after, &err);
    if (r == 0)
        r = store_commit(store, &err);
    store_rollback(store);
    account_clear(&before);
    account_clear(&after);
    return r == 0;
}

/* --- what comes between ----------------------------------------------------------------------- */

static void test_administrator(void)
{
    static const char *const labels[] = {"phone", "other"}; /* the login's own is "phone" */

    for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
        const char *user = i == 0 ? "lara" : "liam";
        ok(start(user, NULL, true) == 0, "a login's device");
        const struct device theirs = reply.device;
        const char *code = fixture_code(&theirs, STEP);
        ok(accepted(try_at_login(user, code)) && start(user, labels[i], false) == 0,
           "an administrator enrols '%s' meanwhile", labels[i]);
        const struct device made = reply.device;
        const size_t events = fixture_events(store, NULL);
        ok(try_at_login(user, code) == ERR_CONFLICT && confirm_at_login(user, code) == ERR_CONFLICT,
           "the login ends: %s", err.what);
        ok(try_at_login(user, fixture_code(&made, STEP)) == ERR_CONFLICT &&
               confirm_at_login(user, fixture_code(&made, STEP)) == ERR_CONFLICT &&
               judge((struct enroll_code){.user = user,
                                          .code = fixture_code(&made, STEP),
                                          .at_login = true,
                                          .device_id = made.id}) == ERR_CONFLICT,
           "with the other's code too");
        ok(waits(user, made.id, false) && fixture_events(store, NULL) == events,
           "the other device stays as it is");
        ok(accepted(confirm(user, labels[i], fixture_code(&made, STEP))) &&
               tokens.count == conf.backup_tokens && load(user) && account.device_count == 1 &&
               account.devices[0].id == made.id,
           "and is confirmed");
    }
}

static int give_role(const char *user)
{
    static const enum account_role role = ROLE_ADMIN;

    return admin_set(store, user, &(struct admin_fields){.role = &role}, "role-admin", &origin,
                     FIXTURE_NOW, &err);
}

static int switch_off(const char *user)
{
    return admin_enable(store, user, false, &origin, FIXTURE_NOW, &err);
}

/* Who has become an admin since, or need not log in with a code, has nothing to confirm. */
static void test_ended(void)
{
    static const struct {
        const char *user, *name;
        int (*act)(const char *user);
    } rows[] = {{"mia", "is made an admin", give_role}, {"max", "is switched off", switch_off}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *user = rows[i].user;
        ok(start(user, NULL, true) == 0, "a login's device");
        const struct device theirs = reply.device;
        const char *code = fixture_code(&theirs, STEP);
        ok(accepted(try_at_login(user, code)) && rows[i].act(user) == 0, "%s %s", user,
           rows[i].name);
        ok(try_at_login(user, code) == ERR_CONFLICT && confirm_at_login(user, code) == ERR_CONFLICT,
           "the login ends: %s", err.what);
        ok(i != 0 || (load(user) && account.device_count == 0 && put_beside(user, &theirs)),
           "its device is there, or put there again");
        const size_t events = fixture_events(store, NULL);
        ok(try_at_login(user, code) == ERR_CONFLICT && confirm_at_login(user, code) == ERR_CONFLICT,
           "that does not help it");
        ok(waits(user, theirs.id, true) && account.failures == 0 &&
               fixture_events(store, NULL) == events,
           "and nothing has changed");
    }
}

static void test_admin(void)
{
    ok(admin_add(store, "mary", &(struct admin_fields){0}, &origin, FIXTURE_NOW, &err) == 0 &&
           give_role("mary") == 0 && start("mary", NULL, true) == ERR_CONFLICT && load("mary") &&
           account.device_count == 0,
       "no login begins a device for an admin: %s", err.what);
    ok(start("mary", NULL, false) == 0 &&
           accepted(confirm("mary", NULL, fixture_code(&reply.device, STEP))),
       "that is root's to do");
}

static int close_account(const char *user)
{
    return admin_lock(store, user, true, &origin, FIXTURE_NOW, &err);
}

/* Wrong codes elsewhere: whoever is not root confirms a device. */
static int lock_out(const char *user)
{
    const struct enroll_code guess = {
        .user = user, .code = "000000", .guarded = true, .at_login = true};
    int r = 0;

    for (unsigned i = 0; i < conf.rules.max_failures && r == 0; i++)
        r = judge(guess);
    return r;
}

/* Whoever may not log in any more enrols nothing, and is told why. */
static void test_locked(void)
{
    static const struct {
        const char *user, *name;
        int (*act)(const char *user);
        int64_t until;
    } rows[] = {{"nina", "closed", close_account, ACCOUNT_LOCKED_FOR_EVER},
                {"noah", "locked", lock_out, 0}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *user = rows[i].user;
        ok(start(user, NULL, true) == 0, "a login's device");
        const struct device theirs = reply.device;
        const char *code = fixture_code(&theirs, STEP);
        ok(accepted(try_at_login(user, code)) && rows[i].act(user) == 0 && load(user), "%s is %s",
           user, rows[i].name);
        const struct account before = account;
        const int64_t until = rows[i].until != 0 ? rows[i].until : before.locked_until;
        const char *const codes[] = {code, "000000", "12345", ""};
        unsigned refused = 0;
        const size_t events = fixture_events(store, NULL);
        for (size_t j = 0; j < 2 * ARRAY_SIZE(codes); j++) {
            const char *typed = codes[j / 2];
            int r = j % 2 == 0 ? try_at_login(user, typed) : confirm_at_login(user, typed);
            refused += r == 0 && result.verdict == VERDICT_LOCKED && result.admit == ADMIT_NO &&
                       result.locked_until == until && tokens.count == 0;
        }
        ok(refused == 8 && until > FIXTURE_NOW, "no code is judged, right or wrong");
        ok(load(user) && memcmp(&before, &account, sizeof(account)) == 0 &&
               waits(user, theirs.id, true) && fixture_events(store, &last) == events + 8 &&
               strcmp(last.verdict, "locked") == 0,
           "nor counted, which is on record");
        ok(admin_lock(store, user, false, &origin, FIXTURE_NOW, &err) == 0 &&
               accepted(confirm_at_login(user, code)),
           "unlocked, it goes on");
    }
}

/* --- beside others ---------------------------------------------------------------------------- */

static void test_left_over(void)
{
    ok(start("olga", "left", true) == 0, "a login's device");
    struct device left = reply.device;
    ok(start("olga", "phone", false) == 0 && put_beside("olga", &left) && load("olga") &&
           account.device_count == 2,
       "stands beside another");
    const struct device phone = reply.device;
    const char *code = fixture_code(&left, STEP);
    ok(confirm("olga", "left", code) == ERR_NOT_FOUND &&
           confirm_at_login("olga", code) == ERR_CONFLICT &&
           try_at_login("olga", code) == ERR_CONFLICT && load("olga") && account.device_count == 2,
       "then nobody can confirm it");
    ok(confirm("olga", NULL, code) == 0 && result.verdict == VERDICT_WRONG &&
           strcmp(result.device, "phone") == 0,
       "without a label, the other one is meant");
    ok(accepted(confirm("olga", NULL, fixture_code(&phone, STEP))) &&
           strcmp(result.device, "phone") == 0 && load("olga") && account.device_count == 1 &&
           account.devices[0].id == phone.id,
       "which is confirmed, and the left one goes");
    snprintf(left.label, sizeof(left.label), "again");
    ok(put_beside("olga", &left) && start("olga", "tablet", false) == 0 && load("olga") &&
           account.device_count == 2 && account_device_any(&account, "again") == NULL,
       "it goes with the next one, too");
}

static void test_label(void)
{
    text_cut(conf.label, sizeof(conf.label), "%u-%s");
    ok(start("zoe", NULL, true) == 0 && strstr(reply.uri, ":zoe-sshd?") != NULL,
       "at a login, the service may stand in the app's name of the account: %s", reply.uri);
    ok(start("yann", NULL, false) == 0 && strstr(reply.uri, ":yann-?") != NULL,
       "elsewhere there is none: %s", reply.uri);
}

int main(void)
{
    store = fixture_open("enroll_login", &conf, &ring);
    test_start();
    test_limit();
    test_trial();
    test_whose();
    test_administrator();
    test_ended();
    test_admin();
    test_locked();
    test_left_over();
    test_label();
    store_close(&store);
    account_clear(&account);
    return tap_done();
}
