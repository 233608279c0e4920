/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "challenge.h"

#include "language.h"
#include "tell.h"

#include <security/pam_ext.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>

#define ROUNDS 3
#define WORD "email"
#define PROMPT_SIZE (CONF_TEXT_SIZE + ACCOUNT_TEXT_SIZE + 128)
#define MESSAGE_SIZE 512
/* What sshd answers for a person it has refused begins with it, and what a person types does not.
 */
#define SSHD_REFUSAL '\b'

static bool may_send(const struct login *login)
{
    return login->conf.rules.email_devices && !login->conf.audit_only;
}

static void explain(const struct login *login, const struct reply *reply)
{
    if (!login->conf.debug)
        return;
    if (reply->address[0] != '\0')
        pam_syslog(login->pamh, LOG_DEBUG, "debug: a code that is good now was sent to %s",
                   reply->address);
    else
        pam_syslog(login->pamh, LOG_DEBUG, "debug: no code is sent by e-mail, the next in %lld s",
                   (long long)reply->wait);
}

/* reply->address is empty where there is no code that was sent and is good now. */
static void send_code(struct login *login, bool unasked, bool keep, struct reply *reply)
{
    struct call call = login->call;

    call.method = CALL_SEND;
    call.unasked = unasked;
    call.keep = keep;
    if (login_ask(login, &call, reply) == 0)
        explain(login, reply);
    if (reply->unsent)
        reply->address[0] = '\0';
}

/* The address stands in the prompt itself: not every application shows what else is said. */
static int ask(struct login *login, const char *address)
{
    const bool own = strcmp(login->conf.prompt, CONF_DEFAULT_PROMPT) != 0;
    char prompt[PROMPT_SIZE] = "";

    if (address[0] == '\0')
        return login_ask_code(login, NULL);
    if (own)
        snprintf(prompt, sizeof(prompt), _("(sent to %s) %s"), address, login->conf.prompt);
    else
        snprintf(prompt, sizeof(prompt), _("One-time code (sent to %s): "), address);
    return login_ask_code(login, prompt);
}

/* Blanks and hyphens are ignored, as in a code. */
static bool is_word(const struct answer *answer)
{
    char letters[sizeof(WORD)] = "";
    size_t used = 0;

    for (size_t i = 0; i < answer->length; i++) {
        if (answer->text[i] == ' ' || answer->text[i] == '-')
            continue;
        if (used == sizeof(letters) - 1)
            return false;
        letters[used++] = answer->text[i];
    }
    return strcasecmp(letters, WORD) == 0;
}

static void tell_none(const struct login *login, int64_t seconds)
{
    char wait[TELL_DURATION_SIZE] = "", text[MESSAGE_SIZE] = "";

    if (seconds <= 0) {
        (void)tell_text(login, PAM_TEXT_INFO, _("No code can be sent by e-mail."));
        return;
    }
    tell_duration(seconds, wait, sizeof(wait));
    snprintf(text, sizeof(text),
             _("A code was sent by e-mail a short while ago. Another can be sent in %s."), wait);
    (void)tell_text(login, PAM_TEXT_INFO, text);
}

int challenge_ask(struct login *login)
{
    struct reply reply = {0};

    if (may_send(login))
        send_code(login, true, true, &reply);
    int r = ask(login, reply.address);
    for (int i = 0; i < ROUNDS && may_send(login) && r == PAM_SUCCESS && is_word(&login->code);
         i++) {
        send_code(login, false, false, &reply);
        if (reply.address[0] == '\0')
            tell_none(login, reply.wait);
        r = ask(login, reply.address);
    }
    return r;
}

/* Whether it ends in what a device of some account might show. */
static bool ends_in_digits(const struct answer *answer)
{
    unsigned digits = 0;

    for (size_t at = answer->length; at > 0 && digits < OTP_DIGITS_MIN; at--) {
        const char c = answer->text[at - 1];
        if (c >= '0' && c <= '9')
            digits++;
        else if (c != ' ' && c != '-')
            break;
    }
    return digits == OTP_DIGITS_MIN;
}

void challenge_refer(struct login *login)
{
    struct reply reply = {0};

    if (!may_send(login) || login->password.length == 0 || login->password.text[0] == SSHD_REFUSAL)
        return;
    /* Whoever knows no password here must not make a code worthless that is about to be typed. */
    send_code(login, false, true, &reply);
    /* How many digits make a code depends on the account: it would be told by it. */
    if (!ends_in_digits(&login->password))
        (void)tell_text(login, PAM_TEXT_INFO,
                        _("If your account has an e-mail device, a code has been sent to it: log "
                          "in again with your password followed by the code."));
}
