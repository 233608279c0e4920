/* SPDX-License-Identifier: BSD-2-Clause */
/* The socket that connections come to; floor 6.
 *
 * 1. It lies in a directory that only its owner, root or the user totpd acts as, can write to.
 * 2. A socket somebody answers on, or that is not ours, stays where it is. */
#ifndef TOTP_LISTENER_H
#define TOTP_LISTENER_H

#include "base.h"
#include "err.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/un.h>

struct listener {
    int fd;         /* owned, non-blocking, close-on-exec */
    bool inherited; /* from the service manager, which keeps it */
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    dev_t device; /* of the path */
    ino_t inode;
};

/* Takes the socket that the service manager passes (LISTEN_FDS), and clears its variables. 1, or 0
 * when none is passed; ERR_INVALID: it is not one listening Unix stream socket. */
int listener_take(struct listener *listener, struct err *err) MUST_CHECK;

/* Makes one that everyone may connect to; the directory too, if it is missing. ERR_INVALID: the
 * path; ERR_CONFLICT: it is in use; ERR_FILE_*; ERR_SYSTEM. */
int listener_make(struct listener *listener, const char *path, struct err *err) MUST_CHECK;

/* Closes the socket; removes it too if it was made here and still is the one. For CLEANUP; takes
 * one with fd -1. */
void listener_close(struct listener *listener);

#endif
