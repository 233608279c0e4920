/* SPDX-License-Identifier: BSD-2-Clause */
/* The verb stats: the same counts as text, as a document and as metrics. */
#include "config.h"

#include "draw.h"
#include "language.h"
#include "stats.h"
#include "text.h"
#include "verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PERIOD_DAYS 30   /* unless --since says another */
#define COLUMNS_USUAL 80 /* of what is no terminal */
#define ROW_COLUMNS 32   /* before a bar */
#define BAR_LEAST 8
#define DATE_LENGTH 10
#define WORD_COLUMNS 16
#define COUNT_COLUMNS 8

/* --- text ------------------------------------------------------------------------------------- */

/* A word of the document as list and show have it; what is not known stays as it is. */
static const char *describe(const char *word)
{
    static const struct {
        const char *word, *shown;
    } words[] = {
        {"active", N_("active")}, {"pending", N_("pending")}, {"disabled", N_("disabled")},
        {"locked", N_("locked")}, {"closed", N_("closed")},   {"no_device", N_("no device")},
        {"older", N_("older")},   {"never", N_("never")},     {"none", N_("none left")},
        {"few", N_("few")},       {"enough", N_("enough")}};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcmp(words[i].word, word) == 0)
            return _(words[i].shown);
    return word;
}

static void print_row(const char *word, int64_t count)
{
    out_column(word, WORD_COLUMNS);
    printf(" %*" PRId64 "\n", COUNT_COLUMNS, count);
}

static void print_heading(const char *title)
{
    putchar('\n');
    out_column(title, WORD_COLUMNS);
    putchar(' ');
    out_column(_("COUNT"), -COUNT_COLUMNS);
    putchar('\n');
}

static void print_tally(const char *title, const struct stats_tally *tally)
{
    print_heading(title);
    for (size_t i = 0; i < tally->size; i++)
        print_row(describe(tally->counts[i].word), tally->counts[i].count);
}

/* Verdicts are the words of the log. */
static void print_verdicts(const char *title, const struct stats_tally *tally)
{
    print_heading(title);
    for (size_t i = 0; i < tally->size; i++)
        print_row(tally->counts[i].word, tally->counts[i].count);
}

static void print_devices(const struct stats *stats)
{
    putchar('\n');
    out_column(_("DEVICES"), WORD_COLUMNS);
    for (size_t i = 0; i < stats->devices[0].size; i++) {
        putchar(' ');
        out_column(describe(stats->devices[0].counts[i].word), -COUNT_COLUMNS);
    }
    putchar('\n');
    for (size_t type = 0; type < ARRAY_SIZE(stats->devices); type++) {
        printf("%-16s", device_type_name((enum device_type)type));
        for (size_t i = 0; i < stats->devices[type].size; i++) {
            const int width = out_width(describe(stats->devices[type].counts[i].word));
            printf(" %*" PRId64, width > COUNT_COLUMNS ? width : COUNT_COLUMNS,
                   stats->devices[type].counts[i].count);
        }
        putchar('\n');
    }
}

/* A bar for the part of most that count is; whatever is counted is seen. */
static void print_bar(int64_t count, int64_t most, int width)
{
    const char *mark = draw_is_utf8() ? "█" : "#";
    int64_t length = most > 0 && width > 0 ? (count * width + most - 1) / most : 0;

    if (length > 0)
        printf("  ");
    for (; length > 0; length--)
        printf("%s", mark);
    putchar('\n');
}

static void print_days(const struct stats *stats)
{
    const int columns = draw_columns() > 0 ? draw_columns() : COLUMNS_USUAL;
    const int width = columns - ROW_COLUMNS >= BAR_LEAST ? columns - ROW_COLUMNS : 0;
    int64_t most = 0;

    putchar('\n');
    out_column(_("DAY"), DATE_LENGTH);
    printf("  ");
    out_column(_("LOGINS"), -COUNT_COLUMNS);
    printf("  ");
    out_column(_("ACCEPTED"), -COUNT_COLUMNS);
    putchar('\n');
    for (size_t i = 0; i < stats->day_count; i++)
        most = stats->days[i].logins > most ? stats->days[i].logins : most;
    for (size_t i = 0; i < stats->day_count; i++) {
        const struct stats_day *day = &stats->days[i];
        char time[TEXT_TIME_SIZE];
        text_format_time((stats->since / STATS_DAY + (int64_t)i) * STATS_DAY, time);
        printf("%.*s  %8" PRId64 "  %8" PRId64, DATE_LENGTH, time, day->logins, day->accepted);
        print_bar(day->logins, most, width);
    }
}

static void print_stats(const struct stats *stats)
{
    char since[TEXT_TIME_SIZE], now[TEXT_TIME_SIZE];

    text_format_time(stats->since, since);
    text_format_time(stats->now, now);
    printf(_("Logins from %s to %s: %lld\n"), since, now, (long long)stats->verdicts.total);
    print_verdicts(_("VERDICT"), &stats->verdicts);
    if (stats->audited.total > 0)
        print_verdicts(_("UNDER AUDIT_ONLY"), &stats->audited);
    print_days(stats);
    print_tally(_("ACCOUNTS"), &stats->accounts);
    print_devices(stats);
    print_tally(_("LAST USE WITHIN"), &stats->used);
    print_tally(_("BACKUP TOKENS"), &stats->tokens);
}

/* --- a document ------------------------------------------------------------------------------- */

static void put_tally(struct out *out, const char *name, const struct stats_tally *tally)
{
    out_object(out, name);
    for (size_t i = 0; i < tally->size; i++)
        out_int(out, tally->counts[i].word, tally->counts[i].count);
    out_end(out);
}

static void put_days(struct out *out, const struct stats *stats)
{
    out_array(out, "days");
    for (size_t i = 0; i < stats->day_count; i++) {
        char time[TEXT_TIME_SIZE];
        text_format_time((stats->since / STATS_DAY + (int64_t)i) * STATS_DAY, time);
        time[DATE_LENGTH] = '\0';
        out_object(out, NULL);
        out_text(out, "day", time);
        out_int(out, "logins", stats->days[i].logins);
        out_int(out, "accepted", stats->days[i].accepted);
        out_end(out);
    }
    out_end(out);
}

static void put_stats(struct out *out, const struct stats *stats)
{
    out_time(out, "since", stats->since);
    out_time(out, "time", stats->now);
    out_int(out, "logins", stats->verdicts.total);
    put_tally(out, "verdicts", &stats->verdicts);
    put_tally(out, "audited", &stats->audited);
    put_days(out, stats);
    put_tally(out, "accounts", &stats->accounts);
    out_object(out, "devices");
    for (size_t type = 0; type < ARRAY_SIZE(stats->devices); type++)
        put_tally(out, device_type_name((enum device_type)type), &stats->devices[type]);
    out_end(out);
    put_tally(out, "last_used", &stats->used);
    put_tally(out, "backup_tokens", &stats->tokens);
}

/* --- metrics ---------------------------------------------------------------------------------- */

/* Prometheus' text format, version 0.0.4. All are gauges: events are pruned, accounts removed. */
static void begin_metric(const char *name, const char *help)
{
    printf("# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void put_label(const char *name, const char *value)
{
    printf("%s=\"", name);
    for (; *value != '\0'; value++)
        if (*value == '\n')
            printf("\\n");
        else
            printf("%s%c", *value == '"' || *value == '\\' ? "\\" : "", *value);
    putchar('"');
}

static void put_samples(const char *name, const char *label, const struct stats_tally *tally)
{
    for (size_t i = 0; i < tally->size; i++) {
        printf("%s{", name);
        put_label(label, tally->counts[i].word);
        printf("} %" PRId64 "\n", tally->counts[i].count);
    }
}

static void put_metric(const char *name, const char *help, int64_t value)
{
    begin_metric(name, help);
    printf("%s %" PRId64 "\n", name, value);
}

static void print_devices_metric(const struct stats *stats)
{
    begin_metric("totp_devices", "Devices by type and state.");
    for (size_t type = 0; type < ARRAY_SIZE(stats->devices); type++)
        for (size_t i = 0; i < stats->devices[type].size; i++) {
            printf("totp_devices{");
            put_label("type", device_type_name((enum device_type)type));
            putchar(',');
            put_label("state", stats->devices[type].counts[i].word);
            printf("} %" PRId64 "\n", stats->devices[type].counts[i].count);
        }
}

static void print_metrics(const struct stats *stats)
{
    begin_metric("totp_logins", "Logins within the period by verdict.");
    put_samples("totp_logins", "verdict", &stats->verdicts);
    begin_metric("totp_audited_logins", "Logins under audit_only within the period by verdict.");
    put_samples("totp_audited_logins", "verdict", &stats->audited);
    put_metric("totp_logins_period_seconds", "Length of the period that ends now.",
               stats->now - stats->since);
    begin_metric("totp_accounts", "Accounts by state.");
    put_samples("totp_accounts", "state", &stats->accounts);
    print_devices_metric(stats);
    begin_metric("totp_devices_last_used", "Active devices by the age of their last use.");
    put_samples("totp_devices_last_used", "age", &stats->used);
    begin_metric("totp_accounts_backup_tokens",
                 "Accounts with an active device by backup tokens left.");
    put_samples("totp_accounts_backup_tokens", "left", &stats->tokens);
    put_metric("totp_stats_time_seconds", "When this was counted, in seconds since 1970.",
               stats->now);
}

/* --- the verb --------------------------------------------------------------------------------- */

static int add_account(void *context, const struct account *account)
{
    stats_add_account(context, account);
    return 0;
}

static int add_event(void *context, const struct event *event)
{
    stats_add_event(context, event);
    return 0;
}

static int begin(const struct run *run, struct stats *stats, struct err *err)
{
    const char *text = run_option(run, OPTION_SINCE);
    int64_t now = 0;

    int r = run_now(&now, err);
    if (r != 0)
        return r;
    int64_t since = now - clamp(now, 0, PERIOD_DAYS * STATS_DAY);
    r = text != NULL ? since_read(text, now, &since, err) : 0;
    if (r != 0)
        return r;
    if (now - since > (int64_t)STATS_DAYS_MAX * STATS_DAY)
        return err_set(err, ERR_USAGE, args_name(OPTION_SINCE), _("it can be %dd ago at most"),
                       STATS_DAYS_MAX);
    r = stats_begin(stats, since, now);
    return r == 0 ? 0 : err_set(err, r, NULL, NULL);
}

/* Two questions, and without root a code for each: one is accepted once. */
static int count(struct run *run, struct stats *stats, int *unreadable, struct err *err)
{
    struct call list = {.method = CALL_LIST}, log = {.method = CALL_LOG, .since = stats->since};
    struct reply accounts = {.each_account = add_account, .context = stats};
    struct reply events = {.each_event = add_event, .context = stats};
    struct err later = {0};

    *unreadable = run_ask(run, &list, &accounts, err);
    if (*unreadable != 0 && *unreadable != ERR_STORE_CORRUPT)
        return *unreadable;
    if (run->remote)
        run_remark(run, "the accounts are counted; to count the logins takes another code of your "
                        "own: wait for the next one, or give a backup token");
    /* What is said of the record that cannot be read is kept. */
    int r = run_ask(run, &log, &events, &later);
    if (r != 0)
        *err = later;
    return r;
}

int verb_stats(struct run *run, struct err *err)
{
    struct stats stats CLEANUP(stats_clear) = {0};
    struct out out CLEANUP(out_clear) = {0};
    const bool metrics = run_option(run, OPTION_PROMETHEUS) != NULL;
    int unreadable = 0;

    if (metrics && run->json)
        return err_set(err, ERR_USAGE, args_name(OPTION_PROMETHEUS),
                       "it does not go with --json: choose one of the two");
    int r = begin(run, &stats, err);
    if (r == 0)
        r = count(run, &stats, &unreadable, err);
    if (r != 0)
        return r;
    if (metrics) {
        /* Nobody reads what is said beside them. */
        if (unreadable == 0)
            print_metrics(&stats);
        return unreadable;
    }
    /* Those that can be read are counted all the same. */
    if (run->json) {
        put_stats(&out, &stats);
        r = out_print(&out, err);
    } else {
        print_stats(&stats);
    }
    return r != 0 ? r : unreadable;
}
