/* SPDX-License-Identifier: BSD-2-Clause */
/* The record of what happened. */
#include "config.h"

#include "language.h"
#include "text.h"
#include "verbs.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FOLLOW_MS 1000

static void put_event(struct out *out, const struct event *event)
{
    out_time(out, "time", event->time);
    out_word(out, "user", event->user);
    out_word(out, "service", event->service);
    out_word(out, "rhost", event->rhost);
    out_word(out, "verdict", event->verdict);
    out_word(out, "method", event->method);
    out_word(out, "device", event->device);
    out_word(out, "action", event->action);
    out_word(out, "tty", event->tty);
    out_word(out, "actor", event->actor);
}

static int print_object(const struct event *event, struct err *err)
{
    struct out out CLEANUP(out_clear) = {0};

    put_event(&out, event);
    return out_print(&out, err);
}

static void print_event(const struct event *event)
{
    char time[TEXT_TIME_SIZE], line[4096];

    text_format_time(event->time, time);
    event_format(event, line, sizeof(line));
    printf("%s %s\n", time, line);
}

/* Where events go. */
struct record {
    bool json;
    struct out *out; /* where they are collected; NULL: each is printed */
    int64_t last_id;
    struct err *err;
};

static int show_event(void *context, const struct event *event)
{
    struct record *record = context;

    record->last_id = event->id;
    if (!record->json) {
        print_event(event);
        return 0;
    }
    if (record->out == NULL)
        return print_object(event, record->err);
    out_object(record->out, NULL);
    put_event(record->out, event);
    out_end(record->out);
    return 0;
}

/* Every event there is beyond call->after_id, which moves. out: where they are collected, NULL to
 * print each. */
static int show_events(struct run *run, struct call *call, struct out *out, struct err *err)
{
    struct record record = {.json = run->json, .out = out, .last_id = call->after_id, .err = err};
    struct reply reply = {.each_event = show_event, .context = &record};

    int r = run_ask(run, call, &reply, err);
    call->after_id = record.last_id;
    return r;
}

/* Until a signal, or until nobody reads any more. */
static int follow(struct run *run, struct call *call, struct err *err)
{
    for (;;) {
        struct pollfd reader = {.fd = STDOUT_FILENO};
        int r = show_events(run, call, NULL, err);
        if (r == 0)
            r = out_flush(err);
        if (r != 0)
            return r;
        if (poll(&reader, 1, FOLLOW_MS) > 0)
            return STATUS_DONE;
    }
}

int since_read(const char *text, int64_t now, int64_t *since, struct err *err)
{
    int64_t ago = 0, then = 0;

    if (text_parse_time(text, &then) == 0) {
        if (then > now)
            return err_set(err, ERR_USAGE, "--since",
                           "this is in the future: give a time that has been");
        *since = then;
        return 0;
    }
    if (text_parse_duration(text, ACCOUNT_LOCKED_FOR_EVER, &ago) != 0)
        return err_set(err, ERR_USAGE, "--since",
                       "it takes a time such as 2026-01-31 or 2026-01-31T12:00:00Z, or how long "
                       "ago, such as 2h");
    *since = ago < now ? now - ago : 0;
    return 0;
}

/* Those of codes, and that of an e-mail that was not delivered. */
#define WORDS (VERDICTS + 1)
static const char *verdict_word(unsigned i)
{
    return i < VERDICTS ? verdict_name(i) : "failed";
}

static int refuse_verdict(struct err *err)
{
    char words[ERR_WHAT_SIZE] = "";
    size_t length = 0;

    for (unsigned i = 0; i < WORDS && length < sizeof(words); i++)
        length += (size_t)snprintf(words + length, sizeof(words) - length, "%s%s",
                                   i == 0           ? ""
                                   : i == WORDS - 1 ? _(" or ")
                                                    : ", ",
                                   verdict_word(i));
    return err_set(err, ERR_USAGE, args_name(OPTION_VERDICT), _("it takes %s"), words);
}

/* A word that no event has would find nothing, and look like good news. */
static int check_verdict(const char *word, struct err *err)
{
    for (unsigned i = 0; i < WORDS; i++)
        if (strcmp(verdict_word(i), word) == 0)
            return 0;
    return refuse_verdict(err);
}

/* Nor has any an empty word: most often it is a variable of a script that is not set. */
static int check_words(const struct call *call, struct err *err)
{
    if (call->user != NULL && call->user[0] == '\0')
        return err_set(err, ERR_USAGE, "log",
                       "the user's name is empty: leave it out for everybody's record");
    if (call->of_service != NULL && call->of_service[0] == '\0')
        return err_set(err, ERR_USAGE, args_name(OPTION_SERVICE),
                       "it takes the name of a PAM service such as sshd, or totpctl");
    return call->of_verdict != NULL ? check_verdict(call->of_verdict, err) : 0;
}

int verb_log(struct run *run, struct err *err)
{
    struct call call = {.method = CALL_LOG,
                        .user = run_word(run, 1),
                        .of_service = run_option(run, OPTION_SERVICE),
                        .of_verdict = run_option(run, OPTION_VERDICT)};
    struct out out CLEANUP(out_clear) = {0};
    const char *since = run_option(run, OPTION_SINCE);
    int64_t now = 0;

    int r = run_now(&now, err);
    if (r == 0 && since != NULL)
        r = since_read(since, now, &call.since, err);
    if (r == 0)
        r = check_words(&call, err);
    if (r != 0)
        return r;
    if (run_option(run, OPTION_FOLLOW) != NULL && run->remote)
        return err_set(err, ERR_PERMISSION, "--follow",
                       "only root may follow the log as it grows: leave the option out, and call "
                       "log again with --since for what is new");
    if (run_option(run, OPTION_FOLLOW) != NULL)
        return follow(run, &call, err);
    out_array(&out, "events");
    r = show_events(run, &call, &out, err);
    if (r != 0)
        return r;
    out_end(&out);
    return run->json ? out_print(&out, err) : STATUS_DONE;
}
