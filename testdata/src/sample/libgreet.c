/* libgreet.so.1: makes the greeting; its word comes from libword. */
#include <string.h>

const char *word(void);

int greet(const char *name, char *line, int size) {
    if (strlen(word()) + strlen(name) + sizeof ", !" > (unsigned)size)
        return -1;
    strcpy(line, word());
    strcat(line, ", ");
    strcat(line, name);
    strcat(line, "!");
    return 0;
}
