/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line: one table of options, words and options in any order; floor 6. */
#ifndef TOTP_ARGS_H
#define TOTP_ARGS_H

#include "base.h"
#include "err.h"

#include <stdbool.h>
#include <stdint.h>

/* identifier, name, argument (NULL: none), help */
#define ARGS_OPTIONS(X)                                                                            \
    X(CONFIG, "config", "FILE", "read this configuration file")                                    \
    X(STORE, "store", "URI", "use this store, such as sqlite:/PATH")                               \
    X(KEY_FILE, "key-file", "FILE", "use these sealing keys")                                      \
    X(JSON, "json", NULL, "print the result as one JSON document")                                 \
    X(QUIET, "quiet", NULL, "make no remarks; errors and results are printed")                     \
    X(HELP, "help", NULL, "show the verbs, or what a verb takes")                                  \
    X(VERSION, "version", NULL, "show the version")                                                \
    X(EMAIL, "email", "ADDRESS", "the person's e-mail address")                                    \
    X(FULL_NAME, "full-name", "NAME", "the person's name")                                         \
    X(ROLE, "role", "ROLE", "user or admin")                                                       \
    X(PASSWORD_STDIN, "password-stdin", NULL, "ask for a password, or read it from a line")        \
    X(DEVICE, "device", "LABEL", "the device's label; of a new one, the first free of phone...")   \
    X(TYPE, "type", "TYPE", "totp (by time), hotp (by counter) or email (sent)")                   \
    X(ALGORITHM, "algorithm", "NAME", "SHA1, SHA256 or SHA512")                                    \
    X(DIGITS, "digits", "N", "digits of a code, 6 to 8")                                           \
    X(PERIOD, "period", "SECONDS", "how long a code lasts, 15 to 300 (totp)")                      \
    X(COUNTER, "counter", "N", "the next counter (hotp)")                                          \
    X(SECRET_STDIN, "secret-stdin", NULL, "ask for the secret in base32, or read it from a line")  \
    X(REPLACE, "replace", NULL, "the new device takes the label's place once confirmed")           \
    X(NO_CONFIRM, "no-confirm", NULL, "do not ask for the first code")                             \
    X(MAIL_BACKUP_TOKENS, "mail-backup-tokens", NULL, "send backup tokens by e-mail, unseen")      \
    X(QR, "qr", "STYLE", "draw the QR code as utf8 or ascii, or not at all: none")                 \
    X(PNG, "png", "FILE", "save the QR code as a PNG picture")                                     \
    X(SVG, "svg", "FILE", "save the QR code as an SVG picture")                                    \
    X(PENDING, "pending", NULL, "only those with a device that is not confirmed")                  \
    X(LOCKED, "locked", NULL, "only those who are closed or locked now")                           \
    X(UNUSED_FOR, "unused-for", "DURATION", "only those who did not log in for so long: 90d")      \
    X(DELETE, "delete", NULL, "clear the password")                                                \
    X(EXPIRE, "expire", NULL, "let a new password be asked for at the next login")                 \
    X(COUNT, "count", "N", "how many backup tokens, 1 to 50")                                      \
    X(SINCE, "since", "WHEN", "from a time (2026-01-31, 2026-01-31T12:00:00Z) or so long ago: 2h") \
    X(SERVICE, "service", "NAME", "only what this PAM service asked")                              \
    X(VERDICT, "verdict", "WORD", "only what was accepted, wrong, ...; e-mail that failed")        \
    X(FOLLOW, "follow", NULL, "go on with what happens; with --json one document a line")          \
    X(PROMETHEUS, "prometheus", NULL, "print metrics for the textfile collector of node_exporter")

enum args_option {
#define ARGS_ENUM(identifier, name, argument, help) OPTION_##identifier,
    ARGS_OPTIONS(ARGS_ENUM)
#undef ARGS_ENUM
        ARGS_OPTION_END
};

#define OPTION(identifier) (UINT64_C(1) << OPTION_##identifier)

/* Borrowed from argv. */
#define ARGS_WORDS_MAX 8
struct args {
    const char *option[ARGS_OPTION_END]; /* its argument, or "" for one without; NULL: not given */
    const char *word[ARGS_WORDS_MAX];
    size_t word_count;
};

/* Reads the command line. ERR_USAGE; err names the option, never its argument: it may be a secret
 * that somebody wrongly put there. *args has what came before it. */
int args_parse(int argc, char **argv, struct args *args, struct err *err) MUST_CHECK;

/* Every option given is one of allowed (a set of OPTION()). ERR_USAGE. */
int args_check(const struct args *args, uint64_t allowed, const char *verb,
               struct err *err) MUST_CHECK;

/* "--name". Never NULL. */
const char *args_name(enum args_option option);

/* Prints a line about each option of the set to standard output. */
void args_help(uint64_t options);

#endif
