/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs about an account as a whole. */
#include "config.h"

#include "admin.h"
#include "ask.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>

static int parse_role(const char *where, const char *word, enum account_role *role, struct err *err)
{
    return account_role_parse(word, role) == 0
               ? 0
               : err_set(err, ERR_USAGE, where, "a role is user or admin");
}

int verb_add(struct run *run, struct err *err)
{
    struct answer password CLEANUP(answer_clear) = {0};
    const char *user = run_word(run, 1), *word = run_option(run, OPTION_ROLE);
    enum account_role role = ROLE_USER;
    struct admin_fields fields = {.email = run_option(run, OPTION_EMAIL),
                                  .full_name = run_option(run, OPTION_FULL_NAME),
                                  .role = &role};
    int64_t now = 0;

    int r = word != NULL ? parse_role("--role", word, &role, err) : 0;
    if (r == 0 && run_option(run, OPTION_PASSWORD_STDIN) != NULL) {
        r = ask_new_password(&password, err);
        fields.password = password.text;
    }
    if (r == 0)
        r = run_now(&now, err);
    if (r == 0)
        r = admin_add(run->store, user, &fields, &run->origin, now, err);
    if (r != 0)
        return r;
    run_warn_stranger(run, user);
    return STATUS_DONE;
}

/* One KEY=VALUE. */
static int parse_field(const char *word, struct admin_fields *fields, enum account_role *role,
                       struct err *err)
{
    const struct {
        const char *name;
        const char **field;
    } texts[] = {{"email", &fields->email}, {"full_name", &fields->full_name}};
    const char *equals = strchr(word, '=');
    size_t length = equals != NULL ? (size_t)(equals - word) : 0;
    bool twice = false, known = false;

    if (equals == NULL)
        return err_set(err, ERR_USAGE, NULL, "a field is given as KEY=VALUE");
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (strlen(texts[i].name) == length && strncmp(word, texts[i].name, length) == 0) {
            known = true;
            twice = *texts[i].field != NULL;
            *texts[i].field = equals + 1;
        }
    if (length == strlen("role") && strncmp(word, "role", length) == 0) {
        known = true;
        twice = fields->role != NULL;
        fields->role = role;
        int r = parse_role("role", equals + 1, role, err);
        if (r != 0)
            return r;
    }
    if (!known)
        return err_set(err, ERR_USAGE, NULL, "there is no field '%.*s': set email, full_name, role",
                       (int)length, word);
    return twice
               ? err_set(err, ERR_USAGE, NULL, "the field '%.*s' is given twice", (int)length, word)
               : 0;
}

int verb_set(struct run *run, struct err *err)
{
    struct admin_fields fields = {0};
    enum account_role role = ROLE_USER;
    int64_t now = 0;
    int r = 0;

    for (size_t i = 2; r == 0 && run_word(run, i) != NULL; i++)
        r = parse_field(run_word(run, i), &fields, &role, err);
    if (r == 0)
        r = run_now(&now, err);
    if (r == 0)
        r = admin_set(run->store, run_word(run, 1), &fields, "set", &run->origin, now, err);
    return r;
}

/* Nobody is asked for the password of an account that is not there. */
static int require_account(struct run *run, const char *user, struct err *err)
{
    struct account account CLEANUP(account_clear) = {0};

    return admin_show(run->store, user, &account, err);
}

int verb_passwd(struct run *run, struct err *err)
{
    struct answer password CLEANUP(answer_clear) = {0};
    const struct admin_fields fields = {.password = password.text};
    int64_t now = 0;

    int r = require_account(run, run_word(run, 1), err);
    if (r == 0 && run_option(run, OPTION_DELETE) == NULL)
        r = ask_new_password(&password, err);
    if (r == 0)
        r = run_now(&now, err);
    if (r == 0)
        r = admin_set(run->store, run_word(run, 1), &fields, "passwd", &run->origin, now, err);
    return r;
}

static int switch_on(struct run *run, bool on, struct err *err)
{
    const char *user = run_word(run, 1), *device = run_word(run, 2);
    int64_t now = 0;

    int r = run_now(&now, err);
    if (r != 0)
        return r;
    return device == NULL ? admin_enable(run->store, user, on, &run->origin, now, err)
                          : enroll_enable(run->store, user, device, on, &run->origin, now, err);
}

int verb_enable(struct run *run, struct err *err)
{
    return switch_on(run, true, err);
}

int verb_disable(struct run *run, struct err *err)
{
    return switch_on(run, false, err);
}

static int set_lock(struct run *run, bool lock, struct err *err)
{
    int64_t now = 0;

    int r = run_now(&now, err);
    return r == 0 ? admin_lock(run->store, run_word(run, 1), lock, &run->origin, now, err) : r;
}

int verb_lock(struct run *run, struct err *err)
{
    return set_lock(run, true, err);
}

int verb_unlock(struct run *run, struct err *err)
{
    return set_lock(run, false, err);
}

int verb_remove(struct run *run, struct err *err)
{
    const char *user = run_word(run, 1), *device = run_word(run, 2);
    int64_t now = 0;

    int r = run_now(&now, err);
    if (r != 0)
        return r;
    return device == NULL ? admin_remove(run->store, user, &run->origin, now, err)
                          : enroll_remove(run->store, user, device, &run->origin, now, err);
}

static int new_tokens(struct run *run, const char *user, struct err *err)
{
    struct enroll_tokens tokens CLEANUP(enroll_tokens_clear) = {0};
    struct out out CLEANUP(out_clear) = {0};
    uint64_t count = run->conf.backup_tokens;
    int64_t now = 0;

    int r = run_number(run, OPTION_COUNT, 1, ACCOUNT_TOKENS_MAX, &count, err);
    if (r == 0 && count == 0)
        return err_set(err, ERR_USAGE, "--count", "the configuration says none: say how many");
    if (r == 0)
        r = run_now(&now, err);
    if (r == 0)
        r = enroll_renew_tokens(run->store, user, (unsigned)count, &run->origin, now, &tokens, err);
    if (r != 0)
        return r;
    if (!run->json) {
        tokens_show(run, &tokens);
        return STATUS_DONE;
    }
    out_text(&out, "user", user);
    tokens_put(&out, &tokens);
    return out_print(&out, err);
}

static int revoke_tokens(struct run *run, const char *user, struct err *err)
{
    struct enroll_tokens none = {0};
    struct out out CLEANUP(out_clear) = {0};
    int64_t now = 0;

    int r = run_now(&now, err);
    if (r == 0)
        r = enroll_renew_tokens(run->store, user, 0, &run->origin, now, &none, err);
    if (r != 0 || !run->json)
        return r;
    out_text(&out, "user", user);
    tokens_put(&out, &none);
    return out_print(&out, err);
}

static int token_status(struct run *run, const char *user, struct err *err)
{
    struct account account CLEANUP(account_clear) = {0};
    struct out out CLEANUP(out_clear) = {0};

    int r = admin_show(run->store, user, &account, err);
    if (r != 0)
        return r;
    if (!run->json) {
        printf("%zu of %u left\n", account.token_count, account.tokens_issued);
        return STATUS_DONE;
    }
    out_text(&out, "user", user);
    out_int(&out, "left", (int64_t)account.token_count);
    out_int(&out, "issued", account.tokens_issued);
    return out_print(&out, err);
}

int verb_backup(struct run *run, struct err *err)
{
    const char *action = run_word(run, 1), *user = run_word(run, 2);

    if (strcmp(action, "new") == 0)
        return new_tokens(run, user, err);
    if (run_option(run, OPTION_COUNT) != NULL)
        return err_set(err, ERR_USAGE, "--count", "it goes with backup new");
    if (strcmp(action, "revoke") == 0)
        return revoke_tokens(run, user, err);
    if (strcmp(action, "status") == 0)
        return token_status(run, user, err);
    return err_set(err, ERR_USAGE, "backup", "it is followed by new, status or revoke");
}
