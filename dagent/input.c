/*
 * A message as local delivery programs get it.
 */
#include "input.h"
#include "header.h"

#include <errno.h>
#include <string.h>

#define INPUT_CHUNK ((size_t)64 * 1024)
#define INPUT_HEAD  ((size_t)16 * 1024) /* longest head that is looked at */
#define INPUT_OUT   ((size_t)16 * 1024)

struct input {
	input_sink_fn *sink;
	void *context;
	struct input_head head;
	GByteArray *begin; /* until there is enough of it for the head */
	bool is_begun;
	bool is_empty;
	char last; /* octet that was converted */
	size_t out_len;
	char out[INPUT_OUT]; /* converted, not yet in the sink */
};

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

/* ---- the message ---- */

struct input *input_new(input_sink_fn *sink, void *context)
{
	struct input *input = g_new(struct input, 1);

	memset(input, 0, offsetof(struct input, out));
	input->sink = sink;
	input->context = context;
	input->begin = g_byte_array_new();
	input->is_empty = true;
	return input;
}

void input_free(struct input *input)
{
	g_byte_array_unref(input->begin);
	input_head_clear(&input->head);
	g_free(input);
}

const struct input_head *input_head(const struct input *input)
{
	return &input->head;
}

static int input_flush(struct input *input, struct fault *fault)
{
	size_t len = input->out_len;

	input->out_len = 0;
	return len ? input->sink(input->context, input->out, len, fault) : 0;
}

static int input_put(struct input *input, const char *octets, size_t len,
		     struct fault *fault)
{
	if (len > INPUT_OUT - input->out_len && input_flush(input, fault))
		return -1;
	if (len > INPUT_OUT)
		return input->sink(input->context, octets, len, fault);
	memcpy(input->out + input->out_len, octets, len);
	input->out_len += len;
	return 0;
}

/* Every LF without CR becomes CRLF, also where the CR came a piece before. */
static int input_convert(struct input *input, const char *octets, size_t len,
			 struct fault *fault)
{
	const char *end = octets + len;
	const char *start = octets;

	if (len == 0)
		return 0;
	for (const char *lf = octets;
	     (lf = memchr(lf, '\n', (size_t)(end - lf))); lf++) {
		char before = lf > octets ? lf[-1] : input->last;

		if (before == '\r')
			continue;
		if (input_put(input, start, (size_t)(lf - start), fault) ||
		    input_put(input, "\r", 1, fault))
			return -1;
		start = lf;
	}
	input->is_empty = false;
	input->last = end[-1];
	return input_put(input, start, (size_t)(end - start), fault);
}

/* There is enough of it, or it is whole. */
static int input_begin(struct input *input, const char *octets, size_t len,
		       struct fault *fault)
{
	input->is_begun = true;
	input_head_parse(octets, MIN(len, INPUT_HEAD), &input->head);
	return input_convert(input, octets + input->head.skip,
			     len - input->head.skip, fault);
}

int input_add(struct input *input, const char *octets, size_t len,
	      struct fault *fault)
{
	GByteArray *begin = input->begin;

	if (input->is_begun)
		return input_convert(input, octets, len, fault);
	if (begin->len == 0 && len >= INPUT_HEAD)
		return input_begin(input, octets, len, fault);
	g_byte_array_append(begin, (const guint8 *)octets, (guint)len);
	if (begin->len < INPUT_HEAD)
		return 0;
	return input_begin(input, (const char *)begin->data, begin->len, fault);
}

int input_end(struct input *input, struct fault *fault)
{
	if (!input->is_begun && input->begin->len > 0 &&
	    input_begin(input, (const char *)input->begin->data,
			input->begin->len, fault))
		return -1;
	if (input->is_empty)
		return fault_set(fault, FAULT_NOT_A_MESSAGE,
				 "the input is empty, no message");
	if (input->last != '\n' && input_put(input, "\r\n", 2, fault))
		return -1;
	return input_flush(input, fault);
}

int input_read(struct input *input, int fd, struct fault *fault)
{
	g_autofree char *chunk = g_malloc(INPUT_CHUNK);

	for (;;) {
		ssize_t n = read(fd, chunk, INPUT_CHUNK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fault_set_errno(fault, FAULT_IO, errno,
					       "cannot read the message");
		if (n == 0)
			return input_end(input, fault);
		if (input_add(input, chunk, (size_t)n, fault))
			return -1;
	}
}
