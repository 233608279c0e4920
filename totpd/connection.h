/* SPDX-License-Identifier: BSD-2-Clause */
/* A connection: JSON texts, each ended by a NUL byte, come in and go out; floor 6. Its contents are
 * passed on unread. */
#ifndef TOTP_CONNECTION_H
#define TOTP_CONNECTION_H

#include "base.h"
#include "buffer.h"
#include "job.h"
#include "loop.h"

#include <stdbool.h>
#include <sys/queue.h>

#define CONNECTION_TIME 5000 /* to send a message, and to read an answer */

/* What is waited for, with CONNECTION_TIME to go. */
enum connection_wait { CONNECTION_WAITS_FOR_US, CONNECTION_SHALL_SEND, CONNECTION_SHALL_READ };

TAILQ_HEAD(connection_list, connection);

struct connection {
    struct watch watch; /* the first member */
    struct job job;     /* its oldest message */
    TAILQ_ENTRY(connection) by_age, by_deadline;
    struct buffer in, out;
    size_t message; /* the length of the first message in the buffer, 0: it is not whole yet */
    size_t scanned; /* bytes known to be without a NUL byte */
    size_t due;     /* bytes going out that must be read by the deadline */
    bool more;      /* it has sent more than this message: that waits in the kernel */
    bool ended;     /* it sends nothing more */
    bool closing;   /* once it has read what there is */
    enum connection_wait wait;
    int64_t deadline;
};

/* A new one on this connection, which it owns from then on; NULL when there is no memory. */
struct connection *connection_new(int fd, uint32_t uid);

/* Wipes and frees it. Its descriptor has been closed. */
void connection_free(struct connection *client);

/* Reads until there is a message, the end, or nothing more for now. ERR_TOO_LONG: the message has
 * no end. ERR_SYSTEM: the connection is gone. ERR_NOMEM. */
int connection_read(struct connection *client) MUST_CHECK;

/* Wipes the first message, and looks for the next one in what has been read. */
void connection_next(struct connection *client);

/* Sends the bytes, or keeps what cannot be sent yet. ERR_SYSTEM: the connection is gone.
 * ERR_NOMEM. */
int connection_send(struct connection *client, const char *bytes, size_t length) MUST_CHECK;

/* Sends what was kept. ERR_SYSTEM. */
int connection_flush(struct connection *client) MUST_CHECK;

#endif
