/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads one notice from standard input and has sendmail send it, in the background: whoever hands
 * it over waits for neither. From a socket, as systemd starts it, in the foreground.
 *
 * Over a socket others ask than those that could start it: a service in its sandbox, which somebody
 * may have taken over. They say what a message is about, and never what is run or written. */
#include "config.h"

#include "conf.h"
#include "deliver.h"
#include "err.h"
#include "secret.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define READ_MS 2000
#define FILES 1024                        /* as a login has them */
#define STACK (UINT64_C(8) * 1024 * 1024) /* likewise */

static int refuse(const char *what)
{
    fprintf(stderr, "totp-mail: %s\n", what);
    return 2;
}

/* --- this process ----------------------------------------------------------------------------- */

/* Not every root may raise the hard limit: up to it then. */
static void lift(unsigned resource, const struct rlimit *wanted)
{
    struct rlimit limit = {0};

    if (setrlimit(resource, wanted) == 0 || getrlimit(resource, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max < wanted->rlim_cur ? limit.rlim_max : wanted->rlim_cur;
    (void)setrlimit(resource, &limit);
}

/* Whoever starts a setuid program is its real user: they could end this one before it has told of
 * what they did, or have sendmail name them as the sender; and their limits are ours. */
static bool become_root(void)
{
    static const struct {
        unsigned resource;
        struct rlimit limit;
    } limits[] = {
        {RLIMIT_AS, {RLIM_INFINITY, RLIM_INFINITY}},
        {RLIMIT_CPU, {RLIM_INFINITY, RLIM_INFINITY}},
        {RLIMIT_DATA, {RLIM_INFINITY, RLIM_INFINITY}},
        {RLIMIT_FSIZE, {RLIM_INFINITY, RLIM_INFINITY}},
        {RLIMIT_NPROC, {RLIM_INFINITY, RLIM_INFINITY}},
        {RLIMIT_STACK, {STACK, RLIM_INFINITY}},
        {RLIMIT_NOFILE, {FILES, FILES}},
    };

    if (geteuid() != 0 || getuid() == 0)
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
        lift(limits[i].resource, &limits[i].limit);
    return setgroups(0, NULL) == 0 && setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0;
}

static void settle(void)
{
    const struct rlimit no_core = {0};

    (void)setrlimit(RLIMIT_CORE, &no_core); /* there are secrets in it */
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN); /* what is begun is ended, within its deadline */
    (void)umask(077);
    if (chdir("/") != 0)
        _exit(1);
#ifdef SYS_close_range
    (void)syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
#endif
}

static bool is_socket(void)
{
    struct stat st = {0};

    return fstat(STDIN_FILENO, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* What is behind these descriptors is somebody else's to wait for. */
static bool let_go(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int i = STDIN_FILENO; fd >= 0 && i <= STDERR_FILENO; i++)
        if (dup2(fd, i) < 0)
            return false;
    if (fd > STDERR_FILENO)
        close(fd);
    return fd >= 0;
}

/* --- the notice ------------------------------------------------------------------------------- */

static int64_t clock_ms(void)
{
    struct timespec now = {0};

    return clock_gettime(CLOCK_MONOTONIC, &now) == 0
               ? now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000
               : INT64_MAX / 2; /* late for every deadline */
}

/* Up to a newline, the end, or the deadline; what is not a line is for mail_read to refuse. */
static size_t read_line(char *line, size_t size)
{
    const int64_t until = clock_ms() + READ_MS;
    size_t length = 0;

    while (length < size && (length == 0 || line[length - 1] != '\n')) {
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        const int64_t left = until - clock_ms();
        if (left <= 0)
            break;
        if (poll(&input, 1, (int)left) <= 0)
            continue;
        ssize_t n = read(STDIN_FILENO, line + length, size - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        length += (size_t)n;
    }
    return length;
}

/* Replaces what a line says of the host by what is so here. */
static int believe_host(struct mail *mail, const char *config, struct err *err)
{
    char word[CONF_TEXT_SIZE + sizeof("config=")] = "";
    const char *words[] = {word}, *service = mail->notice.service;
    struct conf conf;

    if (config != NULL)
        snprintf(word, sizeof(word), "config=%s", config);
    int r = conf_load(&conf, service[0] != '\0' ? service : NULL, config != NULL, words, err);
    if (r != 0)
        return r;
    if (strcmp(mail->config, conf.file) != 0 || strcmp(mail->store, conf.store) != 0)
        return err_set(err, ERR_NOT_SERVED, conf.file,
                       "a notice of another configuration or store is not taken here");
    text_cut(mail->sendmail, sizeof(mail->sendmail), conf.sendmail);
    text_cut(mail->from, sizeof(mail->from), conf.mail_from);
    text_cut(mail->languages, sizeof(mail->languages), conf.mail_languages);
    return 0;
}

/* false: who asks is left to do it in another way. */
static bool take_from_socket(struct mail *mail, const char *config)
{
    struct err err = {0};
    char text[ERR_WHERE_SIZE + ERR_WHAT_SIZE + 4];

    if (believe_host(mail, config, &err) != 0) {
        err_format(&err, text, sizeof(text));
        fprintf(stderr, "totp-mail: %s\n", text);
        return false;
    }
    /* Whoever is not there any more to hear it may have sent the message too, or may not. */
    (void)send(STDIN_FILENO, "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    return true;
}

static bool go_into_background(void)
{
    pid_t child = fork();

    if (child > 0)
        _exit(0);
    return child == 0 && let_go();
}

/* The messages are in the host's languages, not in those of whoever caused one. */
static void speak(const char *languages)
{
    (void)setlocale(LC_ALL, "C.UTF-8");
    if (languages[0] != '\0')
        (void)setenv("LANGUAGE", languages, 1);
    else
        (void)unsetenv("LANGUAGE");
}

int main(int argc, char **argv)
{
    static char line[MAIL_MESSAGE_MAX];
    static struct mail mail;

    const bool named = argc == 3 && strcmp(argv[1], "--config") == 0;
    if ((argc != 1 && !named) || isatty(STDIN_FILENO))
        return refuse("this program is started by those that have something to send by e-mail: it "
                      "takes a notice from standard input, and no argument but --config FILE");
    if (!become_root())
        return refuse("it cannot become root");
    settle();
    size_t length = read_line(line, sizeof(line));
    int r = mail_read(line, length, &mail);
    secret_wipe(line, sizeof(line));
    if (r != 0)
        return refuse("this is no notice");
    if (is_socket()) {
        if (!take_from_socket(&mail, named ? argv[2] : NULL))
            return 2;
    } else if (!go_into_background())
        return refuse("it cannot go into the background");
    openlog("totp-mail", LOG_PID, LOG_AUTHPRIV);
    speak(mail.languages);
    bool sent = deliver(&mail);
    mail_clear(&mail);
    return sent ? 0 : 1;
}
