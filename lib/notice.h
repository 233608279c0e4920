/* SPDX-License-Identifier: BSD-2-Clause */
/* What is worth telling a person by e-mail, as plain data; floor 3. Pure. */
#ifndef TOTP_NOTICE_H
#define TOTP_NOTICE_H

#include "account.h"
#include "event.h"

#define NOTICE_TEXT_SIZE 1024 /* a code; backup tokens, separated by newlines */

/* Identifier, word for messages between programs, the word of the option "notify" that asks for it
 * (NULL: the person has asked). */
#define NOTICE_KINDS(KIND)                               \
    KIND(CODE, "code", NULL)                             \
    KIND(RECOVERY, "recovery", NULL)                     \
    KIND(TOKENS, "tokens", NULL)                         \
    KIND(DEVICE_ADDED, "device-added", "enroll")         \
    KIND(DEVICE_REMOVED, "device-removed", "remove")     \
    KIND(DEVICE_DISABLED, "device-disabled", "remove")   \
    KIND(ACCOUNT_DISABLED, "account-disabled", "remove") \
    KIND(ACCOUNT_REMOVED, "account-removed", "remove")   \
    KIND(TOKEN_USED, "token-used", "backup")             \
    KIND(TOKENS_RENEWED, "tokens-renewed", "backup")     \
    KIND(LOCKED, "locked", "lock")                       \
    KIND(PASSWORD, "password", "password")               \
    KIND(ADDRESS, "address", "address")

enum notice_kind {
#define NOTICE_ENUM(identifier, name, notify) NOTICE_##identifier,
    NOTICE_KINDS(NOTICE_ENUM)
#undef NOTICE_ENUM
        NOTICE_COUNT
};

struct notice {
    enum notice_kind kind;
    char to[ACCOUNT_TEXT_SIZE];        /* an address that is account_email_valid */
    char full_name[ACCOUNT_TEXT_SIZE]; /* or empty */
    char user[ACCOUNT_NAME_SIZE];
    char device[ACCOUNT_LABEL_SIZE];                                                 /* or empty */
    char service[EVENT_TEXT_SIZE], rhost[EVENT_TEXT_SIZE], actor[ACCOUNT_NAME_SIZE]; /* or empty */
    int64_t time;  /* when it happened */
    int64_t until; /* a code expires, a lock ends; ACCOUNT_LOCKED_FOR_EVER; 0: nothing does */
    int64_t left;  /* what there is after it, see below */
    char text[NOTICE_TEXT_SIZE]; /* what this is about, secret */
};

/* What is left. Of TOKENS, TOKEN_USED and TOKENS_RENEWED: backup tokens, 0 of the last where they
 * were revoked. Of DEVICE_REMOVED and DEVICE_DISABLED: devices in use, NOTICE_NO_TOKENS where the
 * backup tokens went with the last of them. Of PASSWORD: 1, or 0 where it was cleared. */
#define NOTICE_NO_TOKENS INT64_C(-1)

/* Notices in the order in which they came about. Starts as {0}. */
struct outbox {
    struct notice *notices;
    size_t count, room;
};

/* For CLEANUP: wipes; wipes and frees. */
void notice_clear(struct notice *notice);
void outbox_clear(struct outbox *outbox);

/* Room for a few, so that adding those takes no memory. ERR_NOMEM. */
int outbox_reserve(struct outbox *outbox) MUST_CHECK;

/* Appends a copy. ERR_NOMEM. */
int outbox_add(struct outbox *outbox, const struct notice *notice) MUST_CHECK;

/* Wipes those from index count on. */
void outbox_cut(struct outbox *outbox, size_t count);

/* Fills to, full_name and user from an account. false: it has no address to write to. */
bool notice_start(struct notice *notice, enum notice_kind kind,
                  const struct account *account) MUST_CHECK;

/* Appends what the change of an account from before to after is worth telling, to the address it
 * had before where it had one: a device that has become active, one that is gone (a pending one is
 * worth nothing, one that another of its label replaces neither), switched off, the account's
 * two-factor login switched off; a backup token used; tokens renewed or revoked (not those that
 * come with a device); the first lock since the last success, the one that stays, a closed account;
 * the password set, changed or cleared; another address, to the one before, once there is a
 * password or a device that has shown a code. before->id 0: a new account has nobody to tell yet.
 * ERR_NOMEM. */
int notice_of_change(const struct account *before, const struct account *after,
                     struct outbox *outbox) MUST_CHECK;

/* "code", "device-added"; the word of "notify", or NULL. */
const char *notice_name(enum notice_kind kind);
const char *notice_wish(enum notice_kind kind);

#endif
