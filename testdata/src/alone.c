/* Needs nobody: for static programs, objects and archives. */
int alone(void) { return 42; }

int main(void) { return alone() != 42; }
