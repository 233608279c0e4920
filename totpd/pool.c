/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "pool.h"

#include "secret.h"

#include <sys/epoll.h>
#include <sys/wait.h>

#define QUEUE_TIME 5000
#define WORK_TIME 15000
#define IDLE_TIME 10000
#define FAST_IDLE_TIME 20000
#define LEAVE_TIME 5000 /* from the end of a worker's socket to its own: it may hand mail over */
#define SLOW_MAX 3
#define SLOW_OTHERS_MAX 2 /* of them, for clients that are not root */
#define FRAMES_AT_ONCE 16
#define HANDED_OUT_AT_ONCE 64 /* a message that fails makes room for its client's next one */

static const char busy_answer[] = "{\"error\":\"org.pamtotp.Service.Busy\",\"parameters\":{}}";
static const char failed_answer[] =
    "{\"error\":\"org.pamtotp.Service.Failed\",\"parameters\":{\"code\":34,\"where\":\"\","
    "\"what\":\"the service was interrupted: try again\"}}";
static const char undone_answer[] =
    "{\"error\":\"org.pamtotp.Service.NotServed\",\"parameters\":{\"where\":\"\","
    "\"what\":\"the service cannot start its worker: its log says why\"}}";

void pool_open(struct pool *pool, struct loop *loop, struct log *log,
               const struct child_command *command, pool_answer_fn *answer, void *owner)
{
    *pool = (struct pool){
        .loop = loop, .log = log, .command = command, .answer = answer, .owner = owner};
    for (size_t i = 0; i < POOL_CHILDREN; i++)
        pool->children[i].watch.fd = -1;
    for (size_t i = 0; i < POOL_QUEUES; i++)
        TAILQ_INIT(&pool->queues[i]);
}

/* --- the queues ------------------------------------------------------------------------------- */

static void enqueue(struct pool *pool, struct job *job, enum pool_queue queue)
{
    job->state = JOB_QUEUED;
    job->queue = &pool->queues[queue];
    job->since = pool->loop->now;
    job->attempted = false;
    TAILQ_INSERT_TAIL(job->queue, job, entry);
}

static void dequeue(struct job *job, enum job_state state)
{
    TAILQ_REMOVE(job->queue, job, entry);
    job->queue = NULL;
    job->state = state;
}

/* A constant as the last answer. size counts the NUL byte, which belongs to it. */
static void finish(struct pool *pool, struct job *job, const char *answer, size_t size)
{
    job->state = JOB_NONE;
    pool->answer(pool->owner, job, answer, size, FRAME_FINAL);
}

void pool_submit(struct pool *pool, struct job *job)
{
    enqueue(pool, job, job->uid == 0 ? POOL_FAST : POOL_OTHERS);
}

void pool_withdraw(struct pool *pool, struct job *job)
{
    if (job->state == JOB_QUEUED)
        dequeue(job, JOB_NONE);
    if (job->state == JOB_WORKING) {
        struct child_task *task = child_task_of(job->child, job);

        if (task != NULL)
            task->job = NULL;
        pool_resume(pool, job);
        job->state = JOB_NONE;
    }
}

static void expire_queue(struct pool *pool, struct job_queue *queue)
{
    struct job *job;

    while ((job = TAILQ_FIRST(queue)) != NULL && job->since + QUEUE_TIME <= pool->loop->now) {
        dequeue(job, JOB_NONE);
        log_seldom(pool->log, LOG_OF_LIMITS, pool->loop->now,
                   "the service is busy: a message of user number %lu was not answered",
                   (unsigned long)job->uid);
        finish(pool, job, busy_answer, sizeof(busy_answer));
    }
}

/* --- answers ---------------------------------------------------------------------------------- */

/* Keys and libraries do not lie in memory for long when nobody needs them. */
static int64_t idle_time(bool fast)
{
    return fast ? FAST_IDLE_TIME : IDLE_TIME;
}

static void deliver(struct pool *pool, struct child *child, struct child_task *task)
{
    const struct frame *frame = &pool->frame;
    struct job *job = task->job;

    if ((frame->flags & (FRAME_FINAL | FRAME_DEFER)) != 0) {
        child_release(child, task);
        if (child->busy == 0)
            child->until = pool->loop->now + idle_time(child->fast);
        if (job != NULL)
            job->state = JOB_NONE;
    }
    if ((frame->flags & FRAME_RENEW) != 0)
        pool_renew(pool);
    if (job == NULL)
        return;
    if ((frame->flags & FRAME_DEFER) == 0)
        pool->answer(pool->owner, job, frame->bytes, frame->length, frame->flags);
    else if (child->fast)
        enqueue(pool, job, POOL_ROOT);
    else
        finish(pool, job, failed_answer, sizeof(failed_answer));
}

/* --- the end of a worker ---------------------------------------------------------------------- */

/* What the worker has said before it ended; the first thing that is read may be how it ended. */
static void hear_out(struct pool *pool, struct child *child)
{
    struct child_task *task = NULL;

    for (int ends = 0; ends < 2;) {
        int r = child_receive(child, &pool->frame, &task);
        if (r == 0)
            return;
        if (r == 1)
            deliver(pool, child, task);
        ends += r < 0;
    }
}

/* Closes its socket. What it had in work has failed. */
static void end_child(struct pool *pool, struct child *child)
{
    if (child->watch.fd < 0)
        return;
    hear_out(pool, child);
    if (child->watch.fd < 0)
        return;
    loop_forget(pool->loop, &child->watch);
    child->until = pool->loop->now + LEAVE_TIME;
    for (size_t i = 0; i < CHILD_TASKS_MAX; i++) {
        struct child_task *task = &child->tasks[i];
        struct job *job = task->job;

        if (!task->used)
            continue;
        child_release(child, task);
        if (job != NULL && child->greeted)
            finish(pool, job, failed_answer, sizeof(failed_answer));
        else if (job != NULL)
            finish(pool, job, undone_answer, sizeof(undone_answer));
    }
}

static void expire_child(struct pool *pool, struct child *child)
{
    int64_t now = pool->loop->now;

    if (child->watch.fd < 0) {
        if (child_deadline(child) <= now)
            child_kill(child);
    } else if (child->busy == 0) {
        if (child_deadline(child) <= now || child->retiring)
            end_child(pool, child);
    } else if (child_deadline(child) <= now) {
        log_seldom(pool->log, LOG_OF_WORKERS, now,
                   "a worker was killed: it has not finished a message within %d seconds",
                   WORK_TIME / 1000);
        child_kill(child);
        end_child(pool, child);
    }
}

static void log_end(struct pool *pool, int status)
{
    if (WIFSIGNALED(status))
        log_seldom(pool->log, LOG_OF_WORKERS, pool->loop->now, "a worker died of signal %d",
                   WTERMSIG(status));
    else if (WEXITSTATUS(status) == 127)
        log_seldom(pool->log, LOG_OF_WORKERS, pool->loop->now,
                   "%s cannot be started: look whether it is there and may be executed",
                   pool->command->path);
    else if (WEXITSTATUS(status) != 0)
        log_seldom(pool->log, LOG_OF_WORKERS, pool->loop->now, "a worker ended with status %d",
                   WEXITSTATUS(status));
}

void pool_reap(struct pool *pool)
{
    for (size_t i = 0; i < POOL_CHILDREN; i++) {
        struct child *child = &pool->children[i];
        bool killed = child->killed;
        int status = 0;

        if (child_reap(child, &status) && !killed)
            log_end(pool, status);
    }
}

void pool_renew(struct pool *pool)
{
    for (size_t i = 0; i < POOL_CHILDREN; i++)
        pool->children[i].retiring = true;
}

/* --- its answers ------------------------------------------------------------------------------ */

static void child_ready(struct watch *watch, uint32_t events)
{
    struct child *child = (struct child *)watch;
    struct pool *pool = watch->owner;
    struct child_task *task = NULL;

    if (child->blocked && (events & EPOLLOUT) != 0) {
        child->blocked = false;
        if (loop_watch(pool->loop, watch, EPOLLIN) != 0)
            end_child(pool, child);
    }
    for (int i = 0; i < FRAMES_AT_ONCE && watch->listed; i++) {
        int r = child_receive(child, &pool->frame, &task);

        if (r == 0)
            return;
        if (r < 0) {
            end_child(pool, child);
            return;
        }
        deliver(pool, child, task);
        secret_wipe(pool->frame.bytes, pool->frame.length);
    }
}

bool pool_pause(struct pool *pool, struct job *job)
{
    if (job->state != JOB_WORKING || job->child->fast)
        return false;
    loop_pause(pool->loop, &job->child->watch);
    return true;
}

void pool_resume(struct pool *pool, struct job *job)
{
    struct child *child = job->child;

    if (job->state == JOB_WORKING && child->watch.fd >= 0 && !child->watch.listed &&
        loop_watch(pool->loop, &child->watch, EPOLLIN) != 0)
        child_kill(child);
}

/* --- handing out ------------------------------------------------------------------------------ */

/* ERR_LIMIT: too many are still about to leave. ERR_SYSTEM. */
static int start_child(struct pool *pool, struct job *job, bool fast, struct child **found)
{
    struct child *child = pool->children;

    while (child < pool->children + POOL_CHILDREN && !child_is_free(child))
        child++;
    if (child == pool->children + POOL_CHILDREN)
        return ERR_LIMIT;
    job->attempted = true;
    if (child_start(child, fast, pool->command) != 0) {
        log_seldom(pool->log, LOG_OF_WORKERS, pool->loop->now, "a worker cannot be started: %m");
        return ERR_SYSTEM;
    }
    child->watch.ready = child_ready;
    child->watch.owner = pool;
    child->until = pool->loop->now + idle_time(fast);
    if (loop_watch(pool->loop, &child->watch, EPOLLIN) != 0) {
        end_child(pool, child);
        return ERR_SYSTEM;
    }
    *found = child;
    return 0;
}

/* A worker that can take the job now. ERR_LIMIT, ERR_SYSTEM. */
static int find_child(struct pool *pool, struct job *job, bool fast, struct child **found)
{
    unsigned of_this_kind = 0;

    for (size_t i = 0; i < POOL_CHILDREN; i++) {
        struct child *child = &pool->children[i];

        if (child->watch.fd < 0 || child->fast != fast || (fast && child->retiring))
            continue;
        of_this_kind++;
        if (child->retiring || child->blocked ||
            child->busy >= (fast ? (unsigned)CHILD_TASKS_MAX : 1))
            continue;
        *found = child;
        return 0;
    }
    return of_this_kind < (fast ? 1 : SLOW_MAX) ? start_child(pool, job, fast, found) : ERR_LIMIT;
}

/* Whether the queue has moved on. */
static bool hand_out(struct pool *pool, struct job *job, bool fast)
{
    struct child *child = NULL;
    int r = find_child(pool, job, fast, &child);

    if (r == 0) {
        r = child_give(child, job, ++pool->last_id, pool->loop->now + WORK_TIME, &pool->frame);
        if (r == ERR_LIMIT) {
            child->blocked = true;
            if (loop_watch(pool->loop, &child->watch, EPOLLIN | EPOLLOUT) != 0)
                end_child(pool, child);
        }
        if (r == ERR_SYSTEM) {
            end_child(pool, child);
            if (!job->attempted) /* it had ended unnoticed: the message deserves another one */
                return true;
        }
    }
    if (r == ERR_LIMIT)
        return false;
    dequeue(job, JOB_WORKING);
    if (job->uid != 0)
        pace_take(&pool->pace, job->uid, pool->loop->now);
    if (r != 0)
        finish(pool, job, undone_answer, sizeof(undone_answer));
    return true;
}

/* Rule 2: the first whose user has none in work and may ask, as long as others than root may have
 * more. */
static struct job *next_slow(const struct pool *pool)
{
    struct job *job = TAILQ_FIRST(&pool->queues[POOL_ROOT]);
    uint32_t others[SLOW_MAX];
    unsigned count = 0;

    if (job != NULL)
        return job;
    for (size_t i = 0; i < POOL_CHILDREN; i++) {
        const struct child *child = &pool->children[i];

        if (child->busy > 0 && !child->fast && child->tasks[0].uid != 0)
            others[count++] = child->tasks[0].uid;
    }
    if (count >= SLOW_OTHERS_MAX)
        return NULL;
    job = TAILQ_FIRST(&pool->queues[POOL_OTHERS]);
    while (job != NULL && ((count > 0 && others[0] == job->uid) ||
                           pace_next(&pool->pace, job->uid) > pool->loop->now))
        job = TAILQ_NEXT(job, entry);
    return job;
}

void pool_work(struct pool *pool)
{
    struct job *job;
    int left = HANDED_OUT_AT_ONCE;

    for (size_t i = 0; i < POOL_QUEUES; i++)
        expire_queue(pool, &pool->queues[i]);
    for (size_t i = 0; i < POOL_CHILDREN; i++)
        expire_child(pool, &pool->children[i]);
    while (left > 0 && (job = TAILQ_FIRST(&pool->queues[POOL_FAST])) != NULL &&
           hand_out(pool, job, true))
        left--;
    while (left > 0 && (job = next_slow(pool)) != NULL && hand_out(pool, job, false))
        left--;
    pool->hurried = left == 0;
}

/* --- time and the end ------------------------------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When the first of those who ask too often may be heard. */
static int64_t next_paced(const struct pool *pool)
{
    const struct job *job = NULL;
    int64_t deadline = LOOP_NEVER;

    TAILQ_FOREACH(job, &pool->queues[POOL_OTHERS], entry)
    {
        int64_t next = pace_next(&pool->pace, job->uid);
        if (next > pool->loop->now)
            deadline = earlier(deadline, next);
    }
    return deadline;
}

int64_t pool_deadline(const struct pool *pool)
{
    int64_t deadline = LOOP_NEVER;

    if (pool->hurried)
        return pool->loop->now;
    for (size_t i = 0; i < POOL_QUEUES; i++) {
        const struct job *first = TAILQ_FIRST(&pool->queues[i]);

        if (first != NULL)
            deadline = earlier(deadline, first->since + QUEUE_TIME);
    }
    deadline = earlier(deadline, next_paced(pool));
    for (size_t i = 0; i < POOL_CHILDREN; i++)
        deadline = earlier(deadline, child_deadline(&pool->children[i]));
    return deadline;
}

bool pool_is_idle(const struct pool *pool)
{
    for (size_t i = 0; i < POOL_QUEUES; i++)
        if (!TAILQ_EMPTY(&pool->queues[i]))
            return false;
    for (size_t i = 0; i < POOL_CHILDREN; i++)
        if (pool->children[i].busy > 0)
            return false;
    return true;
}

static bool has_processes(const struct pool *pool)
{
    for (size_t i = 0; i < POOL_CHILDREN; i++)
        if (pool->children[i].pid > 0)
            return true;
    return false;
}

void pool_close(struct pool *pool)
{
    for (size_t i = 0; i < POOL_CHILDREN; i++)
        end_child(pool, &pool->children[i]);
    while (has_processes(pool) && loop_wait(pool->loop, pool_deadline(pool)) == 0)
        for (size_t i = 0; i < POOL_CHILDREN; i++)
            expire_child(pool, &pool->children[i]);
}
