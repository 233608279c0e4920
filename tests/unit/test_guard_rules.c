/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules that spare root's logins something spare nobody a proof, nor whoever acts in a person's
 * name their guesses. */
#include "config.h"

#include "admin.h"
#include "device.h"
#include "enroll.h"
#include "fixture.h"
#include "guard.h"
#include "perform.h"
#include "tap.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP (FIXTURE_NOW / 30)

static struct conf conf;
static struct seal_ring ring;
static struct served served;
static char me[ACCOUNT_NAME_SIZE], my_group[CONF_ITEM_SIZE]; /* somebody this host knows */
static uid_t my_uid;
static struct device my_phone;
static struct account account;
static struct reply_device enrolled;
static struct reply_tokens tokens;
static struct reply reply;
static struct event last;
static struct err err;

static const struct event_origin by_root = {.service = "totpctl", .actor = "root"};

static void must(bool good, const char *what)
{
    if (good)
        return;
    printf("Bail out! %s: %s\n", what, err.what);
    exit(1);
}

static void prepare(void)
{
    err = (struct err){0};
    reply = (struct reply){.account = &account, .enrolled = &enrolled, .tokens = &tokens};
}

static int ask(struct call call)
{
    prepare();
    return guard_perform(&served, &conf, "host", my_uid, &call, FIXTURE_NOW, &reply, &err);
}

static int ask_as_root(struct call call)
{
    prepare();
    return perform(served.store, &conf, "host", &call, FIXTURE_NOW, &reply, &err);
}

static bool load(const char *user)
{
    account = (struct account){0};
    return admin_show(served.store, user, &account, &err) == 0;
}

static bool recorded(const char *action, const char *verdict)
{
    (void)fixture_events(served.store, &last);
    return strcmp(last.action, action) == 0 && strcmp(last.verdict, verdict) == 0 &&
           strcmp(last.user, me) == 0;
}

static void remove_me(void)
{
    if (admin_remove(served.store, me, &by_root, FIXTURE_NOW, &err) != 0)
        must(err.code == ERR_NOT_FOUND, "admin_remove");
}

/* The defaults, and an account with a device whose code of this step is unused. */
static void reset(void)
{
    struct conf defaults;

    conf_init(&defaults);
    memcpy(defaults.store, conf.store, sizeof(conf.store));
    memcpy(defaults.key_file, conf.key_file, sizeof(conf.key_file));
    conf = defaults;
    remove_me();
    my_phone = fixture_enroll(served.store, &conf, me, "phone");
}

static struct device add_pending(bool at_login)
{
    const struct enroll_request request = {
        .user = me, .origin = by_root, .digits = 6, .period = 30, .at_login = at_login};
    struct reply_device made = {0};

    must(enroll_start(served.store, &conf, "host", &request, FIXTURE_NOW, &made, &err) == 0,
         "enroll_start");
    return made.device;
}

static struct call login_with(enum call_method method, const char *code)
{
    return (struct call){
        .method = method, .user = me, .service = "i3lock", .tty = "tty1", .code = code};
}

static struct call renew_with(const char *proof)
{
    return (struct call){.method = CALL_BACKUP, .user = me, .proof = proof};
}

/* Whether a call that needs a code gets one from no rule. */
static bool needs_proof(void)
{
    return ask(renew_with(NULL)) == ERR_PROOF && ask(renew_with("")) == ERR_REFUSED &&
           ask(renew_with("000000")) == ERR_REFUSED && tokens.count == 0 &&
           recorded("proof", "wrong");
}

/* --- what spares the code --------------------------------------------------------------------- */

static void test_grace(void)
{
    reset();
    conf.rules.grace = 3600;
    ok(ask_as_root(login_with(CALL_CHECK, fixture_code(&my_phone, STEP))) == 0 &&
           reply.outcome.admit == ADMIT_YES && ask_as_root(login_with(CALL_BEGIN, NULL)) == 0 &&
           !reply.ask && reply.outcome.verdict == VERDICT_GRACE,
       "root's logins know grace");
    ok(ask(login_with(CALL_BEGIN, NULL)) == 0 && reply.ask && reply.outcome.admit == ADMIT_NO,
       "others are asked");
    struct call combined = login_with(CALL_CHECK, NULL);
    combined.shape = AUTH_COMBINED;
    combined.password = "secret";
    ok(ask(combined) == 0 && reply.outcome.admit == ADMIT_NO &&
           ask(login_with(CALL_CHECK, "")) == 0 && reply.outcome.admit == ADMIT_NO,
       "whatever they answer without a code");
    tokens.count = 0;
    ok(needs_proof(), "it proves nothing");
    struct call elsewhere = login_with(CALL_CHECK, fixture_code(&my_phone, STEP + 1));
    elsewhere.tty = "tty2";
    ok(ask(elsewhere) == 0 && reply.outcome.admit == ADMIT_YES, "a success of others'");
    elsewhere.method = CALL_BEGIN;
    elsewhere.code = NULL;
    ok(ask_as_root(elsewhere) == 0 && reply.ask,
       "is no grace for root's logins: they chose the place");
    ok(conf.rules.grace == 3600, "the configuration is as it was");
}

/* A screen locker of somebody who is exempt lets them in; that is no proof. */
static void test_exempt(void)
{
    static const char *const lists[] = {"user", "group"};

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        reset();
        if (i == 0)
            snprintf(conf.exempt_users, sizeof(conf.exempt_users), "nobody-else,%s", me);
        else
            snprintf(conf.exempt_groups, sizeof(conf.exempt_groups), "%s", my_group);
        ok(ask(login_with(CALL_BEGIN, NULL)) == 0 && !reply.ask &&
               reply.outcome.verdict == VERDICT_EXEMPT && reply.outcome.admit == ADMIT_IGNORE &&
               strcmp(reply.recorded, lists[i]) == 0 && recorded("login", "exempt") &&
               strcmp(last.service, "i3lock") == 0,
           "an exempt %s is asked for no code", lists[i]);
        struct call whole = login_with(CALL_CHECK, NULL);
        whole.shape = AUTH_COMBINED;
        whole.password = "the password";
        ok(ask(whole) == 0 && reply.outcome.verdict == VERDICT_EXEMPT &&
               reply.password_length == strlen(whole.password),
           "nor in one answer");
        whole.check_password = true;
        ok(ask(whole) == 0 && reply.outcome.admit == ADMIT_NO,
           "but for the password, where that is checked here");
        tokens.count = 0;
        ok(needs_proof(), "and has to prove what takes a proof");
        ok(ask((struct call){.method = CALL_LOCK, .user = "alice", .proof = "000000"}) ==
               ERR_PERMISSION,
           "nor are they an admin");
    }
}

static void test_not_exempt(void)
{
    reset();
    snprintf(conf.exempt_groups, sizeof(conf.exempt_groups), "no-group-of-mine");
    struct call call = login_with(CALL_BEGIN, NULL);
    call.group = "no-group-of-mine";
    ok(ask_as_root(call) == 0 && !reply.ask && ask(call) == 0 && reply.ask,
       "a group counts on root's word, and not on others'");
    conf.exempt_groups[0] = '\0';
    snprintf(conf.exempt_networks, sizeof(conf.exempt_networks), "0.0.0.0/0,::/0");
    static const char *const hosts[] = {"192.0.2.1", "127.0.0.1", "::1", "::ffff:192.0.2.1"};
    for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
        call = login_with(CALL_BEGIN, NULL);
        call.rhost = hosts[i];
        ok(ask_as_root(call) == 0 && !reply.ask && ask(call) == 0 && reply.ask,
           "so does being at %s", hosts[i]);
    }
    tokens.count = 0;
    ok(needs_proof(), "nothing of it is a proof");
}

static void test_unenrolled(void)
{
    static const struct {
        enum rules_unenrolled unenrolled;
        int64_t enroll_by;
    } rows[] = {{UNENROLLED_ENROLL, 0},
                {UNENROLLED_PERMIT, 0},
                {UNENROLLED_IGNORE, 0},
                {UNENROLLED_DENY, FIXTURE_NOW + 1000},
                {UNENROLLED_ENROLL, FIXTURE_NOW + 1000}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const bool enrolls = rows[i].unenrolled == UNENROLLED_ENROLL && rows[i].enroll_by == 0;
        reset();
        remove_me();
        conf.rules.unenrolled = rows[i].unenrolled;
        conf.rules.enroll_by = rows[i].enroll_by;
        ok(ask(login_with(CALL_BEGIN, NULL)) == 0 && reply.enroll == enrolls && !reply.ask &&
               (reply.outcome.admit != ADMIT_NO) == !enrolls,
           "row %zu: who has no device %s", i, enrolls ? "is to enrol" : "passes");
        ok(ask(renew_with(NULL)) == ERR_PROOF && ask(renew_with("123456")) == ERR_REFUSED &&
               reply.outcome.verdict == VERDICT_UNENROLLED && !load(me),
           "which proves nothing: %s", err.what);
    }
}

/* --- what does not apply ---------------------------------------------------------------------- */

static void test_audit(void)
{
    reset();
    conf.audit_only = true;
    ok(ask_as_root(login_with(CALL_CHECK, "000000")) == 0 && recorded("audit", "wrong") &&
           load(me) && account.failures == 0,
       "root's logins are only looked at");
    ok(ask(login_with(CALL_CHECK, "000000")) == 0 && reply.outcome.admit == ADMIT_NO &&
           recorded("login", "wrong") && load(me) && account.failures == 1,
       "others' guesses count");
    tokens.count = 0;
    ok(needs_proof() && load(me) && account.failures == 2, "and so do wrong proofs");
    ok(ask(renew_with(fixture_code(&my_phone, STEP))) == 0 && tokens.count > 0 && load(me) &&
           account.devices[0].last_step == STEP &&
           ask(renew_with(fixture_code(&my_phone, STEP))) == ERR_REFUSED,
       "a right one is used up");
    for (unsigned i = 0; i < conf.rules.max_failures; i++)
        (void)ask(login_with(CALL_CHECK, "000000"));
    ok(reply.outcome.locked_until > FIXTURE_NOW, "guesses lock");
}

static void test_debug(void)
{
    const char *code;

    reset();
    conf.debug = true;
    code = fixture_code(&my_phone, STEP + 5);
    ok(ask_as_root(login_with(CALL_CHECK, code)) == 0 && reply.explanation[0] != '\0',
       "an administrator is told: %s", reply.explanation);
    ok(ask(login_with(CALL_CHECK, code)) == 0 && reply.outcome.verdict == VERDICT_WRONG &&
           reply.explanation[0] == '\0',
       "whoever acts in a person's name is not told how far off their guess is");
    ok(ask(renew_with(code)) == ERR_REFUSED && reply.explanation[0] == '\0', "nor by a proof");
}

/* --- what is a login's alone ------------------------------------------------------------------ */

static unsigned count_at_login(void)
{
    unsigned count = 0;

    for (size_t i = 0; i < account.device_count; i++)
        count += account.devices[i].at_login;
    return count;
}

static void test_at_login(void)
{
    reset();
    remove_me();
    const struct device waiting = add_pending(true);
    ok(ask((struct call){.method = CALL_ENROLL, .user = me, .at_login = true}) == ERR_PERMISSION &&
           load(me) && account.device_count == 1 && count_at_login() == 1,
       "a user makes no device of a login's, and takes no place of one: %s", err.what);
    struct call call = {.method = CALL_CONFIRM, .user = me, .at_login = true};
    call.code = fixture_code(&waiting, STEP);
    ok(ask(call) == ERR_PERMISSION && load(me) && account.devices[0].state == DEVICE_PENDING &&
           account.failures == 0,
       "nor confirms it in that login's name: %s", err.what);
    call.at_login = false;
    ok(ask(call) == ERR_NOT_FOUND && load(me) && account.devices[0].state == DEVICE_PENDING,
       "nor in their own: %s", err.what);
    ok(ask((struct call){.method = CALL_ENROLL, .user = me}) == 0 && load(me) &&
           account.device_count == 1 && count_at_login() == 0,
       "one of their own takes its place");
}

static void test_trial(void)
{
    struct device waiting;
    struct call call = {.method = CALL_CONFIRM, .user = me, .trial = true, .code = "000000"};

    reset();
    remove_me();
    waiting = add_pending(false);
    ok(ask(call) == ERR_PERMISSION && load(me) && account.failures == 0,
       "nobody but a login tries codes");
    call.code = fixture_code(&waiting, STEP);
    ok(ask(call) == ERR_PERMISSION && reply.outcome.verdict == VERDICT_WRONG && load(me) &&
           account.devices[0].state == DEVICE_PENDING,
       "nor finds out whether one is right");
}

static void test_expire(void)
{
    struct call call = {.method = CALL_PASSWD, .user = me, .expire = true};

    reset();
    call.proof = fixture_code(&my_phone, STEP);
    ok(ask(call) == ERR_PERMISSION && load(me) && account.devices[0].last_step == STEP - 1 &&
           strstr(err.what, "only root may have a password expire") != NULL &&
           strstr(err.what, "'totpctl passwd' sets a new one") != NULL,
       "nobody has their own password expire: %s", err.what);
    call.new_password = "";
    ok(ask(call) == ERR_PERMISSION, "nor with a new one");
    call.user = "alice";
    ok(ask(call) == ERR_PERMISSION, "nor another's");
}

/* --- a first code ----------------------------------------------------------------------------- */

static bool is_untouched(void)
{
    unsigned untouched = 0;

    if (!load(me) || account.failures != 0)
        return false;
    for (size_t i = 0; i < account.device_count; i++)
        untouched += account.devices[i].state == DEVICE_PENDING &&
                     account.devices[i].last_step == ACCOUNT_NEVER;
    return untouched == 1;
}

/* It opens a login, and nothing that takes a proof. */
static void test_waiting(void)
{
    static const enum call_method methods[] = {CALL_BACKUP, CALL_REVOKE, CALL_PASSWD, CALL_QR};

    for (unsigned kind = 0; kind < 2; kind++) { /* with no other device, or one switched off */
        reset();
        if (kind == 0)
            remove_me();
        else
            must(device_enable(served.store, me, "phone", false, &by_root, FIXTURE_NOW, &err) == 0,
                 "enroll_enable");
        const struct device waiting = add_pending(false);
        const char *code = fixture_code(&waiting, STEP);
        for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
            struct call call = {.method = methods[i], .user = me, .new_password = "x"};
            ok(ask(call) == ERR_PROOF, "%s takes a code", call_method_name(methods[i]));
            call.proof = code;
            ok(ask(call) == ERR_REFUSED && reply.outcome.verdict == VERDICT_UNENROLLED &&
                   is_untouched(),
               "which is not the first of a device: %s", err.what);
            call.proof = "000000";
            ok(ask(call) == ERR_REFUSED && is_untouched(), "nor is a guess at it told from it");
        }
        ok(ask(login_with(CALL_CHECK, code)) == 0 && reply.outcome.admit == ADMIT_YES &&
               reply.tokens_due == (kind == 0) && load(me) &&
               account_count(&account, DEVICE_ACTIVE) == 1,
           "it opens a login");
        ok(ask(renew_with(code)) == ERR_REFUSED && reply.outcome.verdict == VERDICT_REPLAYED,
           "and is used up");
        ok(ask(renew_with(fixture_code(&waiting, STEP + 1))) == 0, "the next one is a proof");
    }
}

/* A sheet of paper is no way round the first code. */
static void test_waiting_tokens(void)
{
    reset();
    remove_me();
    (void)add_pending(false);
    must(device_renew_tokens(served.store, me, 3, &by_root, FIXTURE_NOW, &tokens, &err) == 0,
         "device_renew_tokens");
    const struct reply_tokens paper = tokens;
    ok(ask(renew_with(paper.text[0])) == ERR_REFUSED &&
           reply.outcome.verdict == VERDICT_UNENROLLED && is_untouched() &&
           account.token_count == 3,
       "a token proves nothing beside a device that waits");
    ok(ask_as_root(login_with(CALL_CHECK, paper.text[1])) == 0 &&
           reply.outcome.verdict == VERDICT_WRONG && !reply.tokens_due && load(me) &&
           account.token_count == 3,
       "nor does it open a login");
}

/* --- resynchronisation ------------------------------------------------------------------------ */

static void test_resync(void)
{
    const enum account_role role = ROLE_ADMIN;
    const struct device hers = fixture_enroll(served.store, &conf, "alice", "phone");
    struct call call = {.method = CALL_RESYNC, .user = "alice"};

    reset();
    call.code = fixture_code(&hers, STEP + 70);
    call.next_code = fixture_code(&hers, STEP + 71);
    call.proof = fixture_code(&my_phone, STEP);
    ok(ask(call) == ERR_PERMISSION, "another's clock is an admin's to set: %s", err.what);
    struct call own = {.method = CALL_RESYNC,
                       .user = me,
                       .code = fixture_code(&my_phone, STEP + 70),
                       .next_code = fixture_code(&my_phone, STEP + 71)};
    ok(ask(own) == ERR_PERMISSION && load(me) && account.devices[0].offset == 0,
       "and one's own too");
    own.proof = fixture_code(&my_phone, STEP);
    ok(ask(own) == ERR_PERMISSION && load(me) && account.devices[0].last_step == STEP - 1,
       "with a code as well");
    must(admin_set(served.store, me, &(struct admin_fields){.role = &role}, "set", &by_root,
                   FIXTURE_NOW, &err) == 0,
         "admin_set");
    call.proof = NULL;
    ok(ask(call) == ERR_PROOF, "an admin proves who they are");
    call.proof = fixture_code(&my_phone, STEP);
    call.code = "000000";
    ok(ask(call) == 0 && reply.outcome.verdict == VERDICT_WRONG && load(me) &&
           account.devices[0].last_step == STEP && load("alice") &&
           account.devices[0].offset == 0 && strcmp(last.user, me) == 0,
       "a wrong pair costs them their code");
    call.code = fixture_code(&hers, STEP + 70);
    call.next_code = fixture_code(&hers, STEP + 71);
    call.proof = fixture_code(&my_phone, STEP + 1);
    ok(ask(call) == 0 && reply.outcome.verdict == VERDICT_ACCEPTED && load("alice") &&
           account.devices[0].offset == 71 && fixture_events(served.store, &last) > 0 &&
           strcmp(last.action, "resync") == 0 && strcmp(last.user, "alice") == 0 &&
           strcmp(last.actor, me) == 0,
       "a right one is found, and who asked is on record");
    call.user = "root";
    call.proof = fixture_code(&my_phone, STEP + 1);
    ok(ask(call) == ERR_PERMISSION, "root's is root's");
}

/* The first of this host's people whose group it knows. */
static void find_me(void)
{
    const struct passwd *entry;

    while (my_uid == 0 && (entry = getpwent()) != NULL) {
        const struct group *group = getgrgid(entry->pw_gid);
        if (entry->pw_uid == 0 || entry->pw_uid == 65534 || !account_name_valid(entry->pw_name) ||
            group == NULL)
            continue;
        snprintf(me, sizeof(me), "%s", entry->pw_name);
        snprintf(my_group, sizeof(my_group), "%s", group->gr_name);
        my_uid = entry->pw_uid;
    }
    endpwent();
}

int main(void)
{
    find_me();
    if (my_uid == 0) {
        tap_skip("this host knows nobody but root");
        return tap_done();
    }
    served.store = fixture_open("rules", &conf, &ring);
    test_grace();
    test_exempt();
    test_not_exempt();
    test_unenrolled();
    test_audit();
    test_debug();
    test_at_login();
    test_trial();
    test_expire();
    test_waiting();
    test_waiting_tokens();
    test_resync();
    store_close(&served.store);
    account_clear(&account);
    return tap_done();
}
