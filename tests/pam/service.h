/* SPDX-License-Identifier: BSD-2-Clause */
/* The totpd of this build as the service of the throw-away host. It sees the test's clock, and ends
 * with this process. Set-up that fails ends the program. */
#ifndef TOTP_TESTS_SERVICE_H
#define TOTP_TESTS_SERVICE_H

#include "base.h"

#include <stdbool.h>
#include <sys/types.h>

/* Whether the program's name ends in "_service": every login is then to be totpd's. */
bool service_is_way(void);

/* Makes the directory for its socket, log and clock. */
void service_prepare(void);
const char *service_socket(void);
const char *service_clock(char *out, size_t size); /* the file of clock.h's page */

/* Starts it, and waits until it listens. */
void service_start(void);
bool service_is_there(void);

/* Asks it to end, and waits for it and its workers. */
void service_stop(void);

/* SIGKILL. Its workers, who end by themselves, are waited for when it starts again. */
void service_kill(void);

/* In the way of the service, around what is done to files behind its back: it lets go of them. */
void service_rest(void);
void service_wake(void);

pid_t service_pid(void); /* 0: it is not there */

/* Writes its workers' numbers; returns how many there are. */
size_t service_workers(pid_t *workers, size_t max);

/* Kills each of them. They are not waited for: that is totpd's to do. */
void service_kill_workers(void);

/* Whether it was started at all; and whether it has ended each time as it was asked to, and no
 * worker of itself. */
bool service_was_there(void);
bool service_was_sound(void);

#endif
