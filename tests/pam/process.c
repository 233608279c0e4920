/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "process.h"

#include <dirent.h>
#include <libintl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static unsigned list(const char *path, char *names, size_t size)
{
    DIR *directory = opendir(path);
    unsigned count = 0;
    size_t used = 0;

    names[0] = '\0';
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL; count++)
        if (used < size)
            used += (size_t)snprintf(names + used, size - used, "%s ", entry->d_name);
    if (directory != NULL)
        closedir(directory);
    return count;
}

void process_look(struct process *process)
{
    char names[1024];
    size_t used = 0;

    memset(process, 0, sizeof(*process));
    process->entries = list("/proc/self/fd", process->descriptors, sizeof(process->descriptors));
    process->threads = list("/proc/self/task", names, sizeof(names));
    for (char **p = environ; *p != NULL && used < sizeof(process->environment); p++)
        used += (size_t)snprintf(process->environment + used, sizeof(process->environment) - used,
                                 "%s\n", *p);
    if (getcwd(process->directory, sizeof(process->directory)) == NULL)
        process->directory[0] = '\0';
    process->mask = umask(0);
    umask(process->mask);
    snprintf(process->locale, sizeof(process->locale), "%s", setlocale(LC_ALL, NULL));
    snprintf(process->domain, sizeof(process->domain), "%s", textdomain(NULL));
    for (int i = 1; i < NSIG; i++) {
        struct sigaction action = {0};
        sigaction(i, NULL, &action);
        process->signals[i].handler = action.sa_handler;
        process->signals[i].flags = action.sa_flags;
        memcpy(&process->signals[i].mask, &action.sa_mask, sizeof(process->signals[i].mask));
    }
    sigprocmask(SIG_SETMASK, NULL, &process->blocked);
    process->uid = getuid();
    process->euid = geteuid();
    getrlimit(RLIMIT_CORE, &process->core);
}
