/* SPDX-License-Identifier: BSD-2-Clause */
/* Hands notices to the program totp-mail, which makes messages of them; floor 4.
 *
 * 1. Nobody waits for a message to be delivered, nor for sendmail: totp-mail is asked over its
 * socket "mail" beside the service's, where root listens and it takes the notice, else started, and
 * works on alone. That it has taken it is waited for, not for long: a message that goes twice harms
 * nobody.
 * 2. What is secret in a notice travels through a pipe or that socket, never in an argument.
 * 3. That it cannot be delivered is for totp-mail to log and to record. */
#ifndef TOTP_MAIL_H
#define TOTP_MAIL_H

#include "notice.h"
#include "option.h"

#define MAIL_HOST_SIZE 256
#define MAIL_MESSAGE_MAX (16 * 1024) /* with the newline that ends it */

/* What totp-mail is asked: one line of JSON. Over a socket it answers with a newline that it has
 * taken it, and believes nothing of the host's settings: it has its own configuration, which must
 * be the one that is named, with the same store. */
struct mail {
    char config[CONF_TEXT_SIZE];    /* the file */
    char sendmail[CONF_TEXT_SIZE];  /* the command */
    char from[CONF_TEXT_SIZE];      /* an address; empty: as sendmail has it */
    char languages[CONF_TEXT_SIZE]; /* of the message, as in $LANGUAGE; empty: English */
    char store[CONF_TEXT_SIZE];     /* where a failure is recorded */
    char host[MAIL_HOST_SIZE];
    struct notice notice;
};

/* Hands over the notices that conf wants sent. ERR_*: one or more could not be handed over, err
 * says why; the others were. */
int mail_send(const struct conf *conf, const char *host, const struct outbox *outbox,
              struct err *err) MUST_CHECK;

/* Takes apart the line, of length bytes with its newline. ERR_SYNTAX. Wiped by mail_clear. */
int mail_read(char *line, size_t length, struct mail *mail) MUST_CHECK;
void mail_clear(struct mail *mail);

#endif
