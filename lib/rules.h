/* SPDX-License-Identifier: BSD-2-Clause */
/* What a login is judged by; floor 2. Plain data, from the configuration. */
#ifndef TOTP_RULES_H
#define TOTP_RULES_H

#include "base.h"

#include <stdbool.h>
#include <stdint.h>

#define RULES_WINDOW_MAX 20
#define RULES_LOOK_AHEAD_MAX 100
#define RULES_DRIFT_MAX 20
#define RULES_GRACE_MAX (30 * 24 * 60 * 60) /* seconds */

enum rules_unenrolled {
    UNENROLLED_DENY = 0,
    UNENROLLED_IGNORE,
    UNENROLLED_PERMIT,
    UNENROLLED_ENROLL, /* denied until enrolled, which the login offers */
};

struct rules {
    enum rules_unenrolled unenrolled;
    unsigned window;     /* time steps on either side */
    unsigned look_ahead; /* HOTP counters beyond the next */
    unsigned max_drift;  /* time steps learned at most */
    unsigned max_failures;
    unsigned failure_limit;
    int64_t lock_time, lock_time_max; /* seconds */
    int64_t grace;                    /* seconds in which a success spares the next code; 0: none */
    bool email_devices;               /* codes sent by e-mail are accepted */
    int64_t email_code_lifetime;      /* seconds */
    int64_t email_interval;           /* seconds between two codes sent for the same purpose */
    int64_t enroll_by; /* before this time an account without a device passes; 0: no such time */
};

#endif
