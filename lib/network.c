/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "network.h"

#include "err.h"

#include <arpa/inet.h>
#include <string.h>

#define V4_BITS 32U
#define V6_BITS 128U
#define MAPPED_BITS 96U /* of ::ffff:0:0/96, before the IPv4 address */

static const uint8_t mapped[MAPPED_BITS / 8] = {[10] = 0xff, [11] = 0xff};

/* As written, an IPv4-mapped address still of IPv6. The alphabet comes first: it keeps zones and
 * names out whatever the C library's inet_pton may be willing to read. */
static int parse_written(const char *text, struct address *address)
{
    static const char digits[] = "0123456789.", hex[] = "0123456789abcdefABCDEF:.";
    struct address written = {.v6 = strchr(text, ':') != NULL};

    if (text[strspn(text, written.v6 ? hex : digits)] != '\0')
        return ERR_INVALID;
    if (inet_pton(written.v6 ? AF_INET6 : AF_INET, text, written.bytes) != 1)
        return ERR_INVALID;
    *address = written;
    return 0;
}

static bool is_mapped(const struct address *address)
{
    return address->v6 && memcmp(address->bytes, mapped, sizeof(mapped)) == 0;
}

static struct address unmap(const struct address *address)
{
    struct address plain = {.v6 = false};

    memcpy(plain.bytes, address->bytes + sizeof(mapped), V4_BITS / 8);
    return plain;
}

int address_parse(const char *text, struct address *address)
{
    struct address written = {.v6 = false};
    int result = parse_written(text, &written);

    if (result != 0)
        return result;
    *address = is_mapped(&written) ? unmap(&written) : written;
    return 0;
}

void address_format(const struct address *address, char out[static NETWORK_TEXT_SIZE])
{
    if (inet_ntop(address->v6 ? AF_INET6 : AF_INET, address->bytes, out, NETWORK_TEXT_SIZE) == NULL)
        out[0] = '\0';
}

/* Decimal digits without leading zeros, which elsewhere mean octal. */
static int parse_bits(const char *text, unsigned max, unsigned *bits)
{
    unsigned number = 0;

    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0' ||
        (text[0] == '0' && text[1] != '\0'))
        return ERR_INVALID;
    for (; *text != '\0' && number <= max; text++)
        number = number * 10 + (unsigned)(*text - '0');
    if (number > max)
        return ERR_RANGE;
    *bits = number;
    return 0;
}

/* The bits of byte index that belong to a prefix. */
static uint8_t mask_of(unsigned bits, size_t index)
{
    unsigned before = (unsigned)index * 8, inside = bits > before ? bits - before : 0;

    return (uint8_t)(inside >= 8 ? 0xffU : 0xff00U >> inside);
}

int network_parse(const char *text, struct network *network)
{
    char written[NETWORK_TEXT_SIZE];
    struct network found = {.bits = V4_BITS};
    size_t length = strcspn(text, "/");
    int result;

    if (length >= sizeof(written))
        return ERR_INVALID;
    memcpy(written, text, length);
    written[length] = '\0';
    result = parse_written(written, &found.first);
    if (result != 0)
        return result;
    found.bits = found.first.v6 ? V6_BITS : V4_BITS;
    if (text[length] == '/')
        result = parse_bits(text + length + 1, found.bits, &found.bits);
    if (result != 0)
        return result;
    for (size_t i = 0; i < sizeof(found.first.bytes); i++)
        if ((found.first.bytes[i] & (uint8_t)~mask_of(found.bits, i)) != 0)
            return ERR_RANGE;
    /* With no bit set after it, the prefix holds all of ::ffff:0:0/96's. */
    if (is_mapped(&found.first)) {
        found.first = unmap(&found.first);
        found.bits -= MAPPED_BITS;
    }
    *network = found;
    return 0;
}

bool network_holds(const struct network *network, const struct address *address)
{
    uint8_t difference = 0;

    if (network->first.v6 != address->v6)
        return false;
    for (size_t i = 0; i < sizeof(address->bytes); i++)
        difference |=
            (uint8_t)((network->first.bytes[i] ^ address->bytes[i]) & mask_of(network->bits, i));
    return difference == 0;
}
