/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "image.h"

#include "file.h"
#include "language.h"
#include "secret.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

#define PNG_SCALE 8 /* pixels a module */

/* Bytes that grow; they hold a secret. */
struct buffer {
    char *bytes;
    size_t length, size;
};

static void buffer_clear(struct buffer *buffer)
{
    secret_wipe(buffer->bytes, buffer->length);
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}

/* A new place instead of realloc(3): that would leave the old bytes behind. */
static int buffer_grow(struct buffer *buffer, size_t more)
{
    struct buffer bigger = {.length = buffer->length};

    if (more <= buffer->size - buffer->length)
        return 0;
    bigger.size = 2 * buffer->size + more;
    bigger.bytes = malloc(bigger.size);
    if (bigger.bytes == NULL)
        return ERR_NOMEM;
    if (buffer->length > 0)
        memcpy(bigger.bytes, buffer->bytes, buffer->length);
    buffer_clear(buffer);
    *buffer = bigger;
    return 0;
}

static int append(void *context, const char *text, size_t length)
{
    struct buffer *buffer = context;

    int r = buffer_grow(buffer, length);
    if (r != 0)
        return r;
    memcpy(buffer->bytes + buffer->length, text, length);
    buffer->length += length;
    return 0;
}

int image_save_svg(const struct qr *qr, const char *path, struct err *err)
{
    struct buffer buffer CLEANUP(buffer_clear) = {0};

    int r = qr_draw_svg(qr, append, &buffer);
    if (r != 0)
        return err_set(err, r, path, NULL);
    return file_write(path, 0600, true, buffer.bytes, buffer.length, err);
}

/* One byte a pixel, black 0, rows from the top. */
static int paint(const struct qr *qr, size_t side, struct buffer *pixels)
{
    int r = buffer_grow(pixels, side * side);
    if (r != 0)
        return r;
    for (size_t y = 0; y < side; y++)
        for (size_t x = 0; x < side; x++) {
            bool dark = qr_dark(qr, (int)(x / PNG_SCALE) - QR_QUIET_ZONE,
                                (int)(y / PNG_SCALE) - QR_QUIET_ZONE);
            pixels->bytes[y * side + x] = dark ? '\0' : '\xff';
        }
    pixels->length = side * side;
    return 0;
}

int image_save_png(const struct qr *qr, const char *path, struct err *err)
{
    struct buffer pixels CLEANUP(buffer_clear) = {0}, file CLEANUP(buffer_clear) = {0};
    size_t side = (size_t)(qr_width(qr) + 2 * QR_QUIET_ZONE) * PNG_SCALE;
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)side,
                       .height = (png_uint_32)side,
                       .format = PNG_FORMAT_GRAY};
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);

    int r = paint(qr, side, &pixels);
    if (r == 0)
        r = buffer_grow(&file, size);
    if (r != 0)
        return err_set(err, r, path, NULL);
    if (png_image_write_to_memory(&image, file.bytes, &size, 0, pixels.bytes, 0, NULL) == 0)
        return err_set(err, ERR_SYSTEM, path, _("the picture cannot be made: %s"), image.message);
    file.length = size;
    return file_write(path, 0600, true, file.bytes, file.length, err);
}
