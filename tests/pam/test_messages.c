/* SPDX-License-Identifier: BSD-2-Clause */
/* What the person is told beside the prompt, and the administrator under debug. */
#include "config.h"

#include "login.h"

#include <stdio.h>
#include <string.h>

/* crypt(3) of "password", cheap. */
#define PASSWORD_HASH                      \
    "$6$rounds=1000$totptest$ZP/5PpFJhbH/" \
    "GxLXjzCYcmqgv2dovdfkaBYpabV8Z1MgEisM.MGu7x5VrnZP5nZWP/F.XfBtFkQKglc4GZPQn1"

#define DAY (24 * 60 * 60)

static struct account account;
static char tokens[4][CODE_TOKEN_SIZE];

/* With so many backup tokens. */
static void alice(size_t count)
{
    person_init(&account, "alice", SECRET_GA);
    for (size_t i = 0; i < count; i++)
        person_add_token(&account, tokens[i]);
    person_save(&account, 1);
}

/* --- locks ------------------------------------------------------------------------------------ */

static void test_locks(void)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {
        {1, "Try again in 1 second, after 1970-01-04 11:20:01 UTC."},
        {60, "Try again in 60 seconds, after 1970-01-04 11:21:00 UTC."},
        {119, "Try again in 119 seconds, after 1970-01-04 11:21:59 UTC."},
        {120, "Try again in 2 minutes, after 1970-01-04 11:22:00 UTC."},
        {121, "Try again in 3 minutes, after 1970-01-04 11:22:01 UTC."},
        {7199, "Try again in 120 minutes, after 1970-01-04 13:19:59 UTC."},
        {7201, "Try again in 3 hours, after 1970-01-04 13:20:01 UTC."},
        {2 * DAY + 1, "Try again in 3 days, after 1970-01-06 11:20:01 UTC."},
        {ACCOUNT_LOCKED_FOR_EVER - TIME_GA, "Ask an administrator to unlock it."},
    };

    host_service("test", "", NULL);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct login login = {.user = "alice", .answers = {CODE_GA}};
        alice(0);
        account.locked_until = TIME_GA + rows[i].seconds;
        person_save(&account, 1);
        login_expect(&login, PAM_MAXTRIES, 1, rows[i].text);
        ok(login.errors == 1 && login.infos == 0 && strstr(login.message, rows[i].text) != NULL,
           "is told: %s", login.message);
        login_account(&login);
        ok(login.result == PAM_PERM_DENIED && strstr(login.message, rows[i].text) != NULL,
           "and in account management: %s", login.message);
    }
}

/* --- backup tokens ---------------------------------------------------------------------------- */

static void test_tokens(void)
{
    static const struct {
        size_t issued;
        bool used;
        const char *text; /* NULL: nothing */
    } rows[] = {{4, false, NULL},
                {3, false, NULL},
                {2, false, "2 backup tokens are left. 'totpctl backup new' makes new ones."},
                {1, false, "1 backup token is left. 'totpctl backup new' makes new ones."},
                {0, false, NULL},
                {4, true, "You have used a backup token. 3 are left."},
                {2, true, "You have used a backup token. 1 is left."},
                {1, true, "You have used a backup token. 0 are left."}};

    host_service("test", "", NULL);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct login login = {.user = "alice"};
        alice(rows[i].issued);
        login.answers[0] = rows[i].used ? tokens[0] : CODE_GA;
        login_expect(&login, PAM_SUCCESS, 1, rows[i].text != NULL ? rows[i].text : "nothing");
        ok(rows[i].text == NULL ? login.infos == 0
                                : login.infos == 1 && strncmp(login.message, rows[i].text,
                                                              strlen(rows[i].text)) == 0,
           "%zu tokens, %s: \"%s\"", rows[i].issued, rows[i].used ? "one used" : "a code",
           login.message);
    }
    struct login login = {.user = "alice", .answers = {CODE_GA}};
    alice(0);
    account.tokens_issued = 10;
    person_save(&account, 1);
    login_expect(&login, PAM_SUCCESS, 1, "all of them are used");
    ok(strncmp(login.message, "0 backup tokens are left.", 25) == 0, "none is left: %s",
       login.message);
}

/* Where another module is still to check the password, that a code was right is told by none of
 * this before the whole stack has let the person in. */
static void test_kept_back(void)
{
    char answer[64];

    for (int line = 0; line < 2; line++) {
        struct login login = {.user = "alice", .answers = {answer}};
        alice(2);
        snprintf(answer, sizeof(answer), "password%s", tokens[0]);
        host_stack("test", "", "mode=combined", "auth required pam_deny.so\n", line != 0);
        login_whole(&login);
        ok(login.result == PAM_AUTH_ERR && login.infos == 0,
           "a refusal behind it: nothing is told");
        alice(2);
        snprintf(answer, sizeof(answer), "password%s", tokens[0]);
        host_stack("test", "", "mode=combined", "", line != 0);
        login_run(&login);
        ok(login.result == PAM_SUCCESS && login.infos == 0, "nothing is told in authentication");
        alice(2);
        snprintf(answer, sizeof(answer), "password%s", tokens[0]);
        login_whole(&login);
        ok(login.result == PAM_SUCCESS && login.infos == 1 &&
               strstr(login.message, "1 is left") != NULL,
           "%s account line: told once, after it", line != 0 ? "with an" : "without");
    }
}

static void test_silence(void)
{
    static const struct {
        const char *options;
        int flags;
    } rows[] = {{"quiet", 0}, {"", (int)PAM_SILENT}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct login login = {.user = "alice", .answers = {tokens[0]}, .flags = rows[i].flags};
        host_service("test", rows[i].options, NULL);
        alice(2);
        login_whole(&login);
        ok(login.result == PAM_SUCCESS && login.messages == 1, "silent: a backup token");
        alice(2);
        login.answers[0] = CODE_GA;
        login_whole(&login);
        ok(login.result == PAM_SUCCESS && login.messages == 1, "silent: few are left");
        account.locked_until = TIME_GA + 60;
        person_save(&account, 1);
        login_whole(&login);
        ok(login.result == PAM_MAXTRIES && login.messages == 1, "silent: locked");
        login_account(&login);
        ok(login.result == PAM_PERM_DENIED && login.messages == 0, "silent: account management");
        person_init(&account, "alice", SECRET_GA);
        account.devices[0].state = DEVICE_PENDING;
        person_save(&account, 1);
        login_whole(&login);
        ok(login.result == PAM_SUCCESS && login.messages == 1 && person_load("alice", &account) &&
               account.devices[0].state == DEVICE_ACTIVE && account.token_count == 0,
           "silent: a first code; tokens that nobody would see are not made");
    }
}

/* --- the administrator ------------------------------------------------------------------------ */

static void test_debug(void)
{
    static const struct {
        const char *name;
        int64_t step;
        enum device_state state;
        const char *text;
    } rows[] = {
        {"far", 4, DEVICE_ACTIVE, "outside the window by 3 steps"},
        {"early", -3, DEVICE_ACTIVE, "outside the window by 2 steps"},
        {"used", 0, DEVICE_ACTIVE, "replayed: this code of device \"phone\""},
        {"off", 0, DEVICE_DISABLED, "code of device \"phone\", which is disabled"},
    };
    struct device spare;
    char code[9];

    host_service("test", "debug", NULL);
    person_init(&account, "alice", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
    spare = account.devices[0];
    memcpy(spare.label, "spare", sizeof("spare"));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct login login = {.user = "alice", .answers = {code}};
        person_init(&account, "alice", SECRET_GA);
        host_need(account_add_device(&account, &spare) == 0, "a second device");
        account.devices[0].state = rows[i].state;
        account.devices[0].last_step =
            rows[i].step == 0 && rows[i].state == DEVICE_ACTIVE ? STEP_GA : ACCOUNT_NEVER;
        person_save(&account, 1);
        person_code(&account, STEP_GA + rows[i].step, code);
        login_run(&login);
        ok(login.result == PAM_AUTH_ERR && *login_log(rows[i].text) != '\0' && !login.leaked,
           "debug, %s: %s", rows[i].name, login_log(rows[i].text));
        host_service("test", "", NULL);
        login_run(&login);
        ok(*login_log("debug") == '\0' && login_logs() == 1, "without debug: one line");
        host_service("test", "debug", NULL);
    }
}

/* --- a password that has expired -------------------------------------------------------------- */

static void test_expired(void)
{
    static const struct {
        const char *name;
        bool has, expired;
        int result;
    } rows[] = {{"a password in force", true, false, PAM_SUCCESS},
                {"an expired password", true, true, PAM_NEW_AUTHTOK_REQD},
                {"no password", false, true, PAM_SUCCESS}};

    host_service("test", "", NULL);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct login login = {.user = "alice", .answers = {CODE_GA}};
        person_init(&account, "alice", SECRET_GA);
        if (rows[i].has)
            memcpy(account.password, PASSWORD_HASH, sizeof(PASSWORD_HASH));
        account.password_expired = rows[i].expired;
        person_save(&account, 1);
        login_whole(&login);
        ok(login.result == rows[i].result && login.reached == (rows[i].result == 0 ? 3 : 2),
           "%s: %d", rows[i].name, login.result);
    }
}

int main(void)
{
    host_make(NULL);
    test_locks();
    test_tokens();
    test_kept_back();
    test_silence();
    test_debug();
    test_expired();
    return host_done();
}
