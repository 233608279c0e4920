/* SPDX-License-Identifier: BSD-2-Clause */
/* Use cases: a person's devices and backup tokens; floor 5. Each is one transaction with its event.
 */
#ifndef TOTP_ENROLL_H
#define TOTP_ENROLL_H

#include "conf.h"
#include "event.h"
#include "outcome.h"
#include "reply.h"
#include "store.h"
#include "uri.h"

struct enroll_request {
    const char *user;
    struct event_origin origin;
    const char *label; /* NULL: "phone", "phone-2", ... the first that is free; "email"; see
                        * replace */
    enum device_type type;
    enum otp_algorithm algorithm;
    unsigned digits, period;
    const struct secret *secret; /* NULL: a fresh one of SECRET_BYTES_DEFAULT */
    uint64_t counter;            /* HOTP: the next moving factor */
    bool at_login; /* of a login that enrols. ERR_CONFLICT: there is a device already, or an admin's
                    * first one would not be root's */
    bool replace;  /* the label may be taken: the old device goes when the new one is confirmed;
                    * without a label it is that of the only device of the type, else ERR_CONFLICT */
};

/* A pending device; the account is made when there is none. A pending device of the same label is
 * replaced, and what a login has begun goes. host names this host for conf->issuer and conf->label.
 * An e-mail device takes the account's address, which must be there (ERR_CONFLICT, as where
 * conf has no such devices), and is the only one of its kind; its first code is posted with it.
 * ERR_INVALID (name, label), ERR_EXISTS, ERR_LIMIT (conf->max_devices; a code was sent less than
 * email_interval ago), ERR_RANGE. */
int enroll_start(struct store *store, const struct conf *conf, const char *host,
                 const struct enroll_request *request, int64_t now, struct reply_device *reply,
                 struct err *err) MUST_CHECK;

/* A device's URI again; of two with one label the pending one's. label NULL: the only label there
 * is, else ERR_CONFLICT. */
int enroll_again(struct store *store, const struct conf *conf, const char *host, const char *user,
                 const char *label, const struct event_origin *origin, int64_t now,
                 struct reply_device *reply, struct err *err) MUST_CHECK;

#endif
