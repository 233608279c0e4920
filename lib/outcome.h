/* SPDX-License-Identifier: BSD-2-Clause */
/* What came of an attempt; floor 2. Plain data, and its words. */
#ifndef TOTP_OUTCOME_H
#define TOTP_OUTCOME_H

#include "account.h"

/* 0 denies. */
enum verdict {
    VERDICT_WRONG = 0,
    VERDICT_REPLAYED,
    VERDICT_MALFORMED,
    VERDICT_LOCKED, /* for a time, until unlocked, or closed by an administrator */
    VERDICT_UNENROLLED,
    VERDICT_DISABLED, /* two-factor login is off for the account */
    VERDICT_ACCEPTED,
    VERDICT_EXEMPT, /* no code is asked of this person, or from there */
    VERDICT_GRACE,  /* spared by a success not long ago */
};
#define VERDICTS 9

/* What follows from the verdict under the rules. 0 denies. */
enum admit {
    ADMIT_NO = 0,
    ADMIT_IGNORE, /* this module has no say */
    ADMIT_YES,
};

enum method { METHOD_NONE = 0, METHOD_TOTP, METHOD_HOTP, METHOD_BACKUP, METHOD_EMAIL };

struct outcome {
    enum verdict verdict;
    enum admit admit;
    enum method method;
    char device[ACCOUNT_LABEL_SIZE]; /* the device that matched, or empty */
    int64_t locked_until;            /* 0, a time, or ACCOUNT_LOCKED_FOR_EVER */
    unsigned failures;               /* after this attempt */
    unsigned tokens_left;            /* backup tokens, after this attempt */
    unsigned tokens_issued;
};

/* Whether these verdict and admit can come of one attempt: nobody passes without an accepted code
 * but those whose account has none to show, and who is exempt or within grace. */
bool outcome_is_sound(const struct outcome *outcome) MUST_CHECK;

/* "accepted", "wrong", "exempt", ...; "totp", "hotp", "backup", "email", "". Never NULL. */
const char *verdict_name(enum verdict verdict);
const char *method_name(enum method method);

#endif
