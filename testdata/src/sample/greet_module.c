/* The extension module sample._greet, for the limited API of CPython 3.11. */
#define Py_LIMITED_API 0x030b0000
#include <Python.h>

int greet(const char *name, char *line, int size);

static PyObject *module_greet(PyObject *module, PyObject *name) {
    const char *text = PyUnicode_AsUTF8AndSize(name, NULL);
    char line[256];
    (void)module;
    if (!text)
        return NULL;
    if (greet(text, line, sizeof line))
        return PyErr_Format(PyExc_ValueError, "the name is too long");
    return PyUnicode_FromString(line);
}

static PyMethodDef methods[] = {
    {"greet", module_greet, METH_O, "Greet somebody by name."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "sample._greet", "Greets.", 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__greet(void) { return PyModuleDef_Init(&definition); }
