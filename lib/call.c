/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "call.h"

#include "err.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define STANDARD_INTERFACE "org.varlink.service"
#define SHAPES "code|combined|tail"

/* Members, in the order they are written. */
#define CALL_FIELDS(X)                  \
    X(config, FIELD_TEXT, NULL)         \
    X(store, FIELD_TEXT, NULL)          \
    X(key_file, FIELD_TEXT, NULL)       \
    X(options, FIELD_TEXTS, NULL)       \
    X(service, FIELD_TEXT, NULL)        \
    X(rhost, FIELD_TEXT, NULL)          \
    X(tty, FIELD_TEXT, NULL)            \
    X(user, FIELD_TEXT, NULL)           \
    X(ruser, FIELD_TEXT, NULL)          \
    X(group, FIELD_TEXT, NULL)          \
    X(proof, FIELD_TEXT, NULL)          \
    X(shape, FIELD_WORD, SHAPES)        \
    X(password, FIELD_TEXT, NULL)       \
    X(code, FIELD_TEXT, NULL)           \
    X(next_code, FIELD_TEXT, NULL)      \
    X(check_password, FIELD_FLAG, NULL) \
    X(own_lock, FIELD_NUMBER, NULL)     \
    X(device, FIELD_TEXT, NULL)         \
    X(device_id, FIELD_NUMBER, NULL)    \
    X(type, FIELD_TEXT, NULL)           \
    X(algorithm, FIELD_TEXT, NULL)      \
    X(digits, FIELD_NUMBER, NULL)       \
    X(period, FIELD_NUMBER, NULL)       \
    X(counter, FIELD_NUMBER, NULL)      \
    X(secret, FIELD_TEXT, NULL)         \
    X(replace, FIELD_FLAG, NULL)        \
    X(at_login, FIELD_FLAG, NULL)       \
    X(trial, FIELD_FLAG, NULL)          \
    X(mail_tokens, FIELD_FLAG, NULL)    \
    X(recovery, FIELD_FLAG, NULL)       \
    X(unasked, FIELD_FLAG, NULL)        \
    X(keep, FIELD_FLAG, NULL)           \
    X(email, FIELD_TEXT, NULL)          \
    X(full_name, FIELD_TEXT, NULL)      \
    X(role, FIELD_TEXT, NULL)           \
    X(clear_grace, FIELD_FLAG, NULL)    \
    X(new_password, FIELD_TEXT, NULL)   \
    X(expire, FIELD_FLAG, NULL)         \
    X(count, FIELD_NUMBER, NULL)        \
    X(since, FIELD_NUMBER, NULL)        \
    X(after_id, FIELD_NUMBER, NULL)     \
    X(of_service, FIELD_TEXT, NULL)     \
    X(of_verdict, FIELD_TEXT, NULL)     \
    X(interface, FIELD_TEXT, NULL)

enum member {
#define MEMBER_ENUM(member, type, words) MEMBER_##member,
    CALL_FIELDS(MEMBER_ENUM)
#undef MEMBER_ENUM
        MEMBER_COUNT
};

static const struct field fields[MEMBER_COUNT] = {
#define MEMBER_ROW(member, kind, word_list)      \
    {.name = #member,                            \
     .type = kind,                               \
     .offset = offsetof(struct call, member),    \
     .size = sizeof(((struct call *)0)->member), \
     .words = (word_list)},
    CALL_FIELDS(MEMBER_ROW)
#undef MEMBER_ROW
};

#define M(member) (UINT64_C(1) << MEMBER_##member)
#define WHERE \
    (M(config) | M(store) | M(key_file) | M(options) | M(service) | M(rhost) | M(tty) | M(user))
#define ACT (WHERE | M(proof))
#define LOGIN (WHERE | M(ruser) | M(group) | M(shape) | M(check_password))

static const struct {
    const char *name;
    uint64_t takes;
} methods[CALL_METHOD_COUNT] = {
#define METHOD_NAME(identifier, method_name) [CALL_##identifier].name = (method_name),
    CALL_METHODS(METHOD_NAME)
#undef METHOD_NAME
        [CALL_BEGIN]
            .takes = LOGIN,
    [CALL_CHECK].takes = LOGIN | M(password) | M(code) | M(own_lock),
    [CALL_ACCOUNT].takes = WHERE | M(group),
    [CALL_SHOW].takes = ACT,
    [CALL_LIST].takes = ACT,
    [CALL_LOG].takes = ACT | M(since) | M(after_id) | M(of_service) | M(of_verdict),
    [CALL_ADD].takes = WHERE | M(email) | M(full_name) | M(role) | M(new_password),
    [CALL_SET].takes = ACT | M(email) | M(full_name) | M(role) | M(clear_grace),
    [CALL_PASSWD].takes = ACT | M(new_password) | M(expire),
    [CALL_ENROLL].takes = ACT | M(device) | M(type) | M(algorithm) | M(digits) | M(period) |
                          M(counter) | M(secret) | M(replace) | M(at_login),
    [CALL_QR].takes = ACT | M(device),
    [CALL_CONFIRM].takes =
        ACT | M(device) | M(device_id) | M(code) | M(at_login) | M(trial) | M(mail_tokens),
    [CALL_REMOVE].takes = ACT | M(device),
    [CALL_BACKUP].takes = ACT | M(count),
    [CALL_REVOKE].takes = ACT,
    [CALL_ENABLE].takes = ACT | M(device),
    [CALL_DISABLE].takes = ACT | M(device),
    [CALL_LOCK].takes = ACT,
    [CALL_UNLOCK].takes = ACT,
    [CALL_RESYNC].takes = ACT | M(device) | M(code) | M(next_code),
    [CALL_SEND].takes = WHERE | M(recovery) | M(unasked) | M(keep),
    [CALL_RECOVER].takes = ACT | M(code) | M(new_password),
    [CALL_DESCRIBE].takes = M(interface),
};
_Static_assert(MEMBER_COUNT <= 64, "a set of members is a uint64_t");

const char *call_method_name(enum call_method method)
{
    return methods[method].name;
}

const struct field *call_fields(size_t *count)
{
    *count = MEMBER_COUNT;
    return fields;
}

bool call_takes(enum call_method method, size_t field)
{
    return (methods[method].takes >> field & 1) != 0;
}

static bool is_standard(enum call_method method)
{
    return method == CALL_INFO || method == CALL_DESCRIBE;
}

/* --- writing ---------------------------------------------------------------------------------- */

int call_write(const struct call *call, char *out, size_t size, size_t *length)
{
    struct json_writer writer;
    char method[64] = "";
    const bool standard = is_standard(call->method);

    snprintf(method, sizeof(method), "%s.%s", standard ? STANDARD_INTERFACE : CALL_INTERFACE,
             methods[call->method].name);
    json_start(&writer, out, size);
    json_open_object(&writer, NULL);
    json_text(&writer, "method", method);
    if (call->method == CALL_LIST || call->method == CALL_LOG)
        json_bool(&writer, "more", true);
    json_open_object(&writer, "parameters");
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        if (call_takes(call->method, i))
            field_write(&writer, &fields[i], call, false);
    json_end(&writer);
    json_end(&writer);
    int r = json_finish(&writer, length);
    if (r == 0)
        ++*length; /* the terminator ends the message */
    return r;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* The text of the call, its parts still to be read. */
struct envelope {
    const char *method;
    struct json_reader parameters;
    bool has_parameters;
    struct call_flags flags;
};

static bool read_member(struct json_reader *reader, const char *name, struct envelope *envelope)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {{"more", &envelope->flags.more},
                 {"oneway", &envelope->flags.oneway},
                 {"upgrade", &envelope->flags.upgrade}};

    if (strcmp(name, "method") == 0)
        return envelope->method == NULL && json_get_text(reader, &envelope->method);
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
        if (strcmp(name, flags[i].name) == 0)
            return json_get_bool(reader, flags[i].flag);
    if (strcmp(name, "parameters") == 0 && json_peek(reader) != JSON_NULL) {
        if (envelope->has_parameters)
            return false;
        envelope->has_parameters = true;
        envelope->parameters = *reader;
    }
    json_skip(reader);
    return !reader->failed;
}

/* The interface's name is what stands before the last dot. */
static int find_method(const char *text, enum call_method *method, const char **wrong)
{
    const char *dot = strrchr(text, '.');
    size_t length = dot != NULL ? (size_t)(dot - text) : 0;

    *wrong = text;
    if (dot == NULL)
        return ERR_NOT_FOUND;
    for (unsigned i = 0; i < CALL_METHOD_COUNT; i++) {
        const char *interface = is_standard(i) ? STANDARD_INTERFACE : CALL_INTERFACE;
        if (strcmp(dot + 1, methods[i].name) == 0 && strlen(interface) == length &&
            strncmp(text, interface, length) == 0) {
            *method = i;
            return 0;
        }
    }
    return ERR_NOT_FOUND;
}

static int read_parameters(struct json_reader *reader, struct call *call, const char **wrong)
{
    uint64_t seen = 0;
    const char *name = NULL;

    *wrong = "parameters";
    if (!json_enter(reader, JSON_OBJECT))
        return ERR_INVALID;
    while (json_next(reader, &name)) {
        size_t i = field_find(fields, MEMBER_COUNT, name);
        *wrong = name;
        if (i == MEMBER_COUNT || !call_takes(call->method, i) || (seen >> i & 1) != 0 ||
            !field_read(reader, &fields[i], call))
            return ERR_INVALID;
        seen |= UINT64_C(1) << i;
    }
    return reader->failed ? ERR_INVALID : 0;
}

int call_read(char *message, size_t length, struct call *call, struct call_flags *flags,
              const char **wrong)
{
    struct envelope envelope = {0};
    struct json_reader reader;
    const char *name = NULL;

    *call = (struct call){0};
    *flags = (struct call_flags){0};
    *wrong = "method";
    if (length == 0 || message[length - 1] != '\0')
        return ERR_SYNTAX;
    json_read(&reader, message, length - 1);
    if (!json_enter(&reader, JSON_OBJECT))
        return ERR_SYNTAX;
    while (json_next(&reader, &name))
        if (!read_member(&reader, name, &envelope))
            return ERR_SYNTAX;
    if (json_done(&reader) != 0 || envelope.method == NULL)
        return ERR_SYNTAX;
    *flags = envelope.flags;
    int r = find_method(envelope.method, &call->method, wrong);
    if (r != 0 || !envelope.has_parameters)
        return r;
    return read_parameters(&envelope.parameters, call, wrong);
}
