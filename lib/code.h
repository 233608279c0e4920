/* SPDX-License-Identifier: BSD-2-Clause */
/* The form of what a person types for a code: digits of an authenticator or a backup token;
 * floor 2. Pure. */
#ifndef TOTP_CODE_H
#define TOTP_CODE_H

#include "base.h"

#include <stdbool.h>
#include <stdint.h>

#define CODE_DIGITS_MIN 6
#define CODE_DIGITS_MAX 8

/* A backup token: 12 symbols of 24 that do not look alike, 55 bits, shown as "xxxx-xxxx-xxxx". */
#define CODE_TOKEN_SYMBOLS 12
#define CODE_TOKEN_SIZE (CODE_TOKEN_SYMBOLS + 2 + 1)

enum code_form { CODE_MALFORMED = 0, CODE_EMPTY, CODE_DIGITS, CODE_TOKEN };

/* Normalised: no separators, lower case. For CLEANUP: code_clear. */
struct code {
    enum code_form form;
    size_t length; /* symbols */
    char text[CODE_TOKEN_SYMBOLS + 1];
    uint32_t value; /* of digits */
};

void code_clear(struct code *code);

/* Reads what was typed; blanks and hyphens are ignored, anything else that is no digit or token
 * symbol makes it malformed, as does text that sshd sends for a user it has already refused. typed
 * NULL is empty. */
void code_parse(const char *typed, struct code *code);

/* Whether typed is what sshd hands to PAM in the place of the password of a user it has refused
 * ("\b\n\r\177INCORRECT" repeated to the length of the password): no guess of anybody's. */
bool code_is_sshd_refusal(const char *typed) MUST_CHECK;

/* Where the last digits digits of text begin, blanks and hyphens between and after them allowed; or
 * where a backup token with both its separators begins. false when text does not end in such a
 * thing. */
bool code_digits_tail(const char *text, unsigned digits, size_t *start) MUST_CHECK;
bool code_token_tail(const char *text, size_t *start) MUST_CHECK;

/* A new token for people's eyes; code_parse gives what to digest. ERR_RANDOM. */
int code_token_new(char text[static CODE_TOKEN_SIZE]) MUST_CHECK;

#endif
