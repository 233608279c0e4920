/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tap.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static unsigned tests, failed;
static char directory[256];
static pid_t owner;

bool tap_ok(bool condition, const char *file, int line, const char *name, ...)
{
    va_list ap;

    tests++;
    printf("%s %u - ", condition ? "ok" : "not ok", tests);
    va_start(ap, name);
    vprintf(name, ap);
    va_end(ap);
    printf("\n");
    if (!condition) {
        failed++;
        printf("# failed at %s:%d\n", file, line);
    }
    fflush(stdout);
    return condition;
}

void tap_skip(const char *reason, ...)
{
    va_list ap;

    tests++;
    printf("ok %u # SKIP ", tests);
    va_start(ap, reason);
    vprintf(reason, ap);
    va_end(ap);
    printf("\n");
}

void tap_note(const char *text, ...)
{
    va_list ap;

    printf("# ");
    va_start(ap, text);
    vprintf(text, ap);
    va_end(ap);
    printf("\n");
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

const char *tap_dir(void)
{
    const char *parent = getenv("TMPDIR");

    if (directory[0] != '\0')
        return directory;
    snprintf(directory, sizeof(directory), "%s/totp-test-XXXXXX", parent ? parent : "/tmp");
    if (mkdtemp(directory) == NULL) {
        printf("Bail out! mkdtemp failed\n");
        exit(1);
    }
    owner = getpid();
    return directory;
}

int tap_done(void)
{
    if (directory[0] != '\0' && owner == getpid())
        nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    printf("1..%u\n", tests);
    fflush(stdout);
    return failed == 0 ? 0 : 1;
}
