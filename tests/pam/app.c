/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "app.h"

#include "encoding.h"

#include <stdio.h>
#include <string.h>

#define BEFORE_SECRET "account into it."

bool app_read_secret(const struct login *login, char *out, size_t size)
{
    const char *found = NULL;

    for (const char *at = login->said; (at = strstr(at, BEFORE_SECRET)) != NULL; at++)
        found = at;
    if (found == NULL || (found = strchr(found, '\n')) == NULL)
        return false;
    found += strspn(found, "\n ");
    snprintf(out, size, "%.*s", (int)strcspn(found, "\n"), found);
    return true;
}

const char *app_code(const struct login *login)
{
    static __thread char code[9];
    struct account account = {
        .devices = {{.type = DEVICE_TOTP, .algorithm = OTP_SHA1, .digits = 6, .period = 30}}};
    struct secret *secret = &account.devices[0].secret;
    char text[256];

    code[0] = '\0';
    if (app_read_secret(login, text, sizeof(text)) &&
        encoding_base32_tolerant(text, secret->bytes, sizeof(secret->bytes), &secret->length) == 0)
        person_code(&account, clock_now() / 30, code);
    return code;
}

static const char *answer(struct login *login, const char *code)
{
    if (strcmp(login->text, "First code from the app: ") == 0)
        return code;
    if (strcmp(login->text, "Type yes when you have kept them: ") == 0)
        return "yes";
    return login->prompts <= ANSWERS_MAX ? login->answers[login->prompts - 1] : "";
}

const char *app_answer(struct login *login)
{
    return answer(login, app_code(login));
}

const char *app_answer_wrongly(struct login *login)
{
    static __thread char code[9];

    snprintf(code, sizeof(code), "%s", app_code(login));
    if (code[0] != '\0')
        code[5] = (char)('0' + (code[5] - '0' + 5) % 10);
    return answer(login, code);
}
