/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "qr.h"

#include "err.h"
#include "secret.h"

#include <errno.h>
#include <qrencode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH_MAX 177   /* version 40 */
#define WIDTH_COMMON 72 /* 80 columns less the quiet zone */
#define SVG_MODULE 8    /* pixels */
#define BLOCK_BYTES 3   /* of UTF-8, U+2580 and its neighbours */
#define COLUMNS_MAX (WIDTH_MAX + 2 * QR_QUIET_ZONE)

struct qr {
    int width;
    uint8_t dark[WIDTH_MAX * WIDTH_MAX];
};

/* What is drawn shows the secret. */
struct line {
    char text[COLUMNS_MAX * BLOCK_BYTES + 1];
    size_t length;
};

static void line_clear(struct line *line)
{
    secret_wipe(line, sizeof(*line));
}

static void code_free(QRcode **code)
{
    if (*code == NULL)
        return;
    secret_wipe((*code)->data, (size_t)(*code)->width * (size_t)(*code)->width);
    QRcode_free(*code);
}

void qr_clear(struct qr **qr)
{
    if (*qr != NULL)
        secret_wipe(*qr, sizeof(**qr));
    free(*qr);
    *qr = NULL;
}

static int encode(const char *text, QRecLevel level, QRcode **code)
{
    *code = QRcode_encodeString8bit(text, 0, level);
    if (*code != NULL)
        return 0;
    switch (errno) {
    case ERANGE:
        return ERR_TOO_LONG;
    case EINVAL:
        return ERR_INVALID;
    default:
        return ERR_NOMEM;
    }
}

/* Sets *qr only on success. */
static int keep(const QRcode *code, struct qr **qr)
{
    if (code->width < 1 || code->width > WIDTH_MAX)
        return ERR_TOO_LONG;
    struct qr *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return ERR_NOMEM;
    made->width = code->width;
    for (int i = 0; i < code->width * code->width; i++)
        made->dark[i] = code->data[i] & 1;
    *qr = made;
    return 0;
}

int qr_encode(const char *text, struct qr **qr)
{
    QRcode *medium CLEANUP(code_free) = NULL;
    QRcode *low CLEANUP(code_free) = NULL;
    int r = encode(text, QR_ECLEVEL_M, &medium);

    if (r == 0 && medium->width <= WIDTH_COMMON)
        return keep(medium, qr);
    if (r != 0 && r != ERR_TOO_LONG)
        return r;
    r = encode(text, QR_ECLEVEL_L, &low);
    return r == 0 ? keep(low, qr) : r;
}

int qr_encode_small(const char *text, struct qr **qr)
{
    QRcode *low CLEANUP(code_free) = NULL;
    int r = encode(text, QR_ECLEVEL_L, &low);

    return r == 0 ? keep(low, qr) : r;
}

int qr_width(const struct qr *qr)
{
    return qr->width;
}

bool qr_dark(const struct qr *qr, int x, int y)
{
    return x >= 0 && y >= 0 && x < qr->width && y < qr->width && qr->dark[y * qr->width + x] != 0;
}

int qr_columns_utf8(const struct qr *qr)
{
    return qr->width + 2 * QR_QUIET_ZONE;
}

int qr_columns_ascii(const struct qr *qr)
{
    return 2 * qr_columns_utf8(qr);
}

static void line_put(struct line *line, const char *text)
{
    size_t length = strlen(text);

    memcpy(line->text + line->length, text, length);
    line->length += length;
}

int qr_draw_utf8(const struct qr *qr, bool invert, qr_sink *sink, void *context)
{
    static const char *const blocks[2][2] = {{" ", "\u2584"}, {"\u2580", "\u2588"}};
    const int end = qr->width + QR_QUIET_ZONE;
    int r = 0;

    for (int y = -QR_QUIET_ZONE; r == 0 && y < end; y += 2) {
        struct line line CLEANUP(line_clear) = {.length = 0};
        for (int x = -QR_QUIET_ZONE; x < end; x++)
            line_put(&line, blocks[qr_dark(qr, x, y) != invert][qr_dark(qr, x, y + 1) != invert]);
        line_put(&line, "\n");
        r = sink(context, line.text, line.length);
    }
    return r;
}

int qr_draw_ascii(const struct qr *qr, bool invert, qr_sink *sink, void *context)
{
    const int end = qr->width + QR_QUIET_ZONE;
    int r = 0;

    for (int y = -QR_QUIET_ZONE; r == 0 && y < end; y++) {
        struct line line CLEANUP(line_clear) = {.length = 0};
        for (int x = -QR_QUIET_ZONE; x < end; x++)
            line_put(&line, qr_dark(qr, x, y) != invert ? "##" : "  ");
        line_put(&line, "\n");
        r = sink(context, line.text, line.length);
    }
    return r;
}

static int svg_head(int side, qr_sink *sink, void *context)
{
    char text[512] = "";
    int length = snprintf(text, sizeof(text),
                          "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                          "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
                          "viewBox=\"0 0 %d %d\" shape-rendering=\"crispEdges\">\n"
                          "<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n"
                          "<path fill=\"#000000\" d=\"",
                          side * SVG_MODULE, side * SVG_MODULE, side, side, side, side);

    return sink(context, text, (size_t)length);
}

/* The dark modules from x on, of row y, as one rectangle. */
static int svg_run(int x, int y, int count, qr_sink *sink, void *context)
{
    char text[64] = "";
    int length = snprintf(text, sizeof(text), "M%d %dh%dv1h-%dz\n", x + QR_QUIET_ZONE,
                          y + QR_QUIET_ZONE, count, count);

    return sink(context, text, (size_t)length);
}

int qr_draw_svg(const struct qr *qr, qr_sink *sink, void *context)
{
    static const char tail[] = "\"/>\n</svg>\n";
    int r = svg_head(qr_columns_utf8(qr), sink, context);

    for (int y = 0; r == 0 && y < qr->width; y++) {
        for (int x = 0; r == 0 && x < qr->width; x++) {
            int count = 0;
            while (qr_dark(qr, x + count, y))
                count++;
            if (count > 0)
                r = svg_run(x, y, count, sink, context);
            x += count;
        }
    }
    return r == 0 ? sink(context, tail, sizeof(tail) - 1) : r;
}
