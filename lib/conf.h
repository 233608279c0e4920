/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration: option table, file, drop-ins, service sections, module line; floor 4.
 *
 * 1. One table names every option; defaults, parsing, dump and manual follow from it.
 * 2. Module line over service section over top of the file over default; a drop-in over what was
 * read before it, at the same level.
 * 3. What is not understood refuses to load, with file:line and what to do. */
#ifndef TOTP_CONF_H
#define TOTP_CONF_H

#include "policy.h"

#define CONF_TEXT_SIZE 257

#ifndef CONF_DEFAULT_FILE
#define CONF_DEFAULT_FILE "/etc/totp/totp.conf"
#endif
#ifndef CONF_DEFAULT_KEY_FILE
#define CONF_DEFAULT_KEY_FILE "/etc/totp/key"
#endif
#ifndef CONF_DEFAULT_STORE
#define CONF_DEFAULT_STORE "sqlite:/var/lib/totp/totp.db"
#endif
#define CONF_DEFAULT_PROMPT "One-time code: "

enum conf_mode { MODE_PROMPT = 0, MODE_COMBINED, MODE_AUTO };
enum conf_password { PASSWORD_FORWARD = 0, PASSWORD_STORE };

/* Constant once loaded. Plain data, no ownership. */
struct conf {
    char store[CONF_TEXT_SIZE];
    char key_file[CONF_TEXT_SIZE];
    enum conf_mode mode;
    enum conf_password password;
    struct policy_rules rules;
    int64_t fail_delay; /* seconds */
    unsigned max_devices;
    char prompt[CONF_TEXT_SIZE];
    bool echo;
    char issuer[CONF_TEXT_SIZE]; /* empty: the host's name */
    char label[CONF_TEXT_SIZE];
    unsigned digits;
    enum otp_algorithm algorithm;
    unsigned period;
    unsigned backup_tokens;
    bool quiet;
    bool debug;
};

enum conf_type { CONF_BOOL, CONF_UINT, CONF_DURATION, CONF_ENUM, CONF_TEXT, CONF_PATH, CONF_URI };

/* One option. */
struct conf_option {
    const char *name;
    enum conf_type type;
    size_t offset;        /* in struct conf */
    int64_t min, max;     /* numbers and durations; min 1 in a text: not empty */
    const char *words;    /* CONF_ENUM: "deny|ignore|permit", in the order of the enumeration */
    const char *fallback; /* the default, as it would be written */
    const char *help;     /* one line */
};

/* The table, and how many rows it has. */
const struct conf_option *conf_options(size_t *count);

/* The defaults. */
void conf_init(struct conf *conf);

/* Loads for one PAM service (NULL: none) with a module line ("name=value" words; "config=FILE"
 * names the file, by an absolute path; "debug" and the other yes/no options may stand without
 * "=yes"). The default file may be absent, a named one may not. Drop-ins are FILE.d/NAME.conf in
 * the order of their names. ERR_CONFIG, ERR_FILE_*; err says where. On failure *conf holds the
 * defaults. */
int conf_load(struct conf *conf, const char *service, int argc, const char **argv,
              struct err *err) MUST_CHECK;

/* The value of an option as it would be written in a file, quoted where needed. ERR_TOO_LONG. */
int conf_format(const struct conf *conf, const struct conf_option *option, char *out,
                size_t size) MUST_CHECK;

#endif
