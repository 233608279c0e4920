/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "perform.h"

#include "admin.h"
#include "auth.h"
#include "confirm.h"
#include "device.h"
#include "encoding.h"
#include "enroll.h"
#include "exempt.h"
#include "language.h"
#include "match.h"
#include "policy.h"
#include "secret.h"
#include "send.h"
#include "text.h"

#include <limits.h>
#include <string.h>

#define SECRET_BYTES_REFUSED 10 /* shorter than this is no secret */
_Static_assert(8 * SECRET_BYTES_REFUSED == 80 && 8 * SECRET_BYTES_MAX == 512,
               "messages name these numbers, to be looked up whole");

/* What every use case takes. */
struct task {
    struct store *store;
    const struct conf *conf;
    const char *host;
    const struct call *call;
    struct event_origin origin;
    int64_t now;
    struct reply *reply;
    struct err *err;
};

/* --- logins ----------------------------------------------------------------------------------- */

static int do_login(const struct task *task)
{
    const struct call *call = task->call;
    const struct auth_request request = {
        .user = call->user,
        .origin = task->origin,
        .ruser = call->ruser,
        .shape = call->shape,
        .password = call->password,
        .code = call->code,
        .check_password = call->check_password,
        .own_lock = call->own_lock,
        .action = call->action,
        .exempt = exempt_find(task->conf, call->user, call->group, call->rhost),
        .audit = task->conf->audit_only && call->action == NULL,
        .explain = task->conf->debug};
    struct auth_reply reply = {0};
    int r;

    if (call->method == CALL_BEGIN)
        r = auth_begin(task->store, &task->conf->rules, &request, task->now, &reply, task->err);
    else if (call->method == CALL_CHECK)
        r = auth_check(task->store, &task->conf->rules, &request, task->now, &reply, task->err);
    else
        r = auth_account(task->store, &task->conf->rules, &request, task->now, &reply, task->err);
    if (r != 0)
        return r;
    task->reply->outcome = reply.result;
    task->reply->password_length = reply.password_length;
    task->reply->ask = reply.ask;
    task->reply->enroll = reply.enroll;
    task->reply->tokens_due = reply.tokens_due;
    if (reply.has_password)
        task->reply->password =
            reply.password_expired ? REPLY_PASSWORD_EXPIRED : REPLY_PASSWORD_SET;
    text_cut(task->reply->explanation, sizeof(task->reply->explanation), reply.explanation);
    text_cut(task->reply->recorded, sizeof(task->reply->recorded), reply.event.method);
    return 0;
}

/* --- looking up ------------------------------------------------------------------------------- */

/* As it may leave the use cases: no hash, the lock as it is in force, clocks as they are taken. */
static void present(const struct task *task, struct account *account)
{
    for (size_t i = 0; i < account->device_count; i++)
        account->devices[i].offset = match_drift(&task->conf->rules, &account->devices[i]);
    account->locked_until = policy_locked_until(&task->conf->rules, account, task->now);
    if (account->password[0] != '\0')
        text_cut(account->password, sizeof(account->password), "*");
}

static int do_show(const struct task *task)
{
    int r = admin_show(task->store, task->call->user, task->reply->account, task->err);

    if (r == 0)
        present(task, task->reply->account);
    return r;
}

/* So many are read at a time: a reader who pauses does not hold the store's transaction. */
#define EVENT_BATCH 16

struct event_batch {
    size_t count;
    struct event events[EVENT_BATCH];
};

static int collect_event(void *context, const struct event *event)
{
    struct event_batch *batch = context;

    batch->events[batch->count++] = *event;
    return batch->count == EVENT_BATCH ? 1 : 0;
}

static int read_events(const struct task *task, const struct backend_filter *filter,
                       struct event_batch *batch)
{
    batch->count = 0;
    int r = store_begin(task->store, STORE_READ, task->err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = task->store;
    r = store_events(open, filter, collect_event, batch, task->err);
    return r < 0 ? r : 0;
}

static int do_log(const struct task *task)
{
    struct backend_filter filter = {.user = task->call->user,
                                    .service = task->call->of_service,
                                    .verdict = task->call->of_verdict,
                                    .since = task->call->since,
                                    .after_id = task->call->after_id};
    struct event_batch batch = {0};
    int r;

    do {
        r = read_events(task, &filter, &batch);
        for (size_t i = 0; r == 0 && i < batch.count; i++) {
            filter.after_id = batch.events[i].id;
            r = task->reply->each_event(task->reply->context, &batch.events[i]);
        }
    } while (r == 0 && batch.count == EVENT_BATCH);
    return r;
}

struct listing {
    const struct task *task;
    struct account account; /* as it is shown */
};

static void listing_clear(struct listing *listing)
{
    account_clear(&listing->account);
}

static int list_account(void *context, const struct account *account)
{
    struct listing *listing = context;
    struct reply *reply = listing->task->reply;

    listing->account = *account;
    present(listing->task, &listing->account);
    return reply->each_account(reply->context, &listing->account);
}

static int do_list(const struct task *task)
{
    struct listing listing CLEANUP(listing_clear) = {.task = task};

    int r = store_begin(task->store, STORE_READ, task->err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = task->store;
    return store_each(open, list_account, &listing, task->err);
}

/* --- accounts --------------------------------------------------------------------------------- */

/* The event says what weighs most of what was set. */
static const char *name_change(const struct call *call, enum account_role role)
{
    if (call->method == CALL_PASSWD)
        return call->expire ? "expire" : "passwd";
    if (call->role != NULL)
        return role == ROLE_ADMIN ? "role-admin" : "role-user";
    if (call->email != NULL)
        return "set-email";
    return call->clear_grace ? "clear-grace" : "set";
}

static int do_fields(const struct task *task)
{
    const struct call *call = task->call;
    enum account_role role = ROLE_USER;
    const struct admin_fields fields = {.email = call->email,
                                        .full_name = call->full_name,
                                        .role = call->role != NULL ? &role : NULL,
                                        .password = call->new_password,
                                        .hash = call->new_hash,
                                        .expire = call->expire,
                                        .clear_grace = call->clear_grace};

    if (call->method == CALL_PASSWD && (call->new_password == NULL) != call->expire)
        return err_set(task->err, ERR_INVALID, "new_password",
                       "say which, an empty one clears it; or that the old one expires");
    if (call->method == CALL_SET && call->email == NULL && call->full_name == NULL &&
        call->role == NULL && !call->clear_grace)
        return err_set(task->err, ERR_INVALID, NULL,
                       "say what to set: email, full_name, role or grace");
    if (call->role != NULL && account_role_parse(call->role, &role) != 0)
        return err_set(task->err, ERR_INVALID, "role", "a role is user or admin");
    if (call->method == CALL_ADD)
        return admin_add(task->store, call->user, &fields, &task->origin, task->now, task->err);
    return admin_set(task->store, call->user, &fields, name_change(call, role), &task->origin,
                     task->now, task->err);
}

static int do_switch(const struct task *task)
{
    const struct call *call = task->call;
    const bool on = call->method == CALL_ENABLE;

    if (call->device == NULL)
        return admin_enable(task->store, call->user, on, &task->origin, task->now, task->err);
    return device_enable(task->store, call->user, call->device, on, &task->origin, task->now,
                         task->err);
}

static int do_lock(const struct task *task)
{
    return admin_lock(task->store, task->call->user, task->call->method == CALL_LOCK, &task->origin,
                      task->now, task->err);
}

static int do_remove(const struct task *task)
{
    const struct call *call = task->call;

    if (call->device == NULL)
        return admin_remove(task->store, call->user, &task->origin, task->now, task->err);
    return device_remove(task->store, call->user, call->device, &task->origin, task->now,
                         task->err);
}

/* --- devices and tokens ----------------------------------------------------------------------- */

static int read_secret(const char *text, struct secret *secret, struct err *err)
{
    size_t length = 0;

    int r = encoding_base32_tolerant(text, secret->bytes, sizeof(secret->bytes), &length);
    if (r == ERR_TOO_LONG)
        return err_set(err, r, N_("the secret"), "it has more than 512 bits");
    if (r != 0)
        return err_set(err, r, N_("the secret"),
                       "it is not base32, the letters A-Z and digits 2-7");
    if (length < SECRET_BYTES_REFUSED)
        return err_set(err, ERR_RANGE, N_("the secret"),
                       "it has fewer than 80 bits: it can be guessed");
    secret->length = length;
    return 0;
}

/* What the call leaves open is as configured. */
static int read_request(const struct task *task, struct enroll_request *request,
                        struct secret *secret)
{
    const struct call *call = task->call;
    const struct conf *conf = task->conf;

    *request = (struct enroll_request){.user = call->user,
                                       .origin = task->origin,
                                       .label = call->device,
                                       .algorithm = conf->algorithm,
                                       .counter = (uint64_t)call->counter,
                                       .at_login = call->at_login,
                                       .replace = call->replace};
    if (call->type != NULL && device_type_parse(call->type, &request->type) != 0)
        return err_set(task->err, ERR_INVALID, "type", "it is totp, hotp or email");
    if (call->algorithm != NULL && otp_algorithm_parse(call->algorithm, &request->algorithm) != 0)
        return err_set(task->err, ERR_INVALID, "algorithm", "it is SHA1, SHA256 or SHA512");
    if (call->digits > UINT_MAX || call->period > UINT_MAX || call->counter > OTP_COUNTER_MAX)
        return err_set(task->err, ERR_RANGE, NULL, "digits, period or counter are out of range");
    request->digits = call->digits != 0 ? (unsigned)call->digits : conf->digits;
    if (request->type == DEVICE_EMAIL) {
        if (call->digits != 0 || call->period != 0 || call->counter != 0 || call->algorithm != NULL)
            return err_set(
                task->err, ERR_INVALID, "type",
                "an e-mail device has no algorithm, digits, period or counter of its own");
        request->digits = ACCOUNT_MAIL_DIGITS;
        request->algorithm = OTP_SHA1;
    }
    if (request->type == DEVICE_TOTP)
        request->period = call->period != 0 ? (unsigned)call->period : conf->period;
    if (call->secret == NULL)
        return 0;
    request->secret = secret;
    return read_secret(call->secret, secret, task->err);
}

static int do_enroll(const struct task *task)
{
    struct secret secret CLEANUP(secret_clear) = {0};
    struct enroll_request request;

    int r = read_request(task, &request, &secret);
    if (r == 0)
        r = enroll_start(task->store, task->conf, task->host, &request, task->now,
                         task->reply->enrolled, task->err);
    if (r == 0)
        text_cut(task->reply->address, sizeof(task->reply->address),
                 task->reply->enrolled->address);
    return r;
}

static int do_qr(const struct task *task)
{
    return enroll_again(task->store, task->conf, task->host, task->call->user, task->call->device,
                        &task->origin, task->now, task->reply->enrolled, task->err);
}

static int do_confirm(const struct task *task)
{
    const struct call *call = task->call;

    const struct enroll_code first = {.user = call->user,
                                      .label = call->device,
                                      .code = call->code,
                                      .origin = task->origin,
                                      .guarded = call->guarded,
                                      .trial = call->trial,
                                      .mail_tokens = call->mail_tokens,
                                      .at_login = call->at_login,
                                      .device_id = call->device_id};

    int r = enroll_confirm(task->store, task->conf, &first, task->now, &task->reply->outcome,
                           task->reply->tokens, task->err);
    if (r == 0)
        text_cut(task->reply->address, sizeof(task->reply->address), task->reply->tokens->address);
    return r;
}

static int do_send(const struct task *task)
{
    const struct send_request request = {.user = task->call->user,
                                         .origin = task->origin,
                                         .recovery = task->call->recovery,
                                         .unasked = task->call->unasked,
                                         .keep = task->call->unasked || task->call->keep};

    return send_code(task->store, task->conf, &request, task->now, task->reply, task->err);
}

static int do_recover(const struct task *task)
{
    const struct call *call = task->call;
    const struct recover_request request = {.user = call->user,
                                            .origin = task->origin,
                                            .mailed = call->code,
                                            .code = call->proof,
                                            .password = call->new_password,
                                            .hash = call->new_hash};

    return recover_password(task->store, task->conf, &request, task->now, &task->reply->outcome,
                            task->err);
}

static int do_resync(const struct task *task)
{
    const struct call *call = task->call;

    return device_resync(task->store, call->user, call->device, call->code, call->next_code,
                         &task->origin, task->now, &task->reply->outcome, task->err);
}

static int do_tokens(const struct task *task)
{
    const struct call *call = task->call;
    unsigned count = task->conf->backup_tokens;

    if (call->method == CALL_REVOKE)
        count = 0;
    else if (call->count > ACCOUNT_TOKENS_MAX)
        count = ACCOUNT_TOKENS_MAX + 1; /* the use case says what is wrong with it */
    else if (call->count > 0)
        count = (unsigned)call->count;
    else if (count == 0)
        return err_set(task->err, ERR_RANGE, "backup_tokens",
                       "the configuration says none: say how many");
    return device_renew_tokens(task->store, call->user, count, &task->origin, task->now,
                               task->reply->tokens, task->err);
}

/* --- the door --------------------------------------------------------------------------------- */

typedef int task_fn(const struct task *task);

static task_fn *const tasks[CALL_METHOD_COUNT] = {
    [CALL_BEGIN] = do_login,     [CALL_CHECK] = do_login,    [CALL_ACCOUNT] = do_login,
    [CALL_SHOW] = do_show,       [CALL_LIST] = do_list,      [CALL_LOG] = do_log,
    [CALL_ADD] = do_fields,      [CALL_SET] = do_fields,     [CALL_PASSWD] = do_fields,
    [CALL_ENROLL] = do_enroll,   [CALL_QR] = do_qr,          [CALL_CONFIRM] = do_confirm,
    [CALL_REMOVE] = do_remove,   [CALL_BACKUP] = do_tokens,  [CALL_REVOKE] = do_tokens,
    [CALL_ENABLE] = do_switch,   [CALL_DISABLE] = do_switch, [CALL_LOCK] = do_lock,
    [CALL_UNLOCK] = do_lock,     [CALL_RESYNC] = do_resync,  [CALL_SEND] = do_send,
    [CALL_RECOVER] = do_recover,
};

int perform(struct store *store, const struct conf *conf, const char *host, const struct call *call,
            int64_t now, struct reply *reply, struct err *err)
{
    const struct task task = {.store = store,
                              .conf = conf,
                              .host = host,
                              .call = call,
                              .origin = {.service = call->service,
                                         .rhost = call->rhost,
                                         .tty = call->tty,
                                         .actor = call->actor},
                              .now = now,
                              .reply = reply,
                              .err = err};

    reply->outcome = (struct outcome){0};
    reply->address[0] = '\0';
    reply->wait = 0;
    if (tasks[call->method] == NULL)
        return err_set(err, ERR_INVALID, call_method_name(call->method), NULL);
    if (call->user == NULL && call->method != CALL_LIST && call->method != CALL_LOG)
        return err_set(err, ERR_INVALID, "user", "say whose record is meant");
    return tasks[call->method](&task);
}
