/* SPDX-License-Identifier: BSD-2-Clause */
/* The key file; floor 4. "ID HEX64" a line, newest first, '#' comments, mode 0600. */
#ifndef TOTP_KEYS_H
#define TOTP_KEYS_H

#include "seal.h"

/* Loads every key. ERR_FILE_*, ERR_SYNTAX (file:line in err), ERR_EXISTS (an id twice), ERR_LIMIT,
 * ERR_INVALID (no key). The ring is empty then. */
int keys_load(const char *path, struct seal_ring *ring, struct err *err) MUST_CHECK;

/* Makes the file with one fresh key, and its directory with mode 0755, unless they exist; *created
 * tells. An existing file is loaded, to be sure it is usable. */
int keys_create(const char *path, bool *created, struct err *err) MUST_CHECK;

#endif
