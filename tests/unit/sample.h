/* SPDX-License-Identifier: BSD-2-Clause */
/* One person, one device and a key, for tests of what is pure. */
#ifndef TOTP_SAMPLE_H
#define TOTP_SAMPLE_H

#include "account.h"
#include "rules.h"
#include "seal.h"

#define SAMPLE_STEP 30
#define SAMPLE_NOW INT64_C(300000) /* time step 10000 */

extern const struct rules sample_rules;
extern const struct seal_ring sample_ring;

/* The secret of the scenarios, 2SH3V3GDW7ZNMGYE: its code of six digits at step 10000 is 050548. */
struct device sample_device(int64_t id, enum device_type type, unsigned digits);

/* "alice" with that device, active, id 7, "phone". */
struct account sample_account(enum device_type type, unsigned digits);

/* The code of a device at a moving factor; valid until the fourth call after. */
const char *sample_code(const struct device *device, int64_t moving);

#endif
