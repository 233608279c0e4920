/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "account.h"
#include "tap.h"

#include <string.h>

#define REPEAT_16(s) s s s s s s s s s s s s s s s s
#define REPEAT_64(s) REPEAT_16(s) REPEAT_16(s) REPEAT_16(s) REPEAT_16(s)
#define REPEAT_256(s) REPEAT_64(s) REPEAT_64(s) REPEAT_64(s) REPEAT_64(s)

struct row {
    const char *text;
    bool valid;
};

static void test_texts(const char *noun, bool (*valid)(const char *), const struct row *rows,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        ok(valid(rows[i].text) == rows[i].valid, "%s %zu is %s", noun, i,
           rows[i].valid ? "good" : "refused");
}

static void test_names(void)
{
    static const struct row rows[] = {
        {"alice", true},
        {"DOM\\user", true},
        {"user@realm.example", true},
        {"a", true},
        {"J\xc3\xb6rg", true},
        {"_apt", true},
        {"a-b", true},
        {"...", true},
        {"%u", true},
        {"", false},
        {".", false},
        {"..", false},
        {"-x", false},
        {"a b", false},
        {" a", false},
        {"a:b", false},
        {"a/b", false},
        {"/", false},
        {"a,b", false},
        {"a\n", false},
        {"a\tb", false},
        {"a\x7f", false},
        {"\x80", false},
        {"\xc0\xaf", false},
        {"a\xc3", false},
        {"\xed\xa0\x80", false},
        {"a\xc2\x85", false},
        {"\xe2\x80\xae", false},
        {REPEAT_256("a"), true},
        {REPEAT_256("a") "a", false},
    };

    test_texts("account name", account_name_valid, rows, ARRAY_SIZE(rows));
}

static void test_labels(void)
{
    static const struct row rows[] = {
        {"phone", true},
        {"my phone", true},
        {"a/b:c,d", true},
        {"\xe2\x98\x8e", true},
        {"", false},
        {" phone", false},
        {"phone ", false},
        {" ", false},
        {"-phone", false},
        {"pho\nne", false},
        {"phone\xff", false},
        {"\x1b[2J", false},
        {REPEAT_64("a"), true},
        {REPEAT_64("a") "a", false},
    };

    test_texts("device label", account_label_valid, rows, ARRAY_SIZE(rows));
}

#define LONG_EMAIL \
    REPEAT_64("a") \
    "@" REPEAT_64("b") REPEAT_64("b") REPEAT_16("b") REPEAT_16("b") REPEAT_16("b") "bbbbbbbbbbbbb"

static void test_emails(void)
{
    static const struct row rows[] = {
        {"", true},
        {"alice@example.org", true},
        {"a.b+tag@example.org", true},
        {"o'brien@y", true},
        {"alice", false},
        {"@example.org", false},
        {"alice@", false},
        {"@", false},
        {"a@b@c", false},
        {"alice @example.org", false},
        {"\"alice\"@example.org", false},
        {"a@b,c@d", false},
        {"Alice <a@b>", false},
        {"<a@b>", false},
        {"a@b\r\nBcc: c@d", false},
        {"a\x01@b", false},
        {"j\xc3\xb6rg@b", false},
        {LONG_EMAIL, true},
        {LONG_EMAIL "b", false},
    };

    ok(sizeof(LONG_EMAIL) - 1 == 254, "the longest address has 254 bytes");
    test_texts("address", account_email_valid, rows, ARRAY_SIZE(rows));
}

/* A hint for who knows it, and nothing for who does not. */
static void test_masks(void)
{
    static const struct {
        const char *address, *mask;
    } rows[] = {
        {"alice@example.org", "a***@e***.org"},
        {"a@example.org", "a***@e***.org"},
        {"alice@mail.example.co.uk", "a***@m***.uk"},
        {"alice@localhost", "a***@l***"},
        {"a@b", "a***@b***"},
        {"a@b.c", "a***@b***.c"},
        {".@..", ".***@.***."},
        {"x@.org", "x***@.***"},
        {"x@example.", "x***@e***."},
        {"*@*.*", "****@****.*"},
        {"a.b+tag@[192.0.2.1]", "a***@[***.1]"},
        {"", ""},
        {"alice", ""},
        {"@example.org", ""},
        {"alice@", ""},
        {"a@b@c.org", ""},
        {"j\xc3\xb6rg@example.org", ""},
        {"a@b\n.org", ""},
        {LONG_EMAIL, "a***@b***"},
    };
    static const char domain[] = "a@b." REPEAT_64("c") REPEAT_64("c") REPEAT_64("c") REPEAT_16("c")
        REPEAT_16("c") REPEAT_16("c") "cccccccccc";
    char out[ACCOUNT_TEXT_SIZE];

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        memset(out, 'x', sizeof(out));
        account_email_mask(rows[i].address, out);
        ok(strcmp(out, rows[i].mask) == 0, "the mask of row %zu is '%s'", i, out);
    }
    ok(sizeof(domain) - 1 == 254 && account_email_valid(domain), "a long last part");
    account_email_mask(domain, out);
    ok(memchr(out, '\0', sizeof(out)) != NULL && strncmp(out, "a***@b***.ccc", 13) == 0,
       "does not run over");
}

static void test_full_names(void)
{
    static const struct row rows[] = {
        {"", true},
        {"Alice Liddell, M.A.", true},
        {"J\xc3\xb6rg", true},
        {REPEAT_256("a"), true},
        {REPEAT_256("a") "a", false},
        {"a\nb", false},
        {"a\x1b[31m", false},
        {"\xf5", false},
    };

    test_texts("full name", account_full_name_valid, rows, ARRAY_SIZE(rows));
}

static struct account good_account(void)
{
    struct account account;

    account_init(&account, "alice");
    account.id = 1;
    account.tokens_issued = 10;
    account.token_count = 10;
    for (size_t i = 0; i < account.token_count; i++)
        strcpy(account.tokens[i].key_id, "k1");
    account.device_count = 2;
    account.devices[0] = (struct device){.id = 7,
                                         .label = "phone",
                                         .type = DEVICE_TOTP,
                                         .state = DEVICE_ACTIVE,
                                         .digits = 6,
                                         .period = 30,
                                         .last_step = ACCOUNT_NEVER,
                                         .last_used = ACCOUNT_NEVER,
                                         .sealed = {.key_id = "k1", .length = 48}};
    account.devices[1] = account.devices[0];
    account.devices[1].id = 8;
    account.devices[1].type = DEVICE_HOTP;
    account.devices[1].period = 0;
    for (size_t i = 0; i < MAIL_PURPOSES; i++)
        account.codes[i] = (struct mail_code){
            .sent = 100, .expires = 700, .device = 7, .tries = 3, .key_id = "k1"};
    return account;
}

/* One member of struct account, and numbers that are just good and just wrong. */
struct number_row {
    const char *field;
    size_t offset, size;
    int64_t good[2], wrong[3];
};
#define NUMBER(name, member) \
    name, offsetof(struct account, member), sizeof(((struct account *)NULL)->member)

#define LAST_TIME ACCOUNT_LOCKED_FOR_EVER

static const struct number_row numbers[] = {
    {NUMBER("its id", id), {1, INT64_MAX}, {0, -1, INT64_MIN}},
    {NUMBER("its role", role), {ROLE_USER, ROLE_ADMIN}, {2, -1, INT32_MIN}},
    {NUMBER("its failures", failures), {0, 1000000}, {1000001, -1, INT32_MIN}},
    {NUMBER("its locked_until", locked_until), {0, LAST_TIME}, {-1, LAST_TIME + 1, INT64_MIN}},
    {NUMBER("its created", created), {0, LAST_TIME}, {-1, LAST_TIME + 1, INT64_MAX}},
    {NUMBER("its tokens_issued", tokens_issued), {0, ACCOUNT_TOKENS_MAX}, {51, -1, INT32_MAX}},
    {NUMBER("its device_count", device_count), {0, 2}, {17, -1, INT64_MAX}},
    {NUMBER("its token_count", token_count), {0, 10}, {51, -1, INT64_MAX}},
    {NUMBER("its id", devices[1].id), {1, INT64_MAX}, {0, -1, INT64_MIN}},
    {NUMBER("its type", devices[0].type), {DEVICE_TOTP, DEVICE_TOTP}, {3, -1, 256}},
    {NUMBER("its state", devices[1].state), {DEVICE_PENDING, DEVICE_DISABLED}, {3, -1, 256}},
    {NUMBER("its algorithm", devices[1].algorithm), {OTP_SHA1, OTP_SHA512}, {3, -1, 256}},
    {NUMBER("its digits", devices[1].digits), {6, 8}, {5, 9, -1}},
    {NUMBER("its period", devices[0].period), {15, 300}, {14, 301, 0}},
    {NUMBER("its period", devices[1].period), {0, 0}, {1, 30, -1}},
    {NUMBER("its last_step", devices[0].last_step), {-1, LAST_TIME}, {-2, INT64_MIN, INT64_MAX}},
    {NUMBER("its counter", devices[1].counter),
     {0, INT64_MAX - 1000},
     {-1, INT64_MAX - 999, INT64_MIN}},
    {NUMBER("its drift", devices[0].drift), {-320, 320}, {-321, 321, INT64_C(1) << 32}},
    {NUMBER("its offset", devices[0].offset), {-5760, 5760}, {-5761, 5761, INT64_MIN}},
    {NUMBER("its created", devices[1].created), {0, LAST_TIME}, {-1, LAST_TIME + 1, INT64_MAX}},
    {NUMBER("its last_used", devices[1].last_used),
     {-1, LAST_TIME},
     {-2, LAST_TIME + 1, INT64_MIN}},
    {NUMBER("its type", devices[1].type), {DEVICE_HOTP, DEVICE_EMAIL}, {3, -1, 256}},
    {NUMBER("its mail_code", codes[0].sent), {1, LAST_TIME}, {-1, LAST_TIME + 1, INT64_MIN}},
    {NUMBER("its mail_code", codes[1].expires), {0, LAST_TIME}, {-1, LAST_TIME + 1, INT64_MAX}},
    {NUMBER("its mail_code", codes[0].device), {0, INT64_MAX}, {-1, INT64_MIN, -7}},
    {NUMBER("its mail_code", codes[1].tries), {0, ACCOUNT_MAIL_TRIES}, {4, -1, INT32_MIN}},
    {NUMBER("its secret", devices[0].secret.length), {0, SECRET_BYTES_MAX}, {65, -1, INT64_MAX}},
    {NUMBER("its sealed", devices[1].sealed.length), {29, 92}, {28, 93, 0}},
};

static bool validates(const struct account *account, const char *field)
{
    struct err err = {0};
    int r = account_validate(account, &err);

    if (r == 0)
        return field == NULL;
    return field != NULL && r == ERR_STORE_CORRUPT && err.code == r &&
           strstr(err.what, field) == err.what && err.what[strlen(field)] == ' ' &&
           strstr(err.where, "account ") != NULL;
}

/* Numbers are stored as this machine has them, low bytes first or last. */
static struct account account_with(const struct number_row *row, int64_t number)
{
    struct account account = good_account();
    const int32_t narrow = (int32_t)number;

    memcpy((char *)&account + row->offset, row->size == 8 ? (const void *)&number : &narrow,
           row->size);
    return account;
}

static void test_validate_numbers(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        const struct number_row *row = &numbers[i];
        for (size_t j = 0; j < ARRAY_SIZE(row->good); j++) {
            const struct account account = account_with(row, row->good[j]);
            ok(validates(&account, NULL), "%s: %lld is good", row->field, (long long)row->good[j]);
        }
        for (size_t j = 0; j < ARRAY_SIZE(row->wrong); j++) {
            const struct account account = account_with(row, row->wrong[j]);
            ok(validates(&account, row->field), "%s: %lld is refused", row->field,
               (long long)row->wrong[j]);
        }
    }
}

static void test_validate_texts(void)
{
    static const struct {
        const char *field;
        size_t offset, size;
        const char *good, *wrong[2];
    } rows[] = {
        {NUMBER("its name", name), "bob", {"", "a:b"}},
        {NUMBER("its email", email), "a@b", {"a", "a@b\n"}},
        {NUMBER("its full_name", full_name), "A B", {"\n", "\xff"}},
        {NUMBER("its password", password), "$6$a$b", {"$6$ a$b", "$6$a\xc3\xa4"}},
        {NUMBER("its label", devices[0].label), "tab let", {"", "\x1b[2J"}},
        {NUMBER("its label", devices[1].label), "tab let", {" a", "-a"}},
        {NUMBER("its key_id", devices[0].sealed.key_id), "K_2-", {"", "k 1"}},
        {NUMBER("its key_id", tokens[9].key_id), "K_2-", {"", "k\n1"}},
        {NUMBER("its mail_code", codes[0].key_id), "K_2-", {"", "k\n1"}},
        {NUMBER("its mail_code", codes[1].key_id), "K_2-", {"", "k 1"}},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct account account = good_account();
        char *text = (char *)&account + rows[i].offset;
        strcpy(text, rows[i].good);
        ok(validates(&account, NULL), "%s: good", rows[i].field);
        for (size_t j = 0; j < ARRAY_SIZE(rows[i].wrong); j++) {
            strcpy(text, rows[i].wrong[j]);
            ok(validates(&account, rows[i].field), "%s: wrong text %zu", rows[i].field, j);
        }
        memset(text, 'a', rows[i].size);
        ok(validates(&account, rows[i].field), "%s: without its terminator", rows[i].field);
    }
}

static void test_validate_others(void)
{
    struct account account = good_account();

    ok(validates(&account, NULL), "a good account");
    ok(account_validate(&account, NULL) == 0, "without room for the reason");
    account.devices[1].id = account.devices[0].id;
    ok(validates(&account, "its id"), "two devices of one id");
    account = good_account();
    account.devices[2].id = -5;
    account.tokens[10].key_id[0] = '\0';
    ok(validates(&account, NULL), "what lies beyond the counts is not looked at");
    account_init(&account, REPEAT_256("a") "a");
    account.id = 1;
    ok(validates(&account, "its name"), "a name that is too long is nobody's, not a shorter one's");
}

static void test_devices(void)
{
    struct account account = good_account();
    struct device device = account.devices[0];
    static const struct device wiped;

    strcpy(account.devices[1].label, "phone");
    account.devices[1].state = DEVICE_PENDING;
    ok(account_device(&account, "phone", DEVICE_PENDING) == &account.devices[1] &&
           account_device(&account, "phone", DEVICE_ACTIVE) == &account.devices[0],
       "a device by label and state");
    ok(account_device(&account, "phone", DEVICE_DISABLED) == NULL &&
           account_device(&account, "Phone", DEVICE_ACTIVE) == NULL,
       "and no other");
    ok(account_device_any(&account, "phone") == &account.devices[0] &&
           account_device_any(&account, "tablet") == NULL,
       "a device by label alone");
    ok(account_count(&account, DEVICE_ACTIVE) == 1 &&
           account_count(&account, DEVICE_PENDING) == 1 &&
           account_count(&account, DEVICE_DISABLED) == 0,
       "devices are counted by state");

    for (int64_t id = 100; account.device_count < ACCOUNT_DEVICES_MAX; id++) {
        device.id = id;
        if (account_add_device(&account, &device) != 0)
            break;
    }
    ok(account.device_count == ACCOUNT_DEVICES_MAX && account.devices[15].id == 113,
       "devices are appended");
    ok(account_add_device(&account, &device) == ERR_LIMIT &&
           account.device_count == ACCOUNT_DEVICES_MAX,
       "up to the limit");
    account_remove_device(&account, 1);
    ok(account.device_count == 15 && account.devices[0].id == 7 && account.devices[1].id == 100 &&
           account.devices[14].id == 113,
       "the order stays when one is removed");
    ok(memcmp(&account.devices[15], &wiped, sizeof(wiped)) == 0, "what was removed is wiped");
    account_remove_device(&account, 14);
    ok(account.device_count == 14 && account.devices[13].id == 112, "the last is removed");
    account_remove_device(&account, 14);
    ok(account.device_count == 14, "what is not there is not removed");
}

/* The code of a device that goes is good for no other, and does not make the next come sooner. */
static void test_code_of_device(void)
{
    struct account account = good_account();
    static const uint8_t wiped[ACCOUNT_DIGEST_SIZE];

    for (size_t i = 0; i < MAIL_PURPOSES; i++)
        memset(account.codes[i].digest, 5, ACCOUNT_DIGEST_SIZE);
    account.codes[MAIL_RECOVERY].device = 0;
    const struct account before = account;
    account_remove_device(&account, 1);
    ok(memcmp(account.codes, before.codes, sizeof(account.codes)) == 0,
       "another device's removal leaves a code");
    account_remove_device(&account, 0);
    const struct mail_code *code = &account.codes[MAIL_LOGIN];
    ok(code->sent == 100 && code->tries == 0 && memcmp(code->digest, wiped, sizeof(wiped)) == 0,
       "its own device's leaves when it was sent, and no more");
    ok(memcmp(&account.codes[MAIL_RECOVERY], &before.codes[MAIL_RECOVERY], sizeof(*code)) == 0,
       "and the code to recover with");
    account = good_account();
    account.codes[MAIL_LOGIN] = (struct mail_code){.tries = 99, .device = -1};
    ok(account_validate(&account, NULL) == 0, "where none was sent nothing else is looked at");
}

static void test_tokens(void)
{
    struct account account = good_account();
    static const struct token wiped;
    bool order = true;

    account.token_count = ACCOUNT_TOKENS_MAX;
    for (size_t i = 0; i < ACCOUNT_TOKENS_MAX; i++)
        account.tokens[i].digest[0] = (uint8_t)i;
    account_remove_token(&account, 20);
    for (size_t i = 0; i < account.token_count; i++)
        order = order && account.tokens[i].digest[0] == (i < 20 ? i : i + 1);
    ok(account.token_count == ACCOUNT_TOKENS_MAX - 1 && order, "one token goes, the order stays");
    ok(memcmp(&account.tokens[49], &wiped, sizeof(wiped)) == 0, "and is wiped");
    account_remove_token(&account, 49);
    ok(account.token_count == ACCOUNT_TOKENS_MAX - 1, "what is not there is not removed");
    account_clear(&account);
    ok(account.token_count == 0 && account.devices[0].id == 0 && account.name[0] == '\0',
       "a cleared account is empty");
}

static void test_words(void)
{
    enum account_role role = ROLE_USER;
    enum device_type type = DEVICE_TOTP;
    enum device_state state = DEVICE_PENDING;
    enum otp_algorithm algorithm = OTP_SHA1;
    static const char *const wrong[] = {"",        "sha",   "SHA1 ", "SHA-1",
                                        "SHA2566", "activ", "totpx", " user"};

    for (unsigned i = 0; i < 2; i++)
        ok(account_role_parse(account_role_name((enum account_role)i), &role) == 0 && role == i,
           "%s", account_role_name(role));
    for (unsigned i = 0; i < 3; i++)
        ok(device_type_parse(device_type_name((enum device_type)i), &type) == 0 && type == i, "%s",
           device_type_name(type));
    for (unsigned i = 0; i < 3; i++)
        ok(device_state_parse(device_state_name((enum device_state)i), &state) == 0 && state == i &&
               otp_algorithm_parse(otp_algorithm_name((enum otp_algorithm)i), &algorithm) == 0 &&
               algorithm == i,
           "%s and %s", device_state_name(state), otp_algorithm_name(algorithm));
    ok(otp_algorithm_parse("sHa256", &algorithm) == 0 && algorithm == OTP_SHA256, "in either case");
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        ok(account_role_parse(wrong[i], &role) == ERR_INVALID &&
               device_type_parse(wrong[i], &type) == ERR_INVALID &&
               device_state_parse(wrong[i], &state) == ERR_INVALID &&
               otp_algorithm_parse(wrong[i], &algorithm) == ERR_INVALID &&
               algorithm == OTP_SHA256 && role == ROLE_ADMIN,
           "\"%s\" is no word of ours", wrong[i]);
    ok(strcmp(account_role_name((enum account_role)2), "unknown") == 0 &&
           strcmp(device_state_name((enum device_state) - 1), "unknown") == 0,
       "a value without a name has one all the same");
}

int main(void)
{
    test_names();
    test_labels();
    test_emails();
    test_masks();
    test_full_names();
    test_validate_numbers();
    test_validate_texts();
    test_validate_others();
    test_devices();
    test_code_of_device();
    test_tokens();
    test_words();
    return tap_done();
}
