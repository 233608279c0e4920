/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "interpose.h"

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Without <syslog.h>, whose checked variants are inline functions of the same names. */
INTERPOSED void syslog(int priority, const char *format, ...) PRINTF_LIKE(2, 3);
INTERPOSED void __syslog_chk(int priority, int flag, const char *format, ...) PRINTF_LIKE(3, 4);
INTERPOSED void vsyslog(int priority, const char *format, va_list ap) PRINTF_LIKE(2, 0);
INTERPOSED void __vsyslog_chk(int priority, int flag, const char *format, va_list ap)
    PRINTF_LIKE(3, 0);
INTERPOSED int clock_gettime(clockid_t clock, struct timespec *now);

static struct clock_page own;
static struct clock_page *page = &own;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char lines[LOG_LINES_MAX][LOG_LINE_SIZE];
static unsigned line_count;
static int64_t skipped; /* milliseconds */

bool clock_share(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const ssize_t size = sizeof(*page);
    struct clock_page *shared = MAP_FAILED;

    if (fd >= 0 && write(fd, page, (size_t)size) == size)
        shared = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (shared == MAP_FAILED)
        return false;
    page = shared;
    return true;
}

void clock_set(int64_t seconds)
{
    page->seconds = seconds;
}

int64_t clock_now(void)
{
    return page->seconds;
}

void clock_break(bool broken)
{
    page->broken = broken;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (clock != CLOCK_REALTIME) {
        int r = (int)syscall(SYS_clock_gettime, clock, now);
        now->tv_sec += skipped / 1000;
        return r;
    }
    if (page->broken) {
        errno = EINVAL;
        return -1;
    }
    *now = (struct timespec){.tv_sec = page->seconds};
    return 0;
}

void clock_skip(int64_t milliseconds)
{
    skipped += milliseconds;
}

void log_clear(void)
{
    line_count = 0;
}

unsigned log_count(void)
{
    return line_count;
}

const char *log_line(unsigned index)
{
    return index < line_count && index < LOG_LINES_MAX ? lines[index] : "";
}

void __vsyslog_chk(int priority, int flag, const char *format, va_list ap)
{
    (void)priority;
    (void)flag;
    pthread_mutex_lock(&log_lock);
    if (line_count < LOG_LINES_MAX)
        vsnprintf(lines[line_count], LOG_LINE_SIZE, format, ap);
    line_count++;
    pthread_mutex_unlock(&log_lock);
}

void vsyslog(int priority, const char *format, va_list ap)
{
    __vsyslog_chk(priority, 0, format, ap);
}

void syslog(int priority, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    __vsyslog_chk(priority, 0, format, ap);
    va_end(ap);
}

void __syslog_chk(int priority, int flag, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    __vsyslog_chk(priority, flag, format, ap);
    va_end(ap);
}
