/* SPDX-License-Identifier: BSD-2-Clause */
/* What every varlink service says of itself, and its own errors; floor 6. */
#ifndef TOTP_VARLINK_H
#define TOTP_VARLINK_H

#include "call.h"

/* The reply to CALL_INFO or CALL_DESCRIBE. ERR_NOT_FOUND: there is no such interface. */
int varlink_reply(const struct call *call, char *out, size_t size, size_t *length) MUST_CHECK;

/* The interface in varlink's own notation, made of the tables of call.h and reply.h. ERR_TOO_LONG.
 */
int varlink_describe(char *out, size_t size) MUST_CHECK;

enum varlink_error {
    VARLINK_INTERFACE_NOT_FOUND,
    VARLINK_METHOD_NOT_FOUND,
    VARLINK_METHOD_NOT_IMPLEMENTED, /* "upgrade" */
    VARLINK_INVALID_PARAMETER,
    VARLINK_EXPECTED_MORE,
};

/* wrong: which interface, method or parameter. */
int varlink_error(enum varlink_error error, const char *wrong, char *out, size_t size,
                  size_t *length) MUST_CHECK;

#endif
