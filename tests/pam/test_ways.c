/* SPDX-License-Identifier: BSD-2-Clause */
/* One login, two ways: the service's and, in a process of root's that finds none, the engine's. A
 * person sees no difference, and a process that is not root has the one way alone. */
#include "config.h"

#include "login.h"
#include "redirect.h"
#include "service.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_OTHER "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
#define STRANGER 54321 /* nobody has this number */
#define OVERFLOW 65534

static int64_t step = STEP_GA;

/* Killed, not asked to go: what it leaves behind disturbs nobody. */
static void take_way(bool service)
{
    if (service && !service_is_there())
        service_start();
    else if (!service)
        service_kill();
}

static void person(const char *name, struct account *account)
{
    person_init(account, name, SECRET_GA);
    person_save(account, 1);
}

/* Under debug the module says which way a login went; and only one of them takes the engine. */
static bool went(bool service, unsigned engines)
{
    return *login_log(service ? "answered" : "done here, without the service") != '\0' &&
           redirect_given() == engines + !service;
}

enum kind { TOTP, HOTP, BACKUP, KINDS };

static void prepare(enum kind kind, struct account *account, char codes[2][32])
{
    char code[9] = "", token[CODE_TOKEN_SIZE];

    if (kind == HOTP)
        person_init_hotp(account, "alice", SECRET_GA, 1);
    else
        person_init(account, "alice", SECRET_GA);
    for (int i = 0; i < 2; i++) {
        person_code(account, kind == HOTP ? 1 + i : step + i, code);
        snprintf(codes[i], sizeof(codes[i]), "%s", code);
    }
    for (int i = 0; kind == BACKUP && i < 2; i++) {
        person_add_token(account, token);
        snprintf(codes[i], sizeof(codes[i]), "%s", token);
    }
    person_save(account, 1);
    clock_set(step * 30);
}

/* A code that was good one way is used up for the other; then the other way is first. */
static void test_between(enum kind kind, bool first)
{
    static const char *const names[KINDS] = {"TOTP", "HOTP", "backup token"};
    static const char *const ways[] = {"the engine", "the service"};
    struct account account CLEANUP(account_clear) = {0};
    char codes[2][32];

    prepare(kind, &account, codes);
    for (int turn = 0; turn < 4; turn++) {
        const bool way = turn == 0 || turn == 3 ? first : !first, fresh = turn % 2 == 0;
        struct login login = {.user = "alice", .answers = {codes[turn / 2]}};
        const unsigned engines = redirect_given();
        take_way(way);
        login_run(&login);
        ok(login.result == (fresh ? PAM_SUCCESS : PAM_AUTH_ERR) && went(way, engines) &&
               !login.leaked,
           "%s, %s by %s", names[kind], fresh ? "accepted" : "refused when used again", ways[way]);
    }
}

/* Wrong codes add up, and the lock they bring holds both ways. */
static void test_lock(void)
{
    struct account account CLEANUP(account_clear) = {0};
    struct login login = {.user = "alice", .answers = {CODE_WRONG}};
    bool wrong = true;

    person("alice", &account);
    for (int i = 0; i < 5; i++) {
        take_way(i % 2 == 0);
        login_run(&login);
        wrong = wrong && login.result == PAM_AUTH_ERR;
    }
    ok(wrong, "five wrong codes, now this way, now that");
    for (int way = 0; way <= 1; way++) {
        take_way(way == 1);
        login_run(&login);
        ok(login.result == PAM_MAXTRIES && login.errors == 1, "are a lock, way %d", way);
        login_account(&login);
        ok(login.result == PAM_PERM_DENIED, "also for account management, way %d", way);
    }
}

/* The same logins, once one way only and once with the way changing, come to the same. */
static void test_mixture(void)
{
    enum { LOGINS = 60 };
    static const char *const typed[] = {"", CODE_WRONG, "x", NULL, NULL, NULL};
    struct account account CLEANUP(account_clear) = {0};
    char line[LOGINS][LOG_LINE_SIZE] = {""}, code[9];
    int result[LOGINS] = {0};
    unsigned same = 0, successes = 0;

    host_configure("");
    for (int round = 0; round <= 1; round++) {
        person("alice", &account);
        srand(1);
        for (int64_t i = 0; i < LOGINS; i++) {
            /* Codes of now, of before and of later. */
            const char *answer = typed[(size_t)rand() % ARRAY_SIZE(typed)];
            struct login login = {.user = "alice", .answers = {answer != NULL ? answer : code}};
            person_code(&account, STEP_GA + i + rand() % 5 - 2, code);
            clock_set((STEP_GA + i) * 30);
            take_way(round == 1 && i % 3 != 0);
            login_run(&login);
            if (round == 0) {
                result[i] = login.result;
                snprintf(line[i], sizeof(line[i]), "%s", login_log("login "));
                successes += login.result == PAM_SUCCESS;
            } else {
                same += result[i] == login.result && strcmp(line[i], login_log("login ")) == 0;
            }
        }
    }
    ok(same == LOGINS && successes > 5, "%d logins, %u accepted: %u the same both ways", LOGINS,
       successes, same);
}

/* --- what the service does not serve ---------------------------------------------------------- */

/* A command on two files of the host. */
static void run(const char *command, const char *first, const char *second)
{
    char line[1200], a[512], b[512];

    snprintf(line, sizeof(line), "%s '%s' '%s'", command, host_path(first, a, sizeof(a)),
             host_path(second, b, sizeof(b)));
    host_need(system(line) == 0, line);
}

/* Another store, key file or configuration is not the service's: root's process uses it itself. */
static void test_not_served(void)
{
    static const struct {
        const char *what, *option, *file;
    } rows[] = {{"store", "store=sqlite:", "other/totp.db"},
                {"key file", "key_file=", "other-key"},
                {"configuration", NULL, NULL}};
    struct account account CLEANUP(account_clear) = {0};
    char path[512], option[600], code[9];

    host_configure("debug = yes");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        take_way(false);
        person("alice", &account);
        person_next_code(&account, &step, code);
        run("cp -pR", "store", "other");
        run("cp -p", "key", "other-key");
        run("cp -p", "totp.conf", "other.conf");
        take_way(true);
        if (rows[i].option != NULL) {
            host_path(rows[i].file, path, sizeof(path));
            snprintf(option, sizeof(option), "%s%s", rows[i].option, path);
            host_service("test", option, NULL);
        } else {
            run("sed -i s/totp.conf/other.conf/", "pam.d/test", "pam.d/test");
        }
        const unsigned engines = redirect_given();
        struct login login = {.user = "alice", .answers = {code}};
        login_run(&login);
        ok(login.result == PAM_SUCCESS && went(false, engines) &&
               *login_log("is for this configuration") != '\0',
           "another %s is not served, but used", rows[i].what);
        host_service("test", "", NULL);
        login_run(&login);
        /* What was used in the other store is new in this one. */
        ok(login.result == (i == 0 ? PAM_SUCCESS : PAM_AUTH_ERR), "and the service goes on");
        run("rm -rf", "other", "other-key");
    }
}

/* --- who asks --------------------------------------------------------------------------------- */

static uid_t somebody(const char *name)
{
    const struct passwd *entry = getpwnam(name);

    return entry != NULL && entry->pw_uid != 0 ? entry->pw_uid : 0;
}

static void expect_as(uid_t real, uid_t effective, const char *user, const char *code, int result,
                      const char *says, const char *name)
{
    struct login login = {.user = user, .answers = {code}};

    login_run_as(&login, real, effective);
    if (!ok(login.result == result && login.prompts == 1 && !login.leaked &&
                *login_log(says) != '\0',
            "%s", name))
        for (unsigned i = 0; i < log_count(); i++)
            tap_note("result %d, log: %s", login.result, log_line(i));
}

static void test_own_account(uid_t games)
{
    struct account people[2] = {{0}};
    char code[9], wrong[9] = CODE_WRONG;

    person_init(&people[0], "games", SECRET_GA);
    person_init(&people[1], "daemon", SECRET_GA);
    person_save(people, 2);
    take_way(true);
    person_next_code(&people[0], &step, code);
    expect_as(games, games, "games", wrong, PAM_AUTH_ERR, "wrong", "a user: a wrong code");
    expect_as(games, games, "games", code, PAM_SUCCESS, "answered", "the right one");
    expect_as(games, games, "games", code, PAM_AUTH_ERR, "replayed", "is good once");
    expect_as(games, games, "daemon", code, PAM_AUTHINFO_UNAVAIL, "not permitted",
              "another's account is not asked about");
    expect_as(games, games, "nobody-here", code, PAM_AUTHINFO_UNAVAIL, "not permitted",
              "nor is one there is not");
    expect_as(games, games, "root", code, PAM_AUTHINFO_UNAVAIL, "not permitted", "nor is root's");
    expect_as(STRANGER, STRANGER, "games", code, PAM_AUTHINFO_UNAVAIL, "not permitted",
              "a user this host does not know");
    expect_as(OVERFLOW, OVERFLOW, "nobody", code, PAM_AUTHINFO_UNAVAIL, "not permitted",
              "the number of users this host cannot know");
    expect_as(games, 0, "daemon", code, PAM_SUCCESS, "answered",
              "a set-user-ID program of root's asks about everybody");
    person_next_code(&people[1], &step, code);
    expect_as(0, games, "daemon", code, PAM_AUTHINFO_UNAVAIL, "not permitted",
              "one that acts as a user does not");
    expect_as(0, 0, "daemon", code, PAM_SUCCESS, "answered", "nothing of this used the code");
}

/* Whoever is not root does not make the rules: their line stands in no file of root's. */
static void test_own_rules(uid_t games)
{
    struct account account CLEANUP(account_clear) = {0};
    char code[9];

    person("games", &account);
    person_next_code(&account, &step, code);
    clock_set((step + 5) * 30);
    host_service("test", "window=10", NULL);
    expect_as(games, games, "games", code, PAM_AUTH_ERR, "wrong",
              "a user's own window is not used");
    expect_as(0, 0, "games", code, PAM_SUCCESS, "accepted", "root's line is");
    host_service("test", "", NULL);
}

static void test_alone(uid_t games)
{
    static const char denied[] = "denied, this process is not root's and has no service";
    struct account account CLEANUP(account_clear) = {0};
    char code[9];

    person("games", &account);
    person_next_code(&account, &step, code);
    take_way(false);
    expect_as(games, games, "games", code, PAM_AUTHINFO_UNAVAIL, denied,
              "no service: a user is denied");
    host_service("test", "unenrolled=ignore", NULL);
    struct login login = {.user = "nobody-here", .answers = {code}};
    login_run_as(&login, games, games);
    ok(login.result == PAM_AUTHINFO_UNAVAIL && *login_log(denied) != '\0',
       "also where those without a device are let pass");
    host_service("test", "socket=", NULL);
    expect_as(games, games, "games", code, PAM_AUTHINFO_UNAVAIL, "names no socket",
              "and where no socket is configured");
    host_service("test", "", NULL);
    take_way(true);
    expect_as(games, games, "games", code, PAM_SUCCESS, "answered",
              "with it the code is still good");
}

int main(void)
{
    const uid_t games = host_has_people() ? somebody("games") : 0;

    host_make(NULL);
    host_configure("debug = yes");
    for (int kind = TOTP; kind < KINDS; kind++)
        for (int first = 0; first <= 1; first++)
            test_between((enum kind)kind, first == 1);
    test_lock();
    test_mixture();
    test_not_served();
    if (games != 0) {
        test_own_account(games);
        test_own_rules(games);
        test_alone(games);
    } else {
        tap_skip("users need root, and one named games");
    }
    take_way(false);
    return host_done();
}
