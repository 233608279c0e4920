/* SPDX-License-Identifier: BSD-2-Clause */
/* What is handed over, to whom, and what is taken for a notice. In the place of totp-mail a script
 * keeps what it is given. */
#include "config.h"

#include "err.h"
#include "mail.h"
#include "tap.h"
#include "text.h"

#include <dirent.h>
#include <dlfcn.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_SIZE 512
#define HOST "host.example.org"

typedef __typeof__(posix_spawn) spawn_fn;

static struct conf conf;
static struct outbox outbox;
static struct err err;
static struct mail mail;
static char taker[PATH_SIZE], kept[PATH_SIZE];
static time_t patience = -1; /* for a socket, as it was set last */

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    spawn_fn *next = (spawn_fn *)(uintptr_t)dlsym(RTLD_NEXT, "posix_spawn");

    if (strcmp(path, MAIL_PATH) != 0)
        ok(false, "%s is started", path);
    return next(pid, taker, actions, attributes, argv, envp);
}

/* Notes how long it would wait, and lets it wait less. */
int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
    static int (*real)(int, int, int, const void *, socklen_t);
    const struct timeval little = {.tv_usec = 50000};

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "setsockopt");
    if (level == SOL_SOCKET && option == SO_SNDTIMEO) {
        patience = ((const struct timeval *)value)->tv_sec;
        return real(fd, level, option, &little, sizeof(little));
    }
    return real(fd, level, option, value, size);
}

static void write_taker(const char *text)
{
    FILE *file = fopen(taker, "we");

    if (file == NULL || fprintf(file, "#!/bin/sh\n%s\n", text) < 0 ||
        fchmod(fileno(file), 0700) != 0 || fclose(file) != 0)
        abort();
}

static void set_up(void)
{
    snprintf(kept, sizeof(kept), "%s/kept", tap_dir());
    snprintf(taker, sizeof(taker), "%s/taker", tap_dir());
    char text[2 * PATH_SIZE];
    snprintf(text, sizeof(text), "cat >>'%s'", kept);
    write_taker(text);
    conf = (struct conf){.sendmail = "/usr/sbin/sendmail -oi -t",
                         .mail_from = "totp@example.org",
                         .mail_languages = "de:fr",
                         .store = "sqlite:/var/lib/totp/totp.db",
                         .notify = 0x3F};
}

static unsigned open_files(void)
{
    DIR *list = opendir("/proc/self/fd");
    unsigned count = 0;

    while (list != NULL && readdir(list) != NULL)
        count++;
    if (list != NULL)
        closedir(list);
    return count;
}

static void post(enum notice_kind kind)
{
    struct notice notice = {.kind = kind, .to = "alice@example.org", .user = "alice"};

    if (outbox_add(&outbox, &notice) != 0)
        abort();
}

/* Sends what is in the outbox. */
static int send_all(void)
{
    (void)unlink(kept);
    err = (struct err){0};
    int r = mail_send(&conf, HOST, &outbox, &err);
    outbox_clear(&outbox);
    return r;
}

/* Reads the n-th line that was kept into mail. */
static int read_kept(unsigned n)
{
    static char lines[4 * MAIL_MESSAGE_MAX];
    FILE *file = fopen(kept, "re");
    size_t length = file != NULL ? fread(lines, 1, sizeof(lines), file) : 0;
    char *line = lines, *end;

    if (file != NULL)
        fclose(file);
    for (; (end = memchr(line, '\n', length)) != NULL; n--) {
        const size_t part = (size_t)(end - line) + 1;
        if (n == 0)
            return mail_read(line, part, &mail);
        line += part;
        length -= part;
    }
    return ERR_NOT_FOUND;
}

/* --- what is handed over ---------------------------------------------------------------------- */

static void fill(char *text, size_t size, const char *unit)
{
    const size_t length = strlen(unit);

    for (size_t used = 0; used + length < size; used += length)
        memcpy(text + used, unit, length + 1);
}

static bool same(const struct notice *a, const struct notice *b)
{
    return a->kind == b->kind && a->time == b->time && a->until == b->until && a->left == b->left &&
           strcmp(a->to, b->to) == 0 && strcmp(a->full_name, b->full_name) == 0 &&
           strcmp(a->user, b->user) == 0 && strcmp(a->device, b->device) == 0 &&
           strcmp(a->service, b->service) == 0 && strcmp(a->rhost, b->rhost) == 0 &&
           strcmp(a->actor, b->actor) == 0 && strcmp(a->text, b->text) == 0;
}

static void test_members(void)
{
    struct notice notice = {.kind = NOTICE_LOCKED,
                            .to = "alice@example.org",
                            .full_name = "\xC3\x84lice \"Al\" \\ O",
                            .user = "DOMAIN\\alice",
                            .device = "phone",
                            .service = "ss\nhd\x01",
                            .rhost = "192.0.2.1\r\nBcc: x@example.org",
                            .actor = "root",
                            .time = 1795262400,
                            .until = ACCOUNT_LOCKED_FOR_EVER,
                            .left = 9,
                            .text = "abcd-efgh-ijkl\nmnop-qrst-uvwx"};

    ok(outbox_add(&outbox, &notice) == 0 && send_all() == 0, "a notice is handed over");
    ok(read_kept(0) == 0 && same(&mail.notice, &notice), "with all that is in it");
    ok(strcmp(mail.sendmail, conf.sendmail) == 0 && strcmp(mail.from, conf.mail_from) == 0 &&
           strcmp(mail.languages, conf.mail_languages) == 0 &&
           strcmp(mail.store, conf.store) == 0 && strcmp(mail.host, HOST) == 0,
       "and what is to be known of the configuration");
    /* Nothing of the system is a byte longer, nor takes more bytes in JSON. */
    fill(notice.to, sizeof(notice.to), "x");
    fill(notice.full_name, sizeof(notice.full_name), "\"");
    fill(notice.user, sizeof(notice.user), "\\");
    fill(notice.device, sizeof(notice.device), "\"");
    fill(notice.service, sizeof(notice.service), "\x01");
    fill(notice.rhost, sizeof(notice.rhost), "\x01");
    fill(notice.actor, sizeof(notice.actor), "\\");
    fill(notice.text, sizeof(notice.text), "abcd-efgh-ijkl\n");
    fill(conf.sendmail, sizeof(conf.sendmail), "\"");
    fill(conf.mail_languages, sizeof(conf.mail_languages), "\"");
    fill(conf.store, sizeof(conf.store), "\\");
    ok(outbox_add(&outbox, &notice) == 0 && send_all() == 0 && read_kept(0) == 0 &&
           same(&mail.notice, &notice),
       "the longest there is");
    fill(conf.sendmail, sizeof(conf.sendmail), "\x01");
    fill(conf.store, sizeof(conf.store), "\x01");
    fill(notice.user, sizeof(notice.user), "\x01");
    fill(notice.actor, sizeof(notice.actor), "\x01");
    fill(notice.text, sizeof(notice.text), "\x01");
    ok(outbox_add(&outbox, &notice) == 0 && send_all() == ERR_TOO_LONG && read_kept(0) != 0,
       "a longer one is not");
    set_up();
}

/* Which word of "notify" each kind answers to; 0: none. */
static void test_wishes(void)
{
    static const struct {
        enum notice_kind kind;
        unsigned wish;
    } cases[] = {
        {NOTICE_CODE, 0},
        {NOTICE_RECOVERY, 0},
        {NOTICE_TOKENS, 0},
        {NOTICE_DEVICE_ADDED, 1},
        {NOTICE_DEVICE_REMOVED, 2},
        {NOTICE_DEVICE_DISABLED, 2},
        {NOTICE_ACCOUNT_DISABLED, 2},
        {NOTICE_ACCOUNT_REMOVED, 2},
        {NOTICE_TOKEN_USED, 4},
        {NOTICE_TOKENS_RENEWED, 4},
        {NOTICE_LOCKED, 8},
        {NOTICE_PASSWORD, 16},
        {NOTICE_ADDRESS, 32},
    };

    ok(ARRAY_SIZE(cases) == NOTICE_COUNT, "every kind is tested");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        bool fine = true;
        for (unsigned bit = 0; bit < 6; bit++) {
            conf.notify = 1U << bit;
            post(cases[i].kind);
            const bool sent = send_all() == 0 && read_kept(0) == 0;
            fine = fine && sent == (cases[i].wish == 0 || cases[i].wish == conf.notify);
        }
        ok(fine, "%s goes where it is wanted", notice_name(cases[i].kind));
    }
    conf.notify = 0x3F;
    conf.sendmail[0] = '\0';
    post(NOTICE_CODE);
    ok(send_all() == 0 && read_kept(0) == ERR_NOT_FOUND, "without a sendmail nothing goes");
    set_up();
}

static void test_failures(void)
{
    char text[4 * PATH_SIZE];

    snprintf(text, sizeof(text), "read x; case $x in *recovery*) exit 3;; esac\necho \"$x\" >>'%s'",
             kept);
    write_taker(text);
    post(NOTICE_CODE);
    post(NOTICE_RECOVERY);
    post(NOTICE_TOKENS);
    ok(send_all() == ERR_SYSTEM && strstr(err.what, "ended with status 3") != NULL &&
           strcmp(err.where, MAIL_PATH) == 0,
       "one of three is not taken");
    ok(read_kept(0) == 0 && mail.notice.kind == NOTICE_CODE && read_kept(1) == 0 &&
           mail.notice.kind == NOTICE_TOKENS && read_kept(2) == ERR_NOT_FOUND,
       "the others are");
    post(NOTICE_RECOVERY);
    (void)unlink(kept);
    ok(mail_send(&conf, HOST, &outbox, NULL) == ERR_SYSTEM, "nobody need know why");
    outbox_clear(&outbox);
    (void)unlink(taker);
    post(NOTICE_CODE);
    ok(send_all() != 0, "there is no totp-mail");
    set_up();
}

/* --- the socket ------------------------------------------------------------------------------- */

static char place[PATH_SIZE];

static int listen_there(int queue)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", place);
    (void)unlink(place);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        (queue >= 0 && listen(fd, queue) != 0))
        abort();
    return fd;
}

/* What came over the one connection, into mail. */
static int hear(int listener)
{
    static char line[MAIL_MESSAGE_MAX];
    int fd = accept(listener, NULL, NULL);
    size_t length = 0;
    ssize_t n;

    while ((n = recv(fd, line + length, sizeof(line) - length, 0)) > 0)
        length += (size_t)n;
    close(fd);
    return mail_read(line, length, &mail);
}

/* Whether a notice is given to the script, which is there for the case of need. */
static bool goes_to_script(void)
{
    post(NOTICE_CODE);
    return send_all() == 0 && read_kept(0) == 0 && mail.notice.kind == NOTICE_CODE;
}

static void test_strangers(void)
{
    const struct passwd *nobody = getpwnam("nobody");
    const uid_t uid = nobody != NULL ? nobody->pw_uid : 65534;
    int listener = listen_there(5);

    ok(chown(place, uid, (gid_t)-1) == 0 && goes_to_script(), "a socket that is not root's");
    ok(chown(place, 0, (gid_t)-1) == 0 && chmod(tap_dir(), 0777) == 0 && goes_to_script(),
       "where others may write");
    ok(chmod(tap_dir(), 0700) == 0 && chown(tap_dir(), uid, (gid_t)-1) == 0 && goes_to_script(),
       "in a directory that is not root's");
    if (chown(tap_dir(), 0, (gid_t)-1) != 0)
        abort();
    close(listener);
    listener = listen_there(-1);
    pid_t child = fork();
    int status;
    if (child == 0)
        _exit(setuid(uid) == 0 && listen(listener, 5) == 0 ? 0 : 1);
    ok(waitpid(child, &status, 0) == child && status == 0 && goes_to_script(),
       "a process that is not root's listens");
    close(listener);
}

static void test_socket(void)
{
    snprintf(conf.socket, sizeof(conf.socket), "%s/totpd", tap_dir());
    snprintf(place, sizeof(place), "%s/mail", tap_dir());
    ok(goes_to_script(), "there is no socket");
    const unsigned before = open_files();
    int listener = listen_there(5);
    post(NOTICE_CODE);
    ok(send_all() == 0 && hear(listener) == 0 && mail.notice.kind == NOTICE_CODE &&
           read_kept(0) == ERR_NOT_FOUND,
       "who listens is told, and nothing is started");
    ok(patience == 1, "it is waited for a second, for as many as are in the queue");
    int kept_stdin = dup(0);
    close(0);
    post(NOTICE_TOKENS);
    ok(send_all() == 0 && hear(listener) == 0 && mail.notice.kind == NOTICE_TOKENS,
       "from a host without standard input too");
    dup2(kept_stdin, 0);
    close(kept_stdin);
    close(listener);
    ok(goes_to_script(), "nobody listens any more");
    listener = listen_there(0);
    post(NOTICE_CODE);
    ok(send_all() == 0 && read_kept(0) == ERR_NOT_FOUND && goes_to_script(),
       "who does not come to it is not waited for");
    close(listener);
    test_strangers();
    ok(open_files() == before, "no descriptor is left");
    conf.socket[0] = '\0';
}

/* --- what is a notice ------------------------------------------------------------------------- */

static void test_reading(void)
{
    static const struct {
        const char *name, *line;
        bool fine;
    } cases[] = {
        {"the least", "{\"kind\":\"code\"}\n", true},
        {"null", "{\"kind\":\"address\",\"to\":null}\n", true},
        {"nothing", "", false},
        {"an empty line", "\n", false},
        {"a line that does not end", "{\"kind\":\"code\"}", false},
        {"half a line", "{\"kind\":\"co", false},
        {"two", "{\"kind\":\"code\"}{\"kind\":\"code\"}\n", false},
        {"an array", "[\"code\"]\n", false},
        {"no kind", "{\"to\":\"alice@example.org\"}\n", false},
        {"no such kind", "{\"kind\":\"codes\"}\n", false},
        {"an empty kind", "{\"kind\":\"\"}\n", false},
        {"a kind twice", "{\"kind\":\"code\",\"kind\":\"code\"}\n", false},
        {"a member of another's", "{\"kind\":\"code\",\"bcc\":\"x\"}\n", false},
        {"a number for a text", "{\"kind\":\"code\",\"to\":1}\n", false},
        {"a text for a number", "{\"kind\":\"code\",\"time\":\"1\"}\n", false},
        {"a NUL byte", "{\"kind\":\"code\",\"to\":\"\\u0000\"}\n", false},
    };
    char line[512];

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        snprintf(line, sizeof(line), "%s", cases[i].line);
        ok(mail_read(line, strlen(line), &mail) == (cases[i].fine ? 0 : ERR_SYNTAX), "%s",
           cases[i].name);
    }
    snprintf(line, sizeof(line), "{\"kind\":\"code\",\"to\":\"%0*d\"}\n", ACCOUNT_TEXT_SIZE, 1);
    ok(mail_read(line, strlen(line), &mail) == ERR_SYNTAX, "a text that is too long");
}

int main(void)
{
    alarm(120);
    set_up();
    test_members();
    test_wishes();
    test_failures();
    if (geteuid() == 0)
        test_socket();
    else
        tap_skip("only root's sockets are believed: run as root");
    test_reading();
    return tap_done();
}
