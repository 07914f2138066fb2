/*
 * The one thing about property sets that needs OpenSSL: what converts them is
 * started without it.
 */
#include "digest.h"
#include "propset.h"

#include <string.h>

void prop_binary_hash(const struct prop_binary *binary, uint8_t ret_sha256[32])
{
	gsize len = 0;
	const void *octets = NULL;

	if (!binary->data) {
		memcpy(ret_sha256, binary->sha256, DIGEST_SIZE);
		return;
	}
	octets = g_bytes_get_data(binary->data, &len);
	digest_sha256(octets, len, ret_sha256);
}
