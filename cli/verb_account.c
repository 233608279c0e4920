/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs about an account as a whole. */
#include "config.h"

#include "ask.h"
#include "language.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>

/* Asks for a change that answers with nothing but its success. */
static int change(struct run *run, struct call *call, struct err *err)
{
    struct reply reply = {0};

    return run_ask(run, call, &reply, err);
}

int verb_add(struct run *run, struct err *err)
{
    struct answer password CLEANUP(answer_clear) = {0};
    struct call call = {.method = CALL_ADD,
                        .user = run_word(run, 1),
                        .email = run_option(run, OPTION_EMAIL),
                        .full_name = run_option(run, OPTION_FULL_NAME),
                        .role = run_option(run, OPTION_ROLE)};
    int r = 0;

    if (run_option(run, OPTION_PASSWORD_STDIN) != NULL) {
        r = ask_new_password(&password, err);
        call.new_password = password.text;
    }
    if (r == 0)
        r = change(run, &call, err);
    if (r != 0)
        return r;
    run_warn_stranger(run, call.user);
    return STATUS_DONE;
}

/* What a success not long ago spares can be ended; how long it does is the configuration's. */
static int parse_grace(const char *value, struct call *call, struct err *err)
{
    if (strcmp(value, "clear") != 0)
        return err_set(err, ERR_USAGE, "grace",
                       "it can only be cleared: grace=clear; how long it lasts is configured");
    if (call->clear_grace)
        return err_set(err, ERR_USAGE, NULL, "the field 'grace' is given twice");
    call->clear_grace = true;
    return 0;
}

/* One KEY=VALUE. */
static int parse_field(const char *word, struct call *call, struct err *err)
{
    const struct {
        const char *name;
        const char **field;
    } texts[] = {{"email", &call->email}, {"full_name", &call->full_name}, {"role", &call->role}};
    const char *equals = strchr(word, '=');
    size_t length = equals != NULL ? (size_t)(equals - word) : 0;

    if (equals == NULL)
        return err_set(err, ERR_USAGE, NULL, "a field is given as KEY=VALUE");
    if (strncmp(word, "grace=", strlen("grace=")) == 0)
        return parse_grace(equals + 1, call, err);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        if (strlen(texts[i].name) != length || strncmp(word, texts[i].name, length) != 0)
            continue;
        if (*texts[i].field != NULL)
            return err_set(err, ERR_USAGE, NULL, _("the field '%s' is given twice"), texts[i].name);
        *texts[i].field = equals + 1;
        return 0;
    }
    return err_set(err, ERR_USAGE, NULL,
                   _("there is no field '%.*s': set email, full_name, role or grace"), (int)length,
                   word);
}

/* Names what stands in the way of another address, where it can be seen. */
static int explain_address(struct run *run, const struct call *call, int r, struct err *err)
{
    struct account account CLEANUP(account_clear) = {0};
    char argument[RUN_ARGUMENT_SIZE];
    struct err ignored = {0};
    bool known = false;

    if (r != ERR_CONFLICT || call->email == NULL ||
        run_look(run, call->user, &account, &known, &ignored) != 0)
        return r;
    for (size_t i = 0; i < account.device_count; i++)
        if (account.devices[i].type == DEVICE_EMAIL)
            return err_set(err, r, call->user,
                           _("an e-mail device was made for the address there is: remove it first, "
                             "with 'totpctl remove%s --device %s', and enrol it anew"),
                           run_argument(run, call->user, argument), account.devices[i].label);
    return r;
}

int verb_set(struct run *run, struct err *err)
{
    struct call call = {.method = CALL_SET};
    const char *first = run_word(run, 1);
    /* Without root the fields may come at once. */
    const size_t at = run->remote && strchr(first, '=') != NULL ? 1 : 2;
    int r = 0;

    if (run_word(run, at) == NULL)
        return err_set(err, ERR_USAGE, "set",
                       strchr(first, '=') != NULL
                           ? N_("an argument is missing: name the user")
                           : N_("an argument is missing: give a field as KEY=VALUE, such as "
                                "email=ADDRESS"));
    call.user = at == 1 ? run->actor : first;
    for (size_t i = at; r == 0 && run_word(run, i) != NULL; i++)
        r = parse_field(run_word(run, i), &call, err);
    return r == 0 ? explain_address(run, &call, change(run, &call, err), err) : r;
}

/* Nobody is asked for the password of an account that is not there. The service tells without. */
static int require_account(struct run *run, const char *user, struct err *err)
{
    struct account account CLEANUP(account_clear) = {0};
    struct call call = {.method = CALL_SHOW, .user = user};
    struct reply reply = {.account = &account};

    return run->remote ? 0 : run_ask(run, &call, &reply, err);
}

int verb_passwd(struct run *run, struct err *err)
{
    struct answer password CLEANUP(answer_clear) = {0};
    struct call call = {.method = CALL_PASSWD, .expire = run_option(run, OPTION_EXPIRE) != NULL};
    const bool clears = run_option(run, OPTION_DELETE) != NULL;

    if (call.expire && clears)
        return err_set(err, ERR_USAGE, args_name(OPTION_EXPIRE),
                       "it does not go with --delete: what is cleared cannot expire");
    if (!call.expire)
        call.new_password = password.text;
    int r = run_user(run, 1, &call.user, err);
    if (r == 0)
        r = require_account(run, call.user, err);
    if (r == 0 && !call.expire && !clears)
        r = ask_new_password(&password, err);
    return r == 0 ? change(run, &call, err) : r;
}

/* A change of the account, or of one of its devices where one is named. */
static int change_device(struct run *run, enum call_method method, struct err *err)
{
    struct call call = {.method = method};

    int r = run_user(run, 1, &call.user, err);
    if (r == 0)
        r = run_device(run, 2, &call.device, err);
    return r == 0 ? change(run, &call, err) : r;
}

int verb_enable(struct run *run, struct err *err)
{
    return change_device(run, CALL_ENABLE, err);
}

int verb_disable(struct run *run, struct err *err)
{
    return change_device(run, CALL_DISABLE, err);
}

int verb_remove(struct run *run, struct err *err)
{
    return run_hint_device(run, change_device(run, CALL_REMOVE, err), err);
}

static int change_account(struct run *run, enum call_method method, struct err *err)
{
    struct call call = {.method = method};

    int r = run_user(run, 1, &call.user, err);
    return r == 0 ? change(run, &call, err) : r;
}

int verb_lock(struct run *run, struct err *err)
{
    return change_account(run, CALL_LOCK, err);
}

int verb_unlock(struct run *run, struct err *err)
{
    return change_account(run, CALL_UNLOCK, err);
}

static int change_tokens(struct run *run, struct call *call, struct err *err)
{
    struct reply_tokens tokens CLEANUP(reply_tokens_clear) = {0};
    struct out out CLEANUP(out_clear) = {0};
    struct reply reply = {.tokens = &tokens};

    int r = run_ask(run, call, &reply, err);
    if (r != 0)
        return r;
    if (!run->json) {
        tokens_show(run, call->user, &tokens);
        return STATUS_DONE;
    }
    out_text(&out, "user", call->user);
    tokens_put(&out, &tokens);
    return out_print(&out, err);
}

static int new_tokens(struct run *run, const char *user, struct err *err)
{
    uint64_t count = 0;

    int r = run_number(run, OPTION_COUNT, 1, ACCOUNT_TOKENS_MAX, &count, err);
    if (r == 0 && count == 0 && run->conf.backup_tokens == 0)
        return err_set(err, ERR_USAGE, "--count", "the configuration says none: say how many");
    struct call call = {.method = CALL_BACKUP, .user = user, .count = (int64_t)count};
    return r == 0 ? change_tokens(run, &call, err) : r;
}

static int token_status(struct run *run, const char *user, struct err *err)
{
    struct account account CLEANUP(account_clear) = {0};
    struct out out CLEANUP(out_clear) = {0};
    struct call call = {.method = CALL_SHOW, .user = user};
    struct reply reply = {.account = &account};

    int r = run_ask(run, &call, &reply, err);
    if (r != 0)
        return r;
    if (!run->json) {
        printf(_("%zu of %u left\n"), account.token_count, account.tokens_issued);
        return STATUS_DONE;
    }
    out_text(&out, "user", user);
    out_int(&out, "left", (int64_t)account.token_count);
    out_int(&out, "issued", account.tokens_issued);
    return out_print(&out, err);
}

int verb_backup(struct run *run, struct err *err)
{
    const char *action = run_word(run, 1), *user = NULL;
    struct call revoke = {.method = CALL_REVOKE};

    if (strcmp(action, "new") != 0 && strcmp(action, "status") != 0 &&
        strcmp(action, "revoke") != 0)
        return err_set(err, ERR_USAGE, "backup", "it is followed by new, status or revoke");
    int r = run_user(run, 2, &user, err);
    if (r != 0)
        return r;
    if (strcmp(action, "new") == 0)
        return new_tokens(run, user, err);
    if (run_option(run, OPTION_COUNT) != NULL)
        return err_set(err, ERR_USAGE, "--count", "it goes with backup new");
    revoke.user = user;
    return strcmp(action, "revoke") == 0 ? change_tokens(run, &revoke, err)
                                         : token_status(run, user, err);
}
