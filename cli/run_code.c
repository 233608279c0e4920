/* SPDX-License-Identifier: BSD-2-Clause */
/* A code that may have to be sent first; floor 6. */
#include "config.h"

#include "ask.h"
#include "language.h"
#include "run.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

int run_check_mail(const struct run *run, struct err *err)
{
    if (run->conf.sendmail[0] == '\0')
        return err_set(err, ERR_CONFLICT, "sendmail",
                       "no mail is sent: an administrator may set 'sendmail' in totp.conf");
    if (run->conf.audit_only)
        return err_set(err, ERR_CONFLICT, "audit_only",
                       "no code is sent while logins are only watched: an administrator may set "
                       "audit_only=no in totp.conf");
    return 0;
}

void run_explain_sent(const struct run *run, const struct reply *reply)
{
    if (run->unsent)
        return;
    if (reply->wait > 0)
        run_remark(run, "the code that was sent to %s is still good; another can be sent in %lld s",
                   reply->address, (long long)reply->wait);
    else
        run_remark(run, "a code has been sent to %s", reply->address);
}

static void explain_none(const struct run *run, const struct reply *reply)
{
    struct err err = {0};

    int r = run_check_mail(run, &err);
    if (r == 0 && !run->conf.rules.email_devices)
        r = err_set(&err, ERR_CONFLICT, "email_devices",
                    "e-mail devices are switched off: an administrator may set email_devices=yes "
                    "in totp.conf");
    if (r != 0)
        out_error(&err);
    else if (reply->wait > 0)
        out_message("the code that was sent last is used up: another can be sent in %lld s",
                    (long long)reply->wait);
    else
        out_message("no code can be sent: this takes an e-mail device in use, two-factor login "
                    "switched on, and an account that is neither locked nor closed");
}

/* address: where one is that can be used now, or empty. Unasked, a person who has another device
 * gets none; what is wrong then is told when the code is judged. */
static void send_code(struct run *run, const char *user, bool unasked,
                      char address[static ACCOUNT_TEXT_SIZE])
{
    struct call call = {.method = CALL_SEND, .user = user, .unasked = unasked};
    struct reply reply = {0};
    struct err err = {0};

    int r = run_ask(run, &call, &reply, &err);
    text_cut(address, ACCOUNT_TEXT_SIZE, r == 0 && !run->unsent ? reply.address : "");
    if (unasked || run->unsent)
        return;
    if (r != 0)
        out_error(&err);
    else if (address[0] == '\0')
        explain_none(run, &reply);
    else if (reply.wait > 0) /* that one was sent just now the prompt tells */
        run_explain_sent(run, &reply);
}

static int ask_code_once(enum run_code kind, const char *address, struct answer *code,
                         struct err *err)
{
    static const char *const prompts[] = {
        [RUN_CODE] = N_("Code: "),
        [RUN_CODE_OFFERED] = N_("Code (\"email\" sends one): "),
        [RUN_CODE_OWN] = N_("A code of your own: "),
    };
    char prompt[2 * ACCOUNT_TEXT_SIZE];

    if (address[0] == '\0')
        return ask_secret(prompts[kind], code, err);
    snprintf(prompt, sizeof(prompt),
             kind == RUN_CODE_OWN ? _("A code of your own (sent to %s): ")
                                  : _("Code (sent to %s): "),
             address);
    return ask_secret(prompt, code, err);
}

int run_ask_code(struct run *run, const char *user, enum run_code kind, struct answer *code,
                 struct err *err)
{
    char address[ACCOUNT_TEXT_SIZE] = "";

    if (kind == RUN_CODE_OWN)
        send_code(run, user, true, address);
    for (;;) {
        int r = ask_code_once(kind, address, code, err);
        if (r != 0 || !ask_is_terminal() || strcmp(code->text, "email") != 0)
            return r;
        send_code(run, user, false, address);
    }
}
