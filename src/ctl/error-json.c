/* SPDX-License-Identifier: MIT */
/* Errors as JSON: see error-json.h. */
#include "error-json.h"

#include "error.h"
#include "text.h"

json_t *json_text(const char *text)
{
	json_t *string = json_string(text);
	struct text repaired = { 0 };

	if (string)
		return string;
	/* Of text that is not UTF-8 as a whole, ASCII is what surely means what it says. */
	for (; *text; text++) {
		if ((unsigned char)*text < 0x80)
			text_append(&repaired, text, 1);
		else
			text_append(&repaired, "\xef\xbf\xbd", 3);
	}
	if (!repaired.error)
		string = json_stringn(repaired.data, repaired.length);
	text_free(&repaired);
	return string;
}

json_t *error_to_json(const struct mpol_error *error)
{
	return json_pack("{s:s, s:i, s:o, s:o, s:o, s:o}", "code", error_name(error->code), "errno",
			 -error->code, "step", json_text(error->step), "object",
			 json_text(error->object), "cause", json_text(error->cause), "advice",
			 json_text(error->advice));
}

bool error_from_json(const json_t *object, struct mpol_error *ret)
{
	const char *step, *on, *cause, *advice;
	int code;

	if (json_unpack((json_t *)object, "{s:i, s:s, s:s, s:s, s:s}", "errno", &code, "step",
			&step, "object", &on, "cause", &cause, "advice", &advice) < 0 ||
	    code <= 0 || code > 4095)
		return false;
	error_set(ret, -code, step, "%s", cause);
	error_on(ret, "%s", on);
	error_advise(ret, "%s", advice);
	return true;
}
