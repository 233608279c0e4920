/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "auth.h"

#include "network.h"
#include "password.h"
#include "secret.h"
#include "split.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

/* What is known about an answer before the transaction that judges it. */
struct preparation {
    enum split_tail tail;
    bool codeless; /* no code is asked for, nor given */
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

/* --- grace ------------------------------------------------------------------------------------ */

/* Where somebody logs in from: a numeric address, or without one a terminal and who sits there: the
 * next at a pseudo-terminal of that number may be anybody. false: nowhere that could be known
 * again. */
static bool find_origin(const struct auth_request *request, char *out, size_t size)
{
    const struct event_origin *origin = &request->origin;
    struct address address;
    char text[NETWORK_TEXT_SIZE] = "";
    int length;

    if (origin->service == NULL || origin->service[0] == '\0')
        return false;
    if (origin->rhost != NULL && origin->rhost[0] != '\0') {
        if (address_parse(origin->rhost, &address) != 0)
            return false;
        address_format(&address, text);
        length = snprintf(out, size, "%s", text);
    } else {
        if (origin->tty == NULL || origin->tty[0] == '\0')
            return false;
        length = snprintf(out, size, "tty%zu:%s:%s", strlen(origin->tty), origin->tty,
                          request->ruser != NULL ? request->ruser : "");
    }
    return length > 0 && (size_t)length < size;
}

static int find_ticket(struct store *store, const struct rules *rules,
                       const struct auth_request *request, const struct account *account,
                       int64_t *ticket, struct err *err)
{
    char origin[EVENT_TEXT_SIZE] = "";

    *ticket = 0;
    if (rules->grace == 0 || account->id == 0 || !find_origin(request, origin, sizeof(origin)))
        return 0;
    return store_ticket_find(store, account, request->origin.service, origin, ticket, err);
}

/* Only what a login has proved by a code is one. */
static int keep_ticket(struct store *store, const struct rules *rules,
                       const struct auth_request *request, const struct account *account,
                       const struct outcome *result, int64_t now, struct err *err)
{
    char origin[EVENT_TEXT_SIZE] = "";

    if (rules->grace == 0 || request->action != NULL || result->verdict != VERDICT_ACCEPTED ||
        result->admit != ADMIT_YES || !find_origin(request, origin, sizeof(origin)))
        return 0;
    return store_ticket_put(store, account, request->origin.service, origin, now, err);
}

/* --- before the transaction that judges ------------------------------------------------------- */

/* What a login has begun and not ended is no device. */
static bool has_device(const struct account *account)
{
    for (size_t i = 0; i < account->device_count; i++)
        if (!account->devices[i].at_login)
            return true;
    return false;
}

/* Who only looks on enrols nobody; an admin's first device is root's to enrol; and one that is
 * switched off is no invitation to make another. */
static bool is_to_enroll(const struct rules *rules, const struct auth_request *request,
                         const struct account *account, const struct outcome *standing)
{
    return !request->audit && account->role != ROLE_ADMIN && !has_device(account) &&
           rules->unenrolled == UNENROLLED_ENROLL && standing->verdict == VERDICT_UNENROLLED &&
           standing->admit == ADMIT_NO;
}

/* Whether no code is asked for, in an answer that holds none that would be accepted. */
static int find_codeless(struct store *store, const struct rules *rules,
                         const struct auth_request *request, const struct account *account,
                         bool known, int64_t now, struct preparation *preparation, struct err *err)
{
    struct outcome standing = {0};
    struct policy_attempt attempt = {.now = now,
                                     .exempt = request->exempt != NULL,
                                     .password = request->check_password ? PASSWORD_RIGHT
                                                                         : PASSWORD_NOT_ASKED};

    int r = find_ticket(store, rules, request, account, &attempt.ticket, err);
    if (r != 0)
        return r;
    const bool asked = policy_standing(rules, known ? account : NULL, &attempt, &standing);
    preparation->codeless =
        !asked && preparation->tail != TAIL_ACCEPTED &&
        (standing.admit != ADMIT_NO || is_to_enroll(rules, request, account, &standing));
    return 0;
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
    r = split_answer(rules, known ? &account : NULL, &attempt, &preparation->password_length,
                     &preparation->tail);
    if (r != 0)
        return err_set(err, r, NULL, NULL);
    return find_codeless(open, rules, request, &account, known, now, preparation, err);
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
        const bool whole = preparation->codeless || preparation->tail == TAIL_NONE;
        /* Without a code in it the whole is judged, as the malformed code it is. */
        preparation->code = whole ? answer : answer + preparation->password_length;
        if (whole && (preparation->codeless || request->shape != AUTH_TAIL))
            preparation->password_length = strlen(answer);
    }
    return request->check_password ? check_password(request, preparation, err) : 0;
}

/* --- judging ---------------------------------------------------------------------------------- */

static const char *describe_method(const struct auth_request *request, const struct outcome *result,
                                   enum policy_password password)
{
    if (result->verdict == VERDICT_EXEMPT)
        return request->exempt;
    if (result->verdict == VERDICT_GRACE)
        return "";
    if (result->admit == ADMIT_IGNORE)
        return "ignore";
    if (result->admit == ADMIT_YES && result->verdict != VERDICT_ACCEPTED)
        return "permit";
    if (result->verdict == VERDICT_WRONG && password == PASSWORD_WRONG)
        return "password";
    return method_name(result->method);
}

static void describe(const struct auth_request *request, const struct outcome *result,
                     enum policy_password password, int64_t now, struct event *event)
{
    const char *action = request->audit ? "audit" : "login";

    event_init(event, now, request->action != NULL ? request->action : action, request->user,
               &request->origin);
    text_cut(event->verdict, sizeof(event->verdict), verdict_name(result->verdict));
    text_cut(event->method, sizeof(event->method), describe_method(request, result, password));
    text_cut(event->device, sizeof(event->device), result->device);
}

/* What there is to save; under audit only the event. */
static int save(struct store *store, const struct rules *rules, const struct auth_request *request,
                const struct account *before, struct account *after, const struct outcome *result,
                int64_t now, struct err *err)
{
    static const struct account nobody = {.id = 0};

    if (request->audit || before->id == 0)
        return 0;
    int r = store_save(store, before, after, err);
    /* Somebody is guessing: until the person has shown a code again, none is spared them. An
     * acceptance asks the same of the store, for nobody's: see store_save about limits. */
    const bool locks = after->locked_until > before->locked_until;
    if (r == 0)
        r = store_ticket_clear(store, locks ? after : &nobody, err);
    return r == 0 ? keep_ticket(store, rules, request, after, result, now, err) : r;
}

/* Records and commits; only then is the reply more than a denial. */
static int conclude(struct store *store, const struct auth_reply *decided, struct auth_reply *reply,
                    struct err *err)
{
    int r = store_event(store, &decided->event, err);

    if (r == 0)
        r = store_commit(store, err);
    if (r == 0)
        *reply = *decided;
    return r;
}

static bool is_first_code(const struct account *before, const struct outcome *result)
{
    return result->verdict == VERDICT_ACCEPTED && result->method != METHOD_BACKUP &&
           before->device_count > 0 &&
           account_count(before, DEVICE_PENDING) == before->device_count;
}

/* Who audits goes on living with passwords that happen to end like a code. */
static size_t forwarded_length(const struct auth_request *request,
                               const struct preparation *preparation)
{
    if (request->audit && request->shape != AUTH_CODE && request->password != NULL &&
        preparation->tail != TAIL_ACCEPTED)
        return strlen(request->password);
    return preparation->password_length;
}

/* What may be a password and nothing else is not looked into. */
static bool has_code(const struct auth_request *request, const struct preparation *preparation)
{
    return !preparation->codeless &&
           (request->shape == AUTH_CODE || preparation->tail != TAIL_NONE);
}

static int decide(struct store *store, const struct rules *rules,
                  const struct auth_request *request, const struct preparation *preparation,
                  const struct account *before, bool known, int64_t now, struct account *after,
                  struct auth_reply *decided, struct err *err)
{
    struct policy_attempt attempt = {.now = now,
                                     .code = preparation->code,
                                     .answer =
                                         request->shape == AUTH_CODE ? NULL : request->password,
                                     .password = preparation->password,
                                     .own_lock = request->own_lock,
                                     .codeless = preparation->codeless,
                                     .ring = store_ring(store)};
    int r = 0;

    if (preparation->codeless) {
        attempt.exempt = request->exempt != NULL;
        r = find_ticket(store, rules, request, before, &attempt.ticket, err);
    }
    if (r != 0)
        return r;
    r = policy_decide(rules, known ? before : NULL, &attempt, after, &decided->result);
    if (r != 0)
        return err_set(err, r, NULL, NULL);
    decided->password_length = forwarded_length(request, preparation);
    decided->tokens_due = !request->audit && is_first_code(before, &decided->result);
    describe(request, &decided->result, preparation->password, now, &decided->event);
    return 0;
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
    if (request->shape == AUTH_TAIL && preparation.tail == TAIL_NONE && !preparation.codeless) {
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
    r = decide(open, rules, request, &preparation, &before, known, now, &after, &decided, err);
    if (r != 0)
        return r;
    if (preparation.codeless && is_to_enroll(rules, request, &before, &decided.result)) {
        reply->enroll = true;
        reply->result = decided.result;
        reply->password_length = preparation.password_length;
        return 0;
    }
    r = save(open, rules, request, &before, &after, &decided.result, now, err);
    if (r == 0)
        r = conclude(open, &decided, reply, err);
    if (r == 0 && request->explain && decided.result.admit == ADMIT_NO &&
        has_code(request, &preparation))
        explain_refusal(rules, known ? &before : NULL, preparation.code, store_ring(store), now,
                        &decided.result, reply->explanation);
    return r;
}

int auth_begin(struct store *store, const struct rules *rules, const struct auth_request *request,
               int64_t now, struct auth_reply *reply, struct err *err)
{
    const bool answers = request->shape != AUTH_CODE || request->check_password;
    struct account account CLEANUP(account_clear) = {0};
    struct auth_reply decided = {0};
    struct policy_attempt attempt = {
        .now = now, .exempt = request->exempt != NULL && !answers, .password = PASSWORD_NOT_ASKED};
    bool known = false;

    *reply = (struct auth_reply){0};
    if (rules->unenrolled == UNENROLLED_DENY && rules->enroll_by <= now && rules->grace == 0 &&
        !attempt.exempt) {
        reply->ask = true;
        return 0;
    }
    int r = store_begin(store, STORE_WRITE, err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = store;
    r = load(open, request->user, &account, &known, err);
    if (r == 0 && !answers)
        r = find_ticket(open, rules, request, &account, &attempt.ticket, err);
    if (r != 0)
        return r;
    bool ask = policy_standing(rules, known ? &account : NULL, &attempt, &decided.result);
    if (!ask && is_to_enroll(rules, request, &account, &decided.result) &&
        !request->check_password) {
        reply->enroll = true;
        reply->result = decided.result;
        return 0;
    }
    if (ask || decided.result.admit == ADMIT_NO ||
        (decided.result.admit == ADMIT_YES && request->check_password)) {
        reply->ask = true;
        return 0;
    }
    describe(request, &decided.result, PASSWORD_NOT_ASKED, now, &decided.event);
    return conclude(open, &decided, reply, err);
}

int auth_account(struct store *store, const struct rules *rules, const struct auth_request *request,
                 int64_t now, struct auth_reply *reply, struct err *err)
{
    const struct policy_attempt attempt = {
        .now = now, .exempt = request->exempt != NULL, .password = PASSWORD_NOT_ASKED};
    struct account account CLEANUP(account_clear) = {0};
    struct outcome result = {0};
    bool known = false;

    *reply = (struct auth_reply){0};
    int r = store_begin(store, STORE_READ, err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = store;
    r = load(open, request->user, &account, &known, err);
    if (r != 0)
        return r;
    bool open_to_codes = policy_standing(rules, known ? &account : NULL, &attempt, &result);
    result.admit = ADMIT_NO;
    if (!known)
        result.verdict = VERDICT_UNENROLLED;
    if (known && (open_to_codes || result.verdict != VERDICT_LOCKED)) {
        result.verdict = VERDICT_ACCEPTED;
        result.admit = ADMIT_YES;
    }
    reply->has_password = account.password[0] != '\0';
    reply->password_expired = reply->has_password && account.password_expired;
    reply->result = result;
    return 0;
}
