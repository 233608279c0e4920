/* SPDX-License-Identifier: BSD-2-Clause */
/* The module's clock and its log, taken over by the test program: libpam and the module find these
 * functions in the program before they find the C library's. */
#ifndef TOTP_TESTS_INTERPOSE_H
#define TOTP_TESTS_INTERPOSE_H

#include "base.h"

#include <stdbool.h>
#include <stdint.h>

#define INTERPOSED __attribute__((visibility("default")))

#define LOG_LINES_MAX 64
#define LOG_LINE_SIZE 1024

/* CLOCK_REALTIME stands still at seconds; clock_break makes reading it fail. */
void clock_set(int64_t seconds);
int64_t clock_now(void);
void clock_break(bool broken);
void clock_skip(int64_t milliseconds); /* CLOCK_MONOTONIC has gone on by so much */

/* From now on the clock is kept in a file, for whoever preloads service/clock.c; it goes on where
 * it stands. false: the file cannot be made. */
bool clock_share(const char *path);

/* What has been logged since log_clear, oldest first. Lines beyond LOG_LINES_MAX are counted only.
 */
void log_clear(void);
unsigned log_count(void);
const char *log_line(unsigned index);

#endif
