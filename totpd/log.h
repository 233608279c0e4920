/* SPDX-License-Identifier: BSD-2-Clause */
/* The log lines of the service, on standard error; floor 6. Nothing of a message ever. */
#ifndef TOTP_LOG_H
#define TOTP_LOG_H

#include "base.h"

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

/* What clients can cause is said once in a second, of each kind. */
enum log_kind { LOG_OF_LIMITS, LOG_OF_WORKERS, LOG_KINDS };

struct log {
    bool journal; /* standard error is the journal, which reads levels */
    int64_t quiet_until[LOG_KINDS];
};

/* Looks where standard error leads. */
void log_open(struct log *log);

/* level: LOG_ERR, LOG_WARNING, LOG_INFO. */
void log_line(const struct log *log, int level, const char *format, ...) PRINTF_LIKE(3, 4);

/* A warning, unless there was one of this kind within a second. now: milliseconds. */
void log_seldom(struct log *log, enum log_kind kind, int64_t now, const char *format, ...)
    PRINTF_LIKE(4, 5);

#endif
