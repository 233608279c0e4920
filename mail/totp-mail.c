/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads one notice from standard input and has sendmail send it, in the background: whoever hands
 * it over waits for neither. From a socket, as systemd starts it, in the foreground. */
#include "config.h"

#include "deliver.h"
#include "secret.h"

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
#include <sys/stat.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define READ_MS 2000
#define FILES 1024 /* as a login has them */

static int refuse(const char *what)
{
    fprintf(stderr, "totp-mail: %s\n", what);
    return 2;
}

/* --- this process ----------------------------------------------------------------------------- */

/* Whoever starts a setuid program is its real user: they could end this one before it has told of
 * what they did, or have sendmail name them as the sender; and their limits are ours. */
static bool become_root(void)
{
    const struct rlimit none = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    const struct rlimit files = {.rlim_cur = FILES, .rlim_max = FILES};

    if (geteuid() != 0 || getuid() == 0)
        return true;
    (void)setrlimit(RLIMIT_AS, &none);
    (void)setrlimit(RLIMIT_CPU, &none);
    (void)setrlimit(RLIMIT_DATA, &none);
    (void)setrlimit(RLIMIT_FSIZE, &none);
    (void)setrlimit(RLIMIT_NOFILE, &files);
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

    (void)argv;
    if (argc != 1 || isatty(STDIN_FILENO))
        return refuse("this program is started by those that have something to send by e-mail: it "
                      "takes no arguments, and a notice from standard input");
    if (!become_root())
        return refuse("it cannot become root");
    settle();
    size_t length = read_line(line, sizeof(line));
    int r = mail_read(line, length, &mail);
    secret_wipe(line, sizeof(line));
    if (r != 0)
        return refuse("this is no notice");
    if (!is_socket()) {
        pid_t child = fork();
        if (child < 0)
            return refuse("it cannot go into the background");
        if (child > 0)
            _exit(0);
        if (!let_go())
            return 1;
    }
    openlog("totp-mail", LOG_PID, LOG_AUTHPRIV);
    speak(mail.languages);
    bool sent = deliver(&mail);
    mail_clear(&mail);
    return sent ? 0 : 1;
}
