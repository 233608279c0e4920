/* SPDX-License-Identifier: BSD-2-Clause */
/* The n-th call of something fails: the C library's functions below, taken over by the test
 * program for itself and every library in it. */
#ifndef TOTP_TESTS_FAULTS_H
#define TOTP_TESTS_FAULTS_H

#include "base.h"

#include <stdbool.h>

enum fault {
    FAULT_ALLOCATION, /* malloc, calloc, realloc */
    FAULT_RANDOM,     /* getrandom, getentropy */
    FAULT_OPEN,       /* open, open64, openat: EMFILE */
    FAULT_READ,       /* read, pread: EIO */
    FAULT_WRITE,      /* write, pwrite, ftruncate, fallocate: ENOSPC */
    FAULT_SYNC,       /* fsync, fdatasync: EIO */
    FAULT_MAP,        /* mmap: ENOMEM */
    FAULT_LOCK,       /* fcntl: EIO; waiting for a lock takes no time while armed */
    FAULT_LOOK,       /* lstat: EACCES */
    FAULT_SOCKET,     /* socket, its options, connect, send, recv: ENOBUFS */
    FAULT_SIGNAL,     /* connect, send, recv: EINTR */
    FAULT_COUNT
};

const char *fault_name(enum fault fault);

/* From now on the n-th call (from 1; 0: none) fails, and with rest every one after it. Only calls
 * of this thread count. */
void fault_arm(enum fault fault, unsigned n, bool rest);

/* Between the two nothing fails or counts: what the test itself does in a conversation. */
void fault_pause(void);
void fault_resume(void);

/* Nothing fails any more. How many calls there were. */
unsigned fault_disarm(void);

#endif
