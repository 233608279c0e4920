/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "search.h"

#include "err.h"
#include "otp.h"
#include "secret.h"

#define ROW 256 /* a host's stack may be small */
#define FAR (UINT64_MAX >> 2)

/* The nearest place so far. */
struct place {
    uint64_t distance, at;
};

static uint64_t distance_of(int64_t a, int64_t b)
{
    return a < b ? (uint64_t)(b - a) : (uint64_t)(a - b);
}

/* a where mask is all ones, b where it is 0. */
static uint64_t choose(uint64_t mask, uint64_t a, uint64_t b)
{
    return (a & mask) | (b & ~mask);
}

/* Whether and where the codes match decides nothing here: no branch, no index. */
static void look(const uint32_t *row, size_t length, int64_t start, const uint32_t *codes,
                 size_t count, int64_t near, struct place *best)
{
    for (size_t i = 0; i + count <= length; i++) {
        int64_t last = start + (int64_t)(i + count - 1);
        uint64_t distance = distance_of(last, near);
        uint64_t take = (distance - best->distance - 1) >> 63; /* as near or nearer; below FAR */
        for (size_t j = 0; j < count; j++)
            take &= secret_equal_bit(row[i + j], codes[j]);
        best->distance = choose(0 - take, distance, best->distance);
        best->at = choose(0 - take, (uint64_t)last, best->at);
    }
}

int search_codes(const struct device *device, const uint32_t *codes, size_t count,
                 const struct search *search, int64_t *at)
{
    uint32_t row[ROW] = {0};
    struct place best = {.distance = FAR, .at = (uint64_t)SEARCH_NOWHERE};

    if (count == 0 || count > SEARCH_CODES_MAX)
        return ERR_INVALID;
    /* Rows overlap: what begins at the end of one stands whole in the next. */
    const int64_t overlap = (int64_t)count - 1;
    for (int64_t start = search->first; start + overlap <= search->last; start += ROW - overlap) {
        size_t length = (size_t)clamp(search->last - start + 1, 0, ROW);
        int r = otp_codes(&device->secret, device->algorithm, device->digits, (uint64_t)start,
                          length, row);
        if (r != 0)
            return r;
        look(row, length, start, codes, count, search->near, &best);
        secret_wipe(row, sizeof(row));
    }
    *at = (int64_t)best.at;
    return 0;
}
