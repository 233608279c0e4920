/* SPDX-License-Identifier: BSD-2-Clause */
/* What people are told, in sentences: what happened, where, when, by whom, and what to do; floor 6.
 */
#ifndef TOTP_BODY_H
#define TOTP_BODY_H

#include "mail.h"
#include "mime.h"

/* Writes it in the language of the process. Values from elsewhere are shown printable, and begin no
 * line. */
void body_write(struct mime *mime, const struct mail *mail);

#endif
