/* SPDX-License-Identifier: BSD-2-Clause */
/* The credential store: a back end and the sealing keys; floor 4. Above it secrets are open, below
 * it sealed.
 *
 * begin, load, decide, save, commit: what is not committed did not happen. */
#ifndef TOTP_STORE_H
#define TOTP_STORE_H

#include "backend.h"
#include "notice.h"
#include "seal.h"

struct store;

enum store_access { STORE_READ, STORE_WRITE };

/* Opens the store a URI names ("sqlite:PATH") and keeps a copy of ring. With create, the store and
 * its directory are made (mode 0700) and *created (may be NULL) tells. Sets *store, which the
 * caller closes. ERR_STORE*, ERR_FILE_*, ERR_INVALID (the URI). */
int store_open(const char *uri, const struct seal_ring *ring, bool create, bool *created,
               struct store **store, struct err *err) MUST_CHECK;

/* Rolls back what is open, wipes the keys, sets *store to NULL. For CLEANUP. */
void store_close(struct store **store);

const struct seal_ring *store_ring(const struct store *store);

/* One transaction at a time. STORE_WRITE waits for other writers, up to 5 s (ERR_STORE_BUSY). */
int store_begin(struct store *store, enum store_access access, struct err *err) MUST_CHECK;
int store_commit(struct store *store, struct err *err) MUST_CHECK;
void store_rollback(struct store *store);

/* Rolls back at the end of a scope; after a commit there is nothing to do. For CLEANUP. */
void store_end(struct store **store);

/* Several transactions in one: until store_group_commit those of store_begin are parts of it, of
 * which one may be rolled back alone, and none has happened before it. Whoever answers for them
 * answers after it: when it fails, all of them have failed. */
int store_group_begin(struct store *store, struct err *err) MUST_CHECK;
int store_group_commit(struct store *store, struct err *err) MUST_CHECK;
void store_group_end(struct store **store); /* as store_end */

/* After an administrator's change: a copy of the store's main file alone then has it. Never waits,
 * nor fails. */
void store_settle(struct store *store);

/* The account of that name, its secrets sealed. ERR_NOT_FOUND only when the store was read and has
 * none; ERR_STORE* otherwise. The caller clears it (account_clear). */
int store_find(struct store *store, const char *name, struct account *account,
               struct err *err) MUST_CHECK;

/* The same with the secrets opened: ERR_SEAL, ERR_KEY_UNKNOWN where one does not open. */
int store_load(struct store *store, const char *name, struct account *account,
               struct err *err) MUST_CHECK;

/* What is worth telling a person by e-mail is put into outbox (NULL, as after store_open: nowhere)
 * by the transaction that makes it so, and is gone from it when that is rolled back: what stands
 * there after the last commit has happened. Borrowed until it is set anew. */
void store_set_outbox(struct store *store, struct outbox *outbox);

/* Puts one there within a write transaction; time, service, remote host and actor are those of the
 * event that the transaction records after it. ERR_NOMEM. */
int store_post(struct store *store, const struct notice *notice, struct err *err) MUST_CHECK;

/* Saves the difference of before and after, and posts what of it is worth telling (notice.h);
 * before->id 0 inserts a new account. Devices with an id that before lacks are sealed and inserted.
 * after's id and sealed fields are filled. */
int store_save(struct store *store, const struct account *before, struct account *after,
               struct err *err) MUST_CHECK;

/* Removes an account with all that belongs to it, readable or not; tells the address it had.
 * ERR_NOT_FOUND. */
int store_remove(struct store *store, const char *name, struct err *err) MUST_CHECK;

/* Every account in order of name. Secrets stay sealed. */
int store_each(struct store *store, backend_account_visitor *visit, void *context,
               struct err *err) MUST_CHECK;

/* Grace: when this account last had a success at a service from a place; *time 0: never. What is
 * older than RULES_GRACE_MAX goes when a new one comes, and what is from the future. */
int store_ticket_find(struct store *store, const struct account *account, const char *service,
                      const char *origin, int64_t *time, struct err *err) MUST_CHECK;
int store_ticket_put(struct store *store, const struct account *account, const char *service,
                     const char *origin, int64_t time, struct err *err) MUST_CHECK;
int store_ticket_clear(struct store *store, const struct account *account,
                       struct err *err) MUST_CHECK;

/* Events are kept for so many seconds; 0, as after store_open: for ever. */
void store_keep_events(struct store *store, int64_t seconds);

/* Records. Two events that are too old go for each that comes: nobody's login pays for more. */
int store_event(struct store *store, const struct event *event, struct err *err) MUST_CHECK;
/* The same of what was done to a device; NULL: none, and no verdict. */
int store_record(struct store *store, const char *action, const char *user, const char *device,
                 const char *verdict, const struct event_origin *origin, int64_t now,
                 struct err *err) MUST_CHECK;
int store_events(struct store *store, const struct backend_filter *filter,
                 backend_event_visitor *visit, void *context, struct err *err) MUST_CHECK;

#endif
