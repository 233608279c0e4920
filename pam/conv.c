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

/* What is done with an answer before it is wiped. */
typedef int take_fn(const char *typed, struct answer *answer);

static int converse(pam_handle_t *pamh, bool echo, const char *prompt, take_fn *take,
                    struct answer *answer)
{
    char *response = NULL;

    int r =
        pam_prompt(pamh, echo ? PAM_PROMPT_ECHO_ON : PAM_PROMPT_ECHO_OFF, &response, "%s", prompt);
    const bool given = r == PAM_SUCCESS && response != NULL;
    const int taken = given ? take(response, answer) : 0;
    /* A conversation that fails may have left an answer all the same. */
    if (response != NULL) {
        secret_wipe(response, strlen(response));
        free(response);
    }
    if (r == PAM_CONV_AGAIN)
        return PAM_INCOMPLETE;
    if (!given)
        return PAM_CONV_ERR;
    return taken == 0 ? PAM_SUCCESS : PAM_AUTHTOK_ERR;
}

static int take_any(const char *typed, struct answer *answer)
{
    conv_keep(typed, answer);
    return 0;
}

int conv_ask(pam_handle_t *pamh, bool echo, const char *prompt, struct answer *answer)
{
    return converse(pamh, echo, prompt, take_any, answer);
}

static int take_whole(const char *typed, struct answer *answer)
{
    return answer_set(answer, typed);
}

int conv_ask_new(pam_handle_t *pamh, const char *prompt, struct answer *answer)
{
    return converse(pamh, false, prompt, take_whole, answer);
}

int conv_tell(pam_handle_t *pamh, int style, const char *text)
{
    return pam_prompt(pamh, style, NULL, "%s", text);
}
