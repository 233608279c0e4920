/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs that do what they are to do, and programs that do not, from hosts of every kind. */
#include "config.h"

#include "proc.h"
#include "tap.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATH_SIZE 512
#define MANY 3000
#define STARTS 20

static struct err err;
static int64_t clock_ms, haste_ms;

/* Time stands still, but for so much that is to pass as fast as somebody looks: however slow the
 * machine is, no other deadline comes. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    const int64_t step = haste_ms < 100 ? haste_ms : 100;

    (void)clock;
    clock_ms += step;
    haste_ms -= step;
    *now =
        (struct timespec){.tv_sec = 1000 + clock_ms / 1000, .tv_nsec = clock_ms % 1000 * 1000000};
    return 0;
}

/* --- programs --------------------------------------------------------------------------------- */

/* Good for three more calls. */
static const char *in_dir(const char *name)
{
    static char paths[4][PATH_SIZE];
    static unsigned next;
    char *path = paths[next++ % ARRAY_SIZE(paths)];

    snprintf(path, PATH_SIZE, "%s/%s", tap_dir(), name);
    return path;
}

/* A shell script, which finds the directory of the tests in $d. */
static const char *script(const char *name, const char *text)
{
    const char *path = in_dir(name);
    FILE *file = fopen(path, "we");

    if (file != NULL) {
        fprintf(file, "#!/bin/sh\nd='%s'\n%s\n", tap_dir(), text);
        fchmod(fileno(file), 0700);
        fclose(file);
    }
    return path;
}

static const char *content(const char *name)
{
    static char text[64 * 1024];
    FILE *file = fopen(in_dir(name), "re");
    size_t length = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0;

    if (file != NULL)
        fclose(file);
    text[length] = '\0';
    return text;
}

static int start(const char *path)
{
    err = (struct err){0};
    return proc_start(path, "input\n", 6, &err);
}

static bool says(const char *text)
{
    if (strstr(err.what, text) != NULL)
        return true;
    tap_note("it says: %s", err.what);
    return false;
}

/* Under valgrind a child cannot tell why: it is one that ends with status 127. */
static bool is_not_started(void)
{
    return strstr(err.what, "ended with status 127") != NULL || says("cannot be started");
}

static unsigned open_files(void)
{
    DIR *list = opendir("/proc/self/fd");
    unsigned count = 0;

    while (list != NULL && readdir(list) != NULL)
        count++;
    if (list != NULL)
        closedir(list);
    return count;
}

static bool has_no_child(void)
{
    return waitpid(-1, NULL, WNOHANG) < 0;
}

/* Nothing is left of a process whose number a script has put down. */
static bool is_gone(const char *name)
{
    const pid_t pid = (pid_t)strtol(content(name), NULL, 10);
    char path[64], text[512] = "";

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = pid > 0 ? fopen(path, "re") : NULL;
    if (file == NULL)
        return pid > 0;
    const bool read = fread(text, 1, sizeof(text) - 1, file) > 0;
    fclose(file);
    const char *end = strrchr(text, ')');
    /* Whoever adopts orphans need not have looked after this one yet. */
    return !read || (end != NULL && (end[2] == 'Z' || end[2] == 'X'));
}

/* --- what a child has ------------------------------------------------------------------------- */

static void block_all(sigset_t *before)
{
    sigset_t every;

    sigfillset(&every);
    sigprocmask(SIG_SETMASK, &every, before);
}

/* But for the two that are the C library's own, which it leaves so. */
static unsigned long long ignored(void)
{
    const char *text = strstr(content("signals"), "SigIgn:");

    return text != NULL ? strtoull(text + 7, NULL, 16) & ~0x180000000ULL : ULLONG_MAX;
}

static void test_inheritance(void)
{
    const char *path =
        script("look", "cat >$d/input\nenv >$d/env\npwd >$d/pwd\n"
                       "ls /proc/$$/fd | tr '\\n' ' ' >$d/files\n"
                       "outputs=$(readlink /proc/$$/fd/1 /proc/$$/fd/2 | tr '\\n' ' ')\n"
                       "echo \"$outputs\" >$d/outputs\n"
                       "cut -d' ' -f1,5,6 /proc/$$/stat >$d/session\n"
                       /* A shell blocks signals while it waits for another program. */
                       "exec grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status >$d/signals");
    char numbers[3][32] = {"", "", ""}, *given = malloc(PROC_INPUT_MAX + 1);
    int plain = fcntl(0, F_DUPFD, 30);
    sigset_t before;

    memset(given, 'x', PROC_INPUT_MAX + 1);
    given[PROC_INPUT_MAX - 1] = '\n';
    setenv("SECRET", "hunter2", 1);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    block_all(&before);
    int r = proc_start(path, given, PROC_INPUT_MAX, &err);
    sigprocmask(SIG_SETMASK, &before, NULL);
    signal(SIGUSR1, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    ok(r == 0, "a program that ends well");
    ok(strlen(content("input")) == PROC_INPUT_MAX, "has all of the input, 32 KiB of it");
    ok(strstr(content("env"), "hunter2") == NULL && strstr(content("env"), "HOME") == NULL &&
           strstr(content("env"), "PATH=/usr/sbin:/usr/bin:/sbin:/bin\n") != NULL,
       "has a clean environment");
    ok(strcmp(content("pwd"), "/\n") == 0, "stands in /");
    ok(strstr(content("signals"), "SigBlk:\t0000000000000000") != NULL && ignored() == 0,
       "has no signal blocked or ignored");
    ok(strncmp(content("files"), "0 1 10 2 ", 9) == 0 || strcmp(content("files"), "0 1 2 ") == 0,
       "has none of our descriptors");
    ok(strcmp(content("outputs"), "/dev/null /dev/null \n") == 0, "and no output");
    ok(sscanf(content("session"), "%31s %31s %31s", numbers[0], numbers[1], numbers[2]) == 3 &&
           strcmp(numbers[0], numbers[1]) == 0 && strcmp(numbers[0], numbers[2]) == 0,
       "has a session of its own");
    ok(proc_start(path, given, PROC_INPUT_MAX + 1, &err) == ERR_TOO_LONG, "more input is refused");
    unsetenv("SECRET");
    free(given);
    close(plain);
}

/* --- how it ends ------------------------------------------------------------------------------ */

static void test_ends(void)
{
    const unsigned before = open_files();

    ok(start(script("deaf", "exit 0")) == 0, "a program that reads nothing");
    ok(start(script("failing", "exit 3")) == ERR_SYSTEM && says("ended with status 3"),
       "one that fails");
    ok(start(script("killed", "kill -9 $$")) == ERR_SYSTEM && says("was killed by signal 9"),
       "one that is killed");
    ok(start(in_dir("none")) == ERR_SYSTEM && is_not_started() &&
           strcmp(err.where, in_dir("none")) == 0,
       "one that is not there");
    ok(start(tap_dir()) == ERR_SYSTEM && is_not_started(), "a directory");
    ok(start(script("loud", "head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2")) == 0,
       "one that prints two megabytes");
    (void)mkfifo(in_dir("fifo"), 0600);
    (void)mkfifo(in_dir("fifo2"), 0600);
    haste_ms = 2500;
    ok(start(script("hung", "trap '' TERM\necho $$ >$d/hung.pid\nread x <$d/fifo")) == ERR_SYSTEM &&
           says("did not end in time"),
       "one that hangs and ignores SIGTERM");
    ok(is_gone("hung.pid"), "is killed");
    /* In the background it holds the FIFO open until we have seen that nobody waits for it. */
    ok(start(script("away",
                    "(read x <$d/fifo; echo $x >$d/away.said; read x <$d/fifo2) & exit 0")) == 0,
       "one that goes into the background is not waited for");
    int fifo = open(in_dir("fifo"), O_WRONLY | O_CLOEXEC);
    ok(write(fifo, "on\n", 3) == 3, "and goes on");
    close(fifo);
    fifo = open(in_dir("fifo2"), O_WRONLY | O_CLOEXEC); /* it has put down what it was told */
    ok(strcmp(content("away.said"), "on\n") == 0, "to its end");
    close(fifo);
    ok(has_no_child(), "no child is left");
    ok(open_files() == before, "no descriptor is left");
}

/* --- hosts ------------------------------------------------------------------------------------ */

static void reap(int number)
{
    (void)number;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
}

static void test_signals(void)
{
    const char *path = script("quick", "exit 0");

    signal(SIGCHLD, SIG_IGN);
    ok(start(path) == 0, "a host that ignores SIGCHLD");
    ok(signal(SIGCHLD, reap) == SIG_IGN, "goes on ignoring it");
    ok(start(path) == 0, "a host that reaps children itself");
    ok(signal(SIGCHLD, SIG_DFL) == reap, "keeps its handler");
}

/* Each of the eight ways to have closed standard streams. The result of a child of ours, which has
 * nowhere to print. */
static int start_bare(unsigned closed, const char *path)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        for (int fd = 0; fd < 3; fd++)
            if ((closed & 1U << fd) != 0)
                close(fd);
        int r = proc_start(path, "input\n", 6, &err);
        for (int fd = 0; fd < 3; fd++)
            if (((closed & 1U << fd) != 0) != (fcntl(fd, F_GETFD) < 0))
                r = -1000;
        _exit(r == 0 ? 0 : 1);
    }
    return waitpid(child, &status, 0) == child ? status : -1;
}

static void test_bare(void)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof(path), "%s", script("bare", "cat >$d/bare.input\necho x && echo x >&2"));

    for (unsigned closed = 1; closed < 8; closed++) {
        (void)unlink(in_dir("bare.input"));
        ok(start_bare(closed, path) == 0 && strcmp(content("bare.input"), "input\n") == 0,
           "a host without standard streams, %u", closed);
    }
}

static void test_many(void)
{
    const char *path = script("many", "ls /proc/$$/fd | wc -l >$d/many.count");
    struct rlimit limit = {0}, before = {0};
    int last = -1;

    getrlimit(RLIMIT_NOFILE, &before);
    limit = before;
    limit.rlim_cur = limit.rlim_max < MANY + 100 ? limit.rlim_max : MANY + 100;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < MANY; i++)
        last = dup(0);
    ok(start(path) == 0 && strtol(content("many.count"), NULL, 10) < 10,
       "a host with %d descriptors that are not close-on-exec", last);
    limit.rlim_cur = (rlim_t)last + 1;
    setrlimit(RLIMIT_NOFILE, &limit);
    ok(start(path) == ERR_SYSTEM && says("cannot be started"), "and without room for more");
    for (int fd = last; fd > last - MANY; fd--)
        close(fd);
    setrlimit(RLIMIT_NOFILE, &before);
}

static void *start_often(void *path)
{
    intptr_t failed = 0;
    struct err own;

    for (int i = 0; i < STARTS; i++)
        failed += proc_start(path, "input\n", 6, &own) != 0;
    return (void *)failed;
}

static void test_threads(void)
{
    char path[PATH_SIZE];
    const unsigned before = open_files();
    pthread_t threads[4];
    intptr_t failed = 0;

    snprintf(path, sizeof(path), "%s", script("threaded", "cat >/dev/null"));
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        if (pthread_create(&threads[i], NULL, start_often, path) != 0)
            abort();
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        failed += (intptr_t)result;
    }
    ok(failed == 0 && has_no_child() && open_files() == before, "threads that do it all at once");
}

/* --- to its end ------------------------------------------------------------------------------- */

static struct proc_end end;

static int run(const char *path, const char *input, size_t length)
{
    char word[] = "one", set[] = "VARIABLE=value";
    char *const argv[] = {(char *)path, word, NULL}, *const envp[] = {set, NULL};

    err = (struct err){0};
    return proc_run(argv, envp, input, length, 1, &end, &err);
}

static void test_run(void)
{
    const size_t size = 1 << 20;
    char *much = calloc(1, size), reason[PROC_REASON_SIZE];
    const unsigned before = open_files();

    memset(much, 'x', size);
    ok(run(script("echo", "/bin/cat; echo \"$1 $VARIABLE $HOME\"; echo no >&2; exit 75"), "in ",
           3) == 0 &&
           strcmp(end.output, "in one value \nno\n") == 0,
       "input, arguments, environment, both outputs");
    proc_reason(&end, reason);
    ok(!end.late && strcmp(reason, "ended with status 75") == 0, "and the status");
    ok(run(script("swallow", "/usr/bin/wc -c"), much, size) == 0 && end.status == 0 &&
           strtol(end.output, NULL, 10) == (long)size,
       "a megabyte of input");
    ok(run(script("refuse", "exit 0"), much, size) == 0 && end.status == 0,
       "which is not read at all");
    ok(run(script("close", "exec <&-\necho closed"), much, size) == 0 &&
           strcmp(end.output, "closed\n") == 0,
       "or closed");
    ok(run(script("flood", "/usr/bin/head -c 1000000 /dev/zero >&2\n"
                           "/usr/bin/head -c 1000000 /dev/zero\nexit 4"),
           much, size) == 0 &&
           WEXITSTATUS(end.status) == 4 && strlen(end.output) == PROC_OUTPUT_SIZE - 1 &&
           strspn(end.output, " ") == PROC_OUTPUT_SIZE - 1,
       "two megabytes of NUL bytes as output");
    ok(run(in_dir("none"), "", 0) == ERR_SYSTEM ? is_not_started() : WEXITSTATUS(end.status) == 127,
       "one that is not there");
    haste_ms = 1500;
    ok(run(script("stubborn", "trap '' TERM\necho begun\n(trap '' TERM; read x <$d/fifo) &\n"
                              "echo $! >$d/second.pid\necho $$ >$d/first.pid\nread x <$d/fifo"),
           much, size) == 0 &&
           end.late,
       "one that hangs, ignores SIGTERM and has a child that does");
    proc_reason(&end, reason);
    ok(strcmp(reason, "did not end in time") == 0, "is called late");
    ok(is_gone("first.pid") && is_gone("second.pid"), "both are killed");
    ok(run(script("daemon", "echo kept; (read x <$d/fifo) & exit 0"), "", 0) == 0 && !end.late &&
           end.status == 0 && strcmp(end.output, "kept\n") == 0,
       "who stays in the background with its output is not waited for");
    close(open(in_dir("fifo"), O_WRONLY | O_CLOEXEC));
    ok(has_no_child() && open_files() == before, "nothing is left");
    free(much);
}

int main(void)
{
    test_inheritance();
    test_ends();
    test_signals();
    test_bare();
    test_many();
    test_threads();
    signal(SIGPIPE, SIG_IGN);
    test_run();
    return tap_done();
}
