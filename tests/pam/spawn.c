/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "pam/spawn.h"

#include <dlfcn.h>
#include <limits.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef __typeof__(posix_spawn) spawn_fn;

static atomic_bool no_mail;
static atomic_uint count;

void spawn_forbid(bool forbidden)
{
    no_mail = forbidden;
}

unsigned spawn_count(void)
{
    return count;
}

__attribute__((visibility("default"))) int posix_spawn(pid_t *pid, const char *path,
                                                       const posix_spawn_file_actions_t *actions,
                                                       const posix_spawnattr_t *attributes,
                                                       char *const argv[], char *const envp[])
{
    const char *builddir = getenv("builddir");
    char built[PATH_MAX], real[PATH_MAX];
    spawn_fn *next = (spawn_fn *)(uintptr_t)dlsym(RTLD_NEXT, "posix_spawn");

    if (strcmp(path, MAIL_PATH) == 0) {
        count++;
        snprintf(built, sizeof(built), "%s/mail/totp-mail", builddir != NULL ? builddir : ".");
        path = no_mail ? "/nonexistent/totp-mail" : realpath(built, real);
    }
    return next(pid, path != NULL ? path : MAIL_PATH, actions, attributes, argv, envp);
}
