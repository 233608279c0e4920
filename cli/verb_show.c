/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs that show accounts. */
#include "config.h"

#include "text.h"
#include "verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE_SIZE 48

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

    printf("%-14s %s\n", name, value[0] != '\0' ? out_safe(safe, sizeof(safe), value) : "-");
}

static void print_device(const struct device *device)
{
    char label[4 * ACCOUNT_LABEL_SIZE], created[TEXT_TIME_SIZE], used[TEXT_TIME_SIZE] = "never";

    text_format_time(device->created, created);
    if (device->last_used >= 0)
        text_format_time(device->last_used, used);
    printf("%-14s %s: %s, %s %s, %u digits, ", "Device",
           out_safe(label, sizeof(label), device->label), device_state_name(device->state),
           device_type_name(device->type), otp_algorithm_name(device->algorithm), device->digits);
    if (device->type == DEVICE_TOTP)
        printf("%u s", device->period);
    else
        printf("counter %lld", (long long)device->counter);
    printf(", created %s, last used %s\n", created, used);
}

static void print_account(const struct account *account)
{
    const int64_t until = account->locked_until;
    char time[TEXT_TIME_SIZE] = "-", number[32];

    print_line("User", account->name);
    print_line("E-mail", account->email);
    print_line("Full name", account->full_name);
    print_line("Role", account_role_name(account->role));
    print_line("Two-factor", account->enabled ? "on" : "off");
    print_line("Closed", account->closed ? "yes" : "no");
    print_line("Password", account->password[0] != '\0' ? "set" : "none");
    snprintf(number, sizeof(number), "%u", account->failures);
    print_line("Failures", number);
    if (until != 0)
        text_format_time(until, time);
    print_line("Locked until", until == ACCOUNT_LOCKED_FOR_EVER ? "'totpctl unlock'" : time);
    snprintf(number, sizeof(number), "%zu of %u left", account->token_count,
             account->tokens_issued);
    print_line("Backup tokens", number);
    for (size_t i = 0; i < account->device_count; i++)
        print_device(&account->devices[i]);
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
        print_account(&account);
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
        snprintf(state, STATE_SIZE, "closed");
    else if (until == ACCOUNT_LOCKED_FOR_EVER)
        snprintf(state, STATE_SIZE, "locked");
    else if (until != 0)
        snprintf(state, STATE_SIZE, "locked until %s", time);
    else if (!account->enabled)
        snprintf(state, STATE_SIZE, "off");
    else if (account_count(account, DEVICE_ACTIVE) > 0)
        snprintf(state, STATE_SIZE, "active");
    else
        snprintf(state, STATE_SIZE, "%s",
                 account_count(account, DEVICE_PENDING) > 0 ? "pending" : "no device");
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

/* Columns, taking every character for one. */
static int width(const char *text)
{
    int columns = 0;

    for (; *text != '\0'; text++)
        columns += ((unsigned char)*text & 0xC0) != 0x80;
    return columns;
}

static void print_table(const struct listing *listing)
{
    int name_width = 4, state_width = 5;

    for (size_t i = 0; i < listing->count; i++) {
        int name = width(listing->rows[i].name), state = width(listing->rows[i].state);
        name_width = name > name_width ? name : name_width;
        state_width = state > state_width ? state : state_width;
    }
    printf("%-*s  ROLE   %-*s  DEVICES  TOKENS  LAST USED\n", name_width, "USER", state_width,
           "STATE");
    for (size_t i = 0; i < listing->count; i++) {
        const struct row *row = &listing->rows[i];
        char used[TEXT_TIME_SIZE] = "never", name[4 * ACCOUNT_NAME_SIZE];
        if (row->last_used >= 0)
            text_format_time(row->last_used, used);
        printf("%s%*s  %-5s  %-*s  %7zu  %6zu  %s\n", out_safe(name, sizeof(name), row->name),
               name_width - width(row->name), "", account_role_name(row->role), state_width,
               row->state, row->devices, row->tokens, used);
    }
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
