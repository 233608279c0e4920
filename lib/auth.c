/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "auth.h"

#include "password.h"
#include "secret.h"
#include "text.h"

#include <string.h>

/* What is known about an answer before the transaction that judges it. */
struct preparation {
    bool found; /* a code, or what has the form of one */
    const char *code;
    size_t password_length;
    enum policy_password password;
    char hash[ACCOUNT_HASH_SIZE]; /* what the password was checked against */
};

static void preparation_clear(struct preparation *preparation)
{
    secret_wipe(preparation, sizeof(*preparation));
}

/* 0 and *known, or an error that is not "there is no such account". */
static int load(struct store *store, const char *user, struct account *account, bool *known,
                struct err *err)
{
    int r = store_load(store, user, account, err);

    *known = r == 0;
    return r == ERR_NOT_FOUND ? 0 : r;
}

/* Splits the answer and fetches the hash, in a transaction that keeps nobody waiting: the slow
 * crypt(3) comes after it, and before the one that judges. */
static int look_up(struct store *store, const struct rules *rules,
                   const struct auth_request *request, int64_t now, struct preparation *preparation,
                   struct err *err)
{
    struct account account CLEANUP(account_clear) = {0};
    bool known = false;

    int r = store_begin(store, STORE_READ, err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = store;
    r = load(open, request->user, &account, &known, err);
    if (r != 0)
        return r;
    memcpy(preparation->hash, account.password, sizeof(preparation->hash));
    if (request->shape == AUTH_CODE)
        return 0;
    const struct policy_attempt attempt = {
        .now = now, .code = request->password, .ring = store_ring(store)};
    r = policy_split(rules, known ? &account : NULL, &attempt, &preparation->password_length,
                     &preparation->found);
    return r == 0 ? 0 : err_set(err, r, NULL, NULL);
}

/* One crypt(3), whoever asks. */
static int check_password(const struct auth_request *request, struct preparation *preparation,
                          struct err *err)
{
    struct answer password CLEANUP(answer_clear) = {0};
    const char *typed = request->password == NULL ? "" : request->password;
    size_t length = request->shape == AUTH_CODE ? strlen(typed) : preparation->password_length;
    bool match = false;

    /* What does not fit is nobody's password. */
    int r = answer_set_bytes(&password, typed, length);
    bool fits = r == 0;
    r = password_check(password.text, fits ? preparation->hash : NULL, &match);
    if (r != 0)
        return err_set(err, r, NULL, NULL);
    preparation->password = match && fits ? PASSWORD_RIGHT : PASSWORD_WRONG;
    return 0;
}

static int prepare(struct store *store, const struct rules *rules,
                   const struct auth_request *request, int64_t now, struct preparation *preparation,
                   struct err *err)
{
    preparation->password = request->check_password ? PASSWORD_WRONG : PASSWORD_NOT_ASKED;
    preparation->code = request->code;
    if (request->shape == AUTH_CODE && !request->check_password)
        return 0;
    int r = look_up(store, rules, request, now, preparation, err);
    if (r != 0)
        return r;
    if (request->shape != AUTH_CODE) {
        const char *answer = request->password == NULL ? "" : request->password;
        if (!preparation->found && request->shape == AUTH_TAIL)
            return request->check_password ? check_password(request, preparation, err) : 0;
        /* Without a code in it the whole is judged, as the malformed code it is. */
        preparation->code = preparation->found ? answer + preparation->password_length : answer;
        if (!preparation->found)
            preparation->password_length = strlen(answer);
    }
    return request->check_password ? check_password(request, preparation, err) : 0;
}

static void describe(const struct auth_request *request, const struct outcome *result,
                     enum policy_password password, int64_t now, struct event *event)
{
    const char *method = method_name(result->method);

    if (result->admit == ADMIT_IGNORE)
        method = "ignore";
    else if (result->admit == ADMIT_YES && result->verdict != VERDICT_ACCEPTED)
        method = "permit";
    else if (result->verdict == VERDICT_WRONG && password == PASSWORD_WRONG)
        method = "password";
    event_init(event, now, request->action != NULL ? request->action : "login", request->user,
               &request->origin);
    text_cut(event->verdict, sizeof(event->verdict), verdict_name(result->verdict));
    text_cut(event->method, sizeof(event->method), method);
    text_cut(event->device, sizeof(event->device), result->device);
}

/* Records and commits; only then is the reply more than a denial. */
static int conclude(struct store *store, const struct account *before, struct account *after,
                    const struct auth_reply *decided, struct auth_reply *reply, struct err *err)
{
    int r = before != NULL ? store_save(store, before, after, err) : 0;
    if (r == 0)
        r = store_event(store, &decided->event, err);
    if (r == 0)
        r = store_commit(store, err);
    if (r == 0)
        *reply = *decided;
    return r;
}

int auth_check(struct store *store, const struct rules *rules, const struct auth_request *request,
               int64_t now, struct auth_reply *reply, struct err *err)
{
    struct account before CLEANUP(account_clear) = {0}, after CLEANUP(account_clear) = {0};
    struct preparation preparation CLEANUP(preparation_clear) = {0};
    struct auth_reply decided = {0};
    bool known = false;

    *reply = (struct auth_reply){0};
    int r = prepare(store, rules, request, now, &preparation, err);
    if (r != 0)
        return r;
    if (request->shape == AUTH_TAIL && !preparation.found) {
        reply->ask = true;
        return 0;
    }
    r = store_begin(store, STORE_WRITE, err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = store;
    r = load(open, request->user, &before, &known, err);
    if (r != 0)
        return r;
    /* Changed since it was checked: not this password's account any more. */
    if (preparation.password == PASSWORD_RIGHT && strcmp(before.password, preparation.hash) != 0)
        preparation.password = PASSWORD_WRONG;
    const struct policy_attempt attempt = {.now = now,
                                           .code = preparation.code,
                                           .password = preparation.password,
                                           .own_lock = request->own_lock,
                                           .ring = store_ring(store)};
    r = policy_decide(rules, known ? &before : NULL, &attempt, &after, &decided.result);
    if (r != 0)
        return err_set(err, r, NULL, NULL);
    decided.password_length = preparation.password_length;
    describe(request, &decided.result, preparation.password, now, &decided.event);
    return conclude(open, known ? &before : NULL, &after, &decided, reply, err);
}

int auth_begin(struct store *store, const struct rules *rules, const struct auth_request *request,
               int64_t now, struct auth_reply *reply, struct err *err)
{
    struct account account CLEANUP(account_clear) = {0};
    struct auth_reply decided = {0};
    bool known = false;

    *reply = (struct auth_reply){0};
    if (rules->unenrolled == UNENROLLED_DENY) {
        reply->ask = true;
        return 0;
    }
    int r = store_begin(store, STORE_WRITE, err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = store;
    r = load(open, request->user, &account, &known, err);
    if (r != 0)
        return r;
    bool ask = policy_standing(rules, known ? &account : NULL, now, &decided.result);
    if (ask || decided.result.admit == ADMIT_NO) {
        reply->ask = true;
        return 0;
    }
    describe(request, &decided.result, PASSWORD_NOT_ASKED, now, &decided.event);
    return conclude(open, NULL, NULL, &decided, reply, err);
}

int auth_account(struct store *store, const struct rules *rules, const char *user, int64_t now,
                 struct auth_reply *reply, struct err *err)
{
    struct account account CLEANUP(account_clear) = {0};
    struct outcome result = {0};
    bool known = false;

    *reply = (struct auth_reply){0};
    int r = store_begin(store, STORE_READ, err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = store;
    r = load(open, user, &account, &known, err);
    if (r != 0)
        return r;
    bool open_to_codes = policy_standing(rules, known ? &account : NULL, now, &result);
    result.admit = ADMIT_NO;
    if (known && (open_to_codes || result.verdict != VERDICT_LOCKED)) {
        result.verdict = VERDICT_ACCEPTED;
        result.admit = ADMIT_YES;
    }
    reply->result = result;
    return 0;
}
