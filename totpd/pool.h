/* SPDX-License-Identifier: BSD-2-Clause */
/* The worker processes and the messages that wait for them; floor 6.
 *
 * 1. A message of root goes to the one fast worker at once, which has many in work; what it gives
 * back as slow, and every message of others, to one of three slow workers, one at a time.
 * 2. Root comes first, others never have all slow workers, and one user has one message in work,
 * and no more of them in a time than pace.h says.
 * 3. Every message gets a last answer, also when workers die, hang or cannot be started.
 * 4. Workers start when they are needed. */
#ifndef TOTP_POOL_H
#define TOTP_POOL_H

#include "base.h"
#include "child.h"
#include "frame.h"
#include "job.h"
#include "log.h"
#include "loop.h"
#include "pace.h"

/* Told of (part of) an answer. flags: FRAME_FINAL, the job is no longer the pool's; FRAME_CLOSE. It
 * may call pool_submit, pool_withdraw and pool_pause. */
typedef void pool_answer_fn(void *owner, struct job *job, const char *bytes, size_t length,
                            uint32_t flags);

/* Where messages wait: for the fast worker, and root's and others' for a slow one. */
enum pool_queue { POOL_FAST, POOL_ROOT, POOL_OTHERS, POOL_QUEUES };

#define POOL_CHILDREN 8 /* four at work, and those that are about to leave */

struct pool {
    struct loop *loop;
    struct log *log;
    const struct child_command *command;
    pool_answer_fn *answer;
    void *owner;
    struct child children[POOL_CHILDREN];
    struct job_queue queues[POOL_QUEUES];
    struct pace pace; /* of those who are not root */
    uint32_t last_id;
    bool hurried;       /* pool_work has left something undone */
    struct frame frame; /* the one being sent or received */
};

/* loop, log and command are borrowed. */
void pool_open(struct pool *pool, struct loop *loop, struct log *log,
               const struct child_command *command, pool_answer_fn *answer, void *owner);

/* Queues a job (bytes, length and uid are filled in, state is JOB_NONE). */
void pool_submit(struct pool *pool, struct job *job);

/* Nobody waits for the answer any more: what has begun is finished in silence. Takes a job that is
 * not the pool's. */
void pool_withdraw(struct pool *pool, struct job *job);

/* Stops and continues to take the answer. Only the slow workers can wait: false. */
bool pool_pause(struct pool *pool, struct job *job);
void pool_resume(struct pool *pool, struct job *job);

/* Hands out what waits, and acts on what has taken too long. To be called after every event. */
void pool_work(struct pool *pool);

/* When pool_work has something to do if nothing else happens. */
int64_t pool_deadline(const struct pool *pool);

/* The workers leave as soon as they have nothing in work. */
void pool_renew(struct pool *pool);

/* After SIGCHLD. */
void pool_reap(struct pool *pool);

/* Nothing waits or is in work. */
bool pool_is_idle(const struct pool *pool);

/* Ends all workers, by force after a second; returns when they have ended. What is in work gets no
 * answer: its clients are gone. */
void pool_close(struct pool *pool);

#endif
