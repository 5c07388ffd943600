/* The last link of the chain: data and functions that others bind to. */
#define EACH(ITEM)                                                                                 \
  ITEM(1) ITEM(2) ITEM(3) ITEM(4) ITEM(5) ITEM(6) ITEM(7) ITEM(8) ITEM(9) ITEM(10) ITEM(11)        \
  ITEM(12) ITEM(13) ITEM(14) ITEM(15) ITEM(16) ITEM(17) ITEM(18) ITEM(19) ITEM(20)
#define DEFINE(N)                                                                                  \
  __declspec(dllexport) int inner##N(void) { return N; }

__declspec(dllexport) int inner_value = 42;

__declspec(dllexport) const char *inner(void) { return "inner"; }

EACH(DEFINE)
