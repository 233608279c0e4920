/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "seal.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <string.h>

#define NONCE_BYTES 12
#define TAG_BYTES 16
#define FORMAT_VERSION 1
#define FINGERPRINT_BYTES 32 /* SHA-256 */

/* What one derived key is for (RFC 5869 section 3.2): no key serves two purposes. */
#define LABEL_SEAL "totp seal 1"
#define LABEL_DIGEST "totp digest 1"

struct derived {
    uint8_t bytes[SEAL_KEY_BYTES];
};

static void derived_clear(struct derived *key)
{
    secret_wipe(key, sizeof(*key));
}

static void kdf_free(EVP_KDF **kdf)
{
    EVP_KDF_free(*kdf);
}

static void kdf_context_free(EVP_KDF_CTX **context)
{
    EVP_KDF_CTX_free(*context);
}

static void mac_free(EVP_MAC **mac)
{
    EVP_MAC_free(*mac);
}

static void mac_context_free(EVP_MAC_CTX **context)
{
    EVP_MAC_CTX_free(*context);
}

static void cipher_free(EVP_CIPHER **cipher)
{
    EVP_CIPHER_free(*cipher);
}

static void cipher_context_free(EVP_CIPHER_CTX **context)
{
    EVP_CIPHER_CTX_free(*context);
}

void seal_ring_clear(struct seal_ring *ring)
{
    secret_wipe(ring, sizeof(*ring));
}

bool seal_key_id_valid(const char *id)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t length = strnlen(id, ACCOUNT_KEY_ID_SIZE);

    return length > 0 && length < ACCOUNT_KEY_ID_SIZE && strspn(id, allowed) == length;
}

static const struct seal_key *ring_find(const struct seal_ring *ring, const char *id)
{
    for (size_t i = 0; i < ring->count; i++)
        if (strncmp(ring->keys[i].id, id, ACCOUNT_KEY_ID_SIZE) == 0)
            return &ring->keys[i];
    return NULL;
}

/* HKDF-SHA-256 without salt: sealing keys are uniformly random already. */
static int derive(const struct seal_key *key, const char *label, struct derived *derived)
{
    EVP_KDF *kdf CLEANUP(kdf_free) = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context CLEANUP(kdf_context_free) = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key->bytes,
                                          sizeof(key->bytes)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)label, strlen(label)),
        OSSL_PARAM_construct_end(),
    };

    if (context == NULL ||
        EVP_KDF_derive(context, derived->bytes, sizeof(derived->bytes), params) != 1)
        return ERR_CRYPTO;
    return 0;
}

/* What a sealed secret belongs to. Every part carries its length: no two lists of parts make the
 * same bytes. */
struct binding {
    uint8_t bytes[512];
    size_t length;
};

static void put_number(uint8_t out[static 8], uint64_t value)
{
    for (size_t i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (56 - 8 * i));
}

static int binding_put(struct binding *binding, const void *part, size_t length)
{
    if (length > sizeof(binding->bytes) - binding->length ||
        sizeof(binding->bytes) - binding->length - length < 8)
        return ERR_INVALID;
    put_number(binding->bytes + binding->length, length);
    memcpy(binding->bytes + binding->length + 8, part, length);
    binding->length += 8 + length;
    return 0;
}

static int binding_set(struct binding *binding, const char *key_id, const char *name,
                       const struct device *device)
{
    const uint64_t numbers[] = {
        FORMAT_VERSION, (uint64_t)device->id, (uint64_t)device->type, (uint64_t)device->algorithm,
        device->digits, device->period,
    };
    int r = binding_put(binding, key_id, strlen(key_id));

    if (r == 0)
        r = binding_put(binding, name, strlen(name));
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(numbers); i++) {
        uint8_t bytes[8] = {0};
        put_number(bytes, numbers[i]);
        r = binding_put(binding, bytes, sizeof(bytes));
    }
    return r;
}

/* One AES-256-GCM context, keyed, its associated data in. encrypt as EVP_CipherInit_ex2 wants. */
static EVP_CIPHER_CTX *cipher_begin(const EVP_CIPHER *cipher, const struct derived *key,
                                    const uint8_t *nonce, const struct binding *binding,
                                    int encrypt)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int length = 0;

    if (context != NULL && cipher != NULL &&
        EVP_CipherInit_ex2(context, cipher, key->bytes, nonce, encrypt, NULL) == 1 &&
        EVP_CIPHER_CTX_get_iv_length(context) == NONCE_BYTES &&
        EVP_CipherUpdate(context, NULL, &length, binding->bytes, (int)binding->length) == 1)
        return context;
    EVP_CIPHER_CTX_free(context);
    return NULL;
}

static int encrypt(const struct derived *key, const struct binding *binding,
                   const struct secret *secret, struct sealed *sealed)
{
    EVP_CIPHER *cipher CLEANUP(cipher_free) = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    EVP_CIPHER_CTX *context CLEANUP(cipher_context_free) =
        cipher_begin(cipher, key, sealed->bytes, binding, 1);
    uint8_t *text = sealed->bytes + NONCE_BYTES;
    int length = 0, rest = 0;

    if (context == NULL ||
        EVP_CipherUpdate(context, text, &length, secret->bytes, (int)secret->length) != 1 ||
        (size_t)length != secret->length ||
        EVP_CipherFinal_ex(context, text + length, &rest) != 1 || rest != 0 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, text + length) != 1)
        return ERR_CRYPTO;
    sealed->length = NONCE_BYTES + secret->length + TAG_BYTES;
    return 0;
}

static int decrypt(const struct derived *key, const struct binding *binding,
                   const struct sealed *sealed, struct secret *secret)
{
    EVP_CIPHER *cipher CLEANUP(cipher_free) = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    EVP_CIPHER_CTX *context CLEANUP(cipher_context_free) =
        cipher_begin(cipher, key, sealed->bytes, binding, 0);
    const size_t size = sealed->length - NONCE_BYTES - TAG_BYTES;
    const uint8_t *text = sealed->bytes + NONCE_BYTES;
    int length = 0, rest = 0;

    if (context == NULL ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, (void *)(text + size)) !=
            1 ||
        EVP_CipherUpdate(context, secret->bytes, &length, text, (int)size) != 1 ||
        (size_t)length != size)
        return ERR_CRYPTO;
    if (EVP_CipherFinal_ex(context, secret->bytes + length, &rest) != 1)
        return ERR_SEAL;
    secret->length = size;
    return 0;
}

int seal_device(const struct seal_ring *ring, const char *name, struct device *device)
{
    struct derived key CLEANUP(derived_clear) = {0};
    struct binding binding = {0};
    struct sealed sealed = {0};

    if (ring->count == 0)
        return ERR_KEY_UNKNOWN;
    if (device->secret.length == 0 || device->secret.length > SECRET_BYTES_MAX)
        return ERR_INVALID;
    memcpy(sealed.key_id, ring->keys[0].id, sizeof(sealed.key_id));
    int r = binding_set(&binding, sealed.key_id, name, device);
    if (r == 0)
        r = secret_random(sealed.bytes, NONCE_BYTES);
    if (r != 0)
        return r;

    /* The host's error queue is not ours to fill. */
    ERR_set_mark();
    r = derive(&ring->keys[0], LABEL_SEAL, &key);
    if (r == 0)
        r = encrypt(&key, &binding, &device->secret, &sealed);
    ERR_pop_to_mark();
    if (r == 0)
        device->sealed = sealed;
    return r;
}

int seal_open_device(const struct seal_ring *ring, const char *name, struct device *device)
{
    const struct sealed *sealed = &device->sealed;
    const struct seal_key *sealing = ring_find(ring, sealed->key_id);
    struct derived key CLEANUP(derived_clear) = {0};
    struct binding binding = {0};

    secret_clear(&device->secret);
    if (sealing == NULL)
        return ERR_KEY_UNKNOWN;
    if (sealed->length <= NONCE_BYTES + TAG_BYTES || sealed->length > sizeof(sealed->bytes) ||
        binding_set(&binding, sealing->id, name, device) != 0)
        return ERR_SEAL;

    ERR_set_mark();
    int r = derive(sealing, LABEL_SEAL, &key);
    if (r == 0)
        r = decrypt(&key, &binding, sealed, &device->secret);
    ERR_pop_to_mark();
    if (r != 0) /* what came out of a failed opening is not to be seen */
        secret_clear(&device->secret);
    return r;
}

static int mac_put(EVP_MAC_CTX *context, const char *part)
{
    size_t length = strlen(part);
    uint8_t prefix[8] = {0};

    put_number(prefix, length);
    if (EVP_MAC_update(context, prefix, sizeof(prefix)) != 1 ||
        EVP_MAC_update(context, (const uint8_t *)part, length) != 1)
        return ERR_CRYPTO;
    return 0;
}

static int digest_parts(const struct derived *key, const char *const parts[static 3],
                        uint8_t digest[static ACCOUNT_DIGEST_SIZE])
{
    EVP_MAC *mac CLEANUP(mac_free) = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context CLEANUP(mac_context_free) = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    size_t length = 0;

    if (context == NULL || EVP_MAC_init(context, key->bytes, sizeof(key->bytes), params) != 1)
        return ERR_CRYPTO;
    for (size_t i = 0; i < 3; i++)
        if (mac_put(context, parts[i]) != 0)
            return ERR_CRYPTO;
    if (EVP_MAC_final(context, digest, &length, ACCOUNT_DIGEST_SIZE) != 1 ||
        length != ACCOUNT_DIGEST_SIZE)
        return ERR_CRYPTO;
    return 0;
}

int seal_fingerprint(const char *address, struct secret *secret)
{
    size_t length = 0;

    *secret = (struct secret){0};
    ERR_set_mark();
    int done = EVP_Q_digest(NULL, "SHA256", NULL, address, strlen(address), secret->bytes, &length);
    ERR_pop_to_mark();
    if (done != 1 || length != FINGERPRINT_BYTES) {
        secret_clear(secret);
        return ERR_CRYPTO;
    }
    secret->length = length;
    return 0;
}

int seal_digest(const struct seal_ring *ring, const char *key_id, const char *purpose,
                const char *name, const char *text, uint8_t digest[static ACCOUNT_DIGEST_SIZE])
{
    const struct seal_key *sealing = NULL;
    struct derived key CLEANUP(derived_clear) = {0};
    const char *const parts[] = {purpose, name, text};

    memset(digest, 0, ACCOUNT_DIGEST_SIZE);
    if (key_id != NULL)
        sealing = ring_find(ring, key_id);
    else if (ring->count > 0)
        sealing = &ring->keys[0];
    if (sealing == NULL)
        return ERR_KEY_UNKNOWN;

    ERR_set_mark();
    int r = derive(sealing, LABEL_DIGEST, &key);
    if (r == 0)
        r = digest_parts(&key, parts, digest);
    ERR_pop_to_mark();
    if (r != 0)
        secret_wipe(digest, ACCOUNT_DIGEST_SIZE);
    return r;
}
