/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "faults.h"
#include "interpose.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* Declared here, not included: the headers' checked variants are inline functions of these names.
 */
INTERPOSED void *malloc(size_t size);
INTERPOSED void *calloc(size_t count, size_t size);
INTERPOSED void *realloc(void *memory, size_t size);
INTERPOSED ssize_t getrandom(void *memory, size_t size, unsigned flags);
INTERPOSED int getentropy(void *memory, size_t size);
INTERPOSED int open(const char *path, int flags, ...);
INTERPOSED int open64(const char *path, int flags, ...);
INTERPOSED int openat(int directory, const char *path, int flags, ...);
INTERPOSED ssize_t read(int fd, void *memory, size_t size);
INTERPOSED ssize_t pread64(int fd, void *memory, size_t size, int64_t offset);
INTERPOSED ssize_t write(int fd, const void *memory, size_t size);
INTERPOSED ssize_t pwrite64(int fd, const void *memory, size_t size, int64_t offset);
INTERPOSED int ftruncate64(int fd, int64_t size);
INTERPOSED int posix_fallocate64(int fd, int64_t offset, int64_t size);
INTERPOSED int fsync(int fd);
INTERPOSED int fdatasync(int fd);
INTERPOSED void *mmap64(void *address, size_t size, int protection, int flags, int fd,
                        int64_t offset);
INTERPOSED int fcntl64(int fd, int command, ...);
INTERPOSED int lstat(const char *path, void *status);
INTERPOSED int socket(int domain, int type, int protocol);
INTERPOSED int setsockopt(int fd, int level, int option, const void *value, unsigned size);
INTERPOSED int getsockopt(int fd, int level, int option, void *value, unsigned *size);
INTERPOSED int connect(int fd, const void *address, unsigned size);
INTERPOSED ssize_t send(int fd, const void *memory, size_t size, int flags);
INTERPOSED ssize_t recv(int fd, void *memory, size_t size, int flags);
INTERPOSED int usleep(unsigned microseconds);
INTERPOSED int nanosleep(const struct timespec *time, struct timespec *left);

static __thread bool armed, paused;
static __thread enum fault what;
static __thread unsigned calls, which;
static __thread bool and_the_rest;

const char *fault_name(enum fault fault)
{
    static const char *const names[FAULT_COUNT] = {"allocation", "random", "open",  "read",
                                                   "write",      "sync",   "map",   "lock",
                                                   "look",       "socket", "signal"};

    return names[fault];
}

void fault_arm(enum fault fault, unsigned n, bool rest)
{
    what = fault;
    which = n;
    and_the_rest = rest;
    calls = 0;
    armed = true;
}

unsigned fault_disarm(void)
{
    armed = false;
    return calls;
}

void fault_pause(void)
{
    paused = true;
}

void fault_resume(void)
{
    paused = false;
}

static bool hit(enum fault fault, int error)
{
    if (!armed || paused || fault != what)
        return false;
    calls++;
    if (which == 0 || (calls != which && !(and_the_rest && calls > which)))
        return false;
    errno = error;
    return true;
}

/* The next definition of NAME, looked up once. */
#define REAL(name)                 \
    static __typeof__(&name) real; \
    if (real == NULL)              \
    *(void **)&real = dlsym(RTLD_NEXT, #name)

void *malloc(size_t size)
{
    REAL(malloc);
    return hit(FAULT_ALLOCATION, ENOMEM) ? NULL : real(size);
}

void *calloc(size_t count, size_t size)
{
    REAL(calloc);
    return hit(FAULT_ALLOCATION, ENOMEM) ? NULL : real(count, size);
}

void *realloc(void *memory, size_t size)
{
    REAL(realloc);
    return hit(FAULT_ALLOCATION, ENOMEM) ? NULL : real(memory, size);
}

ssize_t getrandom(void *memory, size_t size, unsigned flags)
{
    REAL(getrandom);
    return hit(FAULT_RANDOM, ENOSYS) ? -1 : real(memory, size, flags);
}

int getentropy(void *memory, size_t size)
{
    REAL(getentropy);
    return hit(FAULT_RANDOM, ENOSYS) ? -1 : real(memory, size);
}

/* The third argument where there is one; reading it where there is none is harmless here. */
#define MODE_OF(last)                     \
    va_list ap;                           \
    va_start(ap, last);                   \
    unsigned mode = va_arg(ap, unsigned); \
    va_end(ap)

int open(const char *path, int flags, ...)
{
    REAL(open);
    MODE_OF(flags);
    return hit(FAULT_OPEN, EMFILE) ? -1 : real(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    REAL(open64);
    MODE_OF(flags);
    return hit(FAULT_OPEN, EMFILE) ? -1 : real(path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...)
{
    REAL(openat);
    MODE_OF(flags);
    return hit(FAULT_OPEN, EMFILE) ? -1 : real(directory, path, flags, mode);
}

ssize_t read(int fd, void *memory, size_t size)
{
    REAL(read);
    return hit(FAULT_READ, EIO) ? -1 : real(fd, memory, size);
}

ssize_t pread64(int fd, void *memory, size_t size, int64_t offset)
{
    REAL(pread64);
    return hit(FAULT_READ, EIO) ? -1 : real(fd, memory, size, offset);
}

ssize_t write(int fd, const void *memory, size_t size)
{
    REAL(write);
    return hit(FAULT_WRITE, ENOSPC) ? -1 : real(fd, memory, size);
}

ssize_t pwrite64(int fd, const void *memory, size_t size, int64_t offset)
{
    REAL(pwrite64);
    return hit(FAULT_WRITE, ENOSPC) ? -1 : real(fd, memory, size, offset);
}

int ftruncate64(int fd, int64_t size)
{
    REAL(ftruncate64);
    return hit(FAULT_WRITE, ENOSPC) ? -1 : real(fd, size);
}

int posix_fallocate64(int fd, int64_t offset, int64_t size)
{
    REAL(posix_fallocate64);
    return hit(FAULT_WRITE, ENOSPC) ? ENOSPC : real(fd, offset, size);
}

int fsync(int fd)
{
    REAL(fsync);
    return hit(FAULT_SYNC, EIO) ? -1 : real(fd);
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    return hit(FAULT_SYNC, EIO) ? -1 : real(fd);
}

void *mmap64(void *address, size_t size, int protection, int flags, int fd, int64_t offset)
{
    REAL(mmap64);
    if (hit(FAULT_MAP, ENOMEM))
        return (void *)-1;
    return real(address, size, protection, flags, fd, offset);
}

int fcntl64(int fd, int command, ...)
{
    va_list ap;

    REAL(fcntl64);
    va_start(ap, command);
    void *argument = va_arg(ap, void *);
    va_end(ap);
    return hit(FAULT_LOCK, EIO) ? -1 : real(fd, command, argument);
}

int lstat(const char *path, void *status)
{
    REAL(lstat);
    return hit(FAULT_LOOK, EACCES) ? -1 : real(path, status);
}

int socket(int domain, int type, int protocol)
{
    REAL(socket);
    return hit(FAULT_SOCKET, ENOBUFS) ? -1 : real(domain, type, protocol);
}

int setsockopt(int fd, int level, int option, const void *value, unsigned size)
{
    REAL(setsockopt);
    return hit(FAULT_SOCKET, ENOBUFS) ? -1 : real(fd, level, option, value, size);
}

int getsockopt(int fd, int level, int option, void *value, unsigned *size)
{
    REAL(getsockopt);
    return hit(FAULT_SOCKET, ENOBUFS) ? -1 : real(fd, level, option, value, size);
}

int connect(int fd, const void *address, unsigned size)
{
    REAL(connect);
    return hit(FAULT_SOCKET, ENOBUFS) || hit(FAULT_SIGNAL, EINTR) ? -1 : real(fd, address, size);
}

ssize_t send(int fd, const void *memory, size_t size, int flags)
{
    REAL(send);
    if (hit(FAULT_SOCKET, ENOBUFS) || hit(FAULT_SIGNAL, EINTR))
        return -1;
    return real(fd, memory, size, flags);
}

ssize_t recv(int fd, void *memory, size_t size, int flags)
{
    REAL(recv);
    if (hit(FAULT_SOCKET, ENOBUFS) || hit(FAULT_SIGNAL, EINTR))
        return -1;
    return real(fd, memory, size, flags);
}

/* Nobody waits for a lock that will not come. */
int nanosleep(const struct timespec *time, struct timespec *left)
{
    REAL(nanosleep);
    return armed ? 0 : real(time, left);
}

int usleep(unsigned microseconds)
{
    REAL(usleep);
    return armed ? 0 : real(microseconds);
}
