/* Needs libinner: its function, and its thread-local variable across the library's border. */
#include <string.h>

extern __thread int inner_counter;
const char *inner_word(void);

__thread int outer_counter = 1;
static __thread char line[64];

const char *outer_line(void) {
    const char *word = inner_word();
    int sum = inner_counter + outer_counter;
    char digits[] = {' ', (char)('0' + sum / 10 % 10), (char)('0' + sum % 10), 0};
    strcpy(line, "outer ");
    strcat(line, word);
    return strcat(line, digits);
}
