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
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATH_SIZE 512
#define HOST "host.example.org"

typedef __typeof__(posix_spawn) spawn_fn;

static struct conf conf;
static struct outbox outbox;
static struct err err;
static struct mail mail;
static char taker[PATH_SIZE], kept[PATH_SIZE];

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    spawn_fn *next = (spawn_fn *)(uintptr_t)dlsym(RTLD_NEXT, "posix_spawn");

    if (strcmp(path, MAIL_PATH) != 0)
        ok(false, "%s is started", path);
    return next(pid, taker, actions, attributes, argv, envp);
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
    conf = (struct conf){.file = "/etc/totp/totp.conf",
                         .sendmail = "/usr/sbin/sendmail -oi -t",
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

/* Reads the n-th line of a file into mail. */
static int read_line_of(const char *path, unsigned n)
{
    static char lines[4 * MAIL_MESSAGE_MAX];
    FILE *file = fopen(path, "re");
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

static int read_kept(unsigned n)
{
    return read_line_of(kept, n);
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
    ok(strcmp(mail.config, conf.file) == 0 && strcmp(mail.sendmail, conf.sendmail) == 0 &&
           strcmp(mail.from, conf.mail_from) == 0 &&
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
    fill(conf.file, sizeof(conf.file), "\\");
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

static char place[PATH_SIZE], heard[PATH_SIZE];

static struct sockaddr_un address_there(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", place);
    return address;
}

static int connect_there(int fd)
{
    const struct sockaddr_un address = address_there();

    return connect(fd, (const struct sockaddr *)&address, sizeof(address));
}

static int listen_there(int queue)
{
    const struct sockaddr_un address = address_there();
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)unlink(place);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        (queue >= 0 && listen(fd, queue) != 0))
        abort();
    return fd;
}

/* A child that takes so many connections. */
enum manner { ANSWER, NO_ANSWER, CLOSE, RESET };

static pid_t attend(int listener, enum manner manner, unsigned count)
{
    pid_t child = fork();

    if (child != 0)
        return child;
    alarm(60);
    (void)unlink(heard);
    for (; count > 0; count--) {
        char line[MAIL_MESSAGE_MAX];
        int fd = accept(listener, NULL, NULL);
        size_t length = 0;
        ssize_t n = 1;

        while (manner != RESET && n > 0 && (length == 0 || line[length - 1] != '\n')) {
            n = recv(fd, line + length, sizeof(line) - length, 0);
            length += n > 0 ? (size_t)n : 0;
        }
        FILE *file = fopen(heard, "ae");
        if (file == NULL || fwrite(line, 1, length, file) != length || fclose(file) != 0)
            _exit(1);
        if (manner == ANSWER && send(fd, "\n", 1, 0) != 1)
            _exit(1);
        if (manner == NO_ANSWER && recv(fd, line, sizeof(line), 0) != 0) /* until it is closed */
            _exit(1);
        close(fd);
    }
    _exit(0);
}

/* Whether the child has done what it was to do. */
static bool is_done(pid_t child)
{
    int status = -1;

    return waitpid(child, &status, 0) == child && status == 0;
}

/* Whether it was told, over the socket. */
static bool has_heard(enum notice_kind kind)
{
    return read_line_of(heard, 0) == 0 && mail.notice.kind == kind;
}

static int64_t clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
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

/* Who listens, and is no help: what it costs, and that nothing is lost. */
static void test_deaf(void)
{
    int listener = listen_there(5), fillers[64], count = 0;
    pid_t child = attend(listener, NO_ANSWER, 1);
    int64_t begin = clock_ms();
    post(NOTICE_CODE);
    post(NOTICE_TOKENS);
    post(NOTICE_LOCKED);
    const bool sent = send_all() == 0 && read_kept(2) == 0 && mail.notice.kind == NOTICE_LOCKED;
    const int64_t took = clock_ms() - begin;
    ok(sent && is_done(child) && has_heard(NOTICE_CODE) && read_line_of(heard, 1) != 0,
       "who does not answer is asked once, and everything goes in another way");
    ok(took >= 500 && took < 1000, "after half a second: %lld ms", (long long)took);
    child = attend(listener, CLOSE, 1);
    ok(goes_to_script() && is_done(child), "who closes the connection has not taken it");
    child = attend(listener, RESET, 1);
    ok(goes_to_script() && is_done(child), "nor has who does so unread");
    close(listener);
    listener = listen_there(0);
    do
        fillers[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    while (connect_there(fillers[count++]) == 0);
    begin = clock_ms();
    ok(errno == EAGAIN && goes_to_script(), "who has more to do than its queue holds");
    ok(clock_ms() - begin < 500, "is not waited for");
    while (count > 0)
        close(fillers[--count]);
    close(listener);
}

static void test_socket(void)
{
    snprintf(heard, sizeof(heard), "%s/heard", tap_dir());
    snprintf(conf.socket, sizeof(conf.socket), "%s/totpd", tap_dir());
    snprintf(place, sizeof(place), "%s/mail", tap_dir());
    ok(goes_to_script(), "there is no socket");
    const unsigned before = open_files();
    int listener = listen_there(5);
    pid_t child = attend(listener, ANSWER, 2);
    post(NOTICE_CODE);
    post(NOTICE_LOCKED);
    ok(send_all() == 0 && is_done(child) && has_heard(NOTICE_CODE) && read_line_of(heard, 1) == 0 &&
           mail.notice.kind == NOTICE_LOCKED && read_kept(0) == ERR_NOT_FOUND,
       "who listens and answers is told, and nothing is started");
    int kept_stdin = dup(0);
    close(0);
    child = attend(listener, ANSWER, 1);
    post(NOTICE_TOKENS);
    ok(send_all() == 0 && is_done(child) && has_heard(NOTICE_TOKENS) &&
           read_kept(0) == ERR_NOT_FOUND,
       "from a host without standard input too");
    dup2(kept_stdin, 0);
    close(kept_stdin);
    close(listener);
    ok(goes_to_script(), "nobody listens any more");
    test_deaf();
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
