/* SPDX-License-Identifier: BSD-2-Clause */
/* Tickets and events. */
#include "config.h"

#include "row.h"

int row_ticket_find(void *context, int64_t account, const char *service, const char *origin,
                    int64_t *time, struct err *err)
{
    struct sql *sql = context;
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, QUERY_TICKET_FIND, &stmt, err);
    if (r != 0)
        return r;
    *time = 0;
    sql_bind_number(stmt, 1, account);
    sql_bind_text(stmt, 2, service);
    sql_bind_text(stmt, 3, origin);
    r = sql_next(sql, stmt, err);
    if (r > 0 && !sql_get_number(stmt, 0, 0, ACCOUNT_LOCKED_FOR_EVER, time))
        return row_corrupt(sql, "grace", err);
    return r < 0 ? r : 0;
}

/* A stamp of the future would become good when its time comes. */
static int ticket_prune(struct sql *sql, int64_t account, int64_t before, int64_t after,
                        struct err *err)
{
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, QUERY_TICKET_PRUNE, &stmt, err);
    if (r != 0)
        return r;
    sql_bind_number(stmt, 1, account);
    sql_bind_number(stmt, 2, before);
    sql_bind_number(stmt, 3, after);
    return sql_run(sql, stmt, NULL, err);
}

int row_ticket_put(void *context, int64_t account, const char *service, const char *origin,
                   int64_t time, int64_t before, struct err *err)
{
    struct sql *sql = context;
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = ticket_prune(sql, account, before, time, err);
    if (r == 0)
        r = sql_use(sql, QUERY_TICKET_PUT, &stmt, err);
    if (r != 0)
        return r;
    sql_bind_number(stmt, 1, account);
    sql_bind_text(stmt, 2, service);
    sql_bind_text(stmt, 3, origin);
    sql_bind_number(stmt, 4, time);
    return row_run_one(sql, stmt, err);
}

int row_ticket_clear(void *context, int64_t account, struct err *err)
{
    struct sql *sql = context;
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, QUERY_TICKET_CLEAR, &stmt, err);
    if (r != 0)
        return r;
    sql_bind_number(stmt, 1, account);
    return sql_run(sql, stmt, NULL, err);
}

int row_event_insert(void *context, const struct event *event, struct err *err)
{
    struct sql *sql = context;
    const char *const texts[] = {event->action, event->user,   event->service,
                                 event->rhost,  event->tty,    event->verdict,
                                 event->method, event->device, event->actor};
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, QUERY_EVENT_INSERT, &stmt, err);
    if (r != 0)
        return r;
    sql_bind_number(stmt, 1, event->time);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        sql_bind_text(stmt, (int)i + 2, texts[i]);
    return row_run_one(sql, stmt, err);
}

int row_event_prune(void *context, int64_t before, unsigned most, struct err *err)
{
    struct sql *sql = context;
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, QUERY_EVENT_PRUNE, &stmt, err);
    if (r != 0)
        return r;
    sql_bind_number(stmt, 1, before);
    sql_bind_number(stmt, 2, most);
    return sql_run(sql, stmt, NULL, err);
}

static bool read_event(struct sqlite3_stmt *stmt, struct event *event)
{
    const struct {
        char *out;
        size_t size;
    } texts[] = {{event->action, sizeof(event->action)},   {event->user, sizeof(event->user)},
                 {event->service, sizeof(event->service)}, {event->rhost, sizeof(event->rhost)},
                 {event->tty, sizeof(event->tty)},         {event->verdict, sizeof(event->verdict)},
                 {event->method, sizeof(event->method)},   {event->device, sizeof(event->device)},
                 {event->actor, sizeof(event->actor)}};

    if (!sql_get_number(stmt, 0, 1, INT64_MAX, &event->id) ||
        !sql_get_number(stmt, 1, 0, INT64_MAX, &event->time))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (!sql_get_text(stmt, (int)i + 2, texts[i].out, texts[i].size))
            return false;
    return true;
}

int row_event_each(void *context, const struct backend_filter *filter, backend_event_visitor *visit,
                   void *visitor, struct err *err)
{
    struct sql *sql = context;
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, QUERY_EVENT_EACH, &stmt, err);
    if (r != 0)
        return r;
    sql_bind_number(stmt, 1, filter->after_id);
    sql_bind_number(stmt, 2, filter->since);
    sql_bind_text(stmt, 3, filter->user);
    sql_bind_text(stmt, 4, filter->service);
    sql_bind_text(stmt, 5, filter->verdict);
    int more;
    while ((more = sql_next(sql, stmt, err)) > 0) {
        struct event event = {0};
        if (!read_event(stmt, &event))
            return row_corrupt(sql, "event", err);
        r = visit(visitor, &event);
        if (r != 0)
            return r;
    }
    return r;
}
