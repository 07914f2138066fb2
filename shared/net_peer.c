/*
 * Who is at the other end of a socket, and in which network.
 */
#include "net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

/* ::ffff:192.0.2.1 is 192.0.2.1. */
static void net_unmap(struct sockaddr_storage *storage)
{
	const struct sockaddr_in6 *six = (const void *)storage;
	struct sockaddr_in four = {.sin_family = AF_INET};

	if (storage->ss_family != AF_INET6 ||
	    !IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
		return;
	four.sin_port = six->sin6_port;
	memcpy(&four.sin_addr, &six->sin6_addr.s6_addr[12], 4);
	memset(storage, 0, sizeof(*storage));
	memcpy(storage, &four, sizeof(four));
}

static const void *net_octets_of(const struct sockaddr_storage *storage)
{
	if (storage->ss_family == AF_INET)
		return &((const struct sockaddr_in *)(const void *)storage)
				->sin_addr;
	if (storage->ss_family == AF_INET6)
		return &((const struct sockaddr_in6 *)(const void *)storage)
				->sin6_addr;
	return NULL;
}

void net_peer_of(int fd, struct net_peer *ret_peer)
{
	struct net_peer peer = {.uid = (uid_t)-1, .gid = (gid_t)-1, .pid = -1};
	socklen_t len = sizeof(peer.address);
	struct ucred cred;
	socklen_t cred_len = sizeof(cred);
	const void *octets;

	g_strlcpy(peer.name, "unknown", sizeof(peer.name));
	if (getpeername(fd, (struct sockaddr *)&peer.address, &len) == 0) {
		net_unmap(&peer.address);
		octets = net_octets_of(&peer.address);
		peer.is_unix = peer.address.ss_family == AF_UNIX;
		if (octets)
			(void)inet_ntop(peer.address.ss_family, octets,
					peer.name, sizeof(peer.name));
	}
	if (peer.is_unix) {
		g_strlcpy(peer.name, "local", sizeof(peer.name));
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &cred_len) ==
		    0) {
			peer.uid = cred.uid;
			peer.gid = cred.gid;
			peer.pid = cred.pid;
		}
	}
	*ret_peer = peer;
}

struct net_network {
	int family;
	unsigned bits;
	unsigned char octets[16];
};

static bool net_network_parse(const char *text, struct net_network *ret)
{
	g_auto(GStrv) parts = g_strsplit(text, "/", 2);
	struct net_network network = {.family = AF_INET};
	guint64 bits = 0;

	if (!parts[0])
		return false;
	if (inet_pton(AF_INET, parts[0], network.octets) == 1)
		network.bits = 32;
	else if (inet_pton(AF_INET6, parts[0], network.octets) == 1)
		network = (struct net_network){.family = AF_INET6, .bits = 128};
	else
		return false;
	if (network.family == AF_INET6)
		(void)inet_pton(AF_INET6, parts[0], network.octets);
	if (parts[1]) {
		if (!g_ascii_string_to_unsigned(parts[1], 10, 0, network.bits,
						&bits, NULL))
			return false;
		network.bits = (unsigned)bits;
	}
	*ret = network;
	return true;
}

static bool net_network_has(const struct net_network *network,
			    const unsigned char *octets)
{
	unsigned whole = network->bits / 8;
	unsigned rest = network->bits % 8;

	if (memcmp(network->octets, octets, whole) != 0)
		return false;
	return rest == 0 || (network->octets[whole] >> (8 - rest)) ==
				    (octets[whole] >> (8 - rest));
}

char *net_literal(const char *name)
{
	unsigned char address[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET6, name, address) == 1)
		return g_strdup_printf("[IPv6:%s]", name);
	if (inet_pton(AF_INET, name, address) == 1)
		return g_strdup_printf("[%s]", name);
	return g_strdup(name);
}

bool net_peer_in(const struct net_peer *peer, const char *const *networks)
{
	const void *octets = net_octets_of(&peer->address);
	struct net_network network;

	if (peer->is_unix)
		return true;
	for (; octets && *networks; networks++)
		if (net_network_parse(*networks, &network) &&
		    network.family == peer->address.ss_family &&
		    net_network_has(&network, octets))
			return true;
	return false;
}

int net_networks_check(const char *const *networks, struct fault *fault)
{
	struct net_network network;

	for (; *networks; networks++)
		if (!net_network_parse(*networks, &network))
			return fault_set(fault, FAULT_CONFIG,
					 "\"%s\" is not a network such as "
					 "192.0.2.0/24 or 2001:db8::/32",
					 *networks);
	return 0;
}
