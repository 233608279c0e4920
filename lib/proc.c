/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "proc.h"

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_MS 2000
#define KILL_MS 1000 /* for one that was killed to be gone: in a system call it may never be */
#define PAUSE_MS 1   /* nothing of a child that has no output wakes us, unless by a signal */
#define LOOK_MS 50   /* whoever keeps its output open may outlive it */

static int64_t clock_ms(void)
{
    struct timespec now = {0};

    return clock_gettime(CLOCK_MONOTONIC, &now) == 0
               ? now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000
               : INT64_MAX / 2; /* late for every deadline */
}

/* --- starting --------------------------------------------------------------------------------- */

static int add_actions(posix_spawn_file_actions_t *actions, int input, int output)
{
    int r = posix_spawn_file_actions_adddup2(actions, input, STDIN_FILENO);

    for (int fd = STDOUT_FILENO; r == 0 && fd <= STDERR_FILENO; fd++)
        r = output < 0 ? posix_spawn_file_actions_addopen(actions, fd, "/dev/null", O_WRONLY, 0)
                       : posix_spawn_file_actions_adddup2(actions, output, fd);
#ifdef HAVE_POSIX_SPAWN_FILE_ACTIONS_ADDCLOSEFROM_NP
    /* Ours are close-on-exec; the host's may not be. */
    if (r == 0)
        r = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
#endif
#ifdef HAVE_POSIX_SPAWN_FILE_ACTIONS_ADDCHDIR_NP
    if (r == 0)
        r = posix_spawn_file_actions_addchdir_np(actions, "/");
#endif
    return r;
}

static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t every, none;

    (void)sigfillset(&every);
    (void)sigemptyset(&none);
    int r = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF |
                                                     POSIX_SPAWN_SETSIGMASK);
    if (r == 0)
        r = posix_spawnattr_setsigdefault(attributes, &every);
    if (r == 0)
        r = posix_spawnattr_setsigmask(attributes, &none);
    return r;
}

/* 0 or an errno value. Neither input nor output is below 3. output -1: /dev/null. */
static int spawn(pid_t *pid, char *const argv[], char *const envp[], int input, int output)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;

    int r = posix_spawn_file_actions_init(&actions);
    if (r != 0)
        return r;
    r = posix_spawnattr_init(&attributes);
    if (r == 0) {
        r = add_actions(&actions, input, output);
        if (r == 0)
            r = set_attributes(&attributes);
        if (r == 0)
            r = posix_spawn(pid, argv[0], &actions, &attributes, argv, envp);
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return r;
}

static int refuse_start(const char *path, int os_error, struct err *err)
{
    return err_set_errno(err, ERR_SYSTEM, os_error, path, "it cannot be started");
}

/* --- its end ---------------------------------------------------------------------------------- */

/* Whether the child is gone. Where the process ignores SIGCHLD, or another of its threads was
 * faster, nobody can tell how it ended: *status stays. */
static bool is_gone(pid_t pid, int *status)
{
    pid_t got;

    do
        got = waitpid(pid, status, WNOHANG);
    while (got < 0 && errno == EINTR);
    return got != 0;
}

static bool await(pid_t pid, int64_t until, int *status)
{
    while (!is_gone(pid, status)) {
        if (clock_ms() >= until)
            return false;
        (void)poll(NULL, 0, PAUSE_MS);
    }
    return true;
}

/* It leads its session, and so its process group. As long as it was not waited for, that number is
 * nobody else's. */
static void kill_group(pid_t pid, int *status)
{
    (void)kill(-pid, SIGKILL);
    (void)kill(pid, SIGKILL);
    (void)await(pid, clock_ms() + KILL_MS, status);
}

void proc_reason(const struct proc_end *end, char out[static PROC_REASON_SIZE])
{
    if (end->late)
        snprintf(out, PROC_REASON_SIZE, "did not end in time");
    else if (WIFSIGNALED(end->status))
        snprintf(out, PROC_REASON_SIZE, "was killed by signal %d", WTERMSIG(end->status));
    else
        snprintf(out, PROC_REASON_SIZE, "ended with status %d", WEXITSTATUS(end->status));
}

/* --- into the background ---------------------------------------------------------------------- */

struct ends {
    int read, write;
};

static void ends_close(struct ends *ends)
{
    file_close(&ends->read);
    file_close(&ends->write);
}

static bool ends_open(struct ends *ends)
{
    int both[2];

    if (pipe2(both, O_CLOEXEC) != 0)
        return false;
    *ends = (struct ends){.read = both[0], .write = both[1]};
    return true;
}

/* All of it is in the pipe before there is a child: nobody waits for a reader, and there is one, so
 * that no SIGPIPE comes. */
static int fill(const struct ends *ends, const char *path, const char *input, size_t length,
                struct err *err)
{
    ssize_t written;

    if (fcntl(ends->write, F_SETFL, O_NONBLOCK) != 0)
        return refuse_start(path, errno, err);
    do
        written = write(ends->write, input, length);
    while (written < 0 && errno == EINTR);
    if (written < 0 || (size_t)written != length)
        return err_set(err, ERR_SYSTEM, path, "a pipe does not hold what it is to be told");
    return 0;
}

static int start(const char *path, const char *input, size_t length, struct err *err)
{
    char search[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    struct ends ends CLEANUP(ends_close) = {.read = -1, .write = -1};
    char *const argv[] = {(char *)path, NULL}, *const envp[] = {search, NULL};
    struct proc_end end = {0};
    pid_t pid = -1;

    if (!ends_open(&ends))
        return refuse_start(path, errno, err);
    int r = fill(&ends, path, input, length, err);
    if (r != 0)
        return r;
    int os_error = spawn(&pid, argv, envp, ends.read, -1);
    if (os_error != 0)
        return refuse_start(path, os_error, err);
    ends_close(&ends);
    end.late = !await(pid, clock_ms() + START_MS, &end.status);
    if (end.late)
        kill_group(pid, &end.status);
    if (!end.late && end.status == 0)
        return 0;
    char reason[PROC_REASON_SIZE];
    proc_reason(&end, reason);
    return err_set(err, ERR_SYSTEM, path, "%s", reason);
}

int proc_start(const char *path, const char *input, size_t length, struct err *err)
{
    struct file_stdio stdio = {0};

    if (length > PROC_INPUT_MAX)
        return err_set(err, ERR_TOO_LONG, path, NULL);
    if (file_stdio_hold(&stdio) != 0)
        return refuse_start(path, errno, err);
    int r = start(path, input, length, err);
    file_stdio_release(&stdio);
    return r;
}

/* --- to its end ------------------------------------------------------------------------------- */

struct exchange {
    struct ends input, output; /* .write of the first and .read of the other are ours */
    const char *left;          /* what it has not been given yet */
    size_t left_length;
    size_t kept; /* of its output */
};

static void exchange_close(struct exchange *exchange)
{
    ends_close(&exchange->input);
    ends_close(&exchange->output);
}

static void give(struct exchange *exchange)
{
    ssize_t n = write(exchange->input.write, exchange->left, exchange->left_length);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0) {
        exchange->left += n;
        exchange->left_length -= (size_t)n;
    }
    /* It need not read what it is given. */
    if (n <= 0 || exchange->left_length == 0)
        file_close(&exchange->input.write);
}

/* false: there is nothing now, or nothing more. */
static bool take(struct exchange *exchange, struct proc_end *end)
{
    char buffer[4096];
    ssize_t n = read(exchange->output.read, buffer, sizeof(buffer));

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        file_close(&exchange->output.read);
        return false;
    }
    for (ssize_t i = 0; i < n && exchange->kept < sizeof(end->output) - 1; i++)
        end->output[exchange->kept++] = buffer[i];
    if (exchange->kept > 0)
        for (size_t i = 0; i < exchange->kept; i++)
            if (end->output[i] == '\0')
                end->output[i] = ' ';
    return true;
}

/* Until the child is gone: what it left behind may have its output still. */
static void serve(struct exchange *exchange, pid_t pid, int64_t until, struct proc_end *end)
{
    while (!is_gone(pid, &end->status)) {
        struct pollfd fds[] = {{.fd = exchange->input.write, .events = POLLOUT},
                               {.fd = exchange->output.read, .events = POLLIN}};
        int64_t left = until - clock_ms();
        if (left <= 0) {
            end->late = true;
            kill_group(pid, &end->status);
            return;
        }
        (void)poll(fds, ARRAY_SIZE(fds), (int)clamp(left, 1, LOOK_MS));
        if (fds[0].revents != 0)
            give(exchange);
        if (fds[1].revents != 0)
            (void)take(exchange, end);
    }
    for (size_t most = PROC_OUTPUT_SIZE; most > 0 && exchange->output.read >= 0; most--)
        if (exchange->kept == sizeof(end->output) - 1 || !take(exchange, end))
            break;
}

static int run(char *const argv[], char *const envp[], struct exchange *exchange, unsigned seconds,
               struct proc_end *end, struct err *err)
{
    const int64_t until = clock_ms() + seconds * INT64_C(1000);
    pid_t pid = -1;

    if (!ends_open(&exchange->input) || !ends_open(&exchange->output) ||
        fcntl(exchange->input.write, F_SETFL, O_NONBLOCK) != 0 ||
        fcntl(exchange->output.read, F_SETFL, O_NONBLOCK) != 0)
        return refuse_start(argv[0], errno, err);
    int os_error = spawn(&pid, argv, envp, exchange->input.read, exchange->output.write);
    if (os_error != 0)
        return refuse_start(argv[0], os_error, err);
    file_close(&exchange->input.read);
    file_close(&exchange->output.write);
    serve(exchange, pid, until, end);
    return 0;
}

int proc_run(char *const argv[], char *const envp[], const char *input, size_t length,
             unsigned seconds, struct proc_end *end, struct err *err)
{
    struct exchange exchange CLEANUP(exchange_close) = {.input = {.read = -1, .write = -1},
                                                        .output = {.read = -1, .write = -1},
                                                        .left = input,
                                                        .left_length = length};
    struct file_stdio stdio = {0};

    *end = (struct proc_end){0};
    if (file_stdio_hold(&stdio) != 0)
        return refuse_start(argv[0], errno, err);
    int r = run(argv, envp, &exchange, seconds, end, err);
    file_stdio_release(&stdio);
    return r;
}
