#define _GNU_SOURCE

#include "cncurses.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static int is_utf8(void) { return strcmp(nl_langinfo(CODESET), "UTF-8") == 0; }

static int asks_for_utf8(void) {
    const char *names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value && *value) return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return 0;
}

int cnc_adopt_locale(void) {
    setlocale(LC_CTYPE, "");
    // ssh hands over the name of a locale that the far machine often lacks.
    if (!is_utf8() && asks_for_utf8()) setlocale(LC_CTYPE, "C.UTF-8");
    return is_utf8();
}

int cnc_width(uint32_t scalar) { return wcwidth((wchar_t)scalar); }
