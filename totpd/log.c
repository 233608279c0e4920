/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_SIZE 512
#define SELDOM 1000

/* The variable is inherited by everything below a unit, a terminal too: what counts is whether it
 * names our standard error. */
void log_open(struct log *log)
{
    const char *stream = getenv("JOURNAL_STREAM");
    uintmax_t device = 0, inode = 0;
    struct stat status;

    *log = (struct log){0};
    log->journal = stream != NULL && sscanf(stream, "%ju:%ju", &device, &inode) == 2 &&
                   fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device &&
                   status.st_ino == inode;
}

PRINTF_LIKE(3, 0)
static void write_line(const struct log *log, int level, const char *format, va_list ap)
{
    char line[LINE_SIZE];

    (void)vsnprintf(line, sizeof(line), format, ap);
    if (log->journal)
        dprintf(STDERR_FILENO, "<%d>%s\n", level, line);
    else
        dprintf(STDERR_FILENO, "totpd: %s\n", line);
}

void log_line(const struct log *log, int level, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    write_line(log, level, format, ap);
    va_end(ap);
}

void log_seldom(struct log *log, enum log_kind kind, int64_t now, const char *format, ...)
{
    va_list ap;

    if (now < log->quiet_until[kind])
        return;
    log->quiet_until[kind] = now + SELDOM;
    va_start(ap, format);
    write_line(log, LOG_WARNING, format, ap);
    va_end(ap);
}
