//! All unsafe code: process start and restart, memory, and the few calls that rustix does not offer. It decides nothing,
//! and each block has the reason why it is sound.
//!
//! It declares libc's functions and constants itself: the build links musl under a gnu target (build.rs), for which the
//! crate libc has the layouts of glibc.
#![allow(unsafe_code)]

use alloc::{ffi::CString, vec::Vec};
use core::ffi::{CStr, c_char, c_int};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering::SeqCst};
use rustix::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, WaitOptions, waitpid};
use rustix::time::{ClockId, Timespec};

const SIGPIPE: c_int = 13;
/// The highest signal number on every supported architecture.
const SIGNALS: c_int = 64;
const SIG_DFL: usize = 0;
const SIG_IGN: usize = 1;
const SIG_BLOCK: c_int = 0;
const SIG_SETMASK: c_int = 2;
/// O_CLOEXEC | O_NONBLOCK for signalfd(2), on every supported architecture.
const SFD_CLOEXEC_NONBLOCK: c_int = 0o2_004_000;
const F_NOTIFY: c_int = 1026;

/// libc's sigset_t: 1024 bits, of which the kernel reads the first 64.
type SignalSet = [u64; 16];

unsafe extern "C" {
    fn _Fork() -> c_int;
    fn kill(pid: c_int, signal: c_int) -> c_int;
    fn write(fd: c_int, from: *const c_int, bytes: usize) -> isize;
    fn __errno_location() -> *mut c_int;
    fn execve(path: *const c_char, argv: *const *const c_char, envp: *const *const c_char) -> c_int;
    fn _exit(code: c_int) -> !;
    fn setpgid(pid: c_int, group: c_int) -> c_int;
    fn dup2(from: c_int, to: c_int) -> c_int;
    fn signalfd(fd: c_int, mask: *const SignalSet, flags: c_int) -> c_int;
    fn sigprocmask(how: c_int, set: *const SignalSet, old: *mut SignalSet) -> c_int;
    fn signal(number: c_int, handler: usize) -> usize;
    fn fcntl(fd: c_int, command: c_int, ...) -> c_int;
    fn clock_gettime(clock: c_int, time: *mut Timespec) -> c_int;
}

static ARGV: AtomicPtr<*const c_char> = AtomicPtr::new(ptr::null_mut());
static ENVP: AtomicPtr<*const c_char> = AtomicPtr::new(ptr::null_mut());

/// The environment at the process's start, as `NAME=value` strings.
pub fn environment() -> Vec<&'static CStr> {
    strings(ENVP.load(SeqCst))
}

fn strings(list: *const *const c_char) -> Vec<&'static CStr> {
    let mut found = Vec::new();
    // SAFETY: `list` is argv or envp from the kernel: pointers to strings that live as long as the process,
    // ended by a null pointer. Nothing changes them.
    unsafe {
        let mut next = list;
        while !next.is_null() && !(*next).is_null() {
            found.push(CStr::from_ptr(*next));
            next = next.add(1);
        }
    }
    found
}

/// Blocks the signals of `mask` (bit n-1 for signal n) and returns a descriptor that reports them (signalfd(2)).
pub fn signal_fd(mask: u64) -> Option<OwnedFd> {
    let mut set: SignalSet = [0; 16];
    set[0] = mask;
    // SAFETY: `set` outlives both calls; the old mask is not requested. Only this process owns the new descriptor.
    unsafe {
        sigprocmask(SIG_BLOCK, &set, ptr::null_mut());
        let fd = signalfd(-1, &set, SFD_CLOEXEC_NONBLOCK);
        (fd >= 0).then(|| OwnedFd::from_raw_fd(fd))
    }
}

/// Ignores SIGPIPE, so that a peer that closes its connection does not end the agent. std does this at start; without
/// std the agent has to.
pub fn ignore_sigpipe() {
    // SAFETY: SIG_IGN is not a function, so none of our code runs in a signal handler.
    unsafe { signal(SIGPIPE, SIG_IGN) };
}

/// The signal with this number; None outside 1 to 31.
pub fn signal_of(number: u32) -> Option<Signal> {
    // SAFETY: 1 to 31 are the kernel's standard signals, and libc reserves none of them.
    (1..=31).contains(&number).then(|| unsafe { Signal::from_raw_unchecked(number as i32) })
}

/// The time of a clock. libc is linked anyway, and finds the vDSO as rustix's function does, whose copy of that search has
/// 4 kB.
pub fn read_clock(clock: ClockId) -> Timespec {
    let mut time = Timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` outlives the call, and has the layout of libc's struct on every supported architecture (64 bits).
    unsafe { clock_gettime(clock as c_int, &mut time) };
    time
}

/// Standard output.
pub fn stdout() -> BorrowedFd<'static> {
    // SAFETY: nothing closes descriptor 1. If it was closed before the start, a write fails.
    unsafe { rustix::stdio::stdout() }
}

/// The parameters of a child.
pub struct Spawn<'a> {
    /// The program: an absolute path, or one relative to the working directory. PATH is not searched.
    pub path: &'a CStr,
    /// The complete argv.
    pub argv: &'a [&'a CStr],
    /// Standard output and standard error; inherited if absent.
    pub output: Option<BorrowedFd<'a>>,
    /// Whether it gets a process group of its own, so that it can be killed together with its children.
    pub own_group: bool,
}

/// Sends any signal, also a real-time one, to a child. Until the child is reaped, no other process has its id.
pub fn kill_child(pid: i32, signal: u32) -> Result<(), Errno> {
    // SAFETY: plain integers; errno belongs to this thread.
    unsafe { if kill(pid, signal as c_int) == 0 { Ok(()) } else { Err(Errno::from_raw_os_error(*__errno_location())) } }
}

/// Starts a child with the agent's environment, default signals and an empty signal mask (a mask blocked for signalfd
/// would be inherited through exec). Fails with the error of execve(2).
pub fn spawn(how: &Spawn<'_>) -> Result<i32, Errno> {
    // execve closes the pipe, so the reader gets its end; otherwise it gets the error.
    let (failure, theirs) = pipe_with(PipeFlags::CLOEXEC)?;
    let argv: Vec<*const c_char> = how.argv.iter().map(|word| word.as_ptr()).chain([ptr::null()]).collect();
    // SAFETY: one thread only, so the child may run ordinary code until execve; argv ends with null and points to
    // strings that outlive the call (the child has its own copy of the address space).
    let pid = unsafe {
        let pid = _Fork();
        if pid == 0 {
            if how.own_group {
                setpgid(0, 0);
            }
            (1..=SIGNALS).for_each(|number| {
                signal(number, SIG_DFL);
            });
            sigprocmask(SIG_SETMASK, &[0; 16], ptr::null_mut());
            if let Some(output) = how.output {
                dup2(output.as_raw_fd(), 1);
                dup2(output.as_raw_fd(), 2);
            }
            execve(how.path.as_ptr(), argv.as_ptr(), ENVP.load(SeqCst));
            write(theirs.as_raw_fd(), __errno_location(), size_of::<c_int>());
            _exit(127)
        }
        pid
    };
    drop(theirs);
    let child = Pid::from_raw(pid).filter(|_| pid > 0).ok_or(Errno::AGAIN)?;
    let mut error = [0; size_of::<c_int>()];
    match rustix::io::read(&failure, &mut error) {
        Ok(count) if count == error.len() => {
            let _ = waitpid(Some(child), WaitOptions::empty());
            Err(Errno::from_raw_os_error(c_int::from_ne_bytes(error)))
        }
        _ => Ok(pid),
    }
}

/// Requests SIGIO for `events` in a directory (dnotify, fcntl(2)); whether that worked.
pub fn notify_by_signal(directory: BorrowedFd<'_>, events: u32) -> bool {
    // SAFETY: plain integers on a descriptor that the caller holds open.
    unsafe { fcntl(directory.as_raw_fd(), F_NOTIFY, events) == 0 }
}

/// Starts this program again in the same process, with this environment or with its original one.
pub fn start_again(environment: Option<&[CString]>) -> ! {
    let entries = environment.map(|entries| entries.iter().map(|entry| entry.as_ptr()).chain([ptr::null()]));
    let list: Option<Vec<*const c_char>> = entries.map(Iterator::collect);
    let envp = list.as_ref().map_or(ENVP.load(SeqCst) as *const *const c_char, |list| list.as_ptr());
    // SAFETY: ARGV, ENVP and `list` end with null; they and their strings outlive execve.
    unsafe {
        execve(c"/proc/self/exe".as_ptr(), ARGV.load(SeqCst), envp);
        _exit(101)
    }
}

#[cfg(not(any(feature = "std", test)))] // a test has the harness's own
mod start {
    use super::*;
    use core::alloc::{GlobalAlloc, Layout};

    unsafe extern "C" {
        fn malloc(size: usize) -> *mut u8;
        fn free(memory: *mut u8);
    }

    struct Libc;

    // SAFETY: malloc aligns to 16 bytes, more than any type here needs; null goes back to the caller, as GlobalAlloc requires.
    // The default `realloc` copies; musl's own would be a kilobyte more.
    unsafe impl GlobalAlloc for Libc {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            unsafe { malloc(layout.size()) }
        }
        unsafe fn dealloc(&self, memory: *mut u8, _: Layout) {
            unsafe { free(memory) }
        }
    }

    #[global_allocator]
    static ALLOCATOR: Libc = Libc;

    /// musl's start-up code calls this.
    #[unsafe(no_mangle)]
    extern "C" fn main(_: c_int, argv: *mut *const c_char, envp: *mut *const c_char) -> c_int {
        ARGV.store(argv, SeqCst);
        ENVP.store(envp, SeqCst);
        crate::run(&strings(argv))
    }

    /// The unwinder's two symbols, to which core refers. Panics never unwind here.
    #[unsafe(no_mangle)]
    extern "C" fn rust_eh_personality() {}
    #[unsafe(no_mangle)]
    extern "C" fn _Unwind_Resume() -> ! {
        // SAFETY: ends the process.
        unsafe { _exit(101) }
    }
}

/// With the feature `std`: the same entry, from an ordinary `main`.
#[cfg(all(feature = "std", not(test)))]
pub fn start() -> i32 {
    extern crate std;
    use std::os::unix::ffi::OsStringExt;
    unsafe extern "C" {
        static mut environ: *mut *const c_char;
    }
    let args = std::env::args_os().filter_map(|arg| CString::new(arg.into_vec()).ok());
    let argv: Vec<*const c_char> = args.map(|arg| arg.into_raw() as *const c_char).chain([ptr::null()]).collect();
    ARGV.store(argv.leak().as_mut_ptr(), SeqCst);
    // SAFETY: libc's own list; nothing can change it before this read.
    ENVP.store(unsafe { environ }, SeqCst);
    crate::run(&strings(ARGV.load(SeqCst)))
}
