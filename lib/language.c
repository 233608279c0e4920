/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "language.h"

#ifdef ENABLE_NLS
#include <libintl.h>

/* The domain is ours alone: what the process around us has bound for its own is not touched. */
static const char *domain(void)
{
    (void)bindtextdomain(PACKAGE, LOCALE_DIRECTORY);
    return PACKAGE;
}

const char *language_text(const char *text)
{
    /* What stands for nothing there is the catalog's head. */
    return text[0] != '\0' ? dgettext(domain(), text) : text;
}

const char *language_plural(const char *one, const char *many, unsigned long count)
{
    return dngettext(domain(), one, many, count);
}
#else
const char *language_text(const char *text)
{
    return text;
}

const char *language_plural(const char *one, const char *many, unsigned long count)
{
    return count == 1 ? one : many;
}
#endif
