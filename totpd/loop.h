/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting for descriptors and for the clock, in one thread; floor 6.
 *
 * 1. What is being told of an event may forget any watch, its own too; the memory of a watch must
 * last until loop_wait returns.
 * 2. An event may come late: its watch may have been used for another descriptor meanwhile. What
 * happened is learned by trying, without waiting. */
#ifndef TOTP_LOOP_H
#define TOTP_LOOP_H

#include "base.h"
#include "err.h"

#include <stdbool.h>
#include <stdint.h>

#define LOOP_NEVER INT64_MAX

struct loop {
    int epoll;
    int64_t now; /* milliseconds of a clock that only goes forward, as of the last event */
};

struct watch {
    int fd; /* owned; -1: none */
    bool listed;
    uint32_t events; /* waited for: EPOLLIN, EPOLLOUT; EPOLLHUP and EPOLLERR always are */
    void (*ready)(struct watch *watch, uint32_t events);
    void *owner;
};

int loop_open(struct loop *loop, struct err *err) MUST_CHECK;
void loop_close(struct loop *loop); /* for CLEANUP; takes an empty one with epoll -1 */

/* Begins to wait for these events on watch->fd, or changes for which. ERR_SYSTEM. */
int loop_watch(struct loop *loop, struct watch *watch, uint32_t events) MUST_CHECK;

/* Waits for nothing on it, not even its end. */
void loop_pause(struct loop *loop, struct watch *watch);

/* Closes its descriptor, if it has one. */
void loop_forget(struct loop *loop, struct watch *watch);

/* Waits until something happens, at most until this time, and tells those concerned. ERR_SYSTEM. */
int loop_wait(struct loop *loop, int64_t until) MUST_CHECK;

#endif
