/*
 * okapi-admin: the command table and what a command may ask for.
 *
 * Each noun is one file with one table of commands; the table gives parser,
 * usage texts and dispatch.  A command is one small function: it takes the
 * arguments that the parser has checked against the table, does its work and
 * prints; on failure it returns -1 with a fault, whose kind is the exit code.
 */
#ifndef OKAPI_ADMIN_H
#define OKAPI_ADMIN_H

#include "base.h"
#include "fault.h"
#include "store/store.h"

struct conf;
struct helper_pool;
struct store_user;

/* An option of one command, "--name ARG". */
struct command_option {
	const char *name; /* without the dashes */
	const char *arg;  /* what its value is called, NULL: it takes none */
	const char *text;
	bool repeat;
};

enum command_flags {
	COMMAND_JSON = 1 << 0,   /* prints a document of its own for --json */
	COMMAND_READ = 1 << 1,   /* opens the store to read */
	COMMAND_WRITE = 1 << 2,  /* opens the store to change it */
	COMMAND_NO_CONF = 1 << 3 /* runs whatever the configuration says */
};

struct admin;

struct command {
	const char *verb; /* "" if the noun stands alone */
	/* Positional arguments: "USER PATH", "USER [FOLDER]", "USER ID..." */
	const char *args;
	const char *text;
	int (*run)(struct admin *admin, struct fault *fault);
	const struct command_option *options; /* ends with a NULL name */
	unsigned flags;
};

struct noun {
	const char *name;
	const char *text;
	const struct command *commands; /* ends with a NULL verb */
};

/* One run of the program. */
struct admin {
	const char *program;
	const char *config_path; /* -c, or NULL */
	GPtrArray *overrides;    /* -o, of borrowed strings */
	const char *as_name;     /* --as, or NULL */
	struct store_user *as;   /* the same, once the store is open */
	bool json;
	bool yes;
	const struct noun *noun;
	const struct command *command;
	GPtrArray *args;     /* positional, borrowed strings */
	GPtrArray *options;  /* of const struct command_option *, with ... */
	GPtrArray *values;   /* ... their values; "" for those without */
	struct conf *conf;   /* once admin_conf() was called */
	struct store *store; /* once it is open */
	struct helper_pool *pool;
	const char *password; /* zarafa-admin -p */
	bool told;            /* what went wrong is printed already */
};

/* Runs the program; returns its exit code. */
int admin_main(int argc, char **argv);
/* zarafa-admin's flags, turned into one command. */
int zarafa_main(int argc, char **argv);
/* One command whose arguments come from a translator (argv[0] is the
 * program); password as with --password-file, or NULL. */
int admin_run(int argc, char **argv, const char *password);

/* The table. */
const struct noun *const *command_nouns(void); /* NULL-terminated */
const struct noun *command_find_noun(const char *name);
const struct command *command_find(const struct noun *noun, const char *verb);
/* Parses argv[1..] into admin (fresh, zeroed but for program).  Pure.  Sets
 * noun and command; *ret_help if help is asked for (either may be NULL). */
NODISCARD int command_parse(struct admin *admin, int argc, char **argv,
			    bool *ret_help, bool *ret_version,
			    struct fault *fault);
void admin_clear(struct admin *admin);

/* Usage texts, made from the table, on stdout. */
void usage_program(void);
/* All of a noun, or one of its commands. */
void usage_noun(const struct noun *noun, const struct command *only);
/* The table itself, as JSON. */
void usage_json(void);

/* ---- what commands ask for ---- */

/* The i-th positional argument, NULL if it was left out. */
const char *admin_arg(const struct admin *admin, size_t i);
bool admin_has(const struct admin *admin, const char *option);
/* The (last) value of an option, NULL if it was not given. */
const char *admin_option(const struct admin *admin, const char *option);
/* All values of a repeatable option, NULL-terminated; owned array. */
const char **admin_option_all(const struct admin *admin, const char *option);
/* A positive whole number, as message and queue ids are. */
NODISCARD int admin_number(const char *what, const char *text,
			   int64_t *ret_number, struct fault *fault);

/* Makes a fault of the store FAULT_NOT_ALLOWED if what is wrong is that the
 * caller may not access the path; returns -1. */
int admin_not_allowed(const char *path, int mode, struct fault *fault);
/* Opens the store (once), as the command's flags did not: for one that changes
 * it only if told to. */
NODISCARD int admin_open_for(struct admin *admin, bool write,
			     struct fault *fault);
/* Reads the configuration (once). */
NODISCARD int admin_conf(struct admin *admin, struct fault *fault);
/* The same for what can do without: one that nobody named on the command line
 * is not allowed to be in the way, then the defaults hold. */
NODISCARD int admin_conf_if_named(struct admin *admin, struct fault *fault);
/* The helpers that convert messages (started once). */
NODISCARD int admin_pool(struct admin *admin, struct fault *fault);
/* The user that the i-th argument names; owned. */
NODISCARD int admin_user(struct admin *admin, size_t i,
			 struct store_user **ret_user, struct fault *fault);
/* A folder of that user by path. */
NODISCARD int admin_folder(struct admin *admin, const struct store_user *user,
			   const char *path, int64_t *ret_folder,
			   struct fault *fault);
/* The same, or with "/" the top of the user's store, with "Public" that of the
 * public one. */
NODISCARD int admin_place(struct admin *admin, const struct store_user *user,
			  const char *path, int64_t *ret_folder,
			  struct fault *fault);
/* A folder with the store it is in: the user's, or the public one.  path NULL:
 * all of the user's store, folder 0. */
NODISCARD int admin_folder_in(struct admin *admin,
			      const struct store_user *user, const char *path,
			      int64_t *ret_store, int64_t *ret_folder,
			      struct fault *fault);
/*
 * Asks on the terminal, or takes --yes.  -1 if the answer is no
 * (FAULT_NOT_ALLOWED) or nobody can be asked (FAULT_USAGE).
 */
NODISCARD int admin_confirm(struct admin *admin, struct fault *fault,
			    const char *format, ...) PRINTF_LIKE(3, 4);
/* A whole file, or stdin for "-"; at most limit octets.  FAULT_NOT_FOUND. */
NODISCARD int admin_read_file(const char *path, size_t limit,
			      GBytes **ret_bytes, struct fault *fault);
/* What a command did, as {"NAME": NUMBER} if --json is given, and if not as the
 * line of text. */
void admin_tell(const struct admin *admin, const char *name, int64_t number,
		const char *format, ...) PRINTF_LIKE(4, 5);
/* stdout is complete and without an error. */
NODISCARD int admin_flush(struct fault *fault);

/* ---- the nouns ---- */
extern const struct noun noun_init, noun_user, noun_group, noun_folder,
	noun_acl, noun_mail, noun_rule, noun_oof, noun_junk, noun_contact,
	noun_queue, noun_quota, noun_store, noun_config, noun_convert,
	noun_watch, noun_changes, noun_completion;

/* Ceiling of what is read into memory at once. */
#define ADMIN_FILE_MAX (INT64_C(2047) * BYTES_PER_MB)

#endif
