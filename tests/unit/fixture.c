/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "fixture.h"

#include "confirm.h"
#include "enroll.h"
#include "keys.h"
#include "otp.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(int r, const struct err *err, const char *what)
{
    char text[640] = "";

    if (r == 0)
        return;
    err_format(err, text, sizeof(text));
    printf("Bail out! %s: %s (%s)\n", what, err_sentence(r), text);
    exit(1);
}

struct store *fixture_open(const char *name, struct conf *conf, struct seal_ring *ring)
{
    struct store *store = NULL;
    struct err err = {0};
    bool created = false;

    conf_init(conf);
    snprintf(conf->key_file, sizeof(conf->key_file), "%s/%s.key", tap_dir(), name);
    snprintf(conf->store, sizeof(conf->store), "sqlite:%s/%s/totp.db", tap_dir(), name);
    must(keys_create(conf->key_file, &created, &err), &err, "keys_create");
    must(keys_load(conf->key_file, ring, &err), &err, "keys_load");
    must(store_open(conf->store, ring, true, &created, &store, &err), &err, "store_open");
    return store;
}

const char *fixture_code(const struct device *device, int64_t moving)
{
    static char text[4][OTP_DIGITS_MAX + 1];
    static unsigned turn;
    uint32_t code = 0;
    char *out = text[turn++ % 4];

    must(otp_codes(&device->secret, device->algorithm, device->digits, (uint64_t)moving, 1, &code),
         &(struct err){0}, "otp_codes");
    otp_format(code, device->digits, out);
    return out;
}

struct device fixture_enroll(struct store *store, const struct conf *conf, const char *user,
                             const char *label)
{
    const struct enroll_request request = {.user = user,
                                           .label = label,
                                           .type = DEVICE_TOTP,
                                           .algorithm = OTP_SHA1,
                                           .digits = 6,
                                           .period = 30};
    struct reply_device reply CLEANUP(reply_device_clear) = {0};
    struct reply_tokens tokens CLEANUP(reply_tokens_clear) = {0};
    struct enroll_code first = {.user = user, .label = label};
    struct outcome result = {0};
    struct err err = {0};

    must(enroll_start(store, conf, "host", &request, FIXTURE_NOW, &reply, &err), &err,
         "enroll_start");
    first.code = fixture_code(&reply.device, FIXTURE_NOW / 30 - 1);
    must(enroll_confirm(store, conf, &first, FIXTURE_NOW, &result, &tokens, &err), &err,
         "enroll_confirm");
    if (result.verdict != VERDICT_ACCEPTED)
        must(ERR_REFUSED, &err, "first code");
    return reply.device;
}

struct counted {
    size_t count;
    struct event *last;
};

static int count_event(void *context, const struct event *event)
{
    struct counted *counted = context;

    counted->count++;
    if (counted->last != NULL)
        *counted->last = *event;
    return 0;
}

size_t fixture_events(struct store *store, struct event *last)
{
    const struct backend_filter all = {0};
    struct counted counted = {.last = last};
    struct err err = {0};

    must(store_events(store, &all, count_event, &counted, &err), &err, "store_events");
    return counted.count;
}
