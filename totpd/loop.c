/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 32
#define WAIT_MAX 60000

static void read_clock(struct loop *loop)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
    loop->now = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int loop_open(struct loop *loop, struct err *err)
{
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0)
        return err_set_errno(err, ERR_SYSTEM, errno, NULL, "cannot wait for connections");
    read_clock(loop);
    return 0;
}

void loop_close(struct loop *loop)
{
    if (loop->epoll >= 0)
        close(loop->epoll);
    loop->epoll = -1;
}

int loop_watch(struct loop *loop, struct watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};

    if (watch->listed && watch->events == events)
        return 0;
    if (epoll_ctl(loop->epoll, watch->listed ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, watch->fd, &event) !=
        0)
        return ERR_SYSTEM;
    watch->listed = true;
    watch->events = events;
    return 0;
}

void loop_pause(struct loop *loop, struct watch *watch)
{
    if (watch->listed)
        (void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->listed = false;
}

void loop_forget(struct loop *loop, struct watch *watch)
{
    /* Closing alone would not do: a child between fork and exec has the same open file. */
    loop_pause(loop, watch);
    if (watch->fd >= 0)
        close(watch->fd);
    watch->fd = -1;
}

int loop_wait(struct loop *loop, int64_t until)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int64_t wait = WAIT_MAX;
    int count;

    if (until != LOOP_NEVER) {
        read_clock(loop);
        wait = until - loop->now;
        wait = wait < 0 ? 0 : wait > WAIT_MAX ? WAIT_MAX : wait;
    }
    count = epoll_wait(loop->epoll, events, EVENTS_AT_ONCE, (int)wait);
    if (count < 0 && errno != EINTR)
        return ERR_SYSTEM;
    read_clock(loop);
    for (int i = 0; i < count; i++) {
        struct watch *watch = events[i].data.ptr;

        if (watch->listed)
            watch->ready(watch, events[i].events);
    }
    return 0;
}
