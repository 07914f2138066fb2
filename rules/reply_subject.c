/*
 * Putting the message's subject into the template.
 */
#include "reply_subject.h"

#include <string.h>

#define SUBJECT_VARIABLE "%{subject}"
/* Where the site has none it is what the options have from the start. */
#define SUBJECT_NONE     "Automated reply"
#define SUBJECT_TEMPLATE "Auto: " SUBJECT_VARIABLE

int sieve_reply_subject_check(const struct conf *conf, struct fault *fault)
{
	const char *template = conf->vacation_default_subject_template;

	for (const char *p = strstr(template, "%{"); p; p = strstr(p + 1, "%{"))
		if (!g_str_has_prefix(p, SUBJECT_VARIABLE))
			return fault_set(fault, FAULT_CONFIG,
					 "vacation_default_subject_template: "
					 "\"%.80s\" is not %s",
					 p, SUBJECT_VARIABLE);
	return 0;
}

static const char *or_else(const char *setting, const char *otherwise)
{
	return *setting ? setting : otherwise;
}

char *sieve_reply_subject_default(const struct conf *conf, const char *original)
{
	g_auto(GStrv) around = NULL;

	if (!original || !*original)
		return g_strdup(
			or_else(conf->vacation_default_subject, SUBJECT_NONE));
	around = g_strsplit(or_else(conf->vacation_default_subject_template,
				    SUBJECT_TEMPLATE),
			    SUBJECT_VARIABLE, -1);
	return g_strjoinv(original, around);
}
