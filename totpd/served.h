/* SPDX-License-Identifier: BSD-2-Clause */
/* What this service serves: a configuration, its keys and its store, kept open; floor 6.
 *
 * 1. Before each use it is seen that the configuration names the same files, and that these are the
 * files that were opened: what was restored or given a new key is opened anew. */
#ifndef TOTP_SERVED_H
#define TOTP_SERVED_H

#include "conf.h"
#include "seal.h"
#include "store.h"

#include <sys/stat.h>

/* log is SQLite's, beside the store. */
struct served_files {
    struct stat key, store, directory, log;
};

struct served {
    const char *config; /* of the command line, or NULL */
    struct conf conf;   /* without a service's section */
    struct seal_ring ring;
    struct store *store;
    bool exchanged; /* something was not what had been opened; whoever reads this resets it */
    struct served_files files; /* as they were when opened */
    char key_file[CONF_TEXT_SIZE], uri[CONF_TEXT_SIZE];
};

/* Reads the configuration and opens what it names, unless that is open already. ERR_CONFIG,
 * ERR_FILE_*, ERR_STORE*. */
int served_open(struct served *served, struct err *err) MUST_CHECK;

/* After the store has failed: lets go of it as it is, to open it anew at the next use. */
void served_drop(struct served *served);

/* For CLEANUP. */
void served_close(struct served *served);

/* Whether the caller means this store, these keys and this configuration; NULL: whatever there is.
 * ERR_NOT_SERVED. */
int served_matches(const struct served *served, const char *config, const char *store,
                   const char *key_file, struct err *err) MUST_CHECK;

/* The configuration for one PAM service, with the words of a module's line over it. ERR_CONFIG;
 * ERR_NOT_SERVED where it names other files. */
int served_conf(const struct served *served, const char *service, size_t count,
                const char *const *words, struct conf *conf, struct err *err) MUST_CHECK;

#endif
