/*
 * How often an address may be wrong, and how often a user may submit.
 */
#include "spooler/login.h"
#include "spooler/throttle.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>

#define MINUTE (60 * USEC_PER_SEC)

static struct net_peer peer_of(const char *address)
{
	struct net_peer peer = {0};
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&peer.address;

	g_strlcpy(peer.name, address, sizeof(peer.name));
	peer.address.ss_family = AF_INET;
	if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1)
		peer.address.ss_family = AF_INET6;
	return peer;
}

Test(login_guard, an_address_may_be_wrong_so_often)
{
	AUTO(login_guard) guard = login_guard_new();
	const struct net_peer bad = peer_of("192.0.2.1");
	const struct net_peer good = peer_of("192.0.2.2");
	struct fault fault = {0};

	for (int i = 0; i < LOGIN_WRONG_MAX; i++) {
		cr_assert_eq(login_guard_check(guard, &bad, 1, &fault), 0);
		login_guard_count(guard, &bad, 1);
	}
	cr_expect_eq(login_guard_check(guard, &bad, 2, &fault), -1);
	cr_expect_eq(fault.kind, FAULT_TOO_MANY);
	cr_expect_eq(login_guard_check(guard, &good, 2, &fault), 0);
	cr_expect_eq(login_guard_check(guard, &bad, LOGIN_WRONG_US, &fault),
		     -1);
	cr_expect_eq(login_guard_check(guard, &bad, LOGIN_WRONG_US + 1, &fault),
		     0);
}

Test(login_guard, an_ipv6_address_counts_by_its_network)
{
	AUTO(login_guard) guard = login_guard_new();
	const struct net_peer same = peer_of("2001:db8::ffff");
	const struct net_peer other = peer_of("2001:db8:0:1::1");
	struct fault fault = {0};

	for (int i = 0; i < LOGIN_WRONG_MAX; i++) {
		g_autofree char *address = g_strdup_printf("2001:db8::%d", i);
		struct net_peer peer = peer_of(address);

		login_guard_count(guard, &peer, 1);
	}
	cr_expect_eq(login_guard_check(guard, &same, 2, &fault), -1);
	cr_expect_eq(login_guard_check(guard, &other, 2, &fault), 0);
}

Test(login_guard, many_addresses_do_not_fill_memory)
{
	AUTO(login_guard) guard = login_guard_new();
	const struct net_peer last = peer_of("192.0.2.1");
	struct fault fault = {0};

	for (int i = 0; i < 30000; i++) {
		g_autofree char *address =
			g_strdup_printf("10.%d.%d.1", i / 200, i % 200);
		struct net_peer peer = peer_of(address);

		login_guard_count(guard, &peer, i);
	}
	for (int i = 0; i < LOGIN_WRONG_MAX; i++)
		login_guard_count(guard, &last, 30000);
	cr_expect_eq(login_guard_check(guard, &last, 30001, &fault), -1);
}

Test(throttle, a_minutes_worth_at_once_then_evenly)
{
	AUTO(throttle) throttle = throttle_new();
	struct fault fault = {0};
	int64_t now = 1000 * MINUTE;

	for (int i = 0; i < 6; i++)
		cr_assert_eq(throttle_take(throttle, 1, 6, now, &fault), 0);
	cr_assert_eq(throttle_take(throttle, 1, 6, now, &fault), -1);
	cr_expect_eq(fault.kind, FAULT_TOO_MANY);
	cr_expect(strstr(fault.text, "try again in 11 s"), "%s", fault.text);
	/* Somebody else, and who may all they want. */
	cr_expect_eq(throttle_take(throttle, 2, 6, now, &fault), 0);
	cr_expect_eq(throttle_take(throttle, 1, 0, now, &fault), 0);
	cr_expect_eq(throttle_take(throttle, 1, 6, now + MINUTE / 6, &fault),
		     0);
	cr_expect_eq(throttle_take(throttle, 1, 6, now + MINUTE / 6, &fault),
		     -1);
	cr_expect_eq(throttle_take(throttle, 1, 6, now + 10 * MINUTE, &fault),
		     0);
}
