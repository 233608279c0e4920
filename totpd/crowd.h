/* SPDX-License-Identifier: BSD-2-Clause */
/* All connections: how many there may be, and who gives way to a new one; floor 6.
 *
 * 1. One user cannot keep the others out, nor all users together root.
 * 2. Who has a message in work stays, and root with one in queue; the oldest of the others gives
 * way. */
#ifndef TOTP_CROWD_H
#define TOTP_CROWD_H

#include "base.h"
#include "connection.h"

struct crowd {
    struct connection_list by_age; /* the oldest first */
    size_t total, others;          /* others: not root */
    size_t max_total, max_others, max_user;
};

/* max: of all connections that descriptors allow. */
void crowd_open(struct crowd *crowd, size_t max);

void crowd_add(struct crowd *crowd, struct connection *client);
void crowd_remove(struct crowd *crowd, struct connection *client);

/* Whether there is room for one more of this user. If not, *victim is who gives way; NULL: nobody,
 * the new one cannot stay. */
bool crowd_has_room(const struct crowd *crowd, uint32_t uid, struct connection **victim);

/* Who gives way when descriptors are short; NULL: nobody. */
struct connection *crowd_victim(const struct crowd *crowd);

#endif
