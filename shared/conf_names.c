/*
 * The names that the configuration may leave out.  Asking for that of the
 * machine may mean asking a name server, so it is a step of its own.
 */
#include "conf.h"

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

/* The fully qualified name of this machine: what getaddrinfo(3) makes of
 * gethostname(2), if that has a dot. */
static char *conf_machine_name(void)
{
	char name[256] = "localhost";
	struct addrinfo hints = {.ai_flags = AI_CANONNAME};
	struct addrinfo *info = NULL;
	char *result;

	if (gethostname(name, sizeof(name) - 1) < 0)
		return g_strdup("localhost");
	if (strchr(name, '.') || getaddrinfo(name, NULL, &hints, &info) != 0)
		return g_strdup(name);
	result = g_strdup(info && info->ai_canonname ? info->ai_canonname
						     : name);
	freeaddrinfo(info);
	return result;
}

static void conf_compute_defaults(struct conf *conf)
{
	if (!*conf->hostname) {
		g_free(conf->hostname);
		conf->hostname = conf_machine_name();
	}
	if (!*conf->origin) {
		g_free(conf->origin);
		conf->origin = g_strdup(conf->hostname);
	}
	if (!*conf->postmaster) {
		g_free(conf->postmaster);
		conf->postmaster =
			g_strdup_printf("postmaster@%s", conf->origin);
	}
}

/* Labels of letters, digits and '-' inside (RFC 5321 2.3.5, RFC 5890 for what
 * is not ASCII), also '_', which machines have in their names. */
static bool conf_is_domain(const char *name)
{
	g_auto(GStrv) labels = g_strsplit(name, ".", -1);
	size_t count = g_strv_length(labels);

	/* One dot may end it. */
	if (count > 1 && !*labels[count - 1])
		count--;
	if (strlen(name) > 255)
		return false;
	for (size_t i = 0; i < count; i++) {
		const char *label = labels[i];
		size_t len = strlen(label);

		if (len == 0 || len > 63 || label[0] == '-' ||
		    label[len - 1] == '-')
			return false;
		for (const char *p = label; *p; p = g_utf8_next_char(p)) {
			gunichar c = g_utf8_get_char(p);

			if (c != '-' && c != '_' && !g_unichar_isalnum(c) &&
			    !g_unichar_ismark(c))
				return false;
		}
	}
	return count > 0;
}

static bool conf_is_charset(const char *name)
{
	GIConv converter;

	/* The default is one, and its module need not be loaded to say so. */
	if (strcmp(name, "windows-1252") == 0)
		return true;
	converter = g_iconv_open("UTF-8", name);
	if (converter == (GIConv)-1)
		return false;
	(void)g_iconv_close(converter);
	return true;
}

static bool conf_is_mailbox(const char *address)
{
	const char *at = strchr(address, '@');

	/* What is no domain may have a second '@'. */
	return !strpbrk(address, " \t<>,;") &&
	       (!at || (at != address && conf_is_domain(at + 1)));
}

/* RFC 5322 2.2: printable US-ASCII without blanks and colons. */
static bool conf_is_field_name(const char *name)
{
	for (; *name; name++)
		if (*name <= ' ' || *name > '~' || *name == ':')
			return false;
	return true;
}

/* Names that are well written but name nothing; those that nobody set are
 * empty. */
static void conf_check_names(const struct conf *conf, GPtrArray *faults,
			     struct fault *first)
{
	const struct {
		const char *key;
		const char *value;
		bool (*is)(const char *value);
		const char *expected;
	} rows[] = {
		{"hostname", conf->hostname, conf_is_domain,
		 "a host name such as mail.example.org"},
		{"origin", conf->origin, conf_is_domain,
		 "a domain such as example.org"},
		{"postmaster", conf->postmaster, conf_is_mailbox,
		 "an address such as postmaster@example.org"},
		{"default_charset", conf->default_charset, conf_is_charset,
		 "a charset that iconv(1) -l lists, such as iso-8859-15"},
		{"spam_header_name", conf->spam_header_name, conf_is_field_name,
		 "the name of a header field such as X-Spam-Status"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = NULL;

		if (!*rows[i].value || rows[i].is(rows[i].value))
			continue;
		text = g_strdup_printf("\"%s\" is not %s", rows[i].value,
				       rows[i].expected);
		conf_add_fault(conf, rows[i].key, text, faults, first);
	}
}

int conf_load(const char *path, const char *const *overrides,
	      struct conf **ret_conf, GPtrArray *faults, struct fault *fault)
{
	AUTO(conf) conf = NULL;
	struct fault first = {0};

	if (conf_read(path, overrides, &conf, faults, &first) == 0 || conf)
		conf_check_names(conf, faults, &first);
	if (conf)
		conf_compute_defaults(conf);
	if (first.kind == FAULT_NONE || faults)
		*ret_conf = g_steal_pointer(&conf);
	if (first.kind == FAULT_NONE)
		return 0;
	if (fault)
		*fault = first;
	return -1;
}
