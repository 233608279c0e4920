/* SPDX-License-Identifier: BSD-2-Clause */
/* The host process of bench_login: bench_worker CONFDIR SERVICE COUNT warm|cold. Links libpam, and
 * libcrypto only when it is to be warm, as in sshd: the rest is what a module brings with it. */
#include "config.h"

#include "job.h"
#include "pam/clock.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define INTERPOSED __attribute__((visibility("default")))
INTERPOSED int clock_gettime(clockid_t clock, struct timespec *now);
INTERPOSED time_t time(time_t *now);

static int64_t frozen;
static struct clock_page *page; /* what the service sees; NULL: there is none */

int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (clock != CLOCK_REALTIME)
        return (int)syscall(SYS_clock_gettime, clock, now);
    *now = (struct timespec){.tv_sec = frozen};
    return 0;
}

time_t time(time_t *now)
{
    if (now != NULL)
        *now = frozen;
    return frozen;
}

static double stopwatch(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int converse(int count, const struct pam_message **messages, struct pam_response **responses,
                    void *context)
{
    const struct job *job = context;
    struct pam_response *given = calloc((size_t)count, sizeof(*given));

    for (int i = 0; given != NULL && i < count; i++)
        if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF ||
            messages[i]->msg_style == PAM_PROMPT_ECHO_ON)
            given[i].resp = strdup(job->code);
    *responses = given;
    return given != NULL ? PAM_SUCCESS : PAM_BUF_ERR;
}

static void no_delay(int result, unsigned microseconds, void *context)
{
    (void)result;
    (void)microseconds;
    (void)context;
}

static void log_in(const char *confdir, const char *service, struct job *job, struct result *result)
{
    const struct pam_conv conversation = {.conv = converse, .appdata_ptr = job};
    union {
        void (*function)(int, unsigned, void *);
        const void *item;
    } delay = {.function = no_delay};
    pam_handle_t *handle = NULL;

    frozen = job->now;
    if (page != NULL)
        page->seconds = job->now;
    double start = stopwatch();
    result->code = pam_start_confdir(service, job->user, &conversation, confdir, &handle);
    if (result->code == PAM_SUCCESS) {
        pam_set_item(handle, PAM_FAIL_DELAY, delay.item);
        result->code = pam_authenticate(handle, 0);
        pam_end(handle, result->code);
    }
    result->seconds = stopwatch() - start;
}

static void find_page(void)
{
    const char *path = getenv(CLOCK_VARIABLE);
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *shared = MAP_FAILED;

    if (fd >= 0) {
        shared = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
    }
    page = shared != MAP_FAILED ? shared : NULL;
}

/* An HMAC, as every sshd has computed before it asks PAM anything. */
static int warm_up(void)
{
    typedef void *mac_fn(void *, const char *, const char *, const char *, const void *,
                         const void *, size_t, const void *, size_t, void *, size_t, size_t *);
    unsigned char out[64];
    size_t length = 0;
    union {
        void *symbol;
        mac_fn *function;
    } mac = {.symbol = NULL};
    void *library = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_GLOBAL);

    if (library != NULL)
        mac.symbol = dlsym(library, "EVP_Q_mac");
    return mac.symbol != NULL && mac.function(NULL, "HMAC", NULL, "SHA1", NULL, "key", 3, "text", 4,
                                              out, sizeof(out), &length) != NULL
               ? 0
               : -1;
}

int main(int argc, char **argv)
{
    struct job job;

    if (argc != 5 || (strcmp(argv[4], "warm") == 0 && warm_up() != 0))
        return 2;
    find_page();
    for (long left = strtol(argv[3], NULL, 10);
         left > 0 && read(JOBS_FD, &job, sizeof(job)) == (ssize_t)sizeof(job); left--) {
        struct result result = {0};
        log_in(argv[1], argv[2], &job, &result);
        if (write(RESULTS_FD, &result, sizeof(result)) != (ssize_t)sizeof(result))
            return 1;
    }
    return 0;
}
