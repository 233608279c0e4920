/* SPDX-License-Identifier: BSD-2-Clause */
/* What the use cases can be asked, as plain data, and how it travels, a call of varlink; floor 3.
 * Who asks need not know whether it is done here or by the service.
 *
 * 1. One table names every member of a call, one every method and which of them it takes; writing,
 * reading and the interface description follow from them.
 * 2. A call that names something the method does not take, or twice, is refused.
 * 3. A reply that lacks a verdict is a denial. No reply carries a password's hash, and only those
 * of Enroll and Qr a secret. */
#ifndef TOTP_CALL_H
#define TOTP_CALL_H

#include "field.h"

#define CALL_INTERFACE "org.pamtotp.Service"
#define CALL_MESSAGE_MAX (64 * 1024) /* with the NUL byte that ends it */

/* Identifier and name. What each does is at the use case of its name, in auth.h, enroll.h,
 * device.h, admin.h and send.h. */
#define CALL_METHODS(X)   \
    X(BEGIN, "Begin")     \
    X(CHECK, "Check")     \
    X(ACCOUNT, "Account") \
    X(SHOW, "Show")       \
    X(LIST, "List")       \
    X(LOG, "Log")         \
    X(ADD, "Add")         \
    X(SET, "Set")         \
    X(PASSWD, "Passwd")   \
    X(ENROLL, "Enroll")   \
    X(QR, "Qr")           \
    X(CONFIRM, "Confirm") \
    X(REMOVE, "Remove")   \
    X(BACKUP, "Backup")   \
    X(REVOKE, "Revoke")   \
    X(ENABLE, "Enable")   \
    X(DISABLE, "Disable") \
    X(LOCK, "Lock")       \
    X(UNLOCK, "Unlock")   \
    X(RESYNC, "Resync")   \
    X(SEND, "SendCode")   \
    X(RECOVER, "Recover") \
    X(INFO, "GetInfo")    \
    X(DESCRIBE, "GetInterfaceDescription")

enum call_method {
#define CALL_ENUM(identifier, name) CALL_##identifier,
    CALL_METHODS(CALL_ENUM)
#undef CALL_ENUM
        CALL_METHOD_COUNT
};

enum auth_shape {
    AUTH_CODE = 0, /* code holds the code; password, if any, was asked for apart */
    AUTH_COMBINED, /* password holds both, the code last */
    AUTH_TAIL,     /* as AUTH_COMBINED, but a password without a code is no attempt: reply->ask */
};

/* Borrowed strings; NULL and 0: not given. */
struct call {
    enum call_method method;
    const char *config, *store, *key_file; /* which ones the caller means */
    struct field_texts options;            /* of the module's line, over the configuration */
    const char *service, *rhost, *tty;
    const char *ruser; /* who asks for the login, where that is somebody on this host */
    const char *user;  /* whose record */
    const char *group; /* one they are in, of those that are exempt */
    const char *proof; /* a code of the caller's own */
    enum auth_shape shape;
    const char *password, *code;
    const char *next_code; /* the one after code */
    bool check_password;
    int64_t own_lock;
    const char *device;           /* its label */
    int64_t device_id;            /* with at_login: which one; 0: any */
    const char *type, *algorithm; /* words */
    int64_t digits, period, counter;
    const char *secret; /* base32 */
    bool replace;
    bool at_login;    /* the device of a login that enrols */
    bool trial;       /* of a first code: judged, and nothing changed */
    bool mail_tokens; /* of a first code: the backup tokens go by e-mail, and are not shown */
    bool recovery;    /* of a code to send: for Recover; otherwise for a device */
    bool unasked;     /* of a code to send: only where the person has no other device in use; and */
    bool keep;        /* not while the last is good for a while yet */
    const char *email, *full_name, *role;
    bool clear_grace;
    const char *new_password; /* empty: none */
    bool expire;              /* a new one is wanted at the next login */
    int64_t count;            /* backup tokens; 0: as configured */
    int64_t since, after_id;  /* events: from a time on, after another */
    const char *of_service, *of_verdict;
    const char *interface;

    /* These do not travel: whoever performs the call fills them in. */
    const char *actor;    /* who asks, where the event should say so */
    const char *action;   /* the event of CALL_CHECK; NULL: a login */
    const char *new_hash; /* of new_password, made before any transaction */
    bool guarded;         /* wrong first codes count as failures */
};

const char *call_method_name(enum call_method method);

/* The message, ended by a NUL byte, which *length counts. ERR_TOO_LONG. */
int call_write(const struct call *call, char *out, size_t size, size_t *length) MUST_CHECK;

/* What varlink says beside the method. */
struct call_flags {
    bool more, oneway, upgrade;
};

/* Takes apart a message of length bytes, its NUL byte included. ERR_SYNTAX: no call at all;
 * ERR_NOT_FOUND: no such interface or method; ERR_INVALID: a parameter. *wrong (never NULL) names
 * what is wrong. Everything in *call is borrowed from message. */
int call_read(char *message, size_t length, struct call *call, struct call_flags *flags,
              const char **wrong) MUST_CHECK;

/* For the interface description: the members of a call, and whether a method takes one. */
const struct field *call_fields(size_t *count);
bool call_takes(enum call_method method, size_t field);

#endif
