/* What linkers call for a delay-loaded function, without a C library: load, look up, remember.
   Both structures are those of the PE format's delay-load import tables. */
typedef __SIZE_TYPE__ word;
struct descriptor {
  unsigned attributes, name, module, addresses, names, bound, unload, timestamp;
};

__declspec(dllimport) void *__stdcall LoadLibraryA(const char *name);
__declspec(dllimport) void *__stdcall GetProcAddress(void *module, const char *name);
extern char __ImageBase[]; /* not const: what lies behind it is written to */

void *__stdcall __delayLoadHelper2(const struct descriptor *from, void **address) {
  void **first = (void **)(__ImageBase + from->addresses);
  const word *names = (const word *)(__ImageBase + from->names);
  void **module = (void **)(__ImageBase + from->module);
  if (!*module)
    *module = LoadLibraryA(__ImageBase + from->name);
  return *address = GetProcAddress(*module, __ImageBase + names[address - first] + 2);
}
