/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "letter.h"

#include "body.h"
#include "encoding.h"
#include "err.h"
#include "language.h"
#include "mime.h"
#include "secret.h"

#include <stdio.h>
#include <string.h>

#define ID_BYTES 16
#define SUBJECT_SIZE (MAIL_HOST_SIZE + 256)

void letter_clear(struct letter *letter)
{
    secret_wipe(letter, sizeof(*letter));
}

/* --- the head --------------------------------------------------------------------------------- */

static void write_subject(char *out, size_t size, const struct notice *notice, const char *host)
{
    switch (notice->kind) {
    case NOTICE_CODE:
        snprintf(out, size, _("One-time code for %s"), host);
        break;
    case NOTICE_RECOVERY:
        snprintf(out, size, _("Code for a new password on %s"), host);
        break;
    case NOTICE_TOKENS:
        snprintf(out, size, _("Backup tokens for %s"), host);
        break;
    case NOTICE_DEVICE_ADDED:
        snprintf(out, size, _("A device was added on %s"), host);
        break;
    case NOTICE_DEVICE_REMOVED:
        snprintf(out, size, _("A device was removed on %s"), host);
        break;
    case NOTICE_DEVICE_DISABLED:
        snprintf(out, size, _("A device was switched off on %s"), host);
        break;
    case NOTICE_ACCOUNT_DISABLED:
        snprintf(out, size, _("Two-factor login was switched off on %s"), host);
        break;
    case NOTICE_ACCOUNT_REMOVED:
        snprintf(out, size, _("Two-factor login was removed on %s"), host);
        break;
    case NOTICE_TOKEN_USED:
        snprintf(out, size, _("A backup token was used on %s"), host);
        break;
    case NOTICE_TOKENS_RENEWED:
        if (notice->left > 0)
            snprintf(out, size, _("Backup tokens were renewed on %s"), host);
        else
            snprintf(out, size, _("Backup tokens were revoked on %s"), host);
        break;
    case NOTICE_LOCKED:
        snprintf(out, size, _("An account was locked on %s"), host);
        break;
    case NOTICE_PASSWORD:
        if (notice->left > 0)
            snprintf(out, size, _("A password was changed on %s"), host);
        else
            snprintf(out, size, _("A password was removed on %s"), host);
        break;
    case NOTICE_ADDRESS:
        snprintf(out, size, _("An e-mail address was changed on %s"), host);
        break;
    case NOTICE_COUNT:
        out[0] = '\0';
        break;
    }
}

static bool is_host(const char *host)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.";
    const size_t length = strlen(host);

    return length > 0 && strspn(host, allowed) == length && host[0] != '.' &&
           host[length - 1] != '.' && strstr(host, "..") == NULL;
}

static int write_id(struct mime *mime, const char *host)
{
    uint8_t bytes[ID_BYTES];
    char digits[2 * ID_BYTES + 1] = "", id[sizeof(digits) + MAIL_HOST_SIZE + 3];

    int r = secret_random(bytes, sizeof(bytes));
    if (r == 0)
        r = encoding_hex(bytes, sizeof(bytes), digits, sizeof(digits));
    if (r != 0)
        return r;
    snprintf(id, sizeof(id), "<%s@%s>", digits, is_host(host) ? host : "localhost");
    mime_plain(mime, "Message-ID", id);
    return 0;
}

static int write_head(struct mime *mime, const struct mail *mail, int64_t now)
{
    char date[MIME_DATE_SIZE], title[SUBJECT_SIZE];

    mime_address(mime, "To", mail->notice.full_name, mail->notice.to);
    if (mail->from[0] != '\0')
        mime_address(mime, "From", "", mail->from);
    write_subject(title, sizeof(title), &mail->notice, mail->host);
    mime_text(mime, "Subject", title);
    mime_date(now, date);
    mime_plain(mime, "Date", date);
    int r = write_id(mime, mail->host);
    mime_plain(mime, "Auto-Submitted", "auto-generated");
    mime_plain(mime, "MIME-Version", "1.0");
    mime_plain(mime, "Content-Type", "text/plain; charset=UTF-8");
    mime_plain(mime, "Content-Transfer-Encoding", "quoted-printable");
    mime_body(mime);
    return r;
}

int letter_write(const struct mail *mail, int64_t now, struct letter *letter, struct err *err)
{
    struct mime mime;

    /* A store that somebody else has written to is not believed: what is no address may be a head
     * of its own. */
    if (mail->notice.to[0] == '\0' || !account_email_valid(mail->notice.to))
        return err_set(err, ERR_INVALID, NULL, "the address is none: set another");
    if (!account_email_valid(mail->from))
        return err_set(err, ERR_INVALID, "mail_from", "the address is none: set another");
    mime_start(&mime, letter->text, sizeof(letter->text));
    int r = write_head(&mime, mail, now);
    if (r == 0)
        body_write(&mime, mail);
    if (r == 0)
        r = mime_finish(&mime, &letter->length);
    return r == 0 ? 0 : err_set(err, r, NULL, "the message cannot be written");
}
