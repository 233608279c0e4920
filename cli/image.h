/* SPDX-License-Identifier: BSD-2-Clause */
/* The QR code as a file of mode 0600, for it holds a secret; floor 6. libpng. */
#ifndef TOTP_IMAGE_H
#define TOTP_IMAGE_H

#include "err.h"
#include "qr.h"

/* Writes a new file or exchanges a regular one. ERR_NOMEM, ERR_FILE_*,
 * ERR_SYSTEM. */
int image_save_png(const struct qr *qr, const char *path, struct err *err) MUST_CHECK;
int image_save_svg(const struct qr *qr, const char *path, struct err *err) MUST_CHECK;

#endif
