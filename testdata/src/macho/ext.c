/* An extension module: CPython's symbols are left to be found at run time. */
const char *outer(void);
void *PyModule_Create2(void *definition, int version);
extern int Py_Version;

struct {
  long head[5];
  const char *name;
  const char *doc;
  long rest[6];
} module = {{1}, "_ext", "a module", {-1}};

void *PyInit__ext(void) {
  module.doc = Py_Version ? outer() : module.doc;
  return PyModule_Create2(&module, 1013);
}
