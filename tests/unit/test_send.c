/* SPDX-License-Identifier: BSD-2-Clause */
/* Codes that are sent and passwords that are recovered, with a store: what is kept, recorded and
 * posted, and that nothing is posted of what has not happened. */
#include "config.h"

#include "admin.h"
#include "confirm.h"
#include "device.h"
#include "enroll.h"
#include "fixture.h"
#include "mailcode.h"
#include "password.h"
#include "secret.h"
#include "send.h"
#include "tap.h"

#include <dlfcn.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define ADDRESS "alice@example.org"
#define MASKED "a***@e***.org"
#define OLD_HASH "$y$j9T$old$hash"
#define NEW_HASH "$y$j9T$new$hash"

static struct conf conf;
static struct seal_ring ring;
static struct store *store;
static struct account account;
static struct outbox outbox;
static struct reply reply;
static struct outcome result;
static struct err err;
static int64_t now = FIXTURE_NOW;

static const struct event_origin origin = {.service = "sshd", .rhost = "192.0.2.7", .tty = "ssh"};
static const struct event_origin root = {.service = "totpctl", .actor = "root"};

/* --- what fails ------------------------------------------------------------------------------- */

static const char *faulty; /* the command that fails the next time */
static bool no_random;

/* In the place of the library's, which does the work. */
int sqlite3_exec(sqlite3 *db, const char *sql, sqlite3_callback callback, void *context,
                 char **message)
{
    static int (*real)(sqlite3 *, const char *, sqlite3_callback, void *, char **);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "sqlite3_exec");
    if (faulty != NULL && strcmp(sql, faulty) == 0) {
        faulty = NULL;
        return SQLITE_IOERR;
    }
    return real(db, sql, callback, context, message);
}

ssize_t __real_getrandom(void *memory, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *memory, size_t size, unsigned flags);

ssize_t __wrap_getrandom(void *memory, size_t size, unsigned flags)
{
    if (no_random) {
        errno = ENOSYS;
        return -1;
    }
    return __real_getrandom(memory, size, flags);
}

/* --- shorthand -------------------------------------------------------------------------------- */

static void must(bool good, const char *what)
{
    char text[640] = "";

    if (good)
        return;
    err_format(&err, text, sizeof(text));
    printf("Bail out! %s (%s)\n", what, text);
    exit(1);
}

/* Runs SQL behind the store's back. */
static void meddle(const char *sql)
{
    sqlite3 *db = NULL;

    must(sqlite3_open(strchr(conf.store, ':') + 1, &db) == SQLITE_OK &&
             sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK,
         sql);
    sqlite3_close(db);
}

static void load(const char *user)
{
    must(store_begin(store, STORE_READ, &err) == 0 && store_load(store, user, &account, &err) == 0,
         "store_load");
    store_rollback(store);
}

static void add(const char *user)
{
    const struct admin_fields fields = {
        .email = ADDRESS, .full_name = "Alice", .password = "old", .hash = OLD_HASH};

    must(admin_add(store, user, &fields, &root, now, &err) == 0, "admin_add");
}

static void begin_email(const char *user)
{
    const struct enroll_request request = {
        .user = user, .type = DEVICE_EMAIL, .digits = ACCOUNT_MAIL_DIGITS};
    struct reply_device made CLEANUP(reply_device_clear) = {0};

    outbox_cut(&outbox, 0);
    must(enroll_start(store, &conf, "host", &request, now, &made, &err) == 0 && outbox.count == 1,
         "enroll_start");
}

static void enroll_email(const char *user)
{
    struct reply_tokens tokens CLEANUP(reply_tokens_clear) = {0};
    struct enroll_code first = {.user = user};

    begin_email(user);
    first.code = outbox.notices[0].text;
    must(enroll_confirm(store, &conf, &first, now, &result, &tokens, &err) == 0 &&
             result.verdict == VERDICT_ACCEPTED,
         "enroll_confirm");
    outbox_cut(&outbox, 0);
}

static bool request(const struct send_request *request)
{
    snprintf(reply.address, sizeof(reply.address), "stale");
    reply.wait = 77;
    return send_code(store, &conf, request, now, &reply, &err) == 0;
}

static bool send_to(const char *user, bool recovery, bool unasked)
{
    return request(&(struct send_request){
        .user = user, .origin = origin, .recovery = recovery, .unasked = unasked, .keep = unasked});
}

/* For somebody who has not proved to be that person: also beside other devices. */
static bool keep_for(const char *user, bool recovery)
{
    return request(
        &(struct send_request){.user = user, .origin = origin, .recovery = recovery, .keep = true});
}

/* A code is there, and the last notice has it. */
static bool is_sent(const char *user, enum mail_purpose purpose, const char *text)
{
    struct code code CLEANUP(code_clear) = {0};
    bool match = false;

    load(user);
    code_parse(text, &code);
    return strcmp(reply.address, MASKED) == 0 && code.form == CODE_DIGITS &&
           code.length == ACCOUNT_MAIL_DIGITS &&
           mailcode_match(&account, purpose, account.codes[purpose].device, &code, &ring, now,
                          &match) == 0 &&
           match;
}

static bool is_silent(size_t events)
{
    return reply.address[0] == '\0' && reply.wait == 0 && outbox.count == 0 &&
           fixture_events(store, NULL) == events;
}

static void start(const char *user)
{
    outbox_cut(&outbox, 0);
    add(user);
    enroll_email(user);
    now += conf.rules.email_interval;
}

static bool is_event(const struct event *event, const char *action, const char *verdict,
                     const char *method, const char *device)
{
    return strcmp(event->action, action) == 0 && strcmp(event->verdict, verdict) == 0 &&
           strcmp(event->method, method) == 0 && strcmp(event->device, device) == 0 &&
           strcmp(event->service, "sshd") == 0 && strcmp(event->rhost, "192.0.2.7") == 0 &&
           strcmp(event->tty, "ssh") == 0 && event->time == now;
}

/* --- a code ----------------------------------------------------------------------------------- */

static void test_send(void)
{
    struct event last = {0};

    start("alice");
    const size_t events = fixture_events(store, NULL);
    ok(send_to("alice", false, true) && outbox.count == 1, "a code is sent");
    const struct notice *notice = &outbox.notices[0];
    ok(notice->kind == NOTICE_CODE && strcmp(notice->to, ADDRESS) == 0 &&
           strcmp(notice->user, "alice") == 0 && strcmp(notice->full_name, "Alice") == 0 &&
           strcmp(notice->device, "email") == 0 &&
           notice->until == now + conf.rules.email_code_lifetime,
       "to the account's address");
    ok(notice->time == now && strcmp(notice->service, "sshd") == 0 &&
           strcmp(notice->rhost, "192.0.2.7") == 0 && notice->actor[0] == '\0',
       "with where it was asked for");
    ok(reply.wait == 0 && is_sent("alice", MAIL_LOGIN, notice->text),
       "the code in it is the one that is good");
    ok(account.codes[MAIL_LOGIN].device == account.devices[0].id &&
           account.codes[MAIL_RECOVERY].sent == 0,
       "of that device, and for nothing else");
    ok(fixture_events(store, &last) == events + 1 && is_event(&last, "mail", "", "code", "email"),
       "and that it was sent is recorded");
}

static void test_interval(void)
{
    char first[MAILCODE_SIZE];

    memcpy(first, outbox.notices[0].text, sizeof(first));
    outbox_cut(&outbox, 0);
    const size_t events = fixture_events(store, NULL);
    now += conf.rules.email_interval - 1;
    ok(send_to("alice", false, false) && is_sent("alice", MAIL_LOGIN, first) && outbox.count == 0 &&
           reply.wait == 1 && fixture_events(store, NULL) == events,
       "within the interval no other is sent, but where the last one is is told, and how long");
    meddle("UPDATE mail_code SET tries = 0");
    now -= 29;
    ok(send_to("alice", false, false) && reply.address[0] == '\0' && reply.wait == 30 &&
           outbox.count == 0 && fixture_events(store, NULL) == events,
       "where that is used up it is told how long it takes");
    now += 30;
    ok(send_to("alice", false, false) && outbox.count == 1 &&
           is_sent("alice", MAIL_LOGIN, outbox.notices[0].text),
       "then there is another");
    now += conf.rules.email_interval;
    memcpy(first, outbox.notices[0].text, sizeof(first));
    ok(send_to("alice", false, false) && outbox.count == 2 &&
           is_sent("alice", MAIL_LOGIN, outbox.notices[1].text) &&
           (strcmp(first, outbox.notices[1].text) == 0 || !is_sent("alice", MAIL_LOGIN, first)),
       "which takes the place of one that was still good");
    outbox_cut(&outbox, 0);
    conf.rules.email_interval = 2 * conf.rules.email_code_lifetime;
    now += conf.rules.email_code_lifetime;
    ok(send_to("alice", false, false) && reply.address[0] == '\0' &&
           reply.wait == conf.rules.email_code_lifetime,
       "one that has expired keeps waiting as long as the interval is");
    conf.rules.email_interval = 60;
    meddle("UPDATE mail_code SET sent = 4000000000, expires = 4000000600");
    ok(send_to("alice", false, false) && outbox.count == 1 &&
           is_sent("alice", MAIL_LOGIN, outbox.notices[0].text),
       "one from the future keeps nobody waiting");
}

static void test_unasked(void)
{
    outbox_cut(&outbox, 0);
    now += 60;
    (void)fixture_enroll(store, &conf, "alice", "phone");
    outbox_cut(&outbox, 0);
    const size_t events = fixture_events(store, NULL);
    ok(send_to("alice", false, true) && is_silent(events),
       "beside an app none is sent that nobody has asked for");
    ok(send_to("alice", false, false) && outbox.count == 1 &&
           is_sent("alice", MAIL_LOGIN, outbox.notices[0].text),
       "but one that somebody has is");
    now += conf.rules.email_code_lifetime;
    ok(device_enable(store, "alice", "phone", false, &root, now, &err) == 0,
       "the app is switched off");
    outbox_cut(&outbox, 0);
    ok(send_to("alice", false, true) && outbox.count == 1 &&
           is_sent("alice", MAIL_LOGIN, outbox.notices[0].text),
       "then it is sent unasked");
}

/* Whoever begins logins in somebody's name must not void the code that they are about to type. */
static void test_unasked_again(void)
{
    char first[MAILCODE_SIZE];
    const int64_t sent = now, half = conf.rules.email_code_lifetime / 2;

    memcpy(first, outbox.notices[0].text, sizeof(first));
    outbox_cut(&outbox, 0);
    const size_t events = fixture_events(store, NULL);
    for (int i = 0; i < 2; i++) {
        now = sent + (i == 0 ? conf.rules.email_interval : half);
        ok(send_to("alice", false, true) && is_sent("alice", MAIL_LOGIN, first) &&
               outbox.count == 0 && fixture_events(store, NULL) == events,
           "%d s after it was sent, a code that nobody asks for is not sent anew",
           (int)(now - sent));
    }
    now = sent + half + 1;
    ok(send_to("alice", false, true) && outbox.count == 1 &&
           is_sent("alice", MAIL_LOGIN, outbox.notices[0].text),
       "when less than half of its time is left it is");
    now += conf.rules.email_interval;
    ok(send_to("alice", false, false) && outbox.count == 2 &&
           is_sent("alice", MAIL_LOGIN, outbox.notices[1].text),
       "and one that is asked for at any time after the interval");
    meddle("UPDATE mail_code SET tries = 0");
    now += conf.rules.email_interval;
    ok(send_to("alice", false, true) && outbox.count == 3 &&
           is_sent("alice", MAIL_LOGIN, outbox.notices[2].text),
       "one that is used up keeps none back");
}

/* The same beside an app, and for a recovery. */
static void test_keep(void)
{
    char first[MAILCODE_SIZE];
    const int64_t half = conf.rules.email_code_lifetime / 2;

    now += conf.rules.email_code_lifetime;
    must(device_enable(store, "alice", "phone", true, &root, now, &err) == 0, "device_enable");
    for (int i = 0; i < 2; i++) {
        const enum mail_purpose purpose = i == 0 ? MAIL_LOGIN : MAIL_RECOVERY;
        outbox_cut(&outbox, 0);
        ok(keep_for("alice", i == 1) && outbox.count == 1 && reply.wait == 0 &&
               is_sent("alice", purpose, outbox.notices[0].text),
           "%s: a code is sent", i == 0 ? "beside an app" : "to recover");
        memcpy(first, outbox.notices[0].text, sizeof(first));
        const int64_t sent = now;
        for (int64_t at = conf.rules.email_interval; at <= half; at += half / 5) {
            now = sent + at;
            ok(keep_for("alice", i == 1) && is_sent("alice", purpose, first) && outbox.count == 1 &&
                   reply.wait == 0,
               "after %d s it is kept", (int)at);
        }
        now = sent + half + 1;
        ok(keep_for("alice", i == 1) && outbox.count == 2 &&
               is_sent("alice", purpose, outbox.notices[1].text),
           "when less than half of its time is left there is another");
        now += conf.rules.email_interval;
        ok(send_to("alice", i == 1, false) && outbox.count == 3, "and for who has asked at once");
    }
    outbox_cut(&outbox, 0);
    must(device_enable(store, "alice", "phone", false, &root, now, &err) == 0, "device_enable");
    outbox_cut(&outbox, 0);
}

/* The first code of a device that waits to take another's place. */
static void test_replacement(void)
{
    const struct enroll_request again = {
        .user = "rosa", .type = DEVICE_EMAIL, .digits = ACCOUNT_MAIL_DIGITS, .replace = true};
    struct reply_device made CLEANUP(reply_device_clear) = {0};
    struct reply_tokens tokens CLEANUP(reply_tokens_clear) = {0};
    struct enroll_code code = {.user = "rosa", .label = "email"};
    char first[MAILCODE_SIZE];

    start("rosa");
    must(enroll_start(store, &conf, "host", &again, now, &made, &err) == 0 && outbox.count == 1,
         "enroll_start");
    memcpy(first, outbox.notices[0].text, sizeof(first));
    const size_t events = fixture_events(store, NULL);
    for (int i = 0; i < 2; i++) {
        now += i == 0 ? conf.rules.email_interval : 1;
        ok((i == 0 ? send_to("rosa", false, true) : keep_for("rosa", false)) &&
               reply.address[0] == '\0' && outbox.count == 1 &&
               fixture_events(store, NULL) == events,
           "a login that begins leaves the first code of a device that waits alone, and does not "
           "claim that one was sent");
    }
    code.code = first;
    ok(enroll_confirm(store, &conf, &code, now, &result, &tokens, &err) == 0 &&
           result.verdict == VERDICT_ACCEPTED,
       "it is good");
    load("rosa");
    ok(account.device_count == 1 && account.devices[0].state == DEVICE_ACTIVE,
       "and its device takes the other's place");
    now += conf.rules.email_interval;
    outbox_cut(&outbox, 0);
    must(enroll_start(store, &conf, "host", &again, now, &made, &err) == 0, "enroll_start");
    now += conf.rules.email_interval;
    ok(send_to("rosa", false, false) && outbox.count == 2 &&
           is_sent("rosa", MAIL_LOGIN, outbox.notices[1].text),
       "who asks for a code for a login is sent one all the same");
    outbox_cut(&outbox, 0);
}

static void test_waiting(void)
{
    add("wendy");
    begin_email("wendy");
    outbox_cut(&outbox, 0);
    ok(send_to("wendy", false, true) && strcmp(reply.address, MASKED) == 0 && outbox.count == 0,
       "a first code that was posted is not posted again at once");
    now += 60;
    ok(send_to("wendy", false, false) && outbox.count == 1 &&
           is_sent("wendy", MAIL_LOGIN, outbox.notices[0].text) &&
           account.devices[0].state == DEVICE_PENDING,
       "later another is");
}

/* --- who gets none, and is told nothing ------------------------------------------------------- */

static void prepare(const char *user)
{
    now += 60;
    start(user);
}

static void expect_silence(const char *user, const char *what)
{
    outbox_cut(&outbox, 0);
    const size_t events = fixture_events(store, NULL);

    for (int i = 0; i < 4; i++) {
        ok(send_to(user, i >= 2, i % 2 == 1) && is_silent(events), "%s: nothing%s%s", what,
           i >= 2 ? ", to recover" : "", i % 2 == 1 ? ", unasked" : "");
    }
}

static void test_silent(void)
{
    expect_silence("nobody", "nobody of that name");
    expect_silence("a/b", "what can be no name");
    expect_silence("", "no name");
    prepare("closed");
    must(admin_lock(store, "closed", true, &root, now, &err) == 0, "admin_lock");
    expect_silence("closed", "a closed account");
    prepare("locked");
    meddle("UPDATE account SET locked_until = 4000000000 WHERE name = 'locked'");
    expect_silence("locked", "a locked one");
    prepare("off");
    must(admin_enable(store, "off", false, &root, now, &err) == 0, "admin_enable");
    expect_silence("off", "one that is switched off");
    add("bare");
    expect_silence("bare", "one without a device");
    prepare("idle");
    must(device_enable(store, "idle", NULL, false, &root, now, &err) == 0, "device_enable");
    expect_silence("idle", "one whose device is switched off");
    conf.rules.unenrolled = UNENROLLED_PERMIT;
    expect_silence("bare", "one that may pass without");
    conf.rules.unenrolled = UNENROLLED_DENY;
    prepare("audited");
    conf.audit_only = true;
    expect_silence("audited", "where logins are only looked at");
    conf.audit_only = false;
    conf.sendmail[0] = '\0';
    expect_silence("audited", "where no mail is sent");
    conf.sendmail[0] = '/';
}

/* Those who get none for a login may recover, and the other way about. */
static void test_silent_login(void)
{
    static const struct {
        const char *user, *sql;
        bool login, recovery;
    } cases[] = {
        {"other", "UPDATE account SET email = 'mallory@example.org' WHERE name = 'other'", false,
         true},
        {"without", "UPDATE account SET email = '' WHERE name = 'without'", false, false},
        {"plain", "UPDATE account SET password = '' WHERE name = 'plain'", true, false},
        {"usual", "SELECT 1", true, true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        prepare(cases[i].user);
        meddle(cases[i].sql);
        ok(send_to(cases[i].user, false, false) && (reply.address[0] != '\0') == cases[i].login &&
               outbox.count == cases[i].login,
           "%s: %s for a login", cases[i].user, cases[i].login ? "a code" : "none");
        outbox_cut(&outbox, 0);
        ok(send_to(cases[i].user, true, false) && (reply.address[0] != '\0') == cases[i].recovery &&
               outbox.count == cases[i].recovery,
           "%s: %s to recover", cases[i].user, cases[i].recovery ? "a code" : "none");
        outbox_cut(&outbox, 0);
    }
    conf.rules.email_devices = false;
    now += 60;
    ok(send_to("usual", false, false) && reply.address[0] == '\0' && outbox.count == 0,
       "where e-mail devices are switched off none is sent for a login");
    ok(send_to("usual", true, false) && outbox.count == 1, "but to recover it is");
    conf.rules.email_devices = true;
}

/* A code to recover with is sent to nobody who has no second one to recover with. */
static void test_silent_recovery(void)
{
    static const struct {
        const char *name, *sql; /* of a person with an e-mail device, an app and tokens */
        bool sent;
    } cases[] = {
        {"an app and tokens", "SELECT 1", true},
        {"an app alone", "DELETE FROM backup_token WHERE account = ME", true},
        {"an app and tokens that were mailed", "UPDATE account SET tokens_mailed = 1 WHERE id = ME",
         true},
        {"tokens", "DELETE FROM device WHERE type = 'totp' AND account = ME", true},
        {"tokens beside a device that waits",
         "UPDATE device SET state = 'pending' WHERE type = 'totp' AND account = ME", true},
        {"tokens that were mailed",
         "UPDATE account SET tokens_mailed = 1 WHERE id = ME;"
         "DELETE FROM device WHERE type = 'totp' AND account = ME",
         false},
        {"nothing but e-mail",
         "DELETE FROM backup_token WHERE account = ME;"
         "DELETE FROM device WHERE type = 'totp' AND account = ME",
         false},
        {"an app that is switched off",
         "DELETE FROM backup_token WHERE account = ME;"
         "UPDATE device SET state = 'disabled' WHERE type = 'totp' AND account = ME",
         false},
        {"an app that waits",
         "DELETE FROM backup_token WHERE account = ME;"
         "UPDATE device SET state = 'pending' WHERE type = 'totp' AND account = ME",
         false},
        {"an account that waits", "UPDATE device SET state = 'pending' WHERE account = ME", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char user[16], sql[512] = "", *out = sql;
        snprintf(user, sizeof(user), "second-%zu", i);
        prepare(user);
        (void)fixture_enroll(store, &conf, user, "phone");
        load(user);
        for (const char *in = cases[i].sql; *in != '\0';)
            if (strncmp(in, "ME", 2) == 0) {
                out += sprintf(out, "%lld", (long long)account.id);
                in += 2;
            } else {
                *out++ = *in++;
            }
        meddle(sql);
        outbox_cut(&outbox, 0);
        const size_t events = fixture_events(store, NULL);
        ok(send_to(user, true, false) && (reply.address[0] != '\0') == cases[i].sent &&
               outbox.count == cases[i].sent &&
               fixture_events(store, NULL) == events + cases[i].sent,
           "%s: %s to recover", cases[i].name, cases[i].sent ? "a code" : "none");
        outbox_cut(&outbox, 0);
    }
}

/* --- what has not happened is not posted ------------------------------------------------------ */

static void test_faults(void)
{
    const struct notice earlier = {.kind = NOTICE_PASSWORD, .text = "earlier"};

    prepare("faulty");
    load("faulty");
    const struct mail_code before = account.codes[MAIL_LOGIN];
    const size_t events = fixture_events(store, NULL);
    must(outbox_add(&outbox, &earlier) == 0, "outbox_add");
    for (int i = 0; i < 3; i++) {
        faulty = i == 0 ? "BEGIN IMMEDIATE" : i == 1 ? "COMMIT" : NULL;
        no_random = i == 2;
        const bool done = send_to("faulty", false, false);
        no_random = false;
        load("faulty");
        ok(!done && faulty == NULL && reply.address[0] == '\0' && reply.wait == 0 &&
               outbox.count == 1 && strcmp(outbox.notices[0].text, "earlier") == 0 &&
               memcmp(&before, &account.codes[MAIL_LOGIN], sizeof(before)) == 0 &&
               fixture_events(store, NULL) == events,
           "where %s fails no code is sent, kept or recorded; what was posted before stays",
           i == 0   ? "the beginning"
           : i == 1 ? "the commit"
                    : "the generator");
    }
    ok(send_to("faulty", false, false) && outbox.count == 2 &&
           is_sent("faulty", MAIL_LOGIN, outbox.notices[1].text),
       "after it one is");
    outbox_cut(&outbox, 0);
    store_set_outbox(store, NULL);
    now += 60;
    ok(send_to("faulty", false, false) && strcmp(reply.address, MASKED) == 0 && outbox.count == 0,
       "without an outbox nothing is posted");
    store_set_outbox(store, &outbox);
}

/* Each part for itself, and all of them with their group. */
static void test_groups(void)
{
    static const char *const commands[] = {"none",
                                           "BEGIN IMMEDIATE",
                                           "SAVEPOINT part",
                                           "RELEASE part",
                                           "ROLLBACK TO part; RELEASE part",
                                           "COMMIT"};

    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        const struct notice earlier = {.kind = NOTICE_PASSWORD, .user = "earlier"};
        char names[2][8];
        bool done[3] = {false};
        snprintf(names[0], sizeof(names[0]), "g%zu", i);
        snprintf(names[1], sizeof(names[1]), "h%zu", i);
        prepare(names[0]);
        prepare(names[1]);
        must(outbox_add(&outbox, &earlier) == 0, "outbox_add");
        faulty = commands[i];
        if (store_group_begin(store, &err) == 0) {
            struct store *open CLEANUP(store_group_end) = store;
            done[0] = send_to(names[0], false, false);
            /* A part that is undone after it has posted. */
            must(store_begin(open, STORE_WRITE, &err) == 0 || faulty == NULL, "store_begin");
            must(store_post(open, &earlier, &err) == 0, "store_post");
            store_rollback(open);
            done[1] = send_to(names[1], true, false);
            done[2] = store_group_commit(open, &err) == 0;
        }
        size_t wanted = 1;
        bool good = strcmp(outbox.notices[0].user, "earlier") == 0;
        for (size_t j = 0; j < 2; j++) {
            load(names[j]);
            const bool kept = account.codes[j == 0 ? MAIL_LOGIN : MAIL_RECOVERY].sent == now;
            good = good && kept == (done[j] && done[2]);
            if (kept)
                good = good && strcmp(outbox.notices[wanted++].user, names[j]) == 0;
        }
        ok(good && outbox.count == wanted && (i == 0) == (wanted == 3),
           "a group in which '%s' fails posts what was kept, and nothing else: %zu", commands[i],
           outbox.count - 1);
        faulty = NULL;
    }
}

/* --- a recovery ------------------------------------------------------------------------------- */

static const char *app_code(const struct device *phone, int later)
{
    return fixture_code(phone, now / 30 + later);
}

static int recover(const char *user, const char *mailed, const char *code, const char *password,
                   const char *hash)
{
    const struct recover_request request = {.user = user,
                                            .origin = origin,
                                            .mailed = mailed,
                                            .code = code,
                                            .password = password,
                                            .hash = hash};

    result = (struct outcome){.verdict = VERDICT_ACCEPTED, .admit = ADMIT_YES};
    return recover_password(store, &conf, &request, now, &result, &err);
}

static bool is_accepted(void)
{
    return result.verdict == VERDICT_ACCEPTED && result.admit == ADMIT_YES;
}

static bool is_denied(enum verdict verdict)
{
    return result.verdict == verdict && result.admit == ADMIT_NO;
}

static bool has_password(const char *user, const char *hash)
{
    load(user);
    return strcmp(account.password, hash) == 0;
}

/* A person with an app and a code to recover with; the time is the app's next step. */
static struct device forgetful(const char *user, char mailed[static MAILCODE_SIZE])
{
    add(user);
    struct device phone = fixture_enroll(store, &conf, user, "phone");
    now += 60;
    outbox_cut(&outbox, 0);
    must(send_to(user, true, false) && outbox.count == 1, "send_code");
    memcpy(mailed, outbox.notices[0].text, MAILCODE_SIZE);
    return phone;
}

static void put_ticket(const char *user)
{
    load(user);
    must(store_begin(store, STORE_WRITE, &err) == 0 &&
             store_ticket_put(store, &account, "sshd", "192.0.2.7", now, &err) == 0 &&
             store_commit(store, &err) == 0,
         "store_ticket_put");
}

static bool has_ticket(const char *user)
{
    int64_t time = 0;

    load(user);
    must(store_begin(store, STORE_READ, &err) == 0 &&
             store_ticket_find(store, &account, "sshd", "192.0.2.7", &time, &err) == 0,
         "store_ticket_find");
    store_rollback(store);
    return time != 0;
}

static void test_recovery_code(void)
{
    char mailed[MAILCODE_SIZE];
    struct event last = {0};

    (void)forgetful("rita", mailed);
    const struct notice *notice = &outbox.notices[0];
    ok(notice->kind == NOTICE_RECOVERY && notice->device[0] == '\0' &&
           strcmp(notice->to, ADDRESS) == 0 &&
           notice->until == now + conf.rules.email_code_lifetime &&
           is_sent("rita", MAIL_RECOVERY, notice->text) && account.codes[MAIL_LOGIN].sent == 0,
       "a code to recover with is sent, also to who has no e-mail device");
    (void)fixture_events(store, &last);
    ok(is_event(&last, "mail", "", "recovery", ""), "that is recorded");
}

static void test_recover(void)
{
    char mailed[MAILCODE_SIZE];
    struct event last = {0};
    const struct device phone = forgetful("rob", mailed);

    must(admin_set(store, "rob", &(struct admin_fields){.expire = true}, "expire", &root, now,
                   &err) == 0,
         "admin_set");
    put_ticket("rob");
    outbox_cut(&outbox, 0);
    ok(recover("rob", "00000000", app_code(&phone, 0), "new", NEW_HASH) == 0 &&
           is_denied(VERDICT_WRONG) && has_password("rob", OLD_HASH) && account.failures == 1 &&
           account.password_expired && outbox.count == 0 && has_ticket("rob"),
       "what was not sent recovers nothing, and counts");
    (void)fixture_events(store, &last);
    ok(is_event(&last, "recover", "wrong", "", "") && strcmp(last.user, "rob") == 0,
       "and is recorded");
    ok(recover("rob", mailed, "123456", "new", NEW_HASH) == 0 && is_denied(VERDICT_WRONG) &&
           has_password("rob", OLD_HASH) && account.failures == 2 &&
           account.codes[MAIL_RECOVERY].tries == ACCOUNT_MAIL_TRIES - 2,
       "nor does a wrong code of the app");
    ok(recover("rob", mailed, app_code(&phone, 0), "new", NEW_HASH) == 0 && is_accepted() &&
           has_password("rob", NEW_HASH) && !account.password_expired && account.failures == 0 &&
           account.codes[MAIL_RECOVERY].sent == 0 && !has_ticket("rob"),
       "both right ones set the password, and end what hung on the old one");
    (void)fixture_events(store, &last);
    ok(is_event(&last, "recover", "accepted", "totp", "phone"), "that is recorded");
    ok(outbox.count == 1 && outbox.notices[0].kind == NOTICE_PASSWORD &&
           strcmp(outbox.notices[0].to, ADDRESS) == 0 && outbox.notices[0].time == now &&
           strcmp(outbox.notices[0].service, "sshd") == 0 &&
           strcmp(outbox.notices[0].rhost, "192.0.2.7") == 0 && outbox.notices[0].text[0] == '\0',
       "and the person is told");
    ok(recover("rob", mailed, app_code(&phone, 1), "newer", OLD_HASH) == 0 &&
           is_denied(VERDICT_WRONG) && has_password("rob", NEW_HASH),
       "the code is used up");
}

/* Tokens that came to the mailbox that the code comes to: who has it has both. */
static void test_recover_mailed_tokens(void)
{
    struct reply_tokens tokens CLEANUP(reply_tokens_clear) = {0};
    const struct enroll_request app = {
        .user = "tom", .type = DEVICE_TOTP, .algorithm = OTP_SHA1, .digits = 6, .period = 30};
    struct reply_device made CLEANUP(reply_device_clear) = {0};
    struct enroll_code first = {.user = "tom", .mail_tokens = true};
    char mailed[MAILCODE_SIZE], token[CODE_TOKEN_SIZE];

    add("tom");
    must(enroll_start(store, &conf, "host", &app, now, &made, &err) == 0, "enroll_start");
    first.code = app_code(&made.device, 0);
    outbox_cut(&outbox, 0);
    must(enroll_confirm(store, &conf, &first, now, &result, &tokens, &err) == 0 &&
             result.verdict == VERDICT_ACCEPTED && outbox.notices[0].kind == NOTICE_TOKENS,
         "enroll_confirm");
    snprintf(token, sizeof(token), "%.*s", CODE_TOKEN_SIZE - 1, outbox.notices[0].text);
    outbox_cut(&outbox, 0);
    must(send_to("tom", true, false) && outbox.count == 1, "send_code");
    memcpy(mailed, outbox.notices[0].text, sizeof(mailed));
    ok(recover("tom", mailed, token, "new", NEW_HASH) == 0 && is_denied(VERDICT_WRONG) &&
           has_password("tom", OLD_HASH) && account.failures == 1 &&
           account.token_count == conf.backup_tokens && account.tokens_mailed,
       "a token that was mailed recovers nothing, and counts");
    must(device_renew_tokens(store, "tom", 2, &root, now, &tokens, &err) == 0, "new tokens");
    ok(recover("tom", mailed, token, "new", NEW_HASH) == 0 && is_denied(VERDICT_WRONG) &&
           has_password("tom", OLD_HASH),
       "nor does it when there are others");
    ok(recover("tom", mailed, tokens.text[0], "new", NEW_HASH) == 0 && is_accepted() &&
           result.method == METHOD_BACKUP && has_password("tom", NEW_HASH) &&
           account.token_count == 1,
       "which do");
}

/* What was sent for the account as it was. */
static void test_recover_void(void)
{
    enum { PASSWORD, LOCK, DISABLE, COUNT };
    static const char *const names[] = {"a new password", "a lock", "being switched off"};

    for (int i = 0; i < COUNT; i++) {
        const struct admin_fields fields = {.password = "next", .hash = "$y$next"};
        char user[16], mailed[MAILCODE_SIZE];
        int r = 0;
        snprintf(user, sizeof(user), "void-%d", i);
        const struct device phone = forgetful(user, mailed);
        for (int on = 1; r == 0 && on >= 0; on--)
            r = i == LOCK      ? admin_lock(store, user, on == 1, &root, now, &err)
                : i == DISABLE ? admin_enable(store, user, on == 0, &root, now, &err)
                               : admin_set(store, user, &fields, "passwd", &root, now, &err);
        load(user);
        char hash_now[ACCOUNT_HASH_SIZE];
        memcpy(hash_now, account.password, sizeof(hash_now));
        ok(r == 0 && recover(user, mailed, app_code(&phone, 0), "new", NEW_HASH) == 0 &&
               is_denied(VERDICT_WRONG) && has_password(user, hash_now),
           "after %s the code that was sent before recovers nothing", names[i]);
    }
}

static void test_recover_hash(void)
{
    char mailed[MAILCODE_SIZE], long_hash[ACCOUNT_HASH_SIZE + 1];
    const struct device phone = forgetful("hans", mailed);
    bool match = false;

    memset(long_hash, 'x', sizeof(long_hash) - 1);
    long_hash[sizeof(long_hash) - 1] = '\0';
    const size_t events = fixture_events(store, NULL);
    ok(recover("hans", mailed, app_code(&phone, 0), "new", long_hash) == ERR_TOO_LONG &&
           !is_accepted() && strcmp(err.where, "password") == 0 && has_password("hans", OLD_HASH),
       "a hash that does not fit is refused");
    ok(recover("hans", mailed, app_code(&phone, 0), "", NEW_HASH) == ERR_INVALID &&
           !is_accepted() &&
           recover("hans", mailed, app_code(&phone, 0), NULL, NEW_HASH) == ERR_INVALID &&
           !is_accepted() && has_password("hans", OLD_HASH),
       "so is no password at all");
    ok(recover("nobody", mailed, app_code(&phone, 0), "new", NEW_HASH) == ERR_NOT_FOUND &&
           !is_accepted(),
       "nobody has none");
    ok(fixture_events(store, NULL) == events && account.failures == 0 &&
           account.codes[MAIL_RECOVERY].tries == ACCOUNT_MAIL_TRIES,
       "nothing of it counts");
    ok(recover("hans", mailed, app_code(&phone, 0), "new", NULL) == 0 && is_accepted(),
       "without a hash");
    load("hans");
    ok(password_check("new", account.password, &match) == 0 && match, "one is made");
    meddle("UPDATE account SET password = '' WHERE name = 'hans'");
    ok(recover("hans", mailed, app_code(&phone, 1), "new", NEW_HASH) == ERR_CONFLICT &&
           !is_accepted() && strcmp(err.where, "hans") == 0 && has_password("hans", ""),
       "where the store has no password none is recovered: %s", err.what);
}

static void test_recover_locks(void)
{
    char mailed[MAILCODE_SIZE];
    const struct device phone = forgetful("lola", mailed);

    put_ticket("lola");
    outbox_cut(&outbox, 0);
    for (unsigned i = 0; i < conf.rules.max_failures; i++)
        must(recover("lola", "00000000", app_code(&phone, 0), "new", NEW_HASH) == 0, "recover");
    load("lola");
    ok(is_denied(VERDICT_WRONG) && account.locked_until > now && !has_ticket("lola") &&
           outbox.count == 1 && outbox.notices[0].kind == NOTICE_LOCKED &&
           outbox.notices[0].until == account.locked_until,
       "guesses lock, end grace, and are told of");
    ok(recover("lola", mailed, app_code(&phone, 0), "new", NEW_HASH) == 0 &&
           is_denied(VERDICT_LOCKED) && has_password("lola", OLD_HASH),
       "while locked the right ones recover nothing");
}

static void test_recover_fault(void)
{
    char mailed[MAILCODE_SIZE];
    const struct device phone = forgetful("fred", mailed);

    outbox_cut(&outbox, 0);
    const size_t events = fixture_events(store, NULL);
    faulty = "COMMIT";
    ok(recover("fred", mailed, app_code(&phone, 0), "new", NEW_HASH) != 0 && faulty == NULL &&
           !is_accepted() && has_password("fred", OLD_HASH) &&
           account.codes[MAIL_RECOVERY].tries == ACCOUNT_MAIL_TRIES && outbox.count == 0 &&
           fixture_events(store, NULL) == events,
       "what is not kept is not accepted, recorded or told of");
    ok(recover("fred", mailed, app_code(&phone, 0), "new", NEW_HASH) == 0 && is_accepted() &&
           has_password("fred", NEW_HASH) && outbox.count == 1,
       "and can be tried again");
}

int main(void)
{
    store = fixture_open("send", &conf, &ring);
    conf.rules.email_devices = true;
    conf.rules.email_code_lifetime = 600;
    conf.rules.email_interval = 60;
    store_set_outbox(store, &outbox);
    test_send();
    test_interval();
    test_unasked();
    test_unasked_again();
    test_keep();
    test_replacement();
    test_waiting();
    test_silent();
    test_silent_login();
    test_silent_recovery();
    test_faults();
    test_groups();
    test_recovery_code();
    test_recover();
    test_recover_mailed_tokens();
    test_recover_void();
    test_recover_hash();
    test_recover_locks();
    test_recover_fault();
    store_close(&store);
    outbox_clear(&outbox);
    account_clear(&account);
    seal_ring_clear(&ring);
    return tap_done();
}
