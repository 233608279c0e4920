/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs that show accounts. */
#include "config.h"

#include "language.h"
#include "text.h"
#include "verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE_SIZE 96
#define COLUMNS 6       /* of the list */
#define NAME_COLUMNS 14 /* what is said of an account, in English */

static int64_t last_used(const struct account *account)
{
    int64_t last = ACCOUNT_NEVER;

    for (size_t i = 0; i < account->device_count; i++)
        if (account->devices[i].last_used > last)
            last = account->devices[i].last_used;
    return last;
}

/* Everything about the account but its devices. */
static void put_account(struct out *out, const struct account *account)
{
    const int64_t until = account->locked_until;

    out_text(out, "user", account->name);
    out_word(out, "email", account->email);
    out_word(out, "full_name", account->full_name);
    out_text(out, "role", account_role_name(account->role));
    out_bool(out, "enabled", account->enabled);
    out_bool(out, "closed", account->closed);
    out_bool(out, "has_password", account->password[0] != '\0');
    out_bool(out, "password_expired", account->password_expired);
    out_int(out, "failures", account->failures);
    out_time(out, "locked_until", until != 0 ? until : -1);
}

static void put_devices(struct out *out, const struct account *account)
{
    out_array(out, "devices");
    for (size_t i = 0; i < account->device_count; i++) {
        const struct device *device = &account->devices[i];
        out_object(out, NULL);
        out_text(out, "device", device->label);
        out_text(out, "type", device_type_name(device->type));
        device_put(out, device);
        out_text(out, "state", device_state_name(device->state));
        out_time(out, "created", device->created);
        out_time(out, "last_used", device->last_used);
        if (device->type == DEVICE_TOTP)
            out_int(out, "drift", device->offset);
        else
            out_null(out, "drift");
        out_end(out);
    }
    out_end(out);
}

static void put_token_count(struct out *out, const struct account *account)
{
    out_object(out, "backup_tokens");
    out_int(out, "left", (int64_t)account->token_count);
    out_int(out, "issued", account->tokens_issued);
    out_end(out);
}

/* --- one account ------------------------------------------------------------------------------ */

static void print_line(const char *name, const char *value)
{
    char safe[4 * ACCOUNT_TEXT_SIZE];

    out_column(name, NAME_COLUMNS);
    printf(" %s\n", value[0] != '\0' ? out_safe(safe, sizeof(safe), value) : "-");
}

static const char *describe_device(const struct device *device)
{
    switch (device->state) {
    case DEVICE_PENDING:
        return _("pending");
    case DEVICE_ACTIVE:
        return _("active");
    case DEVICE_DISABLED:
        return _("disabled");
    }
    return device_state_name(device->state);
}

static void print_drift(const struct device *device)
{
    const unsigned long steps = (unsigned long)llabs(device->offset);

    if (device->type != DEVICE_TOTP || device->offset == 0)
        return;
    if (device->offset > 0)
        printf(language_plural(", clock %lu step ahead", ", clock %lu steps ahead", steps), steps);
    else
        printf(language_plural(", clock %lu step behind", ", clock %lu steps behind", steps),
               steps);
}

/* Why no code of an e-mail device is sent to anybody; NULL: they are. */
static const char *find_silence(const struct conf *conf, const struct device *device)
{
    if (device->type != DEVICE_EMAIL)
        return NULL;
    if (!conf->rules.email_devices)
        return "email_devices=no";
    return conf->sendmail[0] == '\0' ? "sendmail=" : NULL;
}

static void print_device(const struct conf *conf, const struct device *device)
{
    const char *silence = find_silence(conf, device);
    char label[4 * ACCOUNT_LABEL_SIZE], created[TEXT_TIME_SIZE], used[TEXT_TIME_SIZE] = "";

    text_format_time(device->created, created);
    if (device->last_used >= 0)
        text_format_time(device->last_used, used);
    out_column(_("Device"), NAME_COLUMNS);
    printf(" %s: %s, %s", out_safe(label, sizeof(label), device->label), describe_device(device),
           device_type_name(device->type));
    if (device->type != DEVICE_EMAIL)
        printf(" %s", otp_algorithm_name(device->algorithm));
    printf(", ");
    printf(_("%u digits"), device->digits);
    if (device->type == DEVICE_TOTP)
        printf(", %u s", device->period);
    else if (device->type == DEVICE_HOTP)
        printf(_(", counter %lld"), (long long)device->counter);
    printf(_(", created %s, last used %s"), created, used[0] != '\0' ? used : _("never"));
    print_drift(device);
    if (silence != NULL)
        printf(_(", no code is sent: %s"), silence);
    putchar('\n');
}

static const char *describe_password(const struct account *account)
{
    if (account->password[0] == '\0')
        return _("none");
    return account->password_expired ? _("set, to be changed at the next login") : _("set");
}

static void print_account(const struct conf *conf, const struct account *account)
{
    const int64_t until = account->locked_until;
    char time[TEXT_TIME_SIZE] = "-", number[32];

    print_line(_("User"), account->name);
    print_line(_("E-mail"), account->email);
    print_line(_("Full name"), account->full_name);
    print_line(_("Role"), account_role_name(account->role));
    print_line(_("Two-factor"), account->enabled ? _("on") : _("off"));
    print_line(_("Closed"), account->closed ? _("yes") : _("no"));
    print_line(_("Password"), describe_password(account));
    snprintf(number, sizeof(number), "%u", account->failures);
    print_line(_("Failures"), number);
    if (until != 0)
        text_format_time(until, time);
    print_line(_("Locked until"), until == ACCOUNT_LOCKED_FOR_EVER ? _("'totpctl unlock'") : time);
    snprintf(number, sizeof(number), _("%zu of %u left"), account->token_count,
             account->tokens_issued);
    print_line(_("Backup tokens"), number);
    for (size_t i = 0; i < account->device_count; i++)
        print_device(conf, &account->devices[i]);
}

int verb_show(struct run *run, struct err *err)
{
    struct account account CLEANUP(account_clear) = {0};
    struct out out CLEANUP(out_clear) = {0};
    struct call call = {.method = CALL_SHOW};
    struct reply reply = {.account = &account};

    int r = run_user(run, 1, &call.user, err);
    if (r == 0)
        r = run_ask(run, &call, &reply, err);
    if (r != 0)
        return r;
    if (!run->json) {
        print_account(&run->conf, &account);
        return STATUS_DONE;
    }
    put_account(&out, &account);
    put_devices(&out, &account);
    put_token_count(&out, &account);
    return out_print(&out, err);
}

/* --- all of them ------------------------------------------------------------------------------ */

/* A line of the table; an account itself is too large to keep them all. */
struct row {
    char name[ACCOUNT_NAME_SIZE];
    char state[STATE_SIZE];
    enum account_role role;
    size_t devices, tokens;
    int64_t last_used;
};

struct listing {
    bool json, pending, locked;
    int64_t unused_for; /* ACCOUNT_NEVER: whenever it was used */
    int64_t now;
    struct out out;
    struct row *rows;
    size_t count, size;
};

static void listing_clear(struct listing *listing)
{
    out_clear(&listing->out);
    free(listing->rows);
}

static bool is_listed(const struct listing *listing, const struct account *account)
{
    if (listing->pending && account_count(account, DEVICE_PENDING) == 0)
        return false;
    if (listing->locked && !account->closed && account->locked_until == 0)
        return false;
    if (listing->unused_for == ACCOUNT_NEVER)
        return true;
    int64_t used = last_used(account);
    /* Who never logged in is counted from the day the account was made. */
    return listing->now - (used == ACCOUNT_NEVER ? account->created : used) >= listing->unused_for;
}

static void describe_state(const struct account *account, char state[static STATE_SIZE])
{
    const int64_t until = account->locked_until;
    char time[TEXT_TIME_SIZE];

    text_format_time(until, time);
    if (account->closed)
        text_cut(state, STATE_SIZE, _("closed"));
    else if (until == ACCOUNT_LOCKED_FOR_EVER)
        text_cut(state, STATE_SIZE, _("locked"));
    else if (until != 0)
        snprintf(state, STATE_SIZE, _("locked until %s"), time);
    else if (!account->enabled)
        text_cut(state, STATE_SIZE, _("off"));
    else if (account_count(account, DEVICE_ACTIVE) > 0)
        text_cut(state, STATE_SIZE, _("active"));
    else
        snprintf(state, STATE_SIZE, "%s",
                 account_count(account, DEVICE_PENDING) > 0 ? _("pending") : _("no device"));
}

static int add_row(struct listing *listing, const struct account *account)
{
    if (listing->count == listing->size) {
        size_t size = 2 * listing->size + 64;
        struct row *rows = reallocarray(listing->rows, size, sizeof(*rows));
        if (rows == NULL)
            return ERR_NOMEM;
        listing->rows = rows;
        listing->size = size;
    }
    struct row *row = &listing->rows[listing->count++];
    *row = (struct row){.role = account->role,
                        .devices = account_count(account, DEVICE_ACTIVE),
                        .tokens = account->token_count,
                        .last_used = last_used(account)};
    text_cut(row->name, sizeof(row->name), account->name);
    describe_state(account, row->state);
    return 0;
}

static int visit(void *context, const struct account *account)
{
    struct listing *listing = context;

    if (!is_listed(listing, account))
        return 0;
    if (!listing->json)
        return add_row(listing, account);
    out_object(&listing->out, NULL);
    put_account(&listing->out, account);
    put_token_count(&listing->out, account);
    out_end(&listing->out);
    return 0;
}

static int wider(int columns, const char *text)
{
    const int width = out_width(text);

    return width > columns ? width : columns;
}

static void print_row(const struct row *row, const int columns[static COLUMNS])
{
    char used[TEXT_TIME_SIZE] = "", name[4 * ACCOUNT_NAME_SIZE];

    if (row->last_used >= 0)
        text_format_time(row->last_used, used);
    out_column(out_safe(name, sizeof(name), row->name), columns[0]);
    printf("  ");
    out_column(account_role_name(row->role), columns[1]);
    printf("  ");
    out_column(row->state, columns[2]);
    printf("  %*zu  %*zu  %s\n", columns[3], row->devices, columns[4], row->tokens,
           used[0] != '\0' ? used : _("never"));
}

static void print_table(const struct listing *listing)
{
    const char *const titles[COLUMNS] = {_("USER"),    _("ROLE"),   _("STATE"),
                                         _("DEVICES"), _("TOKENS"), _("LAST USED")};
    int columns[COLUMNS];

    for (size_t i = 0; i < COLUMNS; i++)
        columns[i] = out_width(titles[i]);
    columns[1] = wider(columns[1], account_role_name(ROLE_ADMIN));
    for (size_t i = 0; i < listing->count; i++) {
        char name[4 * ACCOUNT_NAME_SIZE];
        columns[0] = wider(columns[0], out_safe(name, sizeof(name), listing->rows[i].name));
        columns[2] = wider(columns[2], listing->rows[i].state);
    }
    for (size_t i = 0; i < COLUMNS - 1; i++) {
        out_column(titles[i], columns[i]);
        printf("  ");
    }
    printf("%s\n", titles[COLUMNS - 1]);
    for (size_t i = 0; i < listing->count; i++)
        print_row(&listing->rows[i], columns);
}

int verb_list(struct run *run, struct err *err)
{
    struct listing listing CLEANUP(listing_clear) = {
        .json = run->json,
        .pending = run_option(run, OPTION_PENDING) != NULL,
        .locked = run_option(run, OPTION_LOCKED) != NULL,
        .unused_for = ACCOUNT_NEVER};
    struct call call = {.method = CALL_LIST};
    struct reply reply = {.each_account = visit, .context = &listing};
    const char *unused = run_option(run, OPTION_UNUSED_FOR);

    if (unused != NULL &&
        text_parse_duration(unused, ACCOUNT_LOCKED_FOR_EVER, &listing.unused_for) != 0)
        return err_set(err, ERR_USAGE, "--unused-for", "it takes a duration such as 90d");
    int r = run_now(&listing.now, err);
    if (r != 0)
        return r;
    out_array(&listing.out, "users");
    /* Those that can be read are shown all the same. */
    int unreadable = run_ask(run, &call, &reply, err);
    if (unreadable != 0 && unreadable != ERR_STORE_CORRUPT)
        return unreadable;
    out_end(&listing.out);
    if (listing.json)
        r = out_print(&listing.out, err);
    else
        print_table(&listing);
    return r != 0 ? r : unreadable;
}
