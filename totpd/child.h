/* SPDX-License-Identifier: BSD-2-Clause */
/* A worker process, seen from totpd; floor 6.
 *
 * It ends when its socket does, and has no other reason to. */
#ifndef TOTP_CHILD_H
#define TOTP_CHILD_H

#include "base.h"
#include "frame.h"
#include "job.h"
#include "loop.h"

#include <sys/types.h>

#define CHILD_TASKS_MAX 64

struct child_command {
    const char *path;   /* of the executable */
    const char *config; /* a file, or NULL */
    bool journal;       /* standard error leads there, which reads levels */
};

/* A message that was given to the worker. */
struct child_task {
    bool used;
    uint32_t id;
    uint32_t uid;
    int64_t until;
    struct job *job; /* NULL: nobody waits for the answer any more */
};

struct child {
    struct watch watch; /* its socket; the first member */
    pid_t pid;          /* 0 once it is known to have ended */
    bool fast;
    bool retiring; /* is given nothing more */
    bool greeted;  /* it has started, and may have begun what it was given */
    bool blocked;  /* its socket is full */
    bool killed;   /* by us */
    int64_t until; /* with nothing in work: leaves then; with its socket closed: is killed then */
    unsigned busy;
    struct child_task tasks[CHILD_TASKS_MAX];
};

/* Whether the entry may be used for a new one. */
bool child_is_free(const struct child *child);

/* Starts the process; *child, which is free, becomes a new one. Whether the program could be
 * executed shows only by the end of its socket. ERR_SYSTEM. */
int child_start(struct child *child, bool fast, const struct child_command *command) MUST_CHECK;

/* Gives it a message, to be finished until then; frame is scratch space. ERR_LIMIT: not now.
 * ERR_NOMEM: the system has no room for this message. ERR_SYSTEM: the worker is gone. */
int child_give(struct child *child, struct job *job, uint32_t id, int64_t until,
               struct frame *frame) MUST_CHECK;

/* 1: a frame, and the task it belongs to. 0: nothing now. ERR_SYSTEM: the worker is gone, or talks
 * nonsense. */
int child_receive(struct child *child, struct frame *frame, struct child_task **task) MUST_CHECK;

/* The task is over. */
void child_release(struct child *child, struct child_task *task);

/* The task of a job that this worker has. */
struct child_task *child_task_of(struct child *child, const struct job *job);

/* When it is time to act, for what is in work, for until, or LOOP_NEVER. */
int64_t child_deadline(const struct child *child);

void child_kill(struct child *child);

/* Whether the process has ended, with its status; true once only. */
bool child_reap(struct child *child, int *status);

#endif
