/* SPDX-License-Identifier: BSD-2-Clause */
/* What comes from outside: options, configuration, user names, answers. And whether an outsider can
 * tell accounts apart. */
#include "config.h"

#include "login.h"
#include "redirect.h"
#include "service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void alice(void)
{
    struct account account = {0};

    person_init(&account, "alice", SECRET_GA);
    person_save(&account, 1);
}

/* No line of the log holds a byte that a terminal would obey, or that is not UTF-8. */
static bool log_is_clean(void)
{
    for (unsigned i = 0; i < log_count(); i++)
        for (const char *p = login_is_helper(log_line(i)) ? "" : log_line(i); *p != '\0'; p++)
            if ((unsigned char)*p < ' ' || *p == 0x7f || (unsigned char)*p >= 0x80)
                return false;
    return true;
}

static void test_options(void)
{
    static const char *const rows[][2] = {
        {"windo=1", "windo"},
        {"window=x", "window"},
        {"window", "window"},
        {"window=", "window"},
        {"window=-1", "window"},
        {"window=1x", "window"},
        {"window=99999999999999999999", "window"},
        {"mode=both", "mode"},
        {"mode", "mode"},
        {"unenrolled=maybe", "unenrolled"},
        {"nullok", "nullok"},
        {"echo=perhaps", "echo"},
        {"lock_time=5y", "lock_time"},
        {"store=", "store"},
        {"store=mysql:x", "store"},
        {"key_file=key", "key_file"},
        {"max_failures=0", "max_failures"},
        {"unenrolled=ignore window=x", "window"},
    };
    char name[128];

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct login login = {.user = "alice", .answers = {CODE_GA}};
        alice();
        host_service("test", rows[i][0], NULL);
        /* The service declines what names another store. */
        redirect_forbid(service_is_way() && strcmp(rows[i][0], "store=mysql:x") != 0);
        login_run(&login);
        snprintf(name, sizeof(name), "option %s", rows[i][0]);
        ok(login.result == PAM_AUTHINFO_UNAVAIL && login_logs() == 1, "%s: denied, one line", name);
        if (!ok(*login_log(rows[i][1]) != '\0', "%s: the line names it", name))
            tap_note("result %d, log: %s", login.result, log_line(0));
    }
    host_service("test", "", NULL);
}

static void test_file(void)
{
    static const char *const rows[][2] = {
        {"windo = 1", ":4"},        {"window = 1\nwindow = 2", ":5"},     {"window", ":4"},
        {"window = ", ":4"},        {"[service test]\nwindow = x", ":5"}, {"[service test", ":4"},
        {"window = 1 # \001", ":4"}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct login login = {.user = "alice", .answers = {CODE_GA}};
        alice();
        host_configure(rows[i][0]);
        login_run(&login);
        bool fine = login.result == PAM_AUTHINFO_UNAVAIL && login_logs() == 1 &&
                    *login_log("totp.conf") != '\0' && *login_log(rows[i][1]) != '\0';
        if (!ok(fine && log_is_clean(), "configuration %zu is refused, with file%s", i + 1,
                rows[i][1]))
            tap_note("result %d, log: %s", login.result, log_line(0));
    }
    host_configure("window = 0\n[service test]\nwindow = 1\n[service other-one]\nwindow = x");
    struct login login = {.user = "alice", .answers = {CODE_GA}};
    login_run(&login);
    ok(login.result == PAM_AUTHINFO_UNAVAIL, "a mistake in another service's section too");
    host_configure("window = 0\n[service test]\nwindow = 1\n");
    clock_set(TIME_GA + 30);
    login_run(&login);
    ok(login.result == PAM_SUCCESS, "the service's section wins over the top");
    alice();
    host_service("test", "window=0", NULL);
    login_run(&login);
    ok(login.result == PAM_AUTH_ERR, "the module line wins over both");
    clock_set(TIME_GA);
    host_service("test", "", NULL);
    char path[512];
    ok(unlink(host_path("totp.conf", path, sizeof(path))) == 0, "no configuration");
    login_run(&login);
    ok(login.result == PAM_AUTHINFO_UNAVAIL && *login_log("totp.conf") != '\0',
       "one that is named must be there");
    host_configure("fail_delay = 0");
    login.answers[0] = CODE_WRONG;
    login_expect(&login, PAM_AUTH_ERR, 1, "fail_delay = 0");
    ok(login.delay == 0, "asks for no delay");
    host_configure("");
}

static void test_users(void)
{
    char long_name[301] = "";
    memset(long_name, 'a', sizeof(long_name) - 1);
    const char *const users[] = {"",
                                 long_name,
                                 "../../x",
                                 "alice\nroot",
                                 "ALICE",
                                 "alice ",
                                 "a\033[2Jb",
                                 "\377\376",
                                 "DOM\\user",
                                 "user@realm",
                                 "alice;rm -rf",
                                 "-alice",
                                 "a'; DROP TABLE account; --",
                                 "%s%s%n"};

    alice();
    for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
        struct login login = {.user = users[i], .answers = {CODE_GA}};
        login_run(&login);
        bool denied = login.result == PAM_AUTH_ERR && login.prompts == 1;
        if (!ok(denied && login_logs() == 1 && !login.leaked && log_is_clean(),
                "user name %zu: asked and denied", i + 1))
            tap_note("result %d, %u prompts, log: %s", login.result, login.prompts, log_line(0));
    }
    static const char *const valid[] = {"DOMAIN\\user", "user@realm"};
    for (size_t i = 0; i < ARRAY_SIZE(valid); i++) {
        struct account account = {0};
        struct login login = {.user = valid[i], .answers = {CODE_GA}};
        person_init(&account, valid[i], SECRET_GA);
        person_save(&account, 1);
        login_expect(&login, PAM_SUCCESS, 1, valid[i]);
    }
    struct login unenrolled = {.user = "alice\nroot"};
    host_service("test", "unenrolled=ignore", NULL);
    login_run(&unenrolled);
    ok(unenrolled.result == RESULT_IGNORED && log_is_clean(), "unenrolled=ignore, a hostile name");
    host_service("test", "", NULL);
}

static void test_answers(void)
{
    char huge[600] = "", full[513] = "";
    memset(huge, '0', sizeof(huge) - 1);
    memset(full, '0', sizeof(full) - 1);
    static const char *const modes[] = {"mode=prompt", "mode=combined", "mode=auto",
                                        "mode=combined password=store"};
    const char *const answers[] = {huge,
                                   full,
                                   "\377\376\300\200",
                                   "\033[31m050548",
                                   "05\a0548",
                                   "\b\n\r\177INCORRECT\b\n\r\177IN",
                                   "%n%n%s",
                                   "050548\t"};
    char name[128];

    for (size_t m = 0; m < ARRAY_SIZE(modes); m++) {
        host_service("test", modes[m], NULL);
        for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
            struct login login = {.user = "alice", .answers = {answers[i], answers[i]}};
            alice();
            login_run(&login);
            snprintf(name, sizeof(name), "%s, answer %zu", modes[m], i + 1);
            /* Behind a password the escape sequence is the password's part. */
            bool part = i == 3 && m == 1;
            ok((login.result == PAM_AUTH_ERR || (part && login.result == PAM_SUCCESS)) &&
                   log_is_clean(),
               "%s: denied", name);
        }
        struct login broken = {.user = "alice", .conversation = ANSWER_ERROR};
        login_run(&broken);
        ok(broken.result == PAM_CONV_ERR, "%s: the conversation fails", modes[m]);
        broken.conversation = ANSWER_NULL;
        login_run(&broken);
        ok(broken.result == PAM_CONV_ERR, "%s: the conversation gives nothing", modes[m]);
        broken.conversation = ANSWER;
        login_run(&broken);
        ok(broken.result == PAM_AUTH_ERR, "%s: an empty answer", modes[m]);
    }
    host_service("test", "", NULL);
}

/* sshd's answer for users it has refused must not lock the real one out. */
static void test_sshd_refusal(void)
{
    struct login login = {.user = "alice", .answers = {"\b\n\r\177INCORRECT\b\n\r\177I"}};
    struct account account CLEANUP(account_clear) = {0};
    bool refused = true;

    alice();
    for (int i = 0; i < 8; i++) {
        login_run(&login);
        refused = refused && login.result == PAM_AUTH_ERR;
    }
    ok(refused && person_load("alice", &account) && account.failures == 0,
       "what sshd sends for a refused user is no failure of alice's");
    login.answers[0] = "";
    login_run(&login);
    account_clear(&account);
    ok(person_load("alice", &account) && account.failures == 0, "nor is an empty answer");
    login.answers[0] = CODE_GA;
    login_expect(&login, PAM_SUCCESS, 1, "who can still log in");
}

static int by_seconds(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Nobody, nobody's device, a lock and a wrong code look alike; times are printed for people. */
static void test_alike(void)
{
    static const struct {
        const char *user, *what;
        int result;
    } rows[] = {{"alice", "wrong code", PAM_AUTH_ERR},
                {"nobody-here", "no such user", PAM_AUTH_ERR},
                {"bare", "no device", PAM_AUTH_ERR},
                {"shut", "locked", PAM_MAXTRIES}};
    struct account bare = {0}, shut = {0};
    double seconds[ARRAY_SIZE(rows)][25];

    account_init(&bare, "bare");
    person_save(&bare, 1);
    person_init(&shut, "shut", SECRET_GA);
    shut.failures = 5;
    shut.locked_until = TIME_GA + 3600;
    person_save(&shut, 1);
    host_service("test", "max_failures=100 quiet", NULL);
    alice();
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct login login = {.user = rows[i].user, .answers = {CODE_WRONG}};
        login_expect(&login, rows[i].result, 1, rows[i].what);
        ok(strcmp(login.text, "One-time code: ") == 0 && login.infos + login.errors == 0 &&
               login.delay > 0,
           "%s: same prompt, nothing told, same delay", rows[i].what);
    }
    for (size_t n = 0; n < ARRAY_SIZE(seconds[0]); n++) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
            struct login login = {.user = rows[i].user, .answers = {CODE_WRONG}};
            login_run(&login);
            seconds[i][n] = login.seconds;
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        qsort(seconds[i], ARRAY_SIZE(seconds[i]), sizeof(double), by_seconds);
        tap_note("%-12s %.2f ms, middle half %.2f to %.2f", rows[i].what, seconds[i][12] * 1e3,
                 seconds[i][6] * 1e3, seconds[i][18] * 1e3);
    }
    host_service("test", "", NULL);
}

static void test_origin(void)
{
    struct login login = {
        .user = "alice", .rhost = "192.0.2.1", .tty = "ssh", .answers = {CODE_GA}};

    alice();
    login_expect(&login, PAM_SUCCESS, 1, "a login from somewhere");
    const char *line = login_log("accepted");
    static const char *const fields[] = {"user=alice", "service=test", "rhost=192.0.2.1",
                                         "tty=ssh",    "method=totp",  "device=phone"};
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        ok(strstr(line, fields[i]) != NULL, "the log has %s", fields[i]);
    login.rhost = "evil\nlogin accepted user=root";
    login.tty = "\033[0m";
    login_run(&login);
    ok(log_is_clean() && login_logs() == 1, "hostile host and tty are escaped");
    ok(login.result == PAM_AUTH_ERR && *login_log("replayed") != '\0', "a replay is named so");
}

static void test_account(void)
{
    struct account account = {0};
    struct login login = {.user = "alice"};

    alice();
    login_account(&login);
    ok(login.result == PAM_SUCCESS && login.prompts == 0, "account: open");
    person_init(&account, "alice", SECRET_GA);
    account.closed = true;
    person_save(&account, 1);
    login_account(&login);
    ok(login.result == PAM_PERM_DENIED && login_logs() == 1, "account: closed is refused");
    login.answers[0] = CODE_GA;
    login_expect(&login, PAM_MAXTRIES, 1, "auth: closed is refused");
    account.closed = false;
    account.locked_until = TIME_GA + 10;
    account.failures = 5;
    person_save(&account, 1);
    login_account(&login);
    ok(login.result == PAM_PERM_DENIED, "account: locked is refused");
}

int main(void)
{
    host_make(NULL);
    test_options();
    test_file();
    test_users();
    test_answers();
    test_sshd_refusal();
    test_alike();
    test_origin();
    test_account();
    return host_done();
}
