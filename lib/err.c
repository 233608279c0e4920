/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *err_sentence(int code)
{
    switch (code) {
    case ERR_OK:
        return "no error";
#define ERR_CASE(name, number, sentence) \
    case name:                           \
        return sentence;
        ERR_LIST(ERR_CASE)
#undef ERR_CASE
    }
    return "an unknown error occurred";
}

__attribute__((weak)) const char *err_translate(const char *format)
{
    return format;
}

int err_set(struct err *err, int code, const char *where, const char *what, ...)
{
    if (err == NULL)
        return code;
    *err = (struct err){.code = code};
    if (where != NULL)
        snprintf(err->where, sizeof(err->where), "%s", where);
    if (what != NULL) {
        va_list ap;
        va_start(ap, what);
        vsnprintf(err->what, sizeof(err->what), err_translate(what), ap);
        va_end(ap);
    }
    return code;
}

/* In English, whatever the process speaks: it goes to the log. */
static const char *describe(int os_error, char *out, size_t size)
{
#ifdef HAVE_STRERRORDESC_NP
    const char *text = strerrordesc_np(os_error);

    if (text != NULL)
        return text;
#endif
    return strerror_r(os_error, out, size); /* the GNU form */
}

int err_set_errno(struct err *err, int code, int os_error, const char *where, const char *what)
{
    char reason[128] = "";
    const char *text = describe(os_error, reason, sizeof(reason));

    if (what == NULL)
        return err_set(err, code, where, "%s", text);
    return err_set(err, code, where, "%s: %s", err_translate(what), text);
}

void err_format(const struct err *err, char *out, size_t size)
{
    const char *what = err->what[0] != '\0' ? err->what : err_sentence(err->code);

    if (err->where[0] != '\0')
        snprintf(out, size, "%s: %s", err->where, what);
    else
        snprintf(out, size, "%s", what);
}
