/* SPDX-License-Identifier: BSD-2-Clause */
/* Judging inside the store's transaction: what is kept, what is recorded, what is answered. */
#include "config.h"

#include "admin.h"
#include "auth.h"
#include "device.h"
#include "enroll.h"
#include "fixture.h"
#include "mailcode.h"
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

/* Of an answer with a password in it each end was tried: the mailed code's too, although the app's
 * is shorter. */
static void test_mailed(void)
{
    static const struct {
        enum auth_shape shape;
        const char *password, *code;
        unsigned tries;
    } cases[] = {
        {AUTH_COMBINED, "secret00000000", NULL, 2},
        {AUTH_TAIL, "secret00000000", NULL, 2},
        {AUTH_COMBINED, "secret000000", NULL, 3},
        {AUTH_CODE, NULL, "00000000", 2},
        {AUTH_CODE, NULL, "000000", 3},
        {AUTH_CODE, "secret00000000", "000000", 3},
        {AUTH_CODE, "secret", "00000000", 2},
    };
    const struct admin_fields fields = {.email = "mia@example.org", .password = "secret"};
    struct account before CLEANUP(account_clear) = {0}, after CLEANUP(account_clear) = {0};
    char mailed[MAILCODE_SIZE], answer[64];

    (void)fixture_enroll(store, &conf, "mia", "phone");
    ok(admin_set(store, "mia", &fields, "set", &origin, FIXTURE_NOW, &err) == 0, "an address");
    conf.rules.email_devices = true;
    conf.rules.email_code_lifetime = 600;
    for (size_t i = 0; i <= ARRAY_SIZE(cases); i++) {
        bool good = store_begin(store, STORE_WRITE, &err) == 0 &&
                    store_load(store, "mia", &before, &err) == 0;
        after = before;
        after.failures = 0;
        if (i == 0) {
            after.devices[1] = (struct device){.id = 4711,
                                               .label = "email",
                                               .type = DEVICE_EMAIL,
                                               .state = DEVICE_ACTIVE,
                                               .digits = ACCOUNT_MAIL_DIGITS,
                                               .last_step = ACCOUNT_NEVER,
                                               .last_used = ACCOUNT_NEVER};
            good = good && seal_fingerprint(after.email, &after.devices[1].secret) == 0;
            after.device_count = 2;
        }
        good =
            good &&
            mailcode_new(&conf.rules, &ring, MAIL_LOGIN, 4711, FIXTURE_NOW, &after, mailed) == 0 &&
            store_save(store, &before, &after, &err) == 0 && store_commit(store, &err) == 0;
        if (i == ARRAY_SIZE(cases))
            break;
        int r = check(cases[i].shape, "mia", cases[i].password, cases[i].code,
                      cases[i].password != NULL, FIXTURE_NOW);
        ok(good && r == 0 && reply.result.verdict == VERDICT_WRONG && !reply.ask &&
               store_begin(store, STORE_READ, &err) == 0 &&
               store_load(store, "mia", &after, &err) == 0 &&
               after.codes[MAIL_LOGIN].tries == cases[i].tries,
           "row %zu: %u tries are left", i, after.codes[MAIL_LOGIN].tries);
        store_rollback(store);
    }
    snprintf(answer, sizeof(answer), "secret%s", mailed);
    for (int i = 0; i < ACCOUNT_MAIL_TRIES; i++)
        ok(said(check(AUTH_COMBINED, "mia", "secret00000000", NULL, true, FIXTURE_NOW),
                VERDICT_WRONG, "wrong"),
           "a wrong answer");
    ok(said(check(AUTH_COMBINED, "mia", answer, NULL, true, FIXTURE_NOW), VERDICT_WRONG, "wrong"),
       "after three of them the right one is wrong");
    conf.rules.email_devices = false;
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
    ok(admin_lock(store, "alice", false, &origin, FIXTURE_NOW, &err) == 0, "opened again");
}

/* --- who may not need a code ------------------------------------------------------------------ */

static bool is(int r, enum verdict verdict, enum admit admit)
{
    return r == 0 && !reply.ask && !reply.enroll && reply.result.verdict == verdict &&
           reply.result.admit == admit;
}

static bool asks(int r)
{
    return r == 0 && reply.ask && !reply.enroll && reply.result.admit == ADMIT_NO;
}

static bool enrols(int r)
{
    return r == 0 && reply.enroll && !reply.ask && reply.result.admit == ADMIT_NO &&
           reply.result.verdict == VERDICT_UNENROLLED;
}

static struct account look(const char *user)
{
    struct account account = {0};

    if (admin_show(store, user, &account, &err) != 0)
        ok(false, "%s has an account", user);
    return account;
}

static bool recorded(const char *action, const char *verdict, const char *method)
{
    struct event last = {0};

    return fixture_events(store, &last) > 0 && strcmp(last.action, action) == 0 &&
           strcmp(last.verdict, verdict) == 0 && strcmp(last.method, method) == 0 &&
           strcmp(reply.event.verdict, verdict) == 0 && strcmp(reply.event.method, method) == 0;
}

static int answer(struct auth_request request, const char *head, const char *tail)
{
    char text[128];

    snprintf(text, sizeof(text), "%s%s", head, tail);
    request.password = text;
    return auth_check(store, &conf.rules, &request, FIXTURE_NOW, &reply, &err);
}

static void set_password(const char *user)
{
    const struct admin_fields fields = {.password = "secret"};

    ok(admin_set(store, user, &fields, "passwd", &origin, FIXTURE_NOW, &err) == 0,
       "%s has a password", user);
}

static void lock_out(const char *user)
{
    for (unsigned i = 0; i < conf.rules.max_failures; i++)
        (void)check(AUTH_CODE, user, NULL, "000000", false, FIXTURE_NOW);
}

static void test_exempt(void)
{
    static const char *const lists[] = {"user", "group", "network"};
    struct auth_request request = {.user = "erin", .origin = origin};

    (void)fixture_enroll(store, &conf, "erin", "phone");
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        request.exempt = lists[i];
        request.user = i == 2 ? "nobody" : "erin";
        ok(is(auth_begin(store, &conf.rules, &request, FIXTURE_NOW, &reply, &err), VERDICT_EXEMPT,
              ADMIT_IGNORE) &&
               recorded("login", "exempt", lists[i]),
           "exempt by %s, recorded as that", lists[i]);
    }
    request.user = "erin";
    lock_out("erin");
    ok(is(auth_begin(store, &conf.rules, &request, FIXTURE_NOW, &reply, &err), VERDICT_EXEMPT,
          ADMIT_IGNORE),
       "others' wrong codes do not lock out who is asked for none");
    request.exempt = NULL;
    ok(asks(auth_begin(store, &conf.rules, &request, FIXTURE_NOW, &reply, &err)) &&
           asks(auth_begin(store, &conf.rules, &(struct auth_request){.user = "erin"}, FIXTURE_NOW,
                           &reply, &err)),
       "who is not exempt is asked");
    request.exempt = "user";
    ok(admin_lock(store, "erin", true, &origin, FIXTURE_NOW, &err) == 0 &&
           asks(auth_begin(store, &conf.rules, &request, FIXTURE_NOW, &reply, &err)),
       "no list opens a closed account");
    request.shape = AUTH_COMBINED;
    ok(is(answer(request, "x", ""), VERDICT_LOCKED, ADMIT_NO), "nor in one answer");
}

static void test_exempt_answer(void)
{
    struct device device = fixture_enroll(store, &conf, "frank", "phone");
    struct auth_request request = {
        .user = "frank", .origin = origin, .shape = AUTH_COMBINED, .exempt = "network"};
    const char *code = fixture_code(&device, FIXTURE_NOW / 30);

    set_password("frank");
    ok(asks(auth_begin(store, &conf.rules, &request, FIXTURE_NOW, &reply, &err)),
       "an answer that is asked for in any case");
    ok(is(answer(request, "guess", "000000"), VERDICT_EXEMPT, ADMIT_IGNORE) &&
           reply.password_length == 11 && recorded("login", "exempt", "network"),
       "is passed on whole where the password is another's business");
    request.check_password = true;
    ok(asks(auth_begin(store, &conf.rules, &request, FIXTURE_NOW, &reply, &err)),
       "the password is not spared");
    ok(is(answer(request, "guess", ""), VERDICT_WRONG, ADMIT_NO) && look("frank").failures == 1 &&
           recorded("login", "wrong", "password"),
       "a wrong one is refused and counted");
    ok(is(answer(request, "secret", ""), VERDICT_EXEMPT, ADMIT_YES) &&
           recorded("login", "exempt", "network"),
       "the right one passes");
    request.shape = AUTH_TAIL;
    ok(is(answer(request, "secret", ""), VERDICT_EXEMPT, ADMIT_YES) && reply.password_length == 6,
       "without a second prompt");
    ok(is(answer(request, "secret", code), VERDICT_ACCEPTED, ADMIT_YES) &&
           reply.password_length == 6 && look("frank").failures == 0,
       "a code is taken all the same");
    ok(is(answer(request, "secret", code), VERDICT_WRONG, ADMIT_NO),
       "and being used up, is none any more");
    lock_out("frank");
    ok(asks(answer(request, "secret", "")), "while locked, the prompt is as ever");
    request.shape = AUTH_COMBINED;
    ok(is(answer(request, "secret", ""), VERDICT_LOCKED, ADMIT_NO) &&
           is(answer(request, "guess", ""), VERDICT_LOCKED, ADMIT_NO),
       "and no password is judged");
    request.user = "nobody";
    ok(is(answer(request, "secret", ""), VERDICT_WRONG, ADMIT_NO), "nor is anybody's known");
}

/* --- enrolment at a login --------------------------------------------------------------------- */

static void test_enroll(void)
{
    struct rules rules = conf.rules;
    struct auth_request request = {.user = "newcomer", .origin = origin};
    const size_t events = fixture_events(store, NULL);

    rules.unenrolled = UNENROLLED_ENROLL;
    ok(enrols(auth_begin(store, &rules, &request, FIXTURE_NOW, &reply, &err)) &&
           fixture_events(store, NULL) == events,
       "whoever has no device is to enrol, and nothing is recorded yet");
    request.check_password = true;
    ok(asks(auth_begin(store, &rules, &request, FIXTURE_NOW, &reply, &err)),
       "where the password is checked here, only after it");
    request = (struct auth_request){.user = "alice", .origin = origin};
    ok(asks(auth_begin(store, &rules, &request, FIXTURE_NOW, &reply, &err)),
       "whoever has one is asked for its code");
    request.user = "newcomer";
    rules.enroll_by = FIXTURE_NOW + 1;
    ok(is(auth_begin(store, &rules, &request, FIXTURE_NOW, &reply, &err), VERDICT_UNENROLLED,
          ADMIT_YES) &&
           recorded("login", "unenrolled", "permit"),
       "before enroll_by everybody passes");
    rules.enroll_by = FIXTURE_NOW;
    ok(enrols(auth_begin(store, &rules, &request, FIXTURE_NOW, &reply, &err)),
       "from then on they enrol");
    rules.unenrolled = UNENROLLED_DENY;
    ok(asks(auth_begin(store, &rules, &request, FIXTURE_NOW, &reply, &err)) &&
           is(auth_begin(store, &rules, &request, FIXTURE_NOW - 1, &reply, &err),
              VERDICT_UNENROLLED, ADMIT_YES),
       "or are asked and refused, and before it pass");
    rules.enroll_by = INT64_MAX;
    ok(!(auth_begin(store, &rules, &request, -1, &reply, &err) == 0 &&
         reply.result.admit != ADMIT_NO),
       "a clock before 1970 is before no day");
    ok(admin_enable(store, "alice", false, &origin, FIXTURE_NOW, &err) == 0, "alice switched off");
    rules = conf.rules;
    rules.unenrolled = UNENROLLED_ENROLL;
    request.user = "alice";
    ok(asks(auth_begin(store, &rules, &request, FIXTURE_NOW, &reply, &err)),
       "an account that is switched off enrols nobody");
    ok(admin_enable(store, "alice", true, &origin, FIXTURE_NOW, &err) == 0, "and on again");
    ok(device_enable(store, "alice", "phone", false, &origin, FIXTURE_NOW, &err) == 0 &&
           asks(auth_begin(store, &rules, &request, FIXTURE_NOW, &reply, &err)) &&
           device_enable(store, "alice", "phone", true, &origin, FIXTURE_NOW, &err) == 0,
       "nor does one whose device is");
}

static void test_enroll_answer(void)
{
    struct auth_request request = {
        .user = "gina", .origin = origin, .shape = AUTH_COMBINED, .check_password = true};
    const struct admin_fields fields = {.password = "secret"};

    conf.rules.unenrolled = UNENROLLED_ENROLL;
    ok(admin_add(store, "gina", &fields, &origin, FIXTURE_NOW, &err) == 0, "gina has no device");
    size_t events = fixture_events(store, NULL);
    ok(enrols(answer(request, "secret", "")) && reply.password_length == 6 &&
           fixture_events(store, NULL) == events,
       "with the right password she is to enrol");
    ok(is(answer(request, "guess", ""), VERDICT_WRONG, ADMIT_NO) && look("gina").failures == 1 &&
           recorded("login", "wrong", "password"),
       "with a wrong one she is refused, which counts");
    ok(is(answer(request, "secret", "000000"), VERDICT_WRONG, ADMIT_NO) &&
           look("gina").failures == 2,
       "there is no code to be cut off");
    request.shape = AUTH_TAIL;
    ok(enrols(answer(request, "secret", "")), "the same in mode auto");
    request.check_password = false;
    ok(enrols(answer(request, "anything", "")), "or where another module knows the password");
    request.check_password = true;
    request.user = "nobody";
    ok(is(answer(request, "secret", ""), VERDICT_WRONG, ADMIT_NO),
       "an account that nobody made has no right password");
    conf.rules.enroll_by = FIXTURE_NOW + 1;
    request.user = "gina";
    ok(is(answer(request, "secret", ""), VERDICT_UNENROLLED, ADMIT_YES) &&
           is(answer(request, "guess", ""), VERDICT_WRONG, ADMIT_NO),
       "before enroll_by the password alone decides");
    conf.rules.enroll_by = 0;
    for (int i = 0; i < 3; i++)
        (void)answer(request, "guess", "");
    request.shape = AUTH_COMBINED;
    ok(is(answer(request, "secret", ""), VERDICT_LOCKED, ADMIT_NO), "guesses lock");
    conf.rules.unenrolled = UNENROLLED_DENY;
}

static int begin_as(const char *user, bool audit)
{
    const struct auth_request request = {.user = user, .origin = origin, .audit = audit};

    return auth_begin(store, &conf.rules, &request, FIXTURE_NOW, &reply, &err);
}

/* An admin's first device is root's to enrol: to a login they are somebody who has none. */
static void test_enroll_admin(void)
{
    static const enum auth_shape shapes[] = {AUTH_COMBINED, AUTH_TAIL};
    static const enum account_role admin = ROLE_ADMIN, user = ROLE_USER;
    const struct admin_fields fields = {.password = "secret", .role = &admin};
    struct auth_request request = {.user = "gerd", .origin = origin};

    conf.rules.unenrolled = UNENROLLED_ENROLL;
    ok(admin_add(store, "gerd", &fields, &origin, FIXTURE_NOW, &err) == 0 &&
           asks(begin_as("gerd", false)),
       "an admin without a device is asked for a code");
    ok(is(check(AUTH_CODE, "gerd", NULL, "000000", false, FIXTURE_NOW), VERDICT_UNENROLLED,
          ADMIT_NO) &&
           recorded("login", "unenrolled", ""),
       "and refused");
    for (size_t i = 0; i < 2 * ARRAY_SIZE(shapes); i++) {
        request.shape = shapes[i / 2];
        request.check_password = i % 2 == 0;
        int r = answer(request, "secret", "");
        ok(request.shape == AUTH_TAIL ? asks(r) : is(r, VERDICT_UNENROLLED, ADMIT_NO),
           "shape %d%s: a password alone is as everybody's", (int)request.shape,
           request.check_password ? ", checked here" : "");
        ok(is(answer(request, "secret", "000000"), VERDICT_UNENROLLED, ADMIT_NO) &&
               look("gerd").device_count == 0,
           "and one with a code is refused");
    }
    ok(admin_set(store, "gerd", &(struct admin_fields){.role = &user}, "role-user", &origin,
                 FIXTURE_NOW, &err) == 0 &&
           enrols(begin_as("gerd", false)),
       "an admin no more, they enrol");
    conf.rules.unenrolled = UNENROLLED_DENY;
}

/* Who only looks on enrols nobody. */
static void test_enroll_audit(void)
{
    struct auth_request request = {
        .user = "greg", .origin = origin, .audit = true, .shape = AUTH_COMBINED};
    const struct admin_fields fields = {.password = "secret"};

    conf.rules.unenrolled = UNENROLLED_ENROLL;
    ok(admin_add(store, "greg", &fields, &origin, FIXTURE_NOW, &err) == 0 &&
           enrols(begin_as("greg", false)) && asks(begin_as("greg", true)) &&
           enrols(begin_as("nobody", false)) && asks(begin_as("nobody", true)),
       "under audit everybody is asked");
    request.code = "000000";
    request.shape = AUTH_CODE;
    ok(is(answer(request, "", ""), VERDICT_UNENROLLED, ADMIT_NO) &&
           recorded("audit", "unenrolled", "") && look("greg").failures == 0,
       "and what is missing is on record");
    request.code = NULL;
    request.shape = AUTH_COMBINED;
    for (int with = 0; with < 2; with++) {
        request.check_password = with != 0;
        const size_t events = fixture_events(store, NULL);
        ok(is(answer(request, "secret", ""), VERDICT_UNENROLLED, ADMIT_NO) &&
               fixture_events(store, NULL) == events + 1 && recorded("audit", "unenrolled", "") &&
               reply.password_length == 6 && look("greg").failures == 0,
           "in one answer, password %s", with ? "checked here" : "another's");
        request.shape = AUTH_TAIL;
        ok(asks(answer(request, "secret", "")), "or with another prompt");
        request.shape = AUTH_COMBINED;
    }
    request.audit = false;
    ok(enrols(answer(request, "secret", "")), "without audit they enrol");
    conf.rules.unenrolled = UNENROLLED_DENY;
}

static struct device start(const char *user, bool at_login)
{
    const struct enroll_request request = {.user = user,
                                           .origin = origin,
                                           .type = DEVICE_TOTP,
                                           .digits = 6,
                                           .period = 30,
                                           .at_login = at_login};
    struct reply_device made CLEANUP(reply_device_clear) = {0};

    ok(enroll_start(store, &conf, "host", &request, FIXTURE_NOW, &made, &err) == 0,
       "%s is given a device%s", user, at_login ? " at a login" : "");
    return made.device;
}

static void test_waiting(void)
{
    struct device device = start("heinz", false);
    const struct auth_request request = {.user = "heinz",
                                         .origin = origin,
                                         .audit = true,
                                         .code = fixture_code(&device, FIXTURE_NOW / 30)};
    const char *code = request.code;

    ok(is(check(AUTH_CODE, "heinz", NULL, "000000", false, FIXTURE_NOW), VERDICT_WRONG, ADMIT_NO) &&
           look("heinz").failures == 1 && !reply.tokens_due &&
           look("heinz").devices[0].state == DEVICE_PENDING,
       "a wrong first code counts");
    ok(is(auth_check(store, &conf.rules, &request, FIXTURE_NOW, &reply, &err), VERDICT_ACCEPTED,
          ADMIT_YES) &&
           !reply.tokens_due && look("heinz").devices[0].state == DEVICE_PENDING,
       "under audit, the right one changes nothing");
    ok(is(check(AUTH_CODE, "heinz", NULL, code, false, FIXTURE_NOW), VERDICT_ACCEPTED, ADMIT_YES) &&
           reply.tokens_due && look("heinz").devices[0].state == DEVICE_ACTIVE &&
           look("heinz").failures == 0,
       "the right one makes it active, and tokens are due");
    ok(is(check(AUTH_CODE, "heinz", NULL, code, false, FIXTURE_NOW), VERDICT_REPLAYED, ADMIT_NO) &&
           is(check(AUTH_CODE, "heinz", NULL, fixture_code(&device, FIXTURE_NOW / 30 + 1), false,
                    FIXTURE_NOW),
              VERDICT_ACCEPTED, ADMIT_YES) &&
           !reply.tokens_due,
       "once, and the next is an ordinary one");
    device = start("ines", true);
    ok(is(check(AUTH_CODE, "ines", NULL, fixture_code(&device, FIXTURE_NOW / 30), false,
                FIXTURE_NOW),
          VERDICT_UNENROLLED, ADMIT_NO) &&
           look("ines").devices[0].state == DEVICE_PENDING,
       "a device that a login left pending opens no other");
}

/* --- rollout ---------------------------------------------------------------------------------- */

static bool unchanged(const char *user, const struct account *before)
{
    const struct account now = look(user);

    return now.failures == before->failures && now.locked_until == before->locked_until &&
           now.token_count == before->token_count && now.device_count == before->device_count &&
           now.devices[0].last_step == before->devices[0].last_step &&
           now.devices[0].last_used == before->devices[0].last_used &&
           now.devices[0].state == before->devices[0].state;
}

static void test_audit(void)
{
    struct device device = fixture_enroll(store, &conf, "jana", "phone");
    const char *code = fixture_code(&device, FIXTURE_NOW / 30);
    const struct account before = look("jana");
    struct auth_request request = {.user = "jana", .origin = origin, .audit = true};
    const struct {
        enum auth_shape shape;
        const char *head, *tail;
        enum verdict verdict;
        size_t length;
    } cases[] = {
        {AUTH_CODE, "", "000000", VERDICT_WRONG, 0},
        {AUTH_CODE, "", code, VERDICT_ACCEPTED, 0},
        {AUTH_CODE, "", code, VERDICT_ACCEPTED, 0},
        {AUTH_COMBINED, "secret", "000000", VERDICT_WRONG, 12},
        {AUTH_COMBINED, "secret", "", VERDICT_MALFORMED, 6},
        {AUTH_COMBINED, "secret", code, VERDICT_ACCEPTED, 6},
        {AUTH_TAIL, "secret", "000000", VERDICT_WRONG, 12},
        {AUTH_TAIL, "secret", code, VERDICT_ACCEPTED, 6},
    };

    conf.rules.grace = 3600;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const size_t events = fixture_events(store, NULL);
        request.shape = cases[i].shape;
        request.code = cases[i].tail;
        int r = answer(request, cases[i].head, cases[i].tail);
        ok(is(r, cases[i].verdict, cases[i].verdict == VERDICT_ACCEPTED ? ADMIT_YES : ADMIT_NO) &&
               (cases[i].shape == AUTH_CODE || reply.password_length == cases[i].length) &&
               unchanged("jana", &before) && fixture_events(store, NULL) == events + 1 &&
               recorded("audit", verdict_name(cases[i].verdict),
                        cases[i].verdict == VERDICT_ACCEPTED ? "totp" : ""),
           "audit of answer %zu: %s, and nothing but the event", i, verdict_name(cases[i].verdict));
    }
    for (unsigned i = 0; i < 2 * conf.rules.max_failures; i++)
        (void)answer(request, "secret", "000000");
    ok(unchanged("jana", &before), "audit locks nobody");
    request.audit = false;
    request.shape = AUTH_CODE;
    ok(asks(auth_begin(store, &conf.rules, &request, FIXTURE_NOW, &reply, &err)),
       "and leaves no grace");
    conf.rules.grace = 0;
    request.audit = true;
    request.exempt = "group";
    ok(is(auth_begin(store, &conf.rules, &request, FIXTURE_NOW, &reply, &err), VERDICT_EXEMPT,
          ADMIT_IGNORE) &&
           recorded("audit", "exempt", "group"),
       "who is exempt is recorded under audit too");
}

static void test_explain(void)
{
    struct device device = fixture_enroll(store, &conf, "kim", "phone");
    struct auth_request request = {.user = "kim", .origin = origin, .code = "000000"};

    ok(is(auth_check(store, &conf.rules, &request, FIXTURE_NOW, &reply, &err), VERDICT_WRONG,
          ADMIT_NO) &&
           reply.explanation[0] == '\0',
       "nothing is explained unasked");
    request.explain = true;
    ok(is(auth_check(store, &conf.rules, &request, FIXTURE_NOW, &reply, &err), VERDICT_WRONG,
          ADMIT_NO) &&
           reply.explanation[0] != '\0' && strstr(reply.explanation, "000000") == NULL,
       "a refusal is: %s", reply.explanation);
    request.code = fixture_code(&device, FIXTURE_NOW / 30);
    ok(is(auth_check(store, &conf.rules, &request, FIXTURE_NOW, &reply, &err), VERDICT_ACCEPTED,
          ADMIT_YES) &&
           reply.explanation[0] == '\0',
       "a success is not");
    ok(is(auth_check(store, &conf.rules, &request, FIXTURE_NOW, &reply, &err), VERDICT_REPLAYED,
          ADMIT_NO) &&
           strncmp(reply.explanation, "replayed", 8) == 0 &&
           strstr(reply.explanation, request.code) == NULL,
       "as it was judged: %s", reply.explanation);
    request.user = "nobody";
    ok(is(auth_check(store, &conf.rules, &request, FIXTURE_NOW, &reply, &err), VERDICT_UNENROLLED,
          ADMIT_NO) &&
           reply.explanation[0] != '\0',
       "nobody: %s", reply.explanation);
}

/* --- while the password is being checked ------------------------------------------------------ */

/* Somebody else comes between the first look and the judgement. */
static void (*meanwhile)(void);
static struct device meanwhile_device;

int __real_password_check(const char *password, const char *hash, bool *match);
int __wrap_password_check(const char *password, const char *hash, bool *match);

int __wrap_password_check(const char *password, const char *hash, bool *match)
{
    void (*now)(void) = meanwhile;

    meanwhile = NULL;
    if (now != NULL)
        now();
    return __real_password_check(password, hash, match);
}

static void change_password(void)
{
    const struct admin_fields fields = {.password = "another"};

    ok(admin_set(store, "mona", &fields, "passwd", &origin, FIXTURE_NOW, &err) == 0,
       "meanwhile the password is changed");
}

static void remove_account(void)
{
    ok(admin_remove(store, "mona", &origin, FIXTURE_NOW, &err) == 0,
       "meanwhile the account is removed");
}

static void close_account(void)
{
    ok(admin_lock(store, "mona", true, &origin, FIXTURE_NOW, &err) == 0,
       "meanwhile the account is closed");
}

static void enroll_device(void)
{
    meanwhile_device = fixture_enroll(store, &conf, "mona", "phone");
    ok(look("mona").devices[0].state == DEVICE_ACTIVE, "meanwhile there is a device");
}

static void use_code(void)
{
    ok(is(check(AUTH_CODE, "mona", NULL, fixture_code(&meanwhile_device, FIXTURE_NOW / 30), false,
                FIXTURE_NOW),
          VERDICT_ACCEPTED, ADMIT_YES),
       "meanwhile the code is used");
}

static void test_meanwhile(void)
{
    struct auth_request request = {
        .user = "mona", .origin = origin, .shape = AUTH_COMBINED, .check_password = true};
    const struct admin_fields fields = {.password = "secret"};

    conf.rules.unenrolled = UNENROLLED_PERMIT;
    ok(admin_add(store, "mona", &fields, &origin, FIXTURE_NOW, &err) == 0 &&
           is(answer(request, "secret", ""), VERDICT_UNENROLLED, ADMIT_YES),
       "an account without a device passes");
    meanwhile = enroll_device;
    ok(is(answer(request, "secret", ""), VERDICT_MALFORMED, ADMIT_NO) && look("mona").failures == 0,
       "and nobody passes without its code, which is not counted");
    const char *code = fixture_code(&meanwhile_device, FIXTURE_NOW / 30);
    meanwhile = use_code;
    ok(is(answer(request, "secret", code), VERDICT_REPLAYED, ADMIT_NO), "and not a second time");
    meanwhile = change_password;
    code = fixture_code(&meanwhile_device, FIXTURE_NOW / 30 + 1);
    ok(is(answer(request, "secret", code), VERDICT_WRONG, ADMIT_NO) &&
           look("mona").devices[0].last_step == FIXTURE_NOW / 30,
       "and the old one opens nothing");
    meanwhile = close_account;
    ok(is(answer(request, "another", code), VERDICT_LOCKED, ADMIT_NO), "and stays so");
    request.exempt = "user";
    ok(admin_lock(store, "mona", false, &origin, FIXTURE_NOW, &err) == 0, "opened again");
    meanwhile = close_account;
    ok(is(answer(request, "another", ""), VERDICT_LOCKED, ADMIT_NO), "to the exempt too");
    ok(admin_lock(store, "mona", false, &origin, FIXTURE_NOW, &err) == 0, "opened again");
    meanwhile = remove_account;
    ok(is(answer(request, "another", ""), VERDICT_WRONG, ADMIT_NO), "and its password is nobody's");
    conf.rules.unenrolled = UNENROLLED_DENY;
}

/* --- account management ----------------------------------------------------------------------- */

static int account_of(const char *user, const char *exempt)
{
    const struct auth_request request = {.user = user, .origin = origin, .exempt = exempt};

    return auth_account(store, &conf.rules, &request, FIXTURE_NOW, &reply, &err);
}

static void test_account(void)
{
    const struct admin_fields expire = {.expire = true};

    (void)fixture_enroll(store, &conf, "lea", "phone");
    const size_t events = fixture_events(store, NULL);
    ok(is(account_of("lea", NULL), VERDICT_ACCEPTED, ADMIT_YES) && !reply.has_password &&
           !reply.password_expired,
       "account management lets the open pass");
    ok(is(account_of("nobody", NULL), VERDICT_UNENROLLED, ADMIT_NO) &&
           is(account_of("nobody", "user"), VERDICT_UNENROLLED, ADMIT_NO),
       "it does not know the unknown");
    ok(fixture_events(store, NULL) == events, "and records nothing");
    set_password("lea");
    ok(is(account_of("lea", NULL), VERDICT_ACCEPTED, ADMIT_YES) && reply.has_password &&
           !reply.password_expired,
       "it knows of a password");
    ok(admin_set(store, "lea", &expire, "expire", &origin, FIXTURE_NOW, &err) == 0 &&
           is(account_of("lea", NULL), VERDICT_ACCEPTED, ADMIT_YES) && reply.has_password &&
           reply.password_expired,
       "and that a new one is wanted");
    lock_out("lea");
    ok(is(account_of("lea", NULL), VERDICT_LOCKED, ADMIT_NO) && reply.has_password &&
           reply.result.locked_until == FIXTURE_NOW + conf.rules.lock_time,
       "it refuses the locked");
    ok(is(account_of("lea", "network"), VERDICT_ACCEPTED, ADMIT_YES) && reply.password_expired,
       "but not who is asked for no code");
    ok(admin_lock(store, "lea", true, &origin, FIXTURE_NOW, &err) == 0 &&
           is(account_of("lea", NULL), VERDICT_LOCKED, ADMIT_NO) &&
           is(account_of("lea", "user"), VERDICT_LOCKED, ADMIT_NO),
       "it refuses the closed, exempt or not");
    ok(admin_lock(store, "lea", false, &origin, FIXTURE_NOW, &err) == 0 &&
           is(account_of("lea", NULL), VERDICT_ACCEPTED, ADMIT_YES),
       "and lets the opened pass");
    set_password("lea");
    ok(is(account_of("lea", NULL), VERDICT_ACCEPTED, ADMIT_YES) && !reply.password_expired,
       "the new password is not wanted again");
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
    test_mailed();
    test_begin();
    test_exempt();
    test_exempt_answer();
    test_enroll();
    test_enroll_answer();
    test_enroll_admin();
    test_enroll_audit();
    test_waiting();
    test_audit();
    test_explain();
    test_account();
    test_meanwhile();
    test_wrong_key();
    store_close(&store);
    return tap_done();
}
