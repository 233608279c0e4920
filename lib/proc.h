/* SPDX-License-Identifier: BSD-2-Clause */
/* Other programs, from within a process that is not ours; floor 1.
 *
 * 1. A child has a clean environment, default signals, a session of its own, "/" as its directory,
 * and of our descriptors none but its standard input and output.
 * 2. Nothing of the process changes: no handler, no mask, no directory, no descriptor left behind;
 * it may ignore SIGCHLD, reap children itself, or have its standard streams closed. */
#ifndef TOTP_PROC_H
#define TOTP_PROC_H

#include "base.h"
#include "err.h"

#include <stdbool.h>
#include <stddef.h>

#define PROC_OUTPUT_SIZE 512
#define PROC_REASON_SIZE 80
#define PROC_INPUT_MAX (32 * 1024) /* what a pipe holds for sure of one that is started */

/* Starts the program at path, which is to go into the background by itself (fork, and end), with
 * input as its standard input and nothing as its output, and waits until it has: at most 2 s, then
 * it is killed. ERR_SYSTEM, ERR_TOO_LONG; err says what. */
int proc_start(const char *path, const char *input, size_t length, struct err *err) MUST_CHECK;

/* What became of a program. */
struct proc_end {
    bool late;                     /* it was killed at the deadline */
    int status;                    /* as of wait(2) */
    char output[PROC_OUTPUT_SIZE]; /* how its output began, standard error too; a text */
};

/* Runs the program argv[0] (absolute) with an environment and input, for seconds at most, after
 * which its process group is killed; what it prints beyond *end is read and dropped. Only for our
 * own programs: it waits, and SIGPIPE must be ignored. ERR_SYSTEM: it could not be run. */
int proc_run(char *const argv[], char *const envp[], const char *input, size_t length,
             unsigned seconds, struct proc_end *end, struct err *err) MUST_CHECK;

/* "ended with status 75", "was killed by signal 9", "did not end in time". */
void proc_reason(const struct proc_end *end, char out[static PROC_REASON_SIZE]);

#endif
