/* SPDX-License-Identifier: BSD-2-Clause */
/* A key file and a store in a fresh directory, for tests. */
#ifndef TOTP_FIXTURE_H
#define TOTP_FIXTURE_H

#include "conf.h"
#include "store.h"

#define FIXTURE_NOW INT64_C(300000)

/* Makes DIRECTORY/NAME/totp.db, opens it, and sets the defaults in *conf with its paths. Exits on
 * failure. */
struct store *fixture_open(const char *name, struct conf *conf, struct seal_ring *ring);

/* The code of a device at a moving factor; valid until the fourth call after. */
const char *fixture_code(const struct device *device, int64_t moving);

/* Enrols and confirms a TOTP device with the code of the step before FIXTURE_NOW; exits on failure.
 */
struct device fixture_enroll(struct store *store, const struct conf *conf, const char *user,
                             const char *label);

/* How many events there are, and the last one. */
size_t fixture_events(struct store *store, struct event *last);

#endif
