/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_SAFELY (O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

void file_close(int *fd)
{
    int saved = errno;

    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    errno = saved;
}

static int refuse_errno(int os_error, const char *path, struct err *err)
{
    switch (os_error) {
    case ENOENT:
        return err_set(err, ERR_FILE_MISSING, path, "it does not exist");
    case ELOOP:
        return err_set(err, ERR_FILE_LINK, path,
                       "it is a symbolic link: name what it points to instead");
    case ENXIO: /* a socket, a FIFO without the other end, a device without a driver */
        return err_set(err, ERR_FILE_TYPE, path, "it is not a regular file");
    default:
        return err_set_errno(err, ERR_SYSTEM, os_error, path, NULL);
    }
}

/* Rule 2, the type (S_IFREG or S_IFDIR) and the mode of what fd is open on. */
static int check_status(int fd, const char *path, mode_t type, mode_t forbidden, struct err *err)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return err_set_errno(err, ERR_SYSTEM, errno, path, NULL);
    if (S_ISLNK(status.st_mode))
        return refuse_errno(ELOOP, path, err);
    if ((status.st_mode & S_IFMT) != type)
        return err_set(err, ERR_FILE_TYPE, path,
                       type == S_IFDIR ? "it is not a directory" : "it is not a regular file");
    if (status.st_uid != 0 && status.st_uid != geteuid())
        return err_set(
            err, ERR_FILE_OWNER, path,
            "it belongs to user number %lu, but must belong to root: run 'chown root %s'",
            (unsigned long)status.st_uid, path);
    if ((status.st_mode & forbidden) != 0)
        return err_set(err, ERR_FILE_MODE, path,
                       "its mode is %04o, but nobody else may %s it: run 'chmod %o %s'",
                       (unsigned)(status.st_mode & 07777),
                       (status.st_mode & forbidden & 0055) != 0 ? "read" : "write to",
                       (unsigned)(status.st_mode & 07777 & ~forbidden), path);
    return 0;
}

int file_open(const char *path, mode_t forbidden, int *fd, struct err *err)
{
    int opened CLEANUP(file_close) = open(path, O_RDONLY | OPEN_SAFELY);
    int result;

    if (opened < 0)
        return refuse_errno(errno, path, err);
    result = check_status(opened, path, S_IFREG, forbidden, err);
    if (result != 0)
        return result;
    *fd = opened;
    opened = -1;
    return 0;
}

static int check_path(const char *path, mode_t type, mode_t forbidden, struct err *err)
{
    int fd CLEANUP(file_close) = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return refuse_errno(errno, path, err);
    return check_status(fd, path, type, forbidden, err);
}

int file_check(const char *path, mode_t forbidden, struct err *err)
{
    return check_path(path, S_IFREG, forbidden, err);
}

int file_check_dir(const char *path, mode_t forbidden, struct err *err)
{
    return check_path(path, S_IFDIR, forbidden, err);
}

int file_dirname(const char *path, char *out, size_t size)
{
    size_t length = strlen(path);
    const char *parent = path;

    while (length > 1 && path[length - 1] == '/')
        length--;
    while (length > 0 && path[length - 1] != '/')
        length--;
    while (length > 1 && path[length - 1] == '/')
        length--;
    if (length == 0) {
        parent = ".";
        length = 1;
    }
    if (length >= size)
        return ERR_TOO_LONG;
    memcpy(out, parent, length);
    out[length] = '\0';
    return 0;
}

/* Makes the entries of the directory that holds path survive a power cut. */
static int sync_parent(const char *path, struct err *err)
{
    char parent[PATH_MAX];
    int fd CLEANUP(file_close) = -1;

    if (file_dirname(path, parent, sizeof(parent)) != 0)
        return err_set(err, ERR_TOO_LONG, path, "the path is too long");
    fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return err_set_errno(err, ERR_SYSTEM, errno, parent, NULL);
    return 0;
}

/* Makes one directory unless it is there; a parent may be a link. */
static int make_one(const char *path, mode_t mode, bool *created, struct err *err)
{
    int fd CLEANUP(file_close) = -1;

    if (mkdir(path, 0700) != 0)
        return errno == EEXIST ? 0 : err_set_errno(err, ERR_SYSTEM, errno, path, "cannot make it");
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fchmod(fd, mode) != 0) {
        int os_error = errno;

        (void)rmdir(path);
        return err_set_errno(err, ERR_SYSTEM, os_error, path, "cannot set its mode");
    }
    *created = true;
    return sync_parent(path, err);
}

int file_make_dir(const char *path, mode_t mode, bool *created, struct err *err)
{
    char prefix[PATH_MAX];
    bool made = false;
    int result;

    if (strlen(path) >= sizeof(prefix))
        return err_set(err, ERR_TOO_LONG, path, "the path is too long");
    for (size_t i = 1; i < strlen(path); i++) {
        bool made_parent = false;

        if (path[i] != '/' || path[i + strspn(path + i, "/")] == '\0')
            continue;
        memcpy(prefix, path, i);
        prefix[i] = '\0';
        result = make_one(prefix, 0755, &made_parent, err);
        if (result != 0)
            return result;
    }
    result = make_one(path, mode, &made, err);
    if (result == 0)
        result = check_path(path, S_IFDIR, ~mode & 0077, err);
    if (result == 0 && created != NULL)
        *created = made;
    return result;
}

static int write_all(int fd, const void *data, size_t length)
{
    const char *bytes = data;

    while (length > 0) {
        ssize_t written = write(fd, bytes, length);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        bytes += written;
        length -= (size_t)written;
    }
    return 0;
}

/* Gives the finished neighbour its name. A link never takes the place of anything; a rename does,
 * so what is replaced is looked at first. */
static int place(const char *neighbour, const char *path, bool replace, struct err *err)
{
    struct stat status;

    if (!replace) {
        if (link(neighbour, path) == 0)
            return 0;
        return errno == EEXIST ? err_set(err, ERR_EXISTS, path, NULL)
                               : err_set_errno(err, ERR_SYSTEM, errno, path, "cannot make it");
    }
    if (lstat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return refuse_errno(S_ISLNK(status.st_mode) ? ELOOP : ENXIO, path, err);
    if (rename(neighbour, path) != 0)
        return err_set_errno(err, ERR_SYSTEM, errno, path, "cannot replace it");
    return 0;
}

int file_write(const char *path, mode_t mode, bool replace, const void *data, size_t length,
               struct err *err)
{
    char neighbour[PATH_MAX];
    int result, fd CLEANUP(file_close) = -1;

    if (snprintf(neighbour, sizeof(neighbour), "%s.XXXXXX", path) >= (int)sizeof(neighbour))
        return err_set(err, ERR_TOO_LONG, path, "the path is too long");
    fd = mkostemp(neighbour, O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, ERR_SYSTEM, errno, path, "cannot write beside it");
    if (write_all(fd, data, length) != 0 || fchmod(fd, mode) != 0 || fsync(fd) != 0)
        result = err_set_errno(err, ERR_SYSTEM, errno, path, "cannot write it");
    else
        result = place(neighbour, path, replace, err);
    if (result != 0 || !replace)
        (void)unlink(neighbour); /* after a rename the name is no longer ours */
    return result != 0 ? result : sync_parent(path, err);
}

static int fill(struct file_lines *lines)
{
    size_t kept = lines->end - lines->start;
    ssize_t got;

    memmove(lines->buffer, lines->buffer + lines->start, kept);
    lines->start = 0;
    lines->end = kept;
    do
        got = read(lines->fd, lines->buffer + kept, sizeof(lines->buffer) - kept);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return ERR_SYSTEM;
    lines->at_end = got == 0;
    lines->end += (size_t)got;
    return 0;
}

int file_next_line(struct file_lines *lines, char **line)
{
    char *start, *end;
    size_t length;

    for (;;) {
        start = lines->buffer + lines->start;
        length = lines->end - lines->start;
        end = length > 0 ? memchr(start, '\n', length) : NULL;
        if (end != NULL || lines->at_end)
            break;
        if (length == sizeof(lines->buffer)) {
            lines->number++;
            return ERR_TOO_LONG;
        }
        if (fill(lines) != 0)
            return ERR_SYSTEM;
    }
    if (length == 0)
        return 0;
    lines->number++;
    if (end == NULL) /* there is room: what filled the buffer was refused before its end was seen */
        end = start + length;
    if (memchr(start, '\0', (size_t)(end - start)) != NULL)
        return ERR_SYNTAX;
    lines->start =
        end < lines->buffer + lines->end ? (size_t)(end + 1 - lines->buffer) : lines->end;
    *end = '\0';
    *line = start;
    return 1;
}

void file_lines_clear(struct file_lines *lines)
{
    explicit_bzero(lines->buffer, sizeof(lines->buffer));
    lines->start = lines->end = 0;
}

int file_stdio_hold(struct file_stdio *held)
{
    *held = (struct file_stdio){0};
    for (int i = 0; i < 3; i++) {
        int fd;

        if (fcntl(i, F_GETFD) >= 0)
            continue;
        /* On O_PATH reads and writes go on failing with EBADF, and the root directory is always
         * there. open takes the lowest free number; another one means that a thread was faster. */
        fd = open("/", O_PATH | O_CLOEXEC);
        if (fd < 0) {
            file_stdio_release(held);
            return ERR_SYSTEM;
        }
        if (fd == i)
            held->held[i] = true;
        else
            close(fd);
    }
    return 0;
}

void file_stdio_release(struct file_stdio *held)
{
    for (int i = 0; i < 3; i++)
        if (held->held[i])
            close(i);
    *held = (struct file_stdio){0};
}
