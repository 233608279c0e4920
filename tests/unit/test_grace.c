/* SPDX-License-Identifier: BSD-2-Clause */
/* Grace in a real store: what a success leaves behind, whom it spares, and what it does not. */
#include "config.h"

#include "admin.h"
#include "auth.h"
#include "fixture.h"
#include "tap.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define GRACE INT64_C(3600)
#define NOW FIXTURE_NOW

static struct conf conf;
static struct seal_ring ring;
static struct store *store;
static struct rules rules; /* the configuration's, with grace */
static struct auth_reply reply;
static struct err err;

static const struct event_origin ssh = {.service = "sshd", .rhost = "192.0.2.1", .tty = "ssh"};
static const struct event_origin console = {.service = "login", .tty = "tty1"};

/* Beside the store's own connection. */
static bool run_sql(const char *text)
{
    struct sqlite3 *db = NULL;
    bool done = sqlite3_open(conf.store + strlen("sqlite:"), &db) == SQLITE_OK &&
                sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK;

    sqlite3_close(db);
    return done;
}

static int tickets(void)
{
    struct sqlite3 *db = NULL;
    struct sqlite3_stmt *stmt = NULL;
    int count = -1;

    if (sqlite3_open(conf.store + strlen("sqlite:"), &db) == SQLITE_OK &&
        sqlite3_prepare_v2(db, "SELECT count(*) FROM ticket", -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        count = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return count;
}

static int begin(const char *user, const struct event_origin *from, int64_t now)
{
    const struct auth_request request = {.user = user, .origin = *from};

    return auth_begin(store, &rules, &request, now, &reply, &err);
}

static int check(const char *user, const struct event_origin *from, const char *code, int64_t now)
{
    const struct auth_request request = {.user = user, .origin = *from, .code = code};

    return auth_check(store, &rules, &request, now, &reply, &err);
}

static bool said(int r, enum verdict verdict, enum admit admit)
{
    return r == 0 && !reply.ask && !reply.enroll && reply.result.verdict == verdict &&
           reply.result.admit == admit;
}

static bool asks(int r)
{
    return r == 0 && reply.ask && !reply.enroll && reply.result.admit == ADMIT_NO &&
           reply.result.verdict == VERDICT_WRONG;
}

static bool spared(int r)
{
    return said(r, VERDICT_GRACE, ADMIT_YES);
}

static bool logs_in(const char *user, const struct device *device, const struct event_origin *from,
                    int64_t now)
{
    return said(check(user, from, fixture_code(device, now / 30), now), VERDICT_ACCEPTED,
                ADMIT_YES);
}

static struct account look(const char *user)
{
    struct account account = {0};

    if (admin_show(store, user, &account, &err) != 0)
        ok(false, "%s has an account", user);
    return account;
}

/* --- where it holds --------------------------------------------------------------------------- */

static void test_place(void)
{
    static const struct {
        struct event_origin from;
        bool spared;
    } cases[] = {
        {{.service = "sshd", .rhost = "192.0.2.1", .tty = "ssh"}, true},
        {{.service = "sshd", .rhost = "192.0.2.1", .tty = "pts/3"}, true},
        {{.service = "sshd", .rhost = "192.0.2.1"}, true},
        {{.service = "sshd", .rhost = "::ffff:192.0.2.1"}, true},
        {{.service = "sshd", .rhost = "::FFFF:c000:201"}, true},
        {{.service = "sudo", .rhost = "192.0.2.1", .tty = "ssh"}, false},
        {{.service = "sshd2", .rhost = "192.0.2.1"}, false},
        {{.service = "SSHD", .rhost = "192.0.2.1"}, false},
        {{.service = "", .rhost = "192.0.2.1"}, false},
        {{.service = NULL, .rhost = "192.0.2.1"}, false},
        {{.service = "sshd", .rhost = "192.0.2.2"}, false},
        {{.service = "sshd", .rhost = "192.0.2.10"}, false},
        {{.service = "sshd", .rhost = "::c000:201"}, false},
        {{.service = "sshd", .rhost = "192.0.2.1 "}, false},
        {{.service = "sshd", .rhost = "192.0.2.1.example.org"}, false},
        {{.service = "sshd", .rhost = "UNKNOWN"}, false},
        {{.service = "sshd", .rhost = "", .tty = "ssh"}, false},
        {{.service = "sshd", .tty = "ssh"}, false},
        {{.service = "sshd", .tty = "192.0.2.1"}, false},
        {{.service = "sshd"}, false},
    };
    struct device device = fixture_enroll(store, &conf, "alice", "phone");
    struct event last = {0};

    ok(asks(begin("alice", &ssh, NOW)) && tickets() == 0, "before any success a code is asked for");
    ok(logs_in("alice", &device, &ssh, NOW) && tickets() == 1, "a success leaves a ticket");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const size_t events = fixture_events(store, NULL);
        int r = begin("alice", &cases[i].from, NOW + 1);
        const size_t recorded = fixture_events(store, &last) - events;
        ok(cases[i].spared
               ? spared(r) && recorded == 1 && strcmp(last.verdict, "grace") == 0 &&
                     strcmp(last.method, "") == 0 && strcmp(last.action, "login") == 0 &&
                     strcmp(last.user, "alice") == 0 && last.device[0] == '\0'
               : asks(r) && recorded == 0,
           "%s, from %s, on %s: %s", cases[i].from.service == NULL ? "none" : cases[i].from.service,
           cases[i].from.rhost == NULL ? "none" : cases[i].from.rhost,
           cases[i].from.tty == NULL ? "none" : cases[i].from.tty,
           cases[i].spared ? "is spared the code and recorded" : "is asked");
    }
    (void)fixture_enroll(store, &conf, "alice2", "phone");
    ok(asks(begin("alice2", &ssh, NOW + 1)) && asks(begin("nobody", &ssh, NOW + 1)),
       "nor is anybody else spared it");
}

static void test_local(void)
{
    static const struct event_origin others[] = {
        {.service = "login", .tty = "tty2"},
        {.service = "login", .tty = "tty11"},
        {.service = "login", .tty = ""},
        {.service = "login"},
        {.service = "su", .tty = "tty1"},
        {.service = "login", .rhost = "tty:tty1"},
        {.service = "login", .rhost = "host", .tty = "tty1"},
        {.service = "login", .rhost = "192.0.2.1", .tty = "tty1"},
    };
    struct device device = fixture_enroll(store, &conf, "bob", "phone");
    bool asked = true;
    char wide[EVENT_TEXT_SIZE + 1];

    const int before = tickets();
    ok(logs_in("bob", &device, &console, NOW) && tickets() == before + 1,
       "a local success leaves a ticket for its terminal");
    ok(spared(begin("bob", &console, NOW + 1)), "which spares the next code there");
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        asked = asks(begin("bob", &others[i], NOW + 1)) && asked;
    ok(asked, "and nowhere else");
    const struct auth_request another = {.user = "bob", .origin = console, .ruser = "mallory"};
    ok(asks(auth_begin(store, &rules, &another, NOW + 1, &reply, &err)),
       "nor to whoever sits there next");
    static const struct event_origin nowhere[] = {{.service = "login"},
                                                  {.service = "login", .tty = ""},
                                                  {.service = "login", .rhost = "", .tty = ""},
                                                  {.service = "", .tty = "tty1"},
                                                  {.tty = "tty1"},
                                                  {.service = "sshd", .rhost = "host"},
                                                  {.service = "sshd", .rhost = "fe80::1%eth0"}};
    bool none = true;
    for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
        const int64_t now = NOW + 30 * (int64_t)(i + 1);
        none = logs_in("bob", &device, &nowhere[i], now) && asks(begin("bob", &nowhere[i], now)) &&
               tickets() == before + 1 && none;
    }
    ok(none, "a place that could not be known again gets no ticket");
    memset(wide, 't', sizeof(wide) - 1);
    wide[sizeof(wide) - 1] = '\0';
    const struct event_origin far = {.service = "login", .tty = wide};
    ok(logs_in("bob", &device, &far, NOW + 600) && asks(begin("bob", &far, NOW + 600)) &&
           tickets() == before + 1,
       "nor does one whose name is too long to be kept whole");
    const struct event_origin six = {.service = "sshd", .rhost = "2001:DB8:0:0::1"};
    const struct event_origin same = {.service = "sshd", .rhost = "2001:db8::1"};
    ok(logs_in("bob", &device, &six, NOW + 630) && spared(begin("bob", &same, NOW + 631)),
       "an address is the same however it is written");
}

/* Whoever sits at a terminal belongs to the place, and no name looks like another place. */
static void test_sitting(void)
{
    static const struct {
        const char *tty, *ruser;
    } others[] = {{"pts/1", "carla"}, {"pts/1", ""},      {"pts/1", NULL},    {"pts/1:cara", ""},
                  {"pts/1", "cara:"}, {"pts/1:", "cara"}, {"pts/", "1:cara"}, {"", "pts/1:cara"}};
    struct auth_request request = {
        .user = "bea", .origin = {.service = "su", .tty = "pts/1"}, .ruser = "cara"};
    struct device device = fixture_enroll(store, &conf, "bea", "phone");
    bool asked = true;

    request.code = fixture_code(&device, NOW / 30);
    ok(said(auth_check(store, &rules, &request, NOW, &reply, &err), VERDICT_ACCEPTED, ADMIT_YES) &&
           spared(auth_begin(store, &rules, &request, NOW + 1, &reply, &err)),
       "who has shown a code at a terminal is spared the next one there");
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        request.origin.tty = others[i].tty;
        request.ruser = others[i].ruser;
        asked = asks(auth_begin(store, &rules, &request, NOW + 1, &reply, &err)) && asked;
    }
    ok(asked, "nobody else is");
    request.origin = (struct event_origin){.service = "su", .tty = "a"};
    request.ruser = "b:c";
    request.code = fixture_code(&device, NOW / 30 + 1);
    ok(said(auth_check(store, &rules, &request, NOW, &reply, &err), VERDICT_ACCEPTED, ADMIT_YES) &&
           spared(auth_begin(store, &rules, &request, NOW + 1, &reply, &err)),
       "a name may be strange");
    request.origin.tty = "a:b";
    request.ruser = "c";
    ok(asks(auth_begin(store, &rules, &request, NOW + 1, &reply, &err)),
       "another one that reads the same is another");
    request.origin = ssh;
    request.ruser = "cara";
    request.code = fixture_code(&device, NOW / 30 + 2);
    ok(said(auth_check(store, &rules, &request, NOW + 30, &reply, &err), VERDICT_ACCEPTED,
            ADMIT_YES) &&
           spared(begin("bea", &ssh, NOW + 31)),
       "from another host, it does not matter who asks");
}

static void test_time(void)
{
    static const struct {
        int64_t after;
        bool spared;
    } cases[] = {{0, true},      {1, true},          {GRACE - 1, true},
                 {GRACE, false}, {GRACE + 1, false}, {30 * GRACE, false},
                 {-1, false},    {-GRACE, false},    {-NOW, false}};
    struct device device = fixture_enroll(store, &conf, "carol", "phone");

    ok(logs_in("carol", &device, &ssh, NOW), "a success");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int r = begin("carol", &ssh, NOW + cases[i].after);
        ok(cases[i].spared ? spared(r) : asks(r), "%lld seconds after", (long long)cases[i].after);
    }
    ok(logs_in("carol", &device, &ssh, NOW + 60) &&
           spared(begin("carol", &ssh, NOW + GRACE + 59)) && asks(begin("carol", &ssh, NOW + 59)),
       "the last success counts");
    ok(spared(begin("carol", &ssh, NOW + GRACE + 59)) &&
           asks(begin("carol", &ssh, NOW + GRACE + 60)),
       "and a login that was spared makes it no longer");
    rules.grace = 0;
    const int before = tickets();
    ok(asks(begin("carol", &ssh, NOW + 61)), "with the option off, everybody is asked");
    ok(logs_in("carol", &device, &console, NOW + 90) && tickets() == before,
       "and nothing is left behind");
    rules.grace = GRACE;
    ok(asks(begin("carol", &console, NOW + 91)), "for when it is on again");
}

/* --- what it does not come from, or does not outlive ------------------------------------------ */

static void test_none(void)
{
    struct device device = fixture_enroll(store, &conf, "dave", "phone");
    struct auth_request request = {.user = "dave", .origin = ssh, .action = "verify"};
    const int before = tickets();

    ok(said(check("dave", &ssh, "000000", NOW), VERDICT_WRONG, ADMIT_NO) &&
           said(check("dave", &ssh, "", NOW), VERDICT_MALFORMED, ADMIT_NO) && tickets() == before,
       "a wrong code leaves no ticket");
    request.code = fixture_code(&device, NOW / 30);
    ok(said(auth_check(store, &rules, &request, NOW, &reply, &err), VERDICT_ACCEPTED, ADMIT_YES) &&
           tickets() == before && asks(begin("dave", &ssh, NOW)),
       "nor does a code that was proved for something else than a login");
    ok(said(check("dave", &ssh, request.code, NOW), VERDICT_REPLAYED, ADMIT_NO) &&
           tickets() == before,
       "nor a replayed one");
    request = (struct auth_request){.user = "zoe", .origin = ssh, .code = "123456"};
    struct rules open = rules;
    open.unenrolled = UNENROLLED_PERMIT;
    ok(said(auth_check(store, &open, &request, NOW, &reply, &err), VERDICT_UNENROLLED, ADMIT_YES) &&
           tickets() == before,
       "nor a pass for want of a device");
    ok(logs_in("dave", &device, &ssh, NOW + 30) && tickets() == before + 1 &&
           admin_lock(store, "dave", true, &ssh, NOW + 31, &err) == 0 &&
           asks(begin("dave", &ssh, NOW + 31)) &&
           admin_lock(store, "dave", false, &ssh, NOW + 32, &err) == 0 &&
           asks(begin("dave", &ssh, NOW + 32)),
       "a ticket does not outlive a closed account");
    ok(logs_in("dave", &device, &ssh, NOW + 60) && spared(begin("dave", &ssh, NOW + 61)) &&
           admin_set(store, "dave", &(struct admin_fields){.clear_grace = true}, "clear-grace",
                     &ssh, NOW + 61, &err) == 0 &&
           asks(begin("dave", &ssh, NOW + 61)),
       "nor being cleared");
}

static void test_locked(void)
{
    struct device device = fixture_enroll(store, &conf, "erin", "phone");
    const int before = tickets();

    ok(logs_in("erin", &device, &ssh, NOW) && tickets() == before + 1, "a success");
    for (unsigned i = 1; i < rules.max_failures; i++)
        (void)check("erin", &console, "000000", NOW);
    ok(look("erin").failures == rules.max_failures - 1 && tickets() == before + 1 &&
           spared(begin("erin", &ssh, NOW + 1)),
       "wrong codes that do not lock are no matter");
    ok(said(check("erin", &console, "000000", NOW), VERDICT_WRONG, ADMIT_NO) &&
           look("erin").locked_until == NOW + rules.lock_time && tickets() == before,
       "the one that locks ends grace");
    ok(asks(begin("erin", &ssh, NOW)) &&
           said(check("erin", &ssh, fixture_code(&device, NOW / 30 + 1), NOW), VERDICT_LOCKED,
                ADMIT_NO),
       "which a lock beats");
    ok(rules.lock_time < GRACE && asks(begin("erin", &ssh, NOW + rules.lock_time)) &&
           asks(begin("erin", &ssh, NOW + rules.lock_time + 1)),
       "and does not come back with its end");
    ok(logs_in("erin", &device, &ssh, NOW + rules.lock_time) &&
           spared(begin("erin", &ssh, NOW + rules.lock_time + 1)),
       "but with a code");
}

/* Guesses at something else than a login, or of passwords, are guesses. */
static void test_locked_elsewhere(void)
{
    struct device device = fixture_enroll(store, &conf, "edna", "phone");
    const struct auth_request proof = {
        .user = "edna", .origin = ssh, .code = "000000", .action = "proof"};
    const struct auth_request audit = {
        .user = "edna", .origin = ssh, .code = "000000", .audit = true};
    const int before = tickets();
    int r = 0;

    ok(logs_in("edna", &device, &ssh, NOW), "a success");
    for (unsigned i = 0; i < 2 * rules.max_failures && r == 0; i++)
        r = auth_check(store, &rules, &audit, NOW, &reply, &err);
    ok(r == 0 && tickets() == before + 1 && spared(begin("edna", &ssh, NOW + 1)),
       "under audit nothing locks, and nothing ends");
    for (unsigned i = 0; i < rules.max_failures && r == 0; i++)
        r = auth_check(store, &rules, &proof, NOW, &reply, &err);
    ok(r == 0 && tickets() == before && asks(begin("edna", &ssh, NOW + rules.lock_time)),
       "wrong proofs that lock end grace too");
}

/* --- where the answer is typed in any case ---------------------------------------------------- */

static int answer(const char *user, enum auth_shape shape, bool with_password, int64_t now,
                  const char *head, const char *tail)
{
    char text[128];
    const struct auth_request request = {.user = user,
                                         .origin = ssh,
                                         .shape = shape,
                                         .password = text,
                                         .check_password = with_password};

    snprintf(text, sizeof(text), "%s%s", head, tail);
    return auth_check(store, &rules, &request, now, &reply, &err);
}

static void test_shapes(void)
{
    static const enum auth_shape shapes[] = {AUTH_COMBINED, AUTH_TAIL};
    struct device device = fixture_enroll(store, &conf, "frank", "phone");
    int64_t now = NOW;

    ok(logs_in("frank", &device, &ssh, now), "a success");
    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
        const enum auth_shape shape = shapes[i];
        const char *name = shape == AUTH_TAIL ? "auto" : "combined";
        const struct auth_request first = {.user = "frank", .origin = ssh, .shape = shape};
        now += 60;
        ok(asks(auth_begin(store, &rules, &first, now, &reply, &err)),
           "%s: the answer is asked for in any case", name);
        ok(spared(answer("frank", shape, false, now, "secret", "")) && reply.password_length == 6,
           "%s: within grace a password is answer enough", name);
        ok(spared(answer("frank", shape, false, now, "secret", "000000")) &&
               reply.password_length == 12 && look("frank").failures == i,
           "%s: what only looks like a code is part of it, and counts as no failure", name);
        const char *code = fixture_code(&device, now / 30);
        ok(said(answer("frank", shape, false, now, "secret", code), VERDICT_ACCEPTED, ADMIT_YES) &&
               reply.password_length == 6,
           "%s: what is one is taken for it", name);
        ok(look("frank").devices[0].last_step == now / 30, "%s: and used up", name);
        ok(spared(answer("frank", shape, false, now, "secret", code)) &&
               reply.password_length == 12,
           "%s: so that it is none any more", name);
        ok(spared(answer("frank", shape, false, now + GRACE - 1, "secret", "")),
           "%s: grace is counted from it", name);
        int r = answer("frank", shape, false, now + GRACE, "secret", "");
        ok(shape == AUTH_TAIL ? asks(r) : said(r, VERDICT_MALFORMED, ADMIT_NO),
           "%s: after it, there must be a code", name);
    }
    const struct auth_request elsewhere = {
        .user = "frank", .origin = console, .shape = AUTH_COMBINED, .password = "secret"};
    ok(said(auth_check(store, &rules, &elsewhere, now, &reply, &err), VERDICT_MALFORMED, ADMIT_NO),
       "elsewhere too");
}

static void test_password(void)
{
    const struct admin_fields fields = {.password = "secret"};
    struct device device = fixture_enroll(store, &conf, "grace", "phone");
    struct event last = {0};

    ok(admin_set(store, "grace", &fields, "passwd", &ssh, NOW, &err) == 0 &&
           logs_in("grace", &device, &ssh, NOW),
       "a password, and a success");
    const struct auth_request first = {.user = "grace", .origin = ssh, .check_password = true};
    ok(asks(auth_begin(store, &rules, &first, NOW, &reply, &err)),
       "who is spared the code is not spared the password");
    ok(spared(answer("grace", AUTH_COMBINED, true, NOW, "secret", "")) &&
           look("grace").failures == 0,
       "the right one passes");
    ok(said(answer("grace", AUTH_COMBINED, true, NOW, "guess", ""), VERDICT_WRONG, ADMIT_NO) &&
           look("grace").failures == 1 && fixture_events(store, &last) > 0 &&
           strcmp(last.verdict, "wrong") == 0 && strcmp(last.method, "password") == 0,
       "a wrong one is refused, counted and recorded");
    ok(said(answer("grace", AUTH_TAIL, true, NOW, "", ""), VERDICT_WRONG, ADMIT_NO) &&
           look("grace").failures == 2,
       "an empty one too");
    ok(said(answer("grace", AUTH_COMBINED, true, NOW, "\b\n\r\177INCORRECT", ""), VERDICT_WRONG,
            ADMIT_NO) &&
           look("grace").failures == 2,
       "what sshd says of a user it has refused is no guess");
    ok(said(answer("grace", AUTH_COMBINED, true, NOW, "secret", "000000"), VERDICT_WRONG,
            ADMIT_NO) &&
           look("grace").failures == 3,
       "with what is no code at its end it is another password");
    const char *code = fixture_code(&device, NOW / 30 + 1);
    ok(said(answer("grace", AUTH_COMBINED, true, NOW, "guess", code), VERDICT_WRONG, ADMIT_NO) &&
           look("grace").failures == 4 && look("grace").devices[0].last_step == NOW / 30,
       "a wrong one before a code does not use it up");
    ok(said(answer("grace", AUTH_COMBINED, true, NOW, "secret", code), VERDICT_ACCEPTED,
            ADMIT_YES) &&
           reply.password_length == 6 && look("grace").failures == 0,
       "the right one does");
    for (unsigned i = 0; i < rules.max_failures; i++)
        (void)answer("grace", AUTH_COMBINED, true, NOW, "guess", "");
    ok(said(answer("grace", AUTH_COMBINED, true, NOW, "secret", ""), VERDICT_LOCKED, ADMIT_NO),
       "guessing locks");
}

/* --- what fails ------------------------------------------------------------------------------- */

/* A row that refers to no account is found out when the transaction ends. */
#define LATE                                                                                \
    "ALTER TABLE event RENAME TO event_away;"                                               \
    "CREATE TABLE event (id INTEGER PRIMARY KEY, time, action, user, service, rhost, tty, " \
    "verdict,"                                                                              \
    " method, device, actor, nobody INTEGER DEFAULT -1 REFERENCES account"                  \
    " DEFERRABLE INITIALLY DEFERRED)"

static bool denied(int r)
{
    return r != 0 && reply.result.admit == ADMIT_NO && reply.result.verdict == VERDICT_WRONG &&
           !reply.ask && !reply.enroll && !reply.tokens_due;
}

static void test_faults(void)
{
    static const struct {
        const char *name, *broken, *mended;
    } cases[] = {
        {"ticket", "ALTER TABLE ticket RENAME TO away", "ALTER TABLE away RENAME TO ticket"},
        {"event", "ALTER TABLE event RENAME TO away", "ALTER TABLE away RENAME TO event"},
        {"commit", LATE, "DROP TABLE event; ALTER TABLE event_away RENAME TO event"},
    };
    struct device device = fixture_enroll(store, &conf, "heidi", "phone");
    int64_t now = NOW;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++, now += 2 * GRACE) {
        const char *name = cases[i].name, *code = fixture_code(&device, now / 30);
        const int before = tickets();
        ok(run_sql(cases[i].broken) && denied(check("heidi", &ssh, code, now)),
           "without the %s, a right code is refused", name);
        ok(run_sql(cases[i].mended) && tickets() == before && asks(begin("heidi", &ssh, now)),
           "and spares no other");
        ok(said(check("heidi", &ssh, code, now), VERDICT_ACCEPTED, ADMIT_YES), "nor is it used up");
        ok(run_sql(cases[i].broken) && denied(begin("heidi", &ssh, now + 1)),
           "without the %s, nobody is spared a code", name);
        ok(denied(answer("heidi", AUTH_COMBINED, false, now + 1, "secret", "")),
           "not in one answer either");
        ok(run_sql(cases[i].mended) && spared(begin("heidi", &ssh, now + 1)), "with it, they are");
    }
}

int main(void)
{
    store = fixture_open("grace", &conf, &ring);
    rules = conf.rules;
    rules.grace = GRACE;
    test_place();
    test_local();
    test_sitting();
    test_time();
    test_none();
    test_locked();
    test_locked_elsewhere();
    test_shapes();
    test_password();
    test_faults();
    store_close(&store);
    return tap_done();
}
