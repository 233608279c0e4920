/* SPDX-License-Identifier: BSD-2-Clause */
/* SIGKILL at any moment of a login or of totpctl: the next login works, and the code of the killed
 * one is good at most once. */
#include "config.h"

#include "login.h"

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
static void kill_after(pid_t victim, unsigned n, double life)
{
    double moment = life * (double)(n % KILLS) / KILLS;
    struct timespec pause = {.tv_sec = (time_t)moment,
                             .tv_nsec = (long)((moment - (double)(time_t)moment) * 1e9)};

    nanosleep(&pause, NULL);
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

int main(void)
{
    host_make(NULL);
    host_configure("max_failures = 100");
    person_init(&alice, "alice", SECRET_GA);
    person_save(&alice, 1);
    test_killed_logins();
    test_killed_totpctl();
    return tap_done();
}
