/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "varlink.h"

#include "err.h"
#include "reply.h"

#include <stdio.h>
#include <string.h>

#define STANDARD "org.varlink.service"
#define DESCRIPTION_MAX (16 * 1024)

/* --- the description -------------------------------------------------------------------------- */

struct text {
    char *out;
    size_t size;
    bool failed;
};

static void put(struct text *text, const char *part)
{
    size_t used = strlen(text->out), length = strlen(part);

    if (length >= text->size - used)
        text->failed = true;
    else
        memcpy(text->out + used, part, length + 1);
}

static void put_field(struct text *text, const struct field *field, bool *comma)
{
    put(text, *comma ? ", " : "");
    *comma = true;
    if (field_describe(field, text->out, text->size) != 0)
        text->failed = true;
}

static void put_part(struct text *text, enum reply_parts part, bool *comma)
{
    size_t count = 0;
    const struct field *fields = reply_fields(part, &count);

    for (size_t i = 0; i < count; i++)
        put_field(text, &fields[i], comma);
}

static void put_types(struct text *text)
{
    static const struct {
        const char *name;
        enum reply_parts part;
        const char *more; /* what the table cannot tell */
    } types[] = {{"Device", REPLY_DEVICE, ""},
                 {"Enrolled", REPLY_DEVICE, ", secret: string, uri: string"},
                 {"Record", REPLY_ACCOUNT, ", has_password: ?bool, devices: ?[]Device"},
                 {"Event", REPLY_EVENTS, ""}};

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        bool comma = false;
        put(text, "\ntype ");
        put(text, types[i].name);
        put(text, " (");
        put_part(text, types[i].part, &comma);
        put(text, types[i].more);
        put(text, ")\n");
    }
}

static void put_method(struct text *text, enum call_method method)
{
    static const struct {
        unsigned part;
        const char *field;
    } members[] = {{REPLY_DEVICE, "enrolled: ?Enrolled"},
                   {REPLY_TOKENS, "backup_tokens: ?[]string"},
                   {REPLY_ACCOUNT | REPLY_ACCOUNTS, "account: ?Record"},
                   {REPLY_EVENTS, "event: ?Event"}};
    const unsigned parts = reply_parts(method);
    bool comma = false;
    size_t count = 0;
    const struct field *fields = call_fields(&count);

    put(text, (parts & REPLY_STREAM) != 0 ? "\n# Call with 'more'.\nmethod " : "\nmethod ");
    put(text, call_method_name(method));
    put(text, "(");
    for (size_t i = 0; i < count; i++)
        if (call_takes(method, i))
            put_field(text, &fields[i], &comma);
    put(text, ") -> (");
    comma = false;
    if ((parts & REPLY_OUTCOME) != 0)
        put_part(text, REPLY_OUTCOME, &comma);
    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        if ((parts & members[i].part) != 0) {
            put(text, comma ? ", " : "");
            put(text, members[i].field);
            comma = true;
        }
    put(text, ")\n");
}

int varlink_describe(char *out, size_t size)
{
    struct text text = {.out = out, .size = size};

    out[0] = '\0';
    put(&text, "# Two-factor login. Times are seconds since 1970; 'user' left out is the caller.\n"
               "# totpd(8) says who may call what.\ninterface " CALL_INTERFACE "\n");
    put_types(&text);
    for (unsigned method = 0; method < CALL_METHOD_COUNT; method++)
        if (method != CALL_INFO && method != CALL_DESCRIBE)
            put_method(&text, method);
    put(&text, "\n# The caller may not do this.\n"
               "error NotPermitted (where: ?string, what: ?string)\n"
               "\n# Say it again with 'proof', a fresh code of the caller's own.\n"
               "error CodeNeeded (where: ?string, what: ?string)\n"
               "\n# 'proof' was not accepted.\n"
               "error CodeRefused (verdict: ?string, locked_until: ?int, where: ?string, "
               "what: ?string)\n"
               "\n# Another store, key file or configuration was named than this service has.\n"
               "error NotServed (where: ?string, what: ?string)\n"
               "\n# Too much is asked at once: try again.\nerror Busy ()\n"
               "\n# Anything else; the numbers are those of totpd(8).\n"
               "error Failed (code: int, where: ?string, what: ?string)\n");
    return text.failed ? ERR_TOO_LONG : 0;
}

/* --- replies ---------------------------------------------------------------------------------- */

static int finish(struct json_writer *writer, size_t *length)
{
    json_end(writer);
    json_end(writer);
    int r = json_finish(writer, length);
    if (r == 0)
        ++*length; /* the terminator ends the message */
    return r;
}

static void put_info(struct json_writer *writer)
{
    json_text(writer, "vendor", "pam_totp");
    json_text(writer, "product", "totpd");
    json_text(writer, "version", PACKAGE_VERSION);
    json_text(writer, "url", "");
    json_open_array(writer, "interfaces");
    json_text(writer, NULL, STANDARD);
    json_text(writer, NULL, CALL_INTERFACE);
    json_end(writer);
}

/* The interface every service has. */
static const char standard[] =
    "interface " STANDARD "\n\n"
    "method GetInfo() -> (vendor: string, product: string, version: string, url: string, "
    "interfaces: []string)\n\n"
    "method GetInterfaceDescription(interface: string) -> (description: string)\n\n"
    "error InterfaceNotFound (interface: string)\n\n"
    "error MethodNotFound (method: string)\n\n"
    "error MethodNotImplemented (method: string)\n\n"
    "error InvalidParameter (parameter: string)\n\n"
    "error PermissionDenied ()\n\n"
    "error ExpectedMore ()\n";

int varlink_reply(const struct call *call, char *out, size_t size, size_t *length)
{
    char description[DESCRIPTION_MAX] = "";
    const char *interface = call->interface != NULL ? call->interface : "";
    struct json_writer writer;

    json_start(&writer, out, size);
    json_open_object(&writer, NULL);
    json_open_object(&writer, "parameters");
    if (call->method == CALL_INFO) {
        put_info(&writer);
        return finish(&writer, length);
    }
    if (strcmp(interface, STANDARD) == 0) {
        json_text(&writer, "description", standard);
        return finish(&writer, length);
    }
    if (strcmp(interface, CALL_INTERFACE) != 0)
        return ERR_NOT_FOUND;
    int r = varlink_describe(description, sizeof(description));
    if (r != 0)
        return r;
    json_text(&writer, "description", description);
    return finish(&writer, length);
}

int varlink_error(enum varlink_error error, const char *wrong, char *out, size_t size,
                  size_t *length)
{
    static const struct {
        const char *name, *parameter;
    } errors[] = {
        [VARLINK_INTERFACE_NOT_FOUND] = {STANDARD ".InterfaceNotFound", "interface"},
        [VARLINK_METHOD_NOT_FOUND] = {STANDARD ".MethodNotFound", "method"},
        [VARLINK_METHOD_NOT_IMPLEMENTED] = {STANDARD ".MethodNotImplemented", "method"},
        [VARLINK_INVALID_PARAMETER] = {STANDARD ".InvalidParameter", "parameter"},
        [VARLINK_EXPECTED_MORE] = {STANDARD ".ExpectedMore", NULL},
    };
    struct json_writer writer;

    json_start(&writer, out, size);
    json_open_object(&writer, NULL);
    json_text(&writer, "error", errors[error].name);
    json_open_object(&writer, "parameters");
    if (errors[error].parameter != NULL)
        json_text(&writer, errors[error].parameter, wrong);
    return finish(&writer, length);
}
