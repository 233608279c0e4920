/* SPDX-License-Identifier: BSD-2-Clause */
/* The options of the configuration: one table, what a value must be, how it is written; floor 3. */
#ifndef TOTP_OPTION_H
#define TOTP_OPTION_H

#include "account.h"
#include "language.h"
#include "rules.h"

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
#ifndef CONF_DEFAULT_SOCKET
#define CONF_DEFAULT_SOCKET "/run/totp/totpd"
#endif
#define CONF_DEFAULT_PROMPT N_("One-time code: ")

#define CONF_LIST_SIZE 1024
#define CONF_LIST_MAX                                                                            \
    1000                   /* bytes of a list; the line in which it is printed can be read again \
                            */
#define CONF_ITEM_SIZE 257 /* of a list */

enum conf_mode { MODE_PROMPT = 0, MODE_COMBINED, MODE_AUTO };
enum conf_password { PASSWORD_FORWARD = 0, PASSWORD_STORE };
#define CONF_NOTICES "enroll|remove|backup|lock|password|address"

enum conf_qr { ENROLL_QR_UTF8 = 0, ENROLL_QR_ASCII, ENROLL_QR_NONE };

/* Constant once loaded. Plain data, no ownership. */
struct conf {
    char file[CONF_TEXT_SIZE]; /* where this was read, or would have been */
    char store[CONF_TEXT_SIZE];
    char key_file[CONF_TEXT_SIZE];
    enum conf_mode mode;
    enum conf_password password;
    struct rules rules;
    char exempt_users[CONF_LIST_SIZE]; /* separated by commas, as written */
    char exempt_groups[CONF_LIST_SIZE];
    char exempt_networks[CONF_LIST_SIZE];
    bool audit_only;
    bool use_authtok;
    enum conf_qr enroll_qr;
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
    char sendmail[CONF_TEXT_SIZE]; /* a command; empty: no mail is sent */
    char mail_from[CONF_TEXT_SIZE];
    char mail_languages[CONF_TEXT_SIZE]; /* as in $LANGUAGE; empty: English */
    unsigned notify;                     /* one bit for each of CONF_NOTICES */
    int64_t event_retention;             /* seconds */
    char socket[CONF_TEXT_SIZE];         /* of the service; empty: none is asked */
    bool quiet;
    bool debug;
};

enum conf_type {
    CONF_BOOL,
    CONF_UINT,
    CONF_DURATION,
    CONF_DATE, /* a day; kept as the first second after it, in UTC; 0: none */
    CONF_ENUM,
    CONF_SET, /* words of those named, separated by commas; bits in their order */
    CONF_TEXT,
    CONF_PATH,
    CONF_URI,
    CONF_COMMAND, /* words separated by blanks, the first an absolute path */
    CONF_ADDRESS, /* of e-mail */
    CONF_USERS,   /* lists, separated by commas */
    CONF_GROUPS,
    CONF_NETWORKS,
};

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
const struct conf_option *option_table(size_t *count);

#define OPTIONS_MAX 64

/* The row of that name, or NULL. */
const struct conf_option *option_find(const char *name);

/* Sets an option in *conf from its text. ERR_CONFIG; err says what the value must be. */
int option_set(struct conf *conf, const struct conf_option *option, const char *value,
               struct err *err) MUST_CHECK;

/* The next item of a list, without the blanks around it, copied to item; *list moves past it, and
 * is NULL after the last. 1 when there was one, 0 at the end, ERR_TOO_LONG. An empty list has one
 * item, which is empty; no list that option_set has accepted has another such. */
int option_next_item(const char **list, char *item, size_t size) MUST_CHECK;

/* The value of an option as it would be written in a file, quoted where needed. ERR_TOO_LONG. */
int option_format(const struct conf *conf, const struct conf_option *option, char *out,
                  size_t size) MUST_CHECK;

#endif
