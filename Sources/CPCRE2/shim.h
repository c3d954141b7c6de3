// PCRE2's 8-bit names: the header makes them by macros, which Swift does not import.
#pragma once
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
