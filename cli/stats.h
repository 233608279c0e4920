/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts of logins, accounts and devices, taken one at a time and not kept; floor 6.
 *
 * What is counted under a word is counted under that word, whether it was known here before or not:
 * sums are right also when the store was written by a newer version. */
#ifndef TOTP_STATS_H
#define TOTP_STATS_H

#include "account.h"
#include "event.h"

#define STATS_DAY 86400
#define STATS_DAYS_MAX 3650 /* of the period */
#define STATS_WORDS_MAX 32
#define STATS_WORD_SIZE (4 * EVENT_WORD_SIZE) /* escaped */

/* How many of each word: those that are known first, in the order of the contract, also when there
 * are none; then others, sorted; what is too much, as "other". */
struct stats_tally {
    size_t known, size;
    int64_t total;
    struct stats_count {
        char word[STATS_WORD_SIZE]; /* printable */
        int64_t count;
    } counts[STATS_WORDS_MAX];
};

struct stats_day {
    int64_t logins, accepted;
};

struct stats {
    int64_t since, now;
    struct stats_day *days; /* of UTC, from that of since to that of now */
    size_t day_count;
    struct stats_tally verdicts;                  /* of logins from since to now */
    struct stats_tally audited;                   /* the same of those under audit_only */
    struct stats_tally accounts;                  /* by state: each is in one */
    struct stats_tally devices[DEVICE_EMAIL + 1]; /* by type, then state */
    struct stats_tally used;                      /* active devices, by the age of their last use */
    struct stats_tally tokens; /* accounts with an active device, by backup tokens left */
};

/* Nothing is counted yet. 0 <= since <= now, no more than STATS_DAYS_MAX days apart. ERR_NOMEM. */
int stats_begin(struct stats *stats, int64_t since, int64_t now) MUST_CHECK;

/* For CLEANUP. */
void stats_clear(struct stats *stats);

/* An account with its lock as it is in force. The first that holds is its state: closed, locked,
 * disabled, active (an active device), pending (a pending one), no_device. */
void stats_add_account(struct stats *stats, const struct account *account);

/* An event; what is no login within the period is passed over. Logins under audit_only are none:
 * the verdict decided nothing about them. */
void stats_add_event(struct stats *stats, const struct event *event);

#endif
