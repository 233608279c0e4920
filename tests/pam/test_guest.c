/* SPDX-License-Identifier: BSD-2-Clause */
/* The module as a guest: whatever the outcome, the process is as it was before; and odd hosts are
 * served or denied cleanly. */
#include "config.h"

#include "app.h"
#include "post.h"
#include "process.h"
#include "redirect.h"
#include "service.h"
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SMALL_STACK ((size_t)64 * 1024)

static void people(size_t count)
{
    struct account *account = calloc(count, sizeof(*account));
    char name[32];

    if (account == NULL)
        exit(1);
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "user%zu", i);
        person_init(&account[i], name, SECRET_GA);
    }
    person_save(account, count);
    free(account);
}

/* Standard output and error, replaced by a file while the login runs. */
static int start_capture(FILE *file, int saved[2])
{
    fflush(stdout);
    saved[0] = dup(1);
    saved[1] = dup(2);
    return dup2(fileno(file), 1) == 1 && dup2(fileno(file), 2) == 2 ? 0 : -1;
}

static long end_capture(FILE *file, const int saved[2])
{
    struct stat status = {0};

    fflush(stdout);
    fstat(fileno(file), &status);
    dup2(saved[0], 1);
    dup2(saved[1], 2);
    close(saved[0]);
    close(saved[1]);
    return (long)status.st_size;
}

static void test_traces(void)
{
    static const struct {
        const char *name, *options, *user, *answer;
        int result;
    } rows[] = {
        {"success", "", "user0", CODE_GA, PAM_SUCCESS},
        {"wrong code", "", "user0", CODE_WRONG, PAM_AUTH_ERR},
        {"store password", "mode=combined password=store", "user0", CODE_WRONG, PAM_AUTH_ERR},
        {"unknown", "", "nobody-here", CODE_GA, PAM_AUTH_ERR},
        {"locked", "", "locked", CODE_GA, PAM_MAXTRIES},
        {"bad option", "window=x", "user0", CODE_GA, PAM_AUTHINFO_UNAVAIL},
        {"no store", "store=sqlite:/nonexistent/totp.db", "user0", CODE_GA, PAM_AUTHINFO_UNAVAIL},
        {"no key", "key_file=/nonexistent/key", "user0", CODE_GA, PAM_AUTHINFO_UNAVAIL}};
    static struct process before, after;
    struct account locked = {0};

    people(1);
    person_init(&locked, "locked", SECRET_GA);
    locked.locked_until = TIME_GA + 60;
    person_save(&locked, 1);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        FILE *file = tmpfile();
        int saved[2] = {-1, -1};
        struct login login = {.user = rows[i].user, .answers = {rows[i].answer}};
        host_service("test", rows[i].options, NULL);
        process_look(&before);
        if (file == NULL || start_capture(file, saved) != 0)
            exit(1);
        redirect_forbid(service_is_way() && strstr(rows[i].options, "/nonexistent/") == NULL);
        login_run(&login);
        long written = end_capture(file, saved);
        fclose(file);
        process_look(&after);
        before.entries--, after.entries--; /* the directory being read */
        ok(login.result == rows[i].result, "%s", rows[i].name);
        ok(written == 0, "%s: nothing on standard output and error", rows[i].name);
        /* The file just closed was open in before and after alike at the same number or not at
         * all; counts tell. */
        ok(after.entries <= before.entries, "%s: no descriptor is left", rows[i].name);
        ok(after.threads == before.threads, "%s: no thread is left", rows[i].name);
        before.entries = after.entries;
        memcpy(before.descriptors, after.descriptors, sizeof(before.descriptors));
        ok(memcmp(&before, &after, sizeof(before)) == 0,
           "%s: environment, directory, umask, locale, text domain, signals, ids as before",
           rows[i].name);
    }
    redirect_forbid(service_is_way());
    host_service("test", "", NULL);
}

static int child_status(pid_t child)
{
    int status = 0;

    if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

static void test_closed_stdio(void)
{
    struct login login = {.user = "user0", .answers = {CODE_GA}};

    people(1);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        for (int fd = 0; fd <= 2; fd++)
            close(fd);
        login_run(&login);
        int open_now =
            (fcntl(0, F_GETFD) >= 0) + (fcntl(1, F_GETFD) >= 0) + (fcntl(2, F_GETFD) >= 0);
        _exit(login.result == PAM_SUCCESS ? open_now : 9);
    }
    ok(child_status(child) == 0, "descriptors 0 to 2 closed: a login, and they stay closed");
}

static void test_no_descriptors(void)
{
    struct login login = {.user = "user0", .answers = {CODE_GA}};
    bool denied = true;

    people(1);
    fflush(stdout);
    for (rlim_t limit = 4; limit < 10; limit++) {
        pid_t child = fork();
        if (child == 0) {
            struct rlimit few = {limit, limit};
            setrlimit(RLIMIT_NOFILE, &few);
            login_run(&login);
            _exit(login.result == PAM_SUCCESS ? 1 : login.result == RESULT_IGNORED ? 2 : 0);
        }
        int status = child_status(child);
        /* Enough of them is a login: of this code, the first. */
        denied = denied && (status == 0 || status == 1);
    }
    ok(denied, "too few descriptors: a login or a denial");
}

/* Such a limit between what a refusal writes and what an acceptance writes would let guesses go
 * uncounted: nothing is written under one. The service has limits of its own. */
static void test_limited_files(void)
{
    struct login login = {.user = "user0", .answers = {CODE_GA}};

    people(1);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit small = {4096, 4096};
        setrlimit(RLIMIT_FSIZE, &small);
        login_run(&login);
        _exit(login.result);
    }
    ok(child_status(child) == (service_is_way() ? PAM_SUCCESS : PAM_AUTHINFO_UNAVAIL),
       "files limited to 4096 bytes");
}

static void test_sigchld_ignored(void)
{
    struct login login = {.user = "user0", .answers = {CODE_GA}};

    people(1);
    signal(SIGCHLD, SIG_IGN);
    login_expect(&login, PAM_SUCCESS, 1, "SIGCHLD ignored");
    signal(SIGCHLD, SIG_DFL);
}

static void *log_in_here(void *context)
{
    login_run(context);
    return NULL;
}

/* Handles of its own for each thread; the log lines are counted together. */
static void test_threads(void)
{
    enum { COUNT = 8 };
    struct login logins[COUNT] = {{0}};
    pthread_t threads[COUNT];
    char names[COUNT][16];
    int accepted = 0;

    people(COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof(names[i]), "user%zu", i);
        logins[i] = (struct login){.user = names[i], .answers = {CODE_GA}};
        if (pthread_create(&threads[i], NULL, log_in_here, &logins[i]) != 0)
            exit(1);
    }
    for (size_t i = 0; i < COUNT; i++) {
        pthread_join(threads[i], NULL);
        accepted += logins[i].result == PAM_SUCCESS;
    }
    ok(accepted == COUNT, "eight threads log in at once (%d did)", accepted);
}

/* Burns the stack until SMALL_STACK is left above the guard page. */
static __attribute__((noinline)) void *with_small_stack(void *context)
{
    pthread_attr_t attributes;
    void *base = NULL;
    size_t size = 0;
    char here = 0;

    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &base, &size);
    pthread_attr_destroy(&attributes);
    size_t left = (size_t)(&here - (char *)base);
    if (left > SMALL_STACK) {
        volatile char *burnt = __builtin_alloca(left - SMALL_STACK);
        *burnt = 0;
    }
    login_whole(context);
    return NULL;
}

static int log_in_on_small_stack(struct login *login)
{
    pthread_attr_t attributes;
    pthread_t thread;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 4 * SMALL_STACK);
    if (pthread_create(&thread, &attributes, with_small_stack, login) != 0)
        return 8;
    pthread_join(thread, NULL);
    return login->result == PAM_SUCCESS ? 0 : 1;
}

#define LISTS                                                                    \
    "exempt_users=root,backup exempt_groups=no-group-of-that-name,daemon,games " \
    "exempt_networks=192.0.2.0/24,2001:db8::/32 grace=1h enroll_by=2030-01-01 debug"

static void test_small_stack(void)
{
    static const struct {
        const char *options, *user, *answer;
        int status;
    } rows[] = {{"mode=prompt", "user0", CODE_GA, 0},
                {"mode=combined", "user0", "x" CODE_GA, 0},
                {"mode=auto", "user0", CODE_GA, 0},
                {"mode=combined password=store", "user0", "x" CODE_GA, 1},
                {LISTS, "user0", CODE_GA, 0},
                {LISTS " mode=combined", "user0", "x" CODE_GA, 0},
                {LISTS, "root", "", 1},
                {"unenrolled=enroll", "bin", NULL, 0},
                {"unenrolled=enroll enroll_qr=ascii backup_tokens=50 debug", "sys", NULL, 0},
                {"unenrolled=enroll", "locked", CODE_GA, 1}};

    /* What draws a QR code is loaded for that where the service judges, too. */
    redirect_forbid(false);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        static struct login login; /* the small stack is the module's */
        login = (struct login){.user = rows[i].user,
                               .rhost = "198.51.100.1",
                               .answers = {rows[i].answer},
                               .answer = rows[i].answer == NULL ? app_answer : NULL};
        people(1);
        host_service("test", rows[i].options, NULL);
        fflush(stdout);
        pid_t child = fork();
        if (child == 0)
            _exit(log_in_on_small_stack(&login));
        ok(child_status(child) == rows[i].status, "64 KiB of stack: %s: %s", rows[i].user,
           rows[i].options);
    }
    redirect_forbid(service_is_way());
    host_service("test", "", NULL);
}

/* --- a login that sends a message --------------------------------------------------------------
 */

static void mailbox(void)
{
    struct account account = {0};

    post_person(&account, "mailbox");
    post_add_device(&account);
    person_save(&account, 1);
    clock_set(TIME_GA);
}

static void reap_every(int number)
{
    const int error = errno;

    (void)number;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    errno = error;
}

/* In a process without children. 0: as it was before, and none is left. */
static int look_at_mail(void (*handler)(int))
{
    static struct process before, after;
    struct login login = {.user = "mailbox", .answers = {CODE_WRONG}};

    signal(SIGCHLD, handler);
    process_look(&before);
    login_run(&login);
    process_look(&after);
    if (login.result != PAM_AUTH_ERR || strcmp(login.text, POST_PROMPT) != 0 ||
        spawn_count() != (service_is_way() ? 0 : 1))
        return 1;
    if (memcmp(&before, &after, sizeof(before)) != 0)
        return 2;
    return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : 3;
}

static void test_mail(void)
{
    static const struct {
        const char *name;
        void (*handler)(int);
    } rows[] = {{"SIGCHLD as it is", SIG_DFL},
                {"SIGCHLD ignored", SIG_IGN},
                {"a handler that waits for every child", reap_every}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        mailbox();
        fflush(stdout);
        pid_t child = fork();
        if (child == 0)
            _exit(look_at_mail(rows[i].handler));
        ok(child_status(child) == 0,
           "%s: a message is sent; descriptors, environment, signals as before, no child is left",
           rows[i].name);
        ok(post_settle() == 1, "%s: it arrives", rows[i].name);
    }
}

static void test_mail_on_small_stack(void)
{
    static const char *const options[] = {"", LISTS, "mode=combined", "mode=auto debug"};

    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        static struct login login; /* the small stack is the module's */
        login = (struct login){.user = "mailbox", .answers = {"email", CODE_WRONG}};
        mailbox();
        host_service("test", options[i], NULL);
        fflush(stdout);
        pid_t child = fork();
        if (child == 0)
            _exit(log_in_on_small_stack(&login));
        const int status = child_status(child);
        ok(status == 1 && post_settle() == 1, "64 KiB of stack: a message is sent: %s", options[i]);
    }
    host_service("test", "", NULL);
}

/* A host that has its own idea of locale and umask. */
static void test_host_settings(void)
{
    struct login login = {.user = "user0", .answers = {CODE_GA}};

    people(1);
    mode_t old = umask(0777);
    setlocale(LC_ALL, "C.UTF-8");
    login_expect(&login, PAM_SUCCESS, 1, "umask 0777");
    umask(old);
    setlocale(LC_ALL, "C");
    login_expect(&login, PAM_AUTH_ERR, 1, "what it made under that umask is of use afterwards");
}

int main(void)
{
    host_make(NULL);
    test_traces();
    test_closed_stdio();
    test_no_descriptors();
    test_limited_files();
    test_sigchld_ignored();
    test_threads();
    test_small_stack();
    test_host_settings();
    post_make();
    post_configure(POST_DELIVERS, "email_devices = yes");
    test_mail();
    test_mail_on_small_stack();
    return host_done();
}
