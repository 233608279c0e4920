/* SPDX-License-Identifier: BSD-2-Clause */
/* The record of what happened. */
#include "config.h"

#include "text.h"
#include "verbs.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BATCH 64
#define FOLLOW_MS 1000

/* So many events are read at a time: a reader who pauses does not hold the store's transaction. */
struct batch {
    size_t count;
    struct event events[BATCH];
};

static int collect(void *context, const struct event *event)
{
    struct batch *batch = context;

    batch->events[batch->count++] = *event;
    return batch->count == BATCH ? 1 : 0;
}

static int read_batch(struct store *store, const struct backend_filter *filter, struct batch *batch,
                      struct err *err)
{
    batch->count = 0;
    int r = store_begin(store, STORE_READ, err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = store;
    r = store_events(open, filter, collect, batch, err);
    return r < 0 ? r : 0;
}

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

/* Every event there is beyond filter->after_id, which moves. out: where they are collected, NULL to
 * print each. */
static int show_events(struct run *run, struct backend_filter *filter, struct out *out,
                       struct err *err)
{
    struct batch batch;
    int r = 0;

    do {
        r = read_batch(run->store, filter, &batch, err);
        for (size_t i = 0; r == 0 && i < batch.count; i++) {
            const struct event *event = &batch.events[i];
            filter->after_id = event->id;
            if (!run->json) {
                print_event(event);
            } else if (out == NULL) {
                r = print_object(event, err);
            } else {
                out_object(out, NULL);
                put_event(out, event);
                out_end(out);
            }
        }
    } while (r == 0 && batch.count == BATCH);
    return r;
}

/* Until a signal, or until nobody reads any more. */
static int follow(struct run *run, struct backend_filter *filter, struct err *err)
{
    for (;;) {
        struct pollfd reader = {.fd = STDOUT_FILENO};
        int r = show_events(run, filter, NULL, err);
        if (r == 0)
            r = out_flush(err);
        if (r != 0)
            return r;
        if (poll(&reader, 1, FOLLOW_MS) > 0)
            return STATUS_DONE;
    }
}

/* A time, or how long ago. */
static int read_since(const char *text, int64_t *since, struct err *err)
{
    int64_t now = 0, ago = 0;

    if (text_parse_time(text, since) == 0)
        return 0;
    if (text_parse_duration(text, ACCOUNT_LOCKED_FOR_EVER, &ago) != 0)
        return err_set(err, ERR_USAGE, "--since",
                       "it takes a time such as 2026-01-31 or 2026-01-31T12:00:00Z, or how long "
                       "ago, such as 2h");
    int r = run_now(&now, err);
    if (r == 0)
        *since = ago < now ? now - ago : 0;
    return r;
}

int verb_log(struct run *run, struct err *err)
{
    struct backend_filter filter = {.user = run_word(run, 1)};
    struct out out CLEANUP(out_clear) = {0};
    const char *since = run_option(run, OPTION_SINCE);

    int r = since != NULL ? read_since(since, &filter.since, err) : 0;
    if (r != 0)
        return r;
    if (run_option(run, OPTION_FOLLOW) != NULL)
        return follow(run, &filter, err);
    out_array(&out, "events");
    r = show_events(run, &filter, &out, err);
    if (r != 0)
        return r;
    out_end(&out);
    return run->json ? out_print(&out, err) : STATUS_DONE;
}
