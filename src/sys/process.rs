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

/// Whether this process may write into a directory.
#[must_use]
#[expect(unsafe_code, reason = "libc's access")]
pub fn may_write(directory: &Path) -> bool {
    let Ok(path) = CString::new(directory.as_os_str().as_bytes()) else { return false };
    // SAFETY: `path` is a C string that outlives the call.
    unsafe { libc::access(path.as_ptr(), libc::W_OK) == 0 }
}
