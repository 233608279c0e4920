/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "listener.h"

#include "file.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_FD 3 /* sd_listen_fds(3) */
#define BACKLOG 1024

/* --- passed to us ----------------------------------------------------------------------------- */

static bool has_option(int fd, int option, int expected)
{
    int value = 0;
    socklen_t size = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == expected;
}

static bool is_listening(int fd)
{
    return has_option(fd, SO_DOMAIN, AF_UNIX) && has_option(fd, SO_TYPE, SOCK_STREAM) &&
           has_option(fd, SO_ACCEPTCONN, 1);
}

int listener_take(struct listener *listener, struct err *err)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    uint64_t pid_number = 0, number = 0;
    bool ours = pid != NULL && count != NULL &&
                text_parse_uint(pid, 1, INT_MAX, &pid_number) == 0 &&
                pid_number == (uint64_t)getpid();
    int r = ours ? text_parse_uint(count, 0, INT_MAX, &number) : 0;

    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    if (r == 0 && number == 0)
        return 0;
    if (r != 0 || number != 1 || !is_listening(FIRST_FD))
        return err_set(err, ERR_INVALID, "LISTEN_FDS",
                       "the service manager must pass one listening Unix stream socket");
    if (fcntl(FIRST_FD, F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(FIRST_FD, F_SETFL, fcntl(FIRST_FD, F_GETFL) | O_NONBLOCK) != 0)
        return err_set_errno(err, ERR_SYSTEM, errno, "LISTEN_FDS", NULL);
    *listener = (struct listener){.fd = FIRST_FD, .inherited = true};
    return 1;
}

/* --- made by us ------------------------------------------------------------------------------- */

static void set_address(struct sockaddr_un *address, const struct listener *listener)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    text_cut(address->sun_path, sizeof(address->sun_path), listener->path);
}

/* Nobody can come between these steps: others cannot write to the directory. */
static int remove_stale(const struct listener *listener, struct err *err)
{
    int fd CLEANUP(file_close) = -1;
    struct sockaddr_un address;
    struct stat status;

    if (lstat(listener->path, &status) != 0)
        return errno == ENOENT ? 0 : err_set_errno(err, ERR_SYSTEM, errno, listener->path, NULL);
    if (!S_ISSOCK(status.st_mode))
        return err_set(err, ERR_FILE_TYPE, listener->path,
                       "it is not a socket: move it away, or name another path");
    if (status.st_uid != geteuid())
        return err_set(err, ERR_FILE_OWNER, listener->path,
                       "this socket belongs to user number %lu: remove it, or name another path",
                       (unsigned long)status.st_uid);
    set_address(&address, listener);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set_errno(err, ERR_SYSTEM, errno, listener->path, "cannot make a socket");
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ||
        errno != ECONNREFUSED)
        return err_set(err, ERR_CONFLICT, listener->path,
                       "another service answers on this socket: end it first");
    if (unlink(listener->path) != 0 && errno != ENOENT)
        return err_set_errno(err, ERR_SYSTEM, errno, listener->path, "cannot remove it");
    return 0;
}

/* Connections are refused until it listens, and it then has its mode, whatever the umask. */
static int bind_path(struct listener *listener, struct err *err)
{
    struct sockaddr_un address;
    struct stat status;

    set_address(&address, listener);
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0 ||
        bind(listener->fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
        return err_set_errno(err, ERR_SYSTEM, errno, listener->path, "cannot make this socket");
    if (lstat(listener->path, &status) == 0) {
        listener->device = status.st_dev;
        listener->inode = status.st_ino;
    }
    if (chmod(listener->path, 0666) != 0 || listen(listener->fd, BACKLOG) != 0)
        return err_set_errno(err, ERR_SYSTEM, errno, listener->path, "cannot listen on it");
    return 0;
}

int listener_make(struct listener *listener, const char *path, struct err *err)
{
    struct listener made CLEANUP(listener_close) = {.fd = -1};
    char directory[sizeof(made.path)];
    int r;

    if (path[0] != '/')
        return err_set(err, ERR_INVALID, path, "the socket's path must begin with a slash");
    if (text_copy(made.path, sizeof(made.path), path) != 0 ||
        file_dirname(path, directory, sizeof(directory)) != 0)
        return err_set(err, ERR_INVALID, path, "the socket's path has more than %zu bytes",
                       sizeof(made.path) - 1);
    r = file_make_dir(directory, 0755, NULL, err);
    if (r == 0)
        r = remove_stale(&made, err);
    if (r == 0)
        r = bind_path(&made, err);
    if (r != 0)
        return r;
    *listener = made;
    made.fd = -1;
    return 0;
}

void listener_close(struct listener *listener)
{
    struct stat status;

    if (listener->fd < 0)
        return;
    if (!listener->inherited && listener->inode != 0 && lstat(listener->path, &status) == 0 &&
        S_ISSOCK(status.st_mode) && status.st_dev == listener->device &&
        status.st_ino == listener->inode)
        (void)unlink(listener->path);
    close(listener->fd);
    listener->fd = -1;
}
