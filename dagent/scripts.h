/*
 * Compiled Sieve scripts, kept as long as their text does not change: rules by
 * their version, files by what stat(2) says.  Thread-safe.
 */
#ifndef OKAPI_DAGENT_SCRIPTS_H
#define OKAPI_DAGENT_SCRIPTS_H

#include "base.h"
#include "fault.h"

struct sieve_script;
struct store_rule;

/* A compiled script, or why it could not be; shared, immutable. */
struct script {
	gint references;
	struct sieve_script *compiled; /* NULL: error says why */
	char *name;
	char *error; /* "line:column: text" */
};
struct script *script_ref(struct script *script);
void script_unref(struct script *script);
/* About how many octets of memory it takes. */
size_t script_size(const struct script *script);

struct scripts;
struct scripts *scripts_new(void);
void scripts_free(struct scripts *scripts);

/* Both: owned, script_unref(). */
struct script *scripts_of_rule(struct scripts *scripts,
			       const struct store_rule *rule);
/* sieve_before, sieve_after.  A file that cannot be read is a temporary
 * fault: it may come back. */
NODISCARD int scripts_of_file(struct scripts *scripts, const char *path,
			      struct script **ret_script, struct fault *fault);

#endif
