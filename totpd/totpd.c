/* SPDX-License-Identifier: BSD-2-Clause */
/* The service's main process: holds connections, and passes messages to worker processes and
 * answers back. It reads neither messages nor the configuration. */
#include "config.h"

#include "err.h"
#include "file.h"
#include "front.h"
#include "listener.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 4096
#define DESCRIPTORS_FOR_US 64 /* the workers' sockets, standard streams, and some to spare */
#define WORKER "/totpd-worker"

enum { STATUS_DONE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

struct options {
    const char *config;
    const char *listen;
    bool help, version;
};

static const char usage[] = "usage: totpd [--config FILE] [--listen PATH]\n";
static const char help[] =
    "\n"
    "The service that pam_totp.so and totpctl ask.\n"
    "\n"
    "  --config FILE   the configuration\n"
    "  --listen PATH   where to listen, when no service manager passes a socket\n"
    "  --help          this text\n"
    "  --version       the version\n";

/* --- the command line ------------------------------------------------------------------------- */

/* Takes "NAME VALUE" or "NAME=VALUE" at argv[*at]; false when it is another option or has no
 * value. */
static bool read_option(char **argv, int *at, const char *name, const char **value)
{
    size_t length = strlen(name);
    const char *text = argv[*at];

    if (*value != NULL || strncmp(text, name, length) != 0)
        return false;
    if (text[length] == '=')
        *value = text + length + 1;
    else if (text[length] == '\0' && argv[*at + 1] != NULL)
        *value = argv[++*at];
    return *value != NULL && **value != '\0';
}

static bool read_options(char **argv, struct options *options)
{
    for (int i = 1; argv[i] != NULL; i++) {
        if (strcmp(argv[i], "--help") == 0)
            options->help = true;
        else if (strcmp(argv[i], "--version") == 0)
            options->version = true;
        else if (!read_option(argv, &i, "--config", &options->config) &&
                 !read_option(argv, &i, "--listen", &options->listen))
            return false;
    }
    return true;
}

/* --- the process ------------------------------------------------------------------------------ */

/* Workers inherit the standard streams: none may be closed, or a store would be opened there. */
static int hold_streams(void)
{
    int fd = open("/dev/null", O_RDWR);

    if (fd < 0)
        return ERR_SYSTEM;
    for (int stream = 0; stream <= 2; stream++)
        if ((stream == STDIN_FILENO || fcntl(stream, F_GETFD) < 0) && dup2(fd, stream) < 0)
            return ERR_SYSTEM;
    if (fd > 2)
        close(fd);
    return 0;
}

/* How many connections the limit on descriptors leaves room for. */
static size_t raise_limit(void)
{
    struct rlimit limit = {.rlim_cur = 1024, .rlim_max = 1024};

    (void)getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < DESCRIPTORS_MAX) {
        struct rlimit raised = limit;

        raised.rlim_cur = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
            limit = raised;
    }
    return limit.rlim_cur > 2 * DESCRIPTORS_FOR_US ? limit.rlim_cur - DESCRIPTORS_FOR_US
                                                   : DESCRIPTORS_FOR_US;
}

/* Passwords and codes pass through: no core dump, no debugger. Signals come one by one. */
static int prepare_process(sigset_t *signals, struct err *err)
{
    const struct rlimit none = {0};

    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return err_set_errno(err, ERR_SYSTEM, errno, NULL, "cannot switch off core dumps");
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(signals);
    (void)sigaddset(signals, SIGCHLD);
    (void)sigaddset(signals, SIGHUP);
    (void)sigaddset(signals, SIGINT);
    (void)sigaddset(signals, SIGTERM);
    if (sigprocmask(SIG_BLOCK, signals, NULL) != 0)
        return err_set_errno(err, ERR_SYSTEM, errno, NULL, "cannot block signals");
    return 0;
}

/* Writes the path of the worker's executable, which lies beside ours. */
static int find_worker(char *path, size_t size, struct err *err)
{
    char own[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);

    if (length < 0)
        return err_set_errno(err, ERR_SYSTEM, errno, "/proc/self/exe", NULL);
    own[length] = '\0';
    if (file_dirname(own, path, size) != 0 || strlen(path) + sizeof(WORKER) > size)
        return err_set(err, ERR_TOO_LONG, own, "the path is too long");
    memcpy(path + strlen(path), WORKER, sizeof(WORKER));
    return 0;
}

static int find_socket(const struct options *options, struct listener *listener, struct err *err)
{
    int r = listener_take(listener, err);

    if (r < 0)
        return r;
    if ((r == 1) == (options->listen != NULL))
        return err_set(err, ERR_USAGE, NULL,
                       r == 1 ? "a socket was passed and --listen is given: choose one of them"
                              : "there is no socket: let the service manager pass one, or give "
                                "--listen PATH");
    return r == 1 ? 0 : listener_make(listener, options->listen, err);
}

static int serve(const struct options *options, struct log *log, struct err *err)
{
    struct listener listener CLEANUP(listener_close) = {.fd = -1};
    char worker[PATH_MAX];
    struct child_command command = {
        .path = worker, .config = options->config, .journal = log->journal};
    sigset_t signals;
    struct front_setup setup = {
        .listener = &listener, .log = log, .command = &command, .signals = &signals};
    int r = find_worker(worker, sizeof(worker), err);

    if (r == 0)
        r = prepare_process(&signals, err);
    if (r == 0)
        r = find_socket(options, &listener, err);
    if (r != 0)
        return r;
    setup.max_clients = raise_limit();
    log_line(log, LOG_INFO, "serves on %s",
             listener.inherited ? "the socket passed" : options->listen);
    r = front_run(&setup, err);
    if (r == 0)
        log_line(log, LOG_INFO, "has ended");
    return r;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct err err = {0};
    char text[sizeof(err.where) + sizeof(err.what) + 4];
    struct log log;
    int r;

    if (argc < 1 || !read_options(argv, &options)) {
        fputs(usage, stderr);
        return STATUS_USAGE;
    }
    if (options.help || options.version) {
        printf("%s%s", options.help ? usage : "totpd " PACKAGE_VERSION "\n",
               options.help ? help : "");
        return fflush(stdout) == 0 ? STATUS_DONE : STATUS_FAILED;
    }
    if (hold_streams() != 0)
        return STATUS_FAILED;
    log_open(&log);
    r = serve(&options, &log, &err);
    if (r == 0)
        return STATUS_DONE;
    err_format(&err, text, sizeof(text));
    log_line(&log, LOG_ERR, "%s", text);
    return r == ERR_USAGE ? STATUS_USAGE : STATUS_FAILED;
}
