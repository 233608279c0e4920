/* SPDX-License-Identifier: BSD-2-Clause */
/* The module loads its engine from where it is installed; in a test, that is the build. The program
 * that links this is asked for dlopen before the C library is. */
#include "config.h"

#include "base.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void *dlopen_fn(const char *path, int flags);

__attribute__((visibility("default"))) void *dlopen(const char *path, int flags)
{
    const char *builddir = getenv("builddir");
    char built[PATH_MAX], real[PATH_MAX];
    dlopen_fn *next = (dlopen_fn *)(uintptr_t)dlsym(RTLD_NEXT, "dlopen");

    snprintf(built, sizeof(built), "%s/.libs/engine.so", builddir != NULL ? builddir : ".");
    if (path != NULL && strcmp(path, ENGINE_PATH) == 0 && realpath(built, real) != NULL)
        path = real;
    return next(path, flags);
}
