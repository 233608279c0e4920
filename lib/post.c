/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "post.h"

#include "text.h"

static int record(struct store *store, const struct notice *notice,
                  const struct event_origin *origin, int64_t now, struct err *err)
{
    struct event event;

    event_init(&event, now, "mail", notice->user, origin);
    text_cut(event.method, sizeof(event.method), notice_name(notice->kind));
    text_cut(event.device, sizeof(event.device), notice->device);
    return store_event(store, &event, err);
}

int post_code(struct store *store, const struct account *account, enum mail_purpose purpose,
              const char *label, const char *text, const struct event_origin *origin, int64_t now,
              struct err *err)
{
    struct notice notice CLEANUP(notice_clear) = {0};

    if (!notice_start(&notice, purpose == MAIL_RECOVERY ? NOTICE_RECOVERY : NOTICE_CODE, account))
        return err_set(err, ERR_CONFLICT, account->name, "the account has no address");
    text_cut(notice.device, sizeof(notice.device), label);
    text_cut(notice.text, sizeof(notice.text), text);
    notice.until = account->codes[purpose].expires;
    int r = store_post(store, &notice, err);
    return r == 0 ? record(store, &notice, origin, now, err) : r;
}
