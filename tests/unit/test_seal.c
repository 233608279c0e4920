/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "seal.h"
#include "tap.h"

#include <string.h>

#include <openssl/err.h>

static struct seal_ring ring_of(const char *first, uint8_t first_byte, const char *second,
                                uint8_t second_byte)
{
    struct seal_ring ring = {.count = second == NULL ? 1 : 2};

    strcpy(ring.keys[0].id, first);
    memset(ring.keys[0].bytes, first_byte, SEAL_KEY_BYTES);
    if (second != NULL) {
        strcpy(ring.keys[1].id, second);
        memset(ring.keys[1].bytes, second_byte, SEAL_KEY_BYTES);
    }
    return ring;
}

static struct device device_of(int64_t id, size_t length)
{
    struct device device = {.id = id,
                            .label = "phone",
                            .type = DEVICE_TOTP,
                            .state = DEVICE_ACTIVE,
                            .algorithm = OTP_SHA1,
                            .digits = 6,
                            .period = 30,
                            .secret = {.length = length}};

    for (size_t i = 0; i < length; i++)
        device.secret.bytes[i] = (uint8_t)(i * 7 + 1);
    return device;
}

static bool opens(const struct seal_ring *ring, const char *name, struct device device)
{
    const struct secret expected = device_of(1, device.sealed.length - 28).secret;

    device.secret.length = 0;
    return seal_open_device(ring, name, &device) == 0 && device.secret.length == expected.length &&
           memcmp(device.secret.bytes, expected.bytes, expected.length) == 0;
}

/* Refused with that code, and nothing of the secret is left. */
static bool refuses(const struct seal_ring *ring, const char *name, struct device device, int code)
{
    static const struct secret empty;

    memset(&device.secret, 0xaa, sizeof(device.secret));
    return seal_open_device(ring, name, &device) == code &&
           memcmp(&device.secret, &empty, sizeof(empty)) == 0;
}

static void test_round_trip(void)
{
    const struct seal_ring ring = ring_of("k1", 1, NULL, 0);
    static const size_t lengths[] = {1, 10, 20, 32, 64};

    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        struct device device = device_of(5, lengths[i]);
        ok(seal_device(&ring, "alice", &device) == 0 && device.sealed.length == 28 + lengths[i] &&
               strcmp(device.sealed.key_id, "k1") == 0,
           "a secret of %zu bytes is sealed", lengths[i]);
        ok(opens(&ring, "alice", device), "and opens");
        ok(memmem(device.sealed.bytes, device.sealed.length, device.secret.bytes,
                  lengths[i] < 4 ? 4 : lengths[i]) == NULL,
           "and is not to be seen");
        device.label[0] = 'P';
        device.state = DEVICE_DISABLED;
        device.last_step = 99;
        device.drift = 3;
        ok(opens(&ring, "alice", device), "also after what may change has changed");
    }
}

static void test_nonces(void)
{
    const struct seal_ring ring = ring_of("k1", 1, NULL, 0);
    struct device devices[16];
    bool differ = true;

    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        devices[i] = device_of(5, 20);
        differ = seal_device(&ring, "alice", &devices[i]) == 0 && differ;
        for (size_t j = 0; j < i; j++)
            differ = differ && memcmp(devices[i].sealed.bytes, devices[j].sealed.bytes, 12) != 0 &&
                     memcmp(devices[i].sealed.bytes + 12, devices[j].sealed.bytes + 12, 36) != 0;
    }
    ok(differ, "no nonce and no ciphertext comes twice");
}

static void test_every_bit(void)
{
    const struct seal_ring ring = ring_of("k1", 1, "k2", 2);
    struct device device = device_of(5, 20);
    size_t refused = 0;

    ok(seal_device(&ring, "alice", &device) == 0, "a secret is sealed");
    for (size_t bit = 0; bit < device.sealed.length * 8; bit++) {
        struct device changed = device;
        changed.sealed.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        refused += refuses(&ring, "alice", changed, ERR_SEAL);
    }
    ok(refused == device.sealed.length * 8, "one bit flipped in nonce, ciphertext or tag");
    refused = 0;
    for (size_t length = 0; length <= 200; length++) {
        struct device changed = device;
        changed.sealed.length = length;
        refused += length != device.sealed.length && refuses(&ring, "alice", changed, ERR_SEAL);
    }
    ok(refused == 200, "another length");
    struct device changed = device;
    changed.sealed.length = SIZE_MAX;
    ok(refuses(&ring, "alice", changed, ERR_SEAL), "an absurd length");
    ok(opens(&ring, "alice", device), "unchanged it opens");
}

/* A field of the device, and what to set it to. */
static void test_parameters(void)
{
    static const struct {
        const char *name;
        size_t offset, size;
        int64_t value;
    } rows[] = {
#define ROW(member, value) \
    {#member, offsetof(struct device, member), sizeof(((struct device *)NULL)->member), value}
        ROW(id, 6),
        ROW(id, 5 + (INT64_C(1) << 32)),
        ROW(id, -5),
        ROW(type, DEVICE_HOTP),
        ROW(algorithm, OTP_SHA256),
        ROW(algorithm, OTP_SHA512),
        ROW(digits, 8),
        ROW(period, 60),
        ROW(period, 0),
#undef ROW
    };
    const struct seal_ring ring = ring_of("k1", 1, NULL, 0);
    struct device device = device_of(5, 20);

    ok(seal_device(&ring, "alice", &device) == 0, "a secret is sealed");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct device changed = device;
        const int32_t narrow = (int32_t)rows[i].value;
        memcpy((char *)&changed + rows[i].offset,
               rows[i].size == 8 ? (const void *)&rows[i].value : &narrow, rows[i].size);
        ok(refuses(&ring, "alice", changed, ERR_SEAL), "with %s %lld it does not open",
           rows[i].name, (long long)rows[i].value);
    }
}

static void test_moved(void)
{
    static const char *const names[] = {"bob", "alic", "alicee", "Alice", ""};
    const struct seal_ring ring = ring_of("k1", 1, NULL, 0);
    struct device phone = device_of(5, 20), tablet = device_of(6, 20);

    ok(seal_device(&ring, "alice", &phone) == 0 && seal_device(&ring, "alice", &tablet) == 0,
       "two devices are sealed");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        ok(refuses(&ring, names[i], phone, ERR_SEAL), "alice's does not open as \"%s\"'s",
           names[i]);
    struct sealed sealed = phone.sealed;
    phone.sealed = tablet.sealed;
    tablet.sealed = sealed;
    ok(refuses(&ring, "alice", phone, ERR_SEAL) && refuses(&ring, "alice", tablet, ERR_SEAL),
       "two devices' secrets, swapped, do not open");
}

static void test_keys(void)
{
    const struct seal_ring old = ring_of("k1", 1, NULL, 0), rolled = ring_of("k2", 2, "k1", 1),
                           other = ring_of("k1", 3, NULL, 0), named = ring_of("k3", 1, NULL, 0),
                           twins = ring_of("k1", 1, "k3", 1), none = {.count = 0};
    struct device device = device_of(5, 20), newer = device, renamed = device;

    ok(seal_device(&old, "alice", &device) == 0 && opens(&rolled, "alice", device),
       "an older key of the ring opens what it sealed");
    ok(seal_device(&rolled, "alice", &newer) == 0 && strcmp(newer.sealed.key_id, "k2") == 0,
       "the newest key seals");
    ok(refuses(&old, "alice", newer, ERR_KEY_UNKNOWN), "a ring without it does not know it");
    ok(refuses(&other, "alice", device, ERR_SEAL), "another key of the same id does not open");
    ok(refuses(&named, "alice", device, ERR_KEY_UNKNOWN), "the same key by another id is unknown");
    renamed = device;
    strcpy(renamed.sealed.key_id, "k3");
    ok(refuses(&twins, "alice", renamed, ERR_SEAL), "the key id is sealed with the secret");
    strcpy(renamed.sealed.key_id, "");
    ok(refuses(&rolled, "alice", renamed, ERR_KEY_UNKNOWN), "an empty key id is unknown");
    memset(renamed.sealed.key_id, 'k', sizeof(renamed.sealed.key_id));
    ok(refuses(&rolled, "alice", renamed, ERR_KEY_UNKNOWN), "so is one without its terminator");
    ok(refuses(&none, "alice", device, ERR_KEY_UNKNOWN), "an empty ring opens nothing");
    ok(seal_device(&none, "alice", &newer) == ERR_KEY_UNKNOWN, "and seals nothing");
}

static void test_wrong_input(void)
{
    const struct seal_ring ring = ring_of("k1", 1, NULL, 0);
    struct device device = device_of(5, 20);
    char name[1024] = "";

    ok(seal_device(&ring, "alice", &device) == 0, "a secret is sealed");
    const struct sealed before = device.sealed;
    device.secret.length = 0;
    ok(seal_device(&ring, "alice", &device) == ERR_INVALID, "an empty secret is refused");
    device.secret.length = SECRET_BYTES_MAX + 1;
    ok(seal_device(&ring, "alice", &device) == ERR_INVALID, "one that is too long too");
    device.secret.length = 20;
    memset(name, 'a', sizeof(name) - 1);
    ok(seal_device(&ring, name, &device) == ERR_INVALID, "and a name that is too long");
    ok(memcmp(&before, &device.sealed, sizeof(before)) == 0, "which leaves what was sealed");
    ok(refuses(&ring, name, device, ERR_SEAL), "that name opens nothing");
    name[ACCOUNT_NAME_SIZE - 1] = '\0';
    ok(seal_device(&ring, name, &device) == 0 && opens(&ring, name, device),
       "the longest name is fine");
}

static void test_digests(void)
{
    const struct seal_ring ring = ring_of("k2", 2, "k1", 1), old = ring_of("k1", 1, NULL, 0),
                           none = {.count = 0};
    static const struct {
        const char *key_id, *purpose, *name, *text;
    } rows[] = {
        {NULL, "backup", "alice", "acdefhjkmnpq"}, {"k1", "backup", "alice", "acdefhjkmnpq"},
        {NULL, "mail", "alice", "acdefhjkmnpq"},   {NULL, "backup", "bob", "acdefhjkmnpq"},
        {NULL, "backup", "alice", "acdefhjkmnpr"}, {NULL, "backupa", "lice", "acdefhjkmnpq"},
        {NULL, "backup", "alicea", "cdefhjkmnpq"}, {NULL, "", "", ""},
    };
    uint8_t digests[ARRAY_SIZE(rows)][ACCOUNT_DIGEST_SIZE], again[ACCOUNT_DIGEST_SIZE];
    static const uint8_t zero[ACCOUNT_DIGEST_SIZE];

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        bool differs = seal_digest(&ring, rows[i].key_id, rows[i].purpose, rows[i].name,
                                   rows[i].text, digests[i]) == 0;
        for (size_t j = 0; j < i; j++)
            differs = differs && memcmp(digests[i], digests[j], ACCOUNT_DIGEST_SIZE) != 0;
        ok(differs, "digest %zu is like no other", i);
    }
    ok(seal_digest(&ring, "k2", rows[0].purpose, rows[0].name, rows[0].text, again) == 0 &&
           memcmp(again, digests[0], sizeof(again)) == 0,
       "no key id is the newest");
    ok(seal_digest(&old, NULL, rows[1].purpose, rows[1].name, rows[1].text, again) == 0 &&
           memcmp(again, digests[1], sizeof(again)) == 0,
       "a key digests alike wherever it stands");
    memset(again, 0xaa, sizeof(again));
    ok(seal_digest(&ring, "k9", "backup", "alice", "x", again) == ERR_KEY_UNKNOWN &&
           memcmp(again, zero, sizeof(again)) == 0,
       "an unknown key leaves no digest");
    memset(again, 0xaa, sizeof(again));
    ok(seal_digest(&none, NULL, "backup", "alice", "x", again) == ERR_KEY_UNKNOWN &&
           memcmp(again, zero, sizeof(again)) == 0,
       "nor does an empty ring");
}

/* What is in a store must open with every later version. Made by another implementation of AES-GCM,
 * HKDF and HMAC. */
static void test_format(void)
{
    static const uint8_t sealed[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09,
                                     0x0a, 0x0b, 0xa6, 0x09, 0x81, 0xf6, 0xd7, 0xa9, 0x0c, 0x54,
                                     0xc3, 0xdb, 0xf7, 0x84, 0x72, 0x9b, 0x03, 0xe6, 0x0f, 0xe0,
                                     0xa8, 0x03, 0x69, 0xa4, 0xe0, 0x52, 0x6d, 0x82, 0xa7, 0xaa,
                                     0x37, 0xbd, 0xf8, 0xcb, 0x52, 0x94, 0x82, 0x7c};
    static const uint8_t expected[ACCOUNT_DIGEST_SIZE] = {
        0xc0, 0x75, 0x50, 0x56, 0x14, 0x48, 0x37, 0xc3, 0xb9, 0x59, 0xe5,
        0x2e, 0x62, 0xa8, 0x87, 0x7c, 0x96, 0x8b, 0x43, 0xd0, 0x17, 0x0f,
        0x7d, 0xde, 0xf1, 0xd7, 0xa8, 0x97, 0xb2, 0x66, 0xe2, 0x32};
    const struct seal_ring ring = ring_of("k1", 1, NULL, 0);
    struct device device = device_of(5, 20);
    uint8_t digest[ACCOUNT_DIGEST_SIZE] = {0};

    strcpy(device.sealed.key_id, "k1");
    memcpy(device.sealed.bytes, sealed, sizeof(sealed));
    device.sealed.length = sizeof(sealed);
    ok(opens(&ring, "alice", device), "the format of sealed secrets is what it was");
    ok(seal_digest(&ring, NULL, "backup", "alice", "acdefhjkmnpq", digest) == 0 &&
           memcmp(digest, expected, sizeof(digest)) == 0,
       "and that of digests");
}

/* SHA-256 of the address (FIPS 180-4): kept in the place of a secret. */
static void test_fingerprint(void)
{
    static const uint8_t expected[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
                                       0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
                                       0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
                                       0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    const struct seal_ring ring = ring_of("k1", 1, NULL, 0);
    struct secret one = {.length = 64}, other = {0};
    struct device device = device_of(5, 20);

    memset(one.bytes, 'x', sizeof(one.bytes));
    ok(seal_fingerprint("abc", &one) == 0 && one.length == sizeof(expected) &&
           memcmp(one.bytes, expected, sizeof(expected)) == 0 && one.bytes[32] == 0 &&
           one.bytes[SECRET_BYTES_MAX - 1] == 0,
       "the fingerprint of an address is its SHA-256, and nothing behind it");
    ok(seal_fingerprint("abC", &other) == 0 && other.length == one.length &&
           memcmp(one.bytes, other.bytes, one.length) != 0,
       "of another address another");
    device.type = DEVICE_EMAIL;
    device.period = 0;
    device.digits = ACCOUNT_MAIL_DIGITS;
    device.secret = one;
    struct device opened = device;
    bool sealed = seal_device(&ring, "alice", &device) == 0;
    opened.sealed = device.sealed;
    opened.secret.length = 0;
    ok(sealed && seal_open_device(&ring, "alice", &opened) == 0 &&
           memcmp(&opened.secret, &one, sizeof(one)) == 0,
       "it is sealed as a secret is");
    struct device app = device;
    app.type = DEVICE_HOTP;
    ok(refuses(&ring, "alice", app, ERR_SEAL) && refuses(&ring, "bob", device, ERR_SEAL),
       "and opens for that device alone");
    ok(ERR_peek_error() == 0, "and leaves no error to the host");
}

static void test_error_queue(void)
{
    const struct seal_ring ring = ring_of("k1", 1, NULL, 0);
    struct device device = device_of(5, 20);

    ok(seal_device(&ring, "alice", &device) == 0 && ERR_peek_error() == 0,
       "sealing leaves no error to the host");
    ERR_raise(ERR_LIB_USER, 77);
    unsigned long hosts = ERR_peek_error();
    device.sealed.bytes[20] ^= 1;
    ok(refuses(&ring, "alice", device, ERR_SEAL), "a failure");
    ok(ERR_get_error() == hosts && ERR_get_error() == 0, "leaves the host's errors as they were");
}

static void test_key_ids(void)
{
    static const struct {
        const char *id;
        bool valid;
    } rows[] = {
        {"a", true},
        {"2026-01-31_x", true},
        {"0123456789ABCDEF", true},
        {"", false},
        {"0123456789ABCDEFG", false},
        {"a b", false},
        {"a:b", false},
        {"k\n", false},
        {"\xc3\xa4", false},
    };
    struct seal_ring ring = ring_of("k1", 1, "k2", 2);
    static const struct seal_ring empty;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        ok(seal_key_id_valid(rows[i].id) == rows[i].valid, "key id %zu is %s", i,
           rows[i].valid ? "good" : "refused");
    seal_ring_clear(&ring);
    ok(memcmp(&ring, &empty, sizeof(ring)) == 0, "a cleared ring is empty");
}

int main(void)
{
    test_round_trip();
    test_nonces();
    test_every_bit();
    test_parameters();
    test_moved();
    test_keys();
    test_wrong_input();
    test_digests();
    test_format();
    test_fingerprint();
    test_error_queue();
    test_key_ids();
    return tap_done();
}
