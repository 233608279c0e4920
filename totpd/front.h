/* SPDX-License-Identifier: BSD-2-Clause */
/* The service's front: takes connections, passes messages to the workers and answers back, and
 * keeps the time; floor 6. */
#ifndef TOTP_FRONT_H
#define TOTP_FRONT_H

#include "base.h"
#include "child.h"
#include "err.h"
#include "listener.h"
#include "log.h"

#include <signal.h>

struct front_setup {
    struct listener *listener; /* closed as soon as no more connections are taken */
    struct log *log;
    const struct child_command *command;
    const sigset_t *signals; /* blocked: SIGCHLD, SIGHUP, SIGINT, SIGTERM */
    size_t max_clients;
};

/* Serves until a signal asks it to end or, with a socket that the service manager keeps, until it
 * has not been used for a minute. Workers have ended then. ERR_NOMEM, ERR_SYSTEM. */
int front_run(const struct front_setup *setup, struct err *err) MUST_CHECK;

#endif
