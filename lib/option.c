/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "option.h"

#include "language.h"

#include <string.h>

#define DAY (24 * 60 * 60)

#define AT(field) offsetof(struct conf, field)
static const struct conf_option options[] = {
    {"store", CONF_URI, AT(store), 1, 0, NULL, CONF_DEFAULT_STORE,
     "where accounts and devices are kept: sqlite: and a path"},
    {"key_file", CONF_PATH, AT(key_file), 1, 0, NULL, CONF_DEFAULT_KEY_FILE,
     "the keys that seal the store's secrets"},
    {"mode", CONF_ENUM, AT(mode), 0, 0, "prompt|combined|auto", "prompt",
     "prompt asks for the code apart, combined takes it from the end of the password, auto tries "
     "both"},
    {"password", CONF_ENUM, AT(password), 0, 0, "forward|store", "forward",
     "forward hands the password before the code on, store checks it against the store's own"},
    {"use_authtok", CONF_BOOL, AT(use_authtok), 0, 0, NULL, "no",
     "a new password is the one an earlier module has obtained, and is not asked for"},
    {"unenrolled", CONF_ENUM, AT(rules.unenrolled), 0, 0, "deny|ignore|permit|enroll", "deny",
     "an account without an active device: deny, ignore (no say), permit, or enroll it at login"},
    {"enroll_by", CONF_DATE, AT(rules.enroll_by), 0, 0, NULL, "",
     "until the end of this day, such as 2026-12-31, accounts without a device pass"},
    {"enroll_qr", CONF_ENUM, AT(enroll_qr), 0, 0, "utf8|ascii|none", "utf8",
     "how the QR code is drawn at a login that enrolls: utf8, ascii or none"},
    {"grace", CONF_DURATION, AT(rules.grace), 0, 30 * DAY, NULL, "0",
     "how long a success spares the code, for the same user, service and remote host"},
    {"exempt_users", CONF_USERS, AT(exempt_users), 0, 0, NULL, "",
     "who need not show a code: users, separated by commas"},
    {"exempt_groups", CONF_GROUPS, AT(exempt_groups), 0, 0, NULL, "",
     "groups whose members need not show a code"},
    {"exempt_networks", CONF_NETWORKS, AT(exempt_networks), 0, 0, NULL, "",
     "networks from which nobody need show one, such as 192.0.2.0/24, 2001:db8::/32"},
    {"audit_only", CONF_BOOL, AT(audit_only), 0, 0, NULL, "no",
     "judge and log only: no login is let in or refused, no code used up"},
    {"window", CONF_UINT, AT(rules.window), 0, RULES_WINDOW_MAX, NULL, "1",
     "time steps accepted on either side of now"},
    {"look_ahead", CONF_UINT, AT(rules.look_ahead), 0, RULES_LOOK_AHEAD_MAX, NULL, "10",
     "HOTP counters accepted ahead"},
    {"max_drift", CONF_UINT, AT(rules.max_drift), 0, RULES_DRIFT_MAX, NULL, "2",
     "time steps of a device's drift that are learned at most"},
    {"max_failures", CONF_UINT, AT(rules.max_failures), 1, 100, NULL, "5",
     "wrong codes after which an account locks"},
    {"lock_time", CONF_DURATION, AT(rules.lock_time), 1, 30 * DAY, NULL, "1m",
     "how long the first lock lasts; each further failure doubles it"},
    {"lock_time_max", CONF_DURATION, AT(rules.lock_time_max), 1, 30 * DAY, NULL, "1h",
     "how long a lock lasts at most"},
    {"failure_limit", CONF_UINT, AT(rules.failure_limit), 1, 100, NULL, "100",
     "wrong codes after which an account stays locked until it is unlocked"},
    {"fail_delay", CONF_DURATION, AT(fail_delay), 0, 60, NULL, "2s",
     "how long a refusal is held back"},
    {"max_devices", CONF_UINT, AT(max_devices), 1, ACCOUNT_DEVICES_MAX, NULL, "5",
     "devices an account may have"},
    {"prompt", CONF_TEXT, AT(prompt), 1, 0, NULL, "\"" CONF_DEFAULT_PROMPT "\"",
     "what the person is asked"},
    {"echo", CONF_BOOL, AT(echo), 0, 0, NULL, "no", "show the code while it is typed"},
    {"issuer", CONF_TEXT, AT(issuer), 0, 0, NULL, "",
     "whose code it is, in the authenticator app; empty is the host's name"},
    {"label", CONF_TEXT, AT(label), 1, 0, NULL, "%u@%h",
     "the account's name in the authenticator app: %u user, %h host, %s service, %% a %"},
    {"digits", CONF_UINT, AT(digits), OTP_DIGITS_MIN, OTP_DIGITS_MAX, NULL, "6",
     "digits of a new device's codes"},
    {"algorithm", CONF_ENUM, AT(algorithm), 0, 0, "SHA1|SHA256|SHA512", "SHA1",
     "SHA1, SHA256 or SHA512, for a new device; many apps know SHA1 alone"},
    {"period", CONF_UINT, AT(period), 15, 300, NULL, "30", "seconds of a new device's time step"},
    {"backup_tokens", CONF_UINT, AT(backup_tokens), 0, ACCOUNT_TOKENS_MAX, NULL, "10",
     "backup tokens issued with an account's first device"},
    {"email_devices", CONF_BOOL, AT(rules.email_devices), 0, 0, NULL, "no",
     "codes sent by e-mail are accepted; e-mail is no second factor to NIST SP 800-63B"},
    {"email_code_lifetime", CONF_DURATION, AT(rules.email_code_lifetime), 60, DAY, NULL, "10m",
     "how long a code sent by e-mail is good"},
    {"email_interval", CONF_DURATION, AT(rules.email_interval), 1, DAY, NULL, "1m",
     "how long after a code was sent by e-mail another can be"},
    {"notify", CONF_SET, AT(notify), 0, 0, CONF_NOTICES,
     "enroll,remove,backup,lock,password,address", "of which changes people are told by e-mail"},
    {"sendmail", CONF_COMMAND, AT(sendmail), 0, 0, NULL, "/usr/sbin/sendmail -oi -t",
     "the command that takes an e-mail message; empty: none is sent"},
    {"mail_from", CONF_ADDRESS, AT(mail_from), 0, 0, NULL, "",
     "the sender's address; empty: as sendmail has it"},
    {"mail_languages", CONF_TEXT, AT(mail_languages), 0, 0, NULL, "",
     "languages of messages, the preferred first, such as de:fr; empty: English"},
    {"event_retention", CONF_DURATION, AT(event_retention), DAY, 3650 * DAY, NULL, "90d",
     "how long the record of logins and changes is kept"},
    {"socket", CONF_PATH, AT(socket), 0, 0, NULL, CONF_DEFAULT_SOCKET,
     "where the service totpd listens; empty: none is asked"},
    {"quiet", CONF_BOOL, AT(quiet), 0, 0, NULL, "no", "tell the person nothing"},
    {"debug", CONF_BOOL, AT(debug), 0, 0, NULL, "no",
     "explain refusals in the log; never a code, a password or a secret"},
};
#define OPTIONS ARRAY_SIZE(options)

_Static_assert(sizeof(enum conf_mode) == sizeof(unsigned) &&
                   sizeof(enum rules_unenrolled) == sizeof(unsigned) &&
                   sizeof(enum conf_qr) == sizeof(unsigned),
               "enumerations are stored as unsigned numbers");

_Static_assert(OPTIONS <= OPTIONS_MAX && CONF_LIST_MAX < CONF_LIST_SIZE,
               "there is room for every option and every list");

const struct conf_option *option_table(size_t *count)
{
    *count = OPTIONS;
    return options;
}

const struct conf_option *option_find(const char *name)
{
    for (size_t i = 0; i < OPTIONS; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}
