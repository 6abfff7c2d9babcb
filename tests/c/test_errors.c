/*
 * What can be wrong on the way to a server: address, database, role, password, conninfo. Each has its code, says in
 * one line what happened and to what, hints at what to do, and never shows a password.
 *
 * WALSTREAM_TEST_SCRAM_CONNINFO, if set, names a role with its right password where the server asks for it; only
 * then are wrong passwords tried.
 */
#include "failure.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* A port that nobody listens on, and that is nobody else's until this process ends. */
static int closed_port(void)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    REQUIRE(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    return ntohs(address.sin_port);
}

static void no_such_host(void)
{
    walstream_config *config = logged_config("");

    CHECK_CODE(try_start("host=no-such-host.invalid dbname=x", config, 0), WALSTREAM_E_CONNECT);
    expect_error(kept, WALSTREAM_E_CONNECT, "no-such-host.invalid", 1, __LINE__);
    walstream_config_free(config);
}

static void no_such_port(void)
{
    walstream_config *config = logged_config("");
    char conninfo[100];
    char port[20];

    snprintf(port, sizeof port, "%d", closed_port());
    snprintf(conninfo, sizeof conninfo, "host=127.0.0.1 port=%s dbname=x", port);
    CHECK_CODE(try_start(conninfo, config, 0), WALSTREAM_E_CONNECT);
    expect_error(kept, WALSTREAM_E_CONNECT, port, 1, __LINE__);
    walstream_config_free(config);
}

static void no_such_socket(void)
{
    walstream_config *config = logged_config("");

    CHECK_CODE(try_start("host=/no/such/directory port=5432 dbname=x", config, 0), WALSTREAM_E_CONNECT);
    expect_error(kept, WALSTREAM_E_CONNECT, "/no/such/directory", 1, __LINE__);
    walstream_config_free(config);
}

/* A peer that accepts and says nothing. */
static void silent_peer(void)
{
    walstream_config *config = logged_config("");
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char conninfo[100];
    int64_t began = check_now_ms();

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 5) == 0);
    REQUIRE(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    snprintf(conninfo, sizeof conninfo, "host=127.0.0.1 port=%d dbname=x", ntohs(address.sin_port));
    REQUIRE_CODE(walstream_config_set(config, "connect_timeout_ms", "300", NULL), WALSTREAM_OK);
    CHECK_CODE(try_start(conninfo, config, 0), WALSTREAM_E_CONNECT);
    CHECK(check_now_ms() - began >= 299 && check_now_ms() - began < 3000);
    expect_error(kept, WALSTREAM_E_CONNECT, NULL, 1, __LINE__);
    walstream_config_free(config);
    close(fd);
}

static void no_such_database(void)
{
    walstream_config *config = logged_config("");
    char *conninfo = live_conninfo_with(live.conninfo, "dbname", "no_such_database");
    int32_t code = try_start(conninfo, config, 0);

    CHECK(code == WALSTREAM_E_CONNECT || code == WALSTREAM_E_SERVER); /* libpq does not tell the SQLSTATE */
    expect_error(kept, code, "no_such_database", 0, __LINE__);
    walstream_config_free(config);
    free(conninfo);
}

static void wrong_password(void)
{
    const char *right = getenv("WALSTREAM_TEST_SCRAM_CONNINFO");
    walstream_config *config = logged_config("");
    char *wrong;

    if (right == NULL || *right == '\0') {
        fprintf(stderr, "wrong_password: not tried, WALSTREAM_TEST_SCRAM_CONNINFO is not set\n");
        walstream_config_free(config);
        return;
    }
    wrong = live_conninfo_with(right, "password", SECRET);
    CHECK_CODE(try_start(wrong, config, 0), WALSTREAM_E_AUTH);
    expect_error(kept, WALSTREAM_E_AUTH, NULL, 0, __LINE__);
    free(wrong);
    wrong = live_conninfo_with(right, "password", "");
    CHECK_CODE(try_start(wrong, config, 0), WALSTREAM_E_AUTH);
    expect_error(kept, WALSTREAM_E_AUTH, NULL, 0, __LINE__);
    free(wrong);
    walstream_config_free(config);
}

/* A role that may log in but not replicate. Where a password is asked for, it cannot even log in. */
static void no_replication_role(void)
{
    walstream_config *config = logged_config("");
    char text[100], *conninfo;
    int32_t code;

    snprintf(text, sizeof text, "CREATE ROLE %s LOGIN PASSWORD '" SECRET "'", live.database);
    live_sql(text, "CREATE PUBLICATION pub FOR ALL TABLES", NULL);
    live_create_slot("");
    conninfo = live_conninfo_with(live.conninfo, "user", live.database);
    code = try_start(conninfo, config, 0);
    CHECK(code == WALSTREAM_E_AUTH || code == WALSTREAM_E_SERVER);
    expect_error(kept, code, NULL, 0, __LINE__);
    walstream_config_free(config);
    free(conninfo);
    snprintf(text, sizeof text, "DROP ROLE %s", live.database);
    live_sql(text, NULL);
}

/* libpq repeats a conninfo that it cannot read; the library must not. */
static void no_password_from_a_bad_conninfo(void)
{
    static const char *const bad[] = {
        "host=x password=" SECRET " nonsense",
        "host=x password='" SECRET,
        "host=x password=" SECRET " no_such_keyword=1",
        "host=x password=a " SECRET,
        "postgres://user:" SECRET "@[::1",
        "postgres://user:" SECRET "@host:1:2:3/db?no_such=1",
        "postgres://user:" SECRET "@host/db?sslmode",
        "postgres://user:" SECRET "%zz@host/db",
        "postgresql://user@host/db?password=" SECRET "&=1",
        "host=x port=notanumber password=" SECRET,
    };
    walstream_config *config = logged_config("");

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        walstream_stream *stream = NULL;
        walstream_error *error = NULL;
        int32_t code = walstream_open(bad[i], config, &stream, &error);

        if (code == WALSTREAM_OK) code = walstream_start(stream, 0, &error); /* libpq finds some out only then */
        if (!CHECK(code < 0 && error != NULL)) continue;
        CHECK_ERROR(error, code);
        no_secret_in(error->message, __LINE__);
        no_secret_in(error->detail, __LINE__);
        no_secret_in(error->hint, __LINE__);
        walstream_error_free(error);
        walstream_free(stream);
    }
    walstream_config_free(config);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"no_such_host", no_such_host, 1},
        {"no_such_port", no_such_port, 1},
        {"no_such_socket", no_such_socket, 1},
        {"silent_peer", silent_peer, 1},
        {"no_such_database", no_such_database, 1},
        {"wrong_password", wrong_password, 1},
        {"no_replication_role", no_replication_role, 1},
        {"no_password_from_a_bad_conninfo", no_password_from_a_bad_conninfo, 1},
    };
    return check_main(argc, argv, cases, sizeof cases / sizeof *cases, &live_world);
}
