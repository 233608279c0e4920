/* SPDX-License-Identifier: BSD-2-Clause */
/* A process that listens in the place of the service, and what it says. Whoever links this waits
 * for a socket HASTE times less long than was asked for. */
#ifndef TOTP_TESTS_IMPOSTOR_H
#define TOTP_TESTS_IMPOSTOR_H

#include "base.h"

#include <stdatomic.h>
#include <sys/types.h>

#define REPLY_MAX (128 * 1024)
#define HASTE 100

/* The play, which may change while it is listened to. */
struct play {
    char reply[REPLY_MAX];
    size_t length;
    enum { READ_AND_ANSWER, HANG_UP, NEVER_ANSWER } manner;
    atomic_uint connections;
    atomic_size_t received; /* bytes that clients have sent */
};
struct play *impostor_play(void);

/* Begins anew: reads a message and answers this. */
void impostor_say(const char *reply, size_t length);

/* A bound socket of SOCK_STREAM or another type, which everybody may connect to. */
int impostor_socket(const char *path, int type, uid_t owner);

/* Listens on the socket, which becomes its own: clients see user. The process, for impostor_end. */
pid_t impostor_listen(int door, uid_t user);
void impostor_end(pid_t child); /* takes 0 */

/* The longest time that was to be waited for, in seconds, since it was forgotten. */
time_t impostor_patience(void);
void impostor_forget_patience(void);

#endif
