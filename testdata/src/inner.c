/* The last link of the chain: a versioned function and a versioned thread-local variable. */
#include <string.h>

__thread int inner_counter = 40;
static __thread char word[8];
static const char *volatile source = "inner";

const char *inner_word(void) {
    inner_counter += 1;
    return strcpy(word, source);
}
