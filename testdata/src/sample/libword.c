/* libword.so.2: one word, thread-local so that it can change, and versioned. */
#include <string.h>

static __thread char greeting[8];

const char *word(void) { return strcpy(greeting, "Hello"); }
