/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "reply.h"

#include "encoding.h"
#include "err.h"
#include "secret.h"
#include "text.h"

#include <limits.h>
#include <string.h>

#define VERDICTS_IN_ORDER \
    "wrong|replayed|malformed|locked|unenrolled|disabled|accepted|exempt|grace"
#define HIDDEN_HASH "*" /* there is one; it matches nothing */

void reply_device_clear(struct reply_device *device)
{
    secret_wipe(device, sizeof(*device));
}

void reply_tokens_clear(struct reply_tokens *tokens)
{
    secret_wipe(tokens, sizeof(*tokens));
}

/* --- tables ----------------------------------------------------------------------------------- */

static const struct field outcome_fields[] = {
    FIELD_OF_WORDS(struct reply, outcome.verdict, "verdict", VERDICTS_IN_ORDER),
    FIELD_OF_WORDS(struct reply, outcome.admit, "admit", "no|ignore|yes"),
    FIELD_OF_WORDS(struct reply, outcome.method, "method", "none|totp|hotp|backup|email"),
    FIELD(FIELD_CHARS, struct reply, outcome.device, "device"),
    FIELD(FIELD_NUMBER, struct reply, outcome.locked_until, "locked_until"),
    FIELD(FIELD_UINT, struct reply, outcome.failures, "failures"),
    FIELD(FIELD_UINT, struct reply, outcome.tokens_left, "tokens_left"),
    FIELD(FIELD_UINT, struct reply, outcome.tokens_issued, "tokens_issued"),
    FIELD(FIELD_SIZE, struct reply, password_length, "password_length"),
    FIELD(FIELD_FLAG, struct reply, ask, "ask"),
    FIELD(FIELD_FLAG, struct reply, enroll, "enroll"),
    FIELD(FIELD_FLAG, struct reply, tokens_due, "tokens_due"),
    FIELD_OF_WORDS(struct reply, password, "password", "none|set|expired"),
    FIELD(FIELD_CHARS, struct reply, explanation, "explanation"),
    FIELD(FIELD_CHARS, struct reply, recorded, "recorded"),
};

static const struct field mail_fields[] = {
    FIELD(FIELD_CHARS, struct reply, address, "address"),
    FIELD(FIELD_NUMBER, struct reply, wait, "wait"),
};

static const struct field device_fields[] = {
    FIELD(FIELD_CHARS, struct device, label, "device"),
    FIELD(FIELD_NUMBER, struct device, id, "id"),
    FIELD_OF_WORDS(struct device, type, "type", "totp|hotp|email"),
    FIELD_OF_WORDS(struct device, state, "state", "pending|active|disabled"),
    FIELD_OF_WORDS(struct device, algorithm, "algorithm", "SHA1|SHA256|SHA512"),
    FIELD(FIELD_UINT, struct device, digits, "digits"),
    FIELD(FIELD_UINT, struct device, period, "period"),
    FIELD(FIELD_NUMBER, struct device, counter, "counter"),
    FIELD(FIELD_SIGNED, struct device, offset, "drift"),
    FIELD(FIELD_TIME, struct device, created, "created"),
    FIELD(FIELD_TIME, struct device, last_used, "last_used"),
};

static const struct field account_fields[] = {
    FIELD(FIELD_CHARS, struct account, name, "user"),
    FIELD(FIELD_CHARS, struct account, email, "email"),
    FIELD(FIELD_CHARS, struct account, full_name, "full_name"),
    FIELD_OF_WORDS(struct account, role, "role", "user|admin"),
    FIELD(FIELD_FLAG, struct account, enabled, "enabled"),
    FIELD(FIELD_FLAG, struct account, closed, "closed"),
    FIELD(FIELD_UINT, struct account, failures, "failures"),
    FIELD(FIELD_NUMBER, struct account, locked_until, "locked_until"),
    FIELD(FIELD_TIME, struct account, created, "created"),
    FIELD(FIELD_FLAG, struct account, password_expired, "password_expired"),
    FIELD(FIELD_SIZE, struct account, token_count, "tokens_left"),
    FIELD(FIELD_UINT, struct account, tokens_issued, "tokens_issued"),
};

static const struct field event_fields[] = {
    FIELD(FIELD_NUMBER, struct event, id, "id"),
    FIELD(FIELD_TIME, struct event, time, "time"),
    FIELD(FIELD_CHARS, struct event, action, "action"),
    FIELD(FIELD_CHARS, struct event, user, "user"),
    FIELD(FIELD_CHARS, struct event, service, "service"),
    FIELD(FIELD_CHARS, struct event, rhost, "rhost"),
    FIELD(FIELD_CHARS, struct event, tty, "tty"),
    FIELD(FIELD_CHARS, struct event, verdict, "verdict"),
    FIELD(FIELD_CHARS, struct event, method, "method"),
    FIELD(FIELD_CHARS, struct event, device, "device"),
    FIELD(FIELD_CHARS, struct event, actor, "actor"),
};

/* An error of ours; the first two go with ERR_REFUSED alone. */
struct fault {
    struct err err;
    struct outcome outcome;
};

static const struct field fault_fields[] = {
    FIELD_OF_WORDS(struct fault, outcome.verdict, "verdict", VERDICTS_IN_ORDER),
    FIELD(FIELD_NUMBER, struct fault, outcome.locked_until, "locked_until"),
    FIELD(FIELD_CHARS, struct fault, err.where, "where"),
    FIELD(FIELD_CHARS, struct fault, err.what, "what"),
};
#define FAULT_OUTCOME_FIELDS 2

const struct field *reply_fields(enum reply_parts part, size_t *count)
{
    switch (part) {
    case REPLY_OUTCOME:
        *count = ARRAY_SIZE(outcome_fields);
        return outcome_fields;
    case REPLY_DEVICE:
        *count = ARRAY_SIZE(device_fields);
        return device_fields;
    case REPLY_ACCOUNT:
    case REPLY_ACCOUNTS:
        *count = ARRAY_SIZE(account_fields);
        return account_fields;
    case REPLY_EVENTS:
        *count = ARRAY_SIZE(event_fields);
        return event_fields;
    case REPLY_MAIL:
        *count = ARRAY_SIZE(mail_fields);
        return mail_fields;
    case REPLY_TOKENS:
        break;
    }
    *count = 0;
    return NULL;
}

unsigned reply_parts(enum call_method method)
{
    switch (method) {
    case CALL_BEGIN:
    case CALL_CHECK:
    case CALL_ACCOUNT:
        return REPLY_OUTCOME;
    case CALL_RESYNC:
    case CALL_RECOVER:
        return REPLY_OUTCOME;
    case CALL_SEND:
        return REPLY_MAIL;
    case CALL_CONFIRM:
        return REPLY_OUTCOME | REPLY_TOKENS | REPLY_MAIL;
    case CALL_BACKUP:
    case CALL_REVOKE:
        return REPLY_TOKENS;
    case CALL_ENROLL:
        return REPLY_DEVICE | REPLY_MAIL;
    case CALL_QR:
        return REPLY_DEVICE;
    case CALL_SHOW:
        return REPLY_ACCOUNT;
    case CALL_LIST:
        return REPLY_ACCOUNTS;
    case CALL_LOG:
        return REPLY_EVENTS;
    default:
        return 0;
    }
}

/* How an error of ours is called; all others are "Failed", with their number. */
static const struct {
    int code;
    const char *name;
} errors[] = {
    {ERR_PERMISSION, CALL_INTERFACE ".NotPermitted"},
    {ERR_PROOF, CALL_INTERFACE ".CodeNeeded"},
    {ERR_REFUSED, CALL_INTERFACE ".CodeRefused"},
    {ERR_NOT_SERVED, CALL_INTERFACE ".NotServed"},
    /* Read, never written: a service of another version has done nothing. */
    {ERR_NOT_SERVED, "org.varlink.service.MethodNotFound"},
    {ERR_NOT_SERVED, "org.varlink.service.InvalidParameter"},
    {ERR_BUSY, CALL_INTERFACE ".Busy"},
};
#define FAILED CALL_INTERFACE ".Failed"

/* --- writing ---------------------------------------------------------------------------------- */

static void write_fields(struct json_writer *writer, const struct field *fields, size_t count,
                         const void *object)
{
    for (size_t i = 0; i < count; i++)
        field_write(writer, &fields[i], object, true);
}

static void write_enrolled(struct json_writer *writer, const struct reply_device *enrolled)
{
    char secret[ENCODING_BASE32_SIZE(SECRET_BYTES_MAX)] = "";

    if (encoding_base32(enrolled->device.secret.bytes, enrolled->device.secret.length, secret,
                        sizeof(secret)) != 0)
        writer->failed = true;
    json_open_object(writer, "enrolled");
    write_fields(writer, device_fields, ARRAY_SIZE(device_fields), &enrolled->device);
    json_text(writer, "secret", secret);
    json_text(writer, "uri", enrolled->uri);
    json_end(writer);
    secret_wipe(secret, sizeof(secret));
}

static void write_tokens(struct json_writer *writer, const struct reply_tokens *tokens)
{
    json_open_array(writer, "backup_tokens");
    for (size_t i = 0; i < tokens->count; i++)
        json_text(writer, NULL, tokens->text[i]);
    json_end(writer);
}

static void write_account(struct json_writer *writer, const struct account *account)
{
    json_open_object(writer, "account");
    write_fields(writer, account_fields, ARRAY_SIZE(account_fields), account);
    json_bool(writer, "has_password", account->password[0] != '\0');
    json_open_array(writer, "devices");
    for (size_t i = 0; i < account->device_count; i++) {
        json_open_object(writer, NULL);
        write_fields(writer, device_fields, ARRAY_SIZE(device_fields), &account->devices[i]);
        json_end(writer);
    }
    json_end(writer);
    json_end(writer);
}

static int finish(struct json_writer *writer, size_t *length)
{
    int r = json_finish(writer, length);

    if (r == 0)
        ++*length; /* the terminator ends the message */
    return r;
}

static void start(struct json_writer *writer, char *out, size_t size)
{
    json_start(writer, out, size);
    json_open_object(writer, NULL);
    json_open_object(writer, "parameters");
}

static int finish_part(struct json_writer *writer, size_t *length)
{
    json_end(writer);
    json_bool(writer, "continues", true);
    json_end(writer);
    return finish(writer, length);
}

int reply_write_account(const struct account *account, char *out, size_t size, size_t *length)
{
    struct json_writer writer;

    start(&writer, out, size);
    write_account(&writer, account);
    return finish_part(&writer, length);
}

int reply_write_event(const struct event *event, char *out, size_t size, size_t *length)
{
    struct json_writer writer;

    start(&writer, out, size);
    json_open_object(&writer, "event");
    write_fields(&writer, event_fields, ARRAY_SIZE(event_fields), event);
    json_end(&writer);
    return finish_part(&writer, length);
}

int reply_write(enum call_method method, const struct reply *reply, char *out, size_t size,
                size_t *length)
{
    const unsigned parts = reply_parts(method);
    struct json_writer writer;

    start(&writer, out, size);
    if ((parts & REPLY_OUTCOME) != 0)
        write_fields(&writer, outcome_fields, ARRAY_SIZE(outcome_fields), reply);
    if ((parts & REPLY_MAIL) != 0)
        write_fields(&writer, mail_fields, ARRAY_SIZE(mail_fields), reply);
    if ((parts & REPLY_DEVICE) != 0)
        write_enrolled(&writer, reply->enrolled);
    if ((parts & REPLY_TOKENS) != 0)
        write_tokens(&writer, reply->tokens);
    if ((parts & REPLY_ACCOUNT) != 0)
        write_account(&writer, reply->account);
    json_end(&writer);
    json_end(&writer);
    return finish(&writer, length);
}

static const char *error_name(int code)
{
    for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
        if (errors[i].code == code)
            return errors[i].name;
    return NULL;
}

int reply_write_err(const struct err *err, const struct outcome *outcome, char *out, size_t size,
                    size_t *length)
{
    const char *name = error_name(err->code);
    const struct fault fault = {.err = *err, .outcome = *outcome};
    struct json_writer writer;

    json_start(&writer, out, size);
    json_open_object(&writer, NULL);
    json_text(&writer, "error", name != NULL ? name : FAILED);
    json_open_object(&writer, "parameters");
    if (name == NULL)
        json_number(&writer, "code", -(int64_t)err->code);
    for (size_t i = err->code == ERR_REFUSED ? 0 : FAULT_OUTCOME_FIELDS;
         i < ARRAY_SIZE(fault_fields); i++)
        field_write(&writer, &fault_fields[i], &fault, true);
    json_end(&writer);
    json_end(&writer);
    return finish(&writer, length);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* An object into *object; members that no table names are passed over. special: takes what the
 * table cannot tell, and says whether it has. */
typedef bool special_fn(struct json_reader *reader, const char *name, void *object);

static bool read_object(struct json_reader *reader, const struct field *fields, size_t count,
                        special_fn *special, void *object)
{
    const char *name = NULL;
    uint32_t seen = 0;

    if (!json_enter(reader, JSON_OBJECT))
        return false;
    while (json_next(reader, &name)) {
        size_t i = field_find(fields, count, name);
        if (i < count && ((seen >> i & 1) != 0 || !field_read(reader, &fields[i], object)))
            return false;
        seen |= i < count ? UINT32_C(1) << i : 0;
        if (i == count && (special == NULL || !special(reader, name, object)))
            json_skip(reader);
    }
    return !reader->failed;
}

static bool read_device(struct json_reader *reader, struct device *device)
{
    *device = (struct device){.last_step = ACCOUNT_NEVER, .last_used = ACCOUNT_NEVER};
    return read_object(reader, device_fields, ARRAY_SIZE(device_fields), NULL, device);
}

static bool read_account_rest(struct json_reader *reader, const char *name, void *object)
{
    struct account *account = object;
    const char *element = NULL;
    bool has_password = false;

    if (strcmp(name, "has_password") == 0) {
        if (json_get_bool(reader, &has_password) && has_password)
            text_cut(account->password, sizeof(account->password), HIDDEN_HASH);
        return true;
    }
    if (strcmp(name, "devices") != 0)
        return false;
    if (!json_enter(reader, JSON_ARRAY))
        return true;
    while (json_next(reader, &element)) {
        if (account->device_count == ACCOUNT_DEVICES_MAX ||
            !read_device(reader, &account->devices[account->device_count]))
            reader->failed = true;
        else
            account->device_count++;
    }
    return true;
}

static bool read_account(struct json_reader *reader, struct account *account)
{
    *account = (struct account){0};
    return read_object(reader, account_fields, ARRAY_SIZE(account_fields), read_account_rest,
                       account) &&
           account->token_count <= ACCOUNT_TOKENS_MAX;
}

static bool read_enrolled_rest(struct json_reader *reader, const char *name, void *object)
{
    struct reply_device *enrolled = object;
    struct secret *secret = &enrolled->device.secret;
    const char *text = NULL;

    if (strcmp(name, "secret") == 0) {
        if (json_get_text(reader, &text) &&
            encoding_base32_strict(text, secret->bytes, sizeof(secret->bytes), &secret->length) !=
                0)
            reader->failed = true;
        return true;
    }
    if (strcmp(name, "uri") != 0)
        return false;
    if (json_get_text(reader, &text) && text_copy(enrolled->uri, sizeof(enrolled->uri), text) != 0)
        reader->failed = true;
    return true;
}

static bool read_enrolled(struct json_reader *reader, struct reply_device *enrolled)
{
    _Static_assert(offsetof(struct reply_device, device) == 0, "one is the other too");
    enrolled->device = (struct device){.last_step = ACCOUNT_NEVER, .last_used = ACCOUNT_NEVER};
    return read_object(reader, device_fields, ARRAY_SIZE(device_fields), read_enrolled_rest,
                       enrolled);
}

static bool read_tokens(struct json_reader *reader, struct reply_tokens *tokens)
{
    const char *text = NULL;

    tokens->count = 0;
    if (!json_enter(reader, JSON_ARRAY))
        return false;
    while (json_next(reader, &text)) {
        if (tokens->count == ACCOUNT_TOKENS_MAX || !json_get_text(reader, &text) ||
            text_copy(tokens->text[tokens->count], CODE_TOKEN_SIZE, text) != 0)
            return false;
        tokens->count++;
    }
    return !reader->failed;
}

/* What goes to the caller's visitors. */
struct parts {
    struct reply *reply;
    int result;    /* of a visitor */
    uint32_t seen; /* of the outcome, and of what was sent */
};

static bool visit(struct json_reader *reader, const char *name, struct parts *parts)
{
    struct reply *reply = parts->reply;

    if (strcmp(name, "event") == 0) {
        struct event event = {0};
        if (!read_object(reader, event_fields, ARRAY_SIZE(event_fields), NULL, &event))
            return false;
        parts->result = reply->each_event(reply->context, &event);
        return true;
    }
    struct account account CLEANUP(account_clear) = {0};
    if (!read_account(reader, &account))
        return false;
    parts->result = reply->each_account(reply->context, &account);
    return true;
}

_Static_assert(ARRAY_SIZE(outcome_fields) + ARRAY_SIZE(mail_fields) <= 32,
               "what has been seen of them is a uint32_t");

/* A member of the reply itself; *fine: it stands once, and is well. */
static bool read_member(struct json_reader *reader, const char *name, struct parts *parts,
                        bool *fine)
{
    const struct field *fields = outcome_fields;
    size_t count = ARRAY_SIZE(outcome_fields), i = field_find(fields, count, name), bit = i;

    if (i == count) {
        fields = mail_fields;
        count = ARRAY_SIZE(mail_fields);
        i = field_find(fields, count, name);
        bit = ARRAY_SIZE(outcome_fields) + i;
    }
    if (i == count)
        return false;
    *fine = (parts->seen >> bit & 1) == 0 && field_read(reader, &fields[i], parts->reply);
    parts->seen |= UINT32_C(1) << bit;
    return true;
}

static bool read_part(struct json_reader *reader, const char *name, void *object)
{
    struct parts *parts = object;
    struct reply *reply = parts->reply;
    const bool is_account = strcmp(name, "account") == 0, is_event = strcmp(name, "event") == 0;
    bool fine = true;

    if (read_member(reader, name, parts, &fine)) {
        /* It was one of the reply itself. */
    } else if ((is_account && reply->each_account != NULL) ||
               (is_event && reply->each_event != NULL))
        fine = visit(reader, name, parts);
    else if (is_account && reply->account != NULL)
        fine = read_account(reader, reply->account);
    else if (strcmp(name, "enrolled") == 0 && reply->enrolled != NULL)
        fine = read_enrolled(reader, reply->enrolled);
    else if (strcmp(name, "backup_tokens") == 0 && reply->tokens != NULL)
        fine = read_tokens(reader, reply->tokens);
    else
        return false;
    if (!fine)
        reader->failed = true;
    return true;
}

static int no_reply(struct err *err)
{
    return err_set(err, ERR_SERVICE, NULL,
                   "the service's answer was not understood: see that totpd and this program are "
                   "of one version, and restart totpd");
}

static bool read_err_code(struct json_reader *reader, const char *name, void *object)
{
    struct fault *fault = object;
    int64_t number = 0;

    if (fault->err.code != ERR_SERVICE || strcmp(name, "code") != 0)
        return false;
    /* What means "do it yourself" is said by name, or by nobody. */
    if (json_get_number(reader, &number) &&
        ((number > 0 && number < -ERR_NO_SERVICE) || number == -ERR_STORE_NEWER))
        fault->err.code = -(int)number;
    return true;
}

static int read_err(const char *name, struct json_reader *parameters, struct reply *reply,
                    struct err *err)
{
    struct fault fault = {.err = {.code = ERR_SERVICE}};

    for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
        if (strcmp(errors[i].name, name) == 0)
            fault.err.code = errors[i].code;
    if (!read_object(parameters, fault_fields, ARRAY_SIZE(fault_fields), read_err_code, &fault))
        return no_reply(err);
    /* A refusal is no acceptance, whatever the other side says. */
    if (fault.outcome.verdict != VERDICT_ACCEPTED)
        reply->outcome = fault.outcome;
    if (err != NULL)
        *err = fault.err;
    return fault.err.code;
}

bool reply_fits(const struct reply *reply, const struct call *call)
{
    const size_t typed = call->password != NULL ? strlen(call->password) : 0;
    const bool begins = call->method == CALL_BEGIN, checks = call->method == CALL_CHECK;
    const bool may_ask = begins || (checks && call->shape == AUTH_TAIL);
    /* Who types all in one answer is told to enrol when the password in it has been judged. */
    const bool may_enroll = begins || (checks && call->shape != AUTH_CODE);
    const struct outcome *outcome = &reply->outcome;

    if (reply->ask && (!may_ask || outcome->admit != ADMIT_NO))
        return false;
    if (reply->enroll && (!may_enroll || reply->ask || outcome->admit != ADMIT_NO ||
                          outcome->verdict != VERDICT_UNENROLLED))
        return false;
    if (reply->tokens_due &&
        (!checks || outcome->admit != ADMIT_YES || outcome->verdict != VERDICT_ACCEPTED))
        return false;
    return outcome_is_sound(outcome) && reply->password_length <= typed;
}

/* --- a message -------------------------------------------------------------------------------- */

struct envelope {
    const char *error;
    struct json_reader parameters;
    bool has_parameters, continues;
};

static bool open_envelope(char *message, size_t length, struct envelope *envelope)
{
    struct json_reader reader;
    const char *name = NULL;

    if (length == 0 || message[length - 1] != '\0')
        return false;
    json_read(&reader, message, length - 1);
    if (!json_enter(&reader, JSON_OBJECT))
        return false;
    while (json_next(&reader, &name)) {
        if (strcmp(name, "error") == 0) {
            if (envelope->error != NULL || !json_get_text(&reader, &envelope->error))
                return false;
            continue;
        }
        if (strcmp(name, "continues") == 0) {
            if (!json_get_bool(&reader, &envelope->continues))
                return false;
            continue;
        }
        if (strcmp(name, "parameters") == 0) {
            if (envelope->has_parameters)
                return false;
            envelope->has_parameters = true;
            envelope->parameters = reader;
        }
        json_skip(&reader);
    }
    return json_done(&reader) == 0 && envelope->has_parameters;
}

void reply_deny(struct reply *reply)
{
    reply->outcome = (struct outcome){0};
    reply->password_length = 0;
    reply->ask = false;
    reply->enroll = false;
    reply->tokens_due = false;
    reply->password = REPLY_PASSWORD_NONE;
    reply->address[0] = '\0';
    reply->wait = 0;
    reply->unsent = false;
    reply->explanation[0] = '\0';
    reply->recorded[0] = '\0';
}

int reply_read(char *message, size_t length, struct reply *reply, bool *more, struct err *err)
{
    struct envelope envelope = {0};
    struct parts parts = {.reply = reply};

    /* What an earlier message said does not count. */
    reply_deny(reply);
    *more = false;
    if (!open_envelope(message, length, &envelope))
        return no_reply(err);
    if (envelope.error != NULL)
        return read_err(envelope.error, &envelope.parameters, reply, err);
    if (!read_object(&envelope.parameters, NULL, 0, read_part, &parts)) {
        reply_deny(reply);
        return no_reply(err);
    }
    *more = envelope.continues;
    return parts.result;
}
