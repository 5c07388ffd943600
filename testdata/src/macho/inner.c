/* The last link of the chain: data and a function that others bind to. */
int inner_value = 42;

const char *inner(void) { return "inner"; }
