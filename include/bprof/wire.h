/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The records of a run: what the kernel side writes into the ring, and what a recording keeps.
 *
 * Grammar of a recording:
 *
 *	recording = struct bprof_file_header , { record } , END
 *	record    = struct bprof_record , payload , zero padding to a multiple of 8
 *
 * Records below BPROF_RECORD_FACTS are made by the BPF programs and cross the ring unchanged.
 *Records from BPROF_RECORD_FACTS on are facts that die with the target (names, mappings,
 *prototypes); user space appends them in the same form. A reader skips unknown types by their size.
 *
 * Words: pid and tid are meant as in user space (the kernel calls them tgid and pid). Every time is
 * CLOCK_MONOTONIC in nanoseconds. Everything is little-endian; a variable part follows its fixed
 * struct directly and is described by a comment and a count.
 *
 * Shared by the kernel and the user side: nothing may be included here that only one of them has.
 */
#ifndef BPROF_WIRE_H
#define BPROF_WIRE_H

#ifndef BPROF_KERNEL_TYPES
#include <linux/types.h>
#endif

#define BPROF_WIRE_VERSION 2
#define BPROF_WIRE_OLDEST  1	      /* still read: its boundaries have no meters */
#define BPROF_FILE_MAGIC   "BPROFREC" /* 8 bytes, no terminator */

/* Limits: they are the policy that bounds every loop and every buffer on both sides. */
#define BPROF_MAX_FRAMES    128	   /* Lua frames of a sample */
#define BPROF_MAX_SPANS	    16	   /* busted.safe frames of a sample */
#define BPROF_MAX_FRESH	    16	   /* prototypes announced by one sample */
#define BPROF_MAX_MARK_TEXT 4096   /* bytes of one announcement, its NUL included */
#define BPROF_NO_EVENT	    "none" /* event_requested: boundaries and meters only, no samples */
#define BPROF_MAX_CHUNKNAME 256	   /* bytes of a chunk name shipped at first sight, NUL included */
#define BPROF_MAX_RECORD    (1U << 20) /* bytes of any record of a recording */
#define BPROF_MAX_VMS	    16	       /* Lua VMs of one process; a power of two */
#define BPROF_COMM_LEN	    16
#define BPROF_MAX_NATIVE    4096 /* bytes of native stack copied for one sample */
#define BPROF_MAX_REGS	    64	 /* user registers of any machine */

/* Start of a recording. */
struct bprof_file_header {
	char magic[8]; /* BPROF_FILE_MAGIC */
	__u32 version; /* BPROF_WIRE_VERSION */
	__u32 header_bytes;
	__u64 start_time_ns; /* CLOCK_MONOTONIC at the start of the run */
	__u64 started_at_ns; /* CLOCK_REALTIME at the same instant */
};

enum bprof_record_type {
	BPROF_RECORD_SAMPLE = 1,
	BPROF_RECORD_PROTO = 2,
	BPROF_RECORD_MARK = 3,
	BPROF_RECORD_FORK = 4,
	BPROF_RECORD_EXEC = 5,
	BPROF_RECORD_EXIT = 6,
	BPROF_RECORD_VM_OPEN = 7,
	BPROF_RECORD_VM_CLOSE = 8,
	BPROF_RECORD_NATIVE_STACK = 9,

	BPROF_RECORD_FACTS = 32,
	BPROF_RECORD_INFO = 32,
	BPROF_RECORD_PROTO_BODY = 33,
	BPROF_RECORD_CFUNCTION = 34,
	BPROF_RECORD_MAPPING = 35,
	BPROF_RECORD_SYMBOL = 36,
	BPROF_RECORD_ELEMENT = 37,
	BPROF_RECORD_RUNTIME = 38,
	BPROF_RECORD_COUNTERS = 39,
	BPROF_RECORD_END = 40,
	BPROF_RECORD_GC = 41,
};

/* Every record starts with this. size counts the whole record, padding included. */
struct bprof_record {
	__u32 type;
	__u32 size;
	__u64 time_ns;
};

/* ---- samples ------------------------------------------------------------------------------- */

enum bprof_family {
	BPROF_FAMILY_NONE = 0,
	BPROF_FAMILY_PUC = 1,
	BPROF_FAMILY_LUAJIT = 2,
	BPROF_NR_FAMILIES
};

/*
 * What became of the walk of one sample. OK and NO_VM are normal results; the others end in a
 * visible frame and are counted under their name. One line here is the enum, the counter and the
 * sentence.
 */
#define BPROF_WALK_STATUS_LIST(X)                                                                  \
	X(OK, "ok", "the whole stack was read and validated")                                      \
	X(NO_VM, "no_vm", "no Lua VM lives in this process (yet, or any more)")                    \
	X(IDLE, "idle", "a Lua VM lives here, but no Lua code is running on this thread")          \
	X(TRUNCATED, "truncated", "more frames than a sample holds; the root side is missing")     \
	X(NO_STATE, "no_state", "no running lua_State was found")                                  \
	X(NO_LEAF, "no_leaf", "the innermost frame could not be proved")                           \
	X(BAD_FRAME, "bad_frame", "a frame failed validation; the stack below it is missing")      \
	X(FAULT, "fault", "memory of the target could not be read")                                \
	X(NO_PROGRESS, "no_progress", "a frame chain that does not move on")                       \
	X(CHAIN, "chain", "the chain of resumed coroutines is incomplete")

enum bprof_walk_status {
#define BPROF_X(name, text, sentence) BPROF_WALK_##name,
	BPROF_WALK_STATUS_LIST(BPROF_X)
#undef BPROF_X
		BPROF_NR_WALK_STATUS
};

enum bprof_sample_flags {
	BPROF_SAMPLE_KERNEL =
		1 << 0, /* interrupted in kernel mode; registers are those of user mode */
	BPROF_SAMPLE_ON_TRACE = 1 << 1, /* LuaJIT: G->jit_base was set */
	BPROF_SAMPLE_IN_VM = 1 << 2,	/* LuaJIT: ip lies in the interpreter's assembler code */
	BPROF_SAMPLE_MAIN_CUT = 1 << 3, /* spans were cut at BPROF_MAX_SPANS */
	BPROF_SAMPLE_NO_SPANS = 1 << 4, /* spans were not looked for */
	BPROF_SAMPLE_IN_MCODE = 1 << 5, /* LuaJIT: ip lies in the machine code of a trace */
};

/*
 * Does the garbage collector of PUC Lua run? Nothing in its memory tells, only the native stack
 * does. The kernel decides most samples by a look at the words of that stack; of the rest it ships
 * a copy (BPROF_RECORD_NATIVE_STACK), which user space unwinds before it records the answer
 * (BPROF_RECORD_GC).
 */
#define BPROF_GC_LIST(X)                                                                           \
	X(UNPROVED, "the functions of this build's collector are not known")                       \
	X(OUTSIDE, "the collector does not run")                                                   \
	X(INSIDE, "the collector runs")                                                            \
	X(ASKED, "the answer stands in a record of its own")                                       \
	X(UNREAD, "the native stack could not be read to its innermost error handler")             \
	X(CUT, "the native stack is deeper than the copy of it")                                   \
	X(NO_UNWIND, "a native frame has no unwind data")

enum bprof_gc_state {
#define BPROF_X(name, sentence) BPROF_GC_##name,
	BPROF_GC_LIST(BPROF_X)
#undef BPROF_X
		BPROF_NR_GC_STATES
};

/*
 * One sample. Followed by nr_frames x struct bprof_frame (leaf first), then
 * nr_spans x struct bprof_span (leaf first).
 */
struct bprof_sample {
	struct bprof_record h;
	__u32 pid, tid;
	__u32 epoch;   /* announcements of this process so far; 0 = none */
	__s32 vmstate; /* LuaJIT: G->vmstate; PUC: enum bprof_gc_state */
	__u64 weight;  /* what this sample stands for, in units of the event (cpu-clock: ns) */
	__u64 ip;      /* user-mode instruction pointer */
	__u64 vm;      /* address of the global_State the frames belong to, 0 = none */
	__u16 nr_frames;
	__u8 nr_spans;
	__u8 status;   /* enum bprof_walk_status */
	__u8 family;   /* enum bprof_family */
	__u8 flags;    /* enum bprof_sample_flags */
	__u8 leaf_how; /* which rule found the leaf: for verification only */
	__u8 cpu;
};

enum bprof_frame_flags {
	BPROF_FRAME_LUA = 1 << 0, /* object is a Proto/GCproto; pos, line, fingerprint are set */
	BPROF_FRAME_C = 1 << 1,	  /* object is the C function's address */
	BPROF_FRAME_BUILTIN = 1 << 2, /* LuaJIT fast function: pos is its ffid, object its GCfunc */
	BPROF_FRAME_CONT = 1 << 3,    /* called by the VM itself: metamethod, hook, iterator */
	BPROF_FRAME_PCALL = 1 << 4,
	BPROF_FRAME_BOUNDARY = 1 << 5,	/* C code called Lua here */
	BPROF_FRAME_NEW_STATE = 1 << 6, /* first frame of another coroutine, rootwards */
	BPROF_FRAME_NO_POS = 1 << 7,	/* position unknown: function right, line not claimed */
	BPROF_FRAME_TAILCALL = 1 << 8,	/* callers were replaced by a tail call */
	BPROF_FRAME_TRACE = 1 << 9,	/* on a JIT trace; position is its start, or see GUARD */
	BPROF_FRAME_UNKNOWN = 1 << 10,	/* stands for a leaf that could not be proved */
	BPROF_FRAME_LINE_LATER =
		1 << 11, /* line is 0: user space derives it from the captured body */
	BPROF_FRAME_FFI_CALLBACK = 1 << 12,
	BPROF_FRAME_MAIN = 1 << 13,	 /* a main chunk (vararg function with linedefined 0) */
	BPROF_FRAME_GUARD = 1 << 14,	 /* TRACE: position is that of the last guard passed */
	BPROF_FRAME_INLINED = 1 << 15,	 /* TRACE: the frame exists in compiled code only */
	BPROF_FRAME_HOOK = 1 << 16,	 /* the VM called it as a debug hook */
	BPROF_FRAME_FINALIZER = 1 << 17, /* the VM called it as a finalizer */
};

struct bprof_frame {
	__u64 object;
	__u32 pos;  /* index of the current instruction (PUC: 0-based; LuaJIT: 0 = function header)
		     */
	__s32 line; /* current line, 0 = not known */
	__u32 fingerprint; /* bprof_fingerprint() of the prototype */
	__u32 flags;	   /* enum bprof_frame_flags */
};

/* A busted.safe(descriptor, run, element) frame seen on the stack: raw slots 0 and 2. */
struct bprof_span {
	__u64 descriptor;  /* address of the string object, 0 = not a string */
	__u64 element;	   /* address of the table object, 0 = not a table */
	__u32 frame;	   /* index of the frame; nr_frames = rootward of a truncated stack */
	__u32 fingerprint; /* element_fingerprint(); 0 = could not be read */
};

/*
 * Registers and native stack of the sample that follows on the same CPU. Never recorded: user space
 * answers the question at once and forgets the copy. Followed by nr_regs x __u64 (the registers, in
 * the order of enum bprof_reg), then nr_words x __u64 (the stack from its pointer upwards).
 */
struct bprof_native_stack {
	struct bprof_record h; /* time_ns: of the sample */
	__u32 pid, tid;
	__u64 vm;      /* as in the sample */
	__u64 execute; /* address of luaV_execute in this process */
	__u16 nr_regs; /* <= BPROF_MAX_REGS */
	__u16 nr_words;
	__u8 cpu;
	__u8 reserved[3];
};

/* First sight of a prototype. Followed by chunkname_len bytes (no NUL). */
struct bprof_proto {
	struct bprof_record h;
	__u32 pid;
	__u32 fingerprint;
	__u64 vm;
	__u64 object;
	__s32 first_line, last_line; /* 0, 0 = main chunk */
	__u32 code_len;		     /* instructions */
	__u16 chunkname_len;
	__u8 family;
	__u8 chunkname_cut; /* the name was longer */
};

/*
 * What tells a prototype from one that took its place when it was freed. Two that are made from the
 * same source under the same name, one after the other, may still have all of it in common.
 */
struct bprof_proto_identity {
	__u64 source; /* address of its chunk name */
	__u64 parts;  /* PUC: addresses of code, lines and constants, by bprof_parts(); LuaJIT: of
			 its line table, which lies behind all others */
	__u32 first_line, last_line;
	__u32 code_len; /* instructions */
	__u32 name;	/* the word of that string that is its hash or its number; 0 = none */
};

static inline __attribute__((always_inline)) __u64 bprof_parts(__u64 code, __u64 lines,
							       __u64 constants)
{
	return code + 3 * lines + 5 * constants;
}

static inline __attribute__((always_inline)) __u32
bprof_fingerprint(const struct bprof_proto_identity *identity)
{
	__u64 h = identity->source * 0x9E3779B97F4A7C15ULL;

	h = (h ^ identity->first_line ^ (__u64)identity->last_line << 32) * 0xC2B2AE3D27D4EB4FULL;
	h = (h ^ identity->code_len ^ (__u64)identity->name << 32) * 0x9E3779B97F4A7C15ULL;
	h = (h ^ identity->parts ^ h >> 32) * 0xC2B2AE3D27D4EB4FULL;
	return (__u32)(h >> 32);
}

/* ---- boundaries and processes -------------------------------------------------------------- */

/*
 * What is counted for a process besides its CPU time, cumulative like that: the cost of a span is
 * the difference of two records. Own threads, dead ones included, and no children. One line is the
 * meter, its key in JSON and its sentence. New ones are appended: a record says how many it has.
 *
 * The first four come from hardware counters, which count for a processor, not for a thread: a time
 * slice whose start was not seen has no count, and is counted itself.
 */
#define BPROF_METER_LIST(X)                                                                        \
	X(CYCLES_USER, "cycles_user", "CPU cycles in user mode")                                   \
	X(CYCLES_KERNEL, "cycles_kernel", "CPU cycles in the kernel")                              \
	X(INSTRUCTIONS_USER, "instructions_user", "instructions in user mode")                     \
	X(INSTRUCTIONS_KERNEL, "instructions_kernel", "instructions in the kernel")                \
	X(UNCOUNTED, "uncounted_slices", "time slices without a count of the hardware")            \
	X(STOLEN_NS, "stolen_ns", "time its processor was taken away by the hypervisor")           \
	X(MINOR_FAULTS, "minor_faults", "page faults without input or output")                     \
	X(MAJOR_FAULTS, "major_faults", "page faults that waited for a disk")                      \
	X(VOLUNTARY_SWITCHES, "voluntary_switches", "times a thread went to sleep")                \
	X(INVOLUNTARY_SWITCHES, "involuntary_switches", "times a thread had to make room")         \
	X(MIGRATIONS, "migrations", "times a thread was moved to another processor")               \
	X(WAITED_NS, "waited_ns", "time its threads could have run and had no processor")          \
	X(VM_INSTRUCTIONS, "vm_instructions", "instructions of the Lua VM that runs the tests")

enum bprof_meter {
#define BPROF_X(name, key, sentence) BPROF_METER_##name,
	BPROF_METER_LIST(BPROF_X)
#undef BPROF_X
		BPROF_NR_METERS
};

#define BPROF_NR_HARDWARE   (BPROF_METER_INSTRUCTIONS_KERNEL + 1)
#define BPROF_METER_UNKNOWN (~0ULL) /* this machine or this kernel does not count it */

struct bprof_meters {
	__u64 value[BPROF_NR_METERS];
};

enum bprof_mark_flags {
	BPROF_MARK_TEXT_CUT = 1 << 0, /* the text was longer than BPROF_MAX_MARK_TEXT */
	BPROF_MARK_CPU_UNSEEN =
		1 << 1, /* the switch-in of this slice was not seen: cpu_ns less exact */
};

/*
 * One announcement of the boundary hook: getenv("bprof:" text). Followed by nr_meters x __u64 (as
 * in struct bprof_meters), then text_len bytes (no NUL). cpu_ns is cumulative for the process: own
 * threads, dead ones included, and no children.
 */
struct bprof_mark {
	struct bprof_record h;
	__u32 pid, tid;
	__u32 epoch; /* 1 for the first announcement of the process; a gap is a lost record */
	__u32 flags; /* enum bprof_mark_flags */
	__u64 cpu_ns;
	__u32 text_len;
	__u32 nr_meters;
};

struct bprof_fork {
	struct bprof_record h;
	__u32 pid; /* the child */
	__u32 parent_pid;
	__u32 parent_epoch; /* announcements of the parent at the fork */
	__u32 reserved;
};

enum bprof_exec_flags {
	BPROF_EXEC_HELD = 1 << 0, /* stopped until user space has looked at the binary */
};

/* Followed by nr_meters x __u64. */
struct bprof_exec {
	struct bprof_record h;
	__u32 pid;
	__u16 flags; /* enum bprof_exec_flags */
	__u16 nr_meters;
	__u64 dev, ino; /* of the executable, kernel encoding of dev */
	__u64 cpu_ns;	/* of the process so far */
	char comm[BPROF_COMM_LEN];
};

/*
 * The last thread of a process is gone. Or, before the END of the recording, what a process that
 * outlives it has done so far. Followed by nr_meters x __u64.
 */
#define BPROF_EXIT_STILL_RUNNING (~0U)
struct bprof_exit {
	struct bprof_record h;
	__u32 pid;
	__u32 parent_pid;
	__u32 parent_epoch;
	__u32 epoch;	     /* announcements it made */
	__u64 cpu_ns;	     /* exact, whole process */
	__u32 switches;	     /* times one of its threads was switched out */
	__u32 unseen_slices; /* slices whose switch-in was not seen (charged from the task's own
				sum) */
	__u32 exit_code;     /* as wait() gives it, or BPROF_EXIT_STILL_RUNNING */
	__u32 nr_meters;
};

/* A VM came to life (seen at luaL_openlibs) or died (lua_close). */
struct bprof_vm_open {
	struct bprof_record h;
	__u32 pid, tid;
	__u64 state;  /* address of the main lua_State */
	__u64 vm;     /* address of the global_State; 0 = layout not known yet */
	__u32 layout; /* index into the layout table; 0 = not known yet */
	__u32 binary; /* cookie of the probed file that carries the VM */
	__u32 held;   /* 1: the process is stopped until user space has found the layout */
	__u32 reserved;
};

struct bprof_vm_close {
	struct bprof_record h;
	__u32 pid, tid;
	__u64 state;
};

/* ---- facts, appended by user space --------------------------------------------------------- */

/* A property of the run. Followed by key, NUL, value (value_len bytes, any bytes). */
struct bprof_info {
	struct bprof_record h;
	__u32 key_len, value_len;
};

/*
 * A captured prototype in a form common to all VMs. Followed, without padding between, by:
 *	__u32 code[nr_code];           as in the target
 *	__s32 line[nr_lines];          line of each instruction; nr_lines is nr_code or 0 (stripped)
 *	nr_constants x { __u32 index; __u16 len; bytes }     string constants only
 *	nr_locals    x { __u32 start_pc, end_pc; __u16 len; bytes }   in declaration order
 *	nr_upvalues  x { __u16 len; bytes }
 *	chunkname_len bytes
 */
struct bprof_proto_body {
	struct bprof_record h;
	__u32 pid;
	__u32 fingerprint;
	__u64 vm;
	__u64 object;
	__s32 first_line, last_line;
	__u32 nr_code, nr_lines, nr_constants, nr_locals, nr_upvalues, chunkname_len;
	__u8 family;  /* enum bprof_family */
	__u8 dialect; /* enum lua_dialect: which bytecode numbering */
	__u8 is_vararg;
	__u8 nr_params;
	__u32 numbers; /* hash of its constants that are no strings; 0 = not known */
};

/* The name of a C function: from package.loaded, or a symbol. Followed by name_len bytes. */
struct bprof_cfunction {
	struct bprof_record h;
	__u32 pid;
	__u32 ffid; /* LuaJIT fast functions: their id; else 0 */
	__u64 vm;
	__u64 object; /* address of the C function; 0 where ffid names it */
	__u32 name_len;
	__u32 reserved;
};

/* An executable mapping. Followed by path_len bytes, then build_id_len bytes. */
struct bprof_mapping {
	struct bprof_record h;
	__u32 pid;
	__u32 path_len;
	__u64 start, end, file_offset;
	__u32 build_id_len;
	__u32 reserved;
};

/* A native address that occurs in samples. Followed by symbol_len bytes and module_len bytes. */
struct bprof_symbol {
	struct bprof_record h;
	__u32 pid;
	__u32 symbol_len; /* 0 = no symbol covers the address */
	__u64 address;
	__u32 module_len;
	__u32 reserved;
};

/* The answer for a sample whose vmstate is ASKED. Stands before the sample. */
struct bprof_gc {
	struct bprof_record h; /* time_ns: of the sample */
	__u32 pid, tid;
	__u8 state; /* enum bprof_gc_state, not ASKED */
	__u8 cpu;
	__u16 nr_frames; /* native frames that were looked at */
	__u32 reserved;
};

/*
 * A busted element read from the target (boundaries by stack).
 * Followed by descriptor_len, name_len and source_len bytes.
 */
struct bprof_element {
	struct bprof_record h;
	__u32 pid;
	__s32 line;    /* of its definition, 0 = not known */
	__u64 element; /* as in struct bprof_span */
	__u32 descriptor_len, name_len, source_len;
	__u32 fingerprint; /* as it was read; 0 = not known */
};

/* A Lua VM that ran. Followed by version_len bytes ("LuaJIT 2.1.0-beta3") and path_len bytes. */
struct bprof_runtime {
	struct bprof_record h;
	__u32 pid;
	__u32 version_len, path_len;
	__u8 family;
	__u8 gc64;   /* LuaJIT */
	__u8 jit;    /* 0 off, 1 on, 2 not known */
	__u8 proved; /* the layout was proved on this process or on the same build before */
	__u64 vm;
	__u64 state; /* main lua_State */
};

/*
 * What was counted in the kernel and at the drain. Every loss is printed.
 * One line is the counter, its key in JSON and its sentence.
 */
#define BPROF_COUNTER_LIST(X)                                                                      \
	X(TAKEN, "taken", "samples taken")                                                         \
	X(LOST_SAMPLES, "lost_samples", "samples that found no room in the ring")                  \
	X(LOST_MARKS, "lost_marks", "test boundaries that found no room in the ring")              \
	X(LOST_RECORDS, "lost_records", "other records that found no room in the ring")            \
	X(LOST_PROCESSES, "lost_processes", "processes that found no room in the process table")   \
	X(UNSEEN_SLICES, "unseen_slices", "time slices whose start was not seen")                  \
	X(UNSEEN_NS, "unseen_ns", "nanoseconds in such slices (charged, but coarsely placed)")     \
	X(FOREIGN_GETENV, "foreign_getenv", "getenv calls that were not announcements")            \
	X(UNPROVED_VM, "unproved_vm",                                                              \
	  "Lua VMs left out: of unknown layout, or too many in one process")                       \
	X(MALFORMED, "malformed", "records that failed validation")                                \
	X(HELD_EXECS, "held_execs", "programs held at exec until they were known")                 \
	X(WALK_NS, "walk_ns", "nanoseconds spent in the sampling program")

enum bprof_counter {
#define BPROF_X(name, key, sentence) BPROF_COUNTER_##name,
	BPROF_COUNTER_LIST(BPROF_X)
#undef BPROF_X
		BPROF_NR_COUNTERS
};

/* An older recording has fewer; new ones are appended. */
struct bprof_counters {
	struct bprof_record h;
	__u64 value[BPROF_NR_COUNTERS];
};

/* Last record of a complete recording; without it the run ended in the middle. */
struct bprof_end {
	struct bprof_record h;
	__u64 wall_ns;	   /* of the command */
	__u64 cpu_ns;	   /* of the command and all it started, from the kernel's accounting */
	__u32 exit_status; /* as wait() gives it */
	__u32 reserved;
};

/* Sizes are the file format: a change here is a new BPROF_WIRE_VERSION. */
_Static_assert(sizeof(struct bprof_record) == 16, "wire");
_Static_assert(sizeof(struct bprof_sample) == 64, "wire");
_Static_assert(sizeof(struct bprof_frame) == 24, "wire");
_Static_assert(sizeof(struct bprof_span) == 24, "wire");
_Static_assert(sizeof(struct bprof_proto) == 56, "wire");
_Static_assert(sizeof(struct bprof_mark) == 48, "wire");
_Static_assert(sizeof(struct bprof_fork) == 32, "wire");
_Static_assert(sizeof(struct bprof_exec) == 64, "wire");
_Static_assert(sizeof(struct bprof_exit) == 56, "wire");
_Static_assert(sizeof(struct bprof_vm_open) == 56, "wire");
_Static_assert(sizeof(struct bprof_vm_close) == 32, "wire");
_Static_assert(sizeof(struct bprof_info) == 24, "wire");
_Static_assert(sizeof(struct bprof_proto_body) == 80, "wire");
_Static_assert(sizeof(struct bprof_cfunction) == 48, "wire");
_Static_assert(sizeof(struct bprof_mapping) == 56, "wire");
_Static_assert(sizeof(struct bprof_symbol) == 40, "wire");
_Static_assert(sizeof(struct bprof_element) == 48, "wire");
_Static_assert(sizeof(struct bprof_runtime) == 48, "wire");
_Static_assert(sizeof(struct bprof_end) == 40, "wire");

#endif
