/* SPDX-License-Identifier: BSD-2-Clause */
/* A success not long ago spares the next code: where it was, how long, and what ends it. */
#include "config.h"

#include "login.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define HOUR 3600
#define HERE "192.0.2.1"

/* crypt(3) of "password", cheap. */
#define PASSWORD_HASH                      \
    "$6$rounds=1000$totptest$ZP/5PpFJhbH/" \
    "GxLXjzCYcmqgv2dovdfkaBYpabV8Z1MgEisM.MGu7x5VrnZP5nZWP/F.XfBtFkQKglc4GZPQn1"

static struct account account;

struct place {
    const char *service, *rhost, *tty;
};

/* Two devices, so that one can go. */
static void alice(void)
{
    struct device spare;

    person_init(&account, "bob", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
    spare = account.devices[0];
    memcpy(spare.label, "spare", sizeof("spare"));
    person_init(&account, "alice", SECRET_GA);
    memcpy(account.password, PASSWORD_HASH, sizeof(PASSWORD_HASH));
    host_need(account_add_device(&account, &spare) == 0, "a second device");
    person_save(&account, 1);
    clock_set(TIME_GA);
}

static void earn(const struct place *place)
{
    struct login login = {.service = place->service,
                          .user = "alice",
                          .rhost = place->rhost,
                          .tty = place->tty,
                          .answers = {CODE_GA}};

    alice();
    login_run(&login);
    if (login.result != PAM_SUCCESS || login.prompts != 1)
        ok(false, "a login with a code: %d", login.result);
}

/* Whether nothing is asked. An empty answer is no attempt. */
static bool is_spared(const struct place *place)
{
    struct login login = {
        .service = place->service, .user = "alice", .rhost = place->rhost, .tty = place->tty};

    login_run(&login);
    if (login.result == PAM_SUCCESS && login.prompts == 0)
        return login_logs() == 1 && *login_log("login grace user=alice") != '\0';
    if (login.result != PAM_AUTH_ERR || login.prompts != 1)
        ok(false, "neither spared nor asked: %d, %u prompts", login.result, login.prompts);
    return false;
}

static void test_places(void)
{
    static const struct {
        const char *name;
        struct place first, second;
        bool spared;
    } rows[] = {
        {"the same host", {NULL, HERE, "ssh"}, {NULL, HERE, "ssh"}, true},
        {"the same host, another terminal", {NULL, HERE, "pts/1"}, {NULL, HERE, "pts/2"}, true},
        {"another host", {NULL, HERE, "ssh"}, {NULL, "192.0.2.2", "ssh"}, false},
        {"another service", {NULL, HERE, "ssh"}, {"second", HERE, "ssh"}, false},
        {"from another service", {"second", HERE, "ssh"}, {NULL, HERE, "ssh"}, false},
        {"the host, IPv4-mapped", {NULL, HERE, NULL}, {NULL, "::ffff:" HERE, NULL}, true},
        {"the host, from IPv4-mapped", {NULL, "::ffff:c000:201", NULL}, {NULL, HERE, NULL}, true},
        {"IPv6 in two spellings",
         {NULL, "2001:db8::1", NULL},
         {NULL, "2001:DB8:0:0:0:0:0:01", NULL},
         true},
        {"IPv6, the neighbour", {NULL, "2001:db8::1", NULL}, {NULL, "2001:db8::2", NULL}, false},
        {"a name", {NULL, "host.example", "ssh"}, {NULL, "host.example", "ssh"}, false},
        {"a zone", {NULL, "fe80::1%eth0", "ssh"}, {NULL, "fe80::1%eth0", "ssh"}, false},
        {"the same terminal", {NULL, NULL, "/dev/tty1"}, {NULL, NULL, "/dev/tty1"}, true},
        {"another terminal", {NULL, NULL, "/dev/tty1"}, {NULL, NULL, "/dev/tty2"}, false},
        {"nowhere", {NULL, NULL, NULL}, {NULL, NULL, NULL}, false},
        {"empty names", {NULL, "", ""}, {NULL, "", ""}, false},
        {"a host, then its terminal's name", {NULL, HERE, "ssh"}, {NULL, NULL, "ssh"}, false},
        {"a terminal called as a host", {NULL, NULL, HERE}, {NULL, HERE, NULL}, false},
        {"a host called as a terminal", {NULL, "tty:x", NULL}, {NULL, NULL, "x"}, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        earn(&rows[i].first);
        ok(is_spared(&rows[i].second) == rows[i].spared, "%s: %s", rows[i].name,
           rows[i].spared ? "nothing is asked" : "a code is asked for");
    }
}

static void test_people(void)
{
    struct login login = {.user = "bob", .rhost = HERE};
    const struct place here = {NULL, HERE, NULL};

    earn(&here);
    person_init(&account, "bob", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
    person_save(&account, 1);
    login_expect(&login, PAM_AUTH_ERR, 1, "another person in the same place");
    login = (struct login){.user = "nobody-of-that-name", .rhost = HERE};
    login_expect(&login, PAM_AUTH_ERR, 1, "nobody in the same place");
}

static void test_times(void)
{
    const struct place here = {NULL, HERE, NULL};

    earn(&here);
    clock_set(TIME_GA + HOUR - 1);
    ok(is_spared(&here), "in the last second");
    clock_set(TIME_GA + HOUR);
    ok(!is_spared(&here), "a second later; what was spared has not made it longer");
    clock_set(TIME_GA - 1);
    ok(!is_spared(&here), "the clock a second back");
    clock_set(TIME_GA - 24 * HOUR);
    ok(!is_spared(&here), "the clock a day back");
    clock_set(TIME_GA + 1);
    ok(is_spared(&here), "the clock put right");
    host_service("test", "", NULL);
    ok(!is_spared(&here), "without the option");
    host_service("test", "grace=1s", NULL);
    ok(!is_spared(&here), "with a shorter one");
    host_service("test", "grace=1h", NULL);
    ok(is_spared(&here), "and again with the first");
}

static void test_nothing_earned(void)
{
    struct login login = {.user = "alice", .rhost = HERE, .answers = {CODE_WRONG}};
    const struct place here = {NULL, HERE, NULL};

    alice();
    login_expect(&login, PAM_AUTH_ERR, 1, "a wrong code");
    ok(!is_spared(&here), "earns nothing");
    host_service("test", "", NULL);
    login.answers[0] = CODE_GA;
    login_expect(&login, PAM_SUCCESS, 1, "a right one without the option");
    host_service("test", "grace=1h", NULL);
    ok(!is_spared(&here), "earns nothing that counts with it");
}

static bool run(const char *a, const char *b, const char *c)
{
    int status = -1;

    return waitpid(host_totpctl("", (const char *const[]){a, b, c, NULL}), &status, 0) > 0 &&
           status == 0;
}

static void test_ends(void)
{
    static const struct {
        const char *name, *verb, *what, *back;
    } rows[] = {{"lock", "lock", NULL, "unlock"},
                {"disable", "disable", NULL, "enable"},
                {"remove of a device", "remove", "spare", NULL},
                {"set grace=clear", "set", "grace=clear", NULL}};
    const struct place here = {NULL, HERE, NULL};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        earn(&here);
        ok(run(rows[i].verb, "alice", rows[i].what), "totpctl %s", rows[i].name);
        if (rows[i].back != NULL)
            ok(run(rows[i].back, "alice", NULL), "totpctl %s", rows[i].back);
        ok(!is_spared(&here), "%s ends it", rows[i].name);
    }
    earn(&here);
    ok(run("set", "alice", "email=alice@example.org") && is_spared(&here),
       "another change does not");
}

/* Wrong codes from elsewhere lock; what was earned here does not open. */
static void test_locked(void)
{
    const struct place here = {NULL, HERE, NULL};
    struct login login = {.user = "alice", .rhost = "192.0.2.9", .answers = {CODE_WRONG}};

    earn(&here);
    host_service("test", "grace=1h max_failures=1", NULL);
    login_expect(&login, PAM_AUTH_ERR, 1, "a failure that locks");
    login.rhost = HERE;
    login_expect(&login, PAM_MAXTRIES, 1, "locked beats grace");
    clock_set(TIME_GA + 60);
    ok(!is_spared(&here), "and has ended it");
    earn(&here);
    ok(run("lock", "alice", NULL), "closed");
    login_expect(&login, PAM_MAXTRIES, 1, "closed beats grace");
    host_service("test", "grace=1h", NULL);
}

/* What spares the code spares no password. */
static void test_passwords(void)
{
    struct login login = {.user = "alice", .rhost = HERE};
    const struct place here = {NULL, HERE, NULL};

    earn(&here);
    host_service("test", "grace=1h mode=combined", NULL);
    login.answers[0] = "password";
    login_expect(&login, PAM_SUCCESS, 1, "combined: the password alone");
    ok(strstr(login.forwarded, "<password>") != NULL, "combined: is handed on whole");
    login.answers[0] = "password" CODE_WRONG;
    login_expect(&login, PAM_SUCCESS, 1, "combined: with a wrong code");
    ok(strstr(login.forwarded, "<password" CODE_WRONG ">") != NULL,
       "combined: is no password of theirs, and handed on whole");
    host_service("test", "grace=1h mode=combined password=store", NULL);
    login.answers[0] = "passwort";
    login_expect(&login, PAM_AUTH_ERR, 1, "store: a wrong password");
    ok(person_load("alice", &account) && account.failures == 1, "store: counts");
    login.answers[0] = "password";
    login_expect(&login, PAM_SUCCESS, 1, "store: the right one alone");
    host_service("test", "grace=1h mode=auto password=store", "password");
    login_expect(&login, PAM_SUCCESS, 0, "auto, store: one that was obtained before");
    host_service("test", "grace=1h mode=auto", "password");
    login_expect(&login, PAM_SUCCESS, 0, "auto: one that was obtained before");
    host_service("test", "grace=1h", NULL);
}

int main(void)
{
    host_make(NULL);
    host_service("test", "grace=1h", NULL);
    host_service("second", "grace=1h", NULL);
    test_places();
    test_people();
    test_times();
    test_nothing_earned();
    test_ends();
    test_locked();
    test_passwords();
    return host_done();
}
