/*
 * The fuzz target without a fuzzer: dialogues put together at random from
 * words of the protocol, the same ones each time, must hold what the target
 * holds (tests/fuzz/fuzz_smtp_server.c).
 */
#include "../../fuzz/fuzz_smtp_server.c"

#include <criterion/criterion.h>

#define DIALOGUES 20000
#define WORDS_MAX 40

static const char *const words[] = {
	"LHLO c\r\n",
	"EHLO c\r\n",
	"MAIL FROM:<a@x>\r\n",
	"MAIL FROM:<a@x> SIZE=2999 BODY=BINARYMIME SMTPUTF8\r\n",
	"MAIL FROM:<a@x> SIZE=3001\r\n",
	"MAIL FROM:<no@x>\r\n",
	"MAIL FROM:<> RET=FULL ENVID=a+2B X-OKAPI=b\r\n",
	"RCPT TO:<b@x>\r\n",
	"RCPT TO:<no@x>\r\n",
	"RCPT TO:<joe>\r\n",
	"RCPT TO:<\"a b\"@[127.0.0.1]> NOTIFY=DELAY\r\n",
	"DATA\r\n",
	"DATA\r\nx\r\n.\r\n",
	"BDAT 5\r\nabcde",
	"XDELIVER 3\r\n",
	"XDELIVER 1001\r\n",
	"XDELIVER x\r\n",
	"BDAT 2\r\n\x7fx",
	"BDAT 3000\r\n",
	"BDAT 0 LAST\r\n",
	"BDAT 3 LAST\r\nabc",
	"BDAT x\r\n",
	"RSET\r\n",
	"NOOP\r\n",
	"NOOP\n",
	"QUIT\r\n",
	"STARTTLS\r\n",
	"AUTH LOGIN\r\n",
	"AUTH PLAIN AGpvZQB5\r\n",
	"am9l\r\n",
	"*\r\n",
	"\r\n.\r\n",
	"\r\n.\r\n",
	".",
	"..",
	"\r",
	"\n",
	"\r\n",
	"\n.\n",
	"\r.\r",
	"text",
	"\xc3\xbc",
};

static void append_word(GRand *random, GString *input)
{
	gint32 i = g_rand_int_range(random, 0, G_N_ELEMENTS(words) + 2);

	if (i < (gint32)G_N_ELEMENTS(words))
		g_string_append(input, words[i]);
	else if (i == (gint32)G_N_ELEMENTS(words))
		g_string_append_c(input,
				  (char)g_rand_int_range(random, 0, 256));
	else if (g_rand_int_range(random, 0, 20) == 0)
		for (int n = 0; n < 5000; n++)
			g_string_append_c(input, 'x');
}

Test(smtp_random, dialogues)
{
	g_autoptr(GRand) random = g_rand_new_with_seed(20261123);

	for (int n = 0; n < DIALOGUES; n++) {
		g_autoptr(GString) input = g_string_new(NULL);
		gint32 count = g_rand_int_range(random, 1, WORDS_MAX);

		g_string_append_c(input, (char)g_rand_int_range(random, 0, 64));
		g_string_append_c(input, (char)g_rand_int_range(random, 0, 40));
		/* Most begin well, so that they get somewhere. */
		if (n % 4)
			g_string_append(input, input->str[0] & 1
						       ? "EHLO c\r\n"
						       : "LHLO c\r\n");
		if (n % 4 > 1)
			g_string_append(input, "MAIL FROM:<a@x>\r\n"
					       "RCPT TO:<b@x>\r\n");
		while (count--)
			append_word(random, input);
		cr_assert_eq(LLVMFuzzerTestOneInput((const uint8_t *)input->str,
						    input->len),
			     0);
	}
}
