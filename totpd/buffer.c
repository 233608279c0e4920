/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "buffer.h"

#include "err.h"
#include "secret.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_FIRST 4096

size_t buffer_length(const struct buffer *buffer)
{
    return buffer->end - buffer->start;
}

/* realloc would leave a copy behind. */
static int resize(struct buffer *buffer, size_t size)
{
    size_t length = buffer_length(buffer);
    char *bytes = malloc(size);

    if (bytes == NULL)
        return ERR_NOMEM;
    if (length > 0)
        memcpy(bytes, buffer->bytes + buffer->start, length);
    buffer_clear(buffer);
    *buffer = (struct buffer){.bytes = bytes, .end = length, .size = size};
    return 0;
}

static void move_to_front(struct buffer *buffer)
{
    size_t length = buffer_length(buffer);

    memmove(buffer->bytes, buffer->bytes + buffer->start, length);
    secret_wipe(buffer->bytes + length, buffer->start);
    buffer->start = 0;
    buffer->end = length;
}

int buffer_reserve(struct buffer *buffer, size_t max, size_t *room)
{
    size_t length = buffer_length(buffer), size = buffer->size;
    int r = 0;

    if (length >= max)
        return ERR_TOO_LONG;
    if (buffer->end == size && buffer->start > 0)
        move_to_front(buffer);
    if (buffer->end == size) {
        size = size == 0 ? SIZE_FIRST : size * 2;
        r = resize(buffer, size < max ? size : max);
    }
    if (r != 0)
        return r;
    *room = buffer->size - buffer->end;
    if (*room > max - length)
        *room = max - length;
    return 0;
}

int buffer_append(struct buffer *buffer, const char *bytes, size_t length)
{
    while (length > 0) {
        size_t room = 0;
        int r = buffer_reserve(buffer, SIZE_MAX / 4, &room);

        if (r != 0)
            return r;
        if (room > length)
            room = length;
        memcpy(buffer->bytes + buffer->end, bytes, room);
        buffer->end += room;
        bytes += room;
        length -= room;
    }
    return 0;
}

void buffer_consume(struct buffer *buffer, size_t length)
{
    secret_wipe(buffer->bytes + buffer->start, length);
    buffer->start += length;
    if (buffer->start < buffer->end)
        return;
    buffer->start = buffer->end = 0;
    if (buffer->size > SIZE_FIRST)
        buffer_clear(buffer);
}

void buffer_clear(struct buffer *buffer)
{
    if (buffer->bytes != NULL)
        secret_wipe(buffer->bytes + buffer->start, buffer_length(buffer));
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}
