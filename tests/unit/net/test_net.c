/*
 * Listeners and what is told when they cannot be; peers, networks, waiting.
 */
#include "net.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

static char *dir;

static void make_dir(void)
{
	dir = g_dir_make_tmp("okapi-net-XXXXXX", NULL);
	cr_assert_not_null(dir);
}

static void remove_dir(void)
{
	GDir *entries = g_dir_open(dir, 0, NULL);
	const char *name;

	while (entries && (name = g_dir_read_name(entries))) {
		g_autofree char *path = g_build_filename(dir, name, NULL);

		(void)g_remove(path);
	}
	if (entries)
		g_dir_close(entries);
	(void)g_rmdir(dir);
	g_free(dir);
}

TestSuite(net, .init = make_dir, .fini = remove_dir);

static char *unix_place(const char *name)
{
	return g_strdup_printf("unix:%s/%s", dir, name);
}

/* "127.0.0.1:PORT" of a listener. */
static char *place_of(int fd)
{
	struct sockaddr_in6 address; /* the port is where IPv4 has it */
	socklen_t len = sizeof(address);

	cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	return g_strdup_printf("127.0.0.1:%d", ntohs(address.sin6_port));
}

Test(net, faults_say_what_to_do)
{
	g_autofree char *file = g_build_filename(dir, "file", NULL);
	g_autofree char *is_file = unix_place("file");
	g_autofree char *missing = unix_place("none/sock");
	g_autofree char *fine = unix_place("sock");
	char long_path[200] = "unix:/";
	const struct net_unix_options nobody = {.mode = 0600,
						.owner = "no-such-user"};
	const struct net_unix_options no_group = {
		.mode = 0600, .owner = "root:no-such-group"};
	const struct {
		const char *where;
		const struct net_unix_options *options;
		const char *text;
	} cases[] = {
		{"", NULL, "is not host:port"},
		{"2003", NULL, "is not host:port"},
		{"localhost", NULL, "is not host:port"},
		{"localhost:", NULL, "is not host:port"},
		{"::1:2003", NULL, "is not host:port"},
		{"[::1]", NULL, "is not host:port"},
		{"[::1]x:2003", NULL, "is not host:port"},
		{"[::1:2003", NULL, "is not host:port"},
		{"127.0.0.1:99999999", NULL, "is not host:port"},
		{"192.0.2.77:21201", NULL, "no such address"},
		{"unix:relative", NULL, "must begin with /"},
		{"unix:", NULL, "must begin with /"},
		{long_path, NULL, "at most 107 characters"},
		{is_file, NULL, "is no socket"},
		{missing, NULL, "directory is missing"},
		{fine, &nobody, "no user \"no-such-user\""},
		{fine, &no_group, "no group \"no-such-group\""},
	};

	cr_assert(g_file_set_contents(file, "x", 1, NULL));
	memset(long_path + 6, 'x', sizeof(long_path) - 7);
	long_path[sizeof(long_path) - 1] = '\0';
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct fault fault = {0};
		int fd = -1;

		cr_expect_eq(net_listen(cases[i].where, cases[i].options, &fd,
					&fault),
			     -1, "\"%s\"", cases[i].where);
		cr_expect_eq(fault.kind, FAULT_CONFIG, "\"%s\"",
			     cases[i].where);
		cr_expect_not_null(strstr(fault.text, cases[i].text),
				   "\"%s\": %s", cases[i].where, fault.text);
		cr_expect_eq(fd, -1);
	}
	cr_expect(g_file_test(file, G_FILE_TEST_IS_REGULAR));
	cr_expect_not(g_file_test(fine + strlen("unix:"), G_FILE_TEST_EXISTS));
}

/* "localhost" and "*" are reached at 127.0.0.1, whatever else they are. */
Test(net, names_and_any_address)
{
	static const char *const cases[] = {"localhost:0", "*:0", ":0"};
	const char *const networks[] = {"127.0.0.0/8", NULL};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct fault fault = {0};
		struct net_peer peer;
		AUTOCLOSE int listener = -1;
		AUTOCLOSE int client = -1;
		AUTOCLOSE int server = -1;

		cr_assert_eq(net_listen(cases[i], NULL, &listener, &fault), 0,
			     "%s: %s", cases[i], fault.text);
		g_autofree char *where = place_of(listener);

		cr_assert_eq(net_connect(where, 1000, &client, &fault), 0,
			     "%s: %s", cases[i], fault.text);
		cr_assert_eq(net_wait(listener, false, -1, 60000), 1);
		server = accept(listener, NULL, NULL);
		net_peer_of(server, &peer);
		cr_expect_str_eq(peer.name, "127.0.0.1", "%s: %s", cases[i],
				 peer.name);
		cr_expect(net_peer_in(&peer, networks), "%s", cases[i]);
	}
}

Test(net, a_port_in_use)
{
	AUTOCLOSE int first = -1;
	struct fault fault = {0};
	int second = -1;

	cr_assert_eq(net_listen("127.0.0.1:0", NULL, &first, &fault), 0, "%s",
		     fault.text);
	g_autofree char *where = place_of(first);

	cr_expect_eq(net_listen(where, NULL, &second, &fault), -1);
	cr_expect_not_null(strstr(fault.text, "in use"), "%s", fault.text);
}

Test(net, unix_sockets_living_and_stale)
{
	g_autofree char *where = unix_place("sock");
	const struct net_unix_options options = {.mode = 0660};
	struct fault fault = {0};
	AUTOCLOSE int first = -1;
	AUTOCLOSE int second = -1;
	AUTOCLOSE int third = -1;

	cr_assert_eq(net_listen(where, &options, &first, &fault), 0, "%s",
		     fault.text);
	cr_expect_eq(net_listen(where, &options, &second, &fault), -1);
	cr_expect_not_null(strstr(fault.text, "in use"), "%s", fault.text);
	base_close_fd(&first);
	cr_expect_eq(net_listen(where, &options, &second, &fault), 0, "%s",
		     fault.text);
	cr_expect_eq(net_connect(where, 1000, &third, &fault), 0, "%s",
		     fault.text);
	net_unlisten(where);
	cr_expect_not(g_file_test(where + strlen("unix:"), G_FILE_TEST_EXISTS));
}

/* A socket whose owner is too busy to accept is not stale. */
Test(net, a_unix_socket_with_a_full_backlog)
{
	g_autofree char *where = unix_place("sock");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AUTOCLOSE int owner = socket(AF_UNIX, SOCK_STREAM, 0);
	int clients[4] = {-1, -1, -1, -1};
	struct fault fault = {0};
	int fd = -1;

	g_strlcpy(address.sun_path, where + strlen("unix:"),
		  sizeof(address.sun_path));
	cr_assert_eq(bind(owner, (struct sockaddr *)&address, sizeof(address)),
		     0);
	cr_assert_eq(listen(owner, 0), 0);
	for (size_t i = 0; i < G_N_ELEMENTS(clients); i++) {
		clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(clients[i], (struct sockaddr *)&address,
			    sizeof(address)) < 0)
			cr_expect_eq(errno, EAGAIN);
	}
	cr_expect_eq(net_listen(where, NULL, &fd, &fault), -1);
	cr_expect_not_null(strstr(fault.text, "in use"), "%s", fault.text);
	for (size_t i = 0; i < G_N_ELEMENTS(clients); i++)
		base_close_fd(&clients[i]);
}

Test(net, unix_mode_whatever_the_umask)
{
	static const struct {
		mode_t umask, mode;
	} cases[] = {{077, 0666}, {0, 0600}, {022, 0660}, {0777, 0666}};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *where = unix_place("sock");
		const struct net_unix_options options = {.mode = cases[i].mode};
		struct fault fault = {0};
		AUTOCLOSE int fd = -1;
		struct stat st;
		mode_t old = umask(cases[i].umask);

		cr_expect_eq(net_listen(where, &options, &fd, &fault), 0, "%s",
			     fault.text);
		umask(old);
		cr_assert_eq(stat(where + strlen("unix:"), &st), 0);
		cr_expect_eq(st.st_mode & 0777, cases[i].mode, "case %zu: %o",
			     i, st.st_mode & 0777);
		net_unlisten(where);
	}
}

Test(net, peers)
{
	g_autofree char *where = unix_place("sock");
	const char *const networks[] = {"10.0.0.0/8", NULL};
	struct fault fault = {0};
	struct net_peer peer;
	AUTOCLOSE int listener = -1;
	AUTOCLOSE int client = -1;
	AUTOCLOSE int server = -1;

	cr_assert_eq(net_listen(where, NULL, &listener, &fault), 0, "%s",
		     fault.text);
	cr_assert_eq(net_connect(where, 1000, &client, &fault), 0);
	server = accept(listener, NULL, NULL);
	net_peer_of(server, &peer);
	cr_expect(peer.is_unix);
	cr_expect_str_eq(peer.name, "local");
	cr_expect_eq(peer.uid, getuid());
	cr_expect_eq(peer.pid, getpid());
	cr_expect(net_peer_in(&peer, networks));
	base_close_fd(&listener);
	base_close_fd(&client);
	base_close_fd(&server);

	cr_assert_eq(net_listen("127.0.0.1:0", NULL, &listener, &fault), 0);
	g_autofree char *inet = place_of(listener);

	cr_assert_eq(net_connect(inet, 1000, &client, &fault), 0, "%s",
		     fault.text);
	cr_assert_eq(net_wait(listener, false, -1, 60000), 1);
	server = accept(listener, NULL, NULL);
	net_peer_of(server, &peer);
	cr_expect_not(peer.is_unix);
	cr_expect_str_eq(peer.name, "127.0.0.1");
	cr_expect_eq(peer.uid, (uid_t)-1);
	cr_expect_not(net_peer_in(&peer, networks));
}

static struct net_peer peer_at(const char *text)
{
	struct net_peer peer = {0};
	struct sockaddr_in *four = (void *)&peer.address;
	struct sockaddr_in6 *six = (void *)&peer.address;

	if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
		peer.address.ss_family = AF_INET;
	} else {
		cr_assert_eq(inet_pton(AF_INET6, text, &six->sin6_addr), 1);
		peer.address.ss_family = AF_INET6;
	}
	return peer;
}

Test(net, literals)
{
	static const char *const rows[][2] = {
		{"127.0.0.1", "[127.0.0.1]"},
		{"2001:db8::7", "[IPv6:2001:db8::7]"},
		{"local", "local"},
		{"1.2.3", "1.2.3"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *literal = net_literal(rows[i][0]);

		cr_expect_str_eq(literal, rows[i][1]);
	}
}

Test(net, networks)
{
	static const struct {
		const char *address, *network;
		bool in;
	} cases[] = {
		{"127.0.0.1", "127.0.0.0/8", true},
		{"128.0.0.1", "127.0.0.0/8", false},
		{"10.1.2.3", "10.1.2.3", true},
		{"10.1.2.4", "10.1.2.3", false},
		{"10.1.2.4", "10.1.2.0/29", true},
		{"10.1.2.8", "10.1.2.0/29", false},
		{"10.1.2.7", "10.1.2.5/29", true},
		{"1.2.3.4", "0.0.0.0/0", true},
		{"::1", "0.0.0.0/0", false},
		{"::1", "::1", true},
		{"::2", "::1", false},
		{"2001:db8:1::1", "2001:db8::/32", true},
		{"2001:db9::1", "2001:db8::/32", false},
		{"2001:db8:8000::", "2001:db8::/33", false},
		{"1.2.3.4", "::/0", false},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct net_peer peer = peer_at(cases[i].address);
		const char *const networks[] = {cases[i].network, NULL};
		struct fault fault = {0};

		cr_expect_eq(net_networks_check(networks, &fault), 0);
		cr_expect_eq(net_peer_in(&peer, networks), cases[i].in,
			     "%s in %s", cases[i].address, cases[i].network);
	}
}

Test(net, networks_that_are_none)
{
	static const char *const cases[] = {
		"",   "localhost", "10.0.0.0/33", "10.0.0/8",   "::1/129",
		"/8", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x"};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		const char *const networks[] = {"::1", cases[i], NULL};
		struct fault fault = {0};

		cr_expect_eq(net_networks_check(networks, &fault), -1, "\"%s\"",
			     cases[i]);
		cr_expect_eq(fault.kind, FAULT_CONFIG);
	}
}

Test(net, nobody_answers)
{
	g_autofree char *where = unix_place("sock");
	struct fault fault = {0};
	AUTOCLOSE int listener = -1;
	int fd = -1;

	cr_expect_eq(net_connect(where, 100, &fd, &fault), -1);
	cr_expect_eq(fault.kind, FAULT_NETWORK);
	cr_assert_eq(net_listen("127.0.0.1:0", NULL, &listener, &fault), 0);
	g_autofree char *inet = place_of(listener);

	base_close_fd(&listener);
	cr_expect_eq(net_connect(inet, 100, &fd, &fault), -1);
	cr_expect_eq(fault.kind, FAULT_NETWORK);
	cr_expect(fault_is_temporary(&fault));
}

Test(net, waiting_and_sending)
{
	int pair[2];
	int wake[2];
	char block[4096] = {0};
	struct fault fault = {0};
	int64_t begin;
	int rc = 0;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair),
		     0);
	cr_assert_eq(pipe(wake), 0);
	begin = g_get_monotonic_time();
	cr_expect_eq(net_wait(pair[0], false, wake[0], 30), 0);
	cr_expect_geq(g_get_monotonic_time() - begin, 25000);
	cr_expect_eq(net_wait(pair[0], true, wake[0], 30), 1);
	cr_assert_eq(write(wake[1], "x", 1), 1);
	cr_expect_eq(net_wait(pair[0], false, wake[0], -1), 2);
	cr_expect_eq(net_wait(pair[0], false, -1, 0), 0);
	cr_assert_eq(write(pair[1], "x", 1), 1);
	cr_expect_eq(net_wait(pair[0], false, -1, -1), 1);
	/* Nobody reads: the deadline ends it. */
	for (int i = 0; i < 10000 && rc == 0; i++)
		rc = net_send_all(pair[0], block, sizeof(block), 50, &fault);
	cr_expect_eq(rc, -1);
	cr_expect_not_null(strstr(fault.text, "takes no data"), "%s",
			   fault.text);
	/* The other side is gone: no SIGPIPE. */
	(void)close(pair[1]);
	cr_expect_eq(net_send_all(pair[0], block, sizeof(block), 50, &fault),
		     -1);
}
