/* SPDX-License-Identifier: BSD-2-Clause */
/* Macros every file may use; floor 0. */
#ifndef TOTP_BASE_H
#define TOTP_BASE_H

#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The result decides who gets in, or whether something was kept: it must be looked at. */
#define MUST_CHECK __attribute__((warn_unused_result))

/* Runs FUNCTION(&variable) when the variable's scope ends. The variable is initialised on the line
 * that declares it, and FUNCTION takes an empty value. */
#define CLEANUP(function) __attribute__((cleanup(function)))

static inline int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

#endif
