# bpf_object(name source): compiles a BPF source, embeds it as a libbpf skeleton.
#
# Result: an interface library bpf_<name>; linking it makes <name>.skel.h includable (as a system
# header: the generated code does not meet our warning flags).
#
# clang compiles for the BPF target, bpftool writes the skeleton. On Ubuntu /usr/sbin/bpftool is a
# wrapper that refuses to run when the kernel's own tools are missing; any real bpftool will do.
find_program(BPF_CLANG NAMES clang clang-19 clang-18 clang-16 clang-15 clang-14 REQUIRED)
file(GLOB real_bpftools /usr/lib/linux-tools/*/bpftool /usr/lib/linux-tools-*/bpftool)
if(real_bpftools)
  list(SORT real_bpftools)
  list(GET real_bpftools -1 BPFTOOL)
else()
  find_program(BPFTOOL NAMES bpftool PATHS /usr/sbin /usr/local/sbin REQUIRED)
endif()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(BPF_ARCH x86)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(BPF_ARCH arm64)
else()
  message(FATAL_ERROR "bprof-perf runs on x86-64 and arm64, not on ${CMAKE_SYSTEM_PROCESSOR}")
endif()

function(bpf_object name source)
  set(dir ${CMAKE_BINARY_DIR}/bpf)
  set(object ${dir}/${name}.bpf.o)
  set(skeleton ${dir}/${name}.skel.h)
  file(MAKE_DIRECTORY ${dir})
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${BPF_CLANG} -target bpf -mcpu=v3 -g -O2 -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Werror
            -D__TARGET_ARCH_${BPF_ARCH} -I${CMAKE_SOURCE_DIR}/include -I${CMAKE_SOURCE_DIR}/bpf
            -MD -MF ${object}.d -c ${CMAKE_SOURCE_DIR}/${source} -o ${object}
    DEPENDS ${CMAKE_SOURCE_DIR}/${source}
    DEPFILE ${object}.d
    COMMENT "BPF ${source}"
    VERBATIM)
  # The skeleton reaches its users by rename, so that a failed bpftool leaves nothing half-written.
  add_custom_command(
    OUTPUT ${skeleton}
    COMMAND ${BPFTOOL} gen skeleton ${object} name ${name}_bpf > ${skeleton}.tmp
    COMMAND ${CMAKE_COMMAND} -E rename ${skeleton}.tmp ${skeleton}
    DEPENDS ${object}
    COMMENT "Skeleton ${name}.skel.h"
    VERBATIM)
  add_custom_target(bpf_${name}_skeleton DEPENDS ${skeleton})
  add_library(bpf_${name} INTERFACE)
  add_dependencies(bpf_${name} bpf_${name}_skeleton)
  target_include_directories(bpf_${name} SYSTEM INTERFACE ${dir})
endfunction()
