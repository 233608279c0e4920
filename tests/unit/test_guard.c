/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may ask what: every method, by everybody, with a code and without. */
#include "config.h"

#include "admin.h"
#include "device.h"
#include "enroll.h"
#include "fixture.h"
#include "guard.h"
#include "password.h"
#include "tap.h"

#include <crypt.h>
#include <dlfcn.h>
#include <errno.h>
#include <pwd.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP (FIXTURE_NOW / 30)
#define STRANGER 4000001 /* nobody has this number */
#define MIXED_UP 4000002 /* the user database answers with another's record */
#define LONG_NAME 4000003
#define NAMESAKE 4000004 /* has a name that leads to another number */

static struct conf conf;
static struct seal_ring ring;
static struct served served;
static char me[ACCOUNT_NAME_SIZE]; /* somebody this host knows */
static uid_t my_uid;
static struct device my_phone, her_phone;
static struct reply_device enrolled;
static struct reply_tokens tokens;
static struct account shown;
static struct reply reply;
static struct err err;
static unsigned visits;
static bool saw_root;

static const struct event_origin by_root = {.service = "totpctl", .actor = "root"};

/* --- the world -------------------------------------------------------------------------------- */

#define REAL(name)                 \
    static __typeof__(&name) real; \
    if (real == NULL)              \
    *(void **)&real = dlsym(RTLD_NEXT, #name)

static bool rootless; /* the user database does not know root */

struct passwd *getpwnam(const char *name)
{
    static char name_of_toor[] = "toor";
    static struct passwd toor = {.pw_name = name_of_toor, .pw_uid = 0};
    static char name_of_twin[] = "twin";
    static struct passwd twin = {.pw_name = name_of_twin};
    REAL(getpwnam);

    twin.pw_uid = my_uid;
    if (strcmp(name, "toor") == 0)
        return &toor;
    if (strcmp(name, "twin") == 0)
        return &twin;
    if (strcmp(name, "CASELESS") == 0)
        return real(me);
    if (strcmp(name, "root") == 0 && rootless)
        return NULL;
    if (strcmp(name, "unseen") == 0) {
        errno = EIO;
        return NULL;
    }
    return real(name);
}

struct passwd *getpwuid(uid_t uid)
{
    static char long_name[ACCOUNT_NAME_SIZE + 1], other_name[] = "root";
    static struct passwd other = {.pw_name = other_name, .pw_uid = 1},
                         lengthy = {.pw_name = long_name, .pw_uid = LONG_NAME},
                         namesake = {.pw_name = me, .pw_uid = NAMESAKE};
    REAL(getpwuid);

    memset(long_name, 'x', sizeof(long_name) - 1);
    return uid == STRANGER    ? NULL
           : uid == MIXED_UP  ? &other
           : uid == LONG_NAME ? &lengthy
           : uid == NAMESAKE  ? &namesake
                              : real(uid);
}

static sqlite3 *writer;                /* whose transaction began last */
static void (*meanwhile)(void);        /* before the next transaction */
static unsigned commands, faulty;      /* how many there were, and which one fails; 0: none */
static const char *commands_of = "";   /* of those only that begin so */
static char failed[64];                /* that command */
static unsigned hashes, hashes_within; /* uses of crypt(3), and those that kept others waiting */

int sqlite3_exec(sqlite3 *db, const char *sql, sqlite3_callback callback, void *context,
                 char **message)
{
    REAL(sqlite3_exec);

    if (strcmp(sql, "BEGIN IMMEDIATE") == 0) {
        void (*now)(void) = meanwhile;
        meanwhile = NULL;
        if (now != NULL)
            now();
        writer = db;
    }
    if (strncmp(sql, commands_of, strlen(commands_of)) == 0 && ++commands == faulty) {
        snprintf(failed, sizeof(failed), "%s", sql);
        return SQLITE_IOERR;
    }
    return real(db, sql, callback, context, message);
}

char *crypt_ra(const char *phrase, const char *setting, void **data, int *size)
{
    REAL(crypt_ra);

    hashes++;
    hashes_within += writer != NULL && sqlite3_get_autocommit(writer) == 0;
    return real(phrase, setting, data, size);
}

/* --- records ---------------------------------------------------------------------------------- */

static bool load(const char *user, struct account *account)
{
    *account = (struct account){0};
    return admin_show(served.store, user, account, &err) == 0;
}

/* Whether the code of this step can be used no more. */
static bool is_used(struct account *account)
{
    const struct device *phone = account_device(account, "phone", DEVICE_ACTIVE);

    return phone != NULL && phone->last_step >= STEP;
}

static void must(bool good, const char *what)
{
    if (good)
        return;
    printf("Bail out! %s: %s\n", what, err.what);
    exit(1);
}

static struct device add_pending(const char *user)
{
    const struct enroll_request request = {
        .user = user, .origin = by_root, .label = "new", .digits = 6, .period = 30};
    struct reply_device made = {0};

    must(enroll_start(served.store, &conf, "host", &request, FIXTURE_NOW, &made, &err) == 0,
         "enroll_start");
    return made.device;
}

enum kind { NOBODY, PENDING, USER, ADMIN };

/* A user or more has a device "phone", whose code of this step is unused, and "new", pending. */
static struct device make(const char *user, enum kind kind, struct device *waiting)
{
    const enum account_role role = ROLE_ADMIN;
    const struct admin_fields fields = {.role = &role};
    struct device phone = {0};

    if (admin_remove(served.store, user, &by_root, FIXTURE_NOW, &err) != 0)
        must(err.code == ERR_NOT_FOUND, "admin_remove");
    if (kind >= USER)
        phone = fixture_enroll(served.store, &conf, user, "phone");
    if (kind != NOBODY)
        *waiting = add_pending(user);
    if (kind == ADMIN)
        must(admin_set(served.store, user, &fields, "set", &by_root, FIXTURE_NOW, &err) == 0,
             "admin_set");
    return phone;
}

static struct device my_new, her_new;

static void reset(enum kind kind)
{
    my_phone = make(me, kind, &my_new);
    her_phone = make("alice", USER, &her_new);
}

static const char *my_code(void)
{
    return fixture_code(&my_phone, STEP);
}

/* --- asking ----------------------------------------------------------------------------------- */

static int see_account(void *context, const struct account *account)
{
    (void)context;
    saw_root = saw_root || strcmp(account->name, "root") == 0 || strcmp(account->name, "toor") == 0;
    visits++;
    return 0;
}

static int see_event(void *context, const struct event *event)
{
    (void)context;
    saw_root = saw_root || strcmp(event->user, "root") == 0 || strcmp(event->user, "toor") == 0;
    visits++;
    return 0;
}

static int ask_as(uid_t uid, struct call call)
{
    visits = 0;
    saw_root = false;
    err = (struct err){0};
    reply = (struct reply){.account = &shown,
                           .enrolled = &enrolled,
                           .tokens = &tokens,
                           .each_account = see_account,
                           .each_event = see_event};
    int r = guard_perform(&served, &conf, "host.example", uid, &call, FIXTURE_NOW, &reply, &err);
    if (r != 0 && err.code != r)
        ok(false, "%s: another error than is told", call_method_name(call.method));
    if (r != 0 && (reply.outcome.admit != ADMIT_NO || reply.outcome.verdict == VERDICT_ACCEPTED))
        ok(false, "%s: an error that admits", call_method_name(call.method));
    return r;
}

static int ask(struct call call)
{
    return ask_as(my_uid, call);
}

static bool refused(int r, enum verdict verdict)
{
    return r == ERR_REFUSED && reply.outcome.verdict == verdict;
}

/* A call that can be done, on that record. */
static struct call call_on(enum call_method method, const char *user, const struct device *waiting)
{
    struct call call = {.method = method, .user = user};

    if (method == CALL_QR || method == CALL_CONFIRM || method == CALL_REMOVE)
        call.device = "new";
    if (method == CALL_ENROLL)
        call.device = "third";
    if (method == CALL_CONFIRM)
        call.code = fixture_code(waiting, STEP);
    if (method == CALL_CHECK)
        call.code = "000000";
    if (method == CALL_SET)
        call.email = "x@example.org";
    if (method == CALL_PASSWD)
        call.new_password = "";
    if (method == CALL_RECOVER) {
        call.code = "00000000";
        call.new_password = "new";
    }
    if (method == CALL_RESYNC) {
        const struct device *phone = strcmp(user, me) == 0 ? &my_phone : &her_phone;
        const bool has = phone->secret.length > 0;
        call.device = "phone";
        call.code = has ? fixture_code(phone, STEP + 9) : "111111";
        call.next_code = has ? fixture_code(phone, STEP + 10) : "222222";
    }
    return call;
}

/* --- everybody, everything -------------------------------------------------------------------- */

/* D: it is done, C: a code is asked for, -: it is not permitted, N: there is nothing that it could
 * be done to. Columns, as in askers. */
static const struct {
    enum call_method method;
    const char *results;
    const char *action; /* the event; NULL: none */
} rows[] = {
    {CALL_BEGIN, "DDD DD ----", NULL},
    {CALL_CHECK, "DDD DD ----", "login"},
    {CALL_ACCOUNT, "DDD DD ----", NULL},
    {CALL_SHOW, "DDD DD -CD-", "show"},
    {CALL_LIST, "--- CD -CD-", "list"},
    {CALL_LOG, "--- CD -CD-", "log"},
    {CALL_ADD, "--- -- ----", NULL},
    {CALL_SET, "DCD CD ----", "set-email"},
    {CALL_PASSWD, "CCD CD ----", "passwd"},
    {CALL_ENROLL, "DCD CD -CD-", "enroll"},
    {CALL_QR, "CCD CD ----", "qr"},
    {CALL_CONFIRM, "DDD DD -CD-", "confirm"},
    {CALL_REMOVE, "DCD CD ----", "remove"},
    {CALL_BACKUP, "CCD CD -CD-", "backup-new"},
    {CALL_REVOKE, "CCD CD -CD-", "backup-revoke"},
    {CALL_ENABLE, "--- -- ----", NULL},
    {CALL_DISABLE, "--- CD -CD-", "disable"},
    {CALL_LOCK, "--- CD -CD-", "lock"},
    {CALL_UNLOCK, "--- CD -CD-", "unlock"},
    {CALL_RESYNC, "--- CD -CD-", "resync"},
    {CALL_SEND, "DDD DD ----", NULL},
    {CALL_RECOVER, "NNN NN ----", NULL},
};

static const struct {
    const char *name;
    enum kind kind;
    const char *whose; /* NULL: one's own */
    bool proof;
} askers[] = {
    {"one's own, device pending", PENDING, NULL, false},
    {"one's own, no code", USER, NULL, false},
    {"one's own, with a code", USER, NULL, true},
    {NULL, NOBODY, NULL, false},
    {"an admin's own, no code", ADMIN, NULL, false},
    {"an admin's own, with a code", ADMIN, NULL, true},
    {NULL, NOBODY, NULL, false},
    {"another's, with a code", USER, "alice", true},
    {"another's, as admin, no code", ADMIN, "alice", false},
    {"another's, as admin, with a code", ADMIN, "alice", true},
    {"root's, as admin, with a code", ADMIN, "root", true},
};

static int result_of(char letter)
{
    return letter == 'D'   ? 0
           : letter == 'C' ? ERR_PROOF
           : letter == 'N' ? ERR_CONFLICT
                           : ERR_PERMISSION;
}

/* What is not done has left no trace; what is done is recorded with who asked. */
static bool traced(const struct account before[3], size_t events, bool proved, const char *action,
                   const char *user)
{
    struct account after[3];
    struct event last = {0};
    const size_t more = fixture_events(served.store, &last) - events;

    (void)load(me, &after[0]);
    (void)load("alice", &after[1]);
    (void)load("root", &after[2]);
    if (action == NULL && !proved)
        return more == 0 && memcmp(before, after, sizeof(after)) == 0;
    return more == (size_t)(action != NULL) + proved && strcmp(last.actor, me) == 0 &&
           strcmp(last.action, action != NULL ? action : "proof") == 0 &&
           strcmp(last.user, action != NULL ? user : me) == 0 && is_used(&after[0]) == proved &&
           memcmp(&before[2], &after[2], sizeof(after[2])) == 0 &&
           (strcmp(user, me) != 0 || memcmp(&before[1], &after[1], sizeof(after[1])) == 0);
}

static void check_cell(size_t row, size_t column)
{
    const bool of_all = rows[row].method == CALL_LIST || rows[row].method == CALL_LOG;
    const char *user = askers[column].whose != NULL ? askers[column].whose : me;
    /* A code is used up where it was needed. */
    const bool needed = column > 0 && rows[row].results[column - 1] == 'C';
    const bool done = rows[row].results[column] == 'D';
    const bool proved = done && askers[column].proof && needed;
    /* A look at one's own record is no event, an admin's look is one. */
    const bool recorded = done && (proved || (rows[row].method != CALL_SHOW && !of_all));
    struct account before[3];

    reset(askers[column].kind);
    struct call call = call_on(rows[row].method, user, user == me ? &my_new : &her_new);
    if (of_all && column < 10)
        call.user = NULL;
    call.proof = askers[column].proof ? my_code() : NULL;
    (void)load(me, &before[0]);
    (void)load("alice", &before[1]);
    (void)load("root", &before[2]);
    size_t events = fixture_events(served.store, NULL);
    int r = ask(call);
    ok(r == result_of(rows[row].results[column]) && (visits > 0) == (of_all && done) &&
           traced(before, events, proved, recorded ? rows[row].action : NULL,
                  call.user != NULL ? user : ""),
       "%s, %s: %s", call_method_name(rows[row].method), askers[column].name,
       r == 0 ? "done" : err.what);
}

static void test_rules(void)
{
    struct device unused;

    (void)make("root", USER, &unused);
    for (size_t row = 0; row < ARRAY_SIZE(rows); row++)
        for (size_t column = 0; column < ARRAY_SIZE(askers); column++)
            if (askers[column].name != NULL)
                check_cell(row, column);
    ok(ARRAY_SIZE(rows) == CALL_INFO, "no method is left out");
}

/* A password that was forgotten: by two codes of one's own, neither of which is asked for before.
 */
static void test_recover(void)
{
    const struct admin_fields fields = {
        .email = "me@example.org", .password = "old", .hash = "$y$old"};
    struct call call = {.method = CALL_RECOVER, .user = me, .new_password = "new"};
    const struct call send = {.method = CALL_SEND, .user = me, .recovery = true};
    struct outbox outbox CLEANUP(outbox_clear) = {0};
    struct account account;
    bool match = false;

    reset(USER);
    must(admin_set(served.store, me, &fields, "set", &by_root, FIXTURE_NOW, &err) == 0 &&
             admin_set(served.store, "alice", &fields, "set", &by_root, FIXTURE_NOW, &err) == 0,
         "admin_set");
    store_set_outbox(served.store, &outbox);
    struct call hers = send;
    hers.user = "alice";
    ok(ask(hers) == ERR_PERMISSION && outbox.count == 0, "nobody has a code sent to another");
    ok(ask(send) == 0 && outbox.count == 1 && strcmp(reply.address, "m***@e***.org") == 0,
       "a code to recover with is sent to who asks for their own");
    call.code = outbox.notices[0].text;
    call.user = "alice";
    call.proof = fixture_code(&her_phone, STEP);
    ok(ask(call) == ERR_PERMISSION && load("alice", &account) && account.failures == 0 &&
           strcmp(account.password, "$y$old") == 0,
       "nobody recovers another's password");
    call.user = me;
    ok(ask(call) == 0 && reply.outcome.verdict == VERDICT_WRONG &&
           reply.outcome.admit == ADMIT_NO && load(me, &account) && account.failures == 1 &&
           !is_used(&account),
       "another's code is none of one's own");
    call.proof = my_code();
    call.code = "00000000";
    ok(ask(call) == 0 && reply.outcome.verdict == VERDICT_WRONG && load(me, &account) &&
           account.failures == 2 && !is_used(&account),
       "without the one that was sent one's own is not used up");
    call.code = outbox.notices[0].text;
    ok(ask(call) == 0 && reply.outcome.verdict == VERDICT_ACCEPTED && load(me, &account) &&
           is_used(&account) && password_check("new", account.password, &match) == 0 && match,
       "both set the password");
    ok(ask(call) == 0 && reply.outcome.verdict == VERDICT_WRONG, "once");
    store_set_outbox(served.store, NULL);
}

static void test_who(void)
{
    static const uid_t nobodies[] = {0, 65534, (uid_t)-1, STRANGER, MIXED_UP, LONG_NAME, NAMESAKE};
    static const char *const roots[] = {"root", "toor", "unseen"};

    reset(ADMIN);
    for (size_t i = 0; i < ARRAY_SIZE(nobodies); i++)
        ok(ask_as(nobodies[i], (struct call){.method = CALL_SHOW}) == ERR_PERMISSION &&
               ask_as(nobodies[i], (struct call){.method = CALL_SHOW, .user = me}) ==
                   ERR_PERMISSION,
           "number %u: %s", (unsigned)nobodies[i], err.what);
    for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
        ok(ask((struct call){.method = CALL_LOCK, .user = roots[i], .proof = my_code()}) ==
                   ERR_PERMISSION &&
               strstr(err.what, "root's") != NULL,
           "%s is root's: %s", roots[i], err.what);
    rootless = true;
    ok(ask((struct call){.method = CALL_LOCK, .user = "root", .proof = my_code()}) ==
           ERR_PERMISSION,
       "root's record is root's where nobody knows root");
    rootless = false;
    ok(ask((struct call){.method = CALL_SHOW}) == 0 && strcmp(shown.name, me) == 0,
       "who names nobody means their own record");
    char almost[ACCOUNT_NAME_SIZE + 1];
    snprintf(almost, sizeof(almost), "%s ", me);
    reset(USER);
    ok(ask((struct call){.method = CALL_SHOW, .user = almost}) == ERR_PERMISSION &&
           ask((struct call){.method = CALL_SHOW, .user = ""}) == ERR_PERMISSION,
       "a name that is almost one's own is another's");
    ok(ask((struct call){.method = CALL_SHOW, .user = "CASELESS"}) == ERR_PERMISSION,
       "so is one that the user database takes for it");
    ok(ask_as(0, (struct call){.method = CALL_SHOW, .user = "toor"}) == ERR_PERMISSION,
       "root's other name is no other user");
    reset(NOBODY);
    ok(ask((struct call){.method = CALL_SHOW}) == ERR_NOT_FOUND,
       "somebody without a record has none");
    ok(ask((struct call){.method = CALL_SHOW, .user = "alice"}) == ERR_PERMISSION,
       "and not another's");
    ok(ask((struct call){.method = CALL_ENROLL}) == 0 &&
           strcmp(enrolled.device.label, "phone") == 0,
       "they begin with a device");
}

/* Two names of one number are each their own, and none is the other's admin. */
static void test_twins(void)
{
    struct device waiting, phone = make("twin", USER, &waiting);
    struct event last = {0};

    reset(ADMIN);
    ok(ask((struct call){.method = CALL_SHOW, .user = "twin"}) == 0 &&
           strcmp(shown.name, "twin") == 0,
       "one's other name is one's own");
    ok(ask((struct call){.method = CALL_BACKUP, .user = "twin", .proof = my_code()}) == ERR_REFUSED,
       "with that one's code only: %s", err.what);
    ok(ask((struct call){
           .method = CALL_BACKUP, .user = "twin", .proof = fixture_code(&phone, STEP)}) == 0 &&
           fixture_events(served.store, &last) > 0 && strcmp(last.actor, "twin") == 0,
       "under that name");
    ok(ask((struct call){.method = CALL_LOCK, .user = "twin", .proof = fixture_code(&phone, 1)}) ==
           ERR_PERMISSION,
       "and no admin: %s", err.what);
}

/* The role must not fall to whoever enrols first in an admin's name. */
static void test_new_admin(void)
{
    static const enum call_method methods[] = {CALL_ENROLL, CALL_QR, CALL_SET, CALL_REMOVE};
    const enum account_role role = ROLE_ADMIN;
    const struct admin_fields fields = {.role = &role};

    reset(PENDING);
    must(admin_set(served.store, me, &fields, "set", &by_root, FIXTURE_NOW, &err) == 0, "admin");
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        struct call call = call_on(methods[i], me, &my_new);
        ok(ask(call) == ERR_PROOF, "an admin without a device: %s", call_method_name(methods[i]));
        call.proof = fixture_code(&my_new, STEP);
        ok(refused(ask(call), VERDICT_UNENROLLED), "nor with a code: %s", err.what);
    }
}

static void demote(void)
{
    const enum account_role role = ROLE_USER;
    const struct admin_fields fields = {.role = &role};
    struct store *other CLEANUP(store_close) = NULL;

    must(store_open(conf.store, &ring, false, NULL, &other, &err) == 0 &&
             admin_set(other, me, &fields, "set", &by_root, FIXTURE_NOW, &err) == 0,
         "demote");
}

/* What was looked up before the transaction may be over when it begins. */
static void test_demoted(void)
{
    struct account account;

    reset(ADMIN);
    meanwhile = demote;
    ok(ask((struct call){.method = CALL_LOCK, .user = "alice", .proof = my_code()}) ==
               ERR_PERMISSION &&
           load("alice", &account) && !account.closed && load(me, &account) && !is_used(&account),
       "who is no admin any more is none: %s", err.what);
}

/* An admin does not see what is root's. */
static void test_lists(void)
{
    struct device unused;
    const size_t before = fixture_events(served.store, NULL);

    reset(ADMIN);
    (void)make("root", USER, &unused);
    (void)make("toor", USER, &unused);
    ok(ask((struct call){.method = CALL_LIST, .proof = my_code()}) == 0 && visits > 1 && !saw_root,
       "%u accounts, none of root's", visits);
    ok(ask((struct call){.method = CALL_LOG, .proof = fixture_code(&my_phone, STEP + 1)}) == 0 &&
           visits > 1 && !saw_root && fixture_events(served.store, NULL) > before,
       "%u events, none of root's", visits);
}

/* What one may do of one's own record is less than the method can. */
static void test_own(void)
{
    static const struct {
        const char *name;
        struct call call;
    } cases[] = {
        {"a role", {.method = CALL_SET, .role = "admin"}},
        {"a full name", {.method = CALL_SET, .full_name = "x"}},
        {"an address and a role", {.method = CALL_SET, .email = "x@y.org", .role = "admin"}},
        {"no account", {.method = CALL_REMOVE}},
    };
    struct account before, after;

    for (unsigned kind = USER; kind <= ADMIN; kind++) {
        reset(kind);
        (void)load(me, &before);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
            struct call call = cases[i].call;
            call.proof = my_code();
            call.user = me;
            ok(ask(call) == ERR_PERMISSION && load(me, &after) &&
                   memcmp(&before, &after, sizeof(after)) == 0,
               "%s: %s", cases[i].name, err.what);
        }
    }
}

/* What a caller says of themselves is not kept. */
static void test_words(void)
{
    struct event last = {0};

    reset(USER);
    ok(ask((struct call){.method = CALL_SET,
                         .email = "x@example.org",
                         .service = "sshd",
                         .rhost = "192.0.2.1",
                         .tty = "pts/7",
                         .actor = "root",
                         .proof = my_code()}) == 0 &&
           fixture_events(served.store, &last) > 0 && strcmp(last.service, "totpctl") == 0 &&
           last.rhost[0] == '\0' && strcmp(last.tty, "pts/7") == 0 && strcmp(last.actor, me) == 0,
       "no service, no host, no other name");
    struct call login = {
        .method = CALL_CHECK, .code = "000000", .service = "i3lock", .rhost = "192.0.2.1"};
    for (unsigned i = 0; i < conf.rules.max_failures; i++)
        if (ask(login) != 0)
            ok(false, "wrong code %u", i);
    ok(fixture_events(served.store, &last) > 0 && strcmp(last.service, "i3lock") == 0 &&
           last.rhost[0] == '\0' && strcmp(last.action, "login") == 0 &&
           reply.outcome.locked_until == FIXTURE_NOW + conf.rules.lock_time,
       "a login names its service; wrong codes lock");
    login.code = fixture_code(&my_phone, STEP + 1);
    login.own_lock = reply.outcome.locked_until;
    ok(ask(login) == 0 && reply.outcome.verdict == VERDICT_LOCKED &&
           reply.outcome.admit == ADMIT_NO,
       "and nobody says a lock is their own");
}

/* --- proofs ----------------------------------------------------------------------------------- */

static struct call disable_her(const char *proof)
{
    return (struct call){.method = CALL_DISABLE, .user = "alice", .proof = proof};
}

static bool is_disabled(const char *user)
{
    struct account account;

    return load(user, &account) && !account.enabled;
}

static void test_proofs(void)
{
    struct account account;
    struct event last = {0};

    reset(ADMIN);
    ok(refused(ask(disable_her("000000")), VERDICT_WRONG) && load(me, &account) &&
           account.failures == 1 && !is_disabled("alice"),
       "a wrong proof does nothing but count: %s", err.what);
    ok(fixture_events(served.store, &last) > 0 && strcmp(last.action, "proof") == 0 &&
           strcmp(last.verdict, "wrong") == 0 && strcmp(last.user, me) == 0 &&
           strcmp(last.actor, me) == 0,
       "and is on record");
    ok(refused(ask(disable_her("x")), VERDICT_MALFORMED) && load(me, &account) &&
           account.failures == 2,
       "so does a malformed one: %s", err.what);
    ok(refused(ask(disable_her("")), VERDICT_MALFORMED) && load(me, &account) &&
           account.failures == 2,
       "an empty one does not count");
    ok(refused(ask(disable_her(fixture_code(&her_phone, STEP))), VERDICT_WRONG),
       "another's code is a wrong one");
    ok(ask(disable_her(my_code())) == 0 && is_disabled("alice") && load(me, &account) &&
           account.failures == 0 && reply.outcome.verdict == VERDICT_WRONG &&
           reply.outcome.admit == ADMIT_NO,
       "the right one does it, and says no more");
    ok(refused(ask((struct call){.method = CALL_LOCK, .user = "alice", .proof = my_code()}),
               VERDICT_REPLAYED) &&
           load("alice", &account) && !account.closed,
       "once: %s", err.what);
    ok(device_renew_tokens(served.store, me, 2, &by_root, FIXTURE_NOW, &tokens, &err) == 0,
       "backup tokens");
    const struct reply_tokens mine = tokens;
    struct call lock = {.method = CALL_LOCK, .user = "alice", .proof = mine.text[0]};
    ok(ask(lock) == 0 && load("alice", &account) && account.closed && load(me, &account) &&
           account.token_count == 1,
       "one of them is a proof");
    lock.method = CALL_UNLOCK;
    ok(refused(ask(lock), VERDICT_WRONG) && load("alice", &account) && account.closed, "once");
}

/* Who cannot prove anything, whatever the code. */
static void test_no_proof(void)
{
    static const struct {
        const char *name;
        enum kind kind;
        enum call_method method;
        enum verdict verdict;
        bool disabled, closed, device_off;
    } cases[] = {
        {"closed", ADMIN, CALL_LOCK, VERDICT_LOCKED, .closed = true},
        {"closed, themselves", ADMIN, CALL_UNLOCK, VERDICT_LOCKED, .closed = true},
        {"switched off", ADMIN, CALL_LOCK, VERDICT_DISABLED, .disabled = true},
        {"switched off, their own", USER, CALL_ENROLL, VERDICT_DISABLED, .disabled = true},
        {"without an active device", USER, CALL_ENROLL, VERDICT_UNENROLLED, .device_off = true},
        {"without an active device, tokens", USER, CALL_BACKUP, VERDICT_UNENROLLED,
         .device_off = true},
        {"never enrolled", PENDING, CALL_PASSWD, VERDICT_UNENROLLED, .disabled = false},
        {"unknown", NOBODY, CALL_PASSWD, VERDICT_UNENROLLED, .disabled = false},
    };
    static const enum rules_unenrolled settings[] = {UNENROLLED_DENY, UNENROLLED_PERMIT};
    struct account before, after;

    for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
        const size_t row = i / 2;
        const bool admin = cases[row].method == CALL_LOCK;
        reset(cases[row].kind);
        if (cases[row].disabled)
            must(admin_enable(served.store, me, false, &by_root, FIXTURE_NOW, &err) == 0, "off");
        if (cases[row].closed)
            must(admin_lock(served.store, me, true, &by_root, FIXTURE_NOW, &err) == 0, "closed");
        if (cases[row].device_off)
            must(device_enable(served.store, me, "phone", false, &by_root, FIXTURE_NOW, &err) == 0,
                 "device");
        struct call call = call_on(cases[row].method, admin ? "alice" : me, &my_new);
        call.proof = cases[row].kind >= USER ? my_code() : "123456";
        (void)load(me, &before);
        /* Nor do the rules that let the unenrolled pass a login. */
        conf.rules.unenrolled = settings[i % 2];
        int r = ask(call);
        conf.rules.unenrolled = UNENROLLED_DENY;
        (void)load(me, &after);
        ok(refused(r, cases[row].verdict) && memcmp(&before, &after, sizeof(after)) == 0, "%s: %s",
           cases[row].name, err.what);
    }
}

static void test_locks(void)
{
    reset(ADMIN);
    for (unsigned i = 0; i < conf.rules.max_failures; i++)
        (void)ask(disable_her("000000"));
    ok(reply.outcome.locked_until == FIXTURE_NOW + conf.rules.lock_time,
       "wrong proofs lock, and say until when");
    ok(refused(ask(disable_her(my_code())), VERDICT_LOCKED) && !is_disabled("alice") &&
           reply.outcome.locked_until == FIXTURE_NOW + conf.rules.lock_time,
       "the right one comes too late: %s", err.what);
    struct call confirm = call_on(CALL_CONFIRM, me, &my_new);
    ok(ask(confirm) == 0 && reply.outcome.verdict == VERDICT_LOCKED,
       "nor is a device confirmed then");
    reset(PENDING);
    confirm = call_on(CALL_CONFIRM, me, &my_new);
    confirm.code = "000000";
    for (unsigned i = 0; i < conf.rules.max_failures; i++)
        if (ask(confirm) != 0 || reply.outcome.verdict != VERDICT_WRONG)
            ok(false, "first code %u", i);
    confirm.code = fixture_code(&my_new, STEP);
    ok(ask(confirm) == 0 && reply.outcome.verdict == VERDICT_LOCKED && tokens.count == 0,
       "wrong first codes lock as well");
    struct account account;
    reset(ADMIN);
    confirm = call_on(CALL_CONFIRM, "alice", &her_new);
    confirm.code = "000000";
    confirm.proof = my_code();
    ok(ask(confirm) == 0 && reply.outcome.verdict == VERDICT_WRONG && load("alice", &account) &&
           account.failures == 1 && load(me, &account) && account.failures == 0,
       "an admin's guess at another's counts there");
}

static void test_failed_acts(void)
{
    struct account account;

    reset(USER);
    struct call call = {.method = CALL_ENROLL, .device = "phone", .proof = my_code()};
    ok(ask(call) == ERR_EXISTS && load(me, &account) && is_used(&account),
       "an act that fails has used the proof: %s", err.what);
    call.replace = true;
    ok(refused(ask(call), VERDICT_REPLAYED), "which is gone");
    reset(ADMIN);
    call = disable_her(my_code());
    call.user = "no-such-person";
    ok(ask(call) == ERR_NOT_FOUND && refused(ask(disable_her(my_code())), VERDICT_REPLAYED),
       "the same for another's");
}

static void test_passwords(void)
{
    struct call call = {.method = CALL_PASSWD, .new_password = "new secret"};
    struct account account;
    bool match = false;

    reset(USER);
    hashes = hashes_within = 0;
    ok(ask(call) == ERR_PROOF && hashes == 0, "no code, no crypt(3)");
    call.user = "alice";
    call.proof = my_code();
    ok(ask(call) == ERR_PERMISSION && hashes == 0, "nor for another's password");
    call.user = NULL;
    call.proof = "000000";
    ok(refused(ask(call), VERDICT_WRONG) && load(me, &account) && account.password[0] == '\0',
       "a wrong proof sets none");
    hashes = 0;
    call.proof = my_code();
    ok(ask(call) == 0 && hashes == 1 && load(me, &account) &&
           password_check("new secret", account.password, &match) == 0 && match,
       "the right one does, for one crypt(3)");
    ok(hashes_within == 0, "which nobody waited for");
    char long_password[600];
    memset(long_password, 'p', sizeof(long_password) - 1);
    long_password[sizeof(long_password) - 1] = '\0';
    call.new_password = long_password;
    call.proof = fixture_code(&my_phone, STEP + 1);
    ok(ask(call) == ERR_TOO_LONG && load(me, &account) && is_used(&account),
       "one that is too long is refused before the proof");
    call.new_password = "";
    ok(ask(call) == 0 && load(me, &account) && account.password[0] == '\0',
       "and an empty one clears");
}

/* --- faults ----------------------------------------------------------------------------------- */

static void test_commits(void)
{
    static const enum call_method methods[] = {CALL_DISABLE, CALL_BACKUP, CALL_CONFIRM, CALL_LIST,
                                               CALL_LOG};
    struct account before[3];

    for (size_t i = 0; i < 2 * ARRAY_SIZE(methods); i++) {
        const bool wrong = i % 2 == 1; /* also a refusal that is not counted is no refusal */
        reset(ADMIN);
        struct call call = call_on(methods[i / 2], "alice", &her_new);
        if (i / 2 > 2)
            call.user = NULL;
        call.proof = wrong ? "000000" : my_code();
        (void)load(me, &before[0]);
        (void)load("alice", &before[1]);
        (void)load("root", &before[2]);
        size_t events = fixture_events(served.store, NULL);
        commands_of = "COMMIT";
        commands = 0;
        faulty = 1;
        int r = ask(call);
        faulty = 0;
        ok(commands == 1 && r != 0 && r != ERR_REFUSED && visits == 0 &&
               traced(before, events, false, NULL, ""),
           "%s, the %s code, and no commit: %s", call_method_name(call.method),
           wrong ? "wrong" : "right", err_sentence(r));
        call.proof = my_code();
        ok(ask(call) == 0, "the code is as good as before");
    }
    commands_of = "";
}

/* Each command of the transaction in its turn. */
static void test_commands(void)
{
    struct account before[3];
    int r = -1;
    bool all = false;

    for (unsigned n = 1; !all && n < 100; n++) {
        reset(ADMIN);
        (void)load(me, &before[0]);
        (void)load("alice", &before[1]);
        (void)load("root", &before[2]);
        size_t events = fixture_events(served.store, NULL);
        commands = 0;
        faulty = n;
        r = ask(disable_her(my_code()));
        faulty = 0;
        all = commands < n;
        if (all)
            break;
        struct account account;
        bool proved = load(me, &account) && is_used(&account);
        /* What a look leaves open is over when the next transaction begins. */
        bool mended = strcmp(failed, "ROLLBACK") == 0 && r == 0;
        ok((r != 0 && r != ERR_REFUSED && r != ERR_PERMISSION && !is_disabled("alice") &&
            traced(before, events, proved, NULL, "alice") && sqlite3_get_autocommit(writer) != 0) ||
               (mended && is_disabled("alice")),
           "command %u, %s, fails: %s%s", n, failed, mended ? "it is done" : "nothing is done",
           proved ? ", and the code is used" : "");
    }
    ok(all && r == 0 && is_disabled("alice"), "without a fault it is done");
}

int main(void)
{
    const struct passwd *entry;

    while (my_uid == 0 && (entry = getpwent()) != NULL)
        if (entry->pw_uid != 0 && entry->pw_uid != 65534 && account_name_valid(entry->pw_name)) {
            snprintf(me, sizeof(me), "%s", entry->pw_name);
            my_uid = entry->pw_uid;
        }
    endpwent();
    if (my_uid == 0) {
        tap_skip("this host knows nobody but root");
        return tap_done();
    }
    served.store = fixture_open("guard", &conf, &ring);
    test_rules();
    test_recover();
    test_who();
    test_twins();
    test_new_admin();
    test_demoted();
    test_lists();
    test_own();
    test_words();
    test_proofs();
    test_no_proof();
    test_locks();
    test_failed_acts();
    test_passwords();
    test_commits();
    test_commands();
    store_close(&served.store);
    return tap_done();
}
