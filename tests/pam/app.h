/* SPDX-License-Identifier: BSD-2-Clause */
/* The authenticator app of somebody who enrols at a login: it takes the secret from the text that
 * was shown, and shows codes by the test's clock. */
#ifndef TOTP_TESTS_APP_H
#define TOTP_TESTS_APP_H

#include "login.h"

/* The line with the secret that was shown last, as it was shown. false: there is none. */
bool app_read_secret(const struct login *login, char *out, size_t size);

/* The code that the app shows now; empty where no secret was shown. */
const char *app_code(const struct login *login);

/* For login->answer: the app's code where a first code is asked for, "yes" where it is asked
 * whether the tokens are kept, else the answer of the list. */
const char *app_answer(struct login *login);

/* The same of somebody who mistypes every code. */
const char *app_answer_wrongly(struct login *login);

#endif
