/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "pace.h"

static size_t find(const struct pace *pace, uint32_t uid)
{
    size_t i = 0;

    while (i < PACE_USERS && (pace->users[i].uid != uid || pace->users[i].even == 0))
        i++;
    return i;
}

int64_t pace_next(const struct pace *pace, uint32_t uid)
{
    size_t i = find(pace, uid);

    return i == PACE_USERS ? 0 : pace->users[i].even - (PACE_BURST - 1) * (int64_t)PACE_INTERVAL;
}

void pace_take(struct pace *pace, uint32_t uid, int64_t now)
{
    size_t i = find(pace, uid);

    if (i == PACE_USERS) {
        i = 0;
        for (size_t j = 1; j < PACE_USERS; j++)
            if (pace->users[j].even < pace->users[i].even)
                i = j;
        pace->users[i] = (struct pace_user){.uid = uid};
    }
    if (pace->users[i].even < now)
        pace->users[i].even = now;
    pace->users[i].even += PACE_INTERVAL;
}
