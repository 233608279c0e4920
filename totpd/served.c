/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "served.h"

#include "keys.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define SCHEME "sqlite:"
#define WORDS_MAX 64

void served_close(struct served *served)
{
    if (served->store != NULL)
        store_settle(served->store);
    store_close(&served->store);
    seal_ring_clear(&served->ring);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_mode == b->st_mode &&
           a->st_uid == b->st_uid;
}

/* The path of a store that is a file, or NULL. */
static const char *store_path(const char *uri)
{
    return strncmp(uri, SCHEME, strlen(SCHEME)) == 0 ? uri + strlen(SCHEME) : NULL;
}

/* false: something has been exchanged, or cannot be seen. */
static bool is_current(const struct served *served)
{
    const char *path = store_path(served->uri);
    struct stat key = {0}, store = {0};

    if (served->store == NULL || strcmp(served->uri, served->conf.store) != 0 ||
        strcmp(served->key_file, served->conf.key_file) != 0)
        return false;
    if (lstat(served->key_file, &key) != 0 || !same_file(&key, &served->key_stat) ||
        key.st_size != served->key_stat.st_size ||
        key.st_mtim.tv_sec != served->key_stat.st_mtim.tv_sec ||
        key.st_mtim.tv_nsec != served->key_stat.st_mtim.tv_nsec)
        return false;
    return path == NULL || (lstat(path, &store) == 0 && same_file(&store, &served->store_stat));
}

/* Seen before it is opened: what is exchanged meanwhile is found at the next use. */
static void note_files(struct served *served)
{
    const char *path = store_path(served->uri);

    memset(&served->key_stat, 0, sizeof(served->key_stat));
    memset(&served->store_stat, 0, sizeof(served->store_stat));
    (void)lstat(served->key_file, &served->key_stat);
    if (path != NULL)
        (void)lstat(path, &served->store_stat);
}

static int load_conf(const struct served *served, const char *service, size_t count,
                     const char *const *words, struct conf *conf, struct err *err)
{
    char config[CONF_TEXT_SIZE + sizeof("config=")];
    const char *line[WORDS_MAX + 1];
    int used = 0;

    if (count > WORDS_MAX)
        return err_set(err, ERR_CONFIG, NULL, "there are too many options");
    if (served->config != NULL) {
        snprintf(config, sizeof(config), "config=%s", served->config);
        line[used++] = config;
    }
    for (size_t i = 0; i < count; i++)
        line[used++] = words[i];
    return conf_load(conf, service, used, line, err);
}

int served_open(struct served *served, struct err *err)
{
    int r = load_conf(served, NULL, 0, NULL, &served->conf, err);
    if (r != 0)
        return r;
    if (is_current(served))
        return 0;
    served_close(served);
    text_cut(served->uri, sizeof(served->uri), served->conf.store);
    text_cut(served->key_file, sizeof(served->key_file), served->conf.key_file);
    note_files(served);
    r = keys_load(served->key_file, &served->ring, err);
    return r == 0 ? store_open(served->uri, &served->ring, false, NULL, &served->store, err) : r;
}

static bool differs(const char *meant, const char *ours)
{
    return meant != NULL && strcmp(meant, ours) != 0;
}

int served_matches(const struct served *served, const char *config, const char *store,
                   const char *key_file, struct err *err)
{
    if (!differs(config, served->conf.file) && !differs(store, served->conf.store) &&
        !differs(key_file, served->conf.key_file))
        return 0;
    return err_set(err, ERR_NOT_SERVED, served->conf.file,
                   "the service is for this configuration, its store and its keys");
}

int served_conf(const struct served *served, const char *service, size_t count,
                const char *const *words, struct conf *conf, struct err *err)
{
    int r = load_conf(served, service, count, words, conf, err);

    return r == 0 ? served_matches(served, conf->file, conf->store, conf->key_file, err) : r;
}
