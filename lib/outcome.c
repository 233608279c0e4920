/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "outcome.h"

bool outcome_is_sound(const struct outcome *outcome)
{
    const bool bare =
        outcome->verdict == VERDICT_UNENROLLED || outcome->verdict == VERDICT_DISABLED;

    switch (outcome->admit) {
    case ADMIT_YES:
        return bare || outcome->verdict == VERDICT_ACCEPTED || outcome->verdict == VERDICT_EXEMPT ||
               outcome->verdict == VERDICT_GRACE;
    case ADMIT_IGNORE:
        return bare || outcome->verdict == VERDICT_EXEMPT;
    case ADMIT_NO:
        return true;
    }
    return false;
}

const char *verdict_name(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_WRONG:
        return "wrong";
    case VERDICT_REPLAYED:
        return "replayed";
    case VERDICT_MALFORMED:
        return "malformed";
    case VERDICT_LOCKED:
        return "locked";
    case VERDICT_UNENROLLED:
        return "unenrolled";
    case VERDICT_DISABLED:
        return "disabled";
    case VERDICT_ACCEPTED:
        return "accepted";
    case VERDICT_EXEMPT:
        return "exempt";
    case VERDICT_GRACE:
        return "grace";
    }
    return "wrong";
}

const char *method_name(enum method method)
{
    switch (method) {
    case METHOD_NONE:
        return "";
    case METHOD_TOTP:
        return "totp";
    case METHOD_HOTP:
        return "hotp";
    case METHOD_BACKUP:
        return "backup";
    case METHOD_EMAIL:
        return "email";
    }
    return "";
}
