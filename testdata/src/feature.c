/* A library with a bit of everything: data, zeros, TLS, a relocated pointer, a need from outside. */
#include <string.h>

const char *inner_word(void);

static __thread char line[32] = "feature ";
static volatile char zeros[256];
static const char *volatile words[] = {"one", "two"};

const char *feature(void) {
    if (zeros[255] || words[1][0] != 't')
        return "data is not what it was";
    return strcat(line, inner_word());
}
