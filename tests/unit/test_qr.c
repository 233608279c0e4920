/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "err.h"
#include "qr.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URI "otpauth://totp/Example:alice?secret=JBSWY3DPEHPK3PXP&issuer=Example"
#define MODULES_MAX (177 + 2 * QR_QUIET_ZONE)

struct drawing {
    size_t length, left; /* bytes drawn; calls before the sink fails */
    char text[400000];
};

static int collect(void *context, const char *text, size_t length)
{
    struct drawing *drawing = context;

    if (drawing->left == 0)
        return ERR_SYSTEM;
    drawing->left--;
    if (length >= sizeof(drawing->text) - drawing->length)
        return ERR_TOO_LONG;
    memcpy(drawing->text + drawing->length, text, length);
    drawing->length += length;
    drawing->text[drawing->length] = '\0';
    return 0;
}

static struct drawing *drawing_new(size_t left)
{
    struct drawing *drawing = calloc(1, sizeof(*drawing));

    if (drawing == NULL)
        abort();
    drawing->left = left;
    return drawing;
}

/* Capacities in bytes are those of ISO/IEC 18004, table 7. */
static void test_widths(void)
{
    static const struct {
        size_t length;
        int width;
    } rows[] = {
        {1, 21},   {14, 21},  {15, 25},  {26, 25},  {27, 29},  {213, 57},
        {214, 61}, {331, 69}, {332, 65}, {425, 69}, {426, 73}, {2953, 177},
    };
    char text[2955] = "";

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct qr *qr CLEANUP(qr_clear) = NULL;
        memset(text, 'a', sizeof(text) - 1);
        text[rows[i].length] = '\0';
        ok(qr_encode(text, &qr) == 0 && qr_width(qr) == rows[i].width &&
               qr_columns_utf8(qr) == rows[i].width + 8 &&
               qr_columns_ascii(qr) == 2 * (rows[i].width + 8),
           "%zu bytes make %d modules", rows[i].length, rows[i].width);
    }
    /* 114 bytes, those of a key URI with every parameter, and 78 without. */
    static const struct {
        size_t length;
        int width;
    } small[] = {{17, 21}, {18, 25}, {78, 33}, {79, 37}, {114, 41}};
    for (size_t i = 0; i < ARRAY_SIZE(small); i++) {
        struct qr *qr CLEANUP(qr_clear) = NULL;
        memset(text, 'a', sizeof(text) - 1);
        text[small[i].length] = '\0';
        ok(qr_encode_small(text, &qr) == 0 && qr_width(qr) == small[i].width,
           "%zu bytes make %d modules where it is to be small", small[i].length, small[i].width);
    }
    struct qr *none = NULL;
    memset(text, 'a', sizeof(text) - 1);
    ok(qr_encode(text, &none) == ERR_TOO_LONG && none == NULL, "2954 bytes are too long");
    ok(qr_encode("", &none) == ERR_INVALID && none == NULL, "nothing is no QR code");
    qr_clear(&none);
    ok(none == NULL, "nothing is cleared too");
}

/* ISO/IEC 18004 section 6.3: three finder patterns, the timing patterns between them. */
static void test_patterns(void)
{
    struct qr *qr CLEANUP(qr_clear) = NULL;
    bool good = qr_encode(URI, &qr) == 0;
    const int last = good ? qr_width(qr) - 7 : 0;
    const int corners[][2] = {{0, 0}, {last, 0}, {0, last}};

    for (size_t i = 0; good && i < ARRAY_SIZE(corners); i++) {
        for (int y = 0; y < 7; y++) {
            for (int x = 0; x < 7; x++) {
                int dx = abs(x - 3), dy = abs(y - 3), ring = dx > dy ? dx : dy;
                good = good && qr_dark(qr, corners[i][0] + x, corners[i][1] + y) == (ring != 2);
            }
        }
    }
    ok(good, "three finder patterns");
    for (int i = 8; good && i < last; i++)
        good = qr_dark(qr, i, 6) == (i % 2 == 0) && qr_dark(qr, 6, i) == (i % 2 == 0);
    ok(good, "timing patterns");
    ok(good && !qr_dark(qr, -1, 0) && !qr_dark(qr, 0, -1) && !qr_dark(qr, last + 7, 0) &&
           !qr_dark(qr, 0, last + 7) && !qr_dark(qr, -1000000, 1000000),
       "outside it is light");
}

typedef bool module_drawn(const struct drawing *drawing, int columns, int x, int y);

static bool ascii_drawn(const struct drawing *drawing, int columns, int x, int y)
{
    return drawing->text[y * (2 * columns + 1) + 2 * x] == '#';
}

/* Half blocks: what is drawn at column x of text row y / 2. */
static bool utf8_drawn(const struct drawing *drawing, int columns, int x, int y)
{
    const char *at = drawing->text;

    (void)columns;
    for (int row = 0; row < y / 2; row++)
        at = strchr(at, '\n') + 1;
    for (int column = 0; column < x; column++)
        at += *at == ' ' ? 1 : 3;
    if (*at == ' ')
        return false;
    return strncmp(at, "\u2588", 3) == 0 || strncmp(at, y % 2 ? "\u2584" : "\u2580", 3) == 0;
}

static bool all_drawn(const struct qr *qr, const struct drawing *drawing, bool invert,
                      module_drawn *drawn)
{
    const int side = qr_columns_utf8(qr);

    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++)
            if (drawn(drawing, side, x, y) !=
                (qr_dark(qr, x - QR_QUIET_ZONE, y - QR_QUIET_ZONE) != invert))
                return false;
    return true;
}

/* Lines of text, and whether each is of that many characters. */
static int lines_of(const struct drawing *drawing, int columns)
{
    int lines = 0, column = 0;

    for (const char *p = drawing->text; *p != '\0'; p++) {
        if (*p == '\n') {
            if (column != columns)
                return -1;
            lines++;
            column = 0;
        } else {
            column += ((unsigned char)*p & 0xc0) != 0x80;
        }
    }
    return column == 0 ? lines : -1;
}

static void test_terminal(void)
{
    struct qr *qr CLEANUP(qr_clear) = NULL;

    if (!ok(qr_encode(URI, &qr) == 0, "a key URI is encoded"))
        return;
    const int side = qr_columns_utf8(qr);
    for (int invert = 0; invert < 2; invert++) {
        struct drawing *utf8 = drawing_new(SIZE_MAX), *ascii = drawing_new(SIZE_MAX);
        ok(qr_draw_utf8(qr, invert, collect, utf8) == 0 && lines_of(utf8, side) == (side + 1) / 2,
           "half blocks: %d columns, %d lines", side, (side + 1) / 2);
        ok(all_drawn(qr, utf8, invert, utf8_drawn), "every module is where it belongs");
        ok(qr_draw_ascii(qr, invert, collect, ascii) == 0 && lines_of(ascii, 2 * side) == side,
           "ASCII: %d columns, %d lines", 2 * side, side);
        ok(all_drawn(qr, ascii, invert, ascii_drawn), "every module is where it belongs");
        free(utf8);
        free(ascii);
    }
}

/* Paints the rectangles of the path again. */
static void test_svg(void)
{
    static bool painted[MODULES_MAX][MODULES_MAX];
    struct qr *qr CLEANUP(qr_clear) = NULL;
    struct drawing *svg = drawing_new(SIZE_MAX);
    char size[64] = "";
    bool good = qr_encode(URI, &qr) == 0 && qr_draw_svg(qr, collect, svg) == 0;
    const int side = good ? qr_columns_utf8(qr) : 0;
    int x = 0, y = 0, wide = 0, back = 0;

    snprintf(size, sizeof(size), "viewBox=\"0 0 %d %d\"", side, side);
    ok(good && strstr(svg->text, size) != NULL && strstr(svg->text, "</svg>\n") != NULL,
       "an SVG document of %d modules", side);
    for (const char *p = strchr(svg->text, 'M'); good && p != NULL; p = strchr(p + 1, 'M')) {
        good = sscanf(p, "M%d %dh%dv1h-%dz", &x, &y, &wide, &back) == 4 && wide == back && x >= 0 &&
               y >= 0 && y < side && wide > 0 && x + wide <= side;
        for (int i = 0; good && i < wide; i++) {
            good = !painted[y][x + i];
            painted[y][x + i] = true;
        }
    }
    for (y = 0; good && y < side; y++)
        for (x = 0; x < side; x++)
            good = good && painted[y][x] == qr_dark(qr, x - QR_QUIET_ZONE, y - QR_QUIET_ZONE);
    ok(good, "its path paints every dark module once, and no other");
    free(svg);
}

static void test_failing_sink(void)
{
    struct qr *qr CLEANUP(qr_clear) = NULL;
    bool good = qr_encode(URI, &qr) == 0;

    for (size_t left = 0; left < 20; left++) {
        struct drawing *drawings[] = {drawing_new(left), drawing_new(left), drawing_new(left)};
        good = good && qr_draw_utf8(qr, true, collect, drawings[0]) == ERR_SYSTEM &&
               qr_draw_ascii(qr, true, collect, drawings[1]) == ERR_SYSTEM &&
               qr_draw_svg(qr, collect, drawings[2]) == ERR_SYSTEM;
        for (size_t i = 0; i < ARRAY_SIZE(drawings); i++) {
            good = good && drawings[i]->left == 0;
            free(drawings[i]);
        }
    }
    ok(good, "a sink that fails ends the drawing, with its error");
}

int main(void)
{
    test_widths();
    test_patterns();
    test_terminal();
    test_svg();
    test_failing_sink();
    return tap_done();
}
