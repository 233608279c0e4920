/* SPDX-License-Identifier: BSD-2-Clause */
/* One message on its way: written, handed to sendmail, and what went wrong told; floor 6.
 *
 * 1. Whoever waits for the message waits in vain when it fails: that is logged, and recorded as an
 * event of the account.
 * 2. Neither says what is secret in it, nor the whole address; what sendmail prints may, and is
 * left out then. */
#ifndef TOTP_DELIVER_H
#define TOTP_DELIVER_H

#include "mail.h"

#define DELIVER_SECONDS 30 /* until sendmail, which is to queue and no more, counts as hung */

/* true: sendmail has taken it. */
bool deliver(const struct mail *mail) MUST_CHECK;

#endif
