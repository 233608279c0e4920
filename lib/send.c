/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "send.h"

#include "mailcode.h"
#include "match.h"
#include "password.h"
#include "policy.h"
#include "post.h"
#include "secret.h"
#include "text.h"

#include <string.h>

/* --- a code is sent --------------------------------------------------------------------------- */

/* What is to be sent, and to whom. */
struct letter {
    struct account account; /* as it is saved */
    enum mail_purpose purpose;
    int64_t device; /* 0 for a recovery */
    char label[ACCOUNT_LABEL_SIZE];
};

static void letter_clear(struct letter *letter)
{
    account_clear(&letter->account);
}

/* The e-mail device that a code can be sent for; NULL: there is none, or, unasked, another kind of
 * device that is in use does as well. */
static const struct device *find_device(const struct rules *rules, const struct account *account,
                                        bool unasked)
{
    const struct device *found = NULL;

    for (size_t i = 0; i < account->device_count; i++) {
        const struct device *device = &account->devices[i];
        if (!match_is_in_use(account, device))
            continue;
        if (match_may_mail(rules, account, device))
            found = device;
        else if (unasked)
            return NULL;
    }
    return found;
}

/* Whether there is anything beside a mailed code that a recovery could be given. */
static bool has_second(const struct account *account)
{
    for (size_t i = 0; i < account->device_count; i++)
        if (account->devices[i].type != DEVICE_EMAIL && account->devices[i].state == DEVICE_ACTIVE)
            return true;
    return account->token_count > 0 && !account->tokens_mailed &&
           account_count(account, DEVICE_ACTIVE) > 0;
}

/* Whether this person may have a code now; fills what it is for. */
static bool may_have(const struct conf *conf, const struct send_request *request, int64_t now,
                     struct letter *letter)
{
    const struct policy_attempt bare = {.now = now, .password = PASSWORD_NOT_ASKED};
    struct account *account = &letter->account;
    struct rules rules = conf->rules;
    struct outcome standing = {0};

    rules.grace = 0;
    if (conf->audit_only || conf->sendmail[0] == '\0' ||
        !policy_standing(&rules, account, &bare, &standing))
        return false;
    letter->purpose = request->recovery ? MAIL_RECOVERY : MAIL_LOGIN;
    if (request->recovery)
        return account->password[0] != '\0' && account->email[0] != '\0' && has_second(account);
    const struct device *device = find_device(&rules, account, request->unasked);
    if (device == NULL)
        return false;
    letter->device = device->id;
    text_cut(letter->label, sizeof(letter->label), device->label);
    return true;
}

static int make_and_post(struct store *store, const struct conf *conf,
                         const struct send_request *request, int64_t now, struct letter *letter,
                         struct err *err)
{
    struct account before CLEANUP(account_clear) = letter->account;
    char text[MAILCODE_SIZE] = "";

    int r = mailcode_new(&conf->rules, store_ring(store), letter->purpose, letter->device, now,
                         &letter->account, text);
    if (r != 0)
        return err_set(err, r, NULL, NULL);
    r = store_save(store, &before, &letter->account, err);
    if (r == 0)
        r = post_code(store, &letter->account, letter->purpose, letter->label, text,
                      &request->origin, now, err);
    secret_wipe(text, sizeof(text));
    return r == 0 ? store_commit(store, err) : r;
}

/* Whoever begins logins in somebody's name must not make the code worthless that they are about to
 * type; one that would hardly last until it has been typed is replaced. */
static bool is_kept(const struct conf *conf, const struct letter *letter, int64_t now)
{
    const struct mail_code *code = &letter->account.codes[letter->purpose];

    /* Also where it is another device's, which waits to take this one's place. */
    return mailcode_is_live(&letter->account, letter->purpose, code->device, now) &&
           code->expires - now >= conf->rules.email_code_lifetime / 2;
}

int send_code(struct store *store, const struct conf *conf, const struct send_request *request,
              int64_t now, struct reply *reply, struct err *err)
{
    struct letter letter CLEANUP(letter_clear) = {0};

    reply->address[0] = '\0';
    reply->wait = 0;
    int r = store_begin(store, STORE_WRITE, err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = store;
    r = store_load(open, request->user, &letter.account, err);
    if (r != 0)
        return r == ERR_NOT_FOUND ? 0 : r;
    if (!may_have(conf, request, now, &letter))
        return 0;
    const int64_t wait = mailcode_wait(&conf->rules, &letter.account, letter.purpose, now);
    const bool live = mailcode_is_live(&letter.account, letter.purpose, letter.device, now);
    reply->wait = wait;
    const bool kept = request->keep && is_kept(conf, &letter, now);
    const bool sends = wait == 0 && !kept;
    if (sends)
        r = make_and_post(open, conf, request, now, &letter, err);
    if (r == 0 && (live || sends))
        account_email_mask(letter.account.email, reply->address);
    return r;
}

/* --- a password is recovered ------------------------------------------------------------------ */

static int hash(const struct recover_request *request, char out[static ACCOUNT_HASH_SIZE],
                struct err *err)
{
    int r = request->hash != NULL ? text_copy(out, ACCOUNT_HASH_SIZE, request->hash)
                                  : password_hash(request->password, out);

    return r == 0 ? 0 : err_set(err, r, "password", NULL);
}

/* The slow crypt(3) comes before the transaction, and only for somebody to whom a code was sent
 * that is good: *out stays empty for all others. */
static int prepare_hash(struct store *store, const struct recover_request *request, int64_t now,
                        char out[static ACCOUNT_HASH_SIZE], struct err *err)
{
    struct account account CLEANUP(account_clear) = {0};

    int r = store_begin(store, STORE_READ, err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = store;
    r = store_find(open, request->user, &account, err);
    store_rollback(open);
    return r == 0 && mailcode_is_live(&account, MAIL_RECOVERY, 0, now) ? hash(request, out, err)
                                                                       : r;
}

static int save(struct store *store, const struct recover_request *request,
                const struct account *before, struct account *after, const struct outcome *decided,
                int64_t now, struct err *err)
{
    struct event event;

    int r = store_save(store, before, after, err);
    /* As at a login: guesses that lock end grace, and so does a new password. */
    if (r == 0 && (decided->verdict == VERDICT_ACCEPTED || after->locked_until != 0))
        r = store_ticket_clear(store, after, err);
    if (r != 0)
        return r;
    event_init(&event, now, "recover", request->user, &request->origin);
    text_cut(event.verdict, sizeof(event.verdict), verdict_name(decided->verdict));
    text_cut(event.method, sizeof(event.method), method_name(decided->method));
    text_cut(event.device, sizeof(event.device), decided->device);
    r = store_event(store, &event, err);
    return r == 0 ? store_commit(store, err) : r;
}

int recover_password(struct store *store, const struct conf *conf,
                     const struct recover_request *request, int64_t now, struct outcome *result,
                     struct err *err)
{
    struct account before CLEANUP(account_clear) = {0}, after CLEANUP(account_clear) = {0};
    char hashed[ACCOUNT_HASH_SIZE] = "";
    struct outcome decided = {0};

    *result = (struct outcome){0};
    if (request->password == NULL || request->password[0] == '\0')
        return err_set(err, ERR_INVALID, "new_password", "say which");
    int r = prepare_hash(store, request, now, hashed, err);
    if (r == 0)
        r = store_begin(store, STORE_WRITE, err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = store;
    r = store_load(open, request->user, &before, err);
    if (r != 0)
        return r;
    if (before.password[0] == '\0')
        return err_set(err, ERR_CONFLICT, before.name,
                       "the store has no password of this account: there is none to recover");
    const struct policy_attempt attempt = {.now = now,
                                           .code = request->code,
                                           .password = PASSWORD_NOT_ASKED,
                                           .ring = store_ring(open)};
    r = policy_recover(&conf->rules, &before, request->mailed, &attempt, &after, &decided);
    if (r != 0)
        return err_set(err, r, NULL, NULL);
    const bool accepted = decided.verdict == VERDICT_ACCEPTED && decided.admit == ADMIT_YES;
    if (accepted && hashed[0] == '\0')
        return err_set(err, ERR_CONFLICT, before.name,
                       "another code has just been sent: try again with that one");
    if (accepted) {
        text_cut(after.password, sizeof(after.password), hashed);
        after.password_expired = false;
    }
    r = save(open, request, &before, &after, &decided, now, err);
    if (r == 0)
        *result = decided;
    return r;
}
