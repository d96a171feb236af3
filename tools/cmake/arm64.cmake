# Toolchain file: builds for arm64 Linux on another machine.
#
#	cmake -B build-arm64 --toolchain tools/cmake/arm64.cmake -DCMAKE_SYSROOT=DIRECTORY
#
# DIRECTORY is the root of an arm64 Debian 12 that holds the -dev packages of tools/lib/setup.sh,
# build_packages(); tools/arm64 makes one. CMAKE_SYSROOT reaches the compiler, pkg-config and find_*()
# alike, so nothing of this machine's own libraries gets in.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

# try_compile() runs this file again without the command line's variables.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES CMAKE_SYSROOT)
if(NOT CMAKE_SYSROOT)
  message(FATAL_ERROR "Say where the arm64 libraries are: -DCMAKE_SYSROOT=DIRECTORY")
endif()

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${CMAKE_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR}
  ${CMAKE_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${CMAKE_SYSROOT}/usr/share/pkgconfig)
