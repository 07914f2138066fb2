/*
 * Reading a message as local delivery programs get it.
 */
#include "input.h"
#include "header.h"

#include <errno.h>
#include <string.h>

#define INPUT_CHUNK ((size_t)64 * 1024)
#define INPUT_HEAD  ((size_t)16 * 1024) /* longest head that is looked at */

/* An address out of "<a@b>" or "a@b", stripped; MAILER-DAEMON is null. */
static char *input_address(const char *text, size_t len)
{
	g_autofree char *address = g_strstrip(g_strndup(text, len));
	size_t size = strlen(address);

	if (size >= 2 && address[0] == '<' && address[size - 1] == '>') {
		address[size - 1] = '\0';
		memmove(address, address + 1, size - 1);
	}
	if (g_ascii_strcasecmp(address, "MAILER-DAEMON") == 0 ||
	    strcmp(address, "-") == 0)
		return g_strdup("");
	return g_steal_pointer(&address);
}

/* The first word of an mbox "From " line; blanks within quotes belong to it. */
static size_t input_from_word(const char *text, size_t len)
{
	bool quoted = false;
	size_t i = 0;

	for (; i < len; i++) {
		if (text[i] == '"')
			quoted = !quoted;
		if (!quoted && g_ascii_isspace(text[i]))
			break;
	}
	return i;
}

/*
 * Octets of a leading mbox "From " line, its line feed included, or 0.  What
 * has no line feed, or a bare CR before it (lines of a classic Mac), is the
 * message itself: it must not be thrown away.
 */
static size_t input_from_line(const char *head, size_t len)
{
	const char *lf = memchr(head, '\n', len);
	const char *cr = memchr(head, '\r', len);

	if (!lf || !header_has_mbox_line(head, len))
		return 0;
	return cr && cr + 1 < lf ? 0 : (size_t)(lf - head) + 1;
}

void input_head_parse(const char *head, size_t len, struct input_head *ret_head)
{
	static const char from[] = "From ";
	static const char return_path[] = "Return-Path:";
	size_t line;

	memset(ret_head, 0, sizeof(*ret_head));
	line = input_from_line(head, len);
	if (line > 0) {
		const char *word = head + strlen(from);
		size_t left = line - strlen(from);

		while (left > 0 && *word == ' ') {
			word++;
			left--;
		}
		ret_head->from_line =
			input_address(word, input_from_word(word, left));
		ret_head->skip = line;
	}
	head += line;
	len -= line;
	if (len >= strlen(return_path) &&
	    g_ascii_strncasecmp(head, return_path, strlen(return_path)) == 0) {
		const char *lf = memchr(head, '\n', len);
		const char *value = head + strlen(return_path);

		line = lf ? (size_t)(lf - head) : len;
		ret_head->return_path =
			input_address(value, line - strlen(return_path));
	}
}

void input_head_clear(struct input_head *head)
{
	g_free(head->from_line);
	g_free(head->return_path);
	memset(head, 0, sizeof(*head));
}

/* Could it stand between the brackets of Return-Path: <>? */
static bool input_sender_is_sane(const char *address)
{
	bool quoted = false;

	if (strlen(address) > 1000)
		return false;
	for (const char *p = address; *p; p++) {
		if (*p == '"')
			quoted = !quoted;
		if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == '<' ||
		    *p == '>' || (*p == ' ' && !quoted))
			return false;
	}
	return g_utf8_validate(address, -1, NULL);
}

/* $RPLINE is "Return-Path: <a@b>\n" (qmail-command(8)). */
static char *input_rpline(const char *rpline)
{
	static const char name[] = "Return-Path:";

	if (g_ascii_strncasecmp(rpline, name, strlen(name)) == 0)
		rpline += strlen(name);
	return input_address(rpline, strlen(rpline));
}

char *input_guess_sender(const char *option, const char *sender,
			 const char *rpline, const struct input_head *head)
{
	g_autofree char *guess = NULL;

	if (option)
		guess = input_address(option, strlen(option));
	else if (sender)
		guess = input_address(sender, strlen(sender));
	else if (rpline)
		guess = input_rpline(rpline);
	else if (head->return_path)
		guess = g_strdup(head->return_path);
	else if (head->from_line)
		guess = g_strdup(head->from_line);
	if (!guess || !input_sender_is_sane(guess))
		return g_strdup("");
	return g_steal_pointer(&guess);
}

int input_convert(struct spool *spool, const char *octets, size_t len,
		  bool *state, struct fault *fault)
{
	const char *end = octets + len;
	const char *start = octets;

	for (const char *lf = octets;
	     (lf = memchr(lf, '\n', (size_t)(end - lf))); lf++) {
		bool has_cr = lf > octets ? lf[-1] == '\r' : *state;

		if (has_cr)
			continue;
		if (spool_add(spool, start, (size_t)(lf - start), fault) ||
		    spool_add(spool, "\r", 1, fault))
			return -1;
		start = lf;
	}
	if (len > 0)
		*state = end[-1] == '\r';
	return spool_add(spool, start, (size_t)(end - start), fault);
}

/* Reads until len octets, or the end: short counts are the end. */
static ssize_t input_fill(int fd, char *buffer, size_t len, struct fault *fault)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = read(fd, buffer + have, len - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fault_set_errno(fault, FAULT_IO, errno,
					       "cannot read the message");
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

static int input_read_all(int fd, struct spool *spool,
			  struct input_head *ret_head, struct fault *fault)
{
	g_autofree char *chunk = g_malloc(INPUT_CHUNK);
	bool state = false;
	bool is_first = true;
	char last = '\0';

	for (;;) {
		ssize_t n = input_fill(fd, chunk, INPUT_CHUNK, fault);
		size_t skip = 0;

		if (n < 0)
			return -1;
		if (is_first) {
			input_head_parse(chunk, MIN((size_t)n, INPUT_HEAD),
					 ret_head);
			skip = ret_head->skip;
			is_first = false;
		}
		if (input_convert(spool, chunk + skip, (size_t)n - skip, &state,
				  fault))
			return -1;
		if ((size_t)n > skip)
			last = chunk[n - 1];
		if ((size_t)n < INPUT_CHUNK)
			break;
	}
	if (spool_size(spool) == 0)
		return fault_set(fault, FAULT_NOT_A_MESSAGE,
				 "the input is empty, no message");
	return last == '\n' ? 0 : spool_add(spool, "\r\n", 2, fault);
}

int input_read(int fd, int64_t limit, struct input *ret_input,
	       struct fault *fault)
{
	AUTO(spool) spool = spool_new(limit);

	if (input_read_all(fd, spool, &ret_input->head, fault))
		return -1;
	return spool_finish(spool, &ret_input->bytes, fault);
}

void input_free(struct input *input)
{
	if (input->bytes)
		g_bytes_unref(input->bytes);
	input_head_clear(&input->head);
	g_free(input);
}
