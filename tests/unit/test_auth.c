/* SPDX-License-Identifier: BSD-2-Clause */
/* Judging inside the store's transaction: what is kept, what is recorded, what is answered. */
#include "config.h"

#include "admin.h"
#include "auth.h"
#include "enroll.h"
#include "fixture.h"
#include "tap.h"

#include <stdio.h>
#include <string.h>

static struct conf conf;
static struct seal_ring ring;
static struct store *store;
static struct auth_reply reply;
static struct err err;

static const struct event_origin origin = {.service = "sshd", .rhost = "192.0.2.1", .tty = "ssh"};

static int check(enum auth_shape shape, const char *user, const char *password, const char *code,
                 bool with_password, int64_t now)
{
    const struct auth_request request = {.user = user,
                                         .origin = origin,
                                         .shape = shape,
                                         .password = password,
                                         .code = code,
                                         .check_password = with_password};
    return auth_check(store, &conf.rules, &request, now, &reply, &err);
}

static bool said(int r, enum verdict verdict, const char *recorded)
{
    struct event last = {0};

    (void)fixture_events(store, &last);
    return r == 0 && reply.result.verdict == verdict && strcmp(last.verdict, recorded) == 0 &&
           (reply.result.admit == ADMIT_YES) == (verdict == VERDICT_ACCEPTED);
}

static void test_code(void)
{
    struct device device = fixture_enroll(store, &conf, "alice", "phone");
    const char *code = fixture_code(&device, FIXTURE_NOW / 30);
    struct event last = {0};

    ok(said(check(AUTH_CODE, "alice", NULL, "000000", false, FIXTURE_NOW), VERDICT_WRONG, "wrong"),
       "a wrong code is refused and recorded");
    ok(said(check(AUTH_CODE, "alice", NULL, code, false, FIXTURE_NOW), VERDICT_ACCEPTED,
            "accepted"),
       "the right one is accepted and recorded");
    (void)fixture_events(store, &last);
    ok(strcmp(last.user, "alice") == 0 && strcmp(last.service, "sshd") == 0 &&
           strcmp(last.rhost, "192.0.2.1") == 0 && strcmp(last.tty, "ssh") == 0 &&
           strcmp(last.method, "totp") == 0 && strcmp(last.device, "phone") == 0 &&
           strcmp(last.action, "login") == 0 && last.time == FIXTURE_NOW,
       "with user, service, host, tty, method and device");
    ok(said(check(AUTH_CODE, "alice", NULL, code, false, FIXTURE_NOW), VERDICT_REPLAYED,
            "replayed"),
       "once");
    ok(said(check(AUTH_CODE, "bob", NULL, code, false, FIXTURE_NOW), VERDICT_UNENROLLED,
            "unenrolled"),
       "somebody nobody knows is refused and recorded");
    ok(said(check(AUTH_CODE, "../../x\n", NULL, code, false, FIXTURE_NOW), VERDICT_UNENROLLED,
            "unenrolled"),
       "so is a name that cannot be one");
}

/* Whoever proves a code for something else than a login says so. */
static void test_action(void)
{
    static const char *const actions[] = {"proof", "a-very-long-action", "login"};
    struct device device = fixture_enroll(store, &conf, "dave", "phone");
    struct event last = {0};

    for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
        const struct auth_request request = {
            .user = "dave",
            .origin = {.service = "totpctl", .actor = "dave"},
            .code = i == 0 ? fixture_code(&device, FIXTURE_NOW / 30) : "000000",
            .action = i < 2 ? actions[i] : NULL};
        int r = auth_check(store, &conf.rules, &request, FIXTURE_NOW, &reply, &err);
        (void)fixture_events(store, &last);
        ok(r == 0 && strncmp(last.action, actions[i], EVENT_WORD_SIZE - 1) == 0 &&
               strcmp(last.verdict, i == 0 ? "accepted" : "wrong") == 0 &&
               strcmp(last.actor, "dave") == 0 && strcmp(reply.event.action, last.action) == 0,
           "the event is called %s", last.action);
    }
}

static void test_password(void)
{
    struct device device = fixture_enroll(store, &conf, "carol", "phone");
    const struct admin_fields fields = {.password = "secret"};
    char answer[64];

    ok(admin_set(store, "carol", &fields, "passwd", &origin, FIXTURE_NOW, &err) == 0,
       "a password is set");
    snprintf(answer, sizeof(answer), "wrong%s", fixture_code(&device, FIXTURE_NOW / 30));
    ok(said(check(AUTH_COMBINED, "carol", answer, NULL, true, FIXTURE_NOW), VERDICT_WRONG, "wrong"),
       "the wrong password with the right code is refused");
    snprintf(answer, sizeof(answer), "secret%s", fixture_code(&device, FIXTURE_NOW / 30));
    ok(said(check(AUTH_COMBINED, "carol", answer, NULL, true, FIXTURE_NOW), VERDICT_ACCEPTED,
            "accepted") &&
           reply.password_length == 6,
       "and has not consumed it");
    ok(said(check(AUTH_COMBINED, "carol", "secret", NULL, true, FIXTURE_NOW), VERDICT_MALFORMED,
            "malformed"),
       "a password alone is no answer");
    size_t events = fixture_events(store, NULL);
    ok(check(AUTH_TAIL, "carol", "secret", NULL, true, FIXTURE_NOW) == 0 && reply.ask &&
           reply.result.admit == ADMIT_NO && fixture_events(store, NULL) == events,
       "where a second prompt is possible it is asked for, and nothing recorded");
    ok(said(check(AUTH_CODE, "carol", "secret", fixture_code(&device, FIXTURE_NOW / 30 + 1), true,
                  FIXTURE_NOW),
            VERDICT_ACCEPTED, "accepted"),
       "password and code apart");
    ok(said(check(AUTH_CODE, "carol", NULL, fixture_code(&device, FIXTURE_NOW / 30 + 2), true,
                  FIXTURE_NOW + 30),
            VERDICT_WRONG, "wrong"),
       "no password where one is asked for is a wrong one");
    ok(said(check(AUTH_COMBINED, "alice", "x123456", NULL, true, FIXTURE_NOW + 30), VERDICT_WRONG,
            "wrong"),
       "an account without a password matches none");
    ok(said(check(AUTH_COMBINED, "bob", "x123456", NULL, true, FIXTURE_NOW), VERDICT_UNENROLLED,
            "unenrolled") &&
           reply.password_length == 1,
       "somebody nobody knows");
}

static void test_begin(void)
{
    struct auth_request request = {.user = "bob", .origin = origin};
    struct rules rules = conf.rules;
    struct event last = {0};

    size_t events = fixture_events(store, NULL);
    ok(auth_begin(store, &rules, &request, FIXTURE_NOW, &reply, &err) == 0 && reply.ask &&
           reply.result.admit == ADMIT_NO && fixture_events(store, NULL) == events,
       "under deny everybody is asked");
    rules.unenrolled = UNENROLLED_PERMIT;
    ok(auth_begin(store, &rules, &request, FIXTURE_NOW, &reply, &err) == 0 && !reply.ask &&
           reply.result.admit == ADMIT_YES && reply.result.verdict == VERDICT_UNENROLLED,
       "under permit the unenrolled pass");
    ok(fixture_events(store, &last) == events + 1 && strcmp(last.method, "permit") == 0 &&
           strcmp(last.verdict, "unenrolled") == 0,
       "which is recorded");
    rules.unenrolled = UNENROLLED_IGNORE;
    ok(auth_begin(store, &rules, &request, FIXTURE_NOW, &reply, &err) == 0 && !reply.ask &&
           reply.result.admit == ADMIT_IGNORE,
       "under ignore the module has no say");
    request.user = "alice";
    ok(auth_begin(store, &rules, &request, FIXTURE_NOW, &reply, &err) == 0 && reply.ask &&
           reply.result.admit == ADMIT_NO,
       "the enrolled are asked all the same");
    ok(admin_lock(store, "alice", true, &origin, FIXTURE_NOW, &err) == 0 &&
           auth_begin(store, &rules, &request, FIXTURE_NOW, &reply, &err) == 0 && reply.ask,
       "the closed too, and are refused then");
    ok(auth_account(store, &rules, "alice", FIXTURE_NOW, &reply, &err) == 0 &&
           reply.result.verdict == VERDICT_LOCKED && reply.result.admit == ADMIT_NO,
       "account management refuses the closed");
    ok(admin_lock(store, "alice", false, &origin, FIXTURE_NOW, &err) == 0 &&
           auth_account(store, &rules, "alice", FIXTURE_NOW, &reply, &err) == 0 &&
           reply.result.admit == ADMIT_YES,
       "and lets the opened pass");
    ok(auth_account(store, &rules, "bob", FIXTURE_NOW, &reply, &err) == 0 &&
           reply.result.verdict == VERDICT_UNENROLLED && reply.result.admit == ADMIT_NO,
       "it does not know the unknown");
}

static void test_wrong_key(void)
{
    struct seal_ring other = ring;
    struct store *mine = store;

    other.keys[0].bytes[5] ^= 1;
    store = NULL;
    if (!ok(store_open(conf.store, &other, false, NULL, &store, &err) == 0, "another key file"))
        goto out;
    ok(check(AUTH_CODE, "alice", NULL, "123456", false, FIXTURE_NOW) == ERR_SEAL &&
           reply.result.admit == ADMIT_NO && reply.result.verdict == VERDICT_WRONG,
       "a secret that does not open is an error");
    struct rules rules = conf.rules;
    rules.unenrolled = UNENROLLED_PERMIT;
    const struct auth_request request = {.user = "alice", .origin = origin};
    ok(auth_begin(store, &rules, &request, FIXTURE_NOW, &reply, &err) == ERR_SEAL &&
           reply.result.admit == ADMIT_NO,
       "and never 'not enrolled'");
    store_close(&store);
out:
    store = mine;
}

int main(void)
{
    store = fixture_open("auth", &conf, &ring);
    test_code();
    test_action();
    test_password();
    test_begin();
    test_wrong_key();
    store_close(&store);
    return tap_done();
}
