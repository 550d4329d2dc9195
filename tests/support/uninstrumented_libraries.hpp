// For tests that call libvips in their own process: the thread sanitizer does not see the locks
// inside libraries that were not built with it. Include once in a test program.
#pragma once

#ifdef MADANG_SANITIZED
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "race:libvips.so\nrace:libglib-2.0.so\nrace:libgobject-2.0.so\nrace:libpng16.so\n"
         "race:libspng.so\nrace:libjpeg.so\nrace:libwebp.so\nrace:libwebpmux.so\nrace:libwebpdemux."
         "so\nrace:libz.so\n"
         "race:liborc-0.4.so\nrace:liblcms2.so\nmutex:libglib-2.0.so\nthread:libglib-2.0.so\n";
}
#endif
