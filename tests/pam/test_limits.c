/* SPDX-License-Identifier: BSD-2-Clause */
/* Who starts a setuid program chooses its limits. From the n-th allocation, write, open file ... on
 * all fail, for every n: where a right code would be accepted a wrong one is counted, or limits
 * would make it free to guess. */
#include "config.h"

#include "faults.h"
#include "login.h"
#include "post.h"
#include "redirect.h"
#include "service.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRONG "00000000"
#define MAX_FAILURES 5
/* Neighbouring n of which none is accepted any more. */
#define HOPELESS 40

/* Somebody to log in as, and what both kinds of answers come to. */
struct subject {
    const char *name;
    struct account account;
    char right[POST_CODE_SIZE], wrong[POST_CODE_SIZE];
    unsigned failures, tries; /* after a wrong one */
};

static enum fault fault;
static unsigned nth, seen;

static void arm(void)
{
    fault_arm(fault, nth, true);
}

static void disarm(void)
{
    seen = fault_disarm();
}

static int log_in(struct subject *subject, const char *code)
{
    struct login login = {.user = "alice", .answers = {code}, .before = arm, .after = disarm};

    person_save(&subject->account, 1);
    login_run(&login);
    /* Those in the background. */
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    return login.result;
}

static bool is_counted(const struct subject *subject)
{
    static struct account account;
    const bool good = person_load("alice", &account);

    return good && account.failures == subject->failures &&
           account.codes[MAIL_LOGIN].tries == subject->tries;
}

/* How many calls there are where none fails. */
static unsigned count_calls(struct subject *subject, const char *code, int result)
{
    nth = 0;
    ok(log_in(subject, code) == result, "%s: %s", subject->name,
       result == PAM_SUCCESS ? "a right code is accepted" : "a wrong one is refused");
    return seen;
}

static void run_all(struct subject *subject)
{
    unsigned accepted = 0, free_guesses = 0, hopeless = 0, tried = 0;
    const unsigned right = count_calls(subject, subject->right, PAM_SUCCESS);
    const unsigned wrong = count_calls(subject, subject->wrong, PAM_AUTH_ERR);

    ok(is_counted(subject), "%s: and counted", subject->name);
    for (unsigned n = (right > wrong ? right : wrong) + 1; n > 0 && hopeless < HOPELESS; n--) {
        nth = n;
        tried++;
        const bool passes = log_in(subject, subject->right) == PAM_SUCCESS;
        hopeless = passes ? 0 : hopeless + 1;
        if (!passes)
            continue;
        accepted++;
        (void)log_in(subject, subject->wrong);
        free_guesses += !is_counted(subject);
    }
    ok(accepted > 0 && free_guesses == 0,
       "%s, %s: of %u limits %u let a right code pass, and %u of these do not count a wrong one",
       subject->name, fault_name(fault), tried, accepted, free_guesses);
    tap_note("%u calls where the code is right, %u where it is wrong", right, wrong);
}

/* --- memory ----------------------------------------------------------------------------------- */

#define PAGE ((rlim_t)4096)
#define AMPLE ((rlim_t)32 * 1024 * 1024)
#define PADS 24
#define PAD ((size_t)6 * 1024) /* all of them are more than the heap grows by at a time */

/* A heap in which nothing is free, as that of a process that has just been started, but for what is
 * left of the last piece it grew by: the less, the more pads. */
static void fill_heap(size_t pads)
{
    for (size_t size = (size_t)16 * 1024; size >= 16; size /= 2) {
        const void *end = sbrk(0);
        while (sbrk(0) == end && malloc(size) != NULL)
            continue;
    }
    for (size_t i = 0; i < pads * PAD / 1024; i++)
        if (malloc(1000) == NULL)
            _exit(9);
}

/* The store as it is saved: events that gather in it would take more memory now and then. */
static struct {
    char path[512], bytes[256 * 1024];
    size_t size;
} saved;

static void keep_store(const struct subject *subject)
{
    struct account copy = subject->account;

    person_save(&copy, 1);
    host_path("store/totp.db", saved.path, sizeof(saved.path));
    sqlite3 *db = NULL;
    host_need(sqlite3_open(saved.path, &db) == SQLITE_OK &&
                  sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL) ==
                      SQLITE_OK &&
                  sqlite3_close(db) == SQLITE_OK,
              saved.path);
    FILE *file = fopen(saved.path, "re");
    host_need(file != NULL, saved.path);
    saved.size = fread(saved.bytes, 1, sizeof(saved.bytes), file);
    fclose(file);
    host_need(saved.size > 0 && saved.size < sizeof(saved.bytes), "a small store");
}

static void put_store_back(void)
{
    static const char *const beside[] = {"-wal", "-shm"};
    char path[sizeof(saved.path) + 8];

    for (size_t i = 0; i < ARRAY_SIZE(beside); i++) {
        snprintf(path, sizeof(path), "%s%s", saved.path, beside[i]);
        (void)unlink(path);
    }
    FILE *file = fopen(saved.path, "we");
    host_need(file != NULL && fwrite(saved.bytes, 1, saved.size, file) == saved.size &&
                  fclose(file) == 0,
              saved.path);
}

/* So many bytes more than the process has. */
static void limit_memory(rlim_t bytes)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (file == NULL || fscanf(file, "%llu", &pages) != 1)
        _exit(9);
    fclose(file);
    bytes += (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
    if (setrlimit(RLIMIT_AS, &(struct rlimit){bytes, bytes}) != 0)
        _exit(9);
}

/* One login in a process of its own: whether it was accepted. */
static bool passes_within(const char *code, rlim_t bytes, size_t pads)
{
    int status = 0;

    put_store_back();
    fflush(stdout);
    const pid_t child = fork();
    host_need(child >= 0, "fork");
    if (child == 0) {
        struct login login = {.user = "alice", .answers = {code}};
        fill_heap(pads);
        limit_memory(bytes);
        login_run(&login);
        _exit(login.result == PAM_SUCCESS ? 0 : 1);
    }
    host_need(waitpid(child, &status, 0) == child, "waitpid");
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool works_within(struct subject *subject, bool right, rlim_t bytes, size_t pads)
{
    const bool passed = passes_within(right ? subject->right : subject->wrong, bytes, pads);

    return right ? passed : is_counted(subject);
}

/* The least number of bytes, to a page, with which it does. */
static rlim_t find_least(struct subject *subject, bool right, size_t pads)
{
    rlim_t low = 0, high = AMPLE;

    host_need(works_within(subject, right, high, pads), "a login with enough memory");
    while (high - low > PAGE) {
        const rlim_t middle = low + (high - low) / 2;
        if (works_within(subject, right, middle, pads))
            high = middle;
        else
            low = middle;
    }
    return high;
}

/* What takes room at once is seen by its size, and not by how many there are. */
static void run_memory(struct subject *subject)
{
    unsigned windows = 0;

    keep_store(subject);
    for (size_t pads = 0; pads < PADS; pads++) {
        const rlim_t right = find_least(subject, true, pads);
        const rlim_t wrong = find_least(subject, false, pads);
        if (wrong <= right + PAGE)
            continue;
        windows++;
        tap_note("%zu pads: a right code is accepted with %llu KiB, a wrong one counted with %llu",
                 pads, (unsigned long long)right / 1024, (unsigned long long)wrong / 1024);
    }
    ok(windows == 0, "%s: with what memory a right code is accepted a wrong one is counted (%u)",
       subject->name, windows);
}

static bool can_limit_memory(void)
{
    const char *preloaded = getenv("LD_PRELOAD");

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    return false;
#endif
    return preloaded == NULL || strstr(preloaded, "vgpreload") == NULL;
}

/* --- whose logins ----------------------------------------------------------------------------- */

/* The next failure locks, and is worth a notice. */
static void make_lock(struct subject *subject)
{
    subject->name = "a failure that locks";
    person_init(&subject->account, "alice", SECRET_GA);
    memcpy(subject->account.email, POST_ADDRESS, sizeof(POST_ADDRESS));
    subject->account.failures = MAX_FAILURES - 1;
    snprintf(subject->right, sizeof(subject->right), "%s", CODE_GA);
    snprintf(subject->wrong, sizeof(subject->wrong), "%s", CODE_WRONG);
    subject->failures = MAX_FAILURES;
}

/* A code that was sent is live. */
static void make_mailed(struct subject *subject)
{
    subject->name = "a code that was sent";
    post_configure(POST_DELIVERS, "email_devices = yes");
    post_person(&subject->account, "alice");
    post_add_device(&subject->account);
    person_save(&subject->account, 1);
    (void)login_as("alice", "");
    (void)post_take_code(subject->right);
    host_need(person_load("alice", &subject->account), "alice");
    snprintf(subject->wrong, sizeof(subject->wrong), "%s", WRONG);
    subject->failures = 1;
    subject->tries = ACCOUNT_MAIL_TRIES - 1;
}

int main(void)
{
    /* What whoever starts the program can bring about. */
    static const enum fault kinds[] = {FAULT_ALLOCATION, FAULT_OPEN, FAULT_WRITE, FAULT_MAP};
    static struct subject subjects[2];

    host_make(NULL);
    post_make();
    make_mailed(&subjects[1]);
    make_lock(&subjects[0]);
    host_configure("email_devices = yes\nsendmail = /bin/true\nmax_failures = 5");
    for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
        for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
            fault = kinds[kind];
            run_all(&subjects[i]);
        }
    /* The service does not have its callers' limits; and a program under valgrind or with
     * sanitizers, which takes all memory there is, can have none: the plain one shows it. */
    const bool limits = !service_is_way() && can_limit_memory();
    for (size_t i = 0; i < ARRAY_SIZE(subjects) && limits; i++)
        run_memory(&subjects[i]);
    return host_done();
}
