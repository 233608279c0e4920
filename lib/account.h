/* SPDX-License-Identifier: BSD-2-Clause */
/* What the store knows about a person; floor 2. Plain data, no ownership. */
#ifndef TOTP_ACCOUNT_H
#define TOTP_ACCOUNT_H

#include "base.h"
#include "err.h"
#include "secret.h"

#include <stdbool.h>
#include <stdint.h>

#define ACCOUNT_NAME_SIZE 257
#define ACCOUNT_TEXT_SIZE 257  /* e-mail address, full name */
#define ACCOUNT_HASH_SIZE 385  /* CRYPT_OUTPUT_SIZE and its terminator's room */
#define ACCOUNT_LABEL_SIZE 65  /* a device's label */
#define ACCOUNT_KEY_ID_SIZE 17 /* see seal.h */
#define ACCOUNT_DIGEST_SIZE 32 /* HMAC-SHA-256 */
#define ACCOUNT_SEALED_SIZE (12 + SECRET_BYTES_MAX + 16)
#define ACCOUNT_DEVICES_MAX 16 /* active, pending and disabled together */
#define ACCOUNT_TOKENS_MAX 50
#define ACCOUNT_MAIL_DIGITS 8 /* of a code that is sent by e-mail */
#define ACCOUNT_MAIL_TRIES 3

/* What a device may be set to. */
#define OTP_DIGITS_MIN 6
#define OTP_DIGITS_MAX 8
#define OTP_PERIOD_MIN 15
#define OTP_PERIOD_MAX 300
#define OTP_COUNTER_MAX (INT64_MAX - 1000) /* room to look ahead */

#define ACCOUNT_LOCKED_FOR_EVER INT64_C(253402300799) /* 9999-12-31T23:59:59Z: until unlocked */
#define ACCOUNT_NEVER INT64_C(-1)                     /* a time or step that has not been */

/* One scale for a learned drift: sixteenths of a time step. */
#define ACCOUNT_DRIFT_SCALE 16
#define ACCOUNT_OFFSET_MAX (24 * 60 * 60 / OTP_PERIOD_MIN) /* steps: a day */

enum account_role { ROLE_USER, ROLE_ADMIN };
enum device_type { DEVICE_TOTP, DEVICE_HOTP, DEVICE_EMAIL };
enum device_state { DEVICE_PENDING, DEVICE_ACTIVE, DEVICE_DISABLED };
enum otp_algorithm { OTP_SHA1, OTP_SHA256, OTP_SHA512 };

/* A secret as it lies in the store: which key, then nonce, ciphertext, tag. */
struct sealed {
    char key_id[ACCOUNT_KEY_ID_SIZE];
    uint8_t bytes[ACCOUNT_SEALED_SIZE];
    size_t length;
};

struct device {
    int64_t id; /* random and positive, never used again; 0 means none */
    char label[ACCOUNT_LABEL_SIZE];
    enum device_type type;
    enum device_state state;
    enum otp_algorithm algorithm;
    unsigned digits;      /* OTP_DIGITS_MIN to OTP_DIGITS_MAX */
    unsigned period;      /* seconds, TOTP; otherwise 0 */
    int64_t last_step;    /* TOTP: last accepted time step, or ACCOUNT_NEVER */
    int64_t counter;      /* HOTP: the next moving factor */
    int64_t offset;       /* TOTP: how far its clock is off by resynchronisation, in steps */
    int64_t drift;        /* TOTP: and by what was learned since, in 1/ACCOUNT_DRIFT_SCALE steps */
    bool at_login;        /* pending, and made by a login that enrols: the next one makes another */
    int64_t created;      /* seconds since 1970 */
    int64_t last_used;    /* or ACCOUNT_NEVER */
    struct secret secret; /* e-mail: the address it was made for, see seal_fingerprint */
    struct sealed sealed; /* filled by the store; what secret was opened from */
};

struct token {
    char key_id[ACCOUNT_KEY_ID_SIZE]; /* the key its digest was made with */
    uint8_t digest[ACCOUNT_DIGEST_SIZE];
};

/* What a code is sent by e-mail for. */
enum mail_purpose { MAIL_LOGIN, MAIL_RECOVERY };
#define MAIL_PURPOSES 2

/* The code that was sent last, as a digest. */
struct mail_code {
    int64_t sent;    /* seconds since 1970; 0: there is none, and the rest is 0 too */
    int64_t expires; /* not good from then on */
    int64_t device;  /* MAIL_LOGIN: whose it is; MAIL_RECOVERY: 0 */
    unsigned tries;  /* left; 0: it is not good any more, and the digest is wiped */
    char key_id[ACCOUNT_KEY_ID_SIZE]; /* the key its digest was made with */
    uint8_t digest[ACCOUNT_DIGEST_SIZE];
};

struct account {
    int64_t id; /* given by the store; 0 means none */
    char name[ACCOUNT_NAME_SIZE];
    char email[ACCOUNT_TEXT_SIZE];     /* empty: none */
    char full_name[ACCOUNT_TEXT_SIZE]; /* empty: none */
    char password[ACCOUNT_HASH_SIZE];  /* crypt(3) hash; empty: none, which matches nothing */
    enum account_role role;
    bool enabled;          /* two-factor login is on */
    bool closed;           /* by an administrator */
    bool password_expired; /* a new one is wanted at the next login */
    unsigned failures;     /* since the last success */
    int64_t locked_until;  /* 0: not locked */
    int64_t created;
    unsigned tokens_issued;
    bool tokens_mailed; /* those there are were sent by e-mail */
    size_t device_count, token_count;
    struct device devices[ACCOUNT_DEVICES_MAX];
    struct token tokens[ACCOUNT_TOKENS_MAX];
    struct mail_code codes[MAIL_PURPOSES];
};

/* An empty account: enabled, role user, nothing else. */
void account_init(struct account *account, const char *name);

/* Wipes every secret. For CLEANUP. */
void account_clear(struct account *account);

/* A login name we are willing to store: 1 to 256 bytes of printable UTF-8 without blanks, ':', '/'
 * or ',', not beginning with '-', and not "." or "..". "DOMAIN\user" and "user@realm" are fine.
 * Anything else is nobody's account. */
bool account_name_valid(const char *name) MUST_CHECK;

/* A device label: 1 to 64 bytes of printable UTF-8, no leading or trailing blank, not beginning
 * with '-'. */
bool account_label_valid(const char *label) MUST_CHECK;

/* Empty, or one address local@domain of printable ASCII without blanks, quotes, commas, angle
 * brackets and control characters; at most 254 bytes (RFC 5321 section 4.5.3.1). */
bool account_email_valid(const char *email) MUST_CHECK;

/* For people who may not be its owner: "a***@e***.org" for "alice@example.org"; empty for none. */
void account_email_mask(const char *email, char out[static ACCOUNT_TEXT_SIZE]);

/* Empty, or printable UTF-8 of at most 256 bytes. */
bool account_full_name_valid(const char *full_name) MUST_CHECK;

/* Everything the store returned is within the bounds of this header: names, enumerations, counts,
 * digits, period, counters. ERR_STORE_CORRUPT with the field in err. */
int account_validate(const struct account *account, struct err *err) MUST_CHECK;

/* The device of that label, or NULL. A label may stand twice while a replacement is pending. */
struct device *account_device(struct account *account, const char *label, enum device_state state);
const struct device *account_device_any(const struct account *account, const char *label);

/* How many devices are in that state. */
size_t account_count(const struct account *account, enum device_state state);

/* Which of two devices of one label is meant while a replacement waits. What a login has begun is
 * none that CHOOSE_PENDING means. */
enum account_choice { CHOOSE_PENDING, CHOOSE_PENDING_FIRST, CHOOSE_IN_USE_FIRST };

/* The index of the device somebody means: by label, or with NULL the only label there is. Sets
 * *index. ERR_NOT_FOUND; ERR_CONFLICT: there are several. */
int account_choose(const struct account *account, const char *label, enum account_choice choice,
                   size_t *index, struct err *err) MUST_CHECK;

/* Appends a copy. ERR_LIMIT. */
int account_add_device(struct account *account, const struct device *device) MUST_CHECK;

/* Removes the element and keeps the order of the others; wipes what it removed. The code sent for a
 * device that goes is not good any more; when it was sent stays known. */
void account_remove_device(struct account *account, size_t index);
void account_remove_token(struct account *account, size_t index);

/* Words of the contract: "user"/"admin", "totp"/"hotp"/"email", "pending"/"active"/"disabled",
 * "SHA1"/"SHA256"/"SHA512" (parsed in either case). Never NULL; ERR_INVALID. */
const char *account_role_name(enum account_role role);
const char *device_type_name(enum device_type type);
const char *device_state_name(enum device_state state);
const char *otp_algorithm_name(enum otp_algorithm algorithm);
int account_role_parse(const char *text, enum account_role *role) MUST_CHECK;
int device_type_parse(const char *text, enum device_type *type) MUST_CHECK;
int device_state_parse(const char *text, enum device_state *state) MUST_CHECK;
int otp_algorithm_parse(const char *text, enum otp_algorithm *algorithm) MUST_CHECK;

#endif
