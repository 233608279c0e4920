/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables of an SQLite store, and how an older one becomes of this version; floor 4. */
#ifndef TOTP_SCHEMA_H
#define TOTP_SCHEMA_H

#include "backend.h"
#include "sql.h"

/* The database is ours and of this version, or becomes so: with BACKEND_CREATE an empty one is
 * made, which *created (may be NULL) tells; an older one is brought up to date in one transaction.
 * ERR_STORE_SCHEMA: of another program, or none yet; ERR_STORE_NEWER. */
int schema_check(struct sql *sql, enum backend_mode mode, bool *created,
                 struct err *err) MUST_CHECK;

/* The same of the marks alone, for each use of a store that stays open: a newer version may have
 * brought it up to its own date meanwhile. */
int schema_judge(const struct sql *sql, int64_t application, int64_t version,
                 struct err *err) MUST_CHECK;

#endif
