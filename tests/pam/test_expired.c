/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may set a new password in the store: at a login whose password has expired, as root, without
 * a device, under every rule that spares a login its code. */
#include "config.h"

#include "passwd.h"

#include <stdio.h>
#include <string.h>

#define COMBINED "mode=combined password=store"

/* --- at a login ------------------------------------------------------------------------------- */

static void (*between)(pam_handle_t *handle); /* account management and the change */
static int account_result;

/* As sshd, su and login do, but whatever account management says. */
static int log_in(pam_handle_t *handle, int flags)
{
    int r = pam_authenticate(handle, flags);

    if (r != PAM_SUCCESS)
        return r;
    account_result = pam_acct_mgmt(handle, flags);
    if (between != NULL)
        between(handle);
    return pam_chauthtok(handle, flags | (int)PAM_CHANGE_EXPIRED_AUTHTOK);
}

static void expect_login(struct login *login, int result, unsigned prompts, const char *password,
                         const char *name)
{
    login_manage(login, log_in);
    if (!ok(login->result == result && login->prompts == prompts && !login->leaked &&
                passwd_is("alice", password),
            "%s", name))
        tap_note("result %d (wanted %d), %u prompts (wanted %u), last: %s", login->result, result,
                 login->prompts, prompts, login->text);
}

static void test_expired(void)
{
    struct login login = {.user = "alice", .answers = {OLD CODE_GA, NEW, NEW}};

    passwd_reset(true);
    passwd_stack(&(struct stack){.auth = COMBINED, .behind = "see"});
    expect_login(&login, PAM_SUCCESS, 3, NEW, "expired: the new one twice, and nothing else");
    ok(account_result == PAM_NEW_AUTHTOK_REQD, "account management asks for it");
    ok(strstr(login.message, "required to choose a new password") != NULL, "who is told why");
    ok(!passwd_has_expired("alice"), "it is asked for once");
    ok(strcmp(login.forwarded, "<" NEW ">") == 0, "it is handed on");
    passwd_reset(false);
    login = (struct login){.user = "alice", .answers = {OLD CODE_GA}};
    expect_login(&login, RESULT_IGNORED, 1, OLD, "not expired: nothing to change");
    ok(account_result == PAM_SUCCESS, "account management has nothing to say");
}

static void test_same_again(void)
{
    struct login login = {.user = "alice", .answers = {OLD CODE_GA, OLD, OLD, OLD}};

    passwd_reset(true);
    passwd_stack(&(struct stack){.auth = COMBINED});
    expect_login(&login, PAM_AUTHTOK_ERR, 4, OLD, "expired: the old one again is no new one");
    ok(passwd_has_expired("alice"), "it stays expired");
}

static void test_mode_auto(void)
{
    struct login tail = {.user = "alice", .answers = {OLD CODE_GA, OLD, NEW, NEW}};
    struct login apart = {.user = "alice", .answers = {OLD, CODE_GA, OLD, NEW, NEW}};

    passwd_reset(true);
    passwd_stack(&(struct stack){.auth = "mode=auto password=store"});
    expect_login(&tail, PAM_SUCCESS, 4, NEW, "mode=auto: in one answer");
    passwd_reset(true);
    expect_login(&apart, PAM_SUCCESS, 5, NEW, "mode=auto: in two");
}

static void become_bob(pam_handle_t *handle)
{
    pam_set_item(handle, PAM_USER, "bob");
}

static void become_bob_and_back(pam_handle_t *handle)
{
    struct account bob = {0};

    passwd_person("bob", &bob);
    person_save(&bob, 1);
    pam_set_item(handle, PAM_USER, "bob");
    account_result = pam_acct_mgmt(handle, 0);
    pam_set_item(handle, PAM_USER, "alice");
}

static void wait_long(pam_handle_t *handle)
{
    (void)handle;
    clock_skip(INT64_C(600) * 1000);
}

static void expire(pam_handle_t *handle)
{
    struct account account = {0};

    (void)handle;
    host_need(person_load("alice", &account), "alice");
    account.password_expired = true;
    person_save(&account, 1);
}

/* The second login's, which fails, or which is not asked for a code. */
static void try_again(pam_handle_t *handle)
{
    pam_authenticate(handle, 0);
}

/* What was proved does not count: the old password and a code are asked for, and the one there is
 * is used up. */
static void test_no_proof(void)
{
    static const struct {
        const char *name, *auth;
        void (*between)(pam_handle_t *handle);
        const char *answers[ANSWERS_MAX];
        unsigned prompts;
        bool expired;
    } cases[] = {
        {"the code alone was proved", "", NULL, {CODE_GA, OLD, CODE_GA, NEW, NEW}, 3, true},
        {"by somebody else", COMBINED, become_bob, {OLD CODE_GA, OLD, CODE_GA, NEW, NEW}, 3, true},
        {"looked at for somebody else meanwhile",
         COMBINED,
         become_bob_and_back,
         {OLD CODE_GA, OLD, CODE_GA, NEW, NEW},
         3,
         true},
        {"long ago", COMBINED, wait_long, {OLD CODE_GA, OLD, CODE_GA, NEW, NEW}, 3, true},
        {"before it expired", COMBINED, expire, {OLD CODE_GA, OLD, CODE_GA, NEW, NEW}, 3, false},
        {"before a login that failed",
         COMBINED,
         try_again,
         {OLD CODE_GA, OLD CODE_GA, OLD, CODE_GA, NEW, NEW},
         4,
         true},
    };
    struct account bob = {0};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct login login = {.user = "alice"};
        char name[128];
        memcpy(login.answers, cases[i].answers, sizeof(login.answers));
        passwd_person("bob", &bob);
        bob.password_expired = true;
        bob.devices[0].last_step = STEP_GA;
        person_save(&bob, 1);
        passwd_reset(cases[i].expired);
        passwd_stack(&(struct stack){.auth = cases[i].auth});
        between = cases[i].between;
        snprintf(name, sizeof(name), "proved %s: asked for again", cases[i].name);
        expect_login(&login, PAM_AUTH_ERR, cases[i].prompts, OLD, name);
        ok(strcmp(login.text, "One-time code: ") == 0, "for the code last");
        ok(passwd_is("bob", OLD), "and nobody else's is changed");
    }
    between = NULL;
}

static int change_twice(pam_handle_t *handle, int flags)
{
    int r = log_in(handle, flags);

    if (r != PAM_SUCCESS)
        return r;
    expire(handle);
    return pam_chauthtok(handle, (int)PAM_CHANGE_EXPIRED_AUTHTOK);
}

/* A change that a stack lets go on although the preliminary check has refused. */
static int change_after_login(pam_handle_t *handle, int flags)
{
    int r = pam_authenticate(handle, flags);

    return r == PAM_SUCCESS ? passwd_chauthtok(handle, flags) : r;
}

static void test_proof_once(void)
{
    struct login twice = {.user = "alice", .answers = {OLD CODE_GA, NEW, NEW, NEW, CODE_GA}};
    struct login after = {.user = "alice", .answers = {OLD CODE_GA, "x", CODE_GA, NEW, NEW}};

    passwd_reset(true);
    passwd_stack(&(struct stack){.auth = COMBINED});
    login_manage(&twice, change_twice);
    ok(twice.result == PAM_AUTH_ERR && twice.prompts == 5 && passwd_is("alice", NEW),
       "one proof, one change");
    passwd_reset(false);
    passwd_stack(&(struct stack){.auth = COMBINED, .control = "optional"});
    login_manage(&after, change_after_login);
    ok(after.prompts == 3 && passwd_is("alice", OLD), "a proof that has been refused since");
}

/* Who only looked on has used up no code. */
static void test_audit(void)
{
    struct login login = {.user = "alice", .answers = {OLD CODE_GA, OLD, "", NEW, NEW}};

    passwd_reset(true);
    passwd_stack(&(struct stack){.auth = COMBINED " audit_only"});
    login_manage(&login, log_in);
    ok(login.result == PAM_AUTH_ERR && login.prompts == 3 && passwd_is("alice", OLD),
       "audit_only: what was seen there is no proof");
    passwd_reset(false);
    passwd_stack(&(struct stack){.options = "audit_only", .behind = "see"});
    login = (struct login){.user = "alice", .answers = {OLD, CODE_GA, NEW, NEW}};
    passwd_change(&login);
    ok(login.result == RESULT_IGNORED && login.prompts == 0 && passwd_is("alice", OLD),
       "audit_only: changes nothing");
}

/* --- rules that spare a login its code -------------------------------------------------------- */

static void test_spared(void)
{
    static const char *const rules[] = {"exempt_users=alice", "exempt_networks=192.0.2.0/24",
                                        "unenrolled=permit", "enroll_by=2100-01-01"};

    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        struct login login = {
            .user = "alice", .rhost = "192.0.2.1", .answers = {OLD, CODE_WRONG, NEW, NEW}};
        passwd_reset(false);
        passwd_stack(&(struct stack){.options = rules[i]});
        passwd_expect(&login, PAM_AUTH_ERR, 2, OLD, NULL, rules[i]);
        login.answers[1] = CODE_GA;
        login.lines = 2;
        passwd_expect(&login, PAM_SUCCESS, 4, NEW, NULL, "with the code");
    }
}

/* A login by the password alone, under grace or an exemption, proves no code. */
static void test_spared_login(void)
{
    struct login login = {.user = "alice", .tty = "tty1", .answers = {OLD CODE_GA}};

    host_configure("grace = 1h\n");
    passwd_reset(false);
    passwd_stack(&(struct stack){.auth = COMBINED});
    login_run(&login);
    ok(login.result == PAM_SUCCESS, "a login that brings grace");
    login.answers[0] = OLD;
    between = expire;
    login.answers[1] = OLD;
    login.answers[2] = CODE_GA;
    expect_login(&login, PAM_AUTH_ERR, 3, OLD, "one under grace: the code is asked for");
    host_configure("exempt_users = alice\n");
    passwd_reset(true);
    between = NULL;
    login.answers[2] = CODE_WRONG;
    expect_login(&login, PAM_AUTH_ERR, 3, OLD, "an exempt one: the code is asked for");
    host_configure("");
}

static void without_device(void)
{
    struct account account = {0};

    passwd_person("alice", &account);
    account.device_count = 0;
    person_save(&account, 1);
}

static void test_unenrolled(void)
{
    static const struct {
        const char *rule;
        int result;
    } rules[] = {{"unenrolled=deny", PAM_AUTH_ERR},
                 {"unenrolled=ignore", PAM_AUTH_ERR},
                 {"unenrolled=enroll", PAM_AUTH_ERR},
                 {"unenrolled=permit", PAM_SUCCESS}};

    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        const bool changes = rules[i].result == PAM_SUCCESS;
        struct login login = {
            .user = "alice", .answers = {OLD, "", NEW, NEW}, .lines = changes ? 2 : 1};
        passwd_reset(false);
        without_device();
        passwd_stack(&(struct stack){.options = rules[i].rule});
        passwd_expect(&login, rules[i].result, changes ? 4 : 2, changes ? NEW : OLD, NULL,
                      rules[i].rule);
        login.answers[0] = changes ? OLD : NEW;
        login.lines = 1;
        passwd_expect(&login, PAM_AUTH_ERR, 2, changes ? NEW : OLD, NULL,
                      "not without the old one");
    }
}

/* --- whose password it is --------------------------------------------------------------------- */

static void lock(bool closed)
{
    struct account account = {0};

    passwd_person("alice", &account);
    account.closed = closed;
    account.locked_until = closed ? 0 : TIME_GA + 60;
    account.failures = closed ? 0 : 5;
    person_save(&account, 1);
}

static void test_root(void)
{
    struct login login = {.user = "alice", .answers = {NEW, NEW}};

    for (int closed = -1; closed < 2; closed++) {
        passwd_reset(false);
        if (closed >= 0)
            lock(closed);
        passwd_stack(&(struct stack){.options = ""});
        passwd_change_as_root(&login);
        ok(login.result == PAM_SUCCESS && login.prompts == 2 && passwd_is("alice", NEW),
           "root is asked for the new one alone");
    }
    login.answers[0] = login.answers[1] = OLD;
    login.flags = (int)PAM_CHANGE_EXPIRED_AUTHTOK;
    passwd_reset(true);
    passwd_change_as_root(&login);
    ok(login.result == PAM_AUTH_ERR && passwd_is("alice", OLD),
       "whose login with an expired one is a person's");
}

static void test_locked(void)
{
    struct login login = {.user = "alice", .answers = {OLD, CODE_GA, NEW, NEW}};

    for (int closed = 0; closed < 2; closed++) {
        lock(closed);
        passwd_stack(&(struct stack){.behind = "see"});
        passwd_expect(&login, PAM_PERM_DENIED, 0, OLD, NULL, closed ? "closed" : "locked");
        ok(closed || strstr(login.message, "locked") != NULL, "who is told: %s", login.message);
        login.flags = (int)PAM_SILENT;
        passwd_change(&login);
        ok(login.errors == 0, "or under PAM_SILENT is not");
        login.flags = 0;
    }
    passwd_stack(&(struct stack){.options = "exempt_users=alice"});
    lock(false);
    passwd_change(&login);
    ok(login.result != PAM_SUCCESS && passwd_is("alice", OLD), "locked and exempt");
}

/* Left to the other modules. */
static void test_not_ours(void)
{
    struct account account = {0};
    struct login login = {.user = "alice", .answers = {"", CODE_GA, NEW, NEW}};
    struct login nobody = {.user = "nobody-of-that-name"};

    passwd_stack(&(struct stack){.behind = "see"});
    person_init(&account, "alice", SECRET_GA);
    person_save(&account, 1);
    passwd_change(&login);
    ok(login.result == RESULT_IGNORED && login.prompts == 0, "no password in the store");
    passwd_change_as_root(&login);
    ok(login.result == RESULT_IGNORED && login.prompts == 0, "for root neither");
    passwd_change(&nobody);
    ok(nobody.result == RESULT_IGNORED && nobody.prompts == 0, "nobody the store knows");
}

static void test_not_root(void)
{
    struct login login = {.user = "alice", .answers = {OLD, CODE_GA, NEW, NEW}};

    passwd_reset(false);
    passwd_stack(&(struct stack){.options = ""});
    passwd_change_with(&login, 1, 1);
    ok(login.result == PAM_AUTHTOK_ERR && login.prompts == 0 && passwd_is("alice", OLD) &&
           *login_log("this process is not root's") != '\0',
       "a process that is not root's");
}

int main(void)
{
    host_make(NULL);
    test_expired();
    test_same_again();
    test_mode_auto();
    test_no_proof();
    test_proof_once();
    test_audit();
    test_spared();
    test_spared_login();
    test_unenrolled();
    test_root();
    test_locked();
    test_not_ours();
    test_not_root();
    return host_done();
}
