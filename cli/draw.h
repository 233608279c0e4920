/* SPDX-License-Identifier: BSD-2-Clause */
/* What this terminal can show, and the QR code on it; floor 6. */
#ifndef TOTP_DRAW_H
#define TOTP_DRAW_H

#include "err.h"
#include "qr.h"

#include <stdbool.h>

enum draw_style { DRAW_NONE = 0, DRAW_UTF8, DRAW_ASCII };

/* "utf8", "ascii", "none". ERR_INVALID. */
int draw_style_parse(const char *word, enum draw_style *style) MUST_CHECK;

/* What standard output can show: nothing unless it is a terminal. Needs setlocale. */
enum draw_style draw_style_default(void);

/* Whether the locale's characters are UTF-8. Needs setlocale. */
bool draw_is_utf8(void);

/* Columns of the terminal that standard output is; 0: it is none, or does not say. */
int draw_columns(void);

/* Draws on standard output for a dark terminal. ERR_LIMIT when that is a terminal with too few
 * columns: nothing is drawn then. */
int draw_print(const struct qr *qr, enum draw_style style, struct err *err) MUST_CHECK;

#endif
