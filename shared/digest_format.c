/*
 * A hash as text.
 */
#include "digest.h"

void digest_format(const uint8_t hash[DIGEST_SIZE],
		   char ret_hex[DIGEST_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		ret_hex[2 * i] = digits[hash[i] >> 4];
		ret_hex[2 * i + 1] = digits[hash[i] & 15];
	}
	ret_hex[2 * DIGEST_SIZE] = '\0';
}
