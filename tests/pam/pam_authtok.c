/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests: stands before or behind the module in a stack. "set=PASSWORD" plays an earlier module
 * that has asked for the password; "see" logs the one that is handed on. It never has a say. */
#include "config.h"

#include <string.h>
#pragma GCC visibility push(default)
#include <security/pam_modules.h>
#pragma GCC visibility pop
#include <security/pam_ext.h>

int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    const void *password = NULL;

    (void)flags;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "set=", 4) == 0 &&
            pam_set_item(pamh, PAM_AUTHTOK, argv[i] + 4) != PAM_SUCCESS)
            return PAM_SYSTEM_ERR;
        if (strcmp(argv[i], "see") == 0 &&
            pam_get_item(pamh, PAM_AUTHTOK, &password) == PAM_SUCCESS)
            pam_syslog(pamh, 6, "authtok=<%s>", password != NULL ? (const char *)password : "none");
    }
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
