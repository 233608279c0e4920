/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "draw.h"

#include "language.h"

#include <langinfo.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int draw_style_parse(const char *word, enum draw_style *style)
{
    static const char *const words[] = {
        [DRAW_NONE] = "none", [DRAW_UTF8] = "utf8", [DRAW_ASCII] = "ascii"};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcmp(word, words[i]) == 0) {
            *style = (enum draw_style)i;
            return 0;
        }
    return ERR_INVALID;
}

bool draw_is_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

enum draw_style draw_style_default(void)
{
    if (!isatty(STDOUT_FILENO))
        return DRAW_NONE;
    return draw_is_utf8() ? DRAW_UTF8 : DRAW_ASCII;
}

int draw_columns(void)
{
    struct winsize size = {0};

    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return 0;
    return size.ws_col;
}

static int print(void *context, const char *text, size_t length)
{
    (void)context;
    return fwrite(text, 1, length, stdout) == length ? 0 : ERR_SYSTEM;
}

int draw_print(const struct qr *qr, enum draw_style style, struct err *err)
{
    if (style == DRAW_NONE)
        return 0;
    int needed = style == DRAW_UTF8 ? qr_columns_utf8(qr) : qr_columns_ascii(qr);
    int columns = draw_columns();
    if (columns > 0 && columns < needed)
        return err_set(err, ERR_LIMIT, NULL,
                       _("the terminal has %d columns, and the QR code needs %d: make it wider, "
                         "save the code with --png or --svg, or use the key URI"),
                       columns, needed);
    int r = style == DRAW_UTF8 ? qr_draw_utf8(qr, true, print, NULL)
                               : qr_draw_ascii(qr, true, print, NULL);
    return r == 0 ? 0 : err_set(err, r, _("standard output"), NULL);
}
