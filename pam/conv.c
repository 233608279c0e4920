/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "conv.h"

#include <security/pam_ext.h>
#include <stdlib.h>
#include <string.h>

#define NO_ANSWER "?"

void conv_keep(const char *typed, struct answer *answer)
{
    if (answer_set(answer, typed) == 0)
        return;
    memcpy(answer->text, NO_ANSWER, sizeof(NO_ANSWER));
    answer->length = sizeof(NO_ANSWER) - 1;
}

int conv_ask(pam_handle_t *pamh, bool echo, const char *prompt, struct answer *answer)
{
    char *response = NULL;

    int r =
        pam_prompt(pamh, echo ? PAM_PROMPT_ECHO_ON : PAM_PROMPT_ECHO_OFF, &response, "%s", prompt);
    const bool given = r == PAM_SUCCESS && response != NULL;
    if (given)
        conv_keep(response, answer);
    /* A conversation that fails may have left an answer all the same. */
    if (response != NULL) {
        secret_wipe(response, strlen(response));
        free(response);
    }
    if (r == PAM_CONV_AGAIN)
        return PAM_INCOMPLETE;
    return given ? PAM_SUCCESS : PAM_CONV_ERR;
}

void conv_tell(pam_handle_t *pamh, int style, const char *text)
{
    (void)pam_prompt(pamh, style, NULL, "%s", text);
}
