/*
 * okapi-admin convert: what conversion makes of a file, without a store.
 */
#include "convert.h"

#include "admin.h"
#include "conf.h"
#include "convert/helper.h"
#include "eml.h"
#include "json_out.h"
#include "print.h"

#include <stdio.h>
#include <string.h>

int convert_message(struct admin *admin, GBytes *rfc822, unsigned flags,
		    struct propset **ret_set, struct fault *fault)
{
	struct convert_options options = {
		.flags = flags,
		.default_charset = admin->conf->default_charset,
	};
	struct fault problem = {0};

	if (admin->conf->trust_exchange_headers)
		options.flags |= CONVERT_TRUSTED;
	if (admin_pool(admin, fault) < 0)
		return -1;
	if (helper_to_propset(admin->pool, rfc822, -1, &options, ret_set,
			      &problem) < 0)
		fprintf(stderr,
			"okapi-admin: not converted, kept whole as an "
			"attachment: %s\n",
			problem.text);
	return 0;
}

static void convert_put(GBytes *bytes)
{
	gsize size = 0;
	const void *data = g_bytes_get_data(bytes, &size);

	if (size)
		fwrite(data, 1, size, stdout);
}

static int convert_again(struct admin *admin, const struct propset *set,
			 struct fault *fault)
{
	g_autoptr(GBytes) composed = NULL;

	if (admin_pool(admin, fault) < 0 ||
	    helper_to_rfc822(admin->pool, set, &composed, fault) < 0)
		return -1;
	convert_put(composed);
	return 0;
}

static int convert_one_form(const struct admin *admin, struct fault *fault)
{
	int forms = admin_has(admin, "props") + admin_has(admin, "raw") +
		    admin_has(admin, "rfc822");

	/* --props --json is one form, as in mail show. */
	if (forms > 1 || (admin->json && forms && !admin_has(admin, "props")))
		return fault_set(fault, FAULT_USAGE,
				 "--props, --json, --raw and --rfc822 exclude "
				 "each other");
	return 0;
}

static int convert_run(struct admin *admin, struct fault *fault)
{
	g_autoptr(GBytes) file = NULL;
	g_autoptr(GBytes) message = NULL;
	AUTO(propset) set = NULL;
	bool data = admin_has(admin, "data") || admin_has(admin, "rfc822");

	if (convert_one_form(admin, fault) < 0 ||
	    admin_conf_if_named(admin, fault) < 0 ||
	    admin_read_file(admin_arg(admin, 0), ADMIN_FILE_MAX, &file, fault) <
		    0)
		return -1;
	if (admin_has(admin, "rfc822") && propset_is_json(file)) {
		if (propset_from_json_file(file, admin_arg(admin, 0), &set,
					   fault) < 0)
			return -1;
		return convert_again(admin, set, fault);
	}
	message = eml_of_file(file);
	if (g_bytes_get_size(message) == 0)
		return fault_set(fault, FAULT_NOT_A_MESSAGE,
				 "%s: no message, it is empty",
				 admin_arg(admin, 0));
	if (admin_has(admin, "raw")) {
		convert_put(message);
		return 0;
	}
	if (convert_message(admin, message, CONVERT_DATA | CONVERT_BODIES, &set,
			    fault) < 0)
		return -1;
	if (admin_has(admin, "rfc822"))
		return convert_again(admin, set, fault);
	if (admin->json)
		print_json(propset_to_json(set, data));
	else
		propset_print(set, data);
	return 0;
}

static const struct command_option convert_options[] = {
	{"props", NULL, "the properties, one a line (default)", false},
	{"raw", NULL, "the message as the stdin door would store it", false},
	{"rfc822", NULL,
	 "the message composed anew from its properties; FILE may be a "
	 "property set, as --json prints it",
	 false},
	{"data", NULL, "with the bytes of large binary values", false},
	{0}};

static const struct command convert_commands[] = {
	{"", "FILE|-", "shows what conversion makes of a message", convert_run,
	 convert_options, COMMAND_JSON | COMMAND_NO_CONF},
	{0}};

const struct noun noun_convert = {"convert", "conversion of a file",
				  convert_commands};
