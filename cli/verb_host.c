/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs about this host's set-up. */
#include "config.h"

#include "keys.h"
#include "language.h"
#include "text.h"
#include "verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A new key opens nothing that a lost one sealed: where there is a store, or there may be, its key
 * file must be there too. The store is looked for first, so that another init at the same moment
 * is never taken for a lost key. */
static int check_key_not_lost(const struct run *run, struct err *err)
{
    struct seal_ring ring CLEANUP(seal_ring_clear) = {0};
    struct store *store CLEANUP(store_close) = NULL;
    const char *key_file = run->conf.key_file;
    struct err reason = {0};
    char sentence[ERR_WHERE_SIZE];

    int found = store_open(run->conf.store, &ring, false, NULL, &store, &reason);
    if (found == ERR_FILE_MISSING || keys_load(key_file, &ring, err) != ERR_FILE_MISSING)
        return 0; /* nothing to open, or a file that keys_create judges */
    if (found == 0)
        return err_set(err, ERR_FILE_MISSING, key_file,
                       "it is gone, and a new key opens nothing in the store there is: put it back "
                       "from your copy, or move the store away to begin anew");
    err_format(&reason, sentence, sizeof(sentence));
    return err_set(err, found, key_file,
                   _("it does not exist, and whether a store needs it cannot be seen (%.160s)"),
                   sentence);
}

int verb_init(struct run *run, struct err *err)
{
    struct seal_ring ring CLEANUP(seal_ring_clear) = {0};
    struct out out CLEANUP(out_clear) = {0};
    const struct conf *conf = &run->conf;
    bool made_key = false, made_store = false;

    int r = check_key_not_lost(run, err);
    if (r == 0)
        r = keys_create(conf->key_file, &made_key, err);
    if (r == 0)
        r = keys_load(conf->key_file, &ring, err);
    if (r == 0)
        r = store_open(conf->store, &ring, true, &made_store, &run->store, err);
    if (r != 0)
        return r;
    if (!run->json) {
        printf("%s %s\n%s %s\n", made_key ? _("made the key file") : _("found the key file"),
               conf->key_file, made_store ? _("made the store") : _("found the store"),
               conf->store);
        if (made_key)
            run_remark(run, "keep a copy of the key file apart from the store's: without it the "
                            "store cannot be opened");
        return STATUS_DONE;
    }
    out_text(&out, "store", conf->store);
    out_text(&out, "key_file", conf->key_file);
    out_bool(&out, "created", made_key || made_store);
    return out_print(&out, err);
}

/* Texts as they are, without the quotation marks of a file. */
static void put_option(struct out *out, const struct conf *conf, const struct conf_option *option,
                       const char *value)
{
    uint64_t number = 0;

    switch (option->type) {
    case CONF_BOOL:
        out_bool(out, option->name, strcmp(value, "yes") == 0);
        break;
    case CONF_UINT:
        if (text_parse_uint(value, 0, INT64_MAX, &number) != 0)
            out->failed = true;
        out_int(out, option->name, (int64_t)number);
        break;
    case CONF_TEXT:
    case CONF_PATH:
    case CONF_URI:
    case CONF_COMMAND:
    case CONF_ADDRESS:
    case CONF_USERS:
    case CONF_GROUPS:
    case CONF_NETWORKS:
        out_text(out, option->name, (const char *)conf + option->offset);
        break;
    case CONF_DURATION:
    case CONF_DATE:
    case CONF_ENUM:
    case CONF_SET:
        out_text(out, option->name, value);
        break;
    }
}

int verb_config(struct run *run, struct err *err)
{
    struct out out CLEANUP(out_clear) = {0};
    struct conf conf;
    char value[4 * CONF_TEXT_SIZE];
    const char *service = run_word(run, 1);
    size_t count = 0;

    if (service != NULL && service[0] == '\0')
        return err_set(err, ERR_USAGE, "config",
                       "the service's name is empty: leave it out for what goes for all of them");
    int r = run_load_conf(run, service, &conf, err);
    const struct conf_option *options = option_table(&count);
    out_object(&out, "config");
    for (size_t i = 0; r == 0 && i < count; i++) {
        r = option_format(&conf, &options[i], value, sizeof(value));
        if (r != 0)
            return err_set(err, r, options[i].name, NULL);
        if (run->json)
            put_option(&out, &conf, &options[i], value);
        else
            printf("%s = %s\n", options[i].name, value);
    }
    out_end(&out);
    return r == 0 && run->json ? out_print(&out, err) : r;
}
