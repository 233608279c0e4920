/* SPDX-License-Identifier: BSD-2-Clause */
/* Enrolment at a login among other modules, other sessions and other ways to a device: what was
 * shown becomes active only for whom the whole stack has let in. */
#include "config.h"

#include "app.h"

#include <security/pam_modules.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Two whom every host knows. */
#define USER "daemon"
#define OTHER "bin"

#define ENROLL "unenrolled=enroll enroll_qr=none"
#define FAILS "auth required pam_deny.so\n"

/* crypt(3) of "password", cheap. */
#define PASSWORD_HASH                      \
    "$6$rounds=1000$totptest$ZP/5PpFJhbH/" \
    "GxLXjzCYcmqgv2dovdfkaBYpabV8Z1MgEisM.MGu7x5VrnZP5nZWP/F.XfBtFkQKglc4GZPQn1"

static struct login login; /* too large to have one in every test */
static struct account account;

static void remove_person(const char *name)
{
    struct store *store CLEANUP(store_close) = host_open();

    host_need(store_begin(store, STORE_WRITE, NULL) == 0, "store_begin");
    int r = store_remove(store, name, NULL);
    host_need((r == 0 || r == ERR_NOT_FOUND) && store_commit(store, NULL) == 0, "store_remove");
}

static void start(const char *options)
{
    remove_person(USER);
    host_service("test", options, NULL);
    login = (struct login){.user = USER, .answer = app_answer};
}

static bool has_one(enum device_state state)
{
    return person_load(USER, &account) && account.device_count == 1 &&
           account.devices[0].state == state;
}

static bool is_pending(void)
{
    return has_one(DEVICE_PENDING) && account.devices[0].at_login && account.token_count == 0;
}

static bool is_active(void)
{
    return has_one(DEVICE_ACTIVE) && !account.devices[0].at_login && account.token_count == 10;
}

/* --- the stack -------------------------------------------------------------------------------- */

static void test_failing_stack(void)
{
    static const struct {
        const char *name, *before, *behind;
    } rows[] = {{"a module before that refuses", FAILS, ""},
                {"a module behind that refuses", "", FAILS}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        start(ENROLL);
        host_stack("test", rows[i].before, ENROLL, rows[i].behind, true);
        login_whole(&login);
        ok(login.result == PAM_AUTH_ERR && login.reached == 1 && login.prompts == 1,
           "%s: the right first code is no login", rows[i].name);
        ok(is_pending(), "%s: nothing becomes active", rows[i].name);
        ok(strstr(login.said, "backup tokens") == NULL, "%s: no token is shown", rows[i].name);
    }
}

static void remove_meanwhile(pam_handle_t *handle)
{
    (void)handle;
    remove_person(USER);
}

static void test_no_account_line(void)
{
    start(ENROLL);
    host_stack("test", "", ENROLL, "", false);
    login_whole(&login);
    ok(login.result == PAM_SUCCESS && login.reached == 3 && login.prompts == 2 && is_active(),
       "without an account line it becomes active when credentials are set");
    start(ENROLL);
    host_stack("test", "", ENROLL, "", false);
    login.between = remove_meanwhile;
    login_whole(&login);
    ok(login.result == PAM_CRED_ERR && !person_load(USER, &account),
       "where it cannot, they are not set: %d", login.result);
    start(ENROLL);
    login.between = remove_meanwhile;
    login_whole(&login);
    ok(login.result != PAM_SUCCESS && login.reached == 2 && !person_load(USER, &account),
       "with one, an account that was removed meanwhile is refused: %d", login.result);
}

/* --- modes ------------------------------------------------------------------------------------ */

static void test_forward(void)
{
    start(ENROLL " mode=combined");
    login.answers[0] = "password";
    login_run(&login);
    ok(login.result == PAM_SUCCESS && login.prompts == 2 && is_pending(),
       "combined: the password is asked for, then the first code");
    ok(strstr(login.forwarded, "<password>") != NULL, "combined: the password is handed on");
    start(ENROLL " mode=combined");
    host_service("test", ENROLL " mode=combined", "password");
    login_whole(&login);
    ok(login.result == PAM_SUCCESS && strstr(login.forwarded, "<password>") != NULL && is_active(),
       "combined: one that an earlier module has obtained");
    start(ENROLL " mode=auto");
    host_service("test", ENROLL " mode=auto", "password" CODE_GA);
    login_whole(&login);
    ok(login.result == PAM_SUCCESS && strstr(login.forwarded, "<password" CODE_GA ">") != NULL &&
           is_active(),
       "auto: what is no code yet is handed on whole");
}

static void person_with_password(void)
{
    account_init(&account, USER);
    memcpy(account.password, PASSWORD_HASH, sizeof(PASSWORD_HASH));
    person_save(&account, 1);
}

static void test_store_password(void)
{
    static const char *const modes[] = {"combined", "auto"};
    char options[128];

    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        snprintf(options, sizeof(options), ENROLL " password=store mode=%s", modes[i]);
        start(options);
        person_with_password();
        login.answers[0] = "passwort";
        login_whole(&login);
        ok(login.result == PAM_AUTH_ERR && login.infos == 0 && person_load(USER, &account) &&
               account.device_count == 0,
           "%s: a wrong password enrols nobody", modes[i]);
        ok(account.failures == i + 1, "%s: and counts (%u)", modes[i], account.failures);
        login.answers[0] = "password";
        login_whole(&login);
        ok(login.result == PAM_SUCCESS && login.prompts == 3 && is_active(),
           "%s: the right one does", modes[i]);
    }
}

/* --- a device that somebody else has made ----------------------------------------------------- */

/* By an administrator, before the first login. */
static void person_waiting(void)
{
    person_init(&account, USER, SECRET_GA);
    account.devices[0].state = DEVICE_PENDING;
    person_save(&account, 1);
}

static void test_waiting(void)
{
    static const char *const rules[] = {"unenrolled=deny", ENROLL, "unenrolled=permit"};

    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        start(rules[i]);
        person_waiting();
        login.answers[0] = CODE_WRONG;
        login_whole(&login);
        ok(login.result == PAM_AUTH_ERR && has_one(DEVICE_PENDING) && account.failures == 1,
           "%s: a wrong code for a device that waits", rules[i]);
        login.answers[0] = CODE_GA;
        login_whole(&login);
        ok(login.result == PAM_SUCCESS && login.prompts == 2 && login.infos == 1,
           "%s: its first code is a login", rules[i]);
        ok(is_active() && strstr(login.said, "These are backup tokens") == login.said,
           "%s: it is active, and the tokens are shown", rules[i]);
        login_whole(&login);
        ok(login.result == PAM_AUTH_ERR && login.reached == 1, "%s: the code is used up", rules[i]);
    }
}

static void test_kept_out(void)
{
    for (int closed = 0; closed < 2; closed++) {
        start(ENROLL);
        account_init(&account, USER);
        account.closed = closed != 0;
        account.locked_until = closed ? 0 : TIME_GA + 60;
        person_save(&account, 1);
        login_whole(&login);
        ok(login.result == PAM_MAXTRIES && login.infos == 0 && person_load(USER, &account) &&
               account.device_count == 0,
           "a %s account enrols nobody", closed ? "closed" : "locked");
    }
}

static void close_meanwhile(pam_handle_t *handle)
{
    (void)handle;
    ok(is_pending(), "pending");
    account.closed = true;
    person_save(&account, 1);
}

static void test_closed_meanwhile(void)
{
    for (int line = 0; line < 2; line++) {
        start(ENROLL);
        host_stack("test", "", ENROLL, "", line != 0);
        login.between = close_meanwhile;
        login_whole(&login);
        ok(login.result != PAM_SUCCESS && has_one(DEVICE_PENDING) && account.closed,
           "closed between the two calls, %s account line: %d", line ? "with an" : "without",
           login.result);
    }
}

/* --- two sessions ----------------------------------------------------------------------------- */

/* Another session, which enrols up to its first code and no further. */
static void intrude(pam_handle_t *handle)
{
    int status = -1;

    (void)handle;
    fflush(stdout);
    pid_t child = fork();
    host_need(child >= 0, "fork");
    if (child == 0) {
        login = (struct login){.user = USER, .answer = app_answer};
        login_run(&login);
        _exit(login.result);
    }
    host_need(waitpid(child, &status, 0) == child, "waitpid");
    ok(WIFEXITED(status) && WEXITSTATUS(status) == PAM_SUCCESS, "another session meanwhile");
}

static void wait_meanwhile(pam_handle_t *handle)
{
    (void)handle;
    ok(is_pending(), "pending");
    clock_skip(INT64_C(180) * 1000);
}

static void give_up(pam_handle_t *handle)
{
    login.answers[0] = "";
    ok(pam_acct_mgmt(handle, 0) != PAM_SUCCESS && is_pending() &&
           pam_setcred(handle, PAM_ESTABLISH_CRED) == PAM_CRED_ERR && is_pending(),
       "what account management has refused, setcred does not grant");
}

static void wait_and_give_up(pam_handle_t *handle)
{
    clock_skip(INT64_C(180) * 1000);
    give_up(handle);
}

/* A handle may be used again, by a way that goes past the module. */
static void test_too_late(void)
{
    start(ENROLL);
    login.between = wait_meanwhile;
    login_whole(&login);
    ok(login.result == PAM_PERM_DENIED && is_pending(), "after three minutes it is too late");
    start(ENROLL);
    login.between = wait_and_give_up;
    login_whole(&login);
    ok(login.result == PAM_PERM_DENIED && is_pending(), "and stays so");
}

static void test_intruder(void)
{
    start(ENROLL);
    login.between = intrude;
    login_whole(&login);
    ok(login.result == PAM_PERM_DENIED && login.reached == 2,
       "whose device was replaced meanwhile is refused");
    ok(is_pending() && strstr(login.said, "backup tokens") == NULL,
       "and the one in its place is not made active by it");
    char secret[256] = "";
    ok(app_read_secret(&login, secret, sizeof(secret)) && login.prompts == 1 &&
           strstr(login.said, "Log in again to get another QR code.") != NULL,
       "and no other code is tried on it");
    login.between = NULL;
    login_whole(&login);
    ok(login.result == PAM_SUCCESS && is_active(), "the next login enrols, one device in the end");
}

/* As many at a time as the store bears; who is let in has the device that is there. */
static void test_crowd(void)
{
    enum { COUNT = 6 };
    pid_t children[COUNT];
    unsigned let_in = 0;
    int gate[2];

    start(ENROLL);
    fflush(stdout);
    host_need(pipe(gate) == 0, "pipe");
    for (size_t i = 0; i < COUNT; i++) {
        children[i] = fork();
        host_need(children[i] >= 0, "fork");
        if (children[i] == 0) {
            char go;
            close(gate[1]);
            (void)!read(gate[0], &go, 1);
            login_whole(&login);
            _exit(login.result == PAM_SUCCESS ? 100 : login.result);
        }
    }
    close(gate[0]);
    close(gate[1]);
    for (size_t i = 0; i < COUNT; i++) {
        int status = -1;
        host_need(waitpid(children[i], &status, 0) == children[i], "waitpid");
        let_in += WIFEXITED(status) && WEXITSTATUS(status) == 100;
    }
    ok(person_load(USER, &account) && account.device_count == 1 && let_in <= 1 &&
           account_count(&account, DEVICE_ACTIVE) == let_in && account.token_count == 10 * let_in,
       "six enrolments at once: %u let in, %zu devices", let_in, account.device_count);
}

/* --- one handle, two people ------------------------------------------------------------------- */

static int change_user_between(pam_handle_t *handle, int flags)
{
    int r = pam_authenticate(handle, flags);

    if (r == PAM_SUCCESS)
        r = pam_set_item(handle, PAM_USER, OTHER);
    return r == PAM_SUCCESS ? pam_acct_mgmt(handle, flags) : PAM_SYSTEM_ERR;
}

static int authenticate_both(pam_handle_t *handle, int flags)
{
    int r = pam_authenticate(handle, flags);

    if (r == PAM_SUCCESS)
        r = pam_set_item(handle, PAM_USER, OTHER);
    if (r == PAM_SUCCESS)
        r = pam_authenticate(handle, flags);
    if (r == PAM_SUCCESS)
        r = pam_acct_mgmt(handle, flags);
    return r == PAM_SUCCESS ? pam_setcred(handle, PAM_ESTABLISH_CRED) : r;
}

static void test_two_people(void)
{
    struct account other = {0};

    start(ENROLL);
    person_init(&other, OTHER, SECRET_GA);
    person_save(&other, 1);
    login_manage(&login, change_user_between);
    ok(login.result == PAM_PERM_DENIED && is_pending(),
       "account management for somebody else is refused: %d", login.result);
    ok(person_load(OTHER, &account) && account.token_count == 0, "nor do they get anything");
    start(ENROLL);
    login.answers[1] = CODE_GA;
    login_manage(&login, authenticate_both);
    ok(login.result == PAM_SUCCESS && is_pending(),
       "the second one's login ends as theirs, and leaves the first one's device pending");
}

int main(void)
{
    host_make(NULL);
    test_failing_stack();
    test_no_account_line();
    test_forward();
    test_store_password();
    test_waiting();
    test_kept_out();
    test_closed_meanwhile();
    test_too_late();
    test_intruder();
    test_crowd();
    test_two_people();
    return host_done();
}
