/*
 * Delivery status notifications, as far as no relay host is needed.
 */
#include "report.h"

#include <criterion/criterion.h>

/* Those that conversion gives the same report (shared/convert/report.c). */
Test(report, has_its_class_without_conversion)
{
	static const struct {
		enum report_action action;
		const char *class;
	} cases[] = {
		{REPORT_FAILED, "REPORT.IPM.Note.NDR"},
		{REPORT_DELAYED, "REPORT.IPM.Note.Delayed.DR"},
		{REPORT_RELAYED, "REPORT.IPM.Note.Relayed.DR"},
		{REPORT_SENT, "REPORT.IPM.Note.Relayed.DR"},
		{REPORT_DELIVERED, "REPORT.IPM.Note.DR"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		AUTO(propset) set = propset_new();

		propset_set_text(set, PR_MESSAGE_CLASS, "IPM.Note");
		report_set_class(set, cases[i].action);
		cr_expect_str_eq(propset_text(set, PR_MESSAGE_CLASS),
				 cases[i].class);
	}
}

Test(report, keeps_the_class_that_conversion_gave_it)
{
	AUTO(propset) set = propset_new();

	propset_set_text(set, PR_MESSAGE_CLASS, "REPORT.IPM.Note.Expanded.DR");
	report_set_class(set, REPORT_FAILED);
	cr_expect_str_eq(propset_text(set, PR_MESSAGE_CLASS),
			 "REPORT.IPM.Note.Expanded.DR");
}
