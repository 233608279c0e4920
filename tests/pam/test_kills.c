/* SPDX-License-Identifier: BSD-2-Clause */
/* SIGKILL at any moment of a login, of totpctl or of the service: the next login works, and the
 * code of the killed one is good at most once. */
#include "config.h"

#include "login.h"
#include "redirect.h"
#include "service.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KILLS 200
#define TRIES (10 * KILLS) /* some have ended before they are killed */

static int64_t step = STEP_GA;
static struct account alice;

/* The code of the next step, which is now. */
static void next_code(char code[static 9])
{
    person_next_code(&alice, &step, code);
}

/* Moments spread evenly over the victim's life, which is measured: some before it begins its work,
 * some after it has ended. */
static void pause_in(double life, unsigned n, unsigned count)
{
    double moment = life * (double)(n % count) / count;
    struct timespec pause = {.tv_sec = (time_t)moment,
                             .tv_nsec = (long)((moment - (double)(time_t)moment) * 1e9)};

    nanosleep(&pause, NULL);
}

static void kill_after(pid_t victim, unsigned n, double life)
{
    pause_in(life, n, KILLS);
    kill(victim, SIGKILL);
}

static double seconds(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* What a killed process had time to say. */
static bool said_success(int fd)
{
    char byte = 0;

    return read(fd, &byte, 1) == 1;
}

static pid_t start_login(const char *code, int *answer)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        exit(1);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        if (login_as("alice", code) == PAM_SUCCESS)
            _exit(write(ends[1], "y", 1) == 1 ? 0 : 1);
        _exit(1);
    }
    close(ends[1]);
    *answer = ends[0];
    return child;
}

static double login_life(void)
{
    char code[9];
    int answer = -1;

    next_code(code);
    double start = seconds();
    pid_t child = start_login(code, &answer);
    waitpid(child, NULL, 0);
    close(answer);
    return seconds() - start;
}

static void test_killed_logins(void)
{
    unsigned killed = 0, said = 0, unused = 0, twice = 0, stuck = 0;
    double life = (login_life() + login_life() + login_life()) / 3;
    char code[9];

    for (unsigned n = 0; killed < KILLS && n < TRIES; n++) {
        int answer = -1, status = 0;
        next_code(code);
        pid_t victim = start_login(code, &answer);
        kill_after(victim, n, life);
        waitpid(victim, &status, 0);
        killed += WIFSIGNALED(status);
        bool yes = said_success(answer);
        close(answer);
        bool again = login_as("alice", code) == PAM_SUCCESS;
        said += yes;
        unused += again;
        twice += (yes && again) || login_as("alice", code) == PAM_SUCCESS;
        next_code(code);
        stuck += login_as("alice", code) != PAM_SUCCESS;
    }
    ok(killed == KILLS, "%u logins killed before their end; %u had said yes", killed, said);
    ok(twice == 0, "no code was good twice (%u were still unused)", unused);
    ok(stuck == 0, "each next login worked");
}

static void test_killed_totpctl(void)
{
    static const char *const verbs[][6] = {
        {"set", "alice", "full_name=Alice Liddell", NULL},
        {"backup", "new", "alice", NULL},
        {"--json", "enroll", "bob", "--no-confirm", "--replace", NULL},
        {"verify", "alice", NULL},
    };
    unsigned killed = 0, stuck = 0;
    double life[ARRAY_SIZE(verbs)] = {0};

    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
        double start = seconds();
        pid_t child = host_totpctl(CODE_WRONG "\n", verbs[i]);
        waitpid(child, NULL, 0);
        life[i] = seconds() - start;
    }
    for (unsigned n = 0; killed < KILLS && n < TRIES; n++) {
        char code[9];
        int status = 0;
        size_t i = n % ARRAY_SIZE(verbs);
        pid_t victim = host_totpctl(CODE_WRONG "\n", verbs[i]);
        kill_after(victim, n, life[i]);
        waitpid(victim, &status, 0);
        killed += WIFSIGNALED(status);
        next_code(code);
        stuck += login_as("alice", code) != PAM_SUCCESS;
    }
    ok(killed == KILLS, "%u totpctl killed before their end", killed);
    ok(stuck == 0, "each next login worked");
}

/* --- the service ------------------------------------------------------------------------------ */

#define CROWD 8
#define ROUNDS 100

static struct account people[CROWD];

/* Many log in at once: what is judged together is killed together. */
struct crowd {
    pid_t child[CROWD];
    int answer[CROWD];
};

static void crowd_start(struct crowd *crowd)
{
    char code[9];
    int ends[2];

    clock_set(++step * 30);
    fflush(stdout);
    for (size_t i = 0; i < CROWD; i++) {
        person_code(&people[i], step, code);
        host_need(pipe2(ends, O_CLOEXEC) == 0, "pipe");
        crowd->child[i] = fork();
        if (crowd->child[i] == 0) {
            int result = login_as(people[i].name, code);
            _exit(write(ends[1], &result, sizeof(result)) == sizeof(result) ? 0 : 1);
        }
        close(ends[1]);
        crowd->answer[i] = ends[0];
    }
}

static void crowd_wait(struct crowd *crowd)
{
    for (size_t i = 0; i < CROWD; i++)
        waitpid(crowd->child[i], NULL, 0);
}

static double crowd_life(void)
{
    struct crowd crowd;

    crowd_start(&crowd);
    double start = seconds();
    crowd_wait(&crowd);
    for (size_t i = 0; i < CROWD; i++)
        close(crowd.answer[i]);
    return seconds() - start;
}

/* What it came to. */
struct toll {
    unsigned accepted, interrupted, odd, unused, lost, twice, stuck;
};

/* Whoever was told yes has used the code, and everybody's is good once at most. */
static void look_after(const struct account *person, int answer, struct toll *toll)
{
    static struct account found;
    int result = -1;
    char code[9];

    host_need(read(answer, &result, sizeof(result)) == sizeof(result), "a login's result");
    close(answer);
    const bool yes = result == PAM_SUCCESS;
    const bool used = person_load(person->name, &found) && found.devices[0].last_step == step;
    person_code(person, step, code);
    const bool again = login_as(person->name, code) == PAM_SUCCESS;
    toll->accepted += yes;
    toll->interrupted += result == PAM_AUTHINFO_UNAVAIL;
    toll->odd += !yes && result != PAM_AUTHINFO_UNAVAIL;
    toll->unused += again;
    toll->lost += yes && !used;
    toll->twice += (again && (yes || used)) || login_as(person->name, code) == PAM_SUCCESS;
}

/* With gone, logins go on without the service while it and its workers end. */
static void test_killed_service(const char *what, void (*strike)(void), bool gone)
{
    struct toll toll = {0};
    double life = (crowd_life() + crowd_life() + crowd_life()) / 3;
    struct crowd crowd;
    char code[9];

    redirect_forbid(!gone);
    for (unsigned n = 0; n < ROUNDS; n++) {
        crowd_start(&crowd);
        pause_in(life, n, ROUNDS);
        strike();
        crowd_wait(&crowd);
        for (size_t i = 0; i < CROWD; i++)
            look_after(&people[i], crowd.answer[i], &toll);
        if (gone)
            service_start();
        clock_set(++step * 30);
        for (size_t i = 0; i < CROWD; i++) {
            person_code(&people[i], step, code);
            toll.stuck += login_as(people[i].name, code) != PAM_SUCCESS;
        }
    }
    redirect_forbid(true);
    ok(toll.interrupted > 0 && toll.accepted > 0 && toll.odd == 0,
       "%s killed %d times: %u logins were interrupted, %u accepted, %u anything else", what,
       ROUNDS, toll.interrupted, toll.accepted, toll.odd);
    ok(toll.lost == 0, "what was accepted is recorded");
    ok(toll.twice == 0, "no code was good twice (%u were still unused)", toll.unused);
    ok(toll.stuck == 0, "each next login worked");
}

static void test_service(void)
{
    char name[CROWD][16];

    for (size_t i = 0; i < CROWD; i++) {
        snprintf(name[i], sizeof(name[i]), "user%zu", i);
        person_init(&people[i], name[i], SECRET_GA);
    }
    person_save(people, CROWD);
    test_killed_service("the workers", service_kill_workers, false);
    test_killed_service("the service", service_kill, true);
}

int main(void)
{
    host_make(NULL);
    host_configure("max_failures = 100");
    person_init(&alice, "alice", SECRET_GA);
    person_save(&alice, 1);
    test_killed_logins();
    test_killed_totpctl();
    if (service_is_way())
        test_service();
    return host_done();
}
