/* SPDX-License-Identifier: BSD-2-Clause */
/* Preloaded into totp-mail: the host's log is the file $TOTP_TEST_LOG, and the catalogs are those
 * in $TOTP_TEST_LOCALE. */
#include "config.h"

#include "base.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LINE_SIZE 4096
#define SHOWN __attribute__((visibility("default")))

typedef char *bind_fn(const char *domain, const char *directory);

/* Without <syslog.h> and <libintl.h>, whose checked variants are inline functions of these names.
 */
SHOWN void syslog(int priority, const char *format, ...) PRINTF_LIKE(2, 3);
SHOWN void __syslog_chk(int priority, int flag, const char *format, ...) PRINTF_LIKE(3, 4);
SHOWN char *bindtextdomain(const char *domain, const char *directory);

/* "<PRIORITY>LINE", whole lines, whoever else writes. */
PRINTF_LIKE(2, 0)
static void keep(int priority, const char *format, va_list ap)
{
    const char *path = getenv("TOTP_TEST_LOG");
    char text[LINE_SIZE], line[LINE_SIZE + 32];
    int fd = path != NULL ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;

    vsnprintf(text, sizeof(text), format, ap);
    int length = snprintf(line, sizeof(line), "<%d>%s\n", priority, text);
    if (fd < 0 || write(fd, line, (size_t)length) != length)
        abort();
    close(fd);
}

void syslog(int priority, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    keep(priority, format, ap);
    va_end(ap);
}

void __syslog_chk(int priority, int flag, const char *format, ...)
{
    va_list ap;

    (void)flag;
    va_start(ap, format);
    keep(priority, format, ap);
    va_end(ap);
}

char *bindtextdomain(const char *domain, const char *directory)
{
    const char *here = getenv("TOTP_TEST_LOCALE");
    bind_fn *next = (bind_fn *)(uintptr_t)dlsym(RTLD_NEXT, "bindtextdomain");

    return next(domain, here != NULL ? here : directory);
}
