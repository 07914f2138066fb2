/*
 * Parsing the sendmail command line; see sendmail_args.h.
 */
#include "sendmail_args.h"

#include "smtp/smtp_server.h"

#include <string.h>

void sendmail_args_clear(struct sendmail_args *args)
{
	if (args->envelope)
		envelope_free(args->envelope);
	args->envelope = NULL;
}

/* ---- addresses -------------------------------------------------------------
 */

/* The address in one mailbox: what stands in <>, or all of it. */
static char *sendmail_mailbox(const char *text, size_t len)
{
	g_autofree char *mailbox = g_strndup(text, len);
	char *open = strrchr(mailbox, '<');
	char *close = open ? strchr(open, '>') : NULL;

	if (close && !close[1 + strspn(close + 1, " \t")]) {
		*close = '\0';
		return g_strdup(g_strstrip(open + 1));
	}
	return g_strdup(g_strstrip(mailbox));
}

/* The addresses of "a@b, Name <c@d>"; owned (g_strfreev).  Pure. */
static char **sendmail_split_addresses(const char *text)
{
	GPtrArray *addresses = g_ptr_array_new();
	const char *from = text;
	bool quoted = false;

	for (const char *p = text;; p++) {
		if (*p == '\\' && p[1]) {
			p++;
			continue;
		}
		if (*p == '"')
			quoted = !quoted;
		if (*p && (*p != ',' || quoted))
			continue;
		if (p > from) {
			char *one = sendmail_mailbox(from, (size_t)(p - from));

			if (*one)
				g_ptr_array_add(addresses, one);
			else
				g_free(one);
		}
		if (!*p)
			break;
		from = p + 1;
	}
	g_ptr_array_add(addresses, NULL);
	return (char **)g_ptr_array_free(addresses, FALSE);
}

static bool sendmail_is_clean(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

/* ---- single options ---- */

static int sendmail_set_mode(struct sendmail_args *args, const char *value,
			     struct fault *fault)
{
	switch (value[0]) {
	case 'm':
		args->mode = SENDMAIL_SUBMIT;
		return 0;
	case 'p':
		args->mode = SENDMAIL_QUEUE;
		return 0;
	case 's':
		args->mode = SENDMAIL_SMTP;
		return 0;
	case 'i':
		args->mode = SENDMAIL_NOTHING;
		return 0;
	default:
		return fault_set(fault, FAULT_USAGE,
				 "-b%s is not supported (there are -bm, -bp, "
				 "-bs; the daemon is okapi-spooler)",
				 value);
	}
}

static int sendmail_set_sender(struct sendmail_args *args, const char *value,
			       struct fault *fault)
{
	if (!sendmail_is_clean(value))
		return fault_set(fault, FAULT_USAGE,
				 "the sender has control characters");
	g_free(args->envelope->sender);
	args->envelope->sender = sendmail_mailbox(value, strlen(value));
	return 0;
}

static int sendmail_set_body(struct sendmail_args *args, const char *value,
			     struct fault *fault)
{
	bool is_8bit = g_ascii_strcasecmp(value, "8BITMIME") == 0;

	if (!is_8bit && g_ascii_strcasecmp(value, "7BIT") != 0)
		return fault_set(fault, FAULT_USAGE,
				 "-B takes 7BIT or 8BITMIME, not '%s'", value);
	args->envelope->body_8bit = is_8bit;
	return 0;
}

static int sendmail_set_notify(struct sendmail_args *args, const char *value,
			       struct fault *fault)
{
	static const struct {
		const char *word;
		unsigned flag;
	} words[] = {
		{"never", SMTP_NOTIFY_NEVER},
		{"success", SMTP_NOTIFY_SUCCESS},
		{"failure", SMTP_NOTIFY_FAILURE},
		{"delay", SMTP_NOTIFY_DELAY},
	};
	g_auto(GStrv) parts = g_strsplit(value, ",", -1);
	unsigned notify = 0;

	for (char **part = parts; *part; part++) {
		unsigned flag = 0;

		for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
			if (g_ascii_strcasecmp(*part, words[i].word) == 0)
				flag = words[i].flag;
		notify |= flag;
		if (!flag || ((notify & SMTP_NOTIFY_NEVER) &&
			      notify != SMTP_NOTIFY_NEVER))
			return fault_set(fault, FAULT_USAGE,
					 "-N takes never, or some of success, "
					 "failure, delay, not '%s'",
					 value);
	}
	args->envelope->notify = notify;
	return 0;
}

static int sendmail_set_return(struct sendmail_args *args, const char *value,
			       struct fault *fault)
{
	bool full = g_ascii_strcasecmp(value, "full") == 0;

	if (!full && g_ascii_strcasecmp(value, "hdrs") != 0)
		return fault_set(fault, FAULT_USAGE,
				 "-R takes full or hdrs, not '%s'", value);
	g_free(args->envelope->ret);
	args->envelope->ret = g_strdup(full ? "FULL" : "HDRS");
	return 0;
}

static int sendmail_set_envid(struct sendmail_args *args, const char *value,
			      struct fault *fault)
{
	if (!*value || strlen(value) > 100 || !sendmail_is_clean(value))
		return fault_set(fault, FAULT_USAGE,
				 "-V takes an envelope id of 1 to 100 "
				 "printable characters");
	g_free(args->envelope->envid);
	args->envelope->envid = g_strdup(value);
	return 0;
}

/* ---- the options ---- */

/* Letters that take a value; -q may have one behind it. */
#define SENDMAIL_WITH_VALUE "ABFLNOQRVXbefhopr"
#define SENDMAIL_WITHOUT    "GIUcimnstv"

static int sendmail_value_option(struct sendmail_args *args, char letter,
				 const char *value, struct fault *fault)
{
	switch (letter) {
	case 'b':
		return sendmail_set_mode(args, value, fault);
	case 'f':
	case 'r':
		return sendmail_set_sender(args, value, fault);
	case 'F':
		g_free(args->envelope->full_name);
		args->envelope->full_name = g_strdup(value);
		return 0;
	case 'B':
		return sendmail_set_body(args, value, fault);
	case 'N':
		return sendmail_set_notify(args, value, fault);
	case 'R':
		return sendmail_set_return(args, value, fault);
	case 'V':
		return sendmail_set_envid(args, value, fault);
	case 'o':
		if (strcmp(value, "i") == 0)
			args->dot_is_text = true;
		return 0;
	default:
		return 0; /* -A -L -O -Q -X -e -h -p: as Postfix, ignored */
	}
}

static void sendmail_flag(struct sendmail_args *args, char letter)
{
	switch (letter) {
	case 'i':
		args->dot_is_text = true;
		return;
	case 't':
		args->envelope->extract = true;
		return;
	case 'v':
		args->verbose = true;
		return;
	case 'I':
		args->mode = SENDMAIL_NOTHING;
		return;
	default:
		return; /* -G -U -c -m -n -s: as Postfix, ignored */
	}
}

/* One argument that begins with a single '-'; returns how many arguments it
 * took, or -1. */
static int sendmail_short(struct sendmail_args *args, char *const *argv,
			  struct fault *fault)
{
	for (const char *p = argv[0] + 1; *p; p++) {
		const char *value = p[1] ? p + 1 : argv[1];

		if (*p == 'q') {
			args->mode = SENDMAIL_FLUSH;
			return 1;
		}
		if (strchr(SENDMAIL_WITHOUT, *p)) {
			sendmail_flag(args, *p);
			continue;
		}
		if (!strchr(SENDMAIL_WITH_VALUE, *p))
			return fault_set(fault, FAULT_USAGE,
					 "there is no option -%c", *p);
		if (!value)
			return fault_set(fault, FAULT_USAGE,
					 "-%c wants a value", *p);
		if (sendmail_value_option(args, *p, value, fault) != 0)
			return -1;
		return p[1] ? 1 : 2;
	}
	return 1;
}

static int sendmail_long(struct sendmail_args *args, char *const *argv,
			 struct fault *fault)
{
	if (strcmp(argv[0], "--help") == 0) {
		args->mode = SENDMAIL_HELP;
		return 1;
	}
	if (strcmp(argv[0], "--version") == 0) {
		args->mode = SENDMAIL_VERSION;
		return 1;
	}
	if (g_str_has_prefix(argv[0], "--config=")) {
		args->config = argv[0] + strlen("--config=");
		return 1;
	}
	if (strcmp(argv[0], "--config") == 0 && argv[1]) {
		args->config = argv[1];
		return 2;
	}
	return fault_set(fault, FAULT_USAGE, "there is no option %s", argv[0]);
}

static int sendmail_recipient(struct sendmail_args *args, const char *text,
			      struct fault *fault)
{
	g_auto(GStrv) addresses = NULL;

	if (!sendmail_is_clean(text))
		return fault_set(fault, FAULT_USAGE,
				 "a recipient has control characters");
	addresses = sendmail_split_addresses(text);
	for (char **address = addresses; *address; address++)
		envelope_add(args->envelope, *address)->notify =
			args->envelope->notify;
	return 0;
}

static void sendmail_name(struct sendmail_args *args, const char *program)
{
	g_autofree char *name = g_path_get_basename(program);

	if (strcmp(name, "mailq") == 0)
		args->mode = SENDMAIL_QUEUE;
	else if (strcmp(name, "newaliases") == 0)
		args->mode = SENDMAIL_NOTHING;
}

static int sendmail_args_fill(int argc, char *const *argv,
			      struct sendmail_args *args, struct fault *fault)
{
	int i = 1;

	if (argc > 0)
		sendmail_name(args, argv[0]);
	while (i < argc && argv[i][0] == '-' && argv[i][1]) {
		int took;

		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		took = argv[i][1] == '-'
			       ? sendmail_long(args, argv + i, fault)
			       : sendmail_short(args, argv + i, fault);
		if (took < 0)
			return -1;
		i += took;
	}
	for (; i < argc; i++)
		if (sendmail_recipient(args, argv[i], fault) != 0)
			return -1;
	if (args->mode == SENDMAIL_SUBMIT && !args->envelope->extract &&
	    !args->envelope->recipients->len)
		return fault_set(fault, FAULT_USAGE,
				 "name recipients, or use -t to take them from "
				 "the message");
	return 0;
}

int sendmail_args_parse(int argc, char *const *argv,
			struct sendmail_args *ret_args, struct fault *fault)
{
	struct sendmail_args args = {
		.mode = SENDMAIL_SUBMIT,
		.envelope = envelope_new(),
	};

	if (sendmail_args_fill(argc, argv, &args, fault) != 0) {
		sendmail_args_clear(&args);
		return -1;
	}
	*ret_args = args;
	return 0;
}
