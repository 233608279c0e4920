/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration: file, drop-ins, service sections, module line; floor 4.
 *
 * 1. One table, option.h, names every option; defaults, parsing, dump and manual follow from it.
 * 2. Module line over service section over top of the file over default; a drop-in over what was
 * read before it, at the same level.
 * 3. What is not understood refuses to load, with file:line and what to do. */
#ifndef TOTP_CONF_H
#define TOTP_CONF_H

#include "option.h"

/* The defaults. */
void conf_init(struct conf *conf);

/* Loads for one PAM service (NULL: none) with a module line ("name=value" words; "config=FILE"
 * names the file, by an absolute path; "debug" and the other yes/no options may stand without
 * "=yes"). The default file may be absent, a named one may not. Drop-ins are FILE.d/NAME.conf in
 * the order of their names. ERR_CONFIG, ERR_FILE_*, ERR_NOMEM; err says where. On failure *conf
 * holds the defaults. */
int conf_load(struct conf *conf, const char *service, int argc, const char **argv,
              struct err *err) MUST_CHECK;

#endif
