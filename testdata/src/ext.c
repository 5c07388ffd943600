/* What an extension module is to the loader: a library in the wheel that needs one from outside. */
#include <string.h>

extern __thread int outer_counter;
const char *outer_line(void);

static __thread char line[96];

const char *ext_line(void) {
    if (outer_counter != 1)
        return "ext: outer_counter is not what libouter made it";
    strcpy(line, "ext ");
    return strcat(line, outer_line());
}
