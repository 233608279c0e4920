/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

bool child_is_free(const struct child *child)
{
    return child->pid == 0 && child->watch.fd < 0;
}

/* In the new process: becomes the worker. What a terminal or an administrator sends to totpd and
 * all of its kind is totpd's to act on. */
static _Noreturn void become_worker(int fd, bool fast, const struct child_command *command)
{
    static char journal[] = "JOURNAL_STREAM=yes";
    char *const environment[] = {command->journal ? journal : NULL, NULL};
    const char *arguments[] = {
        "totpd-worker", fast ? "--fast" : "--slow", FRAME_BUILD, NULL, NULL, NULL};
    sigset_t none;

    if (command->config != NULL) {
        arguments[3] = "--config";
        arguments[4] = command->config;
    }
    if (fd == FRAME_FD ? fcntl(fd, F_SETFD, 0) != 0 : dup2(fd, FRAME_FD) < 0)
        _exit(127);
#ifdef SYS_close_range
    /* Ours are close-on-exec; those that were open when totpd started may not be. */
    (void)syscall(SYS_close_range, FRAME_FD + 1, UINT_MAX, 0);
#endif
    (void)signal(SIGPIPE, SIG_DFL);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    execve(command->path, (char *const *)arguments, environment);
    _exit(127);
}

int child_start(struct child *child, bool fast, const struct child_command *command)
{
    int ends[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return ERR_SYSTEM;
    pid = fork();
    if (pid == 0)
        become_worker(ends[1], fast, command);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return ERR_SYSTEM;
    }
    *child = (struct child){.watch.fd = ends[0], .pid = pid, .fast = fast, .until = LOOP_NEVER};
    return 0;
}

static int send_frame(int fd, struct frame *header, const char *bytes)
{
    struct iovec parts[] = {{.iov_base = header, .iov_len = FRAME_HEADER_SIZE},
                            {.iov_base = (void *)bytes, .iov_len = header->length}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = ARRAY_SIZE(parts)};
    ssize_t sent;

    do
        sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return 0;
    switch (errno) {
    case EAGAIN:
        return ERR_LIMIT;
    case EMSGSIZE:
    case ENOBUFS:
    case ENOMEM:
        return ERR_NOMEM;
    default:
        return ERR_SYSTEM;
    }
}

int child_give(struct child *child, struct job *job, uint32_t id, int64_t until,
               struct frame *frame)
{
    struct child_task *task = child->tasks;
    int r;

    while (task < child->tasks + CHILD_TASKS_MAX && task->used)
        task++;
    if (task == child->tasks + CHILD_TASKS_MAX)
        return ERR_LIMIT;
    frame->id = id;
    frame->uid = job->uid;
    frame->flags = 0;
    frame->length = (uint32_t)job->length;
    r = send_frame(child->watch.fd, frame, job->bytes);
    if (r != 0)
        return r;
    *task =
        (struct child_task){.used = true, .id = id, .uid = job->uid, .until = until, .job = job};
    child->busy++;
    job->child = child;
    return 0;
}

static struct child_task *find_task(struct child *child, uint32_t id)
{
    for (size_t i = 0; i < CHILD_TASKS_MAX; i++)
        if (child->tasks[i].used && child->tasks[i].id == id)
            return &child->tasks[i];
    return NULL;
}

/* 1: a frame. 0: nothing now. ERR_SYSTEM. */
static int receive_frame(const struct child *child, struct frame *frame)
{
    ssize_t got;

    do
        got = recv(child->watch.fd, frame, sizeof(*frame), MSG_DONTWAIT | MSG_TRUNC);
    while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN)
        return 0;
    if (got < (ssize_t)FRAME_HEADER_SIZE || (size_t)got > sizeof(*frame) ||
        (size_t)got - FRAME_HEADER_SIZE != frame->length)
        return ERR_SYSTEM;
    return 1;
}

int child_receive(struct child *child, struct frame *frame, struct child_task **task)
{
    int r = receive_frame(child, frame);

    if (r == 1 && frame->id == FRAME_HELLO && !child->greeted) {
        child->greeted = true;
        r = receive_frame(child, frame);
    }
    if (r != 1)
        return r;
    *task = find_task(child, frame->id);
    return *task != NULL ? 1 : ERR_SYSTEM;
}

void child_release(struct child *child, struct child_task *task)
{
    *task = (struct child_task){0};
    child->busy--;
}

struct child_task *child_task_of(struct child *child, const struct job *job)
{
    for (size_t i = 0; i < CHILD_TASKS_MAX; i++)
        if (child->tasks[i].used && child->tasks[i].job == job)
            return &child->tasks[i];
    return NULL;
}

int64_t child_deadline(const struct child *child)
{
    int64_t deadline = LOOP_NEVER;

    if (child->watch.fd < 0 && (child->pid == 0 || child->killed))
        return LOOP_NEVER;
    if (child->busy == 0)
        return child->until;
    for (size_t i = 0; i < CHILD_TASKS_MAX; i++)
        if (child->tasks[i].used && child->tasks[i].until < deadline)
            deadline = child->tasks[i].until;
    return deadline;
}

void child_kill(struct child *child)
{
    child->killed = true;
    if (child->pid > 0)
        (void)kill(child->pid, SIGKILL);
}

bool child_reap(struct child *child, int *status)
{
    if (child->pid <= 0 || waitpid(child->pid, status, WNOHANG) != child->pid)
        return false;
    child->pid = 0;
    return true;
}
