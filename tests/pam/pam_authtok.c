/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests: stands before or behind the module in a stack. "set=PASSWORD" plays an earlier module
 * that has asked for the password, or for a new one; "see" logs the one that is handed on. In a
 * change of password, "old=PASSWORD" plays one that has asked for the old one, "user=NAME" one that
 * changes whom it is about, and "ask" one that asks something before the new one is set. It never
 * has a say. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#pragma GCC visibility push(default)
#include <security/pam_modules.h>
#pragma GCC visibility pop
#include <security/pam_ext.h>

static int act(pam_handle_t *pamh, const char *word)
{
    const void *password = NULL;

    if (strncmp(word, "set=", 4) == 0)
        return pam_set_item(pamh, PAM_AUTHTOK, word + 4);
    if (strcmp(word, "see") == 0 && pam_get_item(pamh, PAM_AUTHTOK, &password) == PAM_SUCCESS)
        pam_syslog(pamh, 6, "authtok=<%s>", password != NULL ? (const char *)password : "none");
    return PAM_SUCCESS;
}

int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)flags;
    for (int i = 0; i < argc; i++)
        if (act(pamh, argv[i]) != PAM_SUCCESS)
            return PAM_SYSTEM_ERR;
    return PAM_IGNORE;
}

int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh;
    (void)flags;
    (void)argc;
    (void)argv;
    return PAM_IGNORE;
}

static int act_on_change(pam_handle_t *pamh, int prelim, const char *word)
{
    char *answer = NULL;
    int r = PAM_SUCCESS;

    if (prelim)
        return strncmp(word, "old=", 4) == 0 ? pam_set_item(pamh, PAM_OLDAUTHTOK, word + 4)
                                             : PAM_SUCCESS;
    if (strncmp(word, "user=", 5) == 0)
        return pam_set_item(pamh, PAM_USER, word + 5);
    if (strcmp(word, "ask") != 0)
        return act(pamh, word);
    r = pam_prompt(pamh, PAM_PROMPT_ECHO_ON, &answer, "Shall we? ");
    free(answer);
    return r;
}

int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    for (int i = 0; i < argc; i++)
        if (act_on_change(pamh, (flags & PAM_PRELIM_CHECK) != 0, argv[i]) != PAM_SUCCESS)
            return PAM_SYSTEM_ERR;
    return PAM_IGNORE;
}
