//! What a process asks the kernel about itself.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Makes the calling thread polite beside the threads that answer: it runs at this `nice` value
/// from now on. On Linux the value is each thread's own (`setpriority(2)`, C library/kernel
/// differences). A refusal changes nothing that matters, so it is not reported.
#[expect(unsafe_code, reason = "libc's setpriority")]
pub fn nice_this_thread(value: i32) {
    // SAFETY: the call takes plain numbers; 0 is the calling thread.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, value) };
}

/// Whether this process may write into a directory: permissions, capabilities and read-only mounts
/// all count (`access(2)`).
#[must_use]
#[expect(unsafe_code, reason = "libc's access")]
pub fn may_write(directory: &Path) -> bool {
    let Ok(path) = CString::new(directory.as_os_str().as_bytes()) else { return false };
    // SAFETY: `path` is a C string that outlives the call.
    unsafe { libc::access(path.as_ptr(), libc::W_OK | libc::X_OK) == 0 }
}

/// Gives memory that was freed back to the system. The C library keeps small pieces for later; a
/// configuration of a million names leaves hundreds of MiB of them behind. A thread that allocates
/// meanwhile may wait; those that answer over UDP never allocate.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "glibc's malloc_trim")]
pub fn return_freed_memory() {
    // SAFETY: the call takes a plain number, may be made by any thread at any time, and touches
    // nothing that is in use.
    unsafe { libc::malloc_trim(0) };
}

/// Other C libraries do so by themselves.
#[cfg(not(target_env = "gnu"))]
pub fn return_freed_memory() {}

/// Raises the soft limit on open files to the hard one; each probe and each TCP connection takes
/// one, and 1,024 is still the usual soft limit. The limit that holds afterwards.
#[expect(unsafe_code, reason = "libc's getrlimit and setrlimit")]
pub fn raise_open_files() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid rlimit that both calls only read or fill.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) != 0 {
            return 0;
        }
        let raised = libc::rlimit { rlim_cur: limit.rlim_max, ..limit };
        if libc::setrlimit(libc::RLIMIT_NOFILE, &raised) == 0 {
            limit = raised;
        }
    }
    limit.rlim_cur
}
