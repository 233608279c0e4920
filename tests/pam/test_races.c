/* SPDX-License-Identifier: BSD-2-Clause */
/* Many processes at once: one code is good once, a limit is a limit, and right codes of different
 * people are all accepted while an administrator works. */
#include "config.h"

#include "login.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS_MAX 64
#define ROUNDS 200

/* What the processes of one test share. */
static struct shared {
    pthread_barrier_t start, end;
    int64_t now;
    char user[WORKERS_MAX][32];
    char answer[WORKERS_MAX][32];
    int result[WORKERS_MAX];
    unsigned lines[WORKERS_MAX];
    bool stop;
} * shared;

static void work(size_t index)
{
    for (;;) {
        pthread_barrier_wait(&shared->start);
        if (shared->stop)
            _exit(0);
        clock_set(shared->now);
        struct login login = {.user = shared->user[index], .answers = {shared->answer[index]}};
        login_run(&login);
        shared->result[index] = login.result;
        shared->lines[index] = login_logs();
        pthread_barrier_wait(&shared->end);
    }
}

static void workers_start(size_t count, pid_t *children)
{
    pthread_barrierattr_t attributes;

    pthread_barrierattr_init(&attributes);
    pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&shared->start, &attributes, (unsigned)count + 1);
    pthread_barrier_init(&shared->end, &attributes, (unsigned)count + 1);
    shared->stop = false;
    fflush(stdout);
    for (size_t i = 0; i < count; i++) {
        children[i] = fork();
        if (children[i] == 0)
            work(i);
    }
}

static void workers_stop(size_t count, const pid_t *children)
{
    shared->stop = true;
    pthread_barrier_wait(&shared->start);
    for (size_t i = 0; i < count; i++)
        waitpid(children[i], NULL, 0);
}

static size_t round_of(size_t count, int result)
{
    size_t found = 0;

    pthread_barrier_wait(&shared->start);
    pthread_barrier_wait(&shared->end);
    for (size_t i = 0; i < count; i++)
        found += shared->result[i] == result;
    return found;
}

/* One person a round has a device of each kind and a token. */
enum kind { TOTP, HOTP, BACKUP };

static void prepare(enum kind kind, struct account *people, char (*answers)[32])
{
    for (size_t n = 0; n < ROUNDS; n++) {
        char name[32], code[9], token[CODE_TOKEN_SIZE];
        snprintf(name, sizeof(name), "user%zu", n);
        if (kind == HOTP) {
            person_init_hotp(&people[n], name, SECRET_GA, (int64_t)n);
            person_code(&people[n], (int64_t)n + 3, code);
        } else {
            person_init(&people[n], name, SECRET_GA);
            person_code(&people[n], STEP_GA + (int64_t)n, code);
        }
        snprintf(answers[n], sizeof(answers[n]), "%s", code);
        if (kind == BACKUP) {
            person_add_token(&people[n], token);
            snprintf(answers[n], sizeof(answers[n]), "%s", token);
        }
    }
    person_save(people, ROUNDS);
}

static void test_one_code(enum kind kind, size_t count)
{
    static const char *const names[] = {"TOTP", "HOTP", "backup token"};
    struct account *people = calloc(ROUNDS, sizeof(*people));
    char(*answers)[32] = calloc(ROUNDS, sizeof(*answers));
    pid_t children[WORKERS_MAX];
    unsigned once = 0, refused = 0, lines = 0;

    if (people == NULL || answers == NULL)
        exit(1);
    prepare(kind, people, answers);
    workers_start(count, children);
    for (size_t n = 0; n < ROUNDS; n++) {
        shared->now = (STEP_GA + (int64_t)n) * 30;
        for (size_t i = 0; i < count; i++) {
            memcpy(shared->user[i], people[n].name, sizeof(shared->user[i]));
            memcpy(shared->answer[i], answers[n], sizeof(shared->answer[i]));
        }
        once += round_of(count, PAM_SUCCESS) == 1;
        bool others = true, logged = true;
        for (size_t i = 0; i < count; i++) {
            int r = shared->result[i];
            others = others && (r == PAM_SUCCESS || r == PAM_AUTH_ERR || r == PAM_MAXTRIES);
            logged = logged && shared->lines[i] == 1;
        }
        refused += others;
        lines += logged;
    }
    workers_stop(count, children);
    free(people);
    free(answers);
    ok(once == ROUNDS, "%s: %zu processes, %d rounds: one success each (%u)", names[kind], count,
       ROUNDS, once);
    ok(refused == ROUNDS && lines == ROUNDS,
       "%s: the others are refused, not unavailable, and all are logged", names[kind]);
}

/* Counts events of a verdict. */
struct events {
    const char *verdict;
    unsigned count;
};

static int count_event(void *context, const struct event *event)
{
    struct events *events = context;

    events->count += strcmp(event->verdict, events->verdict) == 0;
    return 0;
}

static unsigned count_events(const char *user, const char *verdict)
{
    struct store *store CLEANUP(store_close) = host_open();
    struct events events = {.verdict = verdict};
    struct err err = {0};

    int r = store_begin(store, STORE_READ, &err);
    if (r == 0)
        r = store_events(store, &(struct backend_filter){.user = user}, count_event, &events, &err);
    return r == 0 ? events.count : 0;
}

static void test_guesses(void)
{
    enum { COUNT = 64 };
    struct account account CLEANUP(account_clear) = {0};
    pid_t children[COUNT];
    char code[9];

    person_init(&account, "victim", SECRET_GA);
    person_save(&account, 1);
    shared->now = TIME_GA;
    for (size_t i = 0; i < COUNT; i++) {
        memcpy(shared->user[i], "victim", sizeof("victim"));
        snprintf(shared->answer[i], sizeof(shared->answer[i]), "%06zu", 111111 + i);
    }
    workers_start(COUNT, children);
    size_t wrong = round_of(COUNT, PAM_AUTH_ERR), locked = 0;
    for (size_t i = 0; i < COUNT; i++)
        locked += shared->result[i] == PAM_MAXTRIES;
    workers_stop(COUNT, children);
    ok(wrong == 5 && locked == COUNT - 5, "64 guesses, limit 5: %zu judged, %zu locked", wrong,
       locked);
    ok(count_events("victim", "wrong") == 5 && count_events("victim", "locked") == COUNT - 5,
       "all are in the record");
    person_code(&account, STEP_GA, code);
    struct login login = {.user = "victim", .answers = {code}};
    clock_set(TIME_GA);
    login_expect(&login, PAM_MAXTRIES, 1, "the account is locked");
}

/* Two administrators and fifty people. */
static void test_crowd(void)
{
    enum { COUNT = 50, ADMINS = 2, TURNS = 12 };
    static const char *const verbs[ADMINS][5] = {{"set", "user0", "full_name=New Name"},
                                                 {"--json", "backup", "new", "user1"}};
    struct account *people = calloc(COUNT, sizeof(*people));
    pid_t children[COUNT], admins[ADMINS];
    unsigned done = 0;
    size_t accepted = 0;

    if (people == NULL)
        exit(1);
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(shared->user[i], sizeof(shared->user[i]), "user%zu", i);
        person_init(&people[i], shared->user[i], SECRET_GA);
    }
    person_save(people, COUNT);
    workers_start(COUNT, children);
    for (size_t turn = 0; turn < TURNS; turn++) {
        shared->now = TIME_GA + (int64_t)turn * 30;
        for (size_t i = 0; i < COUNT; i++)
            person_code(&people[i], shared->now / 30, shared->answer[i]);
        for (size_t i = 0; i < ADMINS; i++)
            admins[i] = host_totpctl("", verbs[i]);
        accepted += round_of(COUNT, PAM_SUCCESS);
        for (size_t i = 0; i < ADMINS; i++) {
            int status = 0;
            done += waitpid(admins[i], &status, 0) == admins[i] && status == 0;
        }
    }
    workers_stop(COUNT, children);
    free(people);
    ok(accepted == COUNT * TURNS, "fifty logins at once, %d times: all accepted (%zu)", TURNS,
       accepted);
    ok(done == ADMINS * TURNS, "and so were two totpctl (%u)", done);
}

int main(void)
{
    static const size_t counts[] = {2, 8, 32};

    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 1;
    /* It is the locks that are tried here, not the disk: 20,000 logins on one take minutes. */
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    host_make(NULL);
    for (int kind = TOTP; kind <= BACKUP; kind++)
        for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
            test_one_code((enum kind)kind, counts[i]);
    test_guesses();
    test_crowd();
    return host_done();
}
