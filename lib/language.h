/* SPDX-License-Identifier: BSD-2-Clause */
/* What people read, in their language; floor 1. The language is the process's: whoever has a
 * terminal says setlocale, a guest in another's process never does. */
#ifndef TOTP_LANGUAGE_H
#define TOTP_LANGUAGE_H

#include "base.h"

/* The translation of text, or text itself. Constant, never freed. */
const char *language_text(const char *text) __attribute__((format_arg(1)));
const char *language_plural(const char *one, const char *many, unsigned long count)
    __attribute__((format_arg(1))) __attribute__((format_arg(2)));

#define _(text) language_text(text)
#define N_(text) text /* translated where it is used */

#endif
