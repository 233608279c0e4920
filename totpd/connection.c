/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "connection.h"

#include "frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct connection *connection_new(int fd, uint32_t uid)
{
    struct connection *client = calloc(1, sizeof(*client));

    if (client != NULL) {
        client->watch.fd = fd;
        client->job.uid = uid;
    }
    return client;
}

void connection_free(struct connection *client)
{
    buffer_clear(&client->in);
    buffer_clear(&client->out);
    free(client);
}

static void look_for_message(struct connection *client)
{
    const char *start, *end;
    size_t length = buffer_length(&client->in);

    client->message = 0;
    if (length <= client->scanned)
        return;
    start = client->in.bytes + client->in.start;
    end = memchr(start + client->scanned, '\0', length - client->scanned);
    if (end != NULL)
        client->message = (size_t)(end + 1 - start);
    client->scanned = length;
}

int connection_read(struct connection *client)
{
    while (client->message == 0 && !client->ended) {
        struct buffer *in = &client->in;
        size_t room = 0;
        ssize_t got;
        int r = buffer_reserve(in, FRAME_BYTES_MAX, &room);

        if (r != 0)
            return r;
        got = recv(client->watch.fd, in->bytes + in->end, room, MSG_DONTWAIT);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno == EAGAIN ? 0 : ERR_SYSTEM;
        client->ended = got == 0;
        in->end += (size_t)got;
        look_for_message(client);
        if ((size_t)got < room)
            break;
    }
    return buffer_length(&client->in) == FRAME_BYTES_MAX && client->message == 0 ? ERR_TOO_LONG : 0;
}

void connection_next(struct connection *client)
{
    buffer_consume(&client->in, client->message);
    client->scanned = 0;
    look_for_message(client);
}

/* How much of it the kernel takes now; ERR_SYSTEM. */
static ssize_t send_now(const struct connection *client, const char *bytes, size_t length)
{
    ssize_t sent;

    do
        sent = send(client->watch.fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return errno == EAGAIN ? 0 : ERR_SYSTEM;
    return sent;
}

int connection_send(struct connection *client, const char *bytes, size_t length)
{
    ssize_t sent = 0;

    if (buffer_length(&client->out) == 0)
        sent = send_now(client, bytes, length);
    if (sent < 0)
        return ERR_SYSTEM;
    return buffer_append(&client->out, bytes + sent, length - (size_t)sent);
}

int connection_flush(struct connection *client)
{
    size_t length = buffer_length(&client->out);
    ssize_t sent;

    if (length == 0)
        return 0;
    sent = send_now(client, client->out.bytes + client->out.start, length);
    if (sent < 0)
        return ERR_SYSTEM;
    buffer_consume(&client->out, (size_t)sent);
    client->due -= (size_t)sent < client->due ? (size_t)sent : client->due;
    return 0;
}
