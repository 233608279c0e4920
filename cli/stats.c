/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "stats.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

#define TOKENS_FEW 2 /* as many as a login warns about */

/* --- words ------------------------------------------------------------------------------------ */

static void tally_begin(struct stats_tally *tally, size_t count, const char *const words[])
{
    *tally = (struct stats_tally){.known = count, .size = count};
    for (size_t i = 0; i < count; i++)
        text_cut(tally->counts[i].word, STATS_WORD_SIZE, words[i]);
}

/* Where the word is; tally->size: nowhere. */
static size_t tally_find(const struct stats_tally *tally, const char *word)
{
    size_t at = 0;

    while (at < tally->size && strcmp(tally->counts[at].word, word) != 0)
        at++;
    return at;
}

/* Makes room for a word where its order wants it. */
static size_t tally_insert(struct stats_tally *tally, const char *word)
{
    size_t at = tally->known;

    while (at < tally->size && strcmp(tally->counts[at].word, word) < 0)
        at++;
    memmove(&tally->counts[at + 1], &tally->counts[at],
            (tally->size - at) * sizeof(tally->counts[0]));
    tally->size++;
    tally->counts[at] = (struct stats_count){0};
    text_cut(tally->counts[at].word, STATS_WORD_SIZE, word);
    return at;
}

static void tally_add(struct stats_tally *tally, const char *word)
{
    char safe[STATS_WORD_SIZE];

    if (text_is_printable(word, strlen(word)))
        text_cut(safe, sizeof(safe), word);
    else
        text_escape(safe, sizeof(safe), word);
    size_t at = tally_find(tally, safe);
    if (at == tally->size && tally->size >= STATS_WORDS_MAX - 1) {
        text_cut(safe, sizeof(safe), "other");
        at = tally_find(tally, safe);
    }
    if (at == tally->size)
        at = tally_insert(tally, safe);
    tally->counts[at].count++;
    tally->total++;
}

/* --- the counts ------------------------------------------------------------------------------- */

int stats_begin(struct stats *stats, int64_t since, int64_t now)
{
    static const char *const verdicts[] = {"accepted",  "wrong",  "replayed",
                                           "malformed", "locked", "unenrolled",
                                           "disabled",  "exempt", "grace"};
    static const char *const accounts[] = {"active",   "pending", "no_device",
                                           "disabled", "locked",  "closed"};
    static const char *const devices[] = {"pending", "active", "disabled"};
    static const char *const used[] = {"1d", "7d", "30d", "90d", "older", "never"};
    static const char *const tokens[] = {"none", "few", "enough"};

    *stats = (struct stats){.since = since, .now = now};
    tally_begin(&stats->verdicts, ARRAY_SIZE(verdicts), verdicts);
    tally_begin(&stats->audited, ARRAY_SIZE(verdicts), verdicts);
    tally_begin(&stats->accounts, ARRAY_SIZE(accounts), accounts);
    for (size_t i = 0; i < ARRAY_SIZE(stats->devices); i++)
        tally_begin(&stats->devices[i], ARRAY_SIZE(devices), devices);
    tally_begin(&stats->used, ARRAY_SIZE(used), used);
    tally_begin(&stats->tokens, ARRAY_SIZE(tokens), tokens);
    stats->day_count = (size_t)(now / STATS_DAY - since / STATS_DAY + 1);
    stats->days = calloc(stats->day_count, sizeof(*stats->days));
    return stats->days != NULL ? 0 : ERR_NOMEM;
}

void stats_clear(struct stats *stats)
{
    free(stats->days);
    *stats = (struct stats){0};
}

static const char *name_state(const struct account *account)
{
    if (account->closed)
        return "closed";
    if (account->locked_until != 0)
        return "locked";
    if (!account->enabled)
        return "disabled";
    if (account_count(account, DEVICE_ACTIVE) > 0)
        return "active";
    return account_count(account, DEVICE_PENDING) > 0 ? "pending" : "no_device";
}

/* A stamp from the future is as young as can be. */
static const char *name_age(int64_t now, int64_t last_used)
{
    static const struct {
        int64_t days;
        const char *name;
    } ages[] = {{1, "1d"}, {7, "7d"}, {30, "30d"}, {90, "90d"}};

    if (last_used == ACCOUNT_NEVER)
        return "never";
    for (size_t i = 0; i < ARRAY_SIZE(ages); i++)
        if (now - last_used < ages[i].days * STATS_DAY)
            return ages[i].name;
    return "older";
}

/* A new type does not compile before it has a tally. */
static size_t type_index(enum device_type type)
{
    switch (type) {
    case DEVICE_TOTP:
    case DEVICE_HOTP:
    case DEVICE_EMAIL:
        return type;
    }
    return DEVICE_TOTP;
}

static const char *name_left(size_t tokens)
{
    if (tokens == 0)
        return "none";
    return tokens <= TOKENS_FEW ? "few" : "enough";
}

void stats_add_account(struct stats *stats, const struct account *account)
{
    tally_add(&stats->accounts, name_state(account));
    if (account_count(account, DEVICE_ACTIVE) > 0)
        tally_add(&stats->tokens, name_left(account->token_count));
    for (size_t i = 0; i < account->device_count; i++) {
        const struct device *device = &account->devices[i];
        tally_add(&stats->devices[type_index(device->type)], device_state_name(device->state));
        if (device->state == DEVICE_ACTIVE)
            tally_add(&stats->used, name_age(stats->now, device->last_used));
    }
}

void stats_add_event(struct stats *stats, const struct event *event)
{
    const char *verdict = event->verdict[0] != '\0' ? event->verdict : "none";

    if (event->time < stats->since || event->time > stats->now)
        return;
    if (strcmp(event->action, "audit") == 0)
        tally_add(&stats->audited, verdict);
    if (strcmp(event->action, "login") != 0)
        return;
    struct stats_day *day = &stats->days[event->time / STATS_DAY - stats->since / STATS_DAY];
    day->logins++;
    day->accepted += strcmp(event->verdict, "accepted") == 0;
    tally_add(&stats->verdicts, verdict);
}
