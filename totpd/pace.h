/* SPDX-License-Identifier: BSD-2-Clause */
/* How often one user may ask: many times at once, and then once a second; floor 6. What is asked is
 * recorded, and nobody may fill the disk with records. */
#ifndef TOTP_PACE_H
#define TOTP_PACE_H

#include "base.h"

#include <stdint.h>

#define PACE_INTERVAL 1000 /* milliseconds */
#define PACE_BURST 60
#define PACE_USERS 64 /* remembered; those who have paused longest are forgotten */

struct pace {
    struct pace_user {
        uint32_t uid;
        int64_t even; /* when the user will have used no more than one an interval */
    } users[PACE_USERS];
};

/* The earliest time, in milliseconds, at which this user may ask again. */
int64_t pace_next(const struct pace *pace, uint32_t uid);

/* The user asks. */
void pace_take(struct pace *pace, uint32_t uid, int64_t now);

#endif
