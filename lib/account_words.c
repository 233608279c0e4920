/* SPDX-License-Identifier: BSD-2-Clause */
/* The words of an account and its devices. */
#include "config.h"

#include "account.h"

static const char *const role_names[] = {"user", "admin"};
static const char *const type_names[] = {"totp", "hotp", "email"};
static const char *const state_names[] = {"pending", "active", "disabled"};
static const char *const algorithm_names[] = {"SHA1", "SHA256", "SHA512"};

static const char *name_of(const char *const *names, size_t count, size_t value)
{
    return value < count ? names[value] : "unknown";
}

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* strcasecmp asks the host's locale. */
static bool is_word(const char *text, const char *word)
{
    while (*word != '\0' && to_lower(*text) == to_lower(*word)) {
        text++;
        word++;
    }
    return *text == *word;
}

static int value_of(const char *const *names, size_t count, const char *text, size_t *value)
{
    for (size_t i = 0; i < count; i++) {
        if (is_word(text, names[i])) {
            *value = i;
            return 0;
        }
    }
    return ERR_INVALID;
}

const char *account_role_name(enum account_role role)
{
    return name_of(role_names, ARRAY_SIZE(role_names), role);
}

const char *device_type_name(enum device_type type)
{
    return name_of(type_names, ARRAY_SIZE(type_names), type);
}

const char *device_state_name(enum device_state state)
{
    return name_of(state_names, ARRAY_SIZE(state_names), state);
}

const char *otp_algorithm_name(enum otp_algorithm algorithm)
{
    return name_of(algorithm_names, ARRAY_SIZE(algorithm_names), algorithm);
}

int account_role_parse(const char *text, enum account_role *role)
{
    size_t value = 0;
    int r = value_of(role_names, ARRAY_SIZE(role_names), text, &value);

    if (r == 0)
        *role = (enum account_role)value;
    return r;
}

int device_type_parse(const char *text, enum device_type *type)
{
    size_t value = 0;
    int r = value_of(type_names, ARRAY_SIZE(type_names), text, &value);

    if (r == 0)
        *type = (enum device_type)value;
    return r;
}

int device_state_parse(const char *text, enum device_state *state)
{
    size_t value = 0;
    int r = value_of(state_names, ARRAY_SIZE(state_names), text, &value);

    if (r == 0)
        *state = (enum device_state)value;
    return r;
}

int otp_algorithm_parse(const char *text, enum otp_algorithm *algorithm)
{
    size_t value = 0;
    int r = value_of(algorithm_names, ARRAY_SIZE(algorithm_names), text, &value);

    if (r == 0)
        *algorithm = (enum otp_algorithm)value;
    return r;
}
