/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "redirect.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void *dlopen_fn(const char *path, int flags);

static bool no_engine;
static atomic_uint given, refused;

void redirect_forbid(bool forbidden)
{
    no_engine = forbidden;
}

unsigned redirect_given(void)
{
    return given;
}

unsigned redirect_refused(void)
{
    return refused;
}

__attribute__((visibility("default"))) void *dlopen(const char *path, int flags)
{
    const char *builddir = getenv("builddir");
    char built[PATH_MAX], real[PATH_MAX];
    dlopen_fn *next = (dlopen_fn *)(uintptr_t)dlsym(RTLD_NEXT, "dlopen");

    if (path == NULL || strcmp(path, ENGINE_PATH) != 0)
        return next(path, flags);
    if (no_engine) {
        refused++;
        return next("/nonexistent/engine.so", flags);
    }
    given++;
    snprintf(built, sizeof(built), "%s/.libs/engine.so", builddir != NULL ? builddir : ".");
    return next(realpath(built, real) != NULL ? real : path, flags);
}
