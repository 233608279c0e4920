/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "served.h"

#include "file.h"
#include "keys.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define SCHEME "sqlite:"
#define WORDS_MAX 64

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

/* How they lie there; what cannot be seen is zero. The store's directory and log too: who else may
 * write there, and whether somebody has put a copy in its place. */
static void look(const struct served *served, struct served_files *files)
{
    const char *path = store_path(served->uri);
    char beside[CONF_TEXT_SIZE + 8];

    memset(files, 0, sizeof(*files));
    (void)lstat(served->key_file, &files->key);
    if (path == NULL)
        return;
    (void)lstat(path, &files->store);
    snprintf(beside, sizeof(beside), "%s-wal", path);
    (void)lstat(beside, &files->log);
    if (file_dirname(path, beside, sizeof(beside)) == 0)
        (void)lstat(beside, &files->directory);
}

/* false: something has been exchanged, or cannot be seen. */
static bool is_current(const struct served *served, const struct served_files *now)
{
    const struct served_files *then = &served->files;

    return served->store != NULL && strcmp(served->uri, served->conf.store) == 0 &&
           strcmp(served->key_file, served->conf.key_file) == 0 &&
           same_file(&now->key, &then->key) && now->key.st_size == then->key.st_size &&
           now->key.st_mtim.tv_sec == then->key.st_mtim.tv_sec &&
           now->key.st_mtim.tv_nsec == then->key.st_mtim.tv_nsec &&
           same_file(&now->store, &then->store) && same_file(&now->directory, &then->directory) &&
           same_file(&now->log, &then->log);
}

/* Whoever has exchanged the log has exchanged the store's bytes: what we have of it would spoil
 * them. */
static void let_go(struct served *served, const struct served_files *now)
{
    if (served->store != NULL && same_file(&now->log, &served->files.log))
        store_settle(served->store);
    store_close(&served->store);
    seal_ring_clear(&served->ring);
}

void served_drop(struct served *served)
{
    served->exchanged = true;
    store_close(&served->store);
    seal_ring_clear(&served->ring);
}

void served_close(struct served *served)
{
    struct served_files now;

    look(served, &now);
    let_go(served, &now);
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
    struct served_files now;

    int r = load_conf(served, NULL, 0, NULL, &served->conf, err);
    if (r != 0)
        return r;
    look(served, &now);
    if (is_current(served, &now)) {
        store_keep_events(served->store, served->conf.event_retention);
        return 0;
    }
    served->exchanged = served->exchanged || served->store != NULL;
    let_go(served, &now);
    text_cut(served->uri, sizeof(served->uri), served->conf.store);
    text_cut(served->key_file, sizeof(served->key_file), served->conf.key_file);
    /* Before they are opened: what is exchanged meanwhile is found at the next use. */
    look(served, &served->files);
    r = keys_load(served->key_file, &served->ring, err);
    if (r == 0)
        r = store_open(served->uri, &served->ring, false, NULL, &served->store, err);
    if (r != 0)
        return r;
    store_keep_events(served->store, served->conf.event_retention);
    /* The log is made by opening the store. */
    look(served, &now);
    served->files.log = now.log;
    return 0;
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
