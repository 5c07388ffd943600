/* Needs inner: 21 functions of it, each called through an import address. */
#define EACH(ITEM)                                                                                 \
  ITEM(1) ITEM(2) ITEM(3) ITEM(4) ITEM(5) ITEM(6) ITEM(7) ITEM(8) ITEM(9) ITEM(10) ITEM(11)        \
  ITEM(12) ITEM(13) ITEM(14) ITEM(15) ITEM(16) ITEM(17) ITEM(18) ITEM(19) ITEM(20)
#define DECLARE(N) __declspec(dllimport) int inner##N(void);
#define CALL(N) +inner##N()

EACH(DECLARE)
__declspec(dllimport) const char *inner(void);

__declspec(dllexport) const char *outer_names[2] = {"outer", "names"};

__declspec(dllexport) const char *outer(void) { return inner(); }

__declspec(dllexport) int outer_sum(void) { return 0 EACH(CALL); }
