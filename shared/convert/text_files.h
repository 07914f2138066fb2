/*
 * Files that somebody wrote into the text itself: uuencode, yEnc.  Private to
 * shared/convert.
 */
#ifndef OKAPI_CONVERT_TEXT_FILES_H
#define OKAPI_CONVERT_TEXT_FILES_H

#include "mime.h"

#define TEXT_FILES_MAX 1000

struct text_file {
	char *name; /* as written: UTF-8 only by chance */
	GBytes *bytes;
};

/*
 * Takes them out of text, whose transfer encoding is undone: files (of struct
 * text_file, owned) gets those that are whole; what is left of the text is
 * owned.  A block with anything wrong in it stays text.  Linear.
 */
GBytes *text_files_take(GBytes *text, GPtrArray **ret_files);

#endif
