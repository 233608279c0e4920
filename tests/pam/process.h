/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest could disturb in its host's process. */
#ifndef TOTP_TESTS_PROCESS_H
#define TOTP_TESTS_PROCESS_H

#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* Everything of it that can be compared byte for byte. */
struct process {
    unsigned entries, threads;
    char descriptors[1024];
    char environment[8192];
    char directory[512];
    mode_t mask;
    char locale[128];
    char domain[128];
    struct {
        void (*handler)(int);
        int flags;
        uint64_t mask;
    } signals[NSIG];
    sigset_t blocked;
    uid_t uid, euid;
    struct rlimit core;
};

/* How it is now. The directory that is read for it is among the descriptors. */
void process_look(struct process *process);

#endif
