/* SPDX-License-Identifier: BSD-2-Clause */
/* What a login costs: this module, pam_google_authenticator (rate limit on, reuse disallowed),
 * pam_oath and pam_permit, in one run, through the real libpam.
 *
 *   make bench                   about a minute; as root, since pam_google_authenticator needs it
 *
 * Every login has a fresh code: the clock that modules see moves one step a login. "Going on": one
 * process logs in again and again and has libcrypto warm, as sshd has. "Fresh": a process a login
 * that has nothing, as sudo and su. Times are from pam_start to pam_end, loading the module
 * included. "8 at once" are eight processes that share one queue of logins. With one user, codes
 * older than one already accepted are refused, as they must be; nothing else may be.
 *
 * What one login does to the disk is what follows the worker's execve in
 *   strace -f -e trace=execve,fdatasync,fsync tests/bench/bench_login one */
#include "config.h"

#include "job.h"
#include "pam/host.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define USERS 64
#define WORKERS 8
#define LOGINS_MAX 400
#define CROWD 100000
#define BATCH 500
#define SECRET "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
#define SECRET_HEX "48656c6c6f21deadbeef48656c6c6f21deadbeef"
#define FIRST_STEP INT64_C(60000000)

static int64_t step = FIRST_STEP;
static struct account person;

static const char *const modules[] = {"pam_totp", "pam_google_authenticator", "pam_oath",
                                      "pam_permit"};
#define GOOGLE 1

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
    snprintf(text, sizeof(text), "auth required %.600s config=%s\n", real,
             host_path("totp.conf", conf, sizeof(conf)));
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
    double median, p99, accepted;
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

    need(pipe2(jobs, O_CLOEXEC) == 0 && pipe2(results, O_CLOEXEC) == 0, "pipe");
    for (unsigned i = 0; !scene->fresh && i < scene->workers; i++)
        start_worker(service, scene, jobs[0], results[1]);
    for (; done < scene->logins; done += round_size(scene)) {
        fill_queue(jobs[1], scene);
        if (scene->fresh)
            run_fresh(service, scene, jobs[0], results[1]);
        accepted += read_results(results[0], scene, seconds + done);
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
                                .accepted = 100.0 * accepted / done};
}

static void print_row(const char *scene, const char *module, const struct figures *figures,
                      double google)
{
    char ratio[16] = "";

    if (google > 0)
        snprintf(ratio, sizeof(ratio), "%.2f", figures->median / google);
    printf("%-30s %-25s %8.2f %8.2f %7.1f%% %9s\n", scene, module, figures->median, figures->p99,
           figures->accepted, ratio);
    fflush(stdout);
}

static void compare(const struct scene *scene)
{
    struct figures figures[ARRAY_SIZE(modules)];

    for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
        measure(modules[i], scene, &figures[i]);
    for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
        print_row(i == 0 ? scene->name : "", modules[i], &figures[i], figures[GOOGLE].median);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

int main(int argc, char **argv)
{
    static const struct scene one = {"one login", false, 1, 1, 1};
    const char *parent = getenv("TMPDIR");
    char directory[256];
    struct figures figures = {0};

    snprintf(directory, sizeof(directory), "%s/totp-bench-XXXXXX",
             parent != NULL ? parent : "/tmp");
    need(mkdtemp(directory) != NULL, directory);
    host_make(directory);
    set_up_store(0);
    set_up_others();
    set_up_stacks();
    printf("%-30s %-25s %8s %8s %8s %9s\n", "ms a login", "module", "median", "p99", "accepted",
           "to google");
    if (argc == 2 && strcmp(argv[1], "one") == 0) {
        measure(modules[0], &one, &figures);
        print_row(one.name, modules[0], &figures, 0);
    } else {
        for (size_t i = 0; i < ARRAY_SIZE(scenes); i++)
            compare(&scenes[i]);
        host_make(directory);
        set_up_store(CROWD);
        set_up_stacks();
        measure(modules[0], &scenes[0], &figures);
        print_row("going on, 100,000 accounts", modules[0], &figures, 0);
        measure(modules[0], &scenes[4], &figures);
        print_row("fresh, 100,000 accounts", modules[0], &figures, 0);
    }
    nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
