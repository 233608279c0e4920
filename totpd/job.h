/* SPDX-License-Identifier: BSD-2-Clause */
/* A client's message on its way through the pool: plain data; floor 6. */
#ifndef TOTP_JOB_H
#define TOTP_JOB_H

#include "base.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct child;

enum job_state { JOB_NONE, JOB_QUEUED, JOB_WORKING };

TAILQ_HEAD(job_queue, job);

struct job {
    const char *bytes; /* borrowed, with the NUL byte at the end; untouched until the last answer */
    size_t length;
    uint32_t uid; /* who asks */

    /* The pool's. */
    enum job_state state;
    TAILQ_ENTRY(job) entry;
    struct job_queue *queue; /* JOB_QUEUED: where, */
    int64_t since;           /* and since when */
    bool attempted;          /* a worker was started for it */
    struct child *child;     /* JOB_WORKING: by whom */
};

#endif
