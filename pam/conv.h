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
 * PAM_CONV_ERR (the conversation failed or gave nothing), PAM_INCOMPLETE, PAM_AUTH_ERR (an answer
 * too long to be one). */
int conv_ask(pam_handle_t *pamh, bool echo, const char *prompt, struct answer *answer) MUST_CHECK;

/* Tells the person something: PAM_TEXT_INFO or PAM_ERROR_MSG. An application that does not show it
 * loses nothing. */
void conv_tell(pam_handle_t *pamh, int style, const char *text);

#endif
