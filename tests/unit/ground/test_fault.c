/*
 * Faults: the table that MTAs see.
 */
#include "fault.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(fault, the_table_agrees_with_itself)
{
	for (int kind = FAULT_NONE; kind < FAULT_KINDS; kind++) {
		struct fault fault = {.kind = (enum fault_kind)kind};
		const char *status = fault_status(&fault);

		cr_assert_not_null(status, "kind %d has no row", kind);
		cr_assert_eq(status[0] - '0', (int)fault_class(&fault));
		cr_assert_eq(fault_reply(&fault) / 100, status[0] - '0',
			     "kind %d", kind);
		if (fault_is_temporary(&fault))
			cr_assert(fault_exit(&fault) == 75 ||
					  fault_exit(&fault) == 78,
				  "kind %d", kind);
	}
}

Test(fault, rows_of_the_contract)
{
	static const struct {
		enum fault_kind kind;
		const char *status;
		int reply, exit;
	} rows[] = {
		{FAULT_NO_RECIPIENT, "5.1.1", 550, 67},
		{FAULT_MAILBOX_FULL, "5.2.2", 552, 73},
		{FAULT_FULL_FOR_NOW, "4.2.2", 452, 75},
		{FAULT_STORE_BUSY, "4.3.0", 451, 75},
		{FAULT_DISK_FULL, "4.3.1", 452, 75},
		{FAULT_TOO_BIG, "5.3.4", 552, 65},
		{FAULT_NOT_A_MESSAGE, "5.6.0", 554, 65},
		{FAULT_REJECTED, "5.7.1", 550, 77},
		{FAULT_NOT_YOURS, "4.7.1", 451, 75},
		{FAULT_TOO_MANY_RCPTS, "5.5.3", 554, 65},
		{FAULT_LOOP, "5.4.6", 554, 65},
		{FAULT_TOO_MANY_ERRORS, "4.7.0", 421, 75},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct fault fault = {.kind = rows[i].kind};

		cr_assert_str_eq(fault_status(&fault), rows[i].status);
		cr_assert_eq(fault_reply(&fault), rows[i].reply);
		cr_assert_eq(fault_exit(&fault), rows[i].exit);
	}
}

Test(fault, text_is_one_line)
{
	struct fault fault = {0};

	cr_assert_eq(fault_set(&fault, FAULT_IO, "a\r\nb\tc\x7f"), -1);
	cr_assert_str_eq(fault.text, "a  b c ");
	fault_prefix(&fault, "%s", "reading");
	cr_assert_str_eq(fault.text, "reading: a  b c ");
	cr_assert_eq(fault.kind, FAULT_IO);
}

Test(fault, a_full_disk_is_told_apart)
{
	struct fault fault = {0};

	fault_set_errno(&fault, FAULT_IO, ENOSPC, "writing %s", "x");
	cr_assert_eq(fault.kind, FAULT_DISK_FULL);
	fault_set_errno(&fault, FAULT_IO, EACCES, "writing %s", "x");
	cr_assert_eq(fault.kind, FAULT_IO);
	cr_assert(strstr(fault.text, "writing x: ") == fault.text);
}

Test(fault, long_text_is_cut)
{
	struct fault fault = {0};
	g_autofree char *text = g_strnfill(10000, 'x');

	fault_set(&fault, FAULT_IO, "%s", text);
	cr_assert_eq(strlen(fault.text), FAULT_TEXT_MAX - 1);
	fault_set(NULL, FAULT_IO, "nobody wants to know");
}
