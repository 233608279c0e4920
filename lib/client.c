/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "client.h"

#include "err.h"
#include "file.h"
#include "secret.h"
#include "text.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SEND_SECONDS 5
#define ANSWER_SECONDS 20

/* Large enough for every call and every message of a reply, small enough for a host's stack. */
#define BUFFER_SIZE (16 * 1024)

struct exchange {
    int fd;
    int64_t until; /* milliseconds of CLOCK_MONOTONIC: an interruption begins nothing anew */
    size_t used;   /* bytes received that are not yet read */
    char buffer[BUFFER_SIZE];
};

static void exchange_clear(struct exchange *exchange)
{
    file_close(&exchange->fd);
    secret_wipe(exchange->buffer, sizeof(exchange->buffer));
}

static int64_t clock_ms(void)
{
    struct timespec now = {0};

    return clock_gettime(CLOCK_MONOTONIC, &now) == 0
               ? now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000
               : INT64_MAX / 2; /* late for every deadline */
}

/* false, with errno: it did not become ready in time. */
static bool wait_until(int fd, int64_t until, short events)
{
    struct pollfd socket = {.fd = fd, .events = events};

    /* Looks once in any case: whoever was stopped meanwhile may have the answer already. */
    for (;;) {
        int64_t left = until - clock_ms();
        int ready = poll(&socket, 1, left > 0 ? (int)left : 0);
        if (ready > 0)
            return true;
        if (ready < 0 && errno != EINTR)
            return false;
        if (left <= 0)
            break;
    }
    errno = ETIMEDOUT;
    return false;
}

bool client_wait(int fd, unsigned milliseconds)
{
    return wait_until(fd, clock_ms() + milliseconds, POLLIN);
}

/* That nobody is there is one thing; that we cannot see, or not get through, another: whoever
 * starts a setuid program can make it so, and must not choose the way it goes. */
static int no_service(const char *path, int os_error, struct err *err)
{
    switch (os_error) {
    case ENOENT:
    case ENOTDIR:
    case ECONNREFUSED:
    case EPROTOTYPE:
        return err_set_errno(err, ERR_NO_SERVICE, os_error, path, "the service totpd is not there");
    case EACCES:
        return err_set(err, ERR_NO_SERVICE, path,
                       "the service totpd may not be reached: the socket's mode must be 0666, its "
                       "directory's 0755");
    default:
        return err_set_errno(err, ERR_SERVICE, os_error, path,
                             "the service cannot be asked: try again");
    }
}

static int not_roots(const char *path, const char *what, struct err *err)
{
    return err_set(err, ERR_UNTRUSTED, path,
                   "%s: it is not believed. See who made it, and start totpd anew", what);
}

/* Who can put a socket there is root alone. */
static int check_place(const char *path, struct err *err)
{
    char directory[ERR_WHERE_SIZE] = "";
    struct stat st = {0};

    if (path[0] != '/' || file_dirname(path, directory, sizeof(directory)) != 0)
        return err_set(err, ERR_NO_SERVICE, path, "this is not a path from the root");
    if (lstat(directory, &st) != 0)
        return no_service(path, errno, err);
    if (!S_ISDIR(st.st_mode) || st.st_uid != 0 || (st.st_mode & FILE_PUBLIC) != 0)
        return not_roots(directory, "this is not a directory where root alone may write", err);
    if (lstat(path, &st) != 0)
        return no_service(path, errno, err);
    if (!S_ISSOCK(st.st_mode) || st.st_uid != 0)
        return not_roots(path, "this is not a socket of root's", err);
    return 0;
}

static int check_peer(int fd, const char *path, struct err *err)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t size = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return err_set_errno(err, ERR_UNTRUSTED, errno, path, "who listens cannot be seen");
    return peer.uid == 0 ? 0 : not_roots(path, "the process that listens is not root's", err);
}

/* Waits while the queue is full of others, which a socket that does not block would not; no time at
 * all is for such a one. */
static int connect_to(int fd, const char *path, unsigned seconds, struct err *err)
{
    const int64_t until = clock_ms() + seconds * INT64_C(1000);
    const struct timeval patience = {.tv_sec = seconds};
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (text_copy(address.sun_path, sizeof(address.sun_path), path) != 0)
        return err_set(err, ERR_NO_SERVICE, path, "a socket's path has at most %zu bytes",
                       sizeof(address.sun_path) - 1);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) != 0)
        return no_service(path, errno, err);
    while (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
        if (errno != EINTR || clock_ms() >= until)
            return no_service(path, errno, err);
    return check_peer(fd, path, err);
}

int client_connect(const char *path, unsigned seconds, int *fd, struct err *err)
{
    int r = check_place(path, err);
    if (r != 0)
        return r;
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (seconds > 0 ? 0 : SOCK_NONBLOCK), 0);
    r = connect_to(*fd, path, seconds, err);
    if (r != 0)
        file_close(fd);
    return r;
}

static int interrupted(const char *path, int os_error, struct err *err)
{
    static const char what[] = "the service did not answer: try again";

    return os_error == 0 ? err_set(err, ERR_SERVICE, path, what)
                         : err_set_errno(err, ERR_SERVICE, os_error, path, what);
}

static int send_all(const struct exchange *exchange, size_t length, const char *path,
                    struct err *err)
{
    for (size_t sent = 0; sent < length;) {
        if (!wait_until(exchange->fd, exchange->until, POLLOUT))
            return interrupted(path, errno, err);
        ssize_t n =
            send(exchange->fd, exchange->buffer + sent, length - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0)
            sent += (size_t)n;
        else if (n == 0 || (errno != EINTR && errno != EAGAIN))
            return interrupted(path, n == 0 ? 0 : errno, err);
    }
    return 0;
}

/* Until a whole message is there: *length, with the NUL byte that ends it. */
static int receive(struct exchange *exchange, const char *path, size_t *length, struct err *err)
{
    const char *end;

    while ((end = memchr(exchange->buffer, '\0', exchange->used)) == NULL) {
        if (exchange->used == sizeof(exchange->buffer))
            return err_set(err, ERR_SERVICE, path, "the service's answer is too long");
        if (!wait_until(exchange->fd, exchange->until, POLLIN))
            return interrupted(path, errno, err);
        ssize_t n = recv(exchange->fd, exchange->buffer + exchange->used,
                         sizeof(exchange->buffer) - exchange->used, MSG_DONTWAIT);
        if (n > 0)
            exchange->used += (size_t)n;
        else if (n == 0 || (errno != EINTR && errno != EAGAIN))
            return interrupted(path, n == 0 ? 0 : errno, err);
    }
    *length = (size_t)(end - exchange->buffer) + 1;
    return 0;
}

static int read_answer(struct exchange *exchange, const char *path, struct reply *reply,
                       struct err *err)
{
    bool more = true;
    int r = 0;

    exchange->used = 0;
    while (r == 0 && more) {
        size_t length = 0;
        exchange->until = clock_ms() + ANSWER_SECONDS * 1000;
        r = receive(exchange, path, &length, err);
        if (r != 0)
            return r;
        r = reply_read(exchange->buffer, length, reply, &more, err);
        memmove(exchange->buffer, exchange->buffer + length, exchange->used - length);
        exchange->used -= length;
    }
    return r;
}

static int check_reply(const struct call *call, const char *path, const struct reply *reply,
                       struct err *err)
{
    return reply_fits(reply, call)
               ? 0
               : err_set(err, ERR_SERVICE, path, "the service's answer contradicts itself");
}

int client_ask(const char *path, const struct call *call, struct reply *reply, struct err *err)
{
    struct exchange exchange CLEANUP(exchange_clear) = {.fd = -1};
    struct file_stdio stdio = {0};
    size_t length = 0;

    int r = call_write(call, exchange.buffer, sizeof(exchange.buffer), &length);
    if (r != 0)
        return err_set(err, r, NULL, "what is asked is too long for the service");
    r = file_stdio_hold(&stdio);
    if (r != 0)
        return err_set(err, ERR_SERVICE, path, NULL);
    exchange.until = clock_ms() + SEND_SECONDS * 1000;
    r = client_connect(path, SEND_SECONDS, &exchange.fd, err);
    if (r == 0)
        r = send_all(&exchange, length, path, err);
    if (r == 0)
        r = read_answer(&exchange, path, reply, err);
    if (r == 0)
        r = check_reply(call, path, reply, err);
    file_stdio_release(&stdio);
    if (r != 0 && r != ERR_REFUSED)
        reply_deny(reply);
    return r;
}
