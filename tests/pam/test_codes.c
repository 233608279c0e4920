/* SPDX-License-Identifier: BSD-2-Clause */
/* Which codes count when: windows, replay, throttling, skew, backup tokens, HOTP. Secret, steps and
 * codes are those of Google Authenticator's module tests; where this module differs on purpose, a
 * comment says so. */
#include "config.h"

#include "login.h"

#include <stdio.h>
#include <string.h>

static int log_in(const char *code)
{
    struct login login = {.user = "alice", .answers = {code}};

    login_run(&login);
    if (login.leaked || login.prompts != 1 || login_logs() != 1) {
        tap_note("%u prompts, %u log lines, leaked %d", login.prompts, login_logs(), login.leaked);
        return -1;
    }
    return login.result;
}

static void alice(unsigned period, struct account *account)
{
    person_init(account, "alice", SECRET_GA);
    account->devices[0].period = period;
    person_save(account, 1);
}

/* The window lies evenly around now. Google's even window of 6 reaches one step further on one
 * side; window=2 here is two on each. */
static void test_window(void)
{
    static const struct {
        unsigned period, window;
    } rows[] = {{30, 1}, {60, 1}, {30, 2}, {30, 0}};
    struct account account = {0};
    char option[32], code[9];

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t now = TIME_GA + 7, step = now / rows[i].period, reach = rows[i].window;
        snprintf(option, sizeof(option), "window=%u", rows[i].window);
        host_service("test", option, NULL);
        for (int64_t offset = -reach - 1; offset <= reach + 1; offset++) {
            bool inside = offset >= -reach && offset <= reach;
            alice(rows[i].period, &account);
            person_code(&account, step, code);
            clock_set(now - offset * rows[i].period);
            ok(log_in(code) == (inside ? PAM_SUCCESS : PAM_AUTH_ERR),
               "period %u, window %u, offset %+d", rows[i].period, rows[i].window, (int)offset);
        }
    }
    clock_set(TIME_GA);
    host_service("test", "", NULL);
}

/* Where Google keeps a list of used codes, the last accepted step is enough: an older one, even one
 * never used, is refused. */
static void test_sequence(void)
{
    struct account account = {0};
    char code[9];
    bool accepted = true, refused = true;

    alice(30, &account);
    for (int64_t step = STEP_GA + 1; step <= STEP_GA + 7; step++) {
        person_code(&account, step, code);
        clock_set(step * 30);
        accepted = accepted && log_in(code) == PAM_SUCCESS;
        refused = refused && log_in(code) == PAM_AUTH_ERR;
    }
    ok(accepted, "seven codes one after another");
    ok(refused, "and each of them once");
    ok(person_load("alice", &account) && account.devices[0].last_step == STEP_GA + 7,
       "the last step is remembered");
    person_code(&account, STEP_GA + 6, code);
    ok(log_in(code) == PAM_AUTH_ERR, "an older code in the window is refused");
    account_clear(&account);
    alice(30, &account);
    person_code(&account, STEP_GA + 8, code);
    ok(log_in(code) == PAM_SUCCESS, "the code of the next step is taken");
    person_code(&account, STEP_GA + 7, code);
    ok(log_in(code) == PAM_AUTH_ERR, "and the one before it no more");
    clock_set(TIME_GA);
}

/* Google counts every login and stops asking; here wrong codes count, and the prompt stays. */
static void test_throttle(void)
{
    struct account account = {0};
    struct login login = {.user = "alice", .answers = {CODE_WRONG}};
    bool wrong = true;

    host_service("test", "max_failures=4 lock_time=2m", NULL);
    alice(30, &account);
    for (int i = 0; i < 4; i++)
        wrong = wrong && log_in(CODE_WRONG) == PAM_AUTH_ERR;
    ok(wrong, "four wrong codes are judged");
    login.answers[0] = CODE_GA;
    login_expect(&login, PAM_MAXTRIES, 1, "then the right one is not: locked, with the prompt");
    ok(login.infos + login.errors == 1, "the person is told");
    clock_set(TIME_GA + 119);
    ok(log_in(CODE_GA) == PAM_MAXTRIES, "a second before the end of the lock");
    ok(person_load("alice", &account) && account.failures == 4,
       "what is refused while locked is not counted");
    person_code(&account, STEP_GA + 4, login.text);
    clock_set(TIME_GA + 120);
    ok(log_in(login.text) == PAM_SUCCESS, "after the lock");
    ok(person_load("alice", &account) && account.failures == 0, "a success resets the count");
    login = (struct login){.user = "alice", .answers = {CODE_WRONG}};
    for (int i = 0; i < 4; i++)
        login_run(&login);
    host_service("test", "max_failures=4 lock_time=2m quiet", NULL);
    login_run(&login);
    ok(login.result == PAM_MAXTRIES && login.infos + login.errors == 0, "quiet keeps it back");
    host_service("test", "max_failures=4 lock_time=2m", NULL);
    login.flags = (int)PAM_SILENT;
    login_run(&login);
    ok(login.result == PAM_MAXTRIES && login.infos + login.errors == 0, "so does PAM_SILENT");
    clock_set(TIME_GA);
    host_service("test", "", NULL);
}

/* Refused codes teach nothing: Google accepts the third of three consecutive ones from anywhere. */
static void test_skew(void)
{
    struct account account = {0};
    char code[9];
    bool refused = true;

    host_service("test", "max_failures=50", NULL);
    for (int64_t away = -1200; away <= 1000; away += 2200) {
        alice(30, &account);
        for (int64_t i = 0; i < 4; i++) {
            person_code(&account, STEP_GA + away + i, code);
            clock_set(TIME_GA + i * 30);
            refused = refused && log_in(code) == PAM_AUTH_ERR;
        }
    }
    ok(refused, "consecutive codes of hours ago or ahead are refused");
    clock_set(TIME_GA);
    host_service("test", "", NULL);
}

static void test_clock_back(void)
{
    struct account account = {0};
    char code[9];

    alice(30, &account);
    ok(log_in(CODE_GA) == PAM_SUCCESS, "a login");
    clock_set(TIME_GA - 86400);
    person_code(&account, STEP_GA - 2880, code);
    ok(log_in(code) == PAM_AUTH_ERR, "the clock a day back: its codes are refused");
    ok(log_in(CODE_GA) == PAM_AUTH_ERR, "and so is the one already used");
    person_init(&account, "alice", SECRET_GA);
    account.devices[0].last_step = STEP_GA + 5000;
    account.devices[0].drift = 2 * ACCOUNT_DRIFT_SCALE;
    account.devices[0].last_used = TIME_GA + 150000;
    person_save(&account, 1);
    clock_set(TIME_GA);
    ok(log_in(CODE_GA) == PAM_AUTH_ERR, "a stamp from the future grants nothing");
}

static void test_backup_tokens(void)
{
    struct account account = {0};
    struct login login = {.user = "alice"};
    char token[CODE_TOKEN_SIZE], other[CODE_TOKEN_SIZE], typed[32];

    alice(30, &account);
    ok(log_in("12345678") == PAM_AUTH_ERR, "eight digits nobody has");
    ok(log_in("acde-fhjk-mnpq") == PAM_AUTH_ERR, "a token nobody has");
    person_add_token(&account, token);
    person_add_token(&account, other);
    person_save(&account, 1);
    login.answers[0] = token;
    login_expect(&login, PAM_SUCCESS, 1, "a backup token");
    ok(login.infos == 1 && strstr(login.message, "1") != NULL, "tells how many are left");
    ok(*login_log("method=backup") != '\0', "is logged as such");
    ok(log_in(token) == PAM_AUTH_ERR, "once");
    snprintf(typed, sizeof(typed), " %.4s%.4s %.4s", other, other + 5, other + 10);
    for (char *p = typed; *p != '\0'; p++)
        *p = (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
    ok(log_in(typed) == PAM_SUCCESS, "typed in capitals, with blanks");
    ok(person_load("alice", &account) && account.token_count == 0, "both are gone");
    account_clear(&account);
}

static int account_after(pam_handle_t *handle, int flags)
{
    int result = pam_authenticate(handle, 0);

    return result == PAM_SUCCESS ? pam_acct_mgmt(handle, flags) : result;
}

/* What is left of the tokens waits for the password's verdict, and for somebody to tell. */
static void test_kept_message(void)
{
    struct account account = {0};
    struct login login = {.user = "alice"};
    char token[2][CODE_TOKEN_SIZE], answer[2][64];

    alice(30, &account);
    for (int i = 0; i < 2; i++) {
        person_add_token(&account, token[i]);
        snprintf(answer[i], sizeof(answer[i]), "password%s", token[i]);
    }
    person_save(&account, 1);
    host_service("test", "mode=combined", NULL);
    login.answers[0] = answer[0];
    login_manage(&login, account_after);
    ok(login.result == PAM_SUCCESS && login.infos == 1 && strstr(login.message, "1 is left"),
       "account management tells how many are left");
    login = (struct login){.user = "alice", .answers = {answer[1]}, .flags = (int)PAM_SILENT};
    login_manage(&login, account_after);
    ok(login.result == PAM_SUCCESS && login.infos == 0, "but not when it is to be silent");
    host_service("test", "", NULL);
    account_clear(&account);
}

/* mode=auto takes the digits at the end of this password for a code: each login begins with a
 * failure. */
static void test_digits_in_password(void)
{
    struct account account = {0};
    char code[9] = "";
    struct login login = {.user = "alice", .answers = {code}};

    host_service("test", "max_failures=4 lock_time=2m", NULL);
    alice(30, &account);
    for (int i = 0; i < 4; i++)
        (void)log_in(CODE_WRONG);
    clock_set(TIME_GA + 120);
    person_code(&account, STEP_GA + 4, code);
    host_service("test", "mode=auto max_failures=4 lock_time=2m", "hunter123456");
    login_run(&login);
    ok(login.result == PAM_SUCCESS && login.prompts == 1,
       "the lock such a failure brings does not bar the code of the same login");
    ok(person_load("alice", &account) && account.failures == 0 && account.locked_until == 0,
       "which forgets it");
    clock_set(TIME_GA + 150);
    for (int i = 0; i < 2; i++) {
        login.answers[0] = CODE_WRONG;
        login_run(&login);
    }
    login_run(&login);
    ok(login.result == PAM_MAXTRIES && person_load("alice", &account) && account.failures == 4,
       "both answers count, and the next login finds the lock");
    clock_set(TIME_GA);
    host_service("test", "", NULL);
    account_clear(&account);
}

static int64_t counter(void)
{
    struct account account CLEANUP(account_clear) = {0};

    return person_load("alice", &account) ? account.devices[0].counter : -1;
}

static void test_hotp(void)
{
    struct account account = {0};
    char code[9];

    host_service("test", "look_ahead=3", NULL);
    person_init_hotp(&account, "alice", SECRET_GA, 1);
    person_save(&account, 1);
    ok(log_in("293240") == PAM_SUCCESS && counter() == 2, "HOTP: the code of counter 1");
    /* Google moves on to 3; here a refused code moves nothing. */
    ok(log_in("293240") == PAM_AUTH_ERR && counter() == 2, "HOTP: once, and the counter stays");
    ok(log_in("932068") == PAM_SUCCESS && counter() == 6, "HOTP: counter 5, within the look-ahead");
    person_code(&account, 10, code);
    ok(log_in(code) == PAM_AUTH_ERR && counter() == 6, "HOTP: one beyond the look-ahead");
    person_code(&account, 9, code);
    ok(log_in(code) == PAM_SUCCESS && counter() == 10, "HOTP: the last of the look-ahead");
    host_service("test", "", NULL);
}

static void test_separators(void)
{
    static const struct {
        const char *typed;
        int result;
    } rows[] = {
        {"050 548", PAM_SUCCESS},     {" 050548 ", PAM_SUCCESS},  {"050-548", PAM_SUCCESS},
        {"0 5 0 5 4 8", PAM_SUCCESS}, {"050548\n", PAM_AUTH_ERR}, {"+050548", PAM_AUTH_ERR},
        {"50548.0", PAM_AUTH_ERR},    {"0x050548", PAM_AUTH_ERR}, {"050548050548", PAM_AUTH_ERR}};
    struct account account = {0};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        alice(30, &account);
        ok(log_in(rows[i].typed) == rows[i].result, "typed form %zu", i + 1);
    }
}

/* Several devices: each takes its own codes, and a code of n digits is tried on n digits only. */
static void test_devices(void)
{
    struct account account = {0}, other = {0};
    char code[9];

    person_init(&account, "alice", SECRET_GA);
    person_init(&other, "alice", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
    other.devices[0].digits = 8;
    other.devices[0].period = 60;
    other.devices[0].algorithm = OTP_SHA256;
    memcpy(other.devices[0].label, "tablet", sizeof("tablet"));
    ok(account_add_device(&account, &other.devices[0]) == 0, "a second device");
    person_save(&account, 1);
    person_code(&other, TIME_GA / 60, code);
    ok(log_in(code) == PAM_SUCCESS && *login_log("device=tablet") != '\0', "its eight digits");
    ok(log_in(CODE_GA) == PAM_SUCCESS && *login_log("device=phone") != '\0', "the other's six");
    ok(log_in(code) == PAM_AUTH_ERR, "each of them once");
}

int main(void)
{
    host_make(NULL);
    test_window();
    test_sequence();
    test_throttle();
    test_skew();
    test_clock_back();
    test_backup_tokens();
    test_kept_message();
    test_digits_in_password();
    test_hotp();
    test_separators();
    test_devices();
    return host_done();
}
