/* A line between client and server: so long, and so wide.
 *
 *   proxy TARGET_PORT DELAY_US BYTES_PER_SECOND      prints the port that it listens on; ends with its input
 *
 * DELAY_US is one way, half of the round trip. BYTES_PER_SECOND (0: no limit) holds for all connections together, in
 * each direction by itself. Bytes wait in a ring a direction and leave when their time has come; a full ring is not
 * read into, so that the sender waits as it would for a real line. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PAIRS = 64, MARKS = 1 << 15, WIDE_RING = 8 << 20, NARROW_RING = 256 << 10, PACKET = 8 << 10, TOGETHER_NS = 20000 };

/* Bytes before `end` may leave at `due`. */
struct mark {
    uint64_t end;
    int64_t due;
};

struct way {
    int from, to, ended, passed_on;
    uint64_t in, out;
    char *ring;
    struct mark *marks;
    uint64_t first, last;
};

static int64_t delay;
static double ns_per_byte;
static size_t ring_size;
static int64_t free_at[2];
static struct way ways[2 * PAIRS];
static int count;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void prepare(int fd)
{
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, O_NONBLOCK);
}

static void open_way(int from, int to)
{
    struct way *way = &ways[count++];
    *way = (struct way){.from = from, .to = to, .ring = malloc(ring_size), .marks = malloc(MARKS * sizeof(struct mark))};
    if (!way->ring || !way->marks) die("malloc");
}

static void welcome(int listener, uint16_t target)
{
    const int client = accept(listener, NULL, NULL);
    if (client < 0) return;
    const int server = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(target), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (count + 2 > 2 * PAIRS || server < 0 || connect(server, (struct sockaddr *)&to, sizeof to) < 0) die("connect");
    prepare(client);
    prepare(server);
    open_way(client, server);
    open_way(server, client);
}

static int has_room(const struct way *way)
{
    return !way->ended && way->in - way->out < ring_size && way->last - way->first < MARKS;
}

static void take(struct way *way, int direction)
{
    const size_t at = way->in % ring_size, used = (size_t)(way->in - way->out);
    size_t room = ring_size - used;
    if (room > ring_size - at) room = ring_size - at;
    /* A narrow line gives the first bytes of much before the last. */
    if (ns_per_byte > 0 && room > PACKET) room = PACKET;
    const ssize_t got = read(way->from, way->ring + at, room);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        way->ended = 1;
        return;
    }
    const int64_t now = now_ns();
    if (free_at[direction] < now) free_at[direction] = now;
    free_at[direction] += (int64_t)((double)got * ns_per_byte);
    way->in += (uint64_t)got;
    const int64_t due = free_at[direction] + delay;
    struct mark *last = &way->marks[(way->last - 1) % MARKS];
    if (way->first < way->last && due - last->due < TOGETHER_NS)
        last->end = way->in;
    else
        way->marks[way->last++ % MARKS] = (struct mark){way->in, due};
}

/* How far bytes may leave by now. */
static uint64_t ripe(const struct way *way, int64_t now)
{
    uint64_t end = way->out;
    for (uint64_t i = way->first; i < way->last && way->marks[i % MARKS].due <= now; i++) end = way->marks[i % MARKS].end;
    return end;
}

static void give(struct way *way, int64_t now)
{
    const uint64_t end = ripe(way, now);
    while (way->out < end) {
        const size_t at = way->out % ring_size;
        size_t size = (size_t)(end - way->out);
        if (size > ring_size - at) size = ring_size - at;
        const ssize_t sent = send(way->to, way->ring + at, size, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EAGAIN || errno == EINTR) break;
            /* Nobody is left who would read it. */
            way->out = way->in;
            way->ended = 1;
            break;
        }
        way->out += (uint64_t)sent;
    }
    while (way->first < way->last && way->marks[way->first % MARKS].end <= way->out) way->first++;
    if (way->ended && way->out == way->in && !way->passed_on) {
        shutdown(way->to, SHUT_WR);
        way->passed_on = 1;
    }
}

static void serve(int listener, uint16_t target)
{
    for (;;) {
        struct pollfd wanted[2 + 4 * PAIRS] = {{.fd = listener, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
        int64_t now = now_ns(), next = INT64_MAX;
        for (int i = 0; i < count; i++) {
            struct way *way = &ways[i];
            wanted[2 + 2 * i] = (struct pollfd){.fd = has_room(way) ? way->from : -1, .events = POLLIN};
            /* Ripe bytes that are still here wait for the receiver, not for their time. */
            const int full = ripe(way, now) > way->out;
            wanted[3 + 2 * i] = (struct pollfd){.fd = full ? way->to : -1, .events = POLLOUT};
            if (!full && way->first < way->last && way->marks[way->first % MARKS].due < next) next = way->marks[way->first % MARKS].due;
        }
        const int64_t left = next > now ? next - now : 0;
        const struct timespec wait = {left / 1000000000, left % 1000000000};
        if (ppoll(wanted, (nfds_t)(2 + 2 * count), next == INT64_MAX ? NULL : &wait, NULL) < 0 && errno != EINTR) die("ppoll");
        if (wanted[1].revents) exit(0);
        const int before = count;
        if (wanted[0].revents) welcome(listener, target);
        now = now_ns();
        for (int i = 0; i < before; i++) {
            if (wanted[2 + 2 * i].revents) take(&ways[i], i % 2);
            give(&ways[i], now);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) return 2;
    delay = atoll(argv[2]) * 1000;
    const double bytes_per_second = atof(argv[3]);
    ns_per_byte = bytes_per_second > 0 ? 1e9 / bytes_per_second : 0;
    ring_size = bytes_per_second > 0 ? NARROW_RING : WIDE_RING;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof at;
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(listener, PAIRS) < 0 ||
        getsockname(listener, (struct sockaddr *)&at, &size) < 0)
        die("listen");
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    serve(listener, (uint16_t)atoi(argv[1]));
}
