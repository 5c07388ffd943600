/* IMAGE_LOAD_CONFIG_DIRECTORY as far as CHPEMetadataPointer; the linker fills it in. */
typedef __SIZE_TYPE__ word;
const struct {
  unsigned size, timestamp;
  unsigned short major, minor;
  unsigned clear, set, timeout;
  word heap[5];
#if __SIZEOF_POINTER__ == 8
  word affinity;
  unsigned heap_flags;
#else
  unsigned heap_flags;
  word affinity;
#endif
  unsigned short pack, dependent_load_flags;
  word list, cookie, handlers, handler_count, check, dispatch, table, count;
  unsigned guard_flags;
  unsigned char integrity[12];
  word guard[4], relocations, hybrid;
} _load_config_used = {sizeof _load_config_used};
