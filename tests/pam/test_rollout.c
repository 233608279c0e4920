/* SPDX-License-Identifier: BSD-2-Clause */
/* Bringing codes to a host bit by bit: looking on alone, and a day by which everybody must have a
 * device. */
#include "config.h"

#include "login.h"
#include "redirect.h"
#include "service.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

/* Somebody every host knows. */
#define USER "daemon"

#define DAY (24 * 60 * 60)

/* crypt(3) of "password", cheap. */
#define PASSWORD_HASH                      \
    "$6$rounds=1000$totptest$ZP/5PpFJhbH/" \
    "GxLXjzCYcmqgv2dovdfkaBYpabV8Z1MgEisM.MGu7x5VrnZP5nZWP/F.XfBtFkQKglc4GZPQn1"

static struct login login; /* too large to have one in every test */
static struct account account;

/* --- looking on ------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t sum, const void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        sum = (sum ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
    return (sum ^ length) * UINT64_C(0x100000001b3);
}

/* A sum of everything in the store but the events, which it counts. */
static uint64_t store_sum(unsigned *events)
{
    static const char *const tables[] = {"account", "device", "backup_token", "ticket"};
    char path[520], statement[64];
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    sqlite3 *db = NULL;
    sqlite3_stmt *rows = NULL;

    host_path("store/totp.db", path, sizeof(path));
    host_need(sqlite3_open(path, &db) == SQLITE_OK, path);
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        snprintf(statement, sizeof(statement), "SELECT * FROM %s", tables[i]);
        host_need(sqlite3_prepare_v2(db, statement, -1, &rows, NULL) == SQLITE_OK, statement);
        while (sqlite3_step(rows) == SQLITE_ROW)
            for (int n = 0; n < sqlite3_column_count(rows); n++) {
                const void *bytes = sqlite3_column_blob(rows, n);
                sum = mix(sum, bytes, (size_t)sqlite3_column_bytes(rows, n));
            }
        sqlite3_finalize(rows);
    }
    host_need(sqlite3_prepare_v2(db, "SELECT count(*) FROM event WHERE action = 'audit'", -1, &rows,
                                 NULL) == SQLITE_OK &&
                  sqlite3_step(rows) == SQLITE_ROW,
              "events");
    *events = (unsigned)sqlite3_column_int(rows, 0);
    sqlite3_finalize(rows);
    sqlite3_close(db);
    return sum;
}

static void people(void)
{
    struct account other = {0};
    char token[CODE_TOKEN_SIZE];

    person_init(&account, USER, SECRET_GA);
    memcpy(account.password, PASSWORD_HASH, sizeof(PASSWORD_HASH));
    person_add_token(&account, token);
    person_save(&account, 1);
    account_init(&other, "bin");
    memcpy(other.password, PASSWORD_HASH, sizeof(PASSWORD_HASH));
    person_save(&other, 1);
    person_init(&other, "games", SECRET_GA);
    other.closed = true;
    person_save(&other, 1);
    person_init(&other, "sys", SECRET_GA);
    other.devices[0].state = DEVICE_PENDING;
    person_save(&other, 1);
}

static const struct audit_case {
    const char *options, *preset, *user, *answer, *verdict, *forwarded;
    unsigned events;
} audit_cases[] = {
    {"", NULL, USER, CODE_GA, "accepted", "<none>", 1},
    {"", NULL, USER, CODE_WRONG, "wrong", "<none>", 1},
    {"grace=1h", NULL, USER, CODE_GA, "accepted", "<none>", 1},
    {"exempt_users=" USER, NULL, USER, "", "exempt", "<none>", 1},
    {"", NULL, "games", CODE_GA, "locked", "<none>", 1},
    {"", NULL, "sys", CODE_GA, "accepted", "<none>", 1},
    {"", NULL, "nobody-of-that-name", CODE_GA, "unenrolled", "<none>", 1},
    {"unenrolled=permit", NULL, "bin", CODE_GA, "unenrolled", "<none>", 1},
    {"unenrolled=ignore", NULL, "bin", CODE_GA, "unenrolled", "<none>", 1},
    {"unenrolled=enroll", NULL, "bin", CODE_GA, "unenrolled", "<none>", 1},
    {"unenrolled=enroll mode=combined", NULL, "bin", "password", "unenrolled", "<password>", 1},
    {"unenrolled=enroll mode=combined", "password123456", "bin", NULL, "unenrolled",
     "<password123456>", 1},
    {"unenrolled=enroll mode=auto", "password", "bin", CODE_GA, "unenrolled", "<password>", 1},
    {"unenrolled=enroll mode=combined password=store", NULL, "bin", "password", "unenrolled",
     "<none>", 1},
    {"unenrolled=enroll mode=auto password=store", NULL, "bin", "password", "unenrolled", "<none>",
     1},
    {"mode=combined", NULL, USER, "password" CODE_GA, "accepted", "<password>", 1},
    {"mode=combined", NULL, USER, "password" CODE_WRONG, "wrong", "<password" CODE_WRONG ">", 1},
    {"mode=combined", NULL, USER, "password", "malformed", "<password>", 1},
    {"mode=auto", "password" CODE_WRONG, USER, CODE_WRONG, "wrong", "<password" CODE_WRONG ">", 2},
    {"mode=combined password=store", NULL, USER, "passwort" CODE_GA, "wrong", "<none>", 1},
    {"max_failures=1", NULL, USER, CODE_WRONG, "wrong", "<none>", 1},
};

static void test_audit_case(const struct audit_case *row)
{
    char options[256], line[64];
    unsigned before = 0, after = 0;

    snprintf(options, sizeof(options), "audit_only %s", row->options);
    people();
    host_service("test", options, row->preset);
    login = (struct login){.user = row->user, .rhost = "192.0.2.1", .answers = {row->answer}};
    const uint64_t sum = store_sum(&before);
    login_run(&login);
    snprintf(line, sizeof(line), "audit %s user=%s", row->verdict, row->user);
    ok(login.result == RESULT_IGNORED && *login_log(line) != '\0' && !login.leaked,
       "%s, %s, %s: no say, and logged as an audit", options, row->user, row->verdict);
    ok(strstr(login.forwarded, row->forwarded) != NULL, "hands on %s", login.forwarded);
    ok(store_sum(&after) == sum && after == before + row->events,
       "the store is as it was but for %u events", after - before);
    ok(login.infos == 0 && login.errors == 0 && login.delay == 0, "and the person is told nothing");
}

static void test_audit_errors(void)
{
    static const struct {
        const char *name, *options;
        enum conversation conversation;
    } rows[] = {{"no store", "store=sqlite:/nonexistent/totp.db", ANSWER},
                {"no key", "key_file=/nonexistent/key", ANSWER},
                {"no answer", "", ANSWER_ERROR}};
    char options[256];

    redirect_forbid(false);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        snprintf(options, sizeof(options), "socket= audit_only %s", rows[i].options);
        people();
        host_service("test", options, NULL);
        login = (struct login){
            .user = USER, .answers = {CODE_GA}, .conversation = rows[i].conversation};
        login_run(&login);
        ok(login.result == RESULT_IGNORED, "audit_only, %s: %d", rows[i].name, login.result);
        login_account(&login);
        ok(login.result == RESULT_IGNORED, "audit_only, %s, account management: %d", rows[i].name,
           login.result);
    }
    redirect_forbid(service_is_way());
    host_service("test", "audit_only window=x", NULL);
    login_run(&login);
    ok(login.result == PAM_AUTHINFO_UNAVAIL, "what it says is not known where it cannot be read");
}

static void test_audit_account(void)
{
    people();
    host_service("test", "audit_only", NULL);
    login = (struct login){.user = "games"};
    login_account(&login);
    ok(login.result == RESULT_IGNORED && login.messages == 0,
       "a closed account is not refused in account management: %d", login.result);
}

/* --- the day ---------------------------------------------------------------------------------- */

static void test_enroll_by(void)
{
    static const struct {
        int64_t now; /* from the end of the day on */
        const char *text;
    } rows[] = {{-30 * DAY, "After 1970-03-10 this login takes a one-time code: 30 days are left."},
                {-2 * DAY, "After 1970-03-10 this login takes a one-time code: 2 days are left."},
                {-DAY - 1, "After 1970-03-10 this login takes a one-time code: 2 days are left."},
                {-DAY, "After 1970-03-10 this login takes a one-time code: 1 day is left."},
                {-1, "After 1970-03-10 this login takes a one-time code: 1 day is left."}};
    static const struct {
        const char *option;
        int after;
    } rules[] = {{"deny", PAM_AUTH_ERR},
                 {"ignore", RESULT_IGNORED},
                 {"permit", PAM_SUCCESS},
                 {"enroll", PAM_CONV_ERR}};
    const int64_t end = INT64_C(69) * DAY; /* 1970-03-11 */
    char options[128];

    people();
    for (size_t r = 0; r < ARRAY_SIZE(rules); r++) {
        snprintf(options, sizeof(options), "enroll_qr=none enroll_by=1970-03-10 unenrolled=%s",
                 rules[r].option);
        host_service("test", options, NULL);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
            clock_set(end + rows[i].now);
            login = (struct login){.user = "bin"};
            login_run(&login);
            ok(login.result == PAM_SUCCESS && login.prompts == 0 && login.infos == 1 &&
                   strncmp(login.message, rows[i].text, strlen(rows[i].text)) == 0 &&
                   *login_log("login unenrolled user=bin service=test method=permit") != '\0',
               "%s: %s", rules[r].option, login.message);
        }
        clock_set(end);
        login = (struct login){.user = "bin", .break_off = r == 3 ? 2 : 0};
        login_run(&login);
        ok(login.result == rules[r].after && strstr(login.said, "After") == NULL,
           "%s: after the day it rules: %d", rules[r].option, login.result);
    }
    clock_set(TIME_GA);
}

static void test_enroll_by_others(void)
{
    people();
    host_service("test", "enroll_by=1970-03-10", NULL);
    login = (struct login){.user = USER};
    login_expect(&login, PAM_AUTH_ERR, 1, "who has a device is asked before the day too");
    login = (struct login){.user = "sys"};
    login_expect(&login, PAM_AUTH_ERR, 1, "and who has one that waits");
    login = (struct login){.user = "games", .answers = {CODE_GA}};
    login_expect(&login, PAM_MAXTRIES, 1, "and a closed account is refused");
    login = (struct login){.user = "bin", .flags = (int)PAM_SILENT};
    login_expect(&login, PAM_SUCCESS, 0, "PAM_SILENT: passes");
    ok(login.messages == 0, "PAM_SILENT: without the reminder");
    host_service("test", "enroll_by=1970-03-10 quiet", NULL);
    login = (struct login){.user = "bin"};
    login_expect(&login, PAM_SUCCESS, 0, "quiet: passes");
    ok(login.messages == 0, "quiet: without the reminder");
    host_service("test", "enroll_by=1970-03-10 mode=combined password=store", NULL);
    login = (struct login){.user = "bin", .answers = {"passwort"}};
    login_expect(&login, PAM_AUTH_ERR, 1, "a password that is checked here must be right");
    ok(login.infos == 0, "who has it wrong is told no date");
    login = (struct login){.user = "bin", .answers = {"password"}};
    login_expect(&login, PAM_SUCCESS, 1, "and is enough");
}

int main(void)
{
    host_make(NULL);
    for (size_t i = 0; i < ARRAY_SIZE(audit_cases); i++)
        test_audit_case(&audit_cases[i]);
    test_audit_errors();
    test_audit_account();
    test_enroll_by();
    test_enroll_by_others();
    return host_done();
}
