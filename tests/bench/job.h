/* SPDX-License-Identifier: BSD-2-Clause */
/* What bench_login and bench_worker tell each other, through two pipes that all workers share: one
 * record is written, and read, at once. */
#ifndef TOTP_BENCH_JOB_H
#define TOTP_BENCH_JOB_H

#include <stdint.h>

#define JOBS_FD 3
#define RESULTS_FD 4

struct job {
    int64_t now; /* what every clock says */
    char user[32];
    char code[16];
};

struct result {
    double seconds; /* pam_start to pam_end */
    int code;       /* of pam_authenticate */
};

#endif
