/* SPDX-License-Identifier: BSD-2-Clause */
/* What passes between totpd and its workers, one frame a packet (SOCK_SEQPACKET); floor 6. Both are
 * of one build, which totpd tells a worker it starts: nothing here is an interface. */
#ifndef TOTP_FRAME_H
#define TOTP_FRAME_H

#include "base.h"

#include <stdint.h>

#define FRAME_BYTES_MAX (64 * 1024) /* a message, with the NUL byte that ends it */

/* Which build: the second argument of a worker. The number changes with this file. */
#define FRAME_BUILD PACKAGE_VERSION "-4"

/* The worker's end of the pair. */
#define FRAME_FD 3

/* The id of a worker's first frame, which has no bytes: it has started. What was given to one that
 * ends without it was not begun. */
#define FRAME_HELLO 0

/* To a worker: a message of a client. From it: (part of) the answer. */
struct frame {
    uint32_t id;     /* of the message: the answer bears it */
    uint32_t uid;    /* to a worker: who asks, from SO_PEERCRED */
    uint32_t flags;  /* from a worker */
    uint32_t length; /* bytes used */
    char bytes[FRAME_BYTES_MAX];
};
#define FRAME_HEADER_SIZE offsetof(struct frame, bytes)

enum {
    FRAME_FINAL = 1, /* nothing more comes for this id; may be without bytes */
    FRAME_DEFER = 2, /* not begun, and slow: give it to a worker of the other kind */
    FRAME_CLOSE = 4, /* the connection ends after this: the message was no call at all */
    FRAME_RENEW = 8, /* the store was exchanged: no worker may keep what it has of the old one */
};

#endif
