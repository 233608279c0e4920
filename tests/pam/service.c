/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "service.h"

#include "clock.h"
#include "host.h"
#include "interpose.h"
#include "redirect.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATH_SIZE 512
#define WORKERS_MAX 16
#define PATIENCE 20 /* seconds until what must happen counts as not happening */
#define SUFFIX "_service"

static char directory[PATH_SIZE], socket_path[PATH_SIZE];
static pid_t service, owner;
static pid_t orphans[WORKERS_MAX];
static size_t orphan_count;
static bool was_killed, was_unsound;

bool service_is_way(void)
{
    size_t length = strlen(program_invocation_short_name);

    return length > strlen(SUFFIX) &&
           strcmp(program_invocation_short_name + length - strlen(SUFFIX), SUFFIX) == 0;
}

static const char *path_of(const char *name, char *out, size_t size)
{
    int length = snprintf(out, size, "%s/%s", directory, name);

    host_need(length > 0 && (size_t)length < size, "path");
    return out;
}

const char *service_socket(void)
{
    return socket_path;
}

const char *service_clock(char *out, size_t size)
{
    return path_of("clock", out, size);
}

pid_t service_pid(void)
{
    return service;
}

/* Also where a test ends early. */
static void end_with_test(void)
{
    if (service != 0 && owner == getpid())
        service_kill();
}

void service_prepare(void)
{
    char path[PATH_SIZE];
    const bool first = directory[0] == '\0';

    snprintf(directory, sizeof(directory), "%s/totpd-XXXXXX", tap_dir());
    host_need(mkdtemp(directory) != NULL && chmod(directory, 0755) == 0, directory);
    /* Everybody may ask. */
    host_need(chmod(tap_dir(), 0711) == 0, tap_dir());
    host_need(mkdir(path_of("run", path, sizeof(path)), 0755) == 0, path);
    path_of("run/totpd", socket_path, sizeof(socket_path));
    errno = ENAMETOOLONG;
    host_need(strlen(socket_path) < sizeof(((struct sockaddr_un *)0)->sun_path), socket_path);
    host_need(clock_share(path_of("clock", path, sizeof(path))), path);
    /* What totpd leaves behind when it is killed becomes ours to wait for. */
    host_need(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0, "prctl");
    owner = getpid();
    if (first)
        atexit(end_with_test);
}

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

static bool answers(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, socket_path, strlen(socket_path));
    bool fine = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return fine;
}

static void print_log(void)
{
    char path[PATH_SIZE], line[1024];
    FILE *file = fopen(path_of("log", path, sizeof(path)), "re");

    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        tap_note("%.*s", (int)strcspn(line, "\n"), line);
    if (file != NULL)
        fclose(file);
}

static _Noreturn void become_totpd(pid_t parent)
{
    char program[PATH_SIZE], clock[PATH_SIZE], log[PATH_SIZE], conf[PATH_SIZE], path[PATH_SIZE];
    char preload[PATH_SIZE + 16], page[PATH_SIZE + 32], options[256], built[PATH_SIZE + 16];
    const char *asan = getenv("ASAN_OPTIONS");
    char *const environment[] = {preload, page, options, built, NULL};

    host_built("totpd/totpd", program, sizeof(program));
    host_built(".libs/frozen_clock.so", clock, sizeof(clock));
    host_path("totp.conf", conf, sizeof(conf));
    snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", clock);
    snprintf(page, sizeof(page), CLOCK_VARIABLE "=%s", path_of("clock", path, sizeof(path)));
    snprintf(options, sizeof(options), "ASAN_OPTIONS=verify_asan_link_order=0:%.200s",
             asan != NULL ? asan : "");
    snprintf(built, sizeof(built), "builddir=%s", host_built(".", path, sizeof(path)));
    int fd =
        open(path_of("log", log, sizeof(log)), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
        getppid() != parent)
        _exit(126);
    execve(program,
           (char *const[]){(char *)"totpd", (char *)"--config", conf, (char *)"--listen",
                           socket_path, NULL},
           environment);
    _exit(127);
}

static bool wait_for(pid_t pid, int *status)
{
    double end = seconds() + PATIENCE;
    pid_t found;

    while ((found = waitpid(pid, status, WNOHANG)) == 0 && seconds() < end)
        nap();
    return found == pid;
}

static void wait_for_orphans(void)
{
    int status = 0;

    while (orphan_count > 0)
        was_unsound = !wait_for(orphans[--orphan_count], &status) || was_unsound;
}

void service_start(void)
{
    double end = seconds() + PATIENCE;
    pid_t parent = getpid();

    wait_for_orphans();
    fflush(stdout);
    service = fork();
    host_need(service >= 0, "fork");
    if (service == 0)
        become_totpd(parent);
    while (!answers()) {
        bool ended = waitpid(service, NULL, WNOHANG) != 0;
        if (ended || seconds() > end) {
            service = ended ? 0 : service;
            print_log();
            printf("Bail out! totpd does not listen\n");
            exit(1);
        }
        nap();
    }
}

bool service_is_there(void)
{
    return service != 0;
}

size_t service_workers(pid_t *workers, size_t max)
{
    char path[64];
    size_t count = 0;
    int pid = 0;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)service, (int)service);
    FILE *file = fopen(path, "re");
    host_need(file != NULL, path);
    while (count < max && fscanf(file, "%d", &pid) == 1)
        workers[count++] = pid;
    fclose(file);
    return count;
}

void service_kill_workers(void)
{
    pid_t workers[WORKERS_MAX];
    size_t count = service_workers(workers, WORKERS_MAX);

    was_killed = true;
    for (size_t i = 0; i < count; i++)
        kill(workers[i], SIGKILL);
}

/* Stopped first: it must not start another one meanwhile. */
void service_kill(void)
{
    int status = 0;

    if (service == 0)
        return;
    was_killed = true;
    kill(service, SIGSTOP);
    (void)waitpid(service, &status, WUNTRACED);
    wait_for_orphans();
    orphan_count = service_workers(orphans, WORKERS_MAX);
    kill(service, SIGKILL);
    was_unsound = !wait_for(service, &status) || was_unsound;
    service = 0;
}

void service_stop(void)
{
    int status = 0;

    if (service == 0)
        return;
    kill(service, SIGTERM);
    if (!wait_for(service, &status))
        service_kill();
    service = 0;
    if (status == 0)
        return;
    was_unsound = true;
    print_log();
}

void service_rest(void)
{
    if (service_is_way())
        service_stop();
}

void service_wake(void)
{
    if (service_is_way())
        service_start();
}

bool service_was_there(void)
{
    char path[PATH_SIZE];

    return access(path_of("log", path, sizeof(path)), F_OK) == 0;
}

bool service_was_sound(void)
{
    static const char *const words[] = {"a worker died", "a worker ended", "a worker was killed",
                                        "Sanitizer"};
    char path[PATH_SIZE], line[1024];
    FILE *file = fopen(path_of("log", path, sizeof(path)), "re");

    wait_for_orphans();
    bool sound = !was_unsound;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        for (size_t i = was_killed ? 1 : 0; i < ARRAY_SIZE(words); i++)
            sound = sound && strstr(line, words[i]) == NULL;
    if (file != NULL)
        fclose(file);
    if (!sound)
        print_log();
    return sound;
}
