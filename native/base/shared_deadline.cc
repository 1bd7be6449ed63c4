#include "base/shared_deadline.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace fairlead {

Result<SharedDeadline> SharedDeadline::create() {
  UniqueFd fd(::memfd_create("fairlead-deadline", MFD_CLOEXEC));
  if (!fd.valid()) return lastError("memfd_create");
  if (::ftruncate(fd.get(), kDeadlinePageBytes) != 0) return lastError("ftruncate");
  return adopt(std::move(fd));
}

Result<SharedDeadline> SharedDeadline::adopt(UniqueFd fd) {
  struct stat file = {};
  if (::fstat(fd.get(), &file) != 0) return lastError("fstat");
  if (!S_ISREG(file.st_mode) || file.st_size < static_cast<off_t>(kDeadlinePageBytes)) {
    return SystemError{.error_number = EINVAL, .syscall = "fstat"};
  }
  void* const page = ::mmap(nullptr, kDeadlinePageBytes, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_POPULATE, fd.get(), 0);
  if (page == MAP_FAILED) return lastError("mmap");
  // All zeros, as a new file is, is kNotArmed.
  static_assert(kNotArmed == 0);
  return SharedDeadline(std::move(fd), static_cast<DeadlinePage*>(page));
}

SharedDeadline::~SharedDeadline() {
  life_line_.reset();
  if (page_ != nullptr) ::munmap(page_, kDeadlinePageBytes);
}

}  // namespace fairlead
