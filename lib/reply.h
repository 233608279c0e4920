/* SPDX-License-Identifier: BSD-2-Clause */
/* What comes back from a use case, as plain data, and how it travels: a reply of varlink; floor 3.
 *
 * 1. A reply that lacks a verdict is a denial.
 * 2. No reply carries a password's hash, and only those of Enroll and Qr a secret. */
#ifndef TOTP_REPLY_H
#define TOTP_REPLY_H

#include "call.h"
#include "code.h"
#include "event.h"
#include "outcome.h"
#include "uri.h"

/* A device as it is shown once, with its secret. */
struct reply_device {
    struct device device;
    char uri[URI_SIZE]; /* empty: an e-mail device has none, nor a secret */
    char
        address[ACCOUNT_TEXT_SIZE]; /* of an e-mail device, masked: its first code was sent there */
};
void reply_device_clear(struct reply_device *device);

/* Backup tokens, shown once. */
struct reply_tokens {
    size_t count;
    char text[ACCOUNT_TOKENS_MAX][CODE_TOKEN_SIZE];
    char address[ACCOUNT_TEXT_SIZE]; /* masked: they were sent there, and are not in text */
};
void reply_tokens_clear(struct reply_tokens *tokens);

/* Return 0 to go on; anything else ends the walk and is its result. */
typedef int reply_account_fn(void *context, const struct account *account);
typedef int reply_event_fn(void *context, const struct event *event);

/* Whether the store has a password for the account. */
enum reply_password { REPLY_PASSWORD_NONE = 0, REPLY_PASSWORD_SET, REPLY_PASSWORD_EXPIRED };

/* Zero is a denial. What is larger goes where the caller says; NULL: not wanted. */
struct reply {
    struct outcome outcome;
    size_t password_length; /* AUTH_COMBINED, AUTH_TAIL: bytes of password before the code */
    bool ask;               /* nothing was judged: ask for a code */
    bool enroll;            /* nothing was judged: enrol now */
    bool tokens_due; /* the account's first device has just become active; tokens are to come */
    enum reply_password password;    /* of CALL_ACCOUNT */
    char address[ACCOUNT_TEXT_SIZE]; /* CALL_SEND, CALL_ENROLL: masked, where a code was sent that
                                      * can be used now; or, CALL_CONFIRM, the backup tokens */
    int64_t wait; /* CALL_SEND: seconds until another can be sent; 0: one was, or could be */
    bool unsent;  /* e-mail was not handed over; it does not travel */
    char explanation[EVENT_TEXT_SIZE]; /* under debug, for an administrator */
    char recorded[EVENT_WORD_SIZE];    /* the method of the event that was recorded */
    struct reply_device *enrolled;
    struct reply_tokens *tokens;
    struct account *account; /* sealed; the password is "*" where there is one; locked_until as it
                              * is in force; a device's offset with what was learned */
    reply_account_fn *each_account;
    reply_event_fn *each_event;
    void *context;
};

/* Makes it a denial, whatever it has been. */
void reply_deny(struct reply *reply);

/* What a method's reply is made of. */
enum reply_parts {
    REPLY_OUTCOME = 1,
    REPLY_DEVICE = 2,
    REPLY_TOKENS = 4,
    REPLY_ACCOUNT = 8,
    REPLY_ACCOUNTS = 16, /* one a message: varlink's "more" */
    REPLY_EVENTS = 32,   /* the same */
    REPLY_MAIL = 64,     /* what was sent */
};
#define REPLY_STREAM (REPLY_ACCOUNTS | REPLY_EVENTS)
unsigned reply_parts(enum call_method method);

/* One account, one event of a streaming reply, which goes on. */
int reply_write_account(const struct account *account, char *out, size_t size,
                        size_t *length) MUST_CHECK;
int reply_write_event(const struct event *event, char *out, size_t size, size_t *length) MUST_CHECK;

/* The reply, or the last message of a streaming one. */
int reply_write(enum call_method method, const struct reply *reply, char *out, size_t size,
                size_t *length) MUST_CHECK;

/* An error in the place of a reply, with the outcome for ERR_REFUSED. */
int reply_write_err(const struct err *err, const struct outcome *outcome, char *out, size_t size,
                    size_t *length) MUST_CHECK;

/* Takes apart one message of a reply: fills *reply, calls its visitors, whose result it returns. An
 * error of the other side is the result, with err filled; ERR_SERVICE: it is no reply. *more:
 * another message follows. */
int reply_read(char *message, size_t length, struct reply *reply, bool *more,
               struct err *err) MUST_CHECK;

/* Whether the reply can be one to this call: an outcome that can be, a password no longer than what
 * was sent, a question back only where it may be asked. */
bool reply_fits(const struct reply *reply, const struct call *call) MUST_CHECK;

/* For the interface description. */
const struct field *reply_fields(enum reply_parts part, size_t *count);

#endif
