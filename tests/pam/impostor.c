/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "impostor.h"

#include "host.h"
#include "interpose.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

INTERPOSED int setsockopt(int fd, int level, int option, const void *value, socklen_t size);
/* Without <poll.h>, whose checked variant is an inline function of the same name. */
struct pollfd;
INTERPOSED int poll(struct pollfd *fds, unsigned long count, int timeout);

static struct play *play;
static time_t patience;

struct play *impostor_play(void)
{
    const int shared = MAP_SHARED | MAP_ANONYMOUS;

    if (play == NULL)
        play = mmap(NULL, sizeof(*play), PROT_READ | PROT_WRITE, shared, -1, 0);
    host_need(play != MAP_FAILED, "memory");
    return play;
}

void impostor_say(const char *reply, size_t length)
{
    struct play *new = impostor_play();

    memcpy(new->reply, reply, length);
    new->length = length;
    new->manner = READ_AND_ANSWER;
    new->connections = 0;
    new->received = 0;
}

/* --- waiting ---------------------------------------------------------------------------------- */

time_t impostor_patience(void)
{
    return patience;
}

void impostor_forget_patience(void)
{
    patience = 0;
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
    typedef int setsockopt_fn(int, int, int, const void *, socklen_t);
    setsockopt_fn *next = (setsockopt_fn *)(uintptr_t)dlsym(RTLD_NEXT, "setsockopt");
    struct timeval time = {0};

    if ((option != SO_RCVTIMEO && option != SO_SNDTIMEO) || size != sizeof(time))
        return next(fd, level, option, value, size);
    memcpy(&time, value, sizeof(time));
    patience = time.tv_sec > patience ? time.tv_sec : patience;
    time.tv_usec = (suseconds_t)(time.tv_sec * 1000000 / HASTE);
    time.tv_sec = 0;
    return next(fd, level, option, &time, size);
}

/* Where nothing comes, as much time goes by as was to be waited. */
int poll(struct pollfd *fds, unsigned long count, int timeout)
{
    typedef int poll_fn(struct pollfd *, unsigned long, int);
    poll_fn *next = (poll_fn *)(uintptr_t)dlsym(RTLD_NEXT, "poll");

    if (timeout < HASTE)
        return next(fds, count, timeout);
    patience = (timeout + 999) / 1000 > patience ? (timeout + 999) / 1000 : patience;
    int ready = next(fds, count, timeout / HASTE);
    if (ready == 0)
        clock_skip(timeout);
    return ready;
}

/* --- the process ------------------------------------------------------------------------------ */

static void serve_one(int fd)
{
    char request[4096];
    ssize_t got;

    if (play->manner == HANG_UP)
        return;
    do {
        got = recv(fd, request, sizeof(request), 0);
        if (got > 0)
            play->received += (size_t)got;
    } while (got > 0 && (play->manner == NEVER_ANSWER || request[got - 1] != '\0'));
    if (got > 0)
        (void)send(fd, play->reply, play->length, MSG_NOSIGNAL);
}

static _Noreturn void serve(int door)
{
    for (;;) {
        int fd = accept(door, NULL, NULL);
        if (fd < 0)
            _exit(1);
        play->connections++;
        serve_one(fd);
        close(fd);
    }
}

int impostor_socket(const char *path, int type, uid_t owner)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    host_need(strlen(path) < sizeof(address.sun_path), path);
    memcpy(address.sun_path, path, strlen(path));
    host_need(fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0, path);
    host_need(chmod(path, 0666) == 0 && chown(path, owner, (gid_t)-1) == 0, path);
    return fd;
}

/* The kernel remembers who called listen: that is who a client sees. */
pid_t impostor_listen(int door, uid_t user)
{
    int ends[2];
    char ready = 0;

    host_need(impostor_play() != NULL && pipe(ends) == 0, "pipe");
    fflush(stdout);
    pid_t child = fork();
    host_need(child >= 0, "fork");
    if (child == 0) {
        close(ends[0]);
        if ((user != 0 && setuid(user) != 0) || listen(door, 8) != 0 || write(ends[1], "", 1) != 1)
            _exit(1);
        close(ends[1]);
        serve(door);
    }
    close(ends[1]);
    host_need(read(ends[0], &ready, 1) == 1, "an impostor");
    close(ends[0]);
    close(door);
    return child;
}

void impostor_end(pid_t child)
{
    if (child <= 0)
        return;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}
