/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "post.h"

#include "seal.h"
#include "service.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATH_SIZE 512
#define MESSAGE_SIZE ((size_t)16 * 1024)
#define PATIENCE 20 /* seconds until what must come counts as not coming */

static const struct {
    const char *name, *script;
} scripts[] = {
    [POST_DELIVERS] = {"sendmail", "set -e\n"
                                   "file=$(mktemp \"$1/.new.XXXXXX\")\n"
                                   "cat >\"$file\"\n"
                                   "mv \"$file\" \"$1/${file##*.new.}\"\n"},
    [POST_HANGS] = {"sendmail-hangs", ": >\"$1/.hangs\"\nread -r line <\"$1/.release\" || :\n"},
    [POST_FAILS] = {"sendmail-fails", "cat >/dev/null\nexit 75\n"},
    [POST_MISSING] = {"sendmail-missing", NULL},
};

static double seconds(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
}

static const char *box(const char *name, char *out, size_t size)
{
    char relative[PATH_SIZE];

    snprintf(relative, sizeof(relative), "post/%s", name);
    return host_path(relative, out, size);
}

void post_make(void)
{
    char path[PATH_SIZE];

    host_need(mkdir(host_path("post", path, sizeof(path)), 0700) == 0, path);
    host_need(mkfifo(box(".release", path, sizeof(path)), 0600) == 0, path);
    for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
        if (scripts[i].script == NULL)
            continue;
        FILE *file = fopen(host_path(scripts[i].name, path, sizeof(path)), "we");
        host_need(file != NULL && fprintf(file, "#!/bin/sh\n%s", scripts[i].script) > 0 &&
                      fclose(file) == 0 && chmod(path, 0755) == 0,
                  path);
    }
}

void post_configure(enum post_sendmail sendmail, const char *lines)
{
    char program[PATH_SIZE], directory[PATH_SIZE], text[3 * PATH_SIZE];

    snprintf(text, sizeof(text), "sendmail = \"%s %s\"\nnotify =\n%s\n",
             host_path(scripts[sendmail].name, program, sizeof(program)),
             host_path("post", directory, sizeof(directory)), lines);
    host_configure(text);
}

void post_person(struct account *account, const char *name)
{
    account_init(account, name);
    memcpy(account->email, POST_ADDRESS, sizeof(POST_ADDRESS));
}

void post_add_device(struct account *account)
{
    static int64_t next = 1000;
    struct device device = {.id = next++,
                            .label = "mailbox",
                            .type = DEVICE_EMAIL,
                            .state = DEVICE_ACTIVE,
                            .digits = ACCOUNT_MAIL_DIGITS,
                            .last_step = ACCOUNT_NEVER,
                            .last_used = ACCOUNT_NEVER};

    memcpy(account->email, POST_ADDRESS, sizeof(POST_ADDRESS));
    host_need(seal_fingerprint(account->email, &device.secret) == 0 &&
                  account_add_device(account, &device) == 0,
              "an e-mail device");
}

/* One message's file: false: there is none. */
static bool find(char *path, size_t size)
{
    char directory[PATH_SIZE];
    DIR *open = opendir(host_path("post", directory, sizeof(directory)));
    bool found = false;

    host_need(open != NULL, directory);
    for (struct dirent *entry; !found && (entry = readdir(open)) != NULL;)
        if (entry->d_name[0] != '.') {
            box(entry->d_name, path, size);
            found = true;
        }
    closedir(open);
    return found;
}

static void wait_for(bool (*is_there)(char *, size_t), char *path, size_t size, const char *what)
{
    const double end = seconds() + PATIENCE;

    while (!is_there(path, size)) {
        errno = ETIMEDOUT;
        host_need(seconds() < end, what);
        nap();
    }
}

const char *post_take(void)
{
    static char text[MESSAGE_SIZE];
    char path[PATH_SIZE] = "";

    wait_for(find, path, sizeof(path), "a message");
    FILE *file = fopen(path, "re");
    host_need(file != NULL, path);
    size_t length = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[length] = '\0';
    host_need(unlink(path) == 0, path);
    return text;
}

/* It stands in a line of its own. */
const char *post_take_code(char out[static POST_CODE_SIZE])
{
    const char *line = strstr(post_take(), "\n\n");

    out[0] = '\0';
    for (; line != NULL && out[0] == '\0'; line = strchr(line, '\n')) {
        line += strspn(line, "\n ");
        size_t digits = strspn(line, "0123456789");
        if (digits == ACCOUNT_MAIL_DIGITS && line[digits] == '\n')
            snprintf(out, POST_CODE_SIZE, "%s", line);
    }
    errno = ENOENT;
    host_need(out[0] != '\0', "a code in the message");
    return out;
}

/* What the service has answered it may have to send yet: it ends when that is done. Whoever is in
 * the background is a child of this process, see service_prepare. */
unsigned post_settle(void)
{
    char path[PATH_SIZE];
    unsigned count = 0;

    service_rest();
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
    service_wake();
    for (; find(path, sizeof(path)); count++)
        host_need(unlink(path) == 0, path);
    return count;
}

static bool hangs(char *path, size_t size)
{
    return access(box(".hangs", path, size), F_OK) == 0;
}

void post_wait_hanging(void)
{
    char path[PATH_SIZE];

    wait_for(hangs, path, sizeof(path), "a sendmail that hangs");
    host_need(unlink(path) == 0, path);
}

void post_release(void)
{
    char path[PATH_SIZE];
    int fd = open(box(".release", path, sizeof(path)), O_WRONLY | O_CLOEXEC);

    host_need(fd >= 0, path);
    close(fd);
}
