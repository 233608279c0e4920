/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests: preloaded into totpd and its workers, shows them the clock of the test program. */
#include "config.h"

#include "pam/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *now);
__attribute__((visibility("default"))) int execve(const char *path, char *const arguments[],
                                                  char *const environment[]);

static const struct clock_page *page = MAP_FAILED;

__attribute__((constructor)) static void find_page(void)
{
    const char *path = getenv(CLOCK_VARIABLE);
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    page = mmap(NULL, sizeof(*page), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
}

/* Without the page the clock is broken: the true time would be believed. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (clock != CLOCK_REALTIME)
        return (int)syscall(SYS_clock_gettime, clock, now);
    if (page == MAP_FAILED || page->broken) {
        errno = EINVAL;
        return -1;
    }
    *now = (struct timespec){.tv_sec = page->seconds};
    return 0;
}

/* totpd gives its workers an empty environment: then this would not be loaded there. */
int execve(const char *path, char *const arguments[], char *const environment[])
{
    (void)environment;
    return (int)syscall(SYS_execve, path, arguments, environ);
}
