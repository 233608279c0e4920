/* SPDX-License-Identifier: BSD-2-Clause */
/* Whom the lists spare the code: the module has no say then, and says so in the log; what cannot
 * be found out spares nobody. */
#include "config.h"

#include "login.h"
#include "redirect.h"
#include "service.h"

#include <stdio.h>
#include <string.h>

/* Somebody every host knows, in a group of their own. */
#define USER "daemon"
#define USER_UID 1

/* crypt(3) of "password", cheap. */
#define PASSWORD_HASH                      \
    "$6$rounds=1000$totptest$ZP/5PpFJhbH/" \
    "GxLXjzCYcmqgv2dovdfkaBYpabV8Z1MgEisM.MGu7x5VrnZP5nZWP/F.XfBtFkQKglc4GZPQn1"

static struct account account;

static void person(void)
{
    person_init(&account, USER, SECRET_GA);
    memcpy(account.password, PASSWORD_HASH, sizeof(PASSWORD_HASH));
    person_save(&account, 1);
}

static void test_lists(void)
{
    static const struct {
        const char *option, *user, *rhost, *list; /* NULL: a code is asked for */
    } rows[] = {
        {"exempt_users=" USER, USER, NULL, "user"},
        {"exempt_users=root,backup,  " USER, USER, NULL, "user"},
        {"exempt_users=" USER, "bin", NULL, NULL},
        {"exempt_users=" USER, "Daemon", NULL, NULL},
        {"exempt_users=" USER "s", USER, NULL, NULL},
        {"exempt_users=nobody-of-that-name", "nobody-of-that-name", NULL, "user"},
        {"exempt_groups=" USER, USER, NULL, "group"},
        {"exempt_groups=no-group-of-that-name," USER, USER, NULL, "group"},
        {"exempt_groups=no-group-of-that-name", USER, NULL, NULL},
        {"exempt_groups=root", USER, NULL, NULL},
        {"exempt_groups=" USER, "nobody-of-that-name", NULL, NULL},
        {"exempt_networks=192.0.2.0/24", USER, "192.0.2.77", "network"},
        {"exempt_networks=192.0.2.0/24", USER, "::ffff:192.0.2.77", "network"},
        {"exempt_networks=192.0.2.0/24", USER, "192.0.3.1", NULL},
        {"exempt_networks=192.0.2.0/24", USER, NULL, NULL},
        {"exempt_networks=192.0.2.0/24", USER, "", NULL},
        {"exempt_networks=192.0.2.0/24", USER, "host.example", NULL},
        {"exempt_networks=192.0.2.0/24", USER, "192.0.2.77 ", NULL},
        {"exempt_networks=0.0.0.0/0", USER, "2001:db8::1", NULL},
        {"exempt_networks=0.0.0.0/0", USER, NULL, NULL},
        {"exempt_networks=127.0.0.1,::1", USER, NULL, NULL},
        {"exempt_networks=2001:db8::/32,198.51.100.1", USER, "2001:db8:1::1", "network"},
        {"exempt_networks=2001:db8::/32,198.51.100.1", USER, "198.51.100.1", "network"},
        {"exempt_networks=2001:db8::/32,198.51.100.1", USER, "fe80::1%eth0", NULL},
        {"exempt_users=root exempt_groups=root exempt_networks=192.0.2.1", USER, "192.0.2.2", NULL},
    };
    char options[256], line[128];

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct login login = {.user = rows[i].user, .rhost = rows[i].rhost};
        const bool blank = strchr(rows[i].option, ' ') != NULL && strstr(rows[i].option, ", ");
        snprintf(options, sizeof(options), blank ? "[%s]" : "%s", rows[i].option);
        person();
        host_service("test", options, NULL);
        login_expect(&login, rows[i].list != NULL ? RESULT_IGNORED : PAM_AUTH_ERR,
                     rows[i].list != NULL ? 0 : 1, rows[i].option);
        if (rows[i].list == NULL)
            continue;
        snprintf(line, sizeof(line), "login exempt user=%s", rows[i].user);
        const char *logged = login_log(line);
        snprintf(line, sizeof(line), "method=%s", rows[i].list);
        ok(strstr(logged, line) != NULL, "%s: logged, with the list: %s", rows[i].option, logged);
    }
}

/* Of whom is not root the service takes neither line nor place. */
static void test_not_root(struct login *login)
{
    if (!host_has_people()) {
        tap_skip("a process of another user needs root");
        return;
    }
    host_configure("exempt_networks = 192.0.2.0/24");
    login_run_as(login, USER_UID, USER_UID);
    ok(login->result == PAM_AUTH_ERR && login->prompts == 1, "is not believed where they are: %d",
       login->result);
    host_configure("exempt_groups = " USER);
    login_run_as(login, USER_UID, USER_UID);
    ok(login->result == RESULT_IGNORED && login->prompts == 0, "and is known by their groups: %d",
       login->result);
}

static void test_files(void)
{
    struct login login = {.user = USER, .rhost = "192.0.2.7"};

    person();
    host_service("test", "", NULL);
    host_configure("exempt_networks = 192.0.2.0/24");
    login_expect(&login, RESULT_IGNORED, 0, "a list in the file");
    host_configure("[service other]\nexempt_networks = 192.0.2.0/24");
    login_expect(&login, PAM_AUTH_ERR, 1, "a list for another service");
    host_configure("[service test]\nexempt_networks = 192.0.2.0/24");
    login_expect(&login, RESULT_IGNORED, 0, "a list for this service");
    host_service("test", "exempt_networks=198.51.100.0/24", NULL);
    login_expect(&login, PAM_AUTH_ERR, 1, "the module's line wins");
    host_service("test", "", NULL);
    if (service_is_way())
        test_not_root(&login);
    host_configure("");
}

static void test_standing(void)
{
    static const struct {
        const char *name;
        bool closed, locked;
        int result, management;
    } rows[] = {{"open", false, false, RESULT_IGNORED, PAM_SUCCESS},
                {"locked by others' guesses", false, true, RESULT_IGNORED, PAM_SUCCESS},
                {"closed", true, false, PAM_MAXTRIES, PAM_PERM_DENIED}};

    host_service("test", "exempt_users=" USER, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct login login = {.user = USER, .answers = {CODE_GA}};
        person();
        account.closed = rows[i].closed;
        account.locked_until = rows[i].locked ? TIME_GA + 60 : 0;
        person_save(&account, 1);
        login_expect(&login, rows[i].result, rows[i].closed ? 1 : 0, rows[i].name);
        login_account(&login);
        ok(login.result == rows[i].management, "%s: account management: %d", rows[i].name,
           login.result);
    }
}

/* Nothing that fails makes anybody exempt. */
static void test_errors(void)
{
    static const char *const errors[] = {"store=sqlite:/nonexistent/totp.db",
                                         "key_file=/nonexistent/key", "window=x",
                                         "exempt_networks=192.0.2.1/24", ("exempt_users=," USER)};
    char options[256];

    redirect_forbid(false);
    for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
        struct login login = {.user = USER};
        snprintf(options, sizeof(options), "%s%s", errors[i],
                 strstr(errors[i], "exempt_users") != NULL ? "" : " exempt_users=" USER);
        host_service("test", options, NULL);
        login_run(&login);
        ok(login.result == PAM_AUTHINFO_UNAVAIL && login.prompts == 0, "%s: %d", options,
           login.result);
    }
    redirect_forbid(service_is_way());
}

static void test_modes(void)
{
    static const struct {
        const char *name, *options, *preset, *answer;
        int result;
        unsigned prompts;
        const char *forwarded;
    } rows[] = {
        {"combined", "mode=combined", NULL, "password", RESULT_IGNORED, 1, "<password>"},
        {"combined, wrong code", "mode=combined", NULL, "password" CODE_WRONG, RESULT_IGNORED, 1,
         "<password" CODE_WRONG ">"},
        {"combined, right code", "mode=combined", NULL, "password" CODE_GA, PAM_SUCCESS, 1,
         "<password>"},
        {"combined, obtained", "mode=combined", "password", NULL, RESULT_IGNORED, 0, "<password>"},
        {"auto", "mode=auto", NULL, NULL, RESULT_IGNORED, 0, "<none>"},
        {"auto, obtained", "mode=auto", "password" CODE_WRONG, NULL, RESULT_IGNORED, 0,
         "<password" CODE_WRONG ">"},
        {"store, right", "mode=combined password=store", NULL, "password", PAM_SUCCESS, 1,
         "<none>"},
        {"store, wrong", "mode=combined password=store", NULL, "passwort", PAM_AUTH_ERR, 1,
         "<none>"},
        {"store, empty", "mode=combined password=store", NULL, "", PAM_AUTH_ERR, 1, "<none>"},
    };
    char options[256];

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct login login = {.user = USER, .answers = {rows[i].answer}};
        snprintf(options, sizeof(options), "exempt_users=" USER " %s", rows[i].options);
        person();
        host_service("test", options, rows[i].preset);
        login_run(&login);
        ok(login.result == rows[i].result && login.prompts == rows[i].prompts &&
               strstr(login.forwarded, rows[i].forwarded) != NULL,
           "%s: %d, %u prompts, hands on %s", rows[i].name, login.result, login.prompts,
           login.forwarded);
    }
}

int main(void)
{
    host_make(NULL);
    test_lists();
    test_files();
    test_standing();
    test_errors();
    test_modes();
    return host_done();
}
