/* SPDX-License-Identifier: BSD-2-Clause */
/* QR codes as modules, terminal text and SVG; floor 2. libqrencode.
 *
 * Built apart from the rest of the library: the module does not draw. */
#ifndef TOTP_QR_H
#define TOTP_QR_H

#include "base.h"

#include <stdbool.h>
#include <stdint.h>

#define QR_QUIET_ZONE 4 /* modules of margin, ISO/IEC 18004 */

/* Opaque; holds a secret. */
struct qr;

/* Receives drawn text; returns 0 or an error that ends the drawing. */
typedef int qr_sink(void *context, const char *text, size_t length);

/* Encodes text (error correction M, or L when it is long) and sets *qr, which the caller clears.
 * ERR_NOMEM, ERR_TOO_LONG. */
int qr_encode(const char *text, struct qr **qr) MUST_CHECK;

/* The same with error correction L: a screen has no stains, and few lines. */
int qr_encode_small(const char *text, struct qr **qr) MUST_CHECK;

/* Wipes and frees; sets *qr to NULL. For CLEANUP. */
void qr_clear(struct qr **qr);

/* Modules on one side without the quiet zone, and whether one is dark (outside: light). */
int qr_width(const struct qr *qr);
bool qr_dark(const struct qr *qr, int x, int y);

/* Terminal columns a drawing needs, quiet zone included. */
int qr_columns_utf8(const struct qr *qr);
int qr_columns_ascii(const struct qr *qr);

/* Half blocks, two modules a character. invert: light modules are drawn as blocks, which is right
 * on a dark terminal (the default of callers); ascii draws "##" for what utf8 draws as a block. */
int qr_draw_utf8(const struct qr *qr, bool invert, qr_sink *sink, void *context) MUST_CHECK;
int qr_draw_ascii(const struct qr *qr, bool invert, qr_sink *sink, void *context) MUST_CHECK;

/* A stand-alone SVG document, dark on white. */
int qr_draw_svg(const struct qr *qr, qr_sink *sink, void *context) MUST_CHECK;

#endif
