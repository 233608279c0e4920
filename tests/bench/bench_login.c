/* SPDX-License-Identifier: BSD-2-Clause */
/* What a login costs: this module, asking the service and doing it itself, pam_google_authenticator
 * (rate limit on, reuse disallowed), pam_oath and pam_permit, in one run, through the real libpam.
 *
 *   make bench                   about a minute; as root, since pam_google_authenticator needs it
 *
 * Every login has a fresh code: the clock that modules see moves one step a login. "Going on": one
 * process logs in again and again and has libcrypto warm, as sshd has. "Fresh": a process a login
 * that has nothing, as sudo and su. Times are from pam_start to pam_end, loading the module
 * included. "8 at once" are eight processes that share one queue of logins; how many there are a
 * second includes what it takes to start the processes. With one user, codes older than one already
 * accepted are refused, as they must be; nothing else may be. The service has one clock for all:
 * with one user and eight processes nearly every code is of another moment than that shows.
 *
 * What one login does to the disk is what follows the worker's execve in
 *   strace -f -e trace=execve,fdatasync,fsync tests/bench/bench_login one */
#include "config.h"

#include "job.h"
#include "pam/clock.h"
#include "pam/host.h"
#include "pam/service.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define USERS 64
#define WORKERS 8
#define LOGINS_MAX 400
#define CROWD 100000
#define WORKERS_STAY 40 /* seconds: they leave before that when nobody asks */
#define BATCH 500
#define SECRET "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
#define SECRET_HEX "48656c6c6f21deadbeef48656c6c6f21deadbeef"
#define FIRST_STEP INT64_C(60000000)

static int64_t step = FIRST_STEP;
static struct account person;

static const char *const modules[] = {"pam_totp_service", "pam_totp", "pam_google_authenticator",
                                      "pam_oath", "pam_permit"};
#define SERVICE 0
#define DIRECT 1
#define GOOGLE 2

static const struct scene {
    const char *name;
    bool fresh;
    unsigned workers, users, logins;
} scenes[] = {
    {"going on, alone, 1 user", false, 1, 1, 400},
    {"going on, alone, 64 users", false, 1, USERS, 6 * USERS},
    {"going on, 8 at once, 1 user", false, WORKERS, 1, 400},
    {"going on, 8 at once, 64 users", false, WORKERS, USERS, 6 * USERS},
    {"fresh, alone, 1 user", true, 1, 1, 100},
    {"fresh, alone, 64 users", true, 1, USERS, 2 * USERS},
    {"fresh, 8 at once, 1 user", true, WORKERS, 1, 160},
    {"fresh, 8 at once, 64 users", true, WORKERS, USERS, 3 * USERS},
};

static void need(bool fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "bench_login: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double stopwatch(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void write_text(const char *name, mode_t mode, const char *text)
{
    char path[512];
    FILE *file = fopen(host_path(name, path, sizeof(path)), "we");

    need(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0 && chmod(path, mode) == 0,
         path);
}

static const char *built(const char *name, char *out, size_t size)
{
    const char *builddir = getenv("builddir");

    snprintf(out, size, "%s/%s", builddir != NULL ? builddir : ".", name);
    need(access(out, R_OK) == 0, out);
    return out;
}

static void user_name(size_t index, char name[static 32])
{
    snprintf(name, 32, "user%02zu", index);
}

static void set_up_stacks(void)
{
    char text[2048], module[512], conf[512], real[4096];

    need(realpath(built(".libs/pam_totp.so", module, sizeof(module)), real) != NULL, module);
    host_path("totp.conf", conf, sizeof(conf));
    snprintf(text, sizeof(text), "auth required %.600s config=%s\n", real, conf);
    write_text("pam.d/pam_totp_service", 0644, text);
    snprintf(text, sizeof(text), "auth required %.600s config=%s socket=\n", real, conf);
    write_text("pam.d/pam_totp", 0644, text);
    snprintf(text, sizeof(text), "auth required pam_google_authenticator.so user=root secret=%s\n",
             host_path("google/${USER}", conf, sizeof(conf)));
    write_text("pam.d/pam_google_authenticator", 0644, text);
    snprintf(text, sizeof(text), "auth required pam_oath.so usersfile=%s window=2\n",
             host_path("oath", conf, sizeof(conf)));
    write_text("pam.d/pam_oath", 0644, text);
    write_text("pam.d/pam_permit", 0644, "auth required pam_permit.so\n");
}

static void set_up_others(void)
{
    char path[512], lines[USERS * 80] = "", name[32];
    size_t used = 0;

    need(mkdir(host_path("google", path, sizeof(path)), 0700) == 0, path);
    for (size_t i = 0; i < USERS; i++) {
        user_name(i, name);
        snprintf(path, sizeof(path), "google/%s", name);
        write_text(path, 0400,
                   SECRET
                   "\n\" RATE_LIMIT 3 30\n\" WINDOW_SIZE 3\n\" DISALLOW_REUSE\n\" TOTP_AUTH\n");
        used += (size_t)snprintf(lines + used, sizeof(lines) - used, "HOTP/T30\t%s\t-\t%s\n", name,
                                 SECRET_HEX);
    }
    write_text("oath", 0600, lines);
}

/* Those who log in are users of this host, in a mount name space of this program: a lookup that
 * fails would cost more than one that does not. */
static void set_up_users(void)
{
    char path[512], line[256], name[32];
    FILE *in = fopen("/etc/passwd", "re"),
         *out = fopen(host_path("passwd", path, sizeof(path)), "we");

    need(in != NULL && out != NULL, "/etc/passwd");
    while (fgets(line, sizeof(line), in) != NULL)
        fputs(line, out);
    for (unsigned i = 0; i < USERS; i++) {
        user_name(i, name);
        fprintf(out, "%s:x:%u:%u::/:/bin/sh\n", name, 20000 + i, 20000 + i);
    }
    need(fclose(in) == 0 && fclose(out) == 0 && chmod(path, 0644) == 0, path);
    need(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
             mount(path, "/etc/passwd", NULL, MS_BIND, NULL) == 0,
         "mount");
}

/* count people beside those who log in. */
static void set_up_store(size_t count)
{
    struct account *people = calloc(BATCH, sizeof(*people));
    char name[32];

    need(people != NULL, "memory");
    for (size_t i = 0; i < USERS; i++) {
        user_name(i, name);
        person_init(&people[i], name, SECRET);
    }
    person_save(people, USERS);
    for (size_t done = 0; done < count; done += BATCH) {
        for (size_t i = 0; i < BATCH; i++) {
            snprintf(name, sizeof(name), "crowd%06zu", done + i);
            person_init(&people[i], name, SECRET);
        }
        person_save(people, BATCH);
    }
    free(people);
    person_init(&person, "user00", SECRET);
}

/* One round: every user once, or all of one user's codes. */
static unsigned round_size(const struct scene *scene)
{
    return scene->users == 1 ? scene->logins : scene->users;
}

static void fill_queue(int jobs, const struct scene *scene)
{
    for (unsigned n = 0; n < round_size(scene); n++) {
        struct job job = {0};
        char code[9];
        if (n % scene->users == 0)
            step++;
        job.now = step * 30;
        user_name(n % scene->users, job.user);
        person_code(&person, step, code);
        memcpy(job.code, code, sizeof(code));
        need(write(jobs, &job, sizeof(job)) == (ssize_t)sizeof(job), "queue");
    }
}

static void start_worker(const char *service, const struct scene *scene, int jobs, int results)
{
    char program[512], confdir[512];

    built("tests/bench/bench_worker", program, sizeof(program));
    host_path("pam.d", confdir, sizeof(confdir));
    const char *const argv[] = {
        program, confdir, service, scene->fresh ? "1" : "1000000", scene->fresh ? "cold" : "warm",
        NULL};
    pid_t child = fork();
    need(child >= 0, "fork");
    if (child == 0) {
        /* Above both numbers first, so that neither overwrites the other. */
        int in = fcntl(jobs, F_DUPFD, 10), out = fcntl(results, F_DUPFD, 10);
        if (dup2(in, JOBS_FD) >= 0 && dup2(out, RESULTS_FD) >= 0) {
            close(in);
            close(out);
            execv(program, (char *const *)(uintptr_t)argv);
        }
        _exit(127);
    }
}

static void wait_worker(void)
{
    int status = 0;

    need(wait(&status) > 0 && status == 0, "a worker failed");
}

/* What one module did in one scene. */
struct figures {
    double median, p99, accepted, a_second;
};

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void run_fresh(const char *service, const struct scene *scene, int jobs, int results)
{
    unsigned started = 0, running = 0;

    while (started < round_size(scene) || running > 0) {
        if (started < round_size(scene) && running < scene->workers) {
            start_worker(service, scene, jobs, results);
            started++, running++;
        } else {
            wait_worker();
            running--;
        }
    }
}

static unsigned read_results(int results, const struct scene *scene, double *seconds)
{
    unsigned accepted = 0;

    for (unsigned n = 0; n < round_size(scene); n++) {
        struct result result = {0};
        need(read(results, &result, sizeof(result)) == (ssize_t)sizeof(result), "results");
        seconds[n] = result.seconds * 1e3;
        accepted += result.code == 0;
    }
    return accepted;
}

static void measure(const char *service, const struct scene *scene, struct figures *figures)
{
    double seconds[LOGINS_MAX];
    int jobs[2], results[2];
    unsigned accepted = 0, done = 0;
    double busy = 0;

    need(pipe2(jobs, O_CLOEXEC) == 0 && pipe2(results, O_CLOEXEC) == 0, "pipe");
    for (unsigned i = 0; !scene->fresh && i < scene->workers; i++)
        start_worker(service, scene, jobs[0], results[1]);
    for (; done < scene->logins; done += round_size(scene)) {
        double start = stopwatch();
        fill_queue(jobs[1], scene);
        if (scene->fresh)
            run_fresh(service, scene, jobs[0], results[1]);
        accepted += read_results(results[0], scene, seconds + done);
        busy += stopwatch() - start;
    }
    close(jobs[1]);
    for (unsigned i = 0; !scene->fresh && i < scene->workers; i++)
        wait_worker();
    close(jobs[0]);
    close(results[0]);
    close(results[1]);
    step += 10; /* nothing of this scene is in a window of the next */
    qsort(seconds, done, sizeof(seconds[0]), by_value);
    *figures = (struct figures){.median = seconds[done / 2],
                                .p99 = seconds[done * 99 / 100],
                                .accepted = 100.0 * accepted / done,
                                .a_second = done / busy};
}

static void print_ratio(double value, double google)
{
    if (google > 0)
        printf(" %6.2f", value / google);
    else
        printf(" %6s", "");
}

/* google: what to compare with, or nothing but zeros. */
static void print_row(const char *scene, const char *module, const struct figures *figures,
                      const struct figures *google)
{
    printf("%-28s %-24s %7.2f %7.2f", scene, module, figures->median, figures->p99);
    print_ratio(figures->median, google->median);
    printf(" %8.0f", figures->a_second);
    print_ratio(figures->a_second, google->a_second);
    printf(" %7.1f%%\n", figures->accepted);
    fflush(stdout);
}

static void compare(const struct scene *scene)
{
    struct figures figures[ARRAY_SIZE(modules)];

    for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
        measure(modules[i], scene, &figures[i]);
    for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
        print_row(i == 0 ? scene->name : "", modules[i], &figures[i], &figures[GOOGLE]);
}

/* One line of /proc/PID/smaps_rollup, in KiB. */
static long memory_of(pid_t pid, const char *what)
{
    char path[64], line[256];
    size_t length = strlen(what);
    long kib = 0;

    snprintf(path, sizeof(path), "/proc/%ld/smaps_rollup", (long)pid);
    FILE *file = fopen(path, "re");
    need(file != NULL, path);
    while (fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, what, length) == 0 && line[length] == ':')
            kib = strtol(line + length + 1, NULL, 10);
    fclose(file);
    return kib;
}

/* Pss: pages that others have mapped too, such as libcrypto's, count in part. */
static void print_memory(void)
{
    pid_t processes[16] = {service_pid()};
    size_t count = 1 + service_workers(processes + 1, ARRAY_SIZE(processes) - 1);
    long resident = 0, proportional = 0;

    for (size_t i = 0; i < count; i++) {
        resident += memory_of(processes[i], "Rss");
        proportional += memory_of(processes[i], "Pss");
    }
    printf("memory of the service: %zu processes, %ld KiB resident, %ld KiB proportional; "
           "totpd alone %ld KiB resident\n",
           count, resident, proportional, memory_of(processes[0], "Rss"));
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static void set_up(const char *directory, size_t crowd)
{
    char clock[512];

    host_make(directory);
    set_up_store(crowd);
    set_up_stacks();
    /* Who logs in says what time it is. */
    need(setenv(CLOCK_VARIABLE, service_clock(clock, sizeof(clock)), 1) == 0, "setenv");
}

static void bench_all(const char *directory)
{
    const struct figures none = {0};
    struct figures figures = {0};

    for (size_t i = 0; i < ARRAY_SIZE(scenes); i++)
        compare(&scenes[i]);
    print_memory();
    for (int i = 0; i < WORKERS_STAY && service_workers(&(pid_t){0}, 1) > 0; i++)
        sleep(1);
    print_memory();
    service_stop();
    set_up(directory, CROWD);
    service_start();
    for (size_t i = SERVICE; i <= DIRECT; i++) {
        measure(modules[i], &scenes[0], &figures);
        print_row("going on, 100,000 accounts", modules[i], &figures, &none);
        measure(modules[i], &scenes[4], &figures);
        print_row("fresh, 100,000 accounts", modules[i], &figures, &none);
    }
}

int main(int argc, char **argv)
{
    static const struct scene one = {"one login", false, 1, 1, 1};
    const struct figures none = {0};
    const char *parent = getenv("TMPDIR");
    char directory[256];
    struct figures figures = {0};

    snprintf(directory, sizeof(directory), "%s/totp-bench-XXXXXX",
             parent != NULL ? parent : "/tmp");
    need(mkdtemp(directory) != NULL, directory);
    set_up(directory, 0);
    set_up_users();
    set_up_others();
    printf("%-28s %-24s %7s %7s %6s %8s %6s %8s\n", "ms a login", "module", "median", "p99",
           "google", "a second", "google", "accepted");
    if (argc == 2 && strcmp(argv[1], "one") == 0) {
        measure(modules[DIRECT], &one, &figures);
        print_row(one.name, modules[DIRECT], &figures, &none);
    } else {
        service_start();
        bench_all(directory);
        service_stop();
    }
    nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    nftw(tap_dir(), remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
