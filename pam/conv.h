/* SPDX-License-Identifier: BSD-2-Clause */
/* The application's conversation, as the module uses it; floor 6. */
#ifndef TOTP_CONV_H
#define TOTP_CONV_H

#include "secret.h"

#include <security/pam_appl.h>

/* Copies what was typed. What is too long to be an answer becomes one that is none, so that it is
 * judged, counted and logged like any other. */
void conv_keep(const char *typed, struct answer *answer);

/* Asks one question and copies the answer; what libpam returned is wiped at once. PAM_SUCCESS,
 * PAM_CONV_ERR (the conversation failed or gave nothing), PAM_INCOMPLETE. */
int conv_ask(pam_handle_t *pamh, bool echo, const char *prompt, struct answer *answer) MUST_CHECK;

/* The same for a new password, hidden: what is too long is no password, PAM_AUTHTOK_ERR. */
int conv_ask_new(pam_handle_t *pamh, const char *prompt, struct answer *answer) MUST_CHECK;

/* Tells the person something: PAM_TEXT_INFO or PAM_ERROR_MSG. PAM_SUCCESS, or what the application
 * said to it. */
int conv_tell(pam_handle_t *pamh, int style, const char *text);

#endif
