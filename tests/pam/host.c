/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "host.h"

#include "encoding.h"
#include "interpose.h"
#include "keys.h"
#include "otp.h"
#include "policy.h"
#include "redirect.h"
#include "service.h"
#include "token.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 512

static char root[PATH_SIZE];
static struct seal_ring ring;
static bool alone;

void host_need(bool fine, const char *what)
{
    if (fine)
        return;
    printf("Bail out! %s: %s\n", what, strerror(errno));
    exit(1);
}

static void need_ok(int r, const struct err *err, const char *what)
{
    char text[1024];

    if (r == 0)
        return;
    err_format(err, text, sizeof(text));
    printf("Bail out! %s: %s\n", what, text);
    exit(1);
}

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool fine = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    close(fd);
    return fine;
}

bool host_become_root(void)
{
    char users[64], groups[64];

    if (geteuid() == 0)
        return true;
    snprintf(users, sizeof(users), "0 %u 1", (unsigned)geteuid());
    snprintf(groups, sizeof(groups), "0 %u 1", (unsigned)getegid());
    alone = true;
    return unshare(CLONE_NEWUSER) == 0 && write_text("/proc/self/setgroups", "deny") &&
           write_text("/proc/self/uid_map", users) && write_text("/proc/self/gid_map", groups);
}

bool host_has_people(void)
{
    return geteuid() == 0 && !alone;
}

const char *host_path(const char *name, char *out, size_t size)
{
    int length = snprintf(out, size, "%s/%s", root, name);
    host_need(length > 0 && (size_t)length < size, "path");
    return out;
}

static void write_file(const char *path, mode_t mode, const char *text)
{
    FILE *file = fopen(path, "we");

    host_need(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0 && chmod(path, mode) == 0,
              path);
}

const char *host_built(const char *name, char *out, size_t size)
{
    const char *builddir = getenv("builddir");

    snprintf(out, size, "%s/%s", builddir != NULL ? builddir : ".", name);
    char *real = realpath(out, NULL);
    host_need(real != NULL && strlen(real) < size, out);
    memcpy(out, real, strlen(real) + 1);
    free(real);
    return out;
}

void host_configure_paths(const char *store, const char *key, const char *lines)
{
    char path[PATH_SIZE], text[4096];

    snprintf(text, sizeof(text), "store = sqlite:%s\nkey_file = %s\nsocket = %s\n%s\n", store, key,
             service_socket(), lines);
    write_file(host_path("totp.conf", path, sizeof(path)), 0644, text);
}

void host_configure(const char *lines)
{
    char store[PATH_SIZE], key[PATH_SIZE];

    host_configure_paths(host_path("store/totp.db", store, sizeof(store)),
                         host_path("key", key, sizeof(key)), lines);
}

void host_stack(const char *service, const char *before, const char *options, const char *behind,
                bool account)
{
    char module[PATH_SIZE], path[PATH_SIZE], name[64], text[8192];
    char line[PATH_SIZE * 2 + 1024];

    host_built(".libs/pam_totp.so", module, sizeof(module));
    snprintf(line, sizeof(line), "required %s config=%s/totp.conf %s\n", module, root, options);
    snprintf(text, sizeof(text), "%sauth %s%s%s%s", before, line, behind,
             account ? "account " : "account required pam_permit.so\n", account ? line : "");
    snprintf(name, sizeof(name), "pam.d/%s", service);
    write_file(host_path(name, path, sizeof(path)), 0644, text);
}

void host_service(const char *service, const char *options, const char *preset)
{
    char helper[PATH_SIZE], set[PATH_SIZE + 256] = "", see[PATH_SIZE + 32];

    host_built(".libs/pam_authtok.so", helper, sizeof(helper));
    if (preset != NULL)
        snprintf(set, sizeof(set), "auth required %s [set=%.200s]\n", helper, preset);
    snprintf(see, sizeof(see), "auth required %s see\n", helper);
    host_stack(service, set, options, see, true);
}

struct store *host_open(void)
{
    char path[PATH_SIZE], uri[PATH_SIZE + 8];
    struct store *store = NULL;
    struct err err = {0};

    snprintf(uri, sizeof(uri), "sqlite:%s", host_path("store/totp.db", path, sizeof(path)));
    need_ok(store_open(uri, &ring, true, NULL, &store, &err), &err, "store_open");
    return store;
}

void host_make(const char *parent)
{
    char path[PATH_SIZE];
    struct err err = {0};
    bool created = false;

    if (!host_become_root()) {
        printf("1..0 # SKIP needs root, or user name spaces\n");
        exit(0);
    }
    service_prepare();
    snprintf(root, sizeof(root), "%s/host-XXXXXX", parent != NULL ? parent : tap_dir());
    host_need(mkdtemp(root) != NULL, root);
    host_need(chmod(root, 0755) == 0, root);
    host_need(mkdir(host_path("pam.d", path, sizeof(path)), 0755) == 0, path);
    write_file(host_path("pam.d/other", path, sizeof(path)), 0644, "auth required pam_deny.so\n");
    host_path("key", path, sizeof(path));
    need_ok(keys_create(path, &created, &err), &err, "keys_create");
    need_ok(keys_load(path, &ring, &err), &err, "keys_load");
    struct store *store = host_open();
    store_close(&store);
    host_configure("");
    host_service("test", "", NULL);
    clock_set(TIME_GA);
    redirect_forbid(service_is_way());
    service_wake();
}

int host_done(void)
{
    service_stop();
    if (service_was_there())
        ok(service_was_sound(), "the service did its work and ended");
    if (service_is_way()) {
        ok(redirect_refused() == 0, "no login went past it (%u did)", redirect_refused());
    }
    return tap_done();
}

pid_t host_totpctl(const char *input, const char *const arguments[])
{
    char program[PATH_SIZE], conf[PATH_SIZE];
    const char *argv[16] = {"totpctl", "--config", host_path("totp.conf", conf, sizeof(conf))};
    int ends[2];

    host_built("totpctl", program, sizeof(program));
    for (size_t i = 0; arguments[i] != NULL && i + 4 < ARRAY_SIZE(argv); i++)
        argv[i + 3] = arguments[i];
    host_need(pipe2(ends, O_CLOEXEC) == 0, "pipe");
    host_need(write(ends[1], input, strlen(input)) == (ssize_t)strlen(input), "pipe");
    close(ends[1]);
    pid_t child = fork();
    host_need(child >= 0, "fork");
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(ends[0], 0);
        dup2(null, 1);
        dup2(null, 2);
        execv(program, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(ends[0]);
    return child;
}

static struct device *add_device(struct account *account, const char *name, const char *base32)
{
    static int64_t next = 1;
    struct device device = {.id = next++,
                            .label = "phone",
                            .state = DEVICE_ACTIVE,
                            .digits = 6,
                            .last_step = ACCOUNT_NEVER,
                            .last_used = ACCOUNT_NEVER};

    account_init(account, name);
    host_need(encoding_base32_tolerant(base32, device.secret.bytes, sizeof(device.secret.bytes),
                                       &device.secret.length) == 0,
              "base32");
    host_need(account_add_device(account, &device) == 0, "account_add_device");
    return &account->devices[0];
}

void person_init(struct account *account, const char *name, const char *base32)
{
    struct device *device = add_device(account, name, base32);

    device->type = DEVICE_TOTP;
    device->period = 30;
}

void person_init_hotp(struct account *account, const char *name, const char *base32,
                      int64_t counter)
{
    struct device *device = add_device(account, name, base32);

    device->type = DEVICE_HOTP;
    device->counter = counter;
}

void person_add_token(struct account *account, char text[static CODE_TOKEN_SIZE])
{
    host_need(token_new(&ring, account->name, text, &account->tokens[account->token_count]) == 0,
              "token_new");
    account->token_count++;
    account->tokens_issued++;
}

void person_save(struct account *account, size_t count)
{
    struct store *store CLEANUP(store_close) = host_open();
    struct account *old = calloc(1, sizeof(*old));
    struct err err = {0};

    host_need(old != NULL, "memory");
    need_ok(store_begin(store, STORE_WRITE, &err), &err, "store_begin");
    for (size_t i = 0; i < count; i++) {
        int r = store_remove(store, account[i].name, &err);
        need_ok(r == ERR_NOT_FOUND ? 0 : r, &err, "store_remove");
        account[i].id = 0;
        need_ok(store_save(store, old, &account[i], &err), &err, "store_save");
    }
    need_ok(store_commit(store, &err), &err, "store_commit");
    free(old);
}

bool person_load(const char *name, struct account *account)
{
    struct store *store CLEANUP(store_close) = host_open();
    struct err err = {0};

    need_ok(store_begin(store, STORE_READ, &err), &err, "store_begin");
    int r = store_load(store, name, account, &err);
    if (r != ERR_NOT_FOUND)
        need_ok(r, &err, "store_load");
    return r == 0;
}

void person_code(const struct account *account, int64_t factor, char out[static 9])
{
    const struct device *device = &account->devices[0];
    uint32_t code = 0;

    host_need(otp_codes(&device->secret, device->algorithm, device->digits, (uint64_t)factor, 1,
                        &code) == 0,
              "otp_codes");
    otp_format(code, device->digits, out);
}

void person_next_code(const struct account *account, int64_t *step, char out[static 9])
{
    clock_set(++*step * 30);
    person_code(account, *step, out);
}
