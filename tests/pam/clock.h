/* SPDX-License-Identifier: BSD-2-Clause */
/* The clock that stands still, as a page of memory that several processes can share. */
#ifndef TOTP_TESTS_CLOCK_H
#define TOTP_TESTS_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* In the environment of whoever preloads service/clock.c: the file that holds the page. */
#define CLOCK_VARIABLE "TOTP_TEST_CLOCK"

struct clock_page {
    _Atomic int64_t seconds;
    atomic_bool broken; /* reading it fails */
};

#endif
