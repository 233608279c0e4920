/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "front.h"

#include "connection.h"
#include "crowd.h"
#include "loop.h"
#include "pool.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_TIME 60000
#define END_TIME 5000
#define ACCEPT_PAUSE 100
#define ACCEPTED_AT_ONCE 16
#define SEND_BUFFER (16 * 1024) /* of the kernel, for each client */
#define OUT_MAX (256 * 1024)    /* of an answer's bytes that its client has not read */

static const char too_long_answer[] =
    "{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":"
    "\"parameters\"}}";

struct front {
    struct loop loop;
    struct listener *listener;
    struct log *log;
    struct watch door;    /* the listening socket, which the listener owns */
    struct watch signals; /* a signalfd */
    struct crowd crowd;
    struct connection_list by_deadline;
    struct connection_list gone; /* by_age: freed when nobody can know them any more */
    struct pool pool;
    int64_t idle_since;
    int64_t closed_until; /* the door, when there is no descriptor for anyone; 0: it is open */
    int64_t ends_at;      /* 0: it goes on */
};

/* --- one client ------------------------------------------------------------------------------- */

static void drop(struct front *front, struct connection *client)
{
    if (client->watch.fd < 0)
        return;
    pool_withdraw(&front->pool, &client->job);
    if (client->wait != CONNECTION_WAITS_FOR_US)
        TAILQ_REMOVE(&front->by_deadline, client, by_deadline);
    crowd_remove(&front->crowd, client);
    loop_forget(&front->loop, &client->watch);
    TAILQ_INSERT_TAIL(&front->gone, client, by_age);
    if (front->crowd.total == 0)
        front->idle_since = front->loop.now;
}

/* All wait equally long: the list is in order by itself. */
static void set_deadline(struct front *front, struct connection *client, enum connection_wait wait)
{
    if (client->wait != CONNECTION_WAITS_FOR_US)
        TAILQ_REMOVE(&front->by_deadline, client, by_deadline);
    client->wait = wait;
    client->deadline = front->loop.now + CONNECTION_TIME;
    client->due = buffer_length(&client->out);
    if (wait != CONNECTION_WAITS_FOR_US)
        TAILQ_INSERT_TAIL(&front->by_deadline, client, by_deadline);
}

/* After anything happened to a client: what comes next, what is waited for, and how long. */
static void settle(struct front *front, struct connection *client)
{
    bool unread = buffer_length(&client->out) > 0;
    enum connection_wait wait = unread ? CONNECTION_SHALL_READ : CONNECTION_WAITS_FOR_US;
    uint32_t events = unread ? EPOLLOUT : 0;

    if (client->job.state == JOB_NONE && !unread) {
        if (client->closing || front->ends_at != 0 || (client->ended && client->message == 0)) {
            drop(front, client);
            return;
        }
        if (client->message == 0) {
            wait = CONNECTION_SHALL_SEND;
        } else {
            client->job.bytes = client->in.bytes + client->in.start;
            client->job.length = client->message;
            pool_submit(&front->pool, &client->job);
        }
    }
    /* Most clients wait for their answer and send nothing: as long as they do, the set of events is
     * left alone, which spares two system calls a message. */
    client->more = client->more && client->message != 0;
    if (!client->more && !client->ended && !client->closing)
        events |= EPOLLIN;
    if (loop_watch(&front->loop, &client->watch, events) != 0) {
        drop(front, client);
        return;
    }
    if (wait != client->wait || (unread && client->due == 0))
        set_deadline(front, client, wait);
    if (buffer_length(&client->out) <= OUT_MAX / 2)
        pool_resume(&front->pool, &client->job);
}

static void take_input(struct front *front, struct connection *client)
{
    int r = connection_read(client);

    if (r == ERR_TOO_LONG) {
        client->closing = true;
        r = connection_send(client, too_long_answer, sizeof(too_long_answer));
    }
    if (r != 0)
        drop(front, client);
    else
        settle(front, client);
}

static void connection_ready(struct watch *watch, uint32_t events)
{
    struct connection *client = (struct connection *)watch;
    struct front *front = watch->owner;

    if ((events & (EPOLLHUP | EPOLLERR)) != 0 || connection_flush(client) != 0) {
        drop(front, client); /* it reads no answer any more */
        return;
    }
    if ((events & EPOLLIN) != 0 && client->message == 0 && !client->closing) {
        take_input(front, client);
        return;
    }
    client->more = client->more || (events & EPOLLIN) != 0;
    settle(front, client);
}

static void pass_answer(void *owner, struct job *job, const char *bytes, size_t length,
                        uint32_t flags)
{
    struct connection *client =
        (struct connection *)((char *)job - offsetof(struct connection, job));
    struct front *front = owner;

    if (length > 0 && connection_send(client, bytes, length) != 0) {
        drop(front, client);
        return;
    }
    if ((flags & FRAME_CLOSE) != 0)
        client->closing = true;
    if ((flags & FRAME_FINAL) != 0)
        connection_next(client);
    else if (buffer_length(&client->out) > OUT_MAX && !pool_pause(&front->pool, job)) {
        drop(front, client);
        return;
    }
    settle(front, client);
}

/* --- new ones --------------------------------------------------------------------------------- */

static void admit(struct front *front, int fd)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t size = sizeof(peer);
    struct connection *victim = NULL, *client = NULL;
    const int buffer = SEND_BUFFER;
    bool room, known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;

    room = known && crowd_has_room(&front->crowd, peer.uid, &victim);
    if (known && !room)
        log_seldom(front->log, LOG_OF_LIMITS, front->loop.now,
                   "there are too many connections, the last one of user number %lu: %s",
                   (unsigned long)peer.uid,
                   victim != NULL ? "an idle one was closed" : "it was closed");
    if (victim != NULL)
        drop(front, victim);
    if (room || victim != NULL)
        client = connection_new(fd, peer.uid);
    if (client == NULL) {
        close(fd);
        return;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
    client->watch.ready = connection_ready;
    client->watch.owner = front;
    crowd_add(&front->crowd, client);
    take_input(front, client); /* most have sent their message by now */
}

static void pause_door(struct front *front)
{
    struct connection *victim = crowd_victim(&front->crowd);

    log_seldom(front->log, LOG_OF_LIMITS, front->loop.now, "cannot take a connection: %m");
    if (victim != NULL) {
        drop(front, victim);
        return;
    }
    loop_pause(&front->loop, &front->door);
    front->closed_until = front->loop.now + ACCEPT_PAUSE;
}

static void door_ready(struct watch *watch, uint32_t events)
{
    struct front *front = watch->owner;

    (void)events;
    for (int i = 0; i < ACCEPTED_AT_ONCE; i++) {
        int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0) {
            admit(front, fd);
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            pause_door(front); /* EMFILE, ENFILE, ENOMEM */
            return;
        }
    }
}

static void close_door(struct front *front)
{
    if (front->door.fd >= 0)
        loop_pause(&front->loop, &front->door);
    front->door.fd = -1;
    front->closed_until = 0;
    listener_close(front->listener);
}

/* --- time ------------------------------------------------------------------------------------- */

static void begin_end(struct front *front)
{
    struct connection *client, *next;

    if (front->ends_at != 0)
        return;
    front->ends_at = front->loop.now + END_TIME;
    close_door(front);
    for (client = TAILQ_FIRST(&front->crowd.by_age); client != NULL; client = next) {
        next = TAILQ_NEXT(client, by_age);
        settle(front, client);
    }
}

static void signals_ready(struct watch *watch, uint32_t events)
{
    struct front *front = watch->owner;
    struct signalfd_siginfo signal;

    (void)events;
    while (read(watch->fd, &signal, sizeof(signal)) == (ssize_t)sizeof(signal)) {
        if (signal.ssi_signo == SIGCHLD)
            pool_reap(&front->pool);
        else if (signal.ssi_signo == SIGHUP)
            pool_renew(&front->pool);
        else
            begin_end(front);
    }
}

static int64_t next_deadline(const struct front *front)
{
    const struct connection *client = TAILQ_FIRST(&front->by_deadline);
    int64_t times[] = {
        pool_deadline(&front->pool),
        client != NULL ? client->deadline : LOOP_NEVER,
        front->closed_until != 0 ? front->closed_until : LOOP_NEVER,
        front->ends_at != 0 ? front->ends_at : LOOP_NEVER,
        front->listener->inherited && front->crowd.total == 0 ? front->idle_since + IDLE_TIME
                                                              : LOOP_NEVER,
    };
    int64_t deadline = LOOP_NEVER;

    for (size_t i = 0; i < ARRAY_SIZE(times); i++)
        if (times[i] < deadline)
            deadline = times[i];
    return deadline;
}

static int keep_time(struct front *front)
{
    int64_t now = front->loop.now;
    struct connection *client;

    while ((client = TAILQ_FIRST(&front->by_deadline)) != NULL && client->deadline <= now)
        drop(front, client);
    if (front->closed_until != 0 && front->closed_until <= now) {
        front->closed_until = 0;
        if (loop_watch(&front->loop, &front->door, EPOLLIN) != 0)
            return ERR_SYSTEM;
    }
    if (front->listener->inherited && front->crowd.total == 0 &&
        front->idle_since + IDLE_TIME <= now)
        begin_end(front);
    return 0;
}

static bool is_over(const struct front *front)
{
    if (front->ends_at == 0)
        return false;
    return front->ends_at <= front->loop.now ||
           (front->crowd.total == 0 && pool_is_idle(&front->pool));
}

/* --- all of it -------------------------------------------------------------------------------- */

static void free_gone(struct front *front)
{
    struct connection *client;

    while ((client = TAILQ_FIRST(&front->gone)) != NULL) {
        TAILQ_REMOVE(&front->gone, client, by_age);
        connection_free(client);
    }
}

static int front_open(struct front *front, const struct front_setup *setup, struct err *err)
{
    *front = (struct front){
        .loop.epoll = -1,
        .listener = setup->listener,
        .log = setup->log,
        .door = {.fd = setup->listener->fd, .ready = door_ready, .owner = front},
        .signals = {.fd = -1, .ready = signals_ready, .owner = front},
    };
    TAILQ_INIT(&front->by_deadline);
    TAILQ_INIT(&front->gone);
    crowd_open(&front->crowd, setup->max_clients);
    pool_open(&front->pool, &front->loop, setup->log, setup->command, pass_answer, front);
    if (loop_open(&front->loop, err) != 0)
        return ERR_SYSTEM;
    front->idle_since = front->loop.now;
    front->signals.fd = signalfd(-1, setup->signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (front->signals.fd < 0 || loop_watch(&front->loop, &front->signals, EPOLLIN) != 0 ||
        loop_watch(&front->loop, &front->door, EPOLLIN) != 0)
        return err_set_errno(err, ERR_SYSTEM, errno, NULL, "cannot wait for connections");
    return 0;
}

static void front_close(struct front *front)
{
    struct connection *client;

    close_door(front);
    while ((client = TAILQ_FIRST(&front->crowd.by_age)) != NULL)
        drop(front, client);
    free_gone(front);
    pool_close(&front->pool);
    loop_forget(&front->loop, &front->signals);
    loop_close(&front->loop);
}

int front_run(const struct front_setup *setup, struct err *err)
{
    struct front *front = malloc(sizeof(*front));
    int r;

    if (front == NULL)
        return err_set(err, ERR_NOMEM, NULL, NULL);
    r = front_open(front, setup, err);
    while (r == 0 && !is_over(front)) {
        if (loop_wait(&front->loop, next_deadline(front)) != 0 || keep_time(front) != 0)
            r = err_set_errno(err, ERR_SYSTEM, errno, NULL, "cannot wait for connections");
        pool_work(&front->pool);
        free_gone(front);
    }
    front_close(front);
    free(front);
    return r;
}
