/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "crowd.h"

#define TOTAL_MAX 1024
#define USER_MAX 16

void crowd_open(struct crowd *crowd, size_t max)
{
    *crowd = (struct crowd){.max_total = max < TOTAL_MAX ? max : TOTAL_MAX};
    crowd->max_others = crowd->max_total * 3 / 4;
    crowd->max_user = crowd->max_others < USER_MAX ? crowd->max_others : USER_MAX;
    TAILQ_INIT(&crowd->by_age);
}

void crowd_add(struct crowd *crowd, struct connection *client)
{
    TAILQ_INSERT_TAIL(&crowd->by_age, client, by_age);
    crowd->total++;
    crowd->others += client->job.uid != 0;
}

void crowd_remove(struct crowd *crowd, struct connection *client)
{
    TAILQ_REMOVE(&crowd->by_age, client, by_age);
    crowd->total--;
    crowd->others -= client->job.uid != 0;
}

static struct connection *next(const struct crowd *crowd, const struct connection *client)
{
    return client == NULL ? TAILQ_FIRST(&crowd->by_age) : TAILQ_NEXT(client, by_age);
}

/* What a user has sent may be sent again, also where many users are one person's. */
static bool may_go(const struct connection *client)
{
    return client->job.state == JOB_NONE ||
           (client->job.state == JOB_QUEUED && client->job.uid != 0);
}

/* How many connections a user has, and the oldest of them that may go. */
static size_t count_user(const struct crowd *crowd, uint32_t uid, struct connection **oldest)
{
    struct connection *client = NULL;
    size_t count = 0;

    *oldest = NULL;
    while ((client = next(crowd, client)) != NULL) {
        if (client->job.uid != uid)
            continue;
        count++;
        if (*oldest == NULL && may_go(client))
            *oldest = client;
    }
    return count;
}

static struct connection *find_oldest(const struct crowd *crowd, bool root_too)
{
    struct connection *client = NULL;

    while ((client = next(crowd, client)) != NULL)
        if (may_go(client) && (root_too || client->job.uid != 0))
            return client;
    return NULL;
}

bool crowd_has_room(const struct crowd *crowd, uint32_t uid, struct connection **victim)
{
    if (uid != 0 && crowd->others >= crowd->max_user &&
        count_user(crowd, uid, victim) >= crowd->max_user)
        return false;
    *victim = NULL;
    if (crowd->total < crowd->max_total && (uid == 0 || crowd->others < crowd->max_others))
        return true;
    *victim = uid == 0 ? crowd_victim(crowd) : find_oldest(crowd, false);
    return false;
}

struct connection *crowd_victim(const struct crowd *crowd)
{
    struct connection *client = find_oldest(crowd, false);

    return client != NULL ? client : find_oldest(crowd, true);
}
